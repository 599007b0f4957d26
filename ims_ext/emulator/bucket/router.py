# SPDX-License-Identifier: Apache-2.0
"""The way of a request to its operation; what has none is refused."""

from collections.abc import Callable, Iterable
import dataclasses

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import Level
from ims_ext.emulator.bucket.call import Operation
from ims_ext.emulator.bucket.dialect import OBS
from ims_ext.emulator.bucket.dialect import S3
from ims_ext.emulator.bucket.request import BucketRequest

#: Parameters that belong to a signature, or have no meaning to the service.
_SIGNATURE_PARAMS = {
    S3.access_key.lower(),
    OBS.access_key.lower(),
    'expires',
    'signature',
    'x-id',
}
#: Headers that have done their work when an operation begins, or that ask
#: for what is so anyway.
_TAKEN_OPTIONS = {
    'bucket-type',
    'checksum-algorithm',
    'checksum-mode',
    'checksum-type',
    'content-sha256',
    'copy-source',
    'copy-source-if-match',
    'copy-source-if-modified-since',
    'copy-source-if-none-match',
    'copy-source-if-unmodified-since',
    'copy-source-range',
    'date',
    'decoded-content-length',
    'location',
    'metadata-directive',
    'mp-object-size',
    'request-payer',
    'sdk-checksum-algorithm',
    'security-token',
    'storage-class',
    'te',
    'trailer',
    'user-agent',
}
_TAKEN_PREFIXES = ('meta-', 'checksum-')
#: Headers that are taken where they ask for what there is.
_TAKEN_VALUES = {
    'acl': 'private',
    'bucket-object-lock-enabled': 'false',
    'fs-file-interface': 'Disabled',
    'optional-object-attributes': 'RestoreStatus',
    'tagging-directive': 'COPY',
}


@dataclasses.dataclass(frozen=True)
class _Route:
    operation: Operation
    handler: Callable[[Call], Response]


class BucketRouter:
    """The operations of the object store, as found on the objects.

    :param apis: Objects with methods that are declared as operations.
    """

    def __init__(self, apis: Iterable[object]) -> None:
        self._routes: dict[tuple[str, Level], list[_Route]] = {}
        for api in apis:
            for name in dir(type(api)):
                declared = getattr(type(api), name)
                for operation in getattr(declared, 'operations', ()):
                    self._routes.setdefault(
                        (operation.method, operation.level), []
                    ).append(_Route(operation, getattr(api, name)))
        for routes in self._routes.values():
            # Those that ask for more are tried first.
            routes.sort(key=lambda route: -len(route.operation.markers))

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The operations that there are."""
        return tuple(
            route.operation
            for routes in self._routes.values()
            for route in routes
        )

    def operation_name(self, request: BucketRequest) -> str | None:
        """Return the name of the operation that a request is for.

        :returns: ``None`` where there is none.
        """
        route = self._route(request)
        return route.operation.name if route else None

    def _route(self, request: BucketRequest) -> _Route | None:
        bucket, key = request.target
        level = Level.OBJECT if key else Level.BUCKET
        if not bucket:
            level = Level.SERVICE
        named = _named(request)
        for route in self._routes.get((request.method, level), []):
            if route.operation.markers <= named:
                return route
        return None

    def respond(self, call: Call) -> Response:
        """Carry out the operation that a request is for.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        named = _named(call.request)
        route = self._route(call.request)
        if route is not None:
            unknown = named - route.operation.markers
            unknown -= route.operation.params
            _refuse(sorted(unknown) + _untaken(call))
            return route.handler(call)
        _refuse(sorted(named))
        raise errors.S3Error(
            'MethodNotAllowed',
            "The method is not allowed against this resource.",
            405,
        )


def _named(request: BucketRequest) -> set[str]:
    """Return the parameters that say what a request is for."""
    return {
        name
        for name in request.params
        if name.lower() not in _SIGNATURE_PARAMS
        and not name.lower().startswith((S3.prefix, OBS.prefix))
    }


def _untaken(call: Call) -> list[str]:
    """Return the headers that ask for what there is not."""
    return sorted(
        call.dialect.prefix + name
        for name, value in call.options.items()
        if name not in _TAKEN_OPTIONS
        and not name.startswith(_TAKEN_PREFIXES)
        and value != _TAKEN_VALUES.get(name)
    )


def _refuse(names: list[str]) -> None:
    if names:
        raise errors.not_implemented(names)
