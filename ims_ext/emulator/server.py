# SPDX-License-Identifier: Apache-2.0
"""The emulator as a whole: its capabilities, its ports, its life."""

import collections
from collections.abc import Callable, Sequence
import contextlib
import dataclasses
from pathlib import Path
import socket
import threading
from types import TracebackType
from typing import Any
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator import errors
from ims_ext.emulator.api.cloud_image import CloudImagesApi
from ims_ext.emulator.api.creation import CreationApi
from ims_ext.emulator.api.job import JobsApi
from ims_ext.emulator.api.job_progress import JobProgressApi
from ims_ext.emulator.api.legacy import LegacyImagesApi
from ims_ext.emulator.api.member import MembersApi
from ims_ext.emulator.api.native import UPLOAD_LIMIT
from ims_ext.emulator.api.native import NativeImagesApi
from ims_ext.emulator.api.native_member import NativeMembersApi
from ims_ext.emulator.api.os_version import OsVersionsApi
from ims_ext.emulator.api.quota import QuotasApi
from ims_ext.emulator.api.schema import SchemasApi
from ims_ext.emulator.api.server_image import ServerImagesApi
from ims_ext.emulator.api.tag import TagsApi
from ims_ext.emulator.api.tag_search import TagSearchApi
from ims_ext.emulator.api.transfer import TransferApi
from ims_ext.emulator.api.version import VersionsApi
from ims_ext.emulator.api.whole_image import WholeImagesApi
from ims_ext.emulator.bucket import errors as s3_errors
from ims_ext.emulator.bucket.store import BucketStore
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.connection import IsKnown
from ims_ext.emulator.control.fault import Controlled
from ims_ext.emulator.control.local import LocalOnly
from ims_ext.emulator.control.local import Refuse
from ims_ext.emulator.control.local import is_loopback
from ims_ext.emulator.delays import Delays
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.fault.injection import Misbehaving
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import Application
from ims_ext.emulator.http import Router
from ims_ext.emulator.listener import PortError
from ims_ext.emulator.listener import bind
from ims_ext.emulator.listener import serve
from ims_ext.emulator.listener import url
from ims_ext.emulator.openstack.access_key import AccessKeysApi
from ims_ext.emulator.openstack.application_credential import (
    ApplicationCredentialsApi,
)
from ims_ext.emulator.openstack.block_storage import BlockStorageApi
from ims_ext.emulator.openstack.compute import ComputeApi
from ims_ext.emulator.openstack.directory import DirectoryApi
from ims_ext.emulator.openstack.identity import IdentityApi
from ims_ext.emulator.openstack.role import RolesApi
from ims_ext.emulator.openstack.user import UsersApi
from ims_ext.emulator.seed import ACCOUNTS
from ims_ext.emulator.seed import FIRST_BUCKET
from ims_ext.emulator.seed import Account
from ims_ext.emulator.seed import seed
from ims_ext.emulator.service import IMAGE_QUOTA
from ims_ext.emulator.service import REGION
from ims_ext.emulator.service import Service
from ims_ext.emulator.service import Settings
from ims_ext.emulator.state import Seed
from ims_ext.emulator.state import State
from ims_ext.emulator.work.image_upload import ImageUpload
from ims_ext.emulator.work.job_runner import JobRunner
from ims_ext.emulator.work.new_image import NewImages
from ims_ext.emulator.work.settling import Settling
from ims_ext.emulator.work.sharing import Sharing

__all__ = ['CAPABILITIES', 'EmulatorServer', 'PortError']

#: The capabilities that answer requests, and the runner of their jobs.
CAPABILITIES: tuple[Callable[[Service], object], ...] = (
    IdentityApi,
    DirectoryApi,
    UsersApi,
    RolesApi,
    ApplicationCredentialsApi,
    AccessKeysApi,
    VersionsApi,
    SchemasApi,
    NativeImagesApi,
    NativeMembersApi,
    ImageUpload,
    Sharing,
    NewImages,
    Settling,
    JobRunner,
    JobsApi,
    JobProgressApi,
    CloudImagesApi,
    CreationApi,
    ServerImagesApi,
    WholeImagesApi,
    ComputeApi,
    BlockStorageApi,
    TransferApi,
    LegacyImagesApi,
    MembersApi,
    OsVersionsApi,
    QuotasApi,
    TagsApi,
    TagSearchApi,
)

#: Somewhat more than what a handler accepts: it refuses in its own words.
_API_BODY_LIMIT = UPLOAD_LIMIT + 16 * 1024**2
#: The largest part of an upload that S3 knows, and what goes with it.
_BUCKET_BODY_LIMIT = 5 * 1024**3 + 16 * 1024**2


