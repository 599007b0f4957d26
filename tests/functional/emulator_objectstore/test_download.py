# SPDX-License-Identifier: Apache-2.0
"""Downloads from the emulator's buckets, slow and unfinished ones too."""

import contextlib
import io
import os
from pathlib import Path
import time

import pytest
import requests

from ims_ext.emulator.bucket.store import BucketStore

from ..buckets import KEYS
from ..buckets import MIB
from ..buckets import files
from ..buckets import s3

#: As many as the server has threads.
THREADS = 8
#: More than the server and the system keep of an answer in memory.
BIG = 40 * MIB


@pytest.fixture
def signed(url: str) -> str:
    return s3(url, KEYS['ALPHA']).generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'key'}
    )


@pytest.mark.parametrize(
    'wanted',
    [
        pytest.param({}, id='whole'),
        pytest.param({'Range': 'bytes=1-'}, id='range'),
    ],
)
def test_downloads_that_stall_leave_others_alone(
    store: BucketStore, url: str, signed: str, wanted: dict[str, str]
) -> None:
    store.put('alpha', 'images', 'key', io.BytesIO(bytes(BIG))).close()
    client = s3(url, KEYS['ALPHA'], read_timeout=60)

    with contextlib.ExitStack() as stalled:
        for _ in range(THREADS):
            stalled.enter_context(
                requests.get(signed, headers=wanted, stream=True, timeout=10)
            )

        assert client.list_buckets()['Buckets']


@pytest.mark.parametrize('finished', [True, False])
def test_an_object_deleted_during_its_download_goes_when_that_ends(
    store: BucketStore, signed: str, tmp_path: Path, finished: bool
) -> None:
    data = os.urandom(BIG)
    store.put('alpha', 'images', 'key', io.BytesIO(data)).close()

    with requests.get(signed, stream=True, timeout=10) as answer:
        store.delete('alpha', 'images', 'key')
        if finished:
            assert answer.content == data
        else:
            assert answer.raw.read(MIB) == data[:MIB]
            assert files(tmp_path)

    for _ in range(1000):
        if not files(tmp_path):
            break
        time.sleep(0.01)
    assert files(tmp_path) == []
