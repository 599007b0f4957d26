# SPDX-License-Identifier: Apache-2.0
"""Uploads to a store that stalls, and to one with etags of its own."""

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import threading
from typing import Any

import pytest

from ims_ext import local_file
from ims_ext.objectstore import checkpoint as _checkpoint
from ims_ext.objectstore import cleanup
from ims_ext.objectstore import upload
from ims_ext.transport import retry

PATIENCE = 60


class StalledStore:
    """A store whose answer comes after everybody has gone."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.goes_on = threading.Event()

    def create_multipart_upload(self, **_: Any) -> dict[str, Any]:
        """Interrupt who waits, and answer much later."""
        self.asked.append('create')
        os.kill(os.getpid(), signal.SIGINT)
        assert self.goes_on.wait(PATIENCE)
        return {'UploadId': 'late', 'ResponseMetadata': {}}

    def upload_part(self, **_: Any) -> dict[str, Any]:
        """Take a part, which nobody is to send any more."""
        self.asked.append('part')
        return {'ETag': '"a"'}


class EncryptingStore:
    """A store whose etags are no checksums of what was sent."""

    def __init__(self) -> None:
        self.size = -1

    def put_object(self, Body: Any, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Take an object."""
        self.size = len(Body)
        return {'ETag': '"an-etag-of-its-own"'}

    def head_object(self, **_: Any) -> dict[str, Any]:
        """Tell of the object."""
        return {'ContentLength': self.size, 'ETag': '"an-etag-of-its-own"'}


@pytest.fixture
def file(tmp_path: Path) -> Iterator[local_file.LocalFile]:
    path = tmp_path / 'disk.raw'
    path.write_bytes(bytes(3000))
    with local_file.LocalFile(path) as opened:
        yield opened


def send(client: Any, file: local_file.LocalFile, checkpoint: Any) -> None:
    watch = _checkpoint.Watch('images', 'key', file.size, None)
    upload.transfer(client, file, watch, checkpoint, retry.Policy())


def test_ctrl_c_does_not_wait_for_a_store_that_has_stalled(
    file: local_file.LocalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, '_GRACE', 0.05)
    others = set(threading.enumerate())
    store = StalledStore()
    saved: list[str | None] = []
    checkpoint = _checkpoint.Checkpoint(file.size, part_size=1000)
    checkpoint.save = lambda: saved.append(checkpoint.upload_id)

    with pytest.raises(KeyboardInterrupt):
        send(store, file, checkpoint)
    is_stalled = not store.goes_on.is_set()
    store.goes_on.set()
    threads = {*threading.enumerate()} - others
    for thread in threads:
        thread.join(PATIENCE)

    assert is_stalled
    assert not any(thread.is_alive() for thread in threads)
    # Another attempt may have begun: an answer that comes late is not noted.
    assert saved == [None]
    assert checkpoint.upload_id is None
    assert store.asked == ['create']


def test_no_process_waits_at_its_end_for_an_upload(
    file: local_file.LocalFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, '_GRACE', 0.05)
    store = StalledStore()

    with pytest.raises(KeyboardInterrupt):
        send(store, file, _checkpoint.Checkpoint(file.size, part_size=1000))
    kinds = {
        thread.daemon
        for thread in threading.enumerate()
        if thread.name.startswith('ims-upload')
    }
    store.goes_on.set()

    assert kinds == {True}


def test_an_object_is_known_by_the_etag_that_the_store_has_told(
    file: local_file.LocalFile,
) -> None:
    client: Any = EncryptingStore()
    checkpoint = _checkpoint.Checkpoint.new(file.size)

    send(client, file, checkpoint)

    assert cleanup.Leftovers(
        client, 'images', 'key', checkpoint
    ).holds_object()
