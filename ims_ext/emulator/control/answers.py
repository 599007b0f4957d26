# SPDX-License-Identifier: Apache-2.0
"""The answers of the image service's operations: their status and schema."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from ims_ext.emulator.api import schema

_TEXT = {'type': 'string'}
_NUMBER = {'type': 'integer'}
_ANY = {'type': 'object'}
_NOTHING_TO_TELL = {'type': ['string', 'null']}


def part(name: str) -> dict[str, Any]:
    """Return a reference to one of the document's own schemas."""
    return {'$ref': f'#/components/schemas/{name}'}


def structure(*required: str, **members: Any) -> dict[str, Any]:
    """Return the schema of an object.

    :param required: The names of those members that are always there; all
        of them where there are none.
    :param members: The members' schemas.
    """
    return {
        'type': 'object',
        'properties': members,
        'required': [*(required or members)],
    }


def several(item: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a list."""
    return {'type': 'array', 'items': item}


@dataclasses.dataclass(frozen=True)
class Success:
    """The answer to a request that is granted.

    :ivar schema: Its body's; ``None`` where there is none.
    :ivar status: The HTTP status.
    :ivar kind: The media type.
    :ivar description: What has come about, in words.
    """

    schema: Mapping[str, Any] | None
    status: str = '200'
    kind: str = 'application/json'
    description: str = "Carried out."


_DONE = Success(None, '204')
_JOB = Success(part('StartedJob'), description="A job has been started.")
_IMAGE = Success(part('Image'))
_MEMBER = Success(part('Member'))
_KEY_AND_VALUE = structure(key=_TEXT, value=_TEXT)
_VERSIONS = Success(
    structure(
        versions=several(
            structure(id=_TEXT, status=_TEXT, links=several(_ANY))
        )
    ),
    '300',
)
_SCHEMA = Success(structure('name', 'properties', name=_TEXT, properties=_ANY))
_IMAGE_PAGE = {
    'images': several(part('Image')),
    'schema': _TEXT,
    'first': _TEXT,
    'next': _TEXT,
}
_OS_VERSIONS = several(
    structure(
        platform=_TEXT,
        version_list=several(
            structure(
                platform=_TEXT,
                os_version_key=_TEXT,
                os_version=_TEXT,
                os_bit=_NUMBER,
                os_type=_TEXT,
            )
        ),
    )
)
_FOUND_BY_TAGS = structure(
    'total_count',
    total_count=_NUMBER,
    resources=several(
        structure(
            resource_id=_TEXT,
            resource_name=_NOTHING_TO_TELL,
            resource_detail=_ANY,
            tags=several(_KEY_AND_VALUE),
        )
    ),
)
_QUOTAS = structure(
    quotas=structure(
        resources=several(
            structure(
                type=_TEXT,
                used=_NUMBER,
                quota=_NUMBER,
                min=_NUMBER,
                max=_NUMBER,
            )
        )
    )
)
_LEGACY_IMAGES = structure(
    images=several(
        structure(
            'id',
            'status',
            id=_TEXT,
            name=_NOTHING_TO_TELL,
            status=_TEXT,
            owner=_TEXT,
            is_public={'type': 'boolean'},
            properties=_ANY,
        )
    )
)

#: Operations that start a job, and answer with its ID.
_JOBS = (
    'POST /v1/cloudimages/dataimages/action',
    'POST /v1/cloudimages/members',
    'PUT /v1/cloudimages/members',
    'DELETE /v1/cloudimages/members',
    'POST /v1/cloudimages/wholeimages/action',
    'POST /v1/cloudimages/{image_id}/copy',
    'POST /v1/cloudimages/{image_id}/cross_region_copy',
    'POST /v1/cloudimages/{image_id}/file',
    'PUT /v1/cloudimages/{image_id}/upload',
    'POST /v2.1/cloudimages/action',
    'POST /v2.1/cloudimages/dataimages/action',
    'POST /v2.1/cloudimages/quickimport/action',
    'POST /v2.1/cloudimages/{image_id}/copy',
    'POST /v2.1/cloudimages/{image_id}/file',
    'POST /v2/cloudimages/action',
    'POST /v2/cloudimages/quickimport/action',
)
#: Operations that answer nothing.
_SILENT = (
    'DELETE /v2/images/{image_id}',
    'PUT /v2/images/{image_id}/file',
    'DELETE /v2/images/{image_id}/members/{member_id}',
    'PUT /v2/images/{image_id}/tags/{tag}',
    'DELETE /v2/images/{image_id}/tags/{tag}',
    'PUT /v1/cloudimages/tags',
    'DELETE /v1/{project_id}/cloudimages/{image_id}/tags/delete',
    'POST /v2/{project_id}/images/{image_id}/tags',
    'POST /v2/{project_id}/images/{image_id}/tags/action',
    'DELETE /v2/{project_id}/images/{image_id}/tags/{key}',
)
_MEMBERS = '/v1/{project_id}/cloudimages/{image_id}/members'

#: The answers, by method and path as documented.
ANSWERS: Mapping[str, Success] = {
    **dict.fromkeys(_JOBS, _JOB),
    **dict.fromkeys(_SILENT, _DONE),
    **dict.fromkeys(('GET /', 'GET /{version}'), _VERSIONS),
    'GET /versions': dataclasses.replace(_VERSIONS, status='200'),
    **{
        f'GET /v2/schemas/{name}': _SCHEMA
        for name in ('image', 'images', 'member', 'members', 'task', 'tasks')
    },
    'GET /v2/cloudimages': Success(structure('images', **_IMAGE_PAGE)),
    'PATCH /v2/cloudimages/{image_id}': _IMAGE,
    'GET /v2/images': Success(structure('images', 'schema', **_IMAGE_PAGE)),
    'POST /v2/images': dataclasses.replace(_IMAGE, status='201'),
    'GET /v2/images/{image_id}': _IMAGE,
    'PATCH /v2/images/{image_id}': _IMAGE,
    'GET /v2/images/{image_id}/file': Success(
        {}, kind='application/octet-stream'
    ),
    'GET /v2/images/{image_id}/members': Success(
        structure(members=several(part('Member')), schema=_TEXT)
    ),
    'POST /v2/images/{image_id}/members': _MEMBER,
    'GET /v2/images/{image_id}/members/{member_id}': _MEMBER,
    'PUT /v2/images/{image_id}/members/{member_id}': _MEMBER,
    f'GET {_MEMBERS}': Success(
        structure(
            members=several(part('Member')),
            schema=_TEXT,
            page_info=structure(
                'current_count', current_count=_NUMBER, next_marker=_TEXT
            ),
        )
    ),
    f'GET {_MEMBERS}/{{member_id}}': _MEMBER,
    'GET /v1/{project_id}/jobs/{job_id}': Success(part('Job')),
    'GET /v1/cloudimages/job/{job_id}': Success(part('Job')),
    'GET /v1/cloudimages/os_version': Success(_OS_VERSIONS),
    'GET /v1/cloudimages/quota': Success(_QUOTAS),
    'GET /v1/cloudimages/tags': Success(structure(tags=several(_TEXT))),
    'GET /v2/{project_id}/images/tags': Success(
        structure(tags=several(structure(key=_TEXT, values=several(_TEXT))))
    ),
    'GET /v2/{project_id}/images/{image_id}/tags': Success(
        structure(tags=several(_KEY_AND_VALUE))
    ),
    'POST /v2/{project_id}/images/resource_instances/action': Success(
        _FOUND_BY_TAGS
    ),
    'GET /v1.1/images/detail': Success(_LEGACY_IMAGES),
    'HEAD /v1/images/{image_id}': Success(None),
    'DELETE /v1.1/images/{image_id}': Success(None),
}

_JOB_VIEW = structure(
    'job_id',
    'job_type',
    'status',
    job_id=_TEXT,
    job_type=_TEXT,
    # The references write it in lower case, and clouds in capitals.
    status={
        'type': 'string',
        'pattern': '^(?:INIT|RUNNING|SUCCESS|FAIL|init|running|success|fail)$',
    },
    begin_time=_NOTHING_TO_TELL,
    end_time=_NOTHING_TO_TELL,
    error_code=_NOTHING_TO_TELL,
    fail_reason=_NOTHING_TO_TELL,
    entities={
        'type': 'object',
        'properties': {
            'image_id': _TEXT,
            'image_name': _NOTHING_TO_TELL,
            'process_percent': {'type': 'number', 'minimum': 0, 'maximum': 1},
            'current_task': _TEXT,
            'subJobId': _TEXT,
            'sub_jobs_list': several(_TEXT),
            'sub_jobs_result': several(part('Job')),
        },
    },
)


def components(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas that several answers refer to.

    :param image: What the service itself says an image looks like.
    """
    return {
        'Image': {
            'type': 'object',
            'required': ['id', 'status'],
            'properties': image['properties'],
            'additionalProperties': image['additionalProperties'],
        },
        'Member': {
            'type': 'object',
            'required': ['image_id', 'member_id', 'status'],
            'properties': schema.MEMBER,
        },
        'Job': _JOB_VIEW,
        'StartedJob': structure(job_id=_TEXT),
    }
