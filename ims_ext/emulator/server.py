# SPDX-License-Identifier: Apache-2.0
"""The emulator as a whole: its capabilities, its ports, its life."""

from collections.abc import Mapping, Sequence
import contextlib
import logging
from pathlib import Path
import socket
import ssl
import time
from types import TracebackType
from typing import Any

from ims_ext.emulator import listener
from ims_ext.emulator.address import BUCKET
from ims_ext.emulator.address import SERVICES
from ims_ext.emulator.address import Addresses
from ims_ext.emulator.address import plan_ports
from ims_ext.emulator.backend import Backend
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.clouds import CloudsYaml
from ims_ext.emulator.control.application import Controlled
from ims_ext.emulator.control.counts import Counts
from ims_ext.emulator.control.gate import Gate
from ims_ext.emulator.control.jobs import Jobs
from ims_ext.emulator.control.local import is_loopback
from ims_ext.emulator.control.recording import Recorded
from ims_ext.emulator.control.request_log import RequestLog
from ims_ext.emulator.delays import Delays
from ims_ext.emulator.delays import chosen as chosen_delays
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import KEY_MANAGEMENT
from ims_ext.emulator.listener import PortError
from ims_ext.emulator.profile import find as find_profile
from ims_ext.emulator.scenario import Given
from ims_ext.emulator.scenario import Scenario
from ims_ext.emulator.scenario import first_given
from ims_ext.emulator.seed import ACCOUNTS
from ims_ext.emulator.seed import ADMINISTRATOR
from ims_ext.emulator.seed import Account
from ims_ext.emulator.seed import seed
from ims_ext.emulator.service import Glance
from ims_ext.emulator.service import Service
from ims_ext.emulator.service import Settings
from ims_ext.emulator.state import Seed
from ims_ext.emulator.state import State

LOG = logging.getLogger(__name__)

_LOOPBACK = '127.0.0.1'

__all__ = ['EmulatorServer', 'PortError']

#: How many ports after the image service's the control's is.
CONTROL_OFFSET = 9


