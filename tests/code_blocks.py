# SPDX-License-Identifier: Apache-2.0
"""The blocks of code that README.md and the pages of doc/source show."""

from collections.abc import Iterator
from pathlib import Path
import re
import textwrap
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

_FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(
    r'^(?P<indent> *)\.\. code-block:: (?P<language>[\w-]+)\n'
    r'(?P<options>(?:(?P=indent)   :.*\n)*)\n*'
    r'(?P<code>(?:(?P=indent)   .*\n|\s*\n)+)',
    re.MULTILINE,
)
_CAPTION = re.compile(r':caption: (.+)')
_NOTE = re.compile(
    r'^(?: *\.\.|<!--) (?P<word>not run|before|begin|emulator|status): '
    r'(?P<text>.*(?:\n {3,}.*)*)',
    re.MULTILINE,
)


class Block(NamedTuple):
    """A block of code.

    :ivar language: What it is declared to be: ``python``, ``console``.
    :ivar line: The number of its first line on the page.
    :ivar code: The code.
    :ivar caption: The name of the file that it is; empty if it is none.
    :ivar notes: What comments between the block before and this one say, by
        their first words; readers do not see them.
    """

    language: str
    line: int
    code: str
    caption: str
    notes: dict[str, str]


def pages() -> list[Path]:
    """Return the pages: README.md and all of doc/source."""
    return [ROOT / 'README.md', *sorted(ROOT.glob('doc/source/**/*.rst'))]


def blocks(page: Path) -> Iterator[Block]:
    """Give the blocks of a page, in its order."""
    text = page.read_text('utf-8')
    if page.suffix == '.md':
        pattern, language, code = _FENCE, 1, 2
    else:
        pattern, language, code = _DIRECTIVE, 'language', 'code'
    end = 0
    for found in pattern.finditer(text):
        shown = found[code]
        line = text.count('\n', 0, found.start(code)) + 1
        options = '' if page.suffix == '.md' else found['options']
        caption = _CAPTION.search(options)
        yield Block(
            found[language],
            line,
            textwrap.dedent(shown),
            caption[1] if caption else '',
            _notes(text[end : found.start()]),
        )
        end = found.end()


def _notes(text: str) -> dict[str, str]:
    notes: dict[str, str] = {}
    for found in _NOTE.finditer(text):
        said = found['text'].removesuffix('-->')
        first, _, others = said.partition('\n')
        notes[found['word']] = f'{first}\n{textwrap.dedent(others)}'.strip()
    return notes


def python_of(page: Path) -> str:
    """Return the Python of a page as one program, each line where it was."""
    lines: list[str] = []
    for block in blocks(page):
        if block.language == 'python':
            lines += [''] * (block.line - 1 - len(lines))
            lines += block.code.rstrip().splitlines()
    return '\n'.join(lines) + '\n'


def name(page: Path) -> str:
    """Return a page's path from the root of the checkout."""
    return page.relative_to(ROOT).as_posix()
