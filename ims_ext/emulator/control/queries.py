# SPDX-License-Identifier: Apache-2.0
"""The parameters in queries that the image service's operations know."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ims_ext.emulator.api import cloud_image_query
from ims_ext.emulator.api import image_query
from ims_ext.emulator.api.os_version import TAGS

_TEXT = {'type': 'string'}
_NUMBER = {'type': 'integer', 'minimum': 0}
_FLAG = {'enum': ['true', 'false']}
_PAGE = {'limit': _NUMBER, 'marker': _TEXT}
#: Given several times, all of them count.
_TAG = {'tag': {'type': 'array', 'items': _TEXT}}

#: Conditions that both lists of images know.
_COMMON: dict[str, Any] = {
    **dict.fromkeys(
        ('id', 'name', 'owner', 'container_format', 'disk_format'), _TEXT
    ),
    **dict.fromkeys(('created_at', 'updated_at'), _TEXT),
    **dict.fromkeys(('min_disk', 'min_ram', 'size_min', 'size_max'), _NUMBER),
    **dict.fromkeys(('protected', 'os_hidden'), _FLAG),
    **_TAG,
}
_SUPPORTED = (
    'kvm',
    'xen',
    'largememory',
    'diskintensive',
    'highperformance',
    'xen_gpu_type',
    'kvm_gpu_type',
    'xen_hana',
    'kvm_infiniband',
    'agent_list',
)
_CLOUD_IMAGES: dict[str, Any] = {
    **_COMMON,
    **dict.fromkeys(
        (
            'enterprise_project_id',
            'flavor_id',
            'hw_disk_bus',
            '__os_version',
            '__platform',
            '__system__cmkid',
            *(f'__support_{name}' for name in _SUPPORTED),
        ),
        _TEXT,
    ),
    **dict.fromkeys(('__isregistered', '__whole_image'), _FLAG),
    **{
        name: {'enum': [*values]}
        for name, (values, _) in cloud_image_query.CHOICES.items()
    },
}
_IMAGES: dict[str, Any] = {
    **_COMMON,
    'status': _TEXT,
    'visibility': {'enum': [*image_query.VISIBILITIES]},
    'member_status': {'enum': [*image_query.MEMBER_STATUSES]},
    'sort': _TEXT,
    'sort_key': {'enum': sorted(image_query.SORT_KEYS)},
    'sort_dir': {'enum': ['asc', 'desc']},
}

#: The parameters of an operation, by method and path, each with a schema.
QUERIES: Mapping[str, Mapping[str, Any]] = {
    'GET /v2/cloudimages': {**_PAGE, **_CLOUD_IMAGES},
    'GET /v2/images': {**_PAGE, **_IMAGES},
    'GET /v1/cloudimages/tags': {
        'limit': _NUMBER,
        'page': {'type': 'integer', 'minimum': 1},
        **_CLOUD_IMAGES,
    },
    'GET /v1/cloudimages/os_version': {
        'tag': {'type': 'array', 'items': {'enum': [*TAGS]}}
    },
    'GET /v1/{project_id}/cloudimages/{image_id}/members': _PAGE,
    'GET /v1.1/images/detail': {
        **dict.fromkeys(
            ('name', 'container_format', 'disk_format', 'status'), _TEXT
        ),
        **dict.fromkeys(('size_min', 'size_max'), _NUMBER),
        'changes-since': _TEXT,
    },
}


def parameters(operation: str) -> Iterator[dict[str, Any]]:
    """Give the parameters of an operation's query as OpenAPI writes them.

    :param operation: Its method and its documented path.
    """
    known: Iterable[tuple[str, Any]] = QUERIES.get(operation, {}).items()
    for name, schema in known:
        yield {'name': name, 'in': 'query', 'schema': schema}
