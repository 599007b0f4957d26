# SPDX-License-Identifier: Apache-2.0
"""The object store's operations, as OpenAPI describes them.

Which of them a request is for, its query says. OpenAPI knows an operation by
method and path alone, so the names that matter follow the path behind a
``#``, which no client sends.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from ims_ext.emulator.bucket.call import Level
from ims_ext.emulator.bucket.call import Operation

SERVICE = 'bucket'

_PATHS = {
    Level.SERVICE: '/',
    Level.BUCKET: '/{bucket}',
    Level.OBJECT: '/{bucket}/{key}',
}
#: Operations with a body that is not a document.
_DATA = ('PutObject', 'UploadPart')
_DOCUMENTS = (
    'CreateBucket',
    'DeleteObjects',
    'CompleteMultipartUpload',
)
_REFUSED = {
    'description': "Refused, with the reason.",
    'content': {'application/xml': {'schema': {'type': 'string'}}},
}


def bucket_operations(
    operations: Iterable[Operation],
) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give method, path and description of each operation.

    :param operations: Those that the object store has.
    """
    for each in sorted(
        operations, key=lambda one: (one.level.value, one.method, one.name)
    ):
        path = _PATHS[each.level]
        if each.markers:
            path += f'#{"&".join(sorted(each.markers))}'
        yield each.method, path, _described(each)


def _described(each: Operation) -> dict[str, Any]:
    found: dict[str, Any] = {
        'operationId': f'{SERVICE}_{each.name}',
        'summary': each.name,
        'tags': [SERVICE],
        'responses': {'2XX': _success(each), '4XX': _REFUSED},
        'security': [{'signature': []}],
    }
    if parameters := [*_parameters(each)]:
        found['parameters'] = parameters
    if each.name in _DATA:
        found['requestBody'] = {'content': {'application/octet-stream': {}}}
    elif each.name in _DOCUMENTS:
        found['requestBody'] = {
            'content': {'application/xml': {'schema': {'type': 'string'}}}
        }
    return found


def _parameters(each: Operation) -> Iterator[dict[str, Any]]:
    for name in sorted(each.markers | each.params):
        yield {
            'name': name,
            'in': 'query',
            'required': name in each.markers,
            'allowEmptyValue': True,
            'schema': {'type': 'string'},
        }


def _success(each: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {'description': "Carried out."}
    if each.name == 'GetObject':
        answer['content'] = {'application/octet-stream': {}}
    elif each.method in ('GET', 'POST'):
        answer['content'] = {'application/xml': {'schema': {'type': 'string'}}}
    return answer
