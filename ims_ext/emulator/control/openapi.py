# SPDX-License-Identifier: Apache-2.0
"""An OpenAPI document of the operations that an emulator answers."""

from collections.abc import Iterable, Iterator, Mapping
import re
from typing import Any

import ims_ext
from ims_ext.emulator.api.schema import SchemasApi
from ims_ext.emulator.control import bucket_paths
from ims_ext.emulator.control.answers import ANSWERS
from ims_ext.emulator.control.answers import Success
from ims_ext.emulator.control.answers import components
from ims_ext.emulator.control.bodies import BODIES
from ims_ext.emulator.control.bucket_paths import bucket_operations
from ims_ext.emulator.control.documented import DocumentedRoute
from ims_ext.emulator.control.documented import documented_routes
from ims_ext.emulator.control.queries import parameters
from ims_ext.emulator.control.refusals import SHAPES
from ims_ext.emulator.control.refusals import refusal
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.control.surroundings import answer_schema
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import BLOCK_STORAGE
from ims_ext.emulator.http import IDENTITY
from ims_ext.emulator.http import IMAGE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

_VERSION = '3.1.0'
_WORDS = re.compile(r'[^A-Za-z0-9]+')
#: Services whose list of versions has the status 300.
_OFFERING_CHOICE = (IDENTITY, BLOCK_STORAGE)


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
        urls = self._emulator.urls
        image = service.capability(SchemasApi).image_schema()
        found = document(documented_routes(service.capabilities), urls, image)
        for method, path, said in bucket_operations(
            service.buckets.operations
        ):
            item = _item(found['paths'], path, bucket_paths.SERVICE, urls)
            item[method.lower()] = said
        return found


def document(
    routes: Iterable[DocumentedRoute],
    urls: Mapping[str, str],
    image: Mapping[str, Any],
) -> dict[str, Any]:
    """Return an OpenAPI 3.1 document of operations.

    :param routes: The operations.
    :param urls: The services' roots, by service.
    :param image: What an image looks like, as the service says it.
    """
    paths: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for each in sorted(
        routes, key=lambda one: (one.service != IMAGE, one.path, one.method)
    ):
        item = _item(paths, each.path, each.service, urls)
        if each.method.lower() not in item:
            item[each.method.lower()] = _operation(each, taken)
    return {
        'openapi': _VERSION,
        'info': {
            'title': "ims-emulator",
            'version': ims_ext.__version__,
            'description': "The image service of the Huawei-family clouds, "
            "and what is around it, as this emulator answers. Compute, block "
            "storage, backup and key management also take the project's ID "
            "behind the version of a path, which their catalog entries have.",
        },
        'servers': [{'url': urls[IMAGE]}],
        'paths': paths,
        'components': {
            'securitySchemes': {
                'token': {
                    'type': 'apiKey',
                    'in': 'header',
                    'name': 'X-Auth-Token',
                },
                'signature': {
                    'type': 'apiKey',
                    'in': 'header',
                    'name': 'Authorization',
                },
            },
            'schemas': {**components(image), **SHAPES},
        },
    }


def _item(
    paths: dict[str, Any], path: str, service: str, urls: Mapping[str, str]
) -> dict[str, Any]:
    """Return the item of a service's path, made where there is none.

    Another service may have the path too. It has the service's name behind
    it then, where no client sends it.
    """
    servers = [{'url': urls[service]}]
    item: dict[str, Any] = paths.setdefault(path, {'servers': servers})
    if item['servers'] != servers:
        path = f'{path}#{service}'
        item = paths.setdefault(path, {'servers': servers})
    if parameters := list(_parameters(path)):
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
    success = _success(each)
    found: dict[str, Any] = {
        'operationId': _operation_id(each, taken),
        'summary': each.name,
        'tags': [each.service],
        'responses': {
            success.status: _described(success),
            '4XX': refusal(each.dialect),
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


def _success(each: DocumentedRoute) -> Success:
    if each.service == IMAGE:
        known = ANSWERS.get(f'{each.method} {each.path}')
        return known or Success(None, '2XX')
    schema = answer_schema(each.service, each.method, each.path)
    offers_choice = each.path == '/' and each.service in _OFFERING_CHOICE
    status = '300' if offers_choice else '2XX'
    return Success(schema, status)


def _described(success: Success) -> dict[str, Any]:
    answer: dict[str, Any] = {'description': success.description}
    if success.schema is not None:
        answer['content'] = {success.kind: {'schema': success.schema}}
    return answer


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