@dataclasses.dataclass(frozen=True)
class _Port:
    """A port with what answers at it.

    :ivar body_limit: Bytes that a body may have.
    :ivar is_known: Whether a request is somebody's, by its head.
    :ivar refuse: Answers whoever calls this machine by a foreign name.
    """

    listening: socket.socket
    application: WSGIApplication
    body_limit: int
    is_known: IsKnown
    refuse: Refuse

    def serve(self, is_local: bool) -> Callable[[], None]:
        """Begin to answer; return what ends that.

        :param is_local: Whether only this machine is to be answered.
        """
        application = self.application
        if is_local:
            application = LocalOnly(application, self.refuse)
        return serve(
            self.listening, application, self.body_limit, self.is_known
        )


class EmulatorServer:
    """An emulator that listens while it is used as a context.

    ::

        with EmulatorServer(job_seconds=0.1) as server:
            print(server.auth_url, server.clouds())

    :param host: The address to listen on.
    :param port: The port of all services but the bucket side; 0 for a free
        one.
    :param bucket_port: The port of the bucket side; 0 for a free one.
    :param state_dir: Where to keep everything; ``None`` to forget it.
    :param job_seconds: For how many seconds a job runs.
    :param users: Users beside the default ones.
    :param region: The region's name, where there is one.
    :param regions: The names of the regions, where there are several. Each
        user has a project in each, see
        :class:`~ims_ext.emulator.seed.Account`.
    :param image_quota: How many images a project may own.
    :param delays: How much later effects come than their answers.
    :param faults: What goes wrong on purpose; see :mod:`.fault`.
    :param fault_seed: Decides with which requests.
    :param seed: What IDs, keys and tokens follow from: a number, by default
        0, or ``random`` for ones that nobody knows in advance. A state goes
        on with the one that it has.
    :raises: :class:`~ims_ext.emulator.fault.FaultError`

    :ivar auth_url: The identity service's URL, version included.
    :ivar image_url: The image service's root.
    :ivar bucket_url: The bucket side's URL.
    :ivar faults: What goes wrong; can be changed while it runs.
    :ivar clock: The time; can be advanced: ``clock.advance('2h')``.
    """

    def __init__(
        self,
        host: str = '127.0.0.1',
        port: int = 0,
        bucket_port: int = 0,
        state_dir: Path | None = None,
        job_seconds: float = 2.0,
        users: Sequence[Account] = (),
        region: str = REGION,
        image_quota: int = IMAGE_QUOTA,
        delays: Delays | None = None,
        faults: Sequence[str] = (),
        fault_seed: int = 0,
        seed: Seed | None = None,
        regions: Sequence[str] = (),
    ) -> None:
        self._host = host
        self._ports = port, bucket_port
        self._state_dir = state_dir
        self._seed = seed
        self._settings = Settings(
            job_seconds,
            tuple(regions) or (region,),
            image_quota,
            delays or Delays(),
        )
        self.faults = Faults(faults, fault_seed)
        self.clock = Clock()
        # A user given again has the last password given.
        self._accounts = {each.name: each for each in (*ACCOUNTS, *users)}
        self._seeds = (*ACCOUNTS, *users)
        self._stack = contextlib.ExitStack()
        self.auth_url = self.image_url = self.bucket_url = ''

    def start(self) -> None:
        """Bind the ports and begin to answer.

        :raises: :class:`PortError` or
            :class:`~ims_ext.emulator.state.StateError`.
        """
        with contextlib.ExitStack() as stack:
            api_socket, bucket_socket = (
                stack.enter_context(bind(self._host, port))
                for port in self._ports
            )
            self._state = State(self._state_dir, self.clock, self._seed)
            stack.callback(self._state.close)
            seed(self._state, self._seeds, self._settings.regions)
            buckets = BucketStore(
                self._state.access_keys,
                self._state.directory,
                self._state.database,
                self._settings.region,
                clock=self.clock,
                ids=self._state.ids,
            )
            stack.callback(buckets.close)
            _make_first_bucket(self._state, buckets)
            stopping = threading.Event()
            service = Service(
                self._state, self._settings, buckets, self.faults
            )
            self._set_urls(service, api_socket, bucket_socket)
            services = _application(service)
            api_side = Controlled(
                Misbehaving(services, self.faults, _service, stopping),
                self.faults,
            )
            bucket_side = Misbehaving(buckets, self.faults, _bucket, stopping)
            stack.callback(service.stop)
            service.start()
            for port in (
                _Port(
                    api_socket,
                    api_side,
                    _API_BODY_LIMIT,
                    services.is_known,
                    errors.forbid,
                ),
                _Port(
                    bucket_socket,
                    bucket_side,
                    _BUCKET_BODY_LIMIT,
                    buckets.is_known,
                    s3_errors.forbid,
                ),
            ):
                stack.callback(port.serve(is_loopback(self._host)))
            stack.callback(stopping.set)
            self._stack = stack.pop_all()

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
        clouds: dict[str, Any] = {}
        for account in self._accounts.values():
            clouds |= self._clouds(account.name, account, access_keys)
        first = self._accounts[ACCOUNTS[0].name]
        clouds |= self._clouds('emulator', first, access_keys)
        if access_keys:
            clouds = {
                **{f'{name}-aksk': _signing(clouds[name]) for name in clouds},
                **clouds,
            }
        return {'clouds': clouds}

    def _clouds(
        self, name: str, account: Account, access_keys: bool
    ) -> dict[str, Any]:
        """Return the clouds of a user: one, or one more a region."""
        projects = account.projects(self._settings.regions)
        clouds = {
            region: self._cloud(account, region, project, access_keys)
            for region, project in projects.items()
        }
        whole = dict(next(iter(clouds.values())))
        if len(projects) > 1:
            whole['regions'] = [
                {'name': region, 'values': {'auth': {'project_name': project}}}
                for region, project in projects.items()
            ]
        if len(self._settings.regions) == 1:
            return {name: whole}
        return {name: whole} | {
            f'{name}-{region}': cloud for region, cloud in clouds.items()
        }

    def _cloud(
        self, account: Account, region: str, project: str, access_keys: bool
    ) -> dict[str, Any]:
        cloud = {
            'auth': {
                'auth_url': self.auth_url,
                'username': account.name,
                'password': account.password,
                'project_name': project,
                'user_domain_id': 'default',
                'project_domain_id': 'default',
            },
            'region_name': region,
            'identity_api_version': '3',
            'vendor_hook': 'ims_ext:load',
        }
        user = self._state.users.find(account.name, 'default')
        key = self._state.access_keys.permanent(user.id) if user else None
        if access_keys and key is not None:
            cloud |= {'ak': key.access, 'sk': key.secret}
        return cloud

    def _set_urls(
        self,
        service: Service,
        api_socket: socket.socket,
        bucket_socket: socket.socket,
    ) -> None:
        api, self.bucket_url = (
            url(self._host, each) for each in (api_socket, bucket_socket)
        )
        self.image_url = api + IMAGE
        self.auth_url = f'{api}{IDENTITY}/v3'
        service.urls.identity = api + IDENTITY
        service.urls.image = self.image_url
        service.urls.compute = api + COMPUTE
        service.urls.block_storage = api + BLOCK_STORAGE
        service.urls.bucket = self.bucket_url

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


