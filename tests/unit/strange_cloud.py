# SPDX-License-Identifier: Apache-2.0
"""A cloud that answers anything at all, below every layer of the client.

It stands where the sockets would be: all of requests, keystoneauth and
openstacksdk runs on top of it.
"""

from collections.abc import Callable
import dataclasses
import functools
import io
import json
import os
import re
from typing import Any
import urllib.parse

import hypothesis
from keystoneauth1 import fixture
from openstack import connection
import requests
from requests import adapters
import urllib3

from .. import prepared_cloud
from ..prepared_cloud import AUTH_URL
from ..prepared_cloud import IMS_URL

PROJECT_ID = '0b1e494e2660441a957313163095fe5c'
IMAGE_ID = '33ad552d-1149-471c-8190-ff6776174a00'
JOB_ID = 'ff8080814dbd65d7014dbe0d84db0013'

#: Requests that one call may send at most. A listing asks for one page, a
#: wait for one look, and what fails is asked for again a few times.
MOST_REQUESTS = 60


#: How many times as many examples are tried as in every run of the tests.
_PATIENCE = int(os.environ.get('IMS_EXT_FUZZ', '1'))


def examples(number: int) -> hypothesis.settings:
    """Return the settings of a test with generated examples.

    The same ones are tried each time; with ``IMS_EXT_FUZZ=20`` in the
    environment, others, and 20 times as many.

    :param number: How many there are.
    """
    return hypothesis.settings(
        deadline=None,
        derandomize=_PATIENCE == 1,
        max_examples=number * _PATIENCE,
        suppress_health_check=[*hypothesis.HealthCheck],
    )


class EndlessError(BaseException):
    """A call that asks for ever; not an Exception, so that none hides it."""


@dataclasses.dataclass
class Answer:
    """What the cloud sends.

    :param status: The status; ``None`` for the one that is documented.
    :param body: The body; ``None`` for the documented one.
    :param headers: Headers beside those that describe the body.
    """

    status: int | None = None
    body: bytes | None = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)


# ====== WHAT IS DOCUMENTED ======

IMAGE: dict[str, Any] = {
    'id': IMAGE_ID,
    'name': 'golden',
    'status': 'active',
    'visibility': 'private',
    'owner': PROJECT_ID,
    'self': f'/v2/images/{IMAGE_ID}',
    'file': f'/v2/images/{IMAGE_ID}/file',
    'schema': '/v2/schemas/image',
    'min_disk': 40,
    'min_ram': 0,
    'size': 0,
    'protected': False,
    'tags': ['colour=red'],
    'disk_format': 'zvhd2',
    'container_format': 'bare',
    'created_at': '2026-01-31T10:00:00Z',
    'updated_at': '2026-01-31T10:00:00Z',
    'virtual_env_type': 'FusionCompute',
    '__imagetype': 'private',
    '__image_size': '10737418240',
    '__isregistered': 'true',
    '__os_bit': '64',
    '__os_version': 'Ubuntu 22.04 server 64bit',
    '__support_kvm': 'true',
    'max_ram': '4096',
    'hw_firmware_type': 'bios',
    'colour': 'red',
}
JOB: dict[str, Any] = {
    'job_id': JOB_ID,
    'job_type': 'imsAddImageMembersJob',
    'status': 'SUCCESS',
    'begin_time': '2026-01-31T10:00:00.000Z',
    'end_time': '04-Jun-2015 18:11:06:586',
    'error_code': None,
    'fail_reason': None,
    'entities': {
        'image_id': IMAGE_ID,
        'image_name': 'golden',
        'process_percent': 0.5,
        'current_task': 'CreateImage',
        'subJobId': 's1',
        'results': [
            {'image_id': IMAGE_ID, 'project_id': 'p', 'status': 'success'}
        ],
        'sub_jobs_list': ['s1'],
        'sub_jobs_result': [
            {
                'job_id': 's1',
                'status': 'SUCCESS',
                'entities': {'image_id': IMAGE_ID},
            }
        ],
    },
}
MEMBER: dict[str, Any] = {
    'image_id': IMAGE_ID,
    'member_id': PROJECT_ID,
    'status': 'pending',
    'created_at': '2026-01-31T10:00:00Z',
    'updated_at': '2026-01-31T10:00:00Z',
    'schema': '/v2/schemas/member',
}
VERSION: dict[str, Any] = {
    'id': 'v2.0',
    'status': 'CURRENT',
    'links': [{'rel': 'self', 'href': f'{IMS_URL}/v2/'}],
}
SCHEMA: dict[str, Any] = {
    'name': 'image',
    'properties': {'id': {'type': 'string', 'description': 'ID'}},
    'links': [{'href': '{self}', 'rel': 'self'}],
    'additionalProperties': {'type': 'string'},
}
NAMESPACE: dict[str, Any] = {'namespace': 'n', 'protected': False}
NAMED: dict[str, Any] = {'name': 'p', 'type': 'string', 'minLength': 1}
TASK: dict[str, Any] = {'id': 't1', 'type': 'import', 'status': 'success'}

