# SPDX-License-Identifier: Apache-2.0
"""The log of requests: the newest of them, and what is said of each."""

import collections
from collections.abc import Callable, Iterator
import datetime
import json
import re
import sys
import threading
from typing import TextIO

from ims_ext.emulator.request_record import RequestRecord

#: How many requests are remembered.
CAPACITY = 2000

_CLASS = re.compile(r'[1-5]xx|[1-5]\d\d|none|-')


class RequestLog:
    """The newest requests to an emulator, oldest first.

    ::

        server.requests.clear()
        conn.ims.copy_image(image, 'copy')
        assert len(server.requests.select(operation='Replicating')) == 1

    A request is there before its client has the answer. What whoever runs
    the emulator asks of it is not in it.

    :param capacity: How many requests are remembered.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._changed = threading.Condition()
        self._records: collections.deque[RequestRecord] = collections.deque(
            maxlen=capacity
        )
        self._number = 0
        #: What is told of each request that has been answered.
        self.listeners: list[Callable[[RequestRecord], object]] = []

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        with self._changed:
            return iter(list(self._records))

    @property
    def last_number(self) -> int:
        """The number of the last request; those after it are higher."""
        return self._number

    def add(self, record: RequestRecord) -> None:
        """Remember a request, and number it."""
        with self._changed:
            self._number += 1
            record.number = self._number
            self._records.append(record)

    def end(self, record: RequestRecord) -> None:
        """Tell the listeners of a request that has been answered."""
        with self._changed:
            self._changed.notify_all()
        for listener in self.listeners:
            listener(record)

    def wait(
        self, condition: Callable[[], bool], seconds: float = 30.0
    ) -> bool:
        """Wait until a condition holds, looked at after each answer.

        :param condition: Tells whether it does.
        :param seconds: The longest that is waited.
        :returns: Whether it does.
        """
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def clear(self) -> None:
        """Forget all requests; numbers go on."""
        with self._changed:
            self._records.clear()

    def select(
        self,
        *,
        service: str | None = None,
        operation: str | None = None,
        status: int | str | None = None,
        since: float | str | None = None,
        after: int = 0,
    ) -> list[RequestRecord]:
        """Return the requests that meet all conditions, oldest first.

        :param service: The service: ``image``, ``bucket``.
        :param operation: A part of the operation's documented name, in any
            case; or its method and path as documented.
        :param status: A status, a class of them like ``4xx``, or ``none``
            for those without an answer; several with commas between them.
        :param since: The earliest time, in seconds since 1970 or as ISO
            8601.
        :param after: A number; only later requests are meant.
        :raises: :class:`ValueError` with what a condition may be.
        """
        statuses = None if status is None else _statuses(str(status))
        earliest = None if since is None else moment(since)
        wanted = operation.casefold() if operation else None
        return [
            each
            for each in self
            if each.number > after
            and service in (None, each.service)
            and (wanted is None or _is_operation(each, wanted))
            and (statuses is None or _has_status(each, statuses))
            and (earliest is None or each.time >= earliest)
        ]


def moment(value: float | str) -> float:
    """Return a moment in seconds since 1970.

    :param value: That, or a text with it or in ISO 8601.
    :raises: :class:`ValueError`
    """
    try:
        return float(value)
    except ValueError:
        pass
    try:
        found = datetime.datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError(
            "A time is written in seconds since 1970, or like "
            f"2024-11-06T06:19:43Z, not {value!r}"
        ) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return found.timestamp()


def _statuses(text: str) -> frozenset[str]:
    parts = frozenset(part.strip().lower() for part in text.split(','))
    for part in parts:
        if _CLASS.fullmatch(part) is None:
            raise ValueError(
                f"A status is like 404, 4xx or none, not {part!r}"
            )
    return parts


def _has_status(record: RequestRecord, statuses: frozenset[str]) -> bool:
    if record.status is None:
        return not statuses.isdisjoint(('none', '-'))
    text = str(record.status)
    return text in statuses or f'{text[0]}xx' in statuses


def _is_operation(record: RequestRecord, wanted: str) -> bool:
    return (
        wanted in (record.operation or '').casefold()
        or wanted == f'{record.method} {record.route}'.casefold()
    )


class LogWriter:
    """A listener that writes a line a request, for people or programs.

    :param stream: Where to write.
    :param as_json: Whether a line is a JSON object.
    """

    def __init__(
        self, stream: TextIO | None = None, as_json: bool = False
    ) -> None:
        self._stream = stream or sys.stderr
        self._as_json = as_json

    def __call__(self, record: RequestRecord) -> None:
        """Write of a request."""
        write = _json_line if self._as_json else line
        text = write(record)
        # One call for the whole: lines of several threads do not mix.
        self._stream.write(f'{text}\n')
        self._stream.flush()


def _json_line(record: RequestRecord) -> str:
    return json.dumps(record.as_dict())


def _readable(text: object, longest: int = 500) -> str:
    """Return a text such that a terminal only shows it."""
    # Not above: an emulator starts without the client's packages.
    from ims_ext.exceptions import wording

    return wording.readable(text, longest)


def line(record: RequestRecord) -> str:
    """Return a request as a line, or a few, for people.

    What clients have sent is in it such that a terminal only shows it.
    """
    when = datetime.datetime.fromtimestamp(record.time, datetime.UTC)
    status = 'cut' if record.is_cut else str(record.status or '---')
    milliseconds = f'{(record.seconds or 0) * 1000:.0f} ms'
    parts = [
        f'{when:%H:%M:%S}',
        f'{status:3}',
        f'{milliseconds:>8}',
        f'{record.service or "-":<8}',
        _readable(f'{record.method} {record.path}', 300),
    ]
    if record.operation:
        parts.append(f'({record.operation})')
    if record.user:
        parts.append(f'by {_readable(record.user, 60)}')
    if record.user_agent:
        parts.append(f'with {_readable(record.user_agent, 80)}')
    text = ' '.join(parts)
    if record.fault:
        text += f'\n    on purpose: {_readable(record.fault)}'
    refused = ' '.join(filter(None, (record.error_code, record.error)))
    if refused:
        text += f'\n    {_readable(refused)}'
    if record.signed is not None:
        text += _signed_lines(record)
    return text


def _signed_lines(record: RequestRecord) -> str:
    assert record.signed is not None  # noqa: S101
    text = ''
    for title, value in (
        ("canonical request", record.signed.canonical_request),
        ("string to sign", record.signed.string_to_sign),
    ):
        if value is not None:
            text += f'\n    {title}:'
            for part in value.split('\n'):
                text += f'\n      | {_readable(part, 2000)}'
    return text
