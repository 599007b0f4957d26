# SPDX-License-Identifier: Apache-2.0
"""One cloud's dialect, limits, delays and pages, and those of all together.

A profile is what the emulator does that not all clouds do. Nothing else asks
which cloud it is: it asks the profile for what it needs to know.

What a cloud's reference says is marked with the reference's letter: F is
Flexible Engine's (2023-01), O Open Telekom Cloud's (2026-04), H Huawei
Cloud's (2022-12). The rest is deduced, or chosen so that clients meet what
is known to happen on some cloud.
"""

from collections.abc import Mapping
import dataclasses
from typing import Any

from ims_ext.emulator.delays import Delays

GIB = 2**30

#: An operation: the method, and the path as the handlers declare it.
Operation = tuple[str, str]

_SAFE_MODE: tuple[Operation, ...] = (
    ('POST', '/v2.1/cloudimages/action'),
    ('POST', '/v2.1/cloudimages/dataimages/action'),
    ('POST', '/v2.1/cloudimages/quickimport/action'),
    ('POST', '/v2.1/cloudimages/<image_id>/copy'),
    ('POST', '/v2.1/cloudimages/<image_id>/file'),
)
_MEMBERS = '/v1/<project_id>/cloudimages/<image_id>/members'
#: What H alone documents.
_HUAWEI_ALONE: tuple[Operation, ...] = (
    ('POST', '/v1/cloudimages/<image_id>/cross_region_copy'),
    ('GET', '/v1/cloudimages/os_version'),
    ('GET', '/v1/cloudimages/job/<job_id>'),
    ('GET', _MEMBERS),
    ('GET', f'{_MEMBERS}/<member_id>'),
    ('DELETE', '/v1/<project_id>/cloudimages/<image_id>/tags/delete'),
    *_SAFE_MODE,
)


@dataclasses.dataclass(frozen=True)
class Profile:
    """What a cloud does in its own way.

    :ivar name: As ``--like`` takes it; empty for all clouds together.
    :ivar cloud: What the cloud calls itself.
    :ivar region: The region's name, unless told otherwise.
    :ivar missing: Operations that there are not: the gateway refuses them.
    :ivar flat_errors: Whether the service's refusals are
        ``{"error_code", "error_msg"}`` rather than ``{"error": {…}}``.
    :ivar image_quota: How many images a project may own.
    :ivar largest_page: How many images a page of operation 1 has at most,
        whatever was asked for.
    :ivar links_pages: Whether such a page has a link to the next one.
    :ivar upload_limit: Bytes that a file which is uploaded natively stays
        below.
    :ivar system_disk: GiB that ``min_disk`` may be for an object that is
        imported.
    :ivar has_enterprise_projects: Whether images have one.
    :ivar tells_progress: Whether jobs tell ``process_percent``.
    :ivar platforms: What the cloud calls platforms, where others call them
        otherwise.
    :ivar other_os_versions: Operating systems that other clouds have.
    :ivar job_seconds: For how long a job runs.
    :ivar delays: How much later effects come than their answers.
    """

    name: str = ''
    cloud: str = ''
    region: str = 'eu-emu-1'
    missing: frozenset[Operation] = frozenset()
    flat_errors: bool = False
    image_quota: int = 100
    largest_page: int = 10_000
    links_pages: bool = False
    upload_limit: int = 2 * GIB
    system_disk: range = range(1, 1024 + 1)
    has_enterprise_projects: bool = True
    tells_progress: bool = True
    platforms: Mapping[str, str] = dataclasses.field(default_factory=dict)
    other_os_versions: frozenset[str] = frozenset()
    job_seconds: float = 2.0
    delays: Delays = Delays()  # noqa: RUF009

    def platform(self, name: str) -> str:
        """Return what the cloud calls a platform."""
        return self.platforms.get(name, name)

    def has_os_version(self, version: str) -> bool:
        """Whether the cloud knows an operating system."""
        return version not in self.other_os_versions

    def shape(self, attributes: dict[str, Any]) -> None:
        """Change the attributes of a new image to what the cloud has."""
        if not self.has_enterprise_projects:
            attributes.pop('enterprise_project_id', None)
        if '__platform' in attributes:
            attributes['__platform'] = self.platform(attributes['__platform'])


#: All clouds together, which is what there is unless told otherwise.
ALL_CLOUDS = Profile()

