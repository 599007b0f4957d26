# SPDX-License-Identifier: Apache-2.0
"""JSON Schemas of metadata definitions, which bodies are held against."""

from collections.abc import Mapping
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service

_TEXT: dict[str, Any] = {'type': 'string'}
#: How many characters a name has at most.
MAX_NAME = 80
_NAME: dict[str, Any] = {'type': 'string', 'maxLength': MAX_NAME}
_COUNT: dict[str, Any] = {'type': 'integer', 'minimum': 0}
_FLAG: dict[str, Any] = {'type': 'boolean'}
_TEXTS: dict[str, Any] = {'type': 'array', 'items': _TEXT}
_NAMES: dict[str, Any] = {**_TEXTS, 'uniqueItems': True}
_TYPE: dict[str, Any] = {
    'type': 'string',
    'enum': ['array', 'boolean', 'integer', 'number', 'object', 'string'],
}

_PROPERTY_FIELDS: dict[str, Any] = {
    'name': _NAME,
    'title': _TEXT,
    'description': _TEXT,
    'type': _TYPE,
    'operators': _TEXTS,
    'required': _NAMES,
    'readonly': _FLAG,
    'confidential': _FLAG,
    'default': {},
    'enum': {'type': 'array'},
    'pattern': _TEXT,
    'minimum': {'type': 'number'},
    'maximum': {'type': 'number'},
    'minLength': _COUNT,
    'maxLength': _COUNT,
    'items': {
        'type': 'object',
        'properties': {'type': _TYPE, 'enum': {'type': 'array'}},
    },
    'minItems': _COUNT,
    'maxItems': _COUNT,
    'uniqueItems': _FLAG,
    'additionalItems': _FLAG,
}
_PROPERTIES: dict[str, Any] = {
    'type': 'object',
    'additionalProperties': {
        'type': 'object',
        'required': ['title', 'type'],
        'properties': _PROPERTY_FIELDS,
    },
}
#: What the service alone says.
_TIMES: dict[str, Any] = {
    'created_at': {**_TEXT, 'format': 'date-time', 'readOnly': True},
    'updated_at': {**_TEXT, 'format': 'date-time', 'readOnly': True},
}
_LINKS: dict[str, Any] = {
    'self': {**_TEXT, 'readOnly': True},
    'schema': {**_TEXT, 'readOnly': True},
}

_OBJECT_FIELDS: dict[str, Any] = {
    'name': _NAME,
    'description': _TEXT,
    'required': _NAMES,
    'properties': _PROPERTIES,
}
_ASSOCIATION_FIELDS: dict[str, Any] = {
    'name': _NAME,
    'prefix': _NAME,
    'properties_target': _NAME,
}
_NAMESPACE_FIELDS: dict[str, Any] = {
    'namespace': _NAME,
    'display_name': _NAME,
    'description': {'type': 'string', 'maxLength': 500},
    'visibility': {'type': 'string', 'enum': ['public', 'private']},
    'protected': _FLAG,
    'owner': {'type': 'string', 'maxLength': 255},
    'resource_type_associations': {
        'type': 'array',
        'items': {
            'type': 'object',
            'required': ['name'],
            'properties': _ASSOCIATION_FIELDS,
        },
    },
    'properties': _PROPERTIES,
    'objects': {
        'type': 'array',
        'items': {
            'type': 'object',
            'required': ['name'],
            'properties': _OBJECT_FIELDS,
        },
    },
    'tags': {
        'type': 'array',
        'items': {
            'type': 'object',
            'required': ['name'],
            'properties': {'name': _NAME},
        },
    },
}


def _schema(
    name: str, fields: Mapping[str, Any], required: list[str]
) -> dict[str, Any]:
    return {
        'name': name,
        'properties': dict(fields),
        'additionalProperties': False,
        'required': required,
    }


NAMESPACE = _schema(
    'namespace', _NAMESPACE_FIELDS | _TIMES | _LINKS, ['namespace']
)
OBJECT = _schema('object', _OBJECT_FIELDS | _TIMES | _LINKS, ['name'])
PROPERTY = _schema('property', _PROPERTY_FIELDS, ['type', 'title', 'name'])
TAG = _schema('tag', {'name': _NAME, **_TIMES}, ['name'])
TAGS = _schema('tags', {'tags': _NAMESPACE_FIELDS['tags']}, ['tags'])
ASSOCIATION = _schema(
    'resource_type_association', _ASSOCIATION_FIELDS | _TIMES, ['name']
)


def _collection(name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        'name': name,
        'properties': {
            name: {'type': 'array', 'items': dict(item)},
            'first': _TEXT,
            'next': _TEXT,
            'schema': _TEXT,
        },
        'links': [
            {'rel': 'first', 'href': '{first}'},
            {'rel': 'next', 'href': '{next}'},
            {'rel': 'describedby', 'href': '{schema}'},
        ],
    }


#: Schemas by the last part of their path.
_BY_PATH: Mapping[str, Mapping[str, Any]] = {
    'namespace': NAMESPACE,
    'namespaces': _collection('namespaces', NAMESPACE),
    'object': OBJECT,
    'objects': _collection('objects', OBJECT),
    'property': PROPERTY,
    'properties': {
        'name': 'properties',
        'properties': {
            'properties': {
                'type': 'object',
                'additionalProperties': PROPERTY,
            }
        },
    },
    'tag': TAG,
    'tags': _collection('tags', TAG),
    'resource_type': ASSOCIATION,
    'resource_types': _collection('resource_type_associations', ASSOCIATION),
}


def check(body: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Refuse a body that does not follow a schema.

    :raises: :class:`~ims_ext.emulator.errors.BadRequest`, or ``Forbidden``
        for what the service alone says.
    """
    import jsonschema

    for name in body:
        if schema['properties'].get(name, {}).get('readOnly'):
            raise Forbidden(f"Attribute '{name}' is read-only.")
    validator = jsonschema.Draft202012Validator({**schema, 'type': 'object'})
    error = next(iter(validator.iter_errors(body)), None)
    if error is not None:
        raise BadRequest(
            f"The body is no {schema['name']}: {error.message[:200]}"
        )


class MetadefSchemasApi:
    """The operations on the schemas of metadata definitions."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        pass

    @route('GET', '/v2/schemas/metadefs/<name>')
    def show(self, request: Request, name: str) -> Answer:
        """Show what one kind of definition looks like."""
        found = _BY_PATH.get(name)
        if found is None:
            raise NotFound("The resource could not be found.")
        return found
