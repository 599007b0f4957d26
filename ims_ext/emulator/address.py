# SPDX-License-Identifier: Apache-2.0
"""The addresses of the services: what the catalog says, and who is meant.

Every service is at the root of a port of its own, and of a host of its own:
``iam.<region>.<domain>``, ``ims.…``. All ports answer all names.
"""

from collections.abc import Iterable, Mapping, Sequence
import dataclasses
import ipaddress
import re
from typing import TypeAlias
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator.bucket.request import bucket_of
from ims_ext.emulator.bucket.request import is_for_buckets
from ims_ext.emulator.http import BACKUP
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import KEY_MANAGEMENT
from ims_ext.emulator.public_url import AddressError
from ims_ext.emulator.public_url import PublicUrl

__all__ = [
    'BUCKET',
    'LOCAL_DOMAIN',
    'SERVICES',
    'AddressError',
    'Addresses',
    'ServerNames',
    'Target',
    'check_domain',
    'plan_ports',
]

#: The key under which a request's environment has its target.
TARGET = 'ims_ext.target'

#: The object store, which no capability belongs to.
BUCKET = 'bucket'

#: The hosts of services, by service, in the order of their ports.
HOSTS = {
    IMAGE: 'ims',
    BUCKET: 'obs',
    IDENTITY: 'iam',
    COMPUTE: 'ecs',
    BLOCK_STORAGE: 'evs',
    KEY_MANAGEMENT: 'kms',
    BACKUP: 'cbr',
}
SERVICES = tuple(HOSTS)

#: The domain of names that lead to this machine.
LOCAL_DOMAIN = 'localhost'

#: From one region's ports to the next one's, where they are fixed.
REGION_STEP = 10

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

#: The key of a port: region and service.
Place = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Target:
    """The service that a request is for.

    :ivar service: One of :data:`SERVICES`.
    :ivar region: Its region.
    :ivar path: The path within the service; in the object store, it begins
        with the bucket, wherever the request names that.
    :ivar mount: The prefix that the service was reached by: ``/identity``;
        empty where it is at the root.
    """

    service: str
    region: str
    path: str
    mount: str = ''


@dataclasses.dataclass(frozen=True)
class ServerNames:
    """What the services may be called by.

    :ivar domains: Domains that all names are in.
    :ivar hosts: The names, with wildcards for buckets.
    :ivar addresses: Addresses beside names.
    """

    domains: Sequence[str]
    hosts: Sequence[str]
    addresses: Sequence[Address]


def plan_ports(
    port: int, given: Mapping[str, int], regions: Sequence[str]
) -> dict[Place, int]:
    """Return the port of each service of each region; 0 for a free one.

    :param port: The first region's image service's. Those of the others
        follow, those of the next region :data:`REGION_STEP` later.
    :param given: Ports of the first region that are decided otherwise.
    :param regions: The regions.
    """
    ports = {
        (region, service): port and port + step * REGION_STEP + offset
        for step, region in enumerate(regions)
        for offset, service in enumerate(SERVICES)
    }
    return ports | {(regions[0], name): given[name] for name in given}


def check_domain(text: str) -> str:
    """Return a domain as names have it.

    :raises: :class:`AddressError` where names could not have it.
    """
    domain = text.lower().removesuffix('.')
    if not _DOMAIN.fullmatch(domain):
        raise AddressError(f"{text!r} is no domain")
    return domain


