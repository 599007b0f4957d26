# SPDX-License-Identifier: Apache-2.0
"""Files without names, in which the bodies of large requests arrive."""

from pathlib import Path
import sys

import pytest

from ims_ext.emulator.bucket.spool import BodyBuffer

pytestmark = pytest.mark.skipif(
    sys.platform != 'linux', reason="other systems have no such files"
)


def test_a_body_gets_its_name_without_being_copied(tmp_path: Path) -> None:
    body = BodyBuffer(tmp_path)
    body.append(b'one, ')
    body.append(b'two')
    with body.getfile() as file:
        assert list(tmp_path.iterdir()) == []
        file.give_name(tmp_path / 'object')
        assert (tmp_path / 'object').read_bytes() == b'one, two'
        assert (tmp_path / 'object').stat().st_nlink == 1


def test_a_body_does_not_take_the_name_of_another_file(tmp_path: Path) -> None:
    (tmp_path / 'object').write_bytes(b'another')
    file = BodyBuffer(tmp_path).getfile()
    with file, pytest.raises(FileExistsError):
        file.give_name(tmp_path / 'object')
    assert (tmp_path / 'object').read_bytes() == b'another'


def test_nothing_is_left_of_a_body_without_a_name(tmp_path: Path) -> None:
    body = BodyBuffer(tmp_path)
    body.append(b'one')
    assert len(body) == 3
    body.close()
    assert list(tmp_path.iterdir()) == []
