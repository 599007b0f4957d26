# SPDX-License-Identifier: Apache-2.0
"""The bodies of the image service's requests: their members and types."""

from typing import Any

_TEXT = {'type': 'string'}
_NUMBER = {'type': 'integer'}
_FLAG = {'type': 'boolean'}
_TAG = {
    'type': 'object',
    'required': ['key'],
    'properties': {'key': _TEXT, 'value': _TEXT},
}
_TAGS = {
    'tags': {'type': 'array', 'items': _TEXT},
    'image_tags': {'type': 'array', 'items': _TAG},
}
_NEW = {
    'name': _TEXT,
    'description': _TEXT,
    'enterprise_project_id': _TEXT,
    **_TAGS,
}
_RAM = {'min_ram': _NUMBER, 'max_ram': _NUMBER}
_FROM_OBJECT = {
    'image_url': _TEXT,
    'min_disk': _NUMBER,
    'os_type': _TEXT,
    'cmk_id': _TEXT,
}
_BOOT = {
    'os_version': _TEXT,
    'type': _TEXT,
    'architecture': _TEXT,
    'hw_firmware_type': _TEXT,
}


def _object(*required: str, **members: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {'type': 'object', 'properties': members}
    if required:
        schema['required'] = list(required)
    return schema


def _one_of(names: tuple[str, ...], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema that wants one of some members, too."""
    return {**schema, 'anyOf': [{'required': [each]} for each in names]}


_STRINGS = {'type': 'array', 'items': _TEXT, 'minItems': 1}
_DATA_IMAGE = _object('name', 'volume_id', **_NEW, volume_id=_TEXT)
_PATCH = {
    'type': 'array',
    'items': _object(
        'op',
        'path',
        op={'enum': ['add', 'remove', 'replace']},
        path=_TEXT,
        value={},
    ),
}
_CREATION = _one_of(
    ('instance_id', 'image_url', 'volume_id', 'data_images'),
    _object(
        **_NEW,
        **_RAM,
        **_FROM_OBJECT,
        **_BOOT,
        instance_id=_TEXT,
        volume_id=_TEXT,
        data_images={'type': 'array', 'items': _DATA_IMAGE},
        is_config=_FLAG,
        is_config_init=_FLAG,
        is_quick_import=_FLAG,
    ),
)
_DATA_IMPORT = _object('name', 'image_url', 'min_disk', **_NEW, **_FROM_OBJECT)
_QUICK_IMPORT = _object(
    'name',
    'image_url',
    'min_disk',
    **_NEW,
    **_FROM_OBJECT,
    **_BOOT,
    license_type=_TEXT,
)
_COPY = _object(
    'name',
    name=_TEXT,
    description=_TEXT,
    cmk_id=_TEXT,
    enterprise_project_id=_TEXT,
)
_EXPORT = _object(
    'bucket_url',
    bucket_url=_TEXT,
    file_format=_TEXT,
    is_quick_export=_FLAG,
)
_MEMBERS = _object('images', 'projects', images=_STRINGS, projects=_STRINGS)

#: Schemas of bodies, by method and path as documented.
BODIES: dict[str, dict[str, Any]] = {
    'POST /v2/images': {'type': 'object', 'additionalProperties': True},
    'PATCH /v2/images/{image_id}': _PATCH,
    'POST /v2/images/{image_id}/members': _object('member', member=_TEXT),
    'PUT /v2/images/{image_id}/members/{member_id}': _object(
        'status', status={'enum': ['accepted', 'rejected', 'pending']}
    ),
    'PATCH /v2/cloudimages/{image_id}': _PATCH,
    'POST /v2/cloudimages/action': _CREATION,
    'POST /v2.1/cloudimages/action': _CREATION,
    'POST /v1/cloudimages/dataimages/action': _DATA_IMPORT,
    'POST /v2.1/cloudimages/dataimages/action': _DATA_IMPORT,
    'POST /v2/cloudimages/quickimport/action': _QUICK_IMPORT,
    'POST /v2.1/cloudimages/quickimport/action': _QUICK_IMPORT,
    'POST /v1/cloudimages/wholeimages/action': _one_of(
        ('instance_id', 'backup_id'),
        _object(
            'name',
            **_NEW,
            **_RAM,
            instance_id=_TEXT,
            backup_id=_TEXT,
            vault_id=_TEXT,
            whole_image_type={'enum': ['CSBS', 'CBR']},
        ),
    ),
    'POST /v1/cloudimages/{image_id}/copy': _COPY,
    'POST /v2.1/cloudimages/{image_id}/copy': _COPY,
    'POST /v1/cloudimages/{image_id}/cross_region_copy': _object(
        'name',
        'region',
        'project_name',
        'agency_name',
        name=_TEXT,
        description=_TEXT,
        region=_TEXT,
        project_name=_TEXT,
        agency_name=_TEXT,
        vault_id=_TEXT,
    ),
    'POST /v1/cloudimages/{image_id}/file': _EXPORT,
    'POST /v2.1/cloudimages/{image_id}/file': _EXPORT,
    'PUT /v1/cloudimages/{image_id}/upload': _object(
        'image_url', image_url=_TEXT
    ),
    'POST /v1/cloudimages/members': _MEMBERS,
    'DELETE /v1/cloudimages/members': _MEMBERS,
    'PUT /v1/cloudimages/members': _object(
        'images',
        'project_id',
        'status',
        images=_STRINGS,
        project_id=_TEXT,
        status={'enum': ['accepted', 'rejected']},
        vault_id=_TEXT,
    ),
    'PUT /v1/cloudimages/tags': _object(
        'image_id', image_id=_TEXT, tag=_TEXT, image_tag=_TAG
    ),
    'POST /v2/{project_id}/images/{image_id}/tags': _object('tag', tag=_TAG),
    'POST /v2/{project_id}/images/{image_id}/tags/action': _object(
        'action',
        'tags',
        action={'enum': ['create', 'delete']},
        tags={'type': 'array', 'items': _TAG},
    ),
    'POST /v2/{project_id}/images/resource_instances/action': _object(
        'action',
        action={'enum': ['filter', 'count']},
        limit=_TEXT,
        offset=_TEXT,
        without_any_tag=_FLAG,
        **{
            name: {
                'type': 'array',
                'items': _object(
                    'key', key=_TEXT, values={'type': 'array', 'items': _TEXT}
                ),
            }
            for name in ('tags', 'tags_any', 'not_tags', 'not_tags_any')
        },
        matches={
            'type': 'array',
            'items': _object('key', 'value', key=_TEXT, value=_TEXT),
        },
    ),
}
