# SPDX-License-Identifier: Apache-2.0
"""A file whose content is another at every look is never sent."""

from pathlib import Path

import pytest

from ims_ext import exceptions
from ims_ext import local_file

FIRST, SECOND = b'a' * 1024, b'b' * 1024


def test_a_region_that_was_another_at_an_earlier_look_is_refused(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'x.raw'
    path.write_bytes(FIRST)
    with local_file.LocalFile(path) as file:
        file.judged_at(0, 512)
        path.write_bytes(SECOND)
        with pytest.raises(exceptions.DiskImageError, match="has changed"):
            file.judged_at(0, 512)


@pytest.mark.parametrize('last', [FIRST, SECOND])
def test_no_content_is_that_of_two_different_looks(
    tmp_path: Path, last: bytes
) -> None:
    path = tmp_path / 'x.raw'
    path.write_bytes(FIRST)
    with local_file.LocalFile(path) as file:
        file.judged_at(0, 512)
        path.write_bytes(SECOND)
        file.judged_at(0, 1024)
        path.write_bytes(last)
        with pytest.raises(exceptions.DiskImageError, match="has changed"):
            file.read_at(0, 1024)


def test_a_region_may_be_looked_at_twice(tmp_path: Path) -> None:
    path = tmp_path / 'x.raw'
    path.write_bytes(FIRST)
    with local_file.LocalFile(path) as file:
        assert file.judged_at(0, 512) == file.judged_at(0, 512)
        assert file.read_at(0, 1024) == FIRST
