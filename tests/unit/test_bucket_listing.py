# SPDX-License-Identifier: Apache-2.0
"""Pages of listings, beside what they are documented to have."""

from collections.abc import Iterator
from pathlib import Path
import tempfile

from hypothesis import given
from hypothesis import strategies as st
import pytest

from ims_ext.emulator.bucket import listing
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.record import ObjectEntry
from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.ids import Ids

#: Few letters, so that much falls together; the last ones that there are.
KEYS = st.text('a/\u0000ü\ud7ff\ue000\U0010ffff', min_size=1, max_size=5)


@pytest.fixture(scope='module')
def contents() -> Iterator[Contents]:
    with tempfile.TemporaryDirectory() as directory:
        database = Database(Path(directory, 'state.sqlite'), durable=False)
        yield Contents(
            database,
            BlobDirectory(Path(directory, "objects")),
            Ids(database),
        )
        database.close()


def fill(contents: Contents, keys: set[str]) -> None:
    contents.add_bucket('alpha', 'bucket', 'region', 'STANDARD')
    for each in contents.listed('bucket', '', 1000):
        contents.delete_object('bucket', each.key)
    for key in keys:
        entry = ObjectEntry('bucket', key, Blob((), 'x'), 0, 'STANDARD', {})
        contents.put_object('alpha', entry)


@given(
    keys=st.sets(KEYS, max_size=12),
    prefix=st.text('a/ü\U0010ffff', max_size=2),
    delimiter=st.sampled_from(['', '/', 'a', '//', '\U0010ffff']),
    limit=st.integers(1, 4),
)
def test_pages_have_every_key_or_its_common_prefix_once(
    contents: Contents,
    keys: set[str],
    prefix: str,
    delimiter: str,
    limit: int,
) -> None:
    fill(contents, keys)
    expected = set()
    for key in keys:
        if key.startswith(prefix):
            head, found, _ = key[len(prefix) :].partition(delimiter or key * 2)
            expected.add(prefix + head + found)

    entries: list[str] = []
    after = ''
    while True:
        page = listing.page(
            contents,
            'bucket',
            prefix=prefix,
            delimiter=delimiter,
            after=after,
            limit=limit,
        )
        entries += sorted([*(e.key for e in page.objects), *page.prefixes])
        assert page.size <= limit
        if not page.is_truncated:
            break
        assert page.size == limit
        after = page.last

    assert entries == sorted(expected)


@pytest.mark.parametrize(
    ('prefix', 'beyond'),
    [
        ('a', 'b'),
        ('a/', 'a0'),
        ('\ud7ff', '\ue000'),
        ('a\U0010ffff', 'b'),
        ('\U0010ffff', None),
    ],
)
def test_what_is_beyond_a_prefix_is_the_next_text(
    prefix: str, beyond: str | None
) -> None:
    assert listing.beyond(prefix) == beyond
