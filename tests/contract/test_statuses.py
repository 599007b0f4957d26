# SPDX-License-Identifier: Apache-2.0
"""The emulator answers each documented request with the documented status.

Where the answer is a job, the job ends well.
"""

import json
from pathlib import Path
import time
from typing import Any

import pytest
import requests

from ims_ext.emulator.bucket.store import BucketStore
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Backup
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Job
from ims_ext.emulator.state import Key
from ims_ext.emulator.state import Server
from ims_ext.emulator.state import State
from ims_ext.emulator.state import Vault
from ims_ext.emulator.state import Volume

from .conftest import EXAMPLES

VAULT = 'de9fcf45-11b2-432c-8562-5c5428574600'

#: IDs that the examples name, and in which state their images are.
IMAGES = {
    '33ad552d-1149-471c-8190-ff6776174a00': 'active',
    '3c3d1d01-b48a-4639-8a88-08be3b9b5d78': 'active',
    '465076de-dc36-4aec-80f5-ef9d8009428f': 'active',
    '4ca46bf1-5c61-48ff-b4f3-0ad4e5e3ba86': 'queued',
    '4ca46bf1-5c61-48ff-b4f3-0ad4e5e3ba90': 'active',
    '62a15f6c-9197-44d2-89c7-708981c1bec1': 'active',
    '67437ebd-2563-46e0-887e-ad1923977fa1': 'active',
    '67e17426-359e-49fb-aa12-0bd1756ec240': 'active',
    '84ac7f2b-bf19-4efb-86a0-b5be8771b476': 'queued',
    'd164b5df-1bc3-4c3f-893e-3e471fd16e64': 'active',
    '0b680482-acaa-4045-b14c-9a8c7dfe9c70': 'active',
}
SERVER = '877a2cda-ba63-4e1e-b95f-e67e48b6129a'
VOLUME = 'c5dfbd0c-bf0a-4798-a453-61dc6b54aa30'
BACKUP = '9b27efab-4a17-4c06-bfa2-3e0cf021d3c3'
JOB = 'ff8080814dbd65d7014dbe0d84db0013'
OWNERS = (
    'fd73a4a14a4a4dfb9771a8475e5198ea',
    'ac234de25c6741d2b1273da49eea1b9e',
)
MEMBER = 'edc89b490d7d4392898e19b2deb34797'
OTHER_MEMBER = '9c61004714024f9586705d090530f9fa'
OS_VERSION = 'CentOS 7.0 64bit'

#: What the member does, not the owner.
BY_MEMBER = (30, 31, 63, 64)
#: Natively shared first, then looked at and answered, then ended; and the
#: same in batches. What deletes tags and images comes last.
ORDER = (59, 61, 62, 63, 64, 60, 28, 30, 31, 29)
LAST = (34, 46, 47)


def ordered() -> list[dict[str, Any]]:
    by_number = {each['n']: each for each in EXAMPLES['requests']}
    rest = [n for n in by_number if n not in ORDER + LAST]
    return [by_number[n] for n in (*rest, *ORDER, *LAST)]


@pytest.fixture
def prepared(
    tmp_path: Path, disks: dict[str, Path]
) -> tuple[Path, dict[str, str]]:
    """A state with all that the examples name.

    Its projects come with it, by the IDs that the examples give them.
    """
    with EmulatorServer(state_dir=tmp_path):
        pass  # the users and projects are there now
    state = State(tmp_path)
    projects = [
        state.projects.find(name, 'default') for name in ('alpha', 'beta')
    ]
    owner, member = (each.id for each in projects if each)
    other = state.projects.add('gamma', 'default', 'eu-emu-1').id
    for image_id, status in IMAGES.items():
        state.images.add(
            Image.new(
                owner,
                f'example-{image_id[:8]}',
                {
                    **image_attributes(),
                    # What the example registers for it is of this format.
                    'disk_format': 'vmdk' if status == 'queued' else 'qcow2',
                },
                id=image_id,
                status=status,
                tags=['key1=value1'],
            )
        )
        if status == 'active':
            data = disks['qcow2'].read_bytes()
            state.image_file(image_id).write_bytes(data)
    state.servers.add(
        Server(
            project_id=owner,
            name='example',
            status='SHUTOFF',
            flavor_id='s3.medium.2',
            os_version=OS_VERSION,
            id=SERVER,
        )
    )
    for volume_id, device, server in (
        ('00000000-0000-4000-8000-000000000000', '/dev/vda', SERVER),
        (VOLUME, '/dev/vdb', SERVER),
        # One example takes the server's ID for a volume's.
        (SERVER, None, None),
    ):
        state.volumes.add(
            Volume(
                project_id=owner,
                name='example',
                size=10,
                status='in-use' if server else 'available',
                server_id=server,
                device=device,
                os_version=None if device == '/dev/vdb' else OS_VERSION,
                id=volume_id,
            )
        )
    state.keys.add(
        Key(
            project_id=owner,
            name='example',
            id='bd66288c-9081-460a-8227-4cbd0c814cb4',
        )
    )
    for project_id, vault_id in (
        (owner, VAULT),
        (member, 'd14r5tef-1bc3-4c4f-823e-3e471rg65e65'),
        (member, '6yhtb5df-1bc3-4c3f-893e-3e4716yhgt61'),
    ):
        state.vaults.add(
            Vault(project_id=project_id, name='example', size=100, id=vault_id)
        )
    state.backups.add(
        Backup(
            project_id=owner,
            name='example',
            kind='CBR',
            server_id=SERVER,
            vault_id=VAULT,
            size=20,
            system_size=10,
            os_version=OS_VERSION,
            id=BACKUP,
        )
    )
    state.jobs.add(Job('imsImportImageJob', owner, 0, 0, 'SUCCESS', id=JOB))
    fill_buckets(state, tmp_path, owner, disks)
    state.close()
    return tmp_path, {
        **dict.fromkeys(OWNERS, owner),
        MEMBER: member,
        OTHER_MEMBER: other,
    }


