# SPDX-License-Identifier: Apache-2.0
"""Values of YAML files that are changed in place."""

import os
from pathlib import Path
import sys

import pytest

from ims_ext.document import editing

TEXT = """\
# The fleet.\t\x20
images:   # all of them
  one:
    # why: soaked
    promoted: '1'   # since May

    versions: {"1": a,  "2": b}
  "two" : {versions: {"2": ä😀}}
  three:   # none yet

    # the versions
    versions:
      "1": {}
... # end
"""


def changed(text: str, image: str, value: str = '2') -> str:
    """Return a text with a promoted version."""
    content = editing.with_text(
        text.encode(), 'm.yaml', ('images', image, 'promoted'), value
    )
    return content.decode()


def test_a_value_keeps_its_quotes_and_all_around_it() -> None:
    assert changed(TEXT, 'one') == TEXT.replace("'1'", "'2'")


def test_a_value_that_would_be_a_number_is_quoted() -> None:
    assert changed('images: {a: {promoted: v1}}\n', 'a', '20261101') == (
        'images: {a: {promoted: "20261101"}}\n'
    )


def test_a_missing_key_comes_first() -> None:
    assert changed(TEXT, 'two') == TEXT.replace(
        ' {versions: {"2"', ' {promoted: "2", versions: {"2"'
    )
    assert changed(TEXT, 'three') == TEXT.replace(
        '# none yet\n', '# none yet\n    promoted: "2"\n'
    )


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
def test_line_ends_and_encoding_stay(encoding: str) -> None:
    text = TEXT.replace('\n', '\r\n')

    content = editing.with_text(
        text.encode(encoding), 'm.yaml', ('images', 'three', 'promoted'), '2'
    )

    assert content.decode(encoding) == text.replace(
        '# none yet\r\n', '# none yet\r\n    promoted: "2"\r\n'
    )


@pytest.mark.parametrize(
    'text',
    [
        'v: &v "1"\nimages: {a: {promoted: *v}}\n',
        'images: {a: {promoted: &v "1", x: *v}}\n',
        'images: {a: &a {promoted: "1"}, b: *a}\n',
        'images:\n  a: &a\n    versions: {}\n  b: *a\n',
    ],
)
def test_what_others_repeat_is_not_changed(text: str) -> None:
    with pytest.raises(editing.EditError, match='by hand: promoted: "2"'):
        changed(text, 'a')


def test_a_longer_value_is_replaced_whole() -> None:
    text = 'images:\n  a:\n    promoted: >-\n      one\n      two\n    x: y\n'

    assert changed(text, 'a').endswith('    x: y\n')


def test_a_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / 'real.yaml', tmp_path / 'link.yaml'
    real.write_text('a')
    real.chmod(0o640)
    link.symlink_to(real)

    editing.replace_file(link, b'a', b'b')

    assert (link.is_symlink(), real.read_text()) == (True, 'b')
    if sys.platform != 'win32':
        assert real.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ['link.yaml', 'real.yaml']


def test_a_file_that_somebody_else_changes_is_left_alone(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'm.yaml'
    path.write_text('theirs')

    with pytest.raises(editing.EditError, match='changed meanwhile'):
        editing.replace_file(path, b'before', b'after')

    assert path.read_text() == 'theirs'
    assert os.listdir(tmp_path) == ['m.yaml']
