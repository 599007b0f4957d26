# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of what a whole Glance answers more."""

from typing import Any

from ims_ext.emulator.api import schema
from ims_ext.emulator.api.glance_access import OF_ADMINISTRATORS
from ims_ext.emulator.api.glance_image import MORE_FORMATS
from ims_ext.emulator.api.schema import SchemasApi
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

_TEXT = {'type': 'string'}
_OBJECT = {'type': ['null', 'object']}

_LOCATIONS: dict[str, Any] = {
    'type': 'array',
    'description': "Where the image's data is",
    'items': {
        'type': 'object',
        'properties': {
            'url': {'type': 'string', 'maxLength': 255},
            'metadata': {'type': 'object'},
            'validation_data': {
                'type': 'object',
                'writeOnly': True,
                'additionalProperties': False,
                'properties': {
                    'checksum': _TEXT,
                    'os_hash_algo': _TEXT,
                    'os_hash_value': _TEXT,
                },
            },
        },
        'required': ['url', 'metadata'],
    },
}

_STUB: dict[str, Any] = {
    'id': {**_TEXT, 'description': "Identifies the task"},
    'type': {**_TEXT, 'description': "What the task does"},
    'status': {
        **_TEXT,
        'description': "How far the task is",
        'enum': ['pending', 'processing', 'success', 'failure'],
    },
    'owner': {**_TEXT, 'description': "The project that asked for it"},
    'created_at': {**_TEXT, 'description': "When it was asked for, UTC"},
    'updated_at': {**_TEXT, 'description': "When it last changed, UTC"},
    'expires_at': {**_TEXT, 'description': "When it is forgotten, UTC"},
    'self': _TEXT,
    'schema': _TEXT,
}
_TASK: dict[str, Any] = {
    **_STUB,
    'input': {**_OBJECT, 'description': "What was asked for"},
    'result': {**_OBJECT, 'description': "What came of it"},
    'message': {**_TEXT, 'description': "What went wrong"},
    'image_id': {**_TEXT, 'description': "The image that it is about"},
    'request_id': {**_TEXT, 'description': "The request that asked for it"},
    'user_id': {**_TEXT, 'description': "The user who asked for it"},
}


class GlanceSchemasApi(SchemasApi):
    """The operations on schemas, with more in them."""

    strict_slashes = True

    def image_schema(self) -> dict[str, Any]:
        """Return what an image looks like."""
        body = super().image_schema()
        properties = dict(body['properties'])
        properties |= {
            'locations': _LOCATIONS,
            'direct_url': {
                **_TEXT,
                'description': "The first location",
                'readOnly': True,
            },
            'stores': {
                **_TEXT,
                'description': "The stores that the image is in",
                'readOnly': True,
            },
            'visibility': {
                **properties['visibility'],
                'enum': list(OF_ADMINISTRATORS),
            },
        }
        more = ('uploading', 'importing', 'deactivated')
        for name, values in (('status', more), *MORE_FORMATS.items()):
            known = properties[name]
            properties[name] = {**known, 'enum': [*known['enum'], *values]}
        return {**body, 'properties': properties}

    @route('GET', '/v2/schemas/task')
    def task(self, request: Request) -> Answer:
        """Show what a task looks like."""
        return {'name': 'task', 'properties': _TASK}

    @route('GET', '/v2/schemas/tasks')
    def tasks(self, request: Request) -> Answer:
        """Show what a list of tasks looks like."""
        return schema.list_schema(
            'tasks', {'name': 'task', 'properties': _STUB}
        )
