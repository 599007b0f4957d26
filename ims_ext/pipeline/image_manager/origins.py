# SPDX-License-Identifier: Apache-2.0
"""Where a version of a definition comes from, and how that is proven."""

from collections.abc import Callable, Iterator
from pathlib import Path
import re
from typing import Any
from urllib import parse

from ims_ext.document.reading import Document
from ims_ext.document.reading import ValuePath

_CHECKSUM = re.compile('(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})')
_PACKED = re.compile(r'(\.tar)?\.(xz|gz|bz2|zst|zip)$|\.(tgz|txz|tar)$')
_ADDRESS = re.compile('https?://[^/?#]')
#: What no file's URL has, and the patterns of definitions do.
_PATTERN = re.compile(r'[\\^|<>{}\s]|\$[A-Z]')


class Origins:
    """The sources of a version.

    :param document: The file of the definition.
    :param path: Where the version is in it.
    :param folder: What the paths of files are relative to.
    :param warn: Takes what has no counterpart.
    """

    #: Keys of a version that are read.
    KEYS = (
        *('version', 'url', 'mirror_url', 'checksum', 'build_date'),
        *('checksum_url', 'checksums_url'),
    )

    def __init__(
        self,
        document: Document,
        path: ValuePath,
        folder: Path,
        warn: Callable[[ValuePath, str], None],
    ) -> None:
        self._document = document
        self._path = path
        self._folder = folder
        self._warn_of = warn

    def settings(self) -> dict[str, Any] | None:
        """Return the version's source and proof; ``None`` without source."""
        proof = self._proof()
        sources = list(self._sources(bool(proof)))
        if not sources:
            return None
        source = sources[0] if len(sources) == 1 else sources
        return {'source': source, **proof}

    def _text(self, key: str) -> str:
        return (self._document.written((*self._path, key)) or '').strip()

    def _warn(self, key: str, message: str) -> None:
        self._warn_of((*self._path, key), message)

    def _sources(self, is_proven: bool) -> Iterator[dict[str, str]]:
        """Give the sources: the mirror first, as the definitions' own tool."""
        whole = self._text('url')
        for key in ('mirror_url', 'url'):
            url = self._text(key)
            if not url:
                continue
            # The checksum is that of the file at the address of origin.
            if is_proven and _packing(url) != _packing(whole):
                self._warn(
                    key,
                    "the mirror has the file packed in another way, for which "
                    "the checksum does not hold: it is left out",
                )
                continue
            if source := self._source(key, url):
                yield source

    def _source(self, key: str, url: str) -> dict[str, str] | None:
        scheme, _, rest = url.partition(':')
        if _is_address(url):
            return {'url': url}
        if scheme == 'file':
            path = parse.unquote(re.sub('^//', '', rest))
            if (self._folder / path).is_file():
                return {'file': path}
            said = f"there is no file {path}: it is left out"
        elif scheme in ('http', 'https'):
            said = "it is no address but a pattern, and is left out"
        else:
            said = f"nothing is fetched by {scheme}: it is left out"
        self._warn(key, said)
        return None

    def _proof(self) -> dict[str, str]:
        given = self._text('checksum').lower()
        if _CHECKSUM.fullmatch(given):
            for key in ('checksums_url', 'checksum_url'):
                if self._text(key):
                    self._warn(key, "the checksum counts, and no list")
            return {'checksum': given}
        if given:
            self._warn(
                'checksum',
                f"{given.partition(':')[0]} proves nothing: use sha256 or "
                "sha512; without, the source is taken as it comes",
            )
        for key in ('checksums_url', 'checksum_url'):
            if not (url := self._text(key)):
                continue
            if _is_address(url):
                return {'checksums': url}
            self._warn(key, "it is no address of a list, and is left out")
        return {}


def _is_address(url: str) -> bool:
    return bool(_ADDRESS.match(url)) and not _PATTERN.search(url)


def _packing(url: str) -> str:
    found = _PACKED.search(parse.urlsplit(url).path)
    return found[0] if found else ''
