# SPDX-License-Identifier: Apache-2.0
"""The records of an emulator, with all that answers from them."""

from collections.abc import Sequence
import contextlib
from pathlib import Path
import threading
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator import capabilities
from ims_ext.emulator import errors
from ims_ext.emulator.address import BUCKET
from ims_ext.emulator.address import Addresses
from ims_ext.emulator.bucket import errors as s3_errors
from ims_ext.emulator.bucket.auth import AccessKey
from ims_ext.emulator.bucket.region import Regions
from ims_ext.emulator.bucket.store import BucketStore
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.control import counts
from ims_ext.emulator.control.local import LocalOnly
from ims_ext.emulator.dispatch import Admission
from ims_ext.emulator.dispatch import Dispatch
from ims_ext.emulator.dispatch import Services
from ims_ext.emulator.fault.injection import Misbehaving
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.scenario import Scenario
from ims_ext.emulator.scenario import making
from ims_ext.emulator.seed import ACCOUNTS
from ims_ext.emulator.seed import FIRST_BUCKET
from ims_ext.emulator.seed import Account
from ims_ext.emulator.seed import seed as add_first
from ims_ext.emulator.service import Service
from ims_ext.emulator.service import Settings
from ims_ext.emulator.state import Seed
from ims_ext.emulator.state import State

#: The bytes that a body may have above what handlers accept: they refuse in
#: their own words.
_MORE = 16 * 1024**2
#: The largest part of an upload that S3 knows, and what goes with it.
_BUCKET_BODY_LIMIT = 5 * 1024**3 + _MORE


class Backend:
    """The services of an emulator, from one start or reset to the next.

    :param state_dir: Where to keep everything; ``None`` to forget it.
    :param settings: What was decided at the start.
    :param accounts: The users to have.
    :param seed: What IDs, keys and tokens follow from.
    :param scenario: What there is beside the users.
    :param addresses: Where each service is.
    :param faults: What goes wrong.
    :param clock: Gives the time.
    :param is_local: Whether only this machine is to be answered.
    :raises: :class:`~ims_ext.emulator.state.StateError`

    :ivar service: The context of the capabilities.
    :ivar application: What answers at all ports.
    :ivar admission: What is taken in of requests.
    """

    def __init__(
        self,
        state_dir: Path | None,
        settings: Settings,
        accounts: Sequence[Account],
        seed: Seed | None,
        scenario: Scenario,
        addresses: Addresses,
        faults: Faults,
        clock: Clock,
        is_local: bool,
    ) -> None:
        self._addresses, self._faults = addresses, faults
        self._stopping = threading.Event()
        self._forgets = False
        with contextlib.ExitStack() as stack:
            state = State(state_dir, clock, seed)
            stack.callback(lambda: state.close(self._forgets))
            buckets = BucketStore(
                state.access_keys,
                state.directory,
                state.database,
                settings.region,
                domains=addresses.domains,
                clock=clock,
                ids=state.ids,
                regions=_bucket_regions(state, settings, addresses),
            )
            stack.callback(buckets.close)
            counts.begin(state.database)
            add_first(
                state, accounts, settings.regions, scenario.empty_projects
            )
            _make_first_buckets(state, buckets, settings.regions)
            making.make(scenario, state, buckets, settings.regions)
            self.service = Service(state, settings, buckets, addresses, faults)
            services = capabilities.services(self.service)
            self.application = self._application(services, is_local)
            self.admission = Admission(
                addresses,
                services,
                buckets,
                (
                    _BUCKET_BODY_LIMIT,
                    settings.profile.upload_limit + _MORE,
                ),
            )
            stack.callback(self.service.stop)
            self.service.start()
            stack.callback(self._stopping.set)
            self._stack = stack.pop_all()

    def hurry(self) -> None:
        """Let nobody wait any more for what goes wrong on purpose."""
        self._stopping.set()

    def close(self, forget: bool = False) -> None:
        """Stop.

        :param forget: Whether nothing is to be found at the next start.
        """
        self._forgets = forget
        self._stack.close()

    def _application(
        self, services: Services, is_local: bool
    ) -> WSGIApplication:
        """Return what answers at all ports."""
        addresses, faults = self._addresses, self._faults

        def target(environ: WSGIEnvironment) -> tuple[str, str]:
            found = addresses.target(environ)
            return found.service, found.path

        api_side: WSGIApplication = Misbehaving(
            services, faults, target, self._stopping
        )
        bucket_side: WSGIApplication = Misbehaving(
            self.service.buckets, faults, target, self._stopping
        )
        if is_local:
            is_own = addresses.has_name
            api_side = LocalOnly(api_side, errors.forbid, is_own)
            bucket_side = LocalOnly(bucket_side, s3_errors.forbid, is_own)
        return Dispatch(addresses, api_side, bucket_side)


def _bucket_regions(
    state: State, settings: Settings, addresses: Addresses
) -> Regions | None:
    """Return what the object store has to know of several regions."""
    if len(settings.regions) == 1:
        return None
    projects = state.projects

    def project(key: AccessKey, region: str) -> str:
        if projects.region(key.project_id) == region:
            return key.project_id
        known = state.access_keys.get(key.access)
        home = projects.home(known.user_id, region) if known else None
        return home.id if home else key.project_id

    return Regions(project, lambda region: addresses.url(BUCKET, region))


def _make_first_buckets(
    state: State, buckets: BucketStore, regions: Sequence[str]
) -> None:
    for region, name in ACCOUNTS[0].projects(regions).items():
        project = state.projects.find(name, 'default')
        if project is not None and not buckets.buckets(project.id):
            suffix = '' if region == regions[0] else f'-{region.lower()}'
            buckets.create_bucket(
                project.id, f'{FIRST_BUCKET}{suffix}', region
            )
