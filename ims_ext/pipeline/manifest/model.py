# SPDX-License-Identifier: Apache-2.0
"""What a manifest declares, every default filled in and every name known."""

from collections.abc import Mapping
import dataclasses
import datetime
from pathlib import Path
from typing import TypeAlias

#: What ``versions`` of channels may say instead of a version's name.
NEWEST = 'newest'
PROMOTED = 'promoted'

#: What an image may be kept for, beside what it is always kept for.
IN_USE = 'in_use'
SHARED = 'shared'
PROTECTED = 'protected'


@dataclasses.dataclass(frozen=True)
class Limits:
    """How much of a target is used at a time.

    :ivar requests_per_second: Requests a second at most.
    :ivar imports: Jobs at a time that make images.
    :ivar uploads: Uploads at a time.
    """

    requests_per_second: float = 20.0
    imports: int = 5
    uploads: int = 2


@dataclasses.dataclass(frozen=True)
class Target:
    """A project in a region.

    :ivar name: Its name in the manifest.
    :ivar cloud: The entry of clouds.yaml.
    :ivar region: The region, or ``None`` for the entry's.
    :ivar project: The project's name or ID, or ``None`` for the entry's.
    :ivar bucket: The bucket that files go through.
    :ivar copy_from: The target that images are copied from where possible.
    :ivar agency: The agency by which they are copied here from another region.
    :ivar cmk_id: The encryption key of images made here.
    """

    name: str
    cloud: str
    region: str | None = None
    project: str | None = None
    bucket: str | None = None
    copy_from: str | None = None
    agency: str | None = None
    cmk_id: str | None = None
    limits: Limits = Limits()

    @property
    def place(self) -> str:
        """What it is told from others by, whatever manifests call it."""
        return '/'.join((self.cloud, self.region or '', self.project or ''))


@dataclasses.dataclass(frozen=True)
class Acceptor:
    """Who answers for a project that images are shared with.

    :ivar project: The project's name or ID.
    :ivar cloud: The entry of clouds.yaml that acts in this project.
    :ivar region: The region, or ``None`` for that of each target.
    :ivar vault: The vault that full-server images are accepted into.
    """

    project: str
    cloud: str
    region: str | None = None
    vault: str | None = None


@dataclasses.dataclass(frozen=True)
class Checksum:
    """What a source's bytes must have.

    :ivar algorithm: ``sha256`` or ``sha512``.
    :ivar digest: Hexadecimal, in small letters.
    """

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f'{self.algorithm}:{self.digest}'


@dataclasses.dataclass(frozen=True)
class Signature:
    """Who signed a list of checksums, or the source itself.

    :ivar location: The signature: a URL or a path.
    :ivar keyring: The file with the keys that may sign.
    """

    location: str
    keyring: Path


@dataclasses.dataclass(frozen=True)
class UrlSource:
    """A file of a web server.

    :ivar member: The disk image's name in it, for archives of several.
    """

    url: str
    member: str | None = None

    def __str__(self) -> str:
        return self.url


@dataclasses.dataclass(frozen=True)
class FileSource:
    """A file of this machine.

    :ivar member: The disk image's name in it, for archives of several.
    """

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.path)


@dataclasses.dataclass(frozen=True)
class ObjectSource:
    """An object of a bucket.

    :ivar target: The target whose credentials read it; ``None`` for each
        target's own.
    :ivar member: The disk image's name in it, for archives of several.
    """

    bucket: str
    key: str
    target: str | None = None
    member: str | None = None

    def __str__(self) -> str:
        return f'{self.bucket}:{self.key}'


@dataclasses.dataclass(frozen=True)
class ServerSource:
    """A server that an image is made from, at its target alone.

    :ivar server: Its name or ID.
    """

    server: str
    target: str

    def __str__(self) -> str:
        return f'server {self.server} of {self.target}'


@dataclasses.dataclass(frozen=True)
class VolumeSource:
    """A volume that an image is made from, at its target alone.

    :ivar volume: Its name or ID.
    """

    volume: str
    target: str

    def __str__(self) -> str:
        return f'volume {self.volume} of {self.target}'


@dataclasses.dataclass(frozen=True)
class ImageSource:
    """An image of a target, or of another cloud.

    :ivar image: Its name or ID.
    :ivar target: The target that has it, or ``None``.
    :ivar cloud: The entry of clouds.yaml that has it, or ``None``.
    """

    image: str
    target: str | None = None
    cloud: str | None = None

    def __str__(self) -> str:
        return f'image {self.image} of {self.target or self.cloud}'


