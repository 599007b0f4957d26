# SPDX-License-Identifier: Apache-2.0
"""A store with a bucket, and clients of the two projects that know it."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ims_ext.emulator.bucket.store import BucketStore

from ..buckets import KEYS
from ..buckets import s3
from ..buckets import serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BucketStore]:
    store = BucketStore(KEYS, tmp_path)
    store.create_bucket('alpha', 'images')
    yield store
    store.close()


@pytest.fixture
def url(store: BucketStore) -> Iterator[str]:
    with serving(store) as url:
        yield url


@pytest.fixture
def alpha(url: str) -> 'S3Client':
    return s3(url, KEYS['ALPHA'])


@pytest.fixture
def beta(url: str) -> 'S3Client':
    return s3(url, KEYS['BETA'])
