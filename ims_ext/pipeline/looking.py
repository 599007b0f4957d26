# SPDX-License-Identifier: Apache-2.0
"""Looking at the clouds: one list a target, whatever the images are."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent import futures
import dataclasses
import datetime
import email.utils
import time
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext.extension.quota import Quota
from ims_ext.pipeline import asking
from ims_ext.pipeline import identity
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.clouds import is_project_id
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import versions as planned
from ims_ext.pipeline.planning.fleet import Fleet
from ims_ext.pipeline.planning.fleet import declared
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.seen import SeenTarget
from ims_ext.pipeline.seen import SeenVersion
from ims_ext.transport import decode

if TYPE_CHECKING:
    import requests

    from ims_ext.extension.cloud_image import CloudImage

#: Targets that are looked at at a time, and members' lists at each of them.
_TARGETS_AT_A_TIME = 16
_LISTS_AT_A_TIME = 8

#: What a cloud raises that cannot be asked, or refuses to tell.
_FAILURES = (
    sdk_exceptions.SDKException,
    ksa_exceptions.ClientException,
    OSError,
)

#: Attributes that a manifest names and an image tells under the same name.
_ATTRIBUTES = (
    'os_version',
    'hw_firmware_type',
    'min_disk',
    'min_ram',
    'max_ram',
)


@dataclasses.dataclass(frozen=True)
class Upstream:
    """What was found out of sources before the clouds were looked at.

    :ivar found: Versions that ``versions_from`` found, by the image's name.
    :ivar sources: What is known of sources: by image and version.
    :ivar problems: Why the versions of images could not be found, by the
        image's name.
    """

    found: Mapping[str, tuple[model.Version, ...]] = dataclasses.field(
        default_factory=dict
    )
    sources: Mapping[tuple[str, str], SeenVersion] = dataclasses.field(
        default_factory=dict
    )
    problems: Mapping[str, str] = dataclasses.field(default_factory=dict)


def look(
    manifest: Manifest,
    clouds: Clouds,
    upstream: Upstream | None = None,
    targets: Iterable[str] | None = None,
) -> Seen:
    """Look at the targets of a manifest. Only reading requests are sent.

    A target that cannot be seen whole, for whatever reason, is told as such:
    nothing is to be concluded from what was seen of it.

    :param manifest: The manifest.
    :param clouds: The connections.
    :param upstream: What is known of the sources.
    :param targets: The names of those to look at, by default all.
    """
    upstream = upstream or Upstream()
    began = time.monotonic()
    names = list(manifest.targets if targets is None else targets)
    versions = declared(manifest, upstream.found)

    def one(name: str) -> tuple[SeenTarget, datetime.datetime | None]:
        looking = _Looking(manifest, clouds, versions, name)
        try:
            return looking.target(), looking.at
        except _FAILURES as error:
            return SeenTarget(name, problem=_reason(error)), None

    with futures.ThreadPoolExecutor(_TARGETS_AT_A_TIME) as pool:
        seen = list(pool.map(one, names))
    times = [at for _, at in seen if at is not None]
    return Seen(
        at=min(times, default=datetime.datetime.now(datetime.UTC)),
        targets={each.name: each for each, _ in seen},
        found=upstream.found,
        sources=upstream.sources,
        problems=upstream.problems,
        seconds=time.monotonic() - began,
    )


class _Looking:
    """A look at one target.

    :ivar at: The cloud's own time, where it tells it.
    """

    def __init__(
        self,
        manifest: Manifest,
        clouds: Clouds,
        versions: Mapping[str, Mapping[str, model.Version]],
        name: str,
    ) -> None:
        self._manifest = manifest
        self._versions = versions
        self._name = name
        self._clouds = clouds
        self._conn = clouds.target(name)
        self._here = [
            image
            for image in manifest.images.values()
            if name in image.targets
        ]
        self._project_problems: dict[str, str] = {}
        self.at: datetime.datetime | None = None

    def target(self) -> SeenTarget:
        """Return the target as it is."""
        conn: Any = self._conn
        project_id = asking.project_id(conn)
        images = tuple(self._images(project_id))
        quota, used = self._quota(len(images))
        servers, problem = self._servers()
        images = tuple(
            dataclasses.replace(each, servers=servers[each.id])
            if each.id in servers
            else each
            for each in images
        )
        there = SeenTarget(
            name=self._name,
            project_id=project_id,
            region=str(conn.config.get_region_name() or ''),
            images=images,
            quota=quota,
            used=used,
            projects=dict(self._projects()),
            project_problems=self._project_problems,
            servers_problem=problem,
        )
        return dataclasses.replace(there, images=tuple(self._shared(there)))

    def _images(self, project_id: str) -> Iterator[SeenImage]:
        conn: Any = self._conn
        properties = {
            name for image in self._here for name in image.properties
        }
        for each in conn.ims.cloud_images(owner=project_id):
            yield seen_image(each, properties)

    def _quota(self, count: int) -> tuple[int | None, int]:
        """Return how many images there may be, and how many there are."""
        conn: Any = self._conn
        response = conn.ims.get(Quota.base_path)
        self.at = _time_of(response)
        for each in decode.read_list(
            response, "Cannot look up the quotas", 'quotas', 'resources'
        ):
            if each.get('type') == 'image':
                found = Quota.existing(**each)
                return found.quota, found.used or count
        return None, count

    # ====== SERVERS ======

    def _servers(self) -> tuple[dict[str, tuple[str, ...]], str | None]:
        """Return the servers that use images, by the images' IDs."""
        if not any(_retires(image) for image in self._here):
            return {}, None
        conn: Any = self._conn
        found: dict[str, list[str]] = {}
        try:
            for server in asking.servers(conn):
                image = server.image
                image_id = image.get('id') if image else None
                if image_id:
                    found.setdefault(image_id, []).append(server.name)
        except _FAILURES as error:
            return {}, _reason(error)
        return {key: tuple(names) for key, names in found.items()}, None

    # ====== PROJECTS ======

    def _projects(self) -> Iterator[tuple[str, str]]:
        """Give the IDs of the projects that are shared with here."""
        named = {
            project
            for image in self._here
            for each in (image.share, *(c.share for c in image.channels))
            for project in each
        }
        for project in sorted(named):
            if found := self._project_id(project):
                yield project, found

    def _project_id(self, project: str) -> str | None:
        if is_project_id(project):
            return project
        if project in self._manifest.accept:
            # Whoever acts there knows it best.
            acceptor = self._clouds.acceptor(project, self._name)
            try:
                return asking.project_id(acceptor)
            except _FAILURES as error:
                cloud = self._manifest.accept[project].cloud
                self._project_problems[project] = (
                    f"the cloud {cloud} of who accepts for it cannot be "
                    f"entered: {_reason(error)}"
                )
                return None
        conn: Any = self._conn
        region = conn.config.get_region_name()
        try:
            # A project is one region's, and often named after it.
            for name in (project, f'{region}_{project}'):
                if found := asking.find_project(conn, name):
                    return found
        except _FAILURES as error:
            self._project_problems[project] = _reason(error)
        return None

    # ====== MEMBERS ======

    def _shared(self, there: SeenTarget) -> Iterator[SeenImage]:
        """Give the images, with members where these decide on anything."""
        fleet = Fleet(self._manifest, self._versions, there)
        # With those that are made first, which is when others are to go.
        wanted = {
            name: planned.wanted(image, self._versions[name])
            for name, image in self._manifest.images.items()
        }
        asked = {
            one.id
            for name, versions in fleet.own.items()
            if name in self._manifest.images
            for ones in versions.values()
            # Of two that are the same, one is to go.
            if len(ones) > 1
            or _asks_for_members(
                self._manifest.images[name],
                len({*versions, *wanted[name]}),
            )
            for one in ones
        }

        def with_members(image: SeenImage) -> SeenImage:
            if image.id not in asked:
                return image
            return dataclasses.replace(image, members=self._members(image.id))

        with futures.ThreadPoolExecutor(_LISTS_AT_A_TIME) as pool:
            yield from pool.map(with_members, there.images)

    def _members(self, image_id: str) -> dict[str, str] | None:
        conn: Any = self._conn
        try:
            return {
                str(each.member_id): str(each.status)
                for each in conn.ims.members(image_id)
            }
        except sdk_exceptions.NotFoundException:
            # Gone meanwhile, or of a kind that has none.
            return {}


