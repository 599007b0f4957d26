# SPDX-License-Identifier: Apache-2.0
"""What workers are told of an image: a manifest of its own, with its files.

Files of the machine that applies go along where they are small: keys that
may sign, lists of checksums. Whatever else a manifest names of a machine is
not read by another one.
"""

import base64
from collections.abc import Collection, Iterator, Mapping
import hashlib
from pathlib import Path
import re
from typing import Any

from ims_ext.pipeline.board import data
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model

#: Bytes of the largest file that goes along.
_LARGEST = 2 * 1024**2
#: What stands for a file of the machine that applies.
_ELSEWHERE = 'elsewhere'


def made(
    manifest: Manifest,
    images: Collection[model.Image],
    versions: Collection[tuple[str, model.Version]],
) -> bytes:
    """Return what workers are told.

    :param manifest: The manifest.
    :param images: The images; none for those that are in it no more.
    :param versions: The versions that something is done with, each with its
        image's name.
    :raises: :class:`.errors.BoardError` for files that are too large.
    """
    files: dict[str, str] = {}
    document = {
        'apiVersion': 'ims-ext/v1',
        'kind': 'ImagePipeline',
        'name': manifest.name,
        'targets': {
            each.name: _target(each) for each in manifest.targets.values()
        },
        'accept': {
            name: _given(cloud=e.cloud, region=e.region, vault=e.vault)
            for name, e in manifest.accept.items()
        },
        'images': {
            each.name: _image(
                each, [e for name, e in versions if name == each.name], files
            )
            for each in images
        },
    }
    return data.write({'manifest': document, 'files': files})


def digest(content: bytes) -> str:
    """Return what a bundle is known by.

    :param content: The bundle.
    """
    return hashlib.sha256(content).hexdigest()


def opened(content: bytes, folder: Path) -> Manifest:
    """Return the manifest that a bundle has.

    :param content: The bundle; anybody may have written it.
    :param folder: An empty folder, which its files are put into.
    :raises: :class:`.data.DataError`,
        :class:`~ims_ext.pipeline.ManifestError`
    """
    bundle = data.read(content)
    data.check('bundle', bundle)
    for path in _paths(bundle['manifest']):
        if path not in bundle['files'] and path != _ELSEWHERE:
            raise data.DataError(f"it names a file of this machine: {path}")
    for name, text in bundle['files'].items():
        try:
            (folder / name).write_bytes(base64.b64decode(text, validate=True))
        except ValueError:
            raise data.DataError(f"{name} is damaged") from None
    (folder / _ELSEWHERE).touch()
    return Manifest.loads(
        data.write(bundle['manifest']), folder / 'manifest.yaml', {}
    )


def is_elsewhere(version: model.Version) -> bool:
    """Whether a version's source is a file of the machine that applies.

    :param version: The version.
    """
    return any(isinstance(e, model.FileSource) for e in version.sources)


def _paths(found: Any, key: str = '') -> Iterator[str]:
    """Give whatever a manifest names that is read from a disk."""
    if isinstance(found, dict):
        for name, each in found.items():
            if name not in ('tags', 'properties'):
                yield from _paths(each, str(name))
    elif isinstance(found, list):
        for each in found:
            yield from _paths(each, key)
    elif key in ('file', 'keyring', 'projects_file') or (
        key in ('checksums', 'gpg') and not _is_url(str(found))
    ):
        yield str(found)


def _is_url(text: str) -> bool:
    return re.match('https?://', text) is not None


def _given(**settings: Any) -> dict[str, Any]:
    return {key: each for key, each in settings.items() if each is not None}


def _target(target: model.Target) -> dict[str, Any]:
    limits = target.limits
    return _given(
        cloud=target.cloud,
        region=target.region,
        project=target.project,
        bucket=target.bucket,
        copy_from=target.copy_from,
        agency=target.agency,
        cmk_id=target.cmk_id,
        limits={
            'requests_per_second': limits.requests_per_second,
            'imports': limits.imports,
            'uploads': limits.uploads,
        },
    )


def _image(
    image: model.Image, versions: Collection[Any], files: dict[str, str]
) -> dict[str, Any]:
    found: dict[str, Any] = _given(
        targets=list(image.targets),
        name=image.title,
        description=image.description,
        properties=dict(image.properties),
        tags=dict(image.tags),
        protected=image.protected,
        convert={'format': image.convert} if image.convert else 'none',
        checks=[str(each) for each in image.checks],
        retention={'never': sorted(image.retention.never)},
        attempts=image.attempts,
        **image.attributes,
    )
    given = list(versions) or list(image.versions[:1])
    if given:
        found['versions'] = {
            each.name: _version(each, files) for each in given
        }
    elif image.versions_from is not None:
        found['versions_from'] = {'url': image.versions_from.urls[0]}
    return found


def _version(version: model.Version, files: dict[str, str]) -> dict[str, Any]:
    found = _given(
        source=[_source(each) for each in version.sources],
        checksum=None if version.checksum is None else str(version.checksum),
        checksums=_location(version.checksums, files),
    )
    if version.signature is not None:
        found['signature'] = {
            'gpg': _location(version.signature.location, files),
            'keyring': _file(version.signature.keyring, files),
        }
    return found


def _source(source: model.Source) -> Mapping[str, Any]:
    if isinstance(source, model.UrlSource):
        return _given(url=source.url, member=source.member)
    if isinstance(source, model.FileSource):
        return _given(file=_ELSEWHERE, member=source.member)
    if isinstance(source, model.ObjectSource):
        return _given(
            object=str(source), target=source.target, member=source.member
        )
    if isinstance(source, model.ServerSource):
        return {'server': source.server, 'target': source.target}
    if isinstance(source, model.VolumeSource):
        return {'volume': source.volume, 'target': source.target}
    return _given(image=source.image, target=source.target, cloud=source.cloud)


def _location(location: str | None, files: dict[str, str]) -> str | None:
    if location is None or _is_url(location):
        return location
    return _file(Path(location), files)


def _file(path: Path, files: dict[str, str]) -> str:
    """Have a file go along; return what it is called there."""
    with path.open('rb') as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise BoardError(
            f"{path} is larger than the {_LARGEST} bytes that workers are "
            "sent of a file"
        )
    text = base64.b64encode(content).decode('ascii')
    for name, other in files.items():
        if other == text:
            return name
    name = f'file-{len(files)}'
    files[name] = text
    return name