class EmulatorServer:
    """An emulator that listens while it is used as a context.

    ::

        with EmulatorServer(job_seconds=0.1) as server:
            print(server.auth_url, server.clouds())

    :param host: The address to listen on; ``127.0.0.1`` brings ``::1``
        along, where that is free.
    :param port: The image service's port; 0 for free ones. The other
        services have the next ones, in the order of
        :data:`~ims_ext.emulator.address.SERVICES`; in place of one that is
        taken, any other.
    :param bucket_port: The object store's port, where it does not follow.
    :param ports: Other services' ports that do not, by service.
    :param domain: The domain of the services' names, for the catalog to show
        names; without, it shows ports. Names below ``localhost`` are
        answered in either case.
    :param public_url: What clients are told instead, where they reach the
        emulator by another address; see
        :class:`~ims_ext.emulator.public_url.PublicUrl`.
    :param state_dir: Where to keep everything; ``None`` to forget it.
    :param job_seconds: For how many seconds a job runs; by default 2, or as
        the cloud has it that the emulator is like, as with all parameters
        that are ``None``.
    :param users: Users beside the default ones.
    :param region: The region's name, where there is one.
    :param regions: The names of the regions, where there are several. Each
        user has a project in each, see
        :class:`~ims_ext.emulator.seed.Account`.
    :param image_quota: How many images a project may own.
    :param glance: ``full`` for all that a plain Glance does, beside what the
        clouds document. There is an administrator then, ``admin``.
    :param import_hosts: Hosts on this machine or a private network that a
        plain Glance may fetch images from, alone or with a port.
    :param delays: How much later effects come than their answers; or some
        of the delays alone, by their names: ``{'upload': 0.5}``.
    :param faults: What goes wrong on purpose; see :mod:`.fault`.
    :param fault_seed: Decides with which requests.
    :param seed: What IDs, keys and tokens follow from: a number, by default
        0, or ``random`` for ones that nobody knows in advance. A state goes
        on with the one that it has.
    :param like: The cloud to be like: ``otc``, ``flexible-engine`` or
        ``huawei``; by default all of them together. What other parameters
        say counts more.
    :param scenario: What there is from the start, and settings that count
        where no parameter says otherwise: a YAML file, or its content.
    :param control_port: The port of the control routes and of the page for
        people; the ninth after the image service's where not given. It
        answers this machine only.
    :param tls: Whether all services are encrypted, by a certificate of an
        authority that is made for this emulator.
    :raises: :class:`~ims_ext.emulator.fault.FaultError`,
        :class:`~ims_ext.emulator.address.AddressError`,
        :class:`~ims_ext.emulator.service.RegionError`,
        :class:`~ims_ext.emulator.scenario.ScenarioError`

    :ivar addresses: Where each service is.
    :ivar profile: The cloud that it is like.
    :ivar delays: How much later effects come than their answers.
    :ivar cacert: The path of the certificate that clients are to trust;
        ``None`` without TLS, and before the start.
    :ivar faults: What goes wrong; can be changed while it runs.
    :ivar clock: The time; can be advanced: ``clock.advance('2h')``.
    :ivar requests: The newest requests, and what came of them.
    :ivar jobs: The jobs of all projects; can be finished, failed and held.
    :ivar counts: What was ever made, what is gone included.
    """

    def __init__(
        self,
        host: str = _LOOPBACK,
        port: int = 0,
        bucket_port: int | None = None,
        state_dir: Path | None = None,
        job_seconds: float | None = None,
        users: Sequence[Account] = (),
        region: str | None = None,
        image_quota: int | None = None,
        delays: Delays | Mapping[str, float] | None = None,
        faults: Sequence[str] = (),
        fault_seed: int = 0,
        seed: Seed | None = None,
        regions: Sequence[str] = (),
        ports: Mapping[str, int] | None = None,
        domain: str | None = None,
        public_url: str | None = None,
        glance: Glance = 'documented',
        import_hosts: Sequence[str] = (),
        like: str | None = None,
        tls: bool = False,
        scenario: Given | None = None,
        control_port: int | None = None,
    ) -> None:
        self._host = host
        self._scenario = written = Scenario.load(scenario)
        profile = find_profile(like or written.like)
        self._settings = Settings(
            first_given(job_seconds, written.job_seconds, profile.job_seconds),
            tuple(regions)
            or ((region,) if region else written.regions)
            or (profile.region,),
            first_given(image_quota, written.image_quota, profile.image_quota),
            chosen_delays(delays, written.delays(profile.delays)),
            glance,
            tuple(import_hosts),
            profile,
        )
        given = dict(ports or {})
        if bucket_port is not None:
            given[BUCKET] = bucket_port
        names = self._settings.regions
        self._ports = plan_ports(port, given, names)
        self._demanded = {(names[0], service) for service in (IMAGE, *given)}
        self.addresses = Addresses(
            names,
            listener.reached_by(host),
            'https' if tls else 'http',
            domain,
            public_url,
        )
        self._has_tls = tls
        self.cacert: Path | None = None
        self._state_dir = state_dir
        self._seed = written.seed if seed is None else seed
        users = (*written.accounts, *users)
        if glance == 'full':
            users = (ADMINISTRATOR, *users)
        self.profile = profile
        self.delays = self._settings.delays
        self.faults = Faults(
            faults or written.faults, fault_seed or written.fault_seed
        )
        self._first_faults = (
            tuple(faults or written.faults),
            fault_seed or written.fault_seed,
        )
        self.clock = Clock()
        self.requests = RequestLog()
        self.jobs = Jobs(lambda: self.service)
        self.counts = Counts(lambda: self._state)
        # A user given again has the last password given.
        self._accounts = {each.name: each for each in (*ACCOUNTS, *users)}
        self._seeds = (*ACCOUNTS, *users)
        self._demands_control = control_port is not None
        self._wanted_control = control_port or 0
        if control_port is None and port:
            self._wanted_control = port + CONTROL_OFFSET
        self._stack = contextlib.ExitStack()

    # ====== ADDRESSES ======

    @property
    def auth_url(self) -> str:
        """The identity service's URL, version included."""
        return f'{self.addresses.url(IDENTITY)}/v3'

    @property
    def image_url(self) -> str:
        """The image service's root."""
        return self.addresses.url(IMAGE)

    @property
    def bucket_url(self) -> str:
        """The object store's URL."""
        return self.addresses.url(BUCKET)

    @property
    def compute_url(self) -> str:
        """The compute service's root."""
        return self.addresses.url(COMPUTE)

    @property
    def block_storage_url(self) -> str:
        """The block storage service's root."""
        return self.addresses.url(BLOCK_STORAGE)

    @property
    def key_management_url(self) -> str:
        """The key management service's root."""
        return self.addresses.url(KEY_MANAGEMENT)

    @property
    def backup_url(self) -> str:
        """The backup service's root."""
        return self.addresses.url(BACKUP)

    @property
    def is_for_others(self) -> bool:
        """Whether other machines than this one are answered."""
        return not is_loopback(self._host)

    @property
    def control_url(self) -> str:
        """The URL of the page for people, and of the control routes."""
        return self._control_url

    @property
    def urls(self) -> dict[str, str]:
        """The URLs of all services of the first region, and the control's."""
        return {
            **{name: self.addresses.url(name) for name in SERVICES},
            'control': self._control_url,
        }

    # ====== WITHIN ======

    @property
    def service(self) -> Service:
        """The context of the capabilities: records, settings, buckets."""
        return self._backend.service

    @property
    def _state(self) -> State:
        return self.service.state

    @property
    def uptime(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self._started

    # ====== LIFE ======

    def start(self) -> None:
        """Bind the ports and begin to answer.

        :raises: :class:`PortError` or
            :class:`~ims_ext.emulator.state.StateError`.
        """
        with contextlib.ExitStack() as stack:
            sockets = [*self._bind(stack), self._bind_control(stack)]
            self._backend = self._begin()
            stack.callback(lambda: self._backend.close())
            gate = Gate(lambda: self._backend)
            application = Controlled(
                Recorded(gate, self.requests, self.clock),
                self,
                lambda port: port == str(self._control_port),
            )
            context = self._context()
            stack.callback(listener.serve(sockets, application, gate, context))
            stack.callback(lambda: self._backend.hurry())
            self._gate = gate
            self._started = time.monotonic()
            self._stack = stack.pop_all()

    def _begin(self) -> Backend:
        """Have the services, with what the state has for them."""
        return Backend(
            self._state_dir,
            self._settings,
            self._seeds,
            self._seed,
            self._scenario,
            self.addresses,
            self.faults,
            self.clock,
            not self.is_for_others,
        )

    def reset(self) -> None:
        """Have everything as at the start, on the same ports.

        Requests that come meanwhile are answered afterwards. Users who were
        added are gone; tokens and access keys are new ones, and the same as
        at the first start.
        """
        self._backend.hurry()
        with self._gate.shut():
            self._backend.close(forget=True)
            self._accounts = {each.name: each for each in self._seeds}
            self.faults.set(*self._first_faults)
            self.jobs.release_all()
            self.requests.clear()
            self._backend = self._begin()

    def _bind_control(self, stack: contextlib.ExitStack) -> socket.socket:
        """Have a port that only this machine reaches."""
        host = self._host
        if not is_loopback(host):
            host = '::1' if ':' in host else '127.0.0.1'
        bound = listener.bind_or_any(
            host, self._wanted_control, 'control', self._demands_control
        )
        stack.enter_context(bound)
        self._control_port = listener.port_of(bound)
        self._control_url = listener.url(
            host, self._control_port, 'https' if self._has_tls else 'http'
        )
        return bound

    def _context(self) -> ssl.SSLContext | None:
        """Return what answers are encrypted with; ``None`` without TLS."""
        if not self._has_tls:
            return None
        from ims_ext.emulator.certificate import Certificates

        certificates = Certificates(
            self._state.directory / 'tls', self.addresses.server_names()
        )
        self.cacert = certificates.authority
        return certificates.context()

    def _bind(self, stack: contextlib.ExitStack) -> list[socket.socket]:
        """Have the ports of all services."""
        sockets = []
        for place, port in self._ports.items():
            bound = listener.bind_or_any(
                self._host, port, place[1], place in self._demanded
            )
            stack.enter_context(bound)
            self.addresses.add_port(place, listener.port_of(bound))
            sockets.append(bound)
            if self._host == _LOOPBACK:
                twin = listener.bind_twin(bound)
                if twin is not None:
                    sockets.append(stack.enter_context(twin))
        return sockets

    def stop(self) -> None:
        """Answer what is being asked, then end; no harm when stopped."""
        self._stack.close()

    def add_user(self, account: Account) -> None:
        """Add a user while the emulator runs, so that :meth:`clouds` has it.

        A project that is not there yet comes with servers and volumes of its
        own. Projects see nothing of each other: where each test has one,
        tests can share an emulator.

        :param account: The user. A known one gets this password and project.
        """
        seed(self._state, (account,), self._settings.regions)
        self._accounts[account.name] = account

    def project_id(self, user: str, region: str | None = None) -> str:
        """Return the ID of a user's project.

        :param user: The user's name.
        :param region: The project's region; the first one where not given.
        :raises: :class:`LookupError` where there is none.
        """
        projects = self._accounts[user].projects(self._settings.regions)
        name = projects[region or self._settings.region]
        project = self._state.projects.find(name, 'default')
        if project is None:
            raise LookupError(name)
        return project.id

    def clouds(self, access_keys: bool = False) -> dict[str, Any]:
        """Return the content of a clouds.yaml for this emulator.

        There is a cloud a user, with the user's name, and ``emulator``, the
        same as ``alice``. Where there are several regions, these are in the
        first one unless told otherwise (``region_name``), and there is one
        a region too: ``alice-eu-nl``.

        :param access_keys: Whether to put each user's permanent access key
            in; without, clients ask for temporary ones. There is then a
            second cloud a user, ``alice-aksk``, whose requests are signed
            with that key.
        """
        file = CloudsYaml(
            self.auth_url,
            self._settings.regions,
            None if self.cacert is None else str(self.cacert),
        )
        return file.clouds(self._accounts, self._state, access_keys)

    def __enter__(self) -> 'EmulatorServer':
        self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