Source: TypeAlias = (
    UrlSource
    | FileSource
    | ObjectSource
    | ServerSource
    | VolumeSource
    | ImageSource
)

#: Sources whose bytes pass through this machine or a bucket.
BYTES = (UrlSource, FileSource, ObjectSource)


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of an image.

    :ivar sources: Where it comes from, tried in turn.
    :ivar checksum: What the source's bytes must have.
    :ivar checksums: A list with the source's checksum: a URL or a path.
    """

    name: str
    sources: tuple[Source, ...]
    checksum: Checksum | None = None
    checksums: str | None = None
    signature: Signature | None = None


@dataclasses.dataclass(frozen=True)
class VersionsFrom:
    """An address that has versions; ``{version}`` stands in it.

    :ivar urls: The address, and its mirrors.
    :ivar pattern: A regular expression for the names of versions.
    :ivar newest: How many of the newest are taken.
    :ivar member: The disk image's name, for archives of several files.
    :ivar checksums: A list with the sources' checksums: a URL or a path.
    """

    urls: tuple[str, ...]
    pattern: str = '[0-9][0-9A-Za-z._-]*'
    newest: int = 1
    member: str | None = None
    checksums: str | None = None
    signature: Signature | None = None


@dataclasses.dataclass(frozen=True)
class Channel:
    """A version that consumers follow.

    :ivar version: :data:`NEWEST`, :data:`PROMOTED`, or a version's name.
    :ivar share: The names or IDs of the projects that get it.
    :ivar soak: How long a version has been in the cloud before.
    """

    name: str
    version: str
    share: tuple[str, ...] = ()
    soak: datetime.timedelta = datetime.timedelta()


@dataclasses.dataclass(frozen=True)
class Retention:
    """How many versions are kept, and when others retire.

    :ivar keep: The newest versions that are kept whatever their age;
        ``None`` keeps all.
    :ivar deprecate_after: The age at which a version is hidden.
    :ivar delete_after: The age at which a version is deleted.
    :ivar never: What is never deleted, of :data:`IN_USE`, :data:`SHARED`
        and :data:`PROTECTED`.
    """

    keep: int | None = None
    deprecate_after: datetime.timedelta | None = None
    delete_after: datetime.timedelta | None = None
    never: frozenset[str] = frozenset({IN_USE, SHARED, PROTECTED})


@dataclasses.dataclass(frozen=True)
class Check:
    """What a disk image must fulfil before anything is made of it.

    :ivar subject: ``format``, ``safe``, ``virtual_size`` or ``size``.
    :ivar comparison: ``<=``, ``>=``, ``<`` or ``>``; empty for the first two.
    :ivar bytes: What is compared with.
    """

    subject: str
    comparison: str = ''
    bytes: int = 0

    def __str__(self) -> str:
        return f'{self.subject}{self.comparison}{self.bytes or ""}'


@dataclasses.dataclass(frozen=True)
class Image:
    """An image: its versions, and what each of them is to be like.

    :ivar name: Its name in the manifest.
    :ivar title: The name in the cloud, ``{image}`` and ``{version}`` open.
    :ivar attributes: Attributes of ``conn.ims``: ``os_version``,
        ``min_disk`` (GiB), ``min_ram`` and ``max_ram`` (MiB),
        ``architecture``, ``hw_firmware_type``, ``type``; those that are
        named in the manifest.
    :ivar properties: Further attributes by their names in the service.
    :ivar protected: Whether it is protected; ``None`` where not named.
    :ivar convert: The format that sources are converted to, or ``None``.
    :ivar share: Names or IDs of projects that get every version.
    :ivar attempts: How often an item that failed is tried in one run.
    :ivar previous_names: Names that the image had in the manifest before.
    """

    name: str
    targets: tuple[str, ...]
    title: str = '{image}-{version}'
    description: str | None = None
    attributes: Mapping[str, str | int] = dataclasses.field(
        default_factory=dict
    )
    properties: Mapping[str, str] = dataclasses.field(default_factory=dict)
    tags: Mapping[str, str] = dataclasses.field(default_factory=dict)
    protected: bool | None = None
    convert: str | None = None
    checks: tuple[Check, ...] = ()
    retention: Retention = Retention()
    channels: tuple[Channel, ...] = ()
    share: tuple[str, ...] = ()
    attempts: int = 2
    versions: tuple[Version, ...] = ()
    versions_from: VersionsFrom | None = None
    promoted: str | None = None
    previous_names: tuple[str, ...] = ()

    def cloud_name(self, version: str) -> str:
        """Return the name that a version has in the cloud.

        :param version: The version's name.
        """
        return self.title.replace('{image}', self.name).replace(
            '{version}', version
        )