OTC = Profile(
    name='otc',
    cloud='Open Telekom Cloud',
    region='eu-de',
    missing=frozenset(_HUAWEI_ALONE),
    image_quota=20,
    # Shorter than asked for, and nothing says so.
    largest_page=100,
    # O: uploading an image.
    upload_limit=128 * GIB,
    # O: the example of a job has none.
    tells_progress=False,
    other_os_versions=frozenset(
        {
            'Windows Server 2019 Datacenter 64bit',
            'Windows Server 2019 Standard 64bit',
            'Redhat Linux Enterprise 7.6 64bit',
            'Ubuntu 18.04.2 server 64bit',
            'Ubuntu 18.04.1 server 64bit',
            'Ubuntu 16.04.6 server 64bit',
            'Ubuntu 16.04.5 server 64bit',
            'Ubuntu 16.04.4 server 64bit',
            'NeoKylin 7.4 64bit',
            'NeoKylin Linux Advanced Server release 7.0 U5 64bit',
            'NeoKylin Server release 5.0 U2 64bit',
        }
    ),
    job_seconds=5.0,
    delays=Delays(upload=6, delete=4, tags=2, share=2),
)

FLEXIBLE_ENGINE = Profile(
    name='flexible-engine',
    cloud='Flexible Engine',
    # F: the endpoint of identity.
    region='eu-west-0',
    missing=frozenset(
        (*_HUAWEI_ALONE, ('POST', '/v1/cloudimages/dataimages/action'))
    ),
    # F: 3.3 has this shape, with a code of the service's; appendix B the
    # other one.
    flat_errors=True,
    image_quota=20,
    largest_page=500,
    # F: no parameter and no attribute of the name.
    has_enterprise_projects=False,
    other_os_versions=frozenset(
        {
            'Windows 7 Enterprise 64bit',
            'Windows 7 Professional 64bit',
            'Windows 7 Professional 32bit',
            'Windows Server 2019 Datacenter 64bit',
            'Windows Server 2019 Standard 64bit',
            'SUSE Linux Enterprise Server 12 SP4 64bit',
            'Redhat Linux Enterprise 7.6 64bit',
            'Ubuntu 18.04.2 server 64bit',
            'Ubuntu 18.04.1 server 64bit',
            'Ubuntu 16.04.6 server 64bit',
            'Ubuntu 16.04.5 server 64bit',
            'Ubuntu 16.04.4 server 64bit',
            'Ubuntu 16.04.3 Server 64bit',
            'Ubuntu 16.04.3 server 64bit',
            'Ubuntu 16.04.2 Server 64bit',
            'Ubuntu 16.04.2 server 64bit',
            'Ubuntu 14.04.5 server 64bit',
            'Debian GNU/Linux 8.10.0 64bit',
            'Fedora 29 64bit',
            'NeoKylin 7.4 64bit',
            'NeoKylin Linux Advanced Server release 7.0 U5 64bit',
            'NeoKylin Server release 5.0 U2 64bit',
        }
    ),
    job_seconds=8.0,
    delays=Delays(upload=8, delete=6, tags=3, share=3),
)

HUAWEI = Profile(
    name='huawei',
    cloud='Huawei Cloud',
    # H: the example of a request.
    region='cn-north-4',
    image_quota=20,
    largest_page=200,
    links_pages=True,
    # H: making an image.
    system_disk=range(40, 1024 + 1),
    platforms={'Red Hat': 'RedHat'},
    other_os_versions=frozenset(
        {
            'Windows 7 Enterprise 64bit',
            'Windows 7 Professional 64bit',
            'Windows 7 Professional 32bit',
            'SUSE Linux Enterprise Server 12 64bit',
            'SUSE Linux Enterprise Server 11 SP1 64bit',
            'Red Hat 7.6 64bit',
            'Redhat 7.6 64bit',
            'openSUSE 15.1 64bit',
            'CentOS 6.9 32bit',
            'CoreOS 1298.6.0',
            'CoreOS 1068.10.0',
            'CoreOS 1010.5.0',
        }
    ),
    job_seconds=3.0,
    delays=Delays(upload=3, delete=2, tags=1, share=1),
)

#: The profiles of single clouds, by their names.
PROFILES: Mapping[str, Profile] = {
    each.name: each for each in (OTC, FLEXIBLE_ENGINE, HUAWEI)
}


def find(name: str | None) -> Profile:
    """Return a profile by its name, that of all clouds without one.

    :param name: As ``--like`` takes it.
    :raises: :class:`ValueError` with the names that there are.
    """
    if not name:
        return ALL_CLOUDS
    try:
        return PROFILES[name]
    except KeyError:
        raise ValueError(
            f"{name!r} is no cloud that the emulator can be like; "
            f"{', '.join(PROFILES)} are"
        ) from None
