# SPDX-License-Identifier: Apache-2.0
"""What the stand-in answers: as much of a cloud as the benchmarks need.

Run as a process of its own, ``python -m tests.benchmark.standin_cloud``, it
prints its URL, and ends with its standard input.
"""

import asyncio
from collections.abc import Callable, Iterator
import dataclasses
import functools
import json
import re
import sys
import threading
import time
from typing import Any
import uuid

from keystoneauth1 import fixture

from .standin import CONTROL
from .standin import Answer
from .standin import Counts
from .standin import Request
from .standin import serve

PROJECT_ID = '0b1e494e2660441a957313163095fe5c'
REGION = 'benchmark-1'
BUCKET = 'benchmark'

#: Images on a page of the native list: the default, and the most.
_NATIVE_PAGE, _LARGEST_PAGE = 25, 1000
#: Images on a page of the extensions' list by default.
_PAGE = 500

_NAMESPACE = uuid.UUID('0c4b8a2e-51f7-4b43-8d4c-6d1a5e0f9b7c')


def image_id(number: int) -> str:
    """Return the ID of an image of the list."""
    return str(uuid.uuid5(_NAMESPACE, f'image {number}'))


def image_name(number: int) -> str:
    """Return the name of an image of the list."""
    return f'Ubuntu 22.04 build {number:05}'


def image(number: int) -> dict[str, Any]:
    """Return an image, with the 37 attributes that a usual one has."""
    own_id = image_id(number)
    minute = f'{number // 60 % 24:02}:{number % 60:02}'
    return {
        'schema': '/v2/schemas/image',
        'min_disk': 40,
        'created_at': f'2026-01-31T{minute}:27Z',
        '__image_source_type': 'uds',
        'container_format': 'bare',
        'file': f'/v2/images/{own_id}/file',
        'updated_at': f'2026-02-01T{minute}:33Z',
        'protected': False,
        'checksum': 'd41d8cd98f00b204e9800998ecf8427e',
        'id': own_id,
        '__isregistered': 'true',
        'min_ram': 2048,
        'max_ram': '65536',
        '__lazyloading': 'true',
        'owner': PROJECT_ID,
        '__os_type': 'Linux',
        '__imagetype': 'private',
        'visibility': 'private',
        'virtual_env_type': 'FusionCompute',
        'tags': ['stage=production', f'build={number}'],
        '__platform': 'Ubuntu',
        'size': 0,
        '__os_bit': '64',
        '__os_version': 'Ubuntu 22.04 server 64bit',
        'name': image_name(number),
        'self': f'/v2/images/{own_id}',
        'disk_format': 'zvhd2',
        'virtual_size': None,
        'hw_firmware_type': 'bios',
        'status': 'active',
        '__support_kvm': 'true',
        '__support_xen': 'false',
        '__image_size': '1073741824',
        '__data_origin': f'server,{own_id}',
        '__description': "Built every night",
        'enterprise_project_id': '0',
        '__originalimagename': 'Ubuntu 22.04',
    }