#: The answers of operations: method, path, status, body.
DOCUMENTED: tuple[tuple[str, str, int, Any], ...] = tuple(
    (method, pattern, status, body)
    for method, pattern, status, body in (
        ('HEAD', r'/v1/images/[^/]+', 200, None),
        ('GET', r'/v1\.1/images/detail', 200, {'images': [IMAGE]}),
        ('GET', r'/v2/cloudimages', 200, {'images': [IMAGE]}),
        ('PATCH', r'/v2/cloudimages/[^/]+', 200, IMAGE),
        ('GET', r'/v1/cloudimages/tags', 200, {'tags': ['colour.red']}),
        (
            'GET',
            r'/v1/cloudimages/quota',
            200,
            {
                'quotas': {
                    'resources': [
                        {
                            'type': 'image',
                            'used': 1,
                            'quota': 50,
                            'min': 0,
                            'max': 1000,
                        }
                    ]
                }
            },
        ),
        (
            'GET',
            r'/v1/cloudimages/os_version',
            200,
            [
                {
                    'platform': 'Ubuntu',
                    'version_list': [
                        {
                            'platform': 'Ubuntu',
                            'os_version': 'Ubuntu 22.04 server 64bit',
                            'os_version_key': 'Ubuntu 22.04 server 64bit',
                            'os_bit': 64,
                            'os_type': 'Linux',
                        }
                    ],
                }
            ],
        ),
        ('GET', r'/v1/cloudimages/job/[^/]+', 200, JOB),
        ('GET', r'/v1/[^/]+/jobs/[^/]+', 200, JOB),
        (
            'GET',
            r'/v1/[^/]+/cloudimages/[^/]+/members',
            200,
            {'members': [MEMBER], 'page_info': {'next_marker': None}},
        ),
        ('GET', r'/v1/[^/]+/cloudimages/[^/]+/members/[^/]+', 200, MEMBER),
        (
            'POST',
            r'/v2/[^/]+/images/resource_instances/action',
            200,
            {
                'total_count': 1,
                'resources': [
                    {
                        'resource_id': IMAGE_ID,
                        'resource_name': 'golden',
                        'resource_detail': {'status': 'active'},
                        'tags': [{'key': 'colour', 'value': 'red'}],
                    }
                ],
            },
        ),
        ('POST', r'/v2/[^/]+/images/[^/]+/tags(/action)?', 204, None),
        (
            'GET',
            r'/v2/[^/]+/images/[^/]+/tags',
            200,
            {'tags': [{'key': 'colour', 'value': 'red'}]},
        ),
        (
            'GET',
            r'/v2/[^/]+/images/tags',
            200,
            {'tags': [{'key': 'colour', 'values': ['red']}]},
        ),
        ('PUT', r'/v1/cloudimages/tags', 204, None),
        ('POST', r'/v2/images/[^/]+/members', 200, MEMBER),
        (
            'GET',
            r'/v2/images/[^/]+/members',
            200,
            {'members': [MEMBER], 'schema': '/v2/schemas/members'},
        ),
        ('GET|PUT', r'/v2/images/[^/]+/members/[^/]+', 200, MEMBER),
        ('GET', r'/v2/images/[^/]+/tasks', 200, {'tasks': [TASK]}),
        ('GET', r'/v2/tasks', 200, {'tasks': [TASK]}),
        ('GET', r'/v2/tasks/[^/]+', 200, TASK),
        ('GET', r'/v2/info/stores', 200, {'stores': [{'id': 's1'}]}),
        (
            'GET',
            r'/v2/info/import',
            200,
            {'import-methods': {'type': 'array', 'value': ['glance-direct']}},
        ),
        (
            'GET',
            r'/v2/images',
            200,
            {
                'images': [IMAGE],
                'first': '/v2/images',
                'schema': '/v2/schemas/images',
            },
        ),
        ('POST', r'/v2/images', 201, IMAGE),
        ('GET|PATCH', r'/v2/images/[^/]+', 200, IMAGE),
        ('GET', r'/v2/schemas/.*', 200, SCHEMA),
        ('POST', r'/v2/tasks', 201, TASK),
        ('GET', r'/v2/images/[^/]+/locations', 200, [{'url': 'file:x'}]),
        (
            'GET',
            r'/v2/cache',
            200,
            {'cached_images': [{'image_id': IMAGE_ID}], 'queued_images': []},
        ),
        ('GET', r'/v2/cache/nodes/.*', 200, ['http://node']),
        ('POST', r'/v2/cache/prune', 200, {'total_files_pruned': 1}),
        ('GET', r'/v2/metadefs/namespaces', 200, {'namespaces': [NAMESPACE]}),
        ('POST', r'/v2/metadefs/namespaces', 201, NAMESPACE),
        ('GET', r'/v2/metadefs/namespaces/[^/]+', 200, NAMESPACE),
        (
            'GET',
            r'/v2/metadefs/namespaces/[^/]+/objects',
            200,
            {'objects': [NAMED]},
        ),
        (
            'GET',
            r'/v2/metadefs/namespaces/[^/]+/properties',
            200,
            {'properties': {'p': {'type': 'string', 'minLength': 1}}},
        ),
        (
            'GET',
            r'/v2/metadefs/namespaces/[^/]+/resource_types',
            200,
            {'resource_type_associations': [NAMED]},
        ),
        ('GET|PUT', r'/v2/metadefs/namespaces/[^/]+/.*', 200, NAMED),
        (
            'GET',
            r'/v2/metadefs/resource_types',
            200,
            {'resource_types': [NAMED]},
        ),
        ('GET', r'/(v[\d.]+/?)?', 300, {'versions': [VERSION]}),
        (
            'POST|PUT|DELETE',
            r'/v[12](\.1)?/cloudimages/.*',
            200,
            {'job_id': JOB_ID},
        ),
        (
            'GET',
            r'/v3/projects.*',
            200,
            {'projects': [{'id': PROJECT_ID, 'name': 'theirs'}]},
        ),
        ('GET', r'/compute.*', 200, {'servers': [{'id': 's1', 'name': 'x'}]}),
        ('.*', r'.*', 204, None),
    )
)


