# SPDX-License-Identifier: Apache-2.0
"""Progress bars: on a terminal, on standard error, and nowhere else."""

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from ims_ext.extension import job as _job

_UPLOADING = "Uploading"


class Bars:
    """A bar for an upload's bytes, then one for the job that follows.

    Use it in a ``with`` statement; bars appear with the first progress.

    :param job_label: What the job does, the word before its bar.
    """

    def __init__(self, job_label: str = "Importing") -> None:
        self._job_label = job_label
        self._bar: Any = None
        self._label: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._close()

    def upload(self, done: int, total: int) -> None:
        """Show how much of an upload is done.

        :param done: Bytes sent.
        :param total: Bytes in all.
        """
        self._show(
            _UPLOADING,
            done,
            total=total,
            unit='B',
            unit_scale=True,
            unit_divisor=1024,
        )

    def job(self, job: '_job.Job') -> None:
        """Show how much of a job is done.

        :param job: The job as it is now.
        """
        self._show(
            self._job_label,
            round(100 * (job.progress or 0)),
            total=100,
            bar_format='{desc}: {percentage:3.0f}%|{bar}| [{elapsed}]',
        )

    def jobs(self, done: float, count: int) -> None:
        """Show how much of several jobs is done.

        :param done: The share of them all, from 0 to 1.
        :param count: How many they are.
        """
        self._show(
            f'{count} jobs',
            round(100 * done),
            total=100,
            bar_format='{desc}: {percentage:3.0f}%|{bar}| [{elapsed}]',
        )

    def say(self, line: str) -> None:
        """Print a line on standard error, above the bar if there is one.

        :param line: The line.
        """
        if self._bar is not None:
            self._bar.clear()
        with contextlib.suppress(OSError, ValueError):
            print(line, file=sys.stderr, flush=True)
        if self._bar is not None:
            self._bar.refresh()

    def _show(self, label: str, done: int, **options: Any) -> None:
        if not sys.stderr.isatty():
            return
        if self._label != label:
            self._close()
            self._label = label
            self._bar = _new_bar(desc=label, file=sys.stderr, **options)
        if self._bar is not None:
            # An upload tells of more than a terminal can show: the bar shows
            # of that what it can. A job tells of less.
            is_shown = self._bar.update(done - self._bar.n)
            if not is_shown and (
                label != _UPLOADING or done == self._bar.total
            ):
                self._bar.refresh()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _new_bar(**options: Any) -> Any:
    try:
        import tqdm
    except ImportError:
        # The extra "cli" is not installed; the work is done all the same.
        return None
    return tqdm.tqdm(**options)
