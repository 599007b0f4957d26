# SPDX-License-Identifier: Apache-2.0
"""Lists of checksums, as ``sha256sum`` and its like write them."""

from collections.abc import Iterator
import re

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources.errors import ProofError

#: Bytes that a list may have.
LONGEST = 16 * 1024**2
_SHOWN = 5

_ALGORITHMS = {64: 'sha256', 128: 'sha512'}

#: ``DIGEST  name`` and ``DIGEST *name``; a backslash says that the name has
#: others in it.
_LINE = re.compile(
    r'\\?([0-9A-Fa-f]{64}|[0-9A-Fa-f]{128})(?:[ \t]+[*]?(\S.*?))?[ \t]*'
)
#: ``SHA256 (name) = DIGEST``
_BSD_LINE = re.compile(
    r'(?:SHA-?(256|512)) ?\((.+)\) ?= ?([0-9A-Fa-f]{64,128})[ \t]*', re.I
)
#: What clearsigned texts have around and in them.
_SIGNED = '-----BEGIN PGP SIGNED MESSAGE-----'
_SIGNATURE = '-----BEGIN PGP SIGNATURE-----'


def find(text: bytes, name: str, where: str) -> model.Checksum:
    """Return a file's checksum of a list.

    A list of one checksum without a name is about the file in any case.

    :param text: The list.
    :param name: The file's name, without folders.
    :param where: What messages call the list.
    :returns: The strongest, where there is one of each kind.
    :raises: :class:`.errors.ProofError` where there is none, or several that
        differ.
    """
    entries = list(_entries(text.decode('utf-8', 'replace')))
    if not entries:
        raise ProofError(f"{where} is no list of SHA-256 or SHA-512 checksums")
    found = {
        checksum
        for listed, checksum in entries
        if listed is not None and _is_file(listed, name)
    }
    if not found and len(entries) == 1 and entries[0][0] is None:
        found = {entries[0][1]}
    if not found:
        names = sorted(
            {listed or "one without a name" for listed, _ in entries}
        )
        more = len(names) - _SHOWN
        raise ProofError(
            f"{where} has no checksum of {name}; it has those of "
            + ', '.join(names[:_SHOWN])
            + (f" and {more} more" if more > 0 else '')
        )
    by_kind: dict[str, model.Checksum] = {}
    for each in found:
        if each.algorithm in by_kind:
            raise ProofError(
                f"{where} has several {each.algorithm} checksums of {name}, "
                f"and they differ"
            )
        by_kind[each.algorithm] = each
    return by_kind.get('sha256') or by_kind['sha512']


def _is_file(listed: str, name: str) -> bool:
    # Lists of a tree name files with their folders.
    return re.split(r'[/\\]', listed)[-1] == name


def _entries(text: str) -> Iterator[tuple[str | None, model.Checksum]]:
    """Give the names and checksums of a list, other lines left out."""
    for line in _signed_part(text.splitlines()):
        if match := _LINE.fullmatch(line.strip('\r\n')):
            digest, name = match.groups()
            yield name, _checksum(digest)
        elif match := _BSD_LINE.fullmatch(line.strip()):
            bits, name, digest = match.groups()
            if len(digest) * 4 == int(bits):
                yield name, _checksum(digest)


def _checksum(digest: str) -> model.Checksum:
    return model.Checksum(_ALGORITHMS[len(digest)], digest.lower())


def _signed_part(lines: list[str]) -> Iterator[str]:
    """Give a text's lines; of one with a signature in it, the signed ones."""
    if _SIGNED not in lines:
        yield from lines
        return
    start = lines.index(_SIGNED) + 1
    for line in lines[start:]:
        if line == _SIGNATURE:
            return
        yield line.removeprefix('- ')