def seen_image(
    image: 'CloudImage', properties: Iterable[str] = ()
) -> SeenImage:
    """Return an image of a list as plans see it.

    :param image: The image.
    :param properties: Names of further attributes that are looked at.
    """
    description, words = identity.read(image.description)
    own = (image.properties or {}) if properties else {}
    attributes = {key: getattr(image, key) for key in _ATTRIBUTES}
    return SeenImage(
        id=str(image.id),
        name=str(image.name),
        status=str(image.status).lower(),
        created_at=image.created_datetime
        or datetime.datetime.now(datetime.UTC),
        size=image.image_size or 0,
        description=description,
        words=words,
        tags=image.tag_map,
        attributes=attributes,
        properties={
            name: str(own[name]) for name in properties if name in own
        },
        is_protected=bool(image.is_protected),
        updated_at=image.updated_datetime,
    )


def _asks_for_members(image: model.Image, count: int) -> bool:
    """Whether who has an image decides on anything.

    :param image: The image in the manifest.
    :param count: How many versions of it there are, or are to be.
    """
    if image.share or any(each.share for each in image.channels):
        return True
    return _retires(image) and count > (image.retention.keep or 1)


def _retires(image: model.Image) -> bool:
    return image.retention != model.Retention()


# ====== ANSWERS ======


def _time_of(response: 'requests.Response') -> datetime.datetime | None:
    """Return the cloud's own time, by the head of an answer."""
    try:
        found = email.utils.parsedate_to_datetime(response.headers['Date'])
    except (KeyError, ValueError):
        return None
    return found.astimezone(datetime.UTC)


def _reason(error: Exception) -> str:
    return exceptions.readable(str(error) or type(error).__name__, 300)