def _signing(cloud: dict[str, Any]) -> dict[str, Any]:
    """Return a cloud's entry for requests that are signed, without token."""
    return {
        'auth_type': 'v3aksk',
        'auth': {
            'auth_url': cloud['auth']['auth_url'],
            'access_key': cloud['ak'],
            'secret_key': cloud['sk'],
            'project_name': cloud['auth']['project_name'],
        },
        **{
            name: cloud[name]
            for name in (
                'region_name',
                'identity_api_version',
                'vendor_hook',
                'regions',
            )
            if name in cloud
        },
    }


def _make_first_bucket(state: State, buckets: BucketStore) -> None:
    project = state.projects.find(ACCOUNTS[0].project, 'default')
    if project is not None and not buckets.buckets(project.id):
        buckets.create_bucket(project.id, FIRST_BUCKET)


def _application(service: Service) -> Application:
    """Construct the capabilities, and the routers that lead to them."""
    service.assemble(CAPABILITIES)
    by_mount = collections.defaultdict(list)
    for capability in service.capabilities:
        by_mount[getattr(capability, 'mount', IMAGE)].append(capability)
    users = service.capability(IdentityApi)
    authenticate = users.authenticate
    return Application(
        {
            IDENTITY: Router(
                by_mount[IDENTITY],
                authenticate,
                Dialect.KEYSTONE,
                needs_project=False,
            ),
            IMAGE: Router(by_mount[IMAGE], authenticate, Dialect.GLANCE),
            COMPUTE: Router(by_mount[COMPUTE], authenticate, Dialect.COMPUTE),
            BLOCK_STORAGE: Router(
                by_mount[BLOCK_STORAGE], authenticate, Dialect.COMPUTE
            ),
        },
        users.is_known,
    )


def _service(environ: WSGIEnvironment) -> tuple[str, str]:
    """Return which service a request is for, and the path within it."""
    head, _, tail = environ['PATH_INFO'].lstrip('/').partition('/')
    return head, f'/{tail}'


def _bucket(environ: WSGIEnvironment) -> tuple[str, str]:
    return 'bucket', environ['PATH_INFO']
