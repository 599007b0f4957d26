# SPDX-License-Identifier: Apache-2.0
"""Changes of buckets that are not in the journal yet."""

import dataclasses
import threading

from ims_ext.emulator.bucket.blob import Blob


@dataclasses.dataclass
class Noted:
    """Changes since the journal was written.

    :ivar objects: Bucket and key of objects; no key for a bucket itself.
    :ivar uploads: Bucket, upload ID and number of parts; no number for an
        upload itself.
    :ivar discarded: Files that nothing needs any more.
    """

    objects: set[tuple[str, str | None]] = dataclasses.field(
        default_factory=set
    )
    uploads: set[tuple[str, str, int | None]] = dataclasses.field(
        default_factory=set
    )
    discarded: list[Blob] = dataclasses.field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.objects or self.uploads or self.discarded)


class Changes:
    """Changes to be written down, and files to delete after that.

    A replaced object's file may go only when the journal no longer names it:
    otherwise a killed process would have lost an object. So whoever changes
    something holds :attr:`lock` from :meth:`touch` on until the change and
    its :meth:`discard` are done.

    :ivar lock: The lock; a thread may take it more than once.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._noted = Noted()

    def touch(self, bucket: str, key: str | None = None) -> None:
        """Note that an object, or with no key a bucket, has changed."""
        with self.lock:
            self._noted.objects.add((bucket, key))

    def touch_upload(
        self, bucket: str, upload_id: str, part: int | None = None
    ) -> None:
        """Note that an upload in parts, or a part of it, has changed."""
        with self.lock:
            self._noted.uploads.add((bucket, upload_id, part))

    def discard(self, blob: Blob) -> None:
        """Note a file that nothing needs any more."""
        with self.lock:
            self._noted.discarded.append(blob)

    def take(self) -> Noted:
        """Return what is to be written and deleted, and forget it."""
        with self.lock:
            noted, self._noted = self._noted, Noted()
        return noted

    def give_back(self, noted: Noted) -> None:
        """Remember what could not be written after all."""
        with self.lock:
            self._noted.objects |= noted.objects
            self._noted.uploads |= noted.uploads
            self._noted.discarded += noted.discarded
