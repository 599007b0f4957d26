# SPDX-License-Identifier: Apache-2.0
"""A pipeline's run as it is shown while it goes on."""

import sys
import threading
import time
from typing import Any, Self, TextIO

from ims_ext import exceptions

#: Transfers that are shown at a time.
_MOST_BARS = 8
#: Seconds between two lines where there is no terminal.
_PAUSE = 30.0


class View:
    """Shows events: bars on a terminal, and now and then a line elsewhere.

    It is called as :class:`~ims_ext.pipeline.events.Tell` is, by any thread.

    :param stream: Where to show it, by default standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._guard = threading.Lock()
        self._done = self._failed = self._skipped = 0
        self._labels: dict[str, str] = {}
        self._bars: dict[str, Any] = {}
        self._summary: Any = None
        self._began = time.monotonic()
        self._closed = threading.Event()
        self._ticker: threading.Thread | None = None

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._summary = _new_bar(
                self._stream, bar_format='{desc} [{elapsed}]', position=0
            )
        if self._summary is None:
            self._ticker = threading.Thread(target=self._tick, daemon=True)
            self._ticker.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closed.set()
        if self._ticker is not None:
            self._ticker.join()
        with self._guard:
            for bar in (*self._bars.values(), self._summary):
                if bar is not None:
                    bar.close()
            self._bars.clear()

    def __call__(self, kind: str, /, **fields: Any) -> None:
        """Show an event."""
        with self._guard:
            if kind == 'item.started':
                self._labels[fields['id']] = _label(fields)
            elif kind == 'item.done':
                self._done += 1
                self._labels.pop(fields['id'], None)
            elif kind == 'item.failed':
                self._failed += 1
                self._labels.pop(fields['id'], None)
                self._say(f"{_label(fields)} failed: {fields['reason']}")
                if fields.get('left'):
                    self._say(f"  {fields['left']}")
            elif kind == 'item.skipped':
                self._skipped += 1
                self._labels.pop(fields['id'], None)
            elif kind == 'note':
                self._say(fields['message'])
            elif kind == 'progress':
                self._move(fields)
            elif kind == 'step.done':
                self._remove(str(fields['id']))
            if self._summary is not None:
                self._summary.set_description_str(self._counts())

    # ====== LINES ======

    def _counts(self) -> str:
        said = [f"{self._done} done", f"{len(self._labels)} running"]
        if self._failed:
            said.append(f"{self._failed} failed")
        if self._skipped:
            said.append(f"{self._skipped} skipped")
        return ', '.join(said)

    def _say(self, text: str) -> None:
        line = exceptions.readable(text, 500)
        if self._summary is not None:
            self._summary.write(line, file=self._stream)
        else:
            print(line, file=self._stream, flush=True)

    def _tick(self) -> None:
        while not self._closed.wait(_PAUSE):
            with self._guard:
                seconds = time.monotonic() - self._began
                self._say(f"{self._counts()} after {seconds:.0f} s")

    # ====== BARS ======

    def _move(self, fields: dict[str, Any]) -> None:
        if self._summary is None:
            return
        name = str(fields['id'])
        bar = self._bars.get(name)
        if bar is None:
            if len(self._bars) >= _MOST_BARS:
                return
            taken = {each.pos for each in self._bars.values()}
            free = next(
                place
                for place in range(1, _MOST_BARS + 2)
                if -place not in taken
            )
            bar = self._bars[name] = _new_bar(
                self._stream,
                desc=f"{self._labels.get(name, name)} {fields['step']}",
                total=fields['total'],
                unit='B',
                unit_scale=True,
                unit_divisor=1024,
                position=free,
                leave=False,
            )
        bar.update(fields['done'] - bar.n)

    def _remove(self, name: str) -> None:
        if bar := self._bars.pop(name, None):
            bar.close()


def _label(fields: dict[str, Any]) -> str:
    return exceptions.readable(
        f"{fields['action']} {fields['image']}@{fields['version']} "
        f"{fields['target']}",
        120,
    )


def _new_bar(stream: TextIO, **options: Any) -> Any:
    try:
        import tqdm
    except ImportError:
        # The extra "cli" is not installed; lines are shown in their place.
        return None
    return tqdm.tqdm(file=stream, dynamic_ncols=True, **options)
