# SPDX-License-Identifier: Apache-2.0
"""What has changed in the buckets and is not in the journal yet."""

from collections.abc import Iterable
import threading

from ims_ext.emulator.s3.blob import Blob


class Changes:
    """Buckets and objects to write down, and files to delete after that.

    A replaced object's file may go only when the journal no longer names it:
    otherwise a killed process would have lost an object. So whoever changes
    something holds :attr:`lock` from :meth:`touch` on until the change and
    its :meth:`discard` are done.

    :ivar lock: The lock; a thread may take it more than once.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._touched: set[tuple[str, str | None]] = set()
        self._discarded: list[Blob] = []

    def touch(self, bucket: str, key: str | None = None) -> None:
        """Note that an object, or with no key a bucket, has changed."""
        with self.lock:
            self._touched.add((bucket, key))

    def discard(self, blob: Blob) -> None:
        """Note a file that nothing needs any more."""
        with self.lock:
            self._discarded.append(blob)

    def take(self) -> tuple[set[tuple[str, str | None]], list[Blob]]:
        """Return what is to be written and deleted, and forget it."""
        with self.lock:
            touched, self._touched = self._touched, set()
            discarded, self._discarded = self._discarded, []
        return touched, discarded

    def give_back(
        self,
        touched: Iterable[tuple[str, str | None]],
        discarded: Iterable[Blob],
    ) -> None:
        """Remember what could not be written after all."""
        with self.lock:
            self._touched.update(touched)
            self._discarded.extend(discarded)
