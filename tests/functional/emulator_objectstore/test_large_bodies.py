# SPDX-License-Identifier: Apache-2.0
"""Bodies that become the files of objects without being written again."""

from collections.abc import Iterator
import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from ims_ext.emulator.server import EmulatorServer

from ..buckets import Key
from ..buckets import s3

BODY = os.urandom(1024) * 2048


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmulatorServer]:
    with EmulatorServer(state_dir=tmp_path / 'state') as server:
        yield server


@pytest.fixture
def client(server: EmulatorServer) -> Any:
    cloud = server.clouds(access_keys=True)['clouds']['alice']
    key = Key(cloud['ak'], cloud['sk'], 'alpha')
    client = s3(server.bucket_url, key)
    client.create_bucket(Bucket='large')
    return client


def sizes(tmp_path: Path) -> list[int]:
    """Return the sizes of all files that have a name and are as large."""
    found = [
        path.stat().st_size
        for path in (tmp_path / 'state').rglob('*')
        if path.is_file()
    ]
    return [size for size in found if size == len(BODY)]


def check(client: Any) -> None:
    """A large object is the same when it comes back."""
    sent = client.put_object(Bucket='large', Key='a', Body=BODY)
    got = client.get_object(Bucket='large', Key='a')
    assert got['Body'].read() == BODY
    md5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()
    assert sent['ETag'] == got['ETag'] == f'"{md5}"'


def test_a_large_object_is_one_file(client: Any, tmp_path: Path) -> None:
    check(client)
    assert len(sizes(tmp_path)) == 1


def test_only_its_owner_reads_the_file_of_a_large_object(
    client: Any, tmp_path: Path
) -> None:
    check(client)
    modes = {
        path.stat().st_mode & 0o777
        for path in (tmp_path / 'state').rglob('*')
        if path.is_file()
    }
    assert modes == {0o600}


def test_nothing_is_left_of_a_large_body_that_is_refused(
    client: Any, tmp_path: Path
) -> None:
    wrong = 'A' * 22 + '=='
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        client.put_object(Bucket='large', Key='a', Body=BODY, ContentMD5=wrong)
    assert caught.value.response['Error']['Code'] == 'BadDigest'
    assert sizes(tmp_path) == []


def test_large_objects_work_where_files_have_names(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.open

    def opened(path: Any, flags: int, *others: Any, **named: Any) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return really(path, flags, *others, **named)

    monkeypatch.setattr(os, 'open', opened)
    check(client)


def test_large_objects_work_where_files_get_no_name(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any, **named: Any) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, 'link', refuse)
    check(client)