def documented(method: str, url: str) -> tuple[int, Any]:
    """Return the documented status and body of an answer."""
    parts = urllib.parse.urlsplit(url)
    status, body = next(
        (status, body)
        for methods, pattern, status, body in DOCUMENTED
        if re.fullmatch(methods, method) and re.fullmatch(pattern, parts.path)
    )
    if method == 'GET' and re.search(r'\b(marker|page=[^1])', parts.query):
        # The first page has it all.
        body = {
            name: [] if isinstance(value, list) else value
            for name, value in (body or {}).items()
        }
    return status, body


# ====== THE CLOUD ======

#: Makes an answer from the documented status and body.
Make = Callable[[int, Any], Answer]


class StrangeCloud(adapters.HTTPAdapter):
    """Answers as a test wants it.

    :ivar make: Makes the strange answers.
    :ivar only: Which of a call's requests is answered so; ``None`` for all,
        the others are answered as documented.
    :ivar requests: The requests so far, tokens aside.
    """

    def __init__(self) -> None:
        super().__init__()
        self.make: Make = lambda status, body: Answer()
        self.only: int | None = None
        self.requests: list[requests.PreparedRequest] = []

    def prepare(self, make: Make, only: int | None = None) -> None:
        """Begin a call."""
        self.make, self.only = make, only
        self.requests = []

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Answer."""
        url, method = str(request.url), str(request.method)
        if url.startswith(AUTH_URL) and 'projects' not in url:
            return self._response(request, *_identity(method))
        _read_body(request)
        number = len(self.requests)
        self.requests.append(request)
        if number >= MOST_REQUESTS:
            raise EndlessError(f"{number} requests, the last for {url}")
        status, body = documented(method, url)
        if method == 'GET' and self._is_gone(url):
            is_list = 'id=' in url
            status, body = (200, {'images': []}) if is_list else (404, None)
        answer = Answer()
        if self.only is None or number == self.only:
            answer = self.make(status, body)
        content = answer.body
        if content is None:
            content = b'' if body is None else json.dumps(body).encode()
        return self._response(
            request,
            answer.status or status,
            content,
            {'Content-Type': 'application/json', **answer.headers},
        )

    def _is_gone(self, url: str) -> bool:
        """Whether it is about the image, and that has been deleted."""
        return IMAGE_ID in url and any(
            request.method == 'DELETE'
            and str(request.url).endswith(f'/v2/images/{IMAGE_ID}')
            for request in self.requests
        )

    def _response(
        self,
        request: requests.PreparedRequest,
        status: int,
        content: bytes,
        headers: dict[str, str],
    ) -> requests.Response:
        return self.build_response(
            request,
            urllib3.HTTPResponse(
                io.BytesIO(b'' if request.method == 'HEAD' else content),
                headers=headers,
                status=status,
                reason='Strange',
                preload_content=False,
                decode_content=False,
            ),
        )


def _read_body(request: requests.PreparedRequest) -> None:
    if hasattr(request.body, 'read'):
        while request.body.read(1 << 16):
            pass


def _identity(method: str) -> tuple[int, bytes, dict[str, str]]:
    headers = {
        'Content-Type': 'application/json',
        'X-Subject-Token': 'secret-token',
    }
    body: Any = {'version': fixture.V3Discovery(AUTH_URL)}
    if method == 'POST':
        body = fixture.V3Token(project_id=PROJECT_ID)
        for service_type, url in (
            ('image', IMS_URL),
            ('identity', AUTH_URL),
            ('compute', 'https://ecs.example.com/compute/v2.1'),
        ):
            body.add_service(service_type).add_standard_endpoints(
                public=url, region='eu-1'
            )
    return 200, json.dumps(body).encode(), headers


@functools.cache
def strange_cloud() -> tuple[connection.Connection, StrangeCloud]:
    """Return a connection, the same one each time, and its cloud."""
    conn = prepared_cloud.connect(
        PROJECT_ID,
        identity_api_version='3',
        compute_endpoint_override='https://ecs.example.com/compute/v2.1',
        identity_endpoint_override=AUTH_URL,
    )
    cloud = StrangeCloud()
    session: Any = conn.session
    session.session.mount('https://', cloud)
    return conn, cloud
