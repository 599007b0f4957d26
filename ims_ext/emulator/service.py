# SPDX-License-Identifier: Apache-2.0
"""The context of the emulator's capabilities: state, settings, URLs."""

from collections.abc import Callable, Iterable
import dataclasses
import re
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, get_args

from ims_ext.emulator.address import Addresses
from ims_ext.emulator.delays import Delays
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.profile import ALL_CLOUDS
from ims_ext.emulator.profile import Profile
from ims_ext.emulator.work.web_source import check_host

if TYPE_CHECKING:
    from ims_ext.emulator.bucket.store import BucketStore
    from ims_ext.emulator.state import State

T = TypeVar('T')

#: How much of Glance an emulator has.
Glance: TypeAlias = Literal['documented', 'full']

#: What a region is called: its name is a part of hosts' names.
_REGION = re.compile('[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?')
#: How many images a project may own, unless told otherwise.
IMAGE_QUOTA = ALL_CLOUDS.image_quota


class SettingError(ValueError):
    """Settings that an emulator cannot have."""


class RegionError(SettingError):
    """Names of regions that an emulator cannot have."""


def check_region(name: str) -> str:
    """Return the name of a region.

    :raises: :class:`RegionError` for what cannot be one.
    """
    if not _REGION.fullmatch(name):
        raise RegionError(
            f"{name!r} is no name of a region, which is of up to 32 letters, "
            "digits and hyphens"
        )
    return name


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings that an emulator is started with.

    :ivar job_seconds: For how long a job runs.
    :ivar regions: The names of the regions, the one with the oldest
        projects first.
    :ivar image_quota: How many images a project may own.
    :ivar delays: How much later effects come than their answers.
    :ivar glance: How much of Glance there is: what the clouds document, or
        all of it.
    :ivar import_hosts: Hosts on this machine or a private network that
        images may be fetched from, each alone or with a port.
    :ivar profile: Whose dialect and limits there are.
    """

    job_seconds: float = ALL_CLOUDS.job_seconds
    regions: tuple[str, ...] = (ALL_CLOUDS.region,)
    image_quota: int = IMAGE_QUOTA
    delays: Delays = ALL_CLOUDS.delays
    glance: Glance = 'documented'
    import_hosts: tuple[str, ...] = ()
    profile: Profile = ALL_CLOUDS

    def __post_init__(self) -> None:
        """Refuse what cannot be, or makes no sense together.

        :raises: :class:`SettingError`
        """
        self._check_glance()
        names = [check_region(region).lower() for region in self.regions]
        for name in names:
            if names.count(name) > 1:
                raise RegionError(f"There are two regions {name}")

    def _check_glance(self) -> None:
        if self.glance not in get_args(Glance):
            raise SettingError(
                f"glance is {' or '.join(get_args(Glance))}, not "
                f"{self.glance!r}"
            )
        if self.import_hosts and self.glance != 'full':
            raise SettingError(
                "Images are fetched from hosts with --glance full only"
            )
        try:
            for host in self.import_hosts:
                check_host(host)
        except ValueError as error:
            raise SettingError(str(error)) from error

    @property
    def region(self) -> str:
        """The first region."""
        return self.regions[0]


class Service:
    """The one context that every capability is constructed with.

    :ivar state: All records.
    :ivar settings: What was decided at the start.
    :ivar addresses: Where the services are.
    :ivar buckets: The bucket side, for imports and exports.
    :ivar clock: Gives the time in seconds since 1970.
    :ivar faults: What goes wrong on purpose.
    """

    def __init__(
        self,
        state: 'State',
        settings: Settings,
        buckets: 'BucketStore',
        addresses: Addresses,
        faults: Faults | None = None,
    ) -> None:
        self.state = state
        self.settings = settings
        self.buckets = buckets
        self.addresses = addresses
        self.faults = faults or Faults()
        self.clock = state.clock
        self.capabilities: list[object] = []

    def image_quota(self, project_id: str) -> int:
        """Return how many images a project may own."""
        own = self.state.notes.image_quota(project_id)
        return self.settings.image_quota if own is None else own

    def assemble(
        self, capabilities: Iterable[Callable[['Service'], object]]
    ) -> None:
        """Construct the capabilities, in the order given."""
        for capability in capabilities:
            self.capabilities.append(capability(self))

    def capability(self, cls: type[T]) -> T:
        """Return the object of a capability's class.

        :raises: :class:`LookupError` before it has been constructed.
        """
        for each in self.capabilities:
            if isinstance(each, cls):
                return each
        raise LookupError(cls.__module__)

    def start(self) -> None:
        """Start what runs beside the requests."""
        for each in self.capabilities:
            start = getattr(each, 'start', None)
            if start is not None:
                start()

    def stop(self) -> None:
        """Stop what :meth:`start` started, in the opposite order."""
        for each in reversed(self.capabilities):
            stop = getattr(each, 'stop', None)
            if stop is not None:
                stop()