def image_attributes() -> dict[str, Any]:
    return {
        'container_format': 'bare',
        'min_disk': 40,
        'min_ram': 0,
        'size': 262144,
        'protected': False,
        '__isregistered': 'true',
        '__imagetype': 'private',
        '__os_version': OS_VERSION,
        '__image_size': '262144',
        'virtual_env_type': 'FusionCompute',
    }


def fill_buckets(
    state: State, directory: Path, owner: str, disks: dict[str, Path]
) -> None:
    store = BucketStore(state.access_keys, directory)
    for bucket, key, kind in (
        ('image-test', 'fedora_data1.qcow2', 'qcow2'),
        ('ims-image', 'centos70.qcow2', 'qcow2'),
        ('ims-image', 'centos70.iso', 'iso'),
        ('ims-image', 'centos70.zvhd2', 'raw'),
        ('bucketname', 'Centos6.5-disk1.vmdk', 'vmdk'),
    ):
        store.create_bucket(owner, bucket)
        with disks[kind].open('rb') as disk:
            store.put(owner, bucket, key, disk).close()
    store.close()


class Caller:
    """A user of the emulator who sends the examples."""

    def __init__(self, server: EmulatorServer, cloud: str) -> None:
        auth = server.clouds()['clouds'][cloud]['auth']
        domain = {'id': 'default'}
        user = {
            'name': auth['username'],
            'password': auth['password'],
            'domain': domain,
        }
        project = {'name': auth['project_name'], 'domain': domain}
        answer = requests.post(
            f'{server.auth_url}/auth/tokens',
            json={
                'auth': {
                    'identity': {
                        'methods': ['password'],
                        'password': {'user': user},
                    },
                    'scope': {'project': project},
                }
            },
            timeout=60,
        )
        self._token = answer.headers['X-Subject-Token']
        self._root = server.image_url

    def send(self, example: dict[str, Any]) -> requests.Response:
        body: Any = example['body']
        headers = {'X-Auth-Token': self._token}
        if example['n'] in (48, 49):
            version = 'v2.1' if example['n'] == 48 else 'v2.0'
            headers['Content-Type'] = (
                f'application/openstack-images-{version}-json-patch'
            )
        elif example['n'] == 54:
            headers['Content-Type'] = 'application/octet-stream'
            body = 'disk'
        return requests.request(
            example['method'],
            self._root + example['path'],
            data=body if isinstance(body, str) else None,
            json=None if isinstance(body, str) else body,
            headers=headers,
            timeout=60,
        )

    def delete(self, image_id: Any) -> None:
        """Delete an image."""
        path = f'/v2/images/{image_id}'
        self.send({'n': 0, 'method': 'DELETE', 'path': path, 'body': None})

    def finish(self, project: str, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended, and return it."""
        example = {
            'n': 0,
            'method': 'GET',
            'path': f'/v1/{project}/jobs/{job_id}',
            'body': None,
        }
        for _ in range(600):
            job: dict[str, Any] = self.send(example).json()
            if job['status'] in ('SUCCESS', 'FAIL'):
                return job
            time.sleep(0.05)
        pytest.fail(f"Job {job_id} does not end")


def adapted(
    example: dict[str, Any], projects: dict[str, str]
) -> dict[str, Any]:
    """Return an example with the projects that there are."""
    text = json.dumps(example)
    for documented, there in projects.items():
        text = text.replace(documented, there)
    adapted: dict[str, Any] = json.loads(text)
    return adapted


def test_every_documented_request_has_the_documented_status(
    prepared: tuple[Path, dict[str, str]],
) -> None:
    directory, projects = prepared
    wrong: dict[int, str] = {}

    with EmulatorServer(state_dir=directory, job_seconds=0) as server:
        alice, bob = Caller(server, 'alice'), Caller(server, 'bob')
        for example in ordered():
            by_member = example['n'] in BY_MEMBER
            caller = bob if by_member else alice
            project = projects[MEMBER if by_member else OWNERS[0]]
            answer = caller.send(adapted(example, projects))
            if answer.status_code != (example['status'] or 200):
                if not (example['n'] == 60 and answer.status_code == 204):
                    wrong[example['n']] = (
                        f'{answer.status_code} {answer.text[:200]}'
                    )
            elif 'job_id' in answer.text and example['n'] != 25:
                job = caller.finish(project, answer.json()['job_id'])
                if job['status'] == 'FAIL':
                    wrong[example['n']] = (
                        f'{job["error_code"]} {job["fail_reason"]}'
                    )
                if example['n'] in (5, 7):
                    # A backup makes one image at a time, and a server's
                    # image needs a name of its own.
                    caller.delete(job['entities']['image_id'])

    assert wrong == {}
