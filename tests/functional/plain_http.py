# SPDX-License-Identifier: Apache-2.0
"""A client that speaks plain HTTP: what it sends is what a test says."""

import pathlib
import struct
import subprocess
import time
from typing import Any
import uuid

import boto3
import botocore.config
import requests

from ims_ext.emulator.server import EmulatorServer

from .eventually import settle

GIB = 2**30
OS_VERSION = 'Ubuntu 18.04 server 64bit'


class Client:
    """A user of an emulator, who lets time pass after each change.

    So all has come that was acknowledged, when the next request is sent.

    :param server: The emulator.
    :param cloud: The user's entry in the emulator's clouds.yaml.
    """

    def __init__(self, server: EmulatorServer, cloud: str = 'alice') -> None:
        entry = server.clouds(access_keys=True)['clouds'][cloud]
        self._addresses = server.addresses
        self._region = entry['region_name']
        self._root = self.root('image')
        self._server = server
        self._identity = server.auth_url.removesuffix('/v3')
        self._session = requests.Session()
        token = self._session.post(
            f'{server.auth_url}/auth/tokens',
            json=_password(entry['auth']),
            timeout=60,
        )
        token.raise_for_status()
        self.project_id = token.json()['token']['project']['id']
        self.user_id = token.json()['token']['user']['id']
        self._catalog = {
            each['type']: str(endpoint['url'])
            for each in token.json()['token']['catalog']
            for endpoint in each['endpoints']
            if endpoint['region'] == self._region
        }
        self.token = token.headers['X-Subject-Token']
        self._session.headers['X-Auth-Token'] = self.token
        self.bucket_url = self.root('bucket')
        self._keys = entry['ak'], entry['sk']
        self._s3: Any = None

    def root(self, service: str) -> str:
        """Return the root of a service."""
        return self._addresses.url(service, self._region)

    def request(
        self, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        """Send a request to the image service."""
        answer = self._session.request(
            method, self._root + path, timeout=60, **arguments
        )
        if method not in ('GET', 'HEAD') and answer.ok:
            self.settle()
        return answer

    def settle(self) -> None:
        """Let the time pass in which effects are late."""
        settle(self._server)

    def identity(
        self, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        """Send a request to the identity service."""
        return self._session.request(
            method, self._identity + path, timeout=60, **arguments
        )

    def compute(
        self, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        """Send a request to Nova."""
        return self._send('compute', method, path, arguments)

    def block_storage(
        self, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        """Send a request to Cinder."""
        return self._send('volumev3', method, path, arguments)

    def ecs(
        self, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        """Send a request to the clouds' own operations on servers."""
        root = f'{self._addresses.url("compute")}/v1/{self.project_id}'
        return self._session.request(
            method, root + path, timeout=60, **arguments
        )

    def kms(self, action: str, **body: Any) -> requests.Response:
        """Have the key management service do something."""
        return self._send('kms', 'POST', f'/kms/{action}', {'json': body})

    def new_key(self) -> str:
        """Make a key; return its ID."""
        made = self.kms('create-key', key_alias=f'key-{uuid.uuid4().hex}')
        return str(made.json()['key_info']['key_id'])

    def cbr(
        self, method: str, path: str, **arguments: Any
    ) -> requests.Response:
        """Send a request to the backup service."""
        return self._send('cbr', method, path, arguments)

    def new_vault(self, size: int = 1000, kind: str = 'server') -> str:
        """Make a vault; return its ID.

        :param size: GiB.
        :param kind: What is backed up into it.
        """
        billing = {'size': size, 'object_type': kind, 'protect_type': 'backup'}
        vault = {'name': f'v-{uuid.uuid4().hex}', 'billing': billing}
        made = self.cbr('POST', '/vaults', json={'vault': vault})
        assert made.status_code == 200, made.text
        return str(made.json()['vault']['id'])

    def _send(
        self, kind: str, method: str, path: str, arguments: dict[str, Any]
    ) -> requests.Response:
        return self._session.request(
            method, self._catalog[kind] + path, timeout=60, **arguments
        )

    def get(self, path: str, **query: Any) -> requests.Response:
        """Send a GET with a query."""
        return self.request('GET', path, params=query)

    def images(self, **query: Any) -> list[dict[str, Any]]:
        """Return what operation 1 lists."""
        answer = self.get('/v2/cloudimages', **query)
        assert answer.status_code == 200, answer.text
        images: list[dict[str, Any]] = answer.json()['images']
        return images

    def names(self, **query: Any) -> list[str]:
        """Return the names of what operation 1 lists, in its order."""
        return [image['name'] for image in self.images(**query)]

    def create(self, **body: Any) -> requests.Response:
        """Send operation 4; anything given replaces a good value."""
        return self._import('action', 'images:disk.qcow2', body)

    def quick_import(self, **body: Any) -> requests.Response:
        """Send operation 9; anything given replaces a good value."""
        return self._import('quickimport/action', 'images:disk.raw', body)

    def _import(
        self, action: str, image_url: str, body: dict[str, Any]
    ) -> requests.Response:
        good = {
            'name': 'golden',
            'image_url': image_url,
            'os_version': OS_VERSION,
            'min_disk': 40,
        }
        return self.request(
            'POST',
            f'/v2/cloudimages/{action}',
            json={
                name: value
                for name, value in {**good, **body}.items()
                if value is not ...
            },
        )

    def create_metadata(self, **body: Any) -> str:
        """Create an image natively; return its ID."""
        answer = self.request('POST', '/v2/images', json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()['id'])

    def active_image(self, **body: Any) -> str:
        """Create an image natively, with some data; return its ID."""
        image_id = self.create_metadata(**body)
        answer = self.request(
            'PUT',
            f'/v2/images/{image_id}/file',
            data=b'data',
            headers={'Content-Type': 'application/octet-stream'},
        )
        assert answer.status_code == 204, answer.text
        return image_id

    def patch(self, image_id: str, *changes: Any) -> requests.Response:
        """Send operation 2."""
        return self.request(
            'PATCH', f'/v2/cloudimages/{image_id}', json=list(changes)
        )

    def register(self, image_id: str, image_url: str) -> requests.Response:
        """Send operation 11."""
        return self.request(
            'PUT',
            f'/v1/cloudimages/{image_id}/upload',
            json={'image_url': image_url},
        )

    def share(self, image_id: str, other: 'Client') -> None:
        """Share an image with another project, which has not answered."""
        answer = self.request(
            'POST',
            f'/v2/images/{image_id}/members',
            json={'member': other.project_id},
        )
        assert answer.status_code == 200, answer.text

    def answer_share(self, image_id: str, status: str) -> None:
        """Accept or reject an image that was shared."""
        answer = self.request(
            'PUT',
            f'/v2/images/{image_id}/members/{self.project_id}',
            json={'status': status},
        )
        assert answer.status_code == 200, answer.text

    def job(self, job_id: str) -> dict[str, Any]:
        """Return what operation 27 answers."""
        answer = self.get(f'/v1/{self.project_id}/jobs/{job_id}')
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def finish(self, started: requests.Response) -> dict[str, Any]:
        """Return the job that an answer names, when it has ended."""
        assert started.status_code == 200, started.text
        return self.end(started.json()['job_id'])

    def end(self, job_id: str) -> dict[str, Any]:
        """Return a job when it has ended."""
        while True:
            job = self.job(job_id)
            if job['status'] in ('SUCCESS', 'FAIL'):
                self.settle()
                return job
            time.sleep(0.02)

    @property
    def s3(self) -> Any:
        """The bucket side, with the user's permanent access key."""
        if self._s3 is None:
            self._s3 = boto3.client(
                's3',
                endpoint_url=self.bucket_url,
                region_name=self._region,
                aws_access_key_id=self._keys[0],
                aws_secret_access_key=self._keys[1],
                config=botocore.config.Config(s3={'addressing_style': 'path'}),
            )
        return self._s3

    def put(self, key: str, data: bytes) -> None:
        """Put an object into the bucket ``images``."""
        url = self.s3.generate_presigned_url(
            'put_object', Params={'Bucket': 'images', 'Key': key}
        )
        requests.put(url, data=data, timeout=60).raise_for_status()


def code(answer: requests.Response) -> str:
    """Return the code of a refusal."""
    assert answer.status_code == 400, answer.text
    return str(answer.json()['error']['code'])


def disk(
    directory: pathlib.Path,
    disk_format: str,
    size: int = GIB,
    options: tuple[str, ...] = (),
) -> bytes:
    """Return a disk image made by ``qemu-img``.

    :param directory: Where to make it.
    :param disk_format: As ``qemu-img`` calls it.
    :param size: The size of the disk in it, in bytes.
    :param options: More arguments.
    """
    path = directory / f'made.{disk_format}'
    subprocess.run(
        [
            'qemu-img',
            'create',
            '-q',
            '-f',
            disk_format,
            *options,
            str(path),
            str(size),
        ],
        check=True,
    )
    return path.read_bytes()


def iso() -> bytes:
    """Return an ISO file: a volume descriptor, and the one that ends them."""
    volume = bytearray(2048)
    volume[:7] = b'\x01CD001\x01'
    # Numbers in both byte orders: sectors of the volume, bytes of a sector.
    volume[80:88] = struct.pack('<I', 20) + struct.pack('>I', 20)
    volume[128:132] = struct.pack('<H', 2048) + struct.pack('>H', 2048)
    end = b'\xffCD001\x01'.ljust(2048, b'\0')
    return (bytes(16 * 2048) + volume + end).ljust(20 * 2048, b'\0')


def _password(auth: dict[str, str]) -> dict[str, Any]:
    return {
        'auth': {
            'identity': {
                'methods': ['password'],
                'password': {
                    'user': {
                        'name': auth['username'],
                        'password': auth['password'],
                        'domain': {'id': auth['user_domain_id']},
                    }
                },
            },
            'scope': {
                'project': {
                    'name': auth['project_name'],
                    'domain': {'id': auth['project_domain_id']},
                }
            },
        }
    }
