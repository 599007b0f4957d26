# SPDX-License-Identifier: Apache-2.0
"""The way of a request to the service that it is for."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator import errors
from ims_ext.emulator.address import BUCKET
from ims_ext.emulator.address import Addresses
from ims_ext.emulator.bucket.region import REGION
from ims_ext.emulator.bucket.store import BucketStore
from ims_ext.emulator.http import ROOT
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import Router


class Services:
    """All services but the object store: one router each.

    :param routers: The routers, by service.
    :param addresses: Say which service a request is for.
    :param is_known: Whether a request is somebody's, by its head.
    """

    def __init__(
        self,
        routers: Mapping[str, Router],
        addresses: Addresses,
        is_known: Callable[[Request], bool],
    ) -> None:
        self._routers = dict(routers)
        self._addresses = addresses
        self._is_known = is_known

    def is_known(self, environ: WSGIEnvironment) -> bool:
        """Whether a request, of which the head is there, is somebody's.

        :param environ: The request, without its body.
        """
        try:
            return self._is_known(Request(environ))
        except errors.ServiceError:
            return False

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        target = self._addresses.target(environ)
        if self._addresses.is_public:
            environ[ROOT] = self._addresses.url(target.service, target.region)
        environ['SCRIPT_NAME'] = environ.get('SCRIPT_NAME', '') + target.mount
        environ['PATH_INFO'] = target.path
        router = self._routers[target.service]
        return router.respond(environ)(environ, start_response)


class Dispatch:
    """The application of all ports.

    :param addresses: Say which service a request is for.
    :param services: Answers requests to all services but the object store.
    :param buckets: Answers requests to the object store.
    """

    def __init__(
        self,
        addresses: Addresses,
        services: WSGIApplication,
        buckets: WSGIApplication,
    ) -> None:
        self._addresses = addresses
        self._services = services
        self._buckets = buckets

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        target = self._addresses.target(environ)
        environ[REGION] = target.region
        if target.service == BUCKET:
            return self._buckets(environ, start_response)
        return self._services(environ, start_response)


class Admission:
    """What is taken in of a request's body, decided when its head is there.

    :param addresses: Say which service a request is for.
    :param services: Know those who may send to them.
    :param buckets: Knows those who may send to it.
    :param limits: Bytes that a body may have: for the object store, and for
        all other services.
    """

    def __init__(
        self,
        addresses: Addresses,
        services: Services,
        buckets: BucketStore,
        limits: tuple[int, int],
    ) -> None:
        self._addresses = addresses
        self._services = services
        self._buckets = buckets
        self._bucket_limit, self._limit = limits

    def body_limit(self, environ: WSGIEnvironment) -> int:
        """Return how many bytes the body may have.

        :param environ: The request, without its body.
        """
        if self._addresses.target(environ).service == BUCKET:
            return self._bucket_limit
        return self._limit

    def body_buffer(self, environ: WSGIEnvironment) -> Any:
        """Return what keeps the body; ``None`` for what waitress has.

        :param environ: The request, without its body.
        """
        if self._addresses.target(environ).service == BUCKET:
            return self._buckets.body_buffer()
        return None

    def is_known(self, environ: WSGIEnvironment) -> bool:
        """Whether the request is somebody's.

        :param environ: The request, without its body.
        """
        if self._addresses.target(environ).service == BUCKET:
            return self._buckets.is_known(environ)
        return self._services.is_known(environ)
