# SPDX-License-Identifier: Apache-2.0
"""What a manifest gets wrong in its versions' sources and proofs."""

from collections.abc import Callable
from pathlib import Path
import re
from typing import Any

from ims_ext.document.reading import ValuePath
from ims_ext.pipeline.manifest import shapes

#: What a source is one of.
_PLACES = ('url', 'file', 'object', 'server', 'volume', 'image')
#: Sources that are at a target, and nowhere else.
_AT_TARGETS = ('server', 'volume')


class SourceRules:
    """The rules of sources.

    :param note: Takes a fault: the value's path, and what is wrong.
    :param is_target: Whether there is a target of a name; notes it if not.
    :param folder: What paths are relative to.
    """

    def __init__(
        self,
        note: Callable[[ValuePath, str], None],
        is_target: Callable[[ValuePath, str], bool],
        folder: Path,
    ) -> None:
        self._note = note
        self._is_target = is_target
        self._folder = folder

    def look_at_version(self, path: ValuePath, entry: dict[str, Any]) -> None:
        """Look at a version that is named.

        :param path: Where it is.
        :param entry: What is written there.
        """
        given = entry.get('source')
        several = isinstance(given, list)
        sources: list[Any] = given if isinstance(given, list) else [given]
        for index, each in enumerate(sources):
            here = (*path, 'source', index) if several else (*path, 'source')
            if isinstance(each, dict):
                self._look_at_source(here, each)
                self._look_at_company(here, each, entry, len(sources))
        if (
            'signature' in entry
            and 'checksum' in entry
            and 'checksums' not in entry
        ):
            self._note(
                (*path, 'signature'),
                "a signature is of a list of checksums, or of the source "
                "itself: leave out checksum, or name the list in checksums",
            )
        self._look_at_proof(path, entry)

    def _look_at_company(
        self,
        path: ValuePath,
        source: dict[str, Any],
        entry: dict[str, Any],
        count: int,
    ) -> None:
        """Look at what stands beside a server or a volume."""
        kinds = [kind for kind in _AT_TARGETS if kind in source]
        if not kinds:
            return
        if count > 1:
            self._note(
                path,
                f"a {kinds[0]} is a source of its own; nothing can stand in "
                "for it",
            )
        if proofs := {'checksum', 'checksums', 'signature'} & set(entry):
            self._note(
                path,
                f"a {kinds[0]} has no {min(proofs)} that could be known "
                "before",
            )

    def _look_at_source(self, path: ValuePath, given: dict[str, Any]) -> None:
        kinds = [kind for kind in _PLACES if kind in given]
        if len(kinds) != 1:
            self._note(
                path,
                f"a source is one of {', '.join(_PLACES)}"
                + (f", not {' and '.join(kinds)}" if kinds else ""),
            )
            return
        (kind,) = kinds
        target = given.get('target')
        if isinstance(target, str):
            self._is_target((*path, 'target'), target)
        if kind in _AT_TARGETS and target is None:
            self._note(path, f"a {kind} is at a target: name it in target")
        if kind == 'image' and (target is None) == ('cloud' not in given):
            self._note(
                path, "an image is at a target, or at a cloud: name one"
            )
        if kind in ('url', 'file') and target is not None:
            self._note((*path, 'target'), f"a {kind} is at no target")
        if 'cloud' in given and kind != 'image':
            self._note((*path, 'cloud'), "cloud is for images alone")
        if 'member' in given and kind not in ('url', 'file', 'object'):
            self._note((*path, 'member'), f"a {kind} is no archive")
        file = given.get('file')
        if isinstance(file, str) and file:
            self._look_at_file((*path, 'file'), file)

    def look_at_versions_from(self, path: ValuePath, given: Any) -> None:
        """Look at where versions are found.

        :param path: Where it is written.
        :param given: What is written there, if anything.
        """
        if not isinstance(given, dict):
            return
        urls = [((*path, 'url'), given.get('url'))]
        urls += [
            ((*path, 'mirrors', index), each)
            for index, each in enumerate(shapes.texts(given.get('mirrors')))
        ]
        for here, each in urls:
            if each and isinstance(each, str) and '{version}' not in each:
                self._note(here, "the URL has no {version} in it")
        pattern = given.get('pattern')
        if isinstance(pattern, str):
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                self._note(
                    (*path, 'pattern'),
                    f"{pattern!r} is no regular expression: {error}",
                )
        self._look_at_proof(path, given)

    def _look_at_proof(self, path: ValuePath, given: dict[str, Any]) -> None:
        """Look at the files that say what a source must be."""
        signature = shapes.mapping(given, 'signature')
        for here, each in (
            ((*path, 'checksums'), given.get('checksums')),
            ((*path, 'signature', 'gpg'), signature.get('gpg')),
            ((*path, 'signature', 'keyring'), signature.get('keyring')),
        ):
            if not isinstance(each, str) or '{version}' in each:
                continue
            if each and not re.match('https?://', each):
                self._look_at_file(here, each)

    def _look_at_file(self, path: ValuePath, name: str) -> None:
        try:
            if (self._folder / name).is_file():
                return
        except (OSError, ValueError):
            pass
        self._note(path, f"there is no file {name}")