class Cloud:
    """Identity, images, jobs and a bucket.

    :param url: Where it is reached.
    :param counts: What it has been asked.
    :param images: How many images there are.
    """

    def __init__(self, url: str, counts: Counts, images: int) -> None:
        self._url = url
        self._counts = counts
        self._ids = [image_id(number) for number in range(images)]
        self._positions = {own: n for n, own in enumerate(self._ids)}
        self._images = [
            json.dumps(image(number)).encode() for number in range(images)
        ]
        self._jobs: dict[str, tuple[float, float, bool]] = {}
        self._page_seconds = self._job_seconds = 0.0
        self._created = 0

    def answer(self, request: Request) -> Answer:
        """Answer a request."""
        for method, pattern, function in _ROUTES:
            found = pattern.fullmatch(request.path)
            if found and method == request.method:
                return function(self, request, *found.groups())
        return Answer.of({'error': {'message': "No such operation"}}, 404)

    # ====== THE BENCHMARK ======

    def reset(self, request: Request) -> Answer:
        """Begin to count; the settings say what takes how many seconds.

        ``page_seconds`` is for a page of images, ``job_seconds`` for a job.
        """
        settings = json.loads(request.body)
        self._page_seconds = float(settings.get('page_seconds', 0))
        self._job_seconds = float(settings.get('job_seconds', 0))
        self._counts.reset()
        return Answer.of({})

    def counts(self, request: Request) -> Answer:
        """Tell what has been counted."""
        return Answer.of(self._counts.all())

    def make_jobs(self, request: Request) -> Answer:
        """Start jobs: ``seconds`` that each takes; tell IDs and ends.

        The ends are those of a clock that all processes share.
        """
        settings = json.loads(request.body)
        began = time.monotonic()
        made = {}
        for seconds in settings['seconds']:
            job_id = uuid.uuid4().hex
            self._jobs[job_id] = began, began + seconds, settings['told']
            made[job_id] = began + seconds
        return Answer.of(made)

    # ====== IDENTITY ======

    def identity_version(self, request: Request) -> Answer:
        """Tell about the identity service's one version."""
        return Answer.of({'version': fixture.V3Discovery(f'{self._url}/v3')})

    def token(self, request: Request) -> Answer:
        """Let anybody in."""
        token = fixture.V3Token(project_id=PROJECT_ID)
        for service_type, url in (
            ('identity', f'{self._url}/v3'),
            ('image', f'{self._url}/image'),
            ('object', self._url),
        ):
            token.add_service(service_type).add_standard_endpoints(
                public=url, region=REGION
            )
        return Answer.of(token, 201, {'X-Subject-Token': uuid.uuid4().hex})

    # ====== IMAGES ======

    def image_versions(self, request: Request) -> Answer:
        """Tell the versions of the image service."""
        link = {'rel': 'self', 'href': f'{self._url}/image/v2/'}
        version = {'id': 'v2.9', 'status': 'CURRENT', 'links': [link]}
        return Answer.of({'versions': [version]}, 300)

    def cloud_images(self, request: Request) -> Answer:
        """List images as the extensions do: without a link to the next."""
        limit = int(request.query.get('limit', _PAGE))
        return self._answer_page(self._start(request), limit)

    def images(self, request: Request) -> Answer:
        """List images as Glance does."""
        limit = int(request.query.get('limit', _NATIVE_PAGE))
        return self._answer_page(
            self._start(request), min(limit, _LARGEST_PAGE), linked=True
        )

    def _start(self, request: Request) -> int:
        marker = request.query.get('marker')
        return self._positions[marker] + 1 if marker else 0

    def _answer_page(
        self, start: int, limit: int, linked: bool = False
    ) -> Answer:
        return Answer(
            body=self._page(start, limit, linked),
            headers={'Content-Type': 'application/json'},
            delay=self._page_seconds,
        )

    # One instance lives as long as its process.
    @functools.cache  # noqa: B019
    def _page(self, start: int, limit: int, linked: bool) -> bytes:
        end = start + limit
        page = b'{"images": [' + b', '.join(self._images[start:end]) + b']'
        if linked:
            query = f'limit={limit}&marker='
            links = {'schema': '/v2/schemas/images'}
            links['first'] = f'/v2/images?limit={limit}'
            if end < len(self._ids):
                links['next'] = f'/v2/images?{query}{self._ids[end - 1]}'
            page += b', ' + json.dumps(links).encode()[1:-1]
        return page + b'}'

    def get_image(self, request: Request, wanted: str) -> Answer:
        """Show an image; one that was made here is the first with its ID."""
        if wanted in self._positions:
            return Answer(
                body=self._images[self._positions[wanted]],
                headers={'Content-Type': 'application/json'},
            )
        if wanted.startswith('00000000-'):
            return Answer.of({**image(0), 'id': wanted})
        return Answer.of({'message': f"No image found with ID {wanted}"}, 404)

    def make_image(self, request: Request) -> Answer:
        """Make an image that waits for its data."""
        self._created += 1
        own = {'id': f'{uuid.UUID(int=self._created)}', 'status': 'queued'}
        return Answer.of({**image(0), **json.loads(request.body), **own}, 201)

    def take(self, request: Request, *where: str) -> Answer:
        """Swallow what was sent."""
        return Answer(204)

    # ====== EXTENSIONS ======

    def start_job(self, request: Request, *where: str) -> Answer:
        """Start a job that has ended already."""
        job_id = uuid.uuid4().hex
        now = time.monotonic()
        self._jobs[job_id] = now - 1, now, True
        return Answer.of({'job_id': job_id})

    def get_job(self, request: Request, job_id: str) -> Answer:
        """Tell how far a job is."""
        began, end, told = self._jobs[job_id]
        now = time.monotonic()
        entities: dict[str, Any] = {'image_id': image_id(0)}
        if told:
            done = min((now - began) / (end - began), 1.0)
            entities['process_percent'] = round(done, 2)
        answer = Answer.of(
            {
                'status': 'SUCCESS' if now >= end else 'RUNNING',
                'entities': entities,
                'job_id': job_id,
                'job_type': 'imsImportImageJob',
                'begin_time': '2026-01-31T10:00:00.000Z',
                'end_time': '',
                'error_code': None,
                'fail_reason': None,
            }
        )
        return dataclasses.replace(answer, delay=self._job_seconds)

    # ====== A BUCKET ======

    def bucket(self, request: Request, *where: str) -> Answer:
        """Be there."""
        return Answer()

    def no_object(self, request: Request, key: str) -> Answer:
        """Have no such object."""
        return Answer(404)

    def begin_upload(self, request: Request, key: str) -> Answer:
        """Begin or complete an upload in parts."""
        known = f'<Bucket>{BUCKET}</Bucket><Key>{key}</Key>'
        if 'uploadId' in request.query:
            name = 'CompleteMultipartUploadResult'
            known += f'<ETag>"{uuid.UUID(int=0).hex}-1"</ETag>'
        else:
            name = 'InitiateMultipartUploadResult'
            known += '<UploadId>benchmark</UploadId>'
        return Answer(body=f'<{name}>{known}</{name}>'.encode())

    def put_object(self, request: Request, key: str) -> Answer:
        """Swallow an object or a part of one."""
        return Answer(headers={'ETag': f'"{uuid.UUID(int=0).hex}"'})


