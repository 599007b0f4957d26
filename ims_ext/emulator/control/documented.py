# SPDX-License-Identifier: Apache-2.0
"""The operations that an emulator answers, as references describe them."""

from collections.abc import Iterable
import dataclasses
import inspect

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.operation_name import documented_path
from ims_ext.emulator.operation_name import operation_name


@dataclasses.dataclass(frozen=True)
class DocumentedRoute:
    """An operation.

    :ivar service: The service that it belongs to.
    :ivar method: The HTTP method.
    :ivar path: The path, ``{image_id}`` standing for a parameter.
    :ivar name: Its documented name.
    :ivar description: What its handler says of it.
    :ivar is_anonymous: Whether it needs no token.
    :ivar dialect: The shape of its errors.
    """

    service: str
    method: str
    path: str
    name: str
    description: str
    is_anonymous: bool
    dialect: Dialect


def documented_routes(
    capabilities: Iterable[object],
) -> Iterable[DocumentedRoute]:
    """Give the operations that are found on capabilities.

    :param capabilities: The capability objects.
    """
    for capability in capabilities:
        service = getattr(capability, 'mount', IMAGE)
        default = getattr(capability, 'dialect', Dialect.EXTENSION)
        for name in dir(type(capability)):
            handler = getattr(type(capability), name, None)
            for operation in getattr(handler, 'operations', ()):
                assert handler is not None  # noqa: S101
                yield DocumentedRoute(
                    service,
                    operation.method,
                    documented_path(operation.path),
                    operation_name(
                        service, operation.method, operation.path, handler
                    ),
                    inspect.getdoc(handler) or '',
                    operation.anonymous,
                    operation.dialect or default,
                )
