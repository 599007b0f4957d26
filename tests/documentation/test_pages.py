# SPDX-License-Identifier: Apache-2.0
"""Every block of code of README.md and doc/source, run as readers would."""

from pathlib import Path

import pytest

from tests import code_blocks

from . import typist

#: Those that have most to type first: they take longest.
PAGES = sorted(
    (page for page in code_blocks.pages() if list(code_blocks.blocks(page))),
    key=lambda page: (
        -sum(
            len(block.code)
            for block in code_blocks.blocks(page)
            if 'not run' not in block.notes
        )
    ),
)


@pytest.mark.parametrize('page', PAGES, ids=code_blocks.name)
def test_a_page_can_be_typed_from_top_to_bottom(
    page: Path, tmp_path: Path
) -> None:
    wrong = typist.wrong_in(page, tmp_path)
    assert not wrong, '\n'.join(wrong)


@pytest.mark.parametrize(
    ('block', 'what'),
    [
        ('console\n\n   $ false', 'exits with 1'),
        ('console\n\n   $ echo 1\n   2', 'prints'),
        ('console\n\n   $ openstack ims image show none', 'none'),
        ('console\n\n   $ ims-emulator serve --like x', 'does not serve'),
        ('python\n\n   import ims_ext\n   conn.ims', 'NameError'),
        ('python\n\n   def test_it():\n       assert 0', 'assert 0'),
        ('pycon\n\n   >>> 1 + 1\n   3', 'Expected'),
        ('yaml\n\n   a: [', 'expected'),
        ('json\n\n   {', 'JSONDecodeError'),
        ('cobol\n\n   DISPLAY 1.', 'cobol'),
    ],
)
def test_what_is_wrong_in_a_page_is_found(
    block: str, what: str, tmp_path: Path
) -> None:
    page = tmp_path / 'page.rst'
    page.write_text(f'Title\n=====\n\n.. code-block:: {block}\n')
    [wrong] = typist.wrong_in(page, tmp_path)
    assert wrong.startswith('page.rst:6:')
    assert what in wrong


def test_commands_go_on_from_each_other_and_vary_where_they_may(
    tmp_path: Path,
) -> None:
    page = tmp_path / 'page.md'
    page.write_text(
        '```console\n$ name=golden; cd /tmp\n$ echo "$name" in 0.2 s \\\n'
        '    at $PWD\ngolden in 1.5 s at /tmp\n```\n'
        '<!-- not run: it fails. -->\n```console\n$ false\n```\n'
        '<!-- status: 3 -->\n```console\n$ (exit 3)\n```\n'
    )
    assert typist.wrong_in(page, tmp_path) == []
