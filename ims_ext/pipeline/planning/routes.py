# SPDX-License-Identifier: Apache-2.0
"""How a version comes to a target: the cheapest way that is possible."""

from collections.abc import Collection
import dataclasses

from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning.model import Route
from ims_ext.pipeline.seen import SeenVersion

GIB = 1024**3

#: Bytes that native uploads, imports and quick imports take.
UPLOAD_LIMIT = 2 * GIB
IMPORT_LIMIT = 128 * GIB
QUICK_LIMIT = 1024 * GIB

#: Formats that the quick import takes.
QUICK_FORMATS = ('raw', 'zvhd2')

#: Names that say a format; what else there is decides when it is fetched.
_SUFFIXES = {
    '.qcow2': 'qcow2',
    '.img': None,
    '.raw': 'raw',
    '.vmdk': 'vmdk',
    '.vhd': 'vhd',
    '.vhdx': 'vhdx',
    '.qed': 'qed',
    '.vdi': 'vdi',
    '.iso': 'iso',
    '.zvhd2': 'zvhd2',
    '.zvhd': 'zvhd',
}
_PACKED = ('.gz', '.xz', '.zst', '.bz2', '.zip', '.tar', '.tgz', '.txz')


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to a target, or why there is none.

    :ivar route: The way.
    :ivar reason: Why it is taken; what is missing where there is none.
    :ivar source: The source that is tried first, for people.
    :ivar origin: The target that the image is copied from.
    """

    route: Route | None
    reason: str
    source: str = ''
    origin: str | None = None


def way(
    manifest: Manifest,
    image: model.Image,
    version: model.Version,
    target: model.Target,
    known: SeenVersion,
    at: Collection[str],
) -> Way:
    """Return the cheapest way of a version to a target.

    :param manifest: The manifest.
    :param image: The image.
    :param version: The version.
    :param target: Where it is to be.
    :param known: What is known of its source.
    :param at: Targets that have the version, or will have it.
    """
    first = version.sources[0]
    if isinstance(first, model.ServerSource | model.VolumeSource):
        if first.target == target.name:
            is_server = isinstance(first, model.ServerSource)
            route = Route.SERVER if is_server else Route.VOLUME
            return Way(route, f"made from {first}", str(first))
        return _copied(manifest, target, at) or Way(
            None,
            f"{first} is not here, and {target.name} has no copy_from that "
            "leads there",
        )
    if isinstance(first, model.ImageSource) and first.target == target.name:
        return Way(Route.COPY, f"a copy of {first}", str(first))
    if copied := _copied(manifest, target, at):
        return copied
    found = _from_bytes(image, version, target, known)
    if found.route in (None, Route.OBJECT) or not known.lacking:
        return found
    return dataclasses.replace(
        found, reason=f"{found.reason}; {known.lacking}"
    )


def _copied(
    manifest: Manifest, target: model.Target, at: Collection[str]
) -> Way | None:
    """Return the way from the target that images are copied from."""
    origin = target.copy_from
    if origin is None or origin not in at:
        return None
    there = manifest.targets[origin]
    if there.region == target.region and there.cloud == target.cloud:
        if there.project == target.project:
            return Way(Route.COPY, f"copied from {origin}", origin, origin)
        return None
    return Way(
        Route.COPY_REGION,
        f"copied from {origin}, by {target.agency}",
        origin,
        origin,
    )


def _from_bytes(
    image: model.Image,
    version: model.Version,
    target: model.Target,
    known: SeenVersion,
) -> Way:
    first = version.sources[0]
    if (
        isinstance(first, model.ObjectSource)
        and image.convert is None
        and first.bucket == target.bucket
        and not first.member
        and not is_packed(first.key)
    ):
        return Way(
            Route.OBJECT, "the object is in the target's bucket", str(first)
        )
    form = sent_format(image, first)
    size = known.size
    if target.bucket is None:
        if size is not None and size >= UPLOAD_LIMIT:
            return Way(
                None,
                f"{size / GIB:.1f} GiB are more than an upload takes, and "
                f"{target.name} has no bucket",
                str(first),
            )
        return Way(Route.UPLOAD, f"{target.name} has no bucket", str(first))
    if form in QUICK_FORMATS:
        return Way(
            Route.QUICK_IMPORT, f"{form} is imported quickly", str(first)
        )
    if size is not None and size >= IMPORT_LIMIT:
        return Way(
            None,
            f"{size / GIB:.0f} GiB are more than an import takes; convert "
            "to zvhd2 or raw, which are imported quickly",
            str(first),
        )
    return Way(Route.IMPORT, f"by the bucket {target.bucket}", str(first))


def sent_format(image: model.Image, source: model.Source) -> str | None:
    """Return the disk format in which a source is sent.

    No free program writes zvhd2, so that only sources that have it already
    are sent in it; others are sent as qcow2, which every cloud takes.

    :param image: The image.
    :param source: The source.
    :returns: ``None`` where only the content decides.
    """
    own = format_of(source)
    if image.convert == 'zvhd2' and own != 'zvhd2':
        return 'qcow2'
    return image.convert or own


def format_of(source: model.Source) -> str | None:
    """Return the disk format that a source's name says.

    :param source: The source.
    :returns: ``None`` where it says none: the content decides.
    """
    name = file_name(source).lower()
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return next(
        (form for end, form in _SUFFIXES.items() if name.endswith(end)), None
    )


def is_packed(name: str) -> bool:
    """Whether a file's name says that it is packed.

    :param name: The name.
    """
    return name.lower().endswith(_PACKED)


def file_name(source: model.Source) -> str:
    """Return the name of the file that a source is, without folders.

    :param source: The source.
    :returns: An empty text for servers, volumes and images.
    """
    if isinstance(source, model.UrlSource):
        path = source.url.partition('?')[0].partition('#')[0]
        name = path.rpartition('/')[2]
    elif isinstance(source, model.FileSource):
        name = source.path.name
    elif isinstance(source, model.ObjectSource):
        name = source.key.rpartition('/')[2]
    else:
        return ''
    return source.member.rpartition('/')[2] if source.member else name
