# SPDX-License-Identifier: Apache-2.0
"""An OpenAPI document of the operations that an emulator answers."""

from collections.abc import Iterable, Iterator, Mapping
import re
from typing import Any

import ims_ext
from ims_ext.emulator.control.bodies import BODIES
from ims_ext.emulator.control.documented import DocumentedRoute
from ims_ext.emulator.control.documented import documented_routes
from ims_ext.emulator.control.queries import parameters
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

_VERSION = '3.1.0'
_WORDS = re.compile(r'[^A-Za-z0-9]+')

#: Operations that start a job answer with its ID.
_JOB = re.compile(
    r'/cloudimages/(.*/)?'
    r'(action|copy|cross_region_copy|file|upload|members)$'
)


class OpenApiControl:
    """``openapi.json``."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', '/_emulator/openapi.json', anonymous=True)
    def show(self, request: Request) -> Answer:
        """Show the operations of all services, as OpenAPI describes them."""
        service = self._emulator.service
        return document(
            documented_routes(service.capabilities), self._emulator.urls
        )


def document(
    routes: Iterable[DocumentedRoute], urls: Mapping[str, str]
) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document of operations.

    :param routes: The operations.
    :param urls: The services' roots, by service.
    """
    paths: dict[str, dict[str, Any]] = {}
    services: dict[str, str] = {}
    taken: set[str] = set()
    for each in sorted(routes, key=lambda one: (one.path, one.method)):
        # A path of two services is told of the first one.
        owner = services.setdefault(each.path, each.service)
        if owner != each.service:
            continue
        item = paths.setdefault(each.path, _path_item(each, urls))
        item[each.method.lower()] = _operation(each, taken)
    return {
        'openapi': _VERSION,
        'info': {
            'title': "ims-emulator",
            'version': ims_ext.__version__,
            'description': "The image service of the Huawei-family clouds, "
            "and what is around it, as this emulator answers.",
        },
        'servers': [{'url': urls[IMAGE]}],
        'paths': paths,
        'components': {
            'securitySchemes': {
                'token': {
                    'type': 'apiKey',
                    'in': 'header',
                    'name': 'X-Auth-Token',
                }
            },
            'schemas': {'Error': _ERROR, 'Job': _JOB_ANSWER},
        },
    }


_ERROR = {
    'type': 'object',
    'properties': {
        'error': {
            'type': 'object',
            'properties': {
                'code': {'type': ['string', 'integer']},
                'message': {'type': 'string'},
            },
        },
        'error_code': {'type': 'string'},
        'error_msg': {'type': 'string'},
    },
}
_JOB_ANSWER = {
    'type': 'object',
    'required': ['job_id'],
    'properties': {'job_id': {'type': 'string'}},
}


def _path_item(
    each: DocumentedRoute, urls: Mapping[str, str]
) -> dict[str, Any]:
    item: dict[str, Any] = {}
    if each.service != IMAGE and each.service in urls:
        item['servers'] = [{'url': urls[each.service]}]
    if parameters := list(_parameters(each.path)):
        item['parameters'] = parameters
    return item


def _parameters(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r'\{(\w+)\}', path):
        yield {
            'name': name,
            'in': 'path',
            'required': True,
            'schema': {'type': 'string'},
        }


def _operation(each: DocumentedRoute, taken: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {
        'operationId': _operation_id(each, taken),
        'summary': each.name,
        'tags': [each.service],
        'responses': {
            '2XX': _success(each),
            '4XX': {
                'description': "Refused, with the reason.",
                'content': {
                    'application/json': {
                        'schema': {'$ref': '#/components/schemas/Error'}
                    }
                },
            },
        },
    }
    if query := list(parameters(f'{each.method} {each.path}')):
        found['parameters'] = query
    if each.description:
        found['description'] = each.description
    if not each.is_anonymous:
        found['security'] = [{'token': []}]
    body = BODIES.get(f'{each.method} {each.path}')
    if each.path == '/v2/images/{image_id}/file' and each.method == 'PUT':
        found['requestBody'] = {
            'required': True,
            'content': {'application/octet-stream': {}},
        }
    elif body is not None or each.method in ('POST', 'PATCH'):
        kind = 'application/json'
        if each.path == '/v2/images/{image_id}':
            kind = 'application/openstack-images-v2.1-json-patch'
        found['requestBody'] = {
            'required': body is not None,
            'content': {kind: {'schema': body or {'type': 'object'}}},
        }
    return found


def _success(each: DocumentedRoute) -> dict[str, Any]:
    starts_job = (
        each.service == IMAGE
        and each.method in ('POST', 'PUT', 'DELETE')
        and _JOB.search(each.path)
    )
    if not starts_job:
        return {'description': "Carried out."}
    return {
        'description': "A job has been started.",
        'content': {
            'application/json': {
                'schema': {'$ref': '#/components/schemas/Job'}
            }
        },
    }


def _operation_id(each: DocumentedRoute, taken: set[str]) -> str:
    """Return a name that no other operation has."""
    words = [each.service, each.method.lower(), *_WORDS.split(each.path)]
    name = '_'.join(filter(None, words)).replace('-', '_')
    number = 2
    unique = name
    while unique in taken:
        unique = f'{name}_{number}'
        number += 1
    taken.add(unique)
    return unique