class Addresses:
    """Where each service is.

    :param regions: The regions, the default one first.
    :param host: The address that clients of this machine reach the ports by.
    :param scheme: ``http`` or ``https``.
    :param domain: The domain of the services' names, for the catalog to show
        them; ``None`` for a catalog that shows ports of :param:`host`.
    :param public_url: What the catalog says instead, ``None`` for neither.
    :raises: :class:`AddressError`
    """

    def __init__(
        self,
        regions: Sequence[str],
        host: str = '127.0.0.1',
        scheme: str = 'http',
        domain: str | None = None,
        public_url: str | None = None,
    ) -> None:
        self.regions = tuple(regions)
        self._host = f'[{host}]' if ':' in host else host
        self._scheme = scheme
        self._domain = domain if domain is None else check_domain(domain)
        self._public_url = (
            None if public_url is None else PublicUrl.parse(public_url)
        )
        self._ports: dict[Place, int] = {}
        self._places: dict[str, Place] = {}
        self._names = _names({self.domain, LOCAL_DOMAIN}, self.regions)
        #: The public hosts, with the services that have one of their own.
        self._public_hosts: dict[str, Place | None] = {}
        self._known: dict[str, Place | None] = {}

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that the object store has names in."""
        found = {self.domain: None, LOCAL_DOMAIN: None}
        # Buckets may stand before its public names, too.
        for region in self.regions if self._public_hosts else ():
            found[_host_of(self.url(BUCKET, region))] = None
        return tuple(found)

    @property
    def ports(self) -> dict[str, int]:
        """The ports of the first region's services, by service."""
        return {
            service: port
            for (region, service), port in self._ports.items()
            if region == self.regions[0]
        }

    @property
    def is_public(self) -> bool:
        """Whether clients are told of other addresses than these."""
        return self._public_url is not None

    @property
    def domain(self) -> str:
        """The domain of the services' names."""
        return self._domain or LOCAL_DOMAIN

    @property
    def has_names(self) -> bool:
        """Whether the catalog shows names."""
        return self._domain is not None

    def short_name(self, service: str) -> str:
        """Return the first part of a service's names: ``ims``.

        :param service: One of :data:`SERVICES`.
        """
        return HOSTS[service]

    def add_port(self, place: Place, port: int) -> None:
        """Tell of the port that a service of a region has got."""
        self._ports[place] = port
        self._places[str(port)] = place
        if self._public_url is not None:
            region, service = place
            host = _host_of(self.url(service, region))
            self._known.clear()
            is_shared = self._public_hosts.get(host, place) != place
            self._public_hosts[host] = None if is_shared else place

    def url(self, service: str, region: str | None = None) -> str:
        """Return the URL of a service, as the catalog says it.

        :param service: One of :data:`SERVICES`.
        :param region: Its region; the default one where not given.
        :raises: :class:`LookupError` before the ports are known.
        """
        region = region or self.regions[0]
        port = self._ports.get((region, service))
        if port is None:
            raise LookupError("The emulator has not been started")
        if self._public_url is not None:
            return self._public_url.fill(service, HOSTS[service], region, port)
        host = self._host
        if self._domain is not None:
            host = f'{HOSTS[service]}.{region}.{self._domain}'
        return f'{self._scheme}://{host}:{port}'

    def target(self, environ: WSGIEnvironment) -> Target:
        """Return which service a request is for.

        Its host's name decides, then the port, then, but for the buckets, a
        signature that only these know, then the path's first part.

        :param environ: The request, of which the body may be missing.
        """
        known = environ.get(TARGET)
        if known is not None:
            return known  # type: ignore[no-any-return]
        target = self._target(environ)
        environ[TARGET] = target
        return target

    def has_name(self, host: str) -> bool:
        """Whether a Host header is a service's or a bucket's name.

        :param host: The header, with or without a port.
        """
        name = _PORT.sub('', host).lower()
        return (
            name in self._public_hosts
            or any(name.endswith(f'.{each}') for each in self._public_hosts)
            or self._named(host) is not None
        )

    def server_names(self) -> ServerNames:
        """Return what the services may be called by."""
        hosts = [LOCAL_DOMAIN, f'*.{LOCAL_DOMAIN}', *self._names]
        hosts += [
            f'*.{name}'
            for name, (_, service) in self._names.items()
            if service == BUCKET
        ]
        domains = [*self.domains]
        addresses = []
        for host in [self._host, *self._public_hosts]:
            try:
                addresses.append(ipaddress.ip_address(host.strip('[]')))
            except ValueError:
                domains.append(host)
                hosts += [host, f'*.{host}']
        return ServerNames(
            tuple(dict.fromkeys(domains)),
            tuple(dict.fromkeys(hosts)),
            tuple(dict.fromkeys(addresses)),
        )

    def _target(self, environ: WSGIEnvironment) -> Target:
        path = environ.get('PATH_INFO', '')
        region, service = self._named(
            environ.get('HTTP_HOST', '')
        ) or self._places.get(environ['SERVER_PORT'], (self.regions[0], IMAGE))
        if service == BUCKET or is_for_buckets(environ):
            bucket = bucket_of(environ.get('HTTP_HOST', ''), self.domains)
            path = f'/{bucket}{path}' if bucket else path
            return Target(BUCKET, region, path)
        head, _, tail = path.lstrip('/').partition('/')
        if head in HOSTS and head != BUCKET:
            return Target(head, region, f'/{tail}', f'/{head}')
        return Target(service, region, path)

    def _named(self, host: str) -> Place | None:
        """Return what a host's name is of; most come again and again."""
        if host in self._known:
            return self._known[host]
        place = self._looked_up(host)
        if len(self._known) < _MOST_KNOWN:
            self._known[host] = place
        return place

    def _looked_up(self, host: str) -> Place | None:
        """Return the region and service that a host's name is of."""
        name = _PORT.sub('', host).lower().removesuffix('.')
        is_bucket = False
        while name:
            place = self._names.get(name) or self._public_hosts.get(name)
            if place is not None:
                # Only buckets stand before a name, the object store's.
                return None if is_bucket and place[1] != BUCKET else place
            name = name.partition('.')[2]
            is_bucket = True
        return None


def _host_of(url: str) -> str:
    """Return the host of a URL as the Host header has it, without port."""
    return _PORT.sub('', urlsplit(url).netloc).lower()


#: Hosts that it is remembered of what they are.
_MOST_KNOWN = 1000

_PORT = re.compile(r':\d*$')
_LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
_DOMAIN = re.compile(rf'{_LABEL}(\.{_LABEL})*')


def _names(domains: Iterable[str], regions: Sequence[str]) -> dict[str, Place]:
    """Return the services' names; two of them are good for any region."""
    names = {}
    for domain in domains:
        for service in (IDENTITY, BUCKET):
            names[f'{HOSTS[service]}.{domain}'] = regions[0], service
        for region in regions:
            for service, host in HOSTS.items():
                names[f'{host}.{region}.{domain}'.lower()] = region, service
    return names
