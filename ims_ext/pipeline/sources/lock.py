# SPDX-License-Identifier: Apache-2.0
"""What sources were when somebody agreed to them: a lock beside a manifest."""

from collections.abc import Mapping
import dataclasses
import os
from pathlib import Path
import re
from typing import Any

from ims_ext.document import reading
from ims_ext.pipeline.looking import Upstream
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import ManifestError

KIND = 'ImagePipelineLock'
_API_VERSION = 'ims-ext/v1'
_SUFFIX = '.lock.yaml'
_DIGEST = re.compile('[A-Za-z0-9_-]{43}', re.ASCII)


@dataclasses.dataclass(frozen=True)
class Lock:
    """The versions of a manifest's images, and what identifies each.

    :ivar name: The pipeline's name.
    :ivar digests: By the image's name and the version's; ``None`` where
        nothing was known of a source before it is fetched.
    """

    name: str
    digests: Mapping[tuple[str, str], str | None]

    @classmethod
    def of(cls, manifest: Manifest, upstream: Upstream) -> 'Lock':
        """Return a lock of what was found.

        :param manifest: The manifest.
        :param upstream: What is known of its sources.
        """
        return cls(
            manifest.name,
            {which: known.digest for which, known in upstream.sources.items()},
        )

    @classmethod
    def load(cls, manifest: Manifest) -> 'Lock | None':
        """Return the lock that is beside a manifest.

        :param manifest: The manifest.
        :returns: ``None`` where there is none.
        :raises: :class:`~ims_ext.pipeline.ManifestError` for a file that is
            no lock of this manifest, ``OSError`` where it cannot be read.
        """
        path = path_of(manifest.path)
        if not path.exists():
            return None
        try:
            document = reading.read_file(path)
        except reading.DocumentError as error:
            raise ManifestError(error.problems) from None
        problems = list(_problems(document, manifest))
        if problems:
            raise ManifestError(problems)
        return cls(
            manifest.name,
            {
                (image, version): digest
                for image, versions in document.data['images'].items()
                for version, digest in versions.items()
            },
        )

    def save(self, path: Path) -> None:
        """Write it to a file, in place of what is there.

        :param path: The file.
        :raises: ``OSError``
        """
        images: dict[str, list[str]] = {}
        for (image, version), digest in self.digests.items():
            shown = 'null' if digest is None else f'"{digest}"'
            images.setdefault(image, []).append(f'    "{version}": {shown}\n')
        text = (
            "# Written by: openstack ims pipeline lock\n"
            f'apiVersion: {_API_VERSION}\nkind: {KIND}\n'
            f'name: "{self.name}"\nimages:'
        )
        text += '\n' if images else ' {}\n'
        for image, lines in images.items():
            text += f'  "{image}":\n' + ''.join(lines)
        temporary = path.with_name(f'.{path.name}.{os.getpid()}')
        try:
            temporary.write_text(text, 'utf-8')
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def problem(
        self, image: str, version: str, digest: str | None
    ) -> str | None:
        """Return what speaks against a source, if anything.

        :param image: The image's name.
        :param version: The version's name.
        :param digest: What identifies the source now, where it is known.
        """
        agreed = self.digests.get((image, version))
        if agreed is None or digest is None or agreed == digest:
            return None
        return (
            f"{image}@{version} is another one than the lock says: "
            f"{digest[:12]}…, and {agreed[:12]}… was agreed to; look at what "
            f"has changed upstream, then run: openstack ims pipeline lock"
        )


def path_of(manifest: Path) -> Path:
    """Return where the lock of a manifest is.

    :param manifest: The manifest's file.
    """
    return manifest.with_name(f'{manifest.stem}{_SUFFIX}')


def _problems(
    document: reading.Document, manifest: Manifest
) -> 'list[reading.Problem]':
    data: Any = document.data
    if not isinstance(data, dict) or data.get('kind') != KIND:
        return [document.problem((), f"this is no {KIND}")]
    if data.get('apiVersion') != _API_VERSION:
        return [document.problem(('apiVersion',), f"it is not {_API_VERSION}")]
    if data.get('name') != manifest.name:
        return [
            document.problem(
                ('name',), f"it is not of the pipeline {manifest.name}"
            )
        ]
    images = data.get('images')
    if not isinstance(images, dict):
        return [document.problem(('images',), "there are no images")]
    found = []
    for image, versions in images.items():
        if not isinstance(versions, dict):
            found.append(
                document.problem(('images', image), "it has no versions")
            )
            continue
        found += [
            document.problem(
                ('images', image, version), f"{digest!r} is no digest"
            )
            for version, digest in versions.items()
            if not _is_digest(digest)
        ]
    return found


def _is_digest(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, str) and bool(_DIGEST.fullmatch(value))
