# SPDX-License-Identifier: Apache-2.0
"""The shapes of refusals, as OpenAPI describes them."""

from collections.abc import Mapping
from typing import Any

from ims_ext.emulator.control.answers import part
from ims_ext.emulator.control.answers import structure
from ims_ext.emulator.errors import Dialect

_TEXT = {'type': 'string'}
_NUMBER = {'type': 'integer'}

#: The schemas of refusals, by name.
SHAPES: Mapping[str, dict[str, Any]] = {
    'ImageError': structure(error=structure(message=_TEXT, code=_TEXT)),
    'GatewayError': structure(error_msg=_TEXT, error_code=_TEXT),
    'IdentityError': structure(
        error=structure(code=_NUMBER, message=_TEXT, title=_TEXT)
    ),
    'ComputeError': {
        'type': 'object',
        'minProperties': 1,
        'maxProperties': 1,
        'additionalProperties': structure(code=_NUMBER, message=_TEXT),
    },
    'KeyManagementError': structure(
        error=structure(error_code=_TEXT, error_msg=_TEXT)
    ),
}

#: What the refusals of an operation may look like. Who has no token is
#: refused in the identity service's words, or in the gateway's.
_BY_DIALECT: Mapping[Dialect, tuple[str, ...]] = {
    Dialect.EXTENSION: ('ImageError', 'GatewayError'),
    Dialect.GLANCE: ('ImageError', 'GatewayError'),
    Dialect.KEYSTONE: ('IdentityError',),
    Dialect.COMPUTE: ('ComputeError', 'IdentityError'),
    Dialect.KEY_MANAGEMENT: ('KeyManagementError', 'IdentityError'),
    Dialect.BACKUP: ('GatewayError', 'IdentityError'),
}


def refusal(dialect: Dialect) -> dict[str, Any]:
    """Return the response that refuses a request.

    :param dialect: The shape of the operation's errors.
    """
    content: dict[str, Any] = {
        'application/json': {
            'schema': {'anyOf': [part(name) for name in _BY_DIALECT[dialect]]}
        }
    }
    if dialect is Dialect.GLANCE:
        content['text/html'] = {'schema': _TEXT}
    return {'description': "Refused, with the reason.", 'content': content}