def _routes() -> Iterator[tuple[str, re.Pattern[str], Callable[..., Answer]]]:
    method: str
    function: Callable[..., Answer]
    for method, path, function in (
        ('GET', '/v2/cloudimages', Cloud.cloud_images),
        ('GET', '/v2/images', Cloud.images),
        ('GET', '/v2/images/([^/]+)', Cloud.get_image),
        ('GET', '/v1/[^/]+/jobs/([^/]+)', Cloud.get_job),
        ('POST', '/v2/images', Cloud.make_image),
        ('PUT', '/v2/images/([^/]+)/file', Cloud.take),
        ('PUT', '/v2/images/([^/]+)/tags/([^/]+)', Cloud.take),
        ('POST', '/v2/images/([^/]+)/members', Cloud.start_job),
        ('POST', '/v2/[^/]+/images/([^/]+)/tags/action', Cloud.take),
        ('POST', '/v1/cloudimages/members', Cloud.start_job),
        ('GET', '/?', Cloud.image_versions),
    ):
        # The catalog has the image service's root; a peer that is given no
        # catalog is given the server's.
        yield method, re.compile(f'(?:/image)?{path}'), function
    for method, path, function in (
        ('POST', f'{CONTROL}reset', Cloud.reset),
        ('GET', f'{CONTROL}counts', Cloud.counts),
        ('POST', f'{CONTROL}jobs', Cloud.make_jobs),
        ('GET', '/v3/?', Cloud.identity_version),
        ('POST', '/v3/auth/tokens', Cloud.token),
        ('HEAD', f'/{BUCKET}/?', Cloud.bucket),
        ('HEAD', f'/{BUCKET}/(.+)', Cloud.no_object),
        ('POST', f'/{BUCKET}/(.+)', Cloud.begin_upload),
        ('PUT', f'/{BUCKET}/(.+)', Cloud.put_object),
        ('DELETE', f'/{BUCKET}/(.+)', Cloud.take),
    ):
        yield method, re.compile(path), function


_ROUTES = tuple(_routes())


def main() -> None:
    """Serve until standard input ends."""
    images = int(sys.argv[1])

    def make(url: str, counts: Counts) -> Callable[[Request], Answer]:
        return Cloud(url, counts, images).answer

    async def run() -> None:
        loop = asyncio.get_running_loop()
        serving = asyncio.create_task(
            serve(make, lambda url: print(url, flush=True))
        )

        def stop_with_input() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(serving.cancel)

        threading.Thread(target=stop_with_input, daemon=True).start()
        await asyncio.wait([serving])

    asyncio.run(run())


if __name__ == '__main__':
    main()
