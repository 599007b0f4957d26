# SPDX-License-Identifier: Apache-2.0
"""Events: a run as it is told while it goes on, and kept afterwards.

An event is a flat JSON object: ``v`` (the version, 1), ``time`` (ISO 8601, in
UTC), ``run`` (its ID), ``kind``, and what belongs to the kind. The schema is
:func:`schema`. Fields and kinds may be added without another version.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
import datetime
import functools
import importlib.resources
import json
import logging
import os
from pathlib import Path
import secrets
import sys
import threading
import time
from typing import Any, Protocol, Self, TextIO, TypeAlias

from ims_ext.exceptions import secret_text

_logger = logging.getLogger(__name__)

#: The version of events.
VERSION = 1

#: Seconds between two events of a step's progress.
_PAUSE = 1.0
#: Characters of a line of a file of events.
_LONGEST = 16 * 1024 * 1024

Event: TypeAlias = dict[str, Any]
#: Takes events that are complete, one at a time.
Sink: TypeAlias = Callable[[Event], None]


class Tell(Protocol):
    """Takes an event, from any thread."""

    def __call__(self, kind: str, /, **fields: Any) -> None:
        """Take an event.

        :param kind: What it is: ``step.done``, ``note``.
        :param fields: What belongs to it, as JSON has it.
        """


def silent(kind: str, /, **fields: Any) -> None:
    """Take an event and tell nobody."""


def new_run() -> str:
    """Return the ID of a new run; IDs are in the order of time."""
    now = datetime.datetime.now(datetime.UTC)
    return f'{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}'


@functools.cache
def schema() -> dict[str, Any]:
    """Return the JSON Schema of an event."""
    file = importlib.resources.files('ims_ext.data') / 'event.schema.json'
    found: dict[str, Any] = json.loads(file.read_text('utf-8'))
    return found


class Events:
    """Makes events of what is told, and hands them on without secrets.

    It is called as :class:`Tell` is, by any thread. Progress is told at most
    once a second and step. A sink that fails is told of once in the log, and
    left out from then on: a run does not end for it.

    :param run: The run's ID.
    :param sinks: Take the events, complete.
    :param tells: Take them as they are told, without secrets: what is shown.
    :param known: Secrets to be hidden wherever they appear, beside those that
        can be told by their looks.
    """

    def __init__(
        self,
        run: str,
        sinks: Sequence[Sink] = (),
        tells: Sequence[Tell] = (),
        known: Collection[str] = (),
    ) -> None:
        self.run = run
        self._sinks = list(sinks)
        self._tells = list(tells)
        self._known = frozenset(known)
        self._guard = threading.Lock()
        self._progress: dict[tuple[str, str], float] = {}

    def hide(self, known: Collection[str]) -> None:
        """Hide more secrets from now on.

        :param known: The secrets.
        """
        self._known |= frozenset(known)

    def __call__(self, kind: str, /, **fields: Any) -> None:
        """Take an event."""
        if kind == 'progress' and not self._is_due(fields):
            return
        told = secret_text.masked(fields, self._known)
        with self._guard:
            event = {
                'v': VERSION,
                'time': _now(),
                'run': self.run,
                'kind': kind,
                **told,
            }
            for sink in tuple(self._sinks):
                try:
                    sink(event)
                except Exception as error:
                    self._sinks.remove(sink)
                    _logger.warning(
                        "events are not written any more: %s",
                        secret_text.masked(str(error), self._known),
                    )
            for tell in tuple(self._tells):
                try:
                    tell(kind, **told)
                except Exception as error:
                    self._tells.remove(tell)
                    _logger.warning(
                        "events are not shown any more: %s",
                        secret_text.masked(str(error), self._known),
                    )

    def _is_due(self, fields: dict[str, Any]) -> bool:
        key = (str(fields.get('id')), str(fields.get('step')))
        now = time.monotonic()
        is_end = fields.get('done') == fields.get('total')
        with self._guard:
            if not is_end and now - self._progress.get(key, -_PAUSE) < _PAUSE:
                return False
            if is_end:
                self._progress.pop(key, None)
            else:
                self._progress[key] = now
        return True


class JsonLines:
    """Writes events as lines of JSON.

    A file that is there already is gone on with; a new one is private.

    :param where: The file, or ``-`` for standard output.
    :raises: :class:`OSError` where it cannot be opened.
    """

    def __init__(self, where: str | os.PathLike[str]) -> None:
        self._file: TextIO
        self._is_own = os.fspath(where) != '-'
        if self._is_own:
            descriptor = os.open(
                where, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
            )
            self._file = os.fdopen(
                descriptor, 'w', encoding='utf-8', newline='\n'
            )
        else:
            self._file = sys.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def __call__(self, event: Event) -> None:
        """Write an event."""
        self._file.write(
            f'{json.dumps(event, ensure_ascii=True, separators=(",", ":"))}\n'
        )
        self._file.flush()

    def close(self) -> None:
        """Close the file, if it is one."""
        if self._is_own:
            self._file.close()


def read(file: str | os.PathLike[str]) -> Iterator[Event]:
    """Give the events of a file of lines of JSON.

    A last line that was not written to its end is left out.

    :param file: The file.
    :raises: :class:`OSError`; :class:`ValueError` where a line is no event.
    """
    with Path(file).open(encoding='utf-8', errors='replace') as lines:
        pieces = iter(lambda: lines.readline(_LONGEST), '')
        for number, line in enumerate(pieces, 1):
            if not line.endswith('\n') and len(line) < _LONGEST:
                return
            try:
                event = json.loads(line)
            except ValueError:
                raise ValueError(f"{file}:{number} is no event") from None
            if not _is_event(event):
                raise ValueError(f"{file}:{number} is no event") from None
            yield event


def _is_event(event: Any) -> bool:
    return (
        isinstance(event, dict)
        and event.get('v') == VERSION
        and all(
            isinstance(event.get(each), str)
            for each in ('time', 'run', 'kind')
        )
    )


def _now() -> str:
    now = datetime.datetime.now(datetime.UTC)
    return now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')
