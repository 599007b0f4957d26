# SPDX-License-Identifier: Apache-2.0
"""An emulator that is killed again and again, and forgets nothing."""

from collections.abc import Iterator
from concurrent import futures
import dataclasses
import itertools
import pathlib
import random
import socket
import subprocess
import threading
import time
from typing import Any

import pytest
import requests

from ims_ext.emulator.server import EmulatorServer

from .eventually import eventually
from .openstack_command import PATIENCE
from .openstack_command import script
from .plain_http import Client

KILLS = 10
#: How long an emulator lives at least and at most, in seconds.
LIFE = 0.02, 0.3
#: More than they make.
IMAGE_QUOTA = 100_000


class Process:
    """The emulator as a process, on the same ports in all of its lives."""

    def __init__(self, state: pathlib.Path) -> None:
        ports = [_free_port(), _free_port()]
        self.image_url = f'http://127.0.0.1:{ports[0]}/image'
        self._arguments = [
            script('ims-emulator'),
            'serve',
            f'--state={state}',
            f'--port={ports[0]}',
            f'--bucket-port={ports[1]}',
            '--job-seconds=0.1',
            '--delay=upload=0.6,delete=0.2,tags=0.2,share=0.2',
            f'--image-quota={IMAGE_QUOTA}',
        ]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin a life; return when it answers."""
        self._process = subprocess.Popen(
            self._arguments, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        assert 'ready' in self._process.stdout.readline()

    def kill(self) -> None:
        """End the life as nothing can be done against."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


def _free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@dataclasses.dataclass
class Kept:
    """What the emulator has acknowledged.

    :ivar names: Names of images, by ID.
    :ivar tags: Images that have been tagged.
    :ivar members: Images that have been shared.
    :ivar data: What images consist of, by ID.
    :ivar deleted: Images that have been deleted.
    :ivar jobs: Names of images that jobs make, by the job's ID.
    """

    names: dict[str, str] = dataclasses.field(default_factory=dict)
    tags: list[str] = dataclasses.field(default_factory=list)
    members: list[str] = dataclasses.field(default_factory=list)
    data: dict[str, bytes] = dataclasses.field(default_factory=dict)
    deleted: list[str] = dataclasses.field(default_factory=list)
    jobs: dict[str, str] = dataclasses.field(default_factory=dict)


class Writer:
    """A client that changes one thing after the other, and notes answers.

    :param token: Who it is.
    :param url: The image service's root.
    :param name: Begins the names that it gives.
    :param source: An image to copy.
    :param member: The project to share images with.
    """

    def __init__(
        self, token: str, url: str, name: str, source: str, member: str
    ) -> None:
        self._session = requests.Session()
        self._session.headers['X-Auth-Token'] = token
        self._url = url
        self._name = name
        self._source = source
        self._member = member
        self.kept = Kept()

    def write_until(self, stopping: threading.Event) -> None:
        """Go on and on, whatever happens to the emulator."""
        for turn in itertools.count():
            try:
                self._make_image(f'{self._name}-{turn}')
                self._delete_image(f'{self._name}-{turn}-deleted')
                self._start_job(f'{self._name}-{turn}-job')
            except (
                requests.ConnectionError,
                # Killed between a response's head and its body.
                requests.exceptions.ChunkedEncodingError,
            ):
                pass
            if stopping.wait(0.02):
                return

    def _make_image(self, name: str) -> None:
        image_id = self._send('POST', '/v2/images', {'name': name})['id']
        self.kept.names[image_id] = name
        image = f'/v2/images/{image_id}'
        self._send('PUT', f'{image}/tags/kept')
        self.kept.tags.append(image_id)
        self._send('POST', f'{image}/members', {'member': self._member})
        self.kept.members.append(image_id)
        self._upload(image_id, name.encode())
        self.kept.data[image_id] = name.encode()

    def _delete_image(self, name: str) -> None:
        image_id = self._send('POST', '/v2/images', {'name': name})['id']
        self._upload(image_id, name.encode())
        try:
            self._send('DELETE', f'/v2/images/{image_id}')
        except requests.HTTPError as error:
            # Its data are being taken in by now.
            if error.response.status_code != 409:
                raise
            return
        self.kept.deleted.append(image_id)

    def _start_job(self, name: str) -> None:
        image = f'/v1/cloudimages/{self._source}'
        started = self._send('POST', f'{image}/copy', {'name': name})
        self.kept.jobs[started['job_id']] = name

    def _upload(self, image_id: str, data: bytes) -> None:
        self._session.put(
            f'{self._url}/v2/images/{image_id}/file',
            data,
            headers={'Content-Type': 'application/octet-stream'},
            timeout=PATIENCE,
        ).raise_for_status()

    def _send(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(
            method, self._url + path, json=body, timeout=PATIENCE
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None


@dataclasses.dataclass
class Aftermath:
    """What is left when all is over.

    :ivar client: A client of the emulator in its last life.
    :ivar kept: What was acknowledged in all lives before, by writer.
    :ivar state: The state's directory.
    """

    client: Client
    kept: list[Kept]
    state: pathlib.Path

    def show(self, image_id: str) -> Any:
        """Return an image as it is now."""
        return self.client.get(f'/v2/images/{image_id}').json()


@pytest.fixture(scope='module')
def aftermath(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Aftermath]:
    """Kill an emulator again and again while it is written to."""
    state = tmp_path_factory.mktemp('killed') / 'state'
    with EmulatorServer(state_dir=state) as server:
        client = Client(server)
        source = client.active_image(name='source')
        member = Client(server, 'bob').project_id
    process = Process(state)
    writers = [
        Writer(client.token, process.image_url, name, source, member)
        for name in ('anna', 'bert', 'carl')
    ]
    _write_and_kill(process, writers)
    with EmulatorServer(
        state_dir=state, job_seconds=0.1, image_quota=IMAGE_QUOTA
    ) as server:
        # What was acknowledged before comes when it would have come.
        eventually(lambda: server._state.effects.next_due() is None)
        yield Aftermath(
            Client(server), [writer.kept for writer in writers], state
        )


def _write_and_kill(process: Process, writers: list[Writer]) -> None:
    # Which moments are met depends on more than this number.
    lives = random.Random(0)
    stopping = threading.Event()
    with futures.ThreadPoolExecutor() as pool:
        try:
            writing = [
                pool.submit(writer.write_until, stopping) for writer in writers
            ]
            for _ in range(KILLS):
                process.start()
                time.sleep(lives.uniform(*LIFE))
                process.kill()
        finally:
            stopping.set()
            process.kill()
        for each in writing:
            each.result()


def test_images_that_were_acknowledged_are_there(aftermath: Aftermath) -> None:
    names = {
        image_id: name
        for kept in aftermath.kept
        for image_id, name in kept.names.items()
    }
    found = {image_id: aftermath.show(image_id)['name'] for image_id in names}
    assert len(names) > KILLS
    assert found == names


def test_tags_that_were_acknowledged_are_there(aftermath: Aftermath) -> None:
    tagged = [image_id for kept in aftermath.kept for image_id in kept.tags]
    found = [
        image_id
        for image_id in tagged
        if 'kept' in aftermath.show(image_id)['tags']
    ]
    assert found == tagged


def test_members_that_were_acknowledged_are_there(
    aftermath: Aftermath,
) -> None:
    shared = [image_id for kept in aftermath.kept for image_id in kept.members]
    members = [
        aftermath.client.get(f'/v2/images/{image_id}/members').json()
        for image_id in shared
    ]
    assert all(len(each['members']) == 1 for each in members)


def test_data_that_was_acknowledged_is_there(aftermath: Aftermath) -> None:
    data = {
        image_id: content
        for kept in aftermath.kept
        for image_id, content in kept.data.items()
    }
    found = {
        image_id: aftermath.client.get(f'/v2/images/{image_id}/file').content
        for image_id in data
    }
    assert found == data


def test_images_whose_deletion_was_acknowledged_are_gone(
    aftermath: Aftermath,
) -> None:
    answers = {
        aftermath.client.get(f'/v2/images/{image_id}').status_code
        for kept in aftermath.kept
        for image_id in kept.deleted
    }
    assert answers == {404}


def test_jobs_that_were_acknowledged_go_on_to_their_end(
    aftermath: Aftermath,
) -> None:
    jobs = {
        job_id: name
        for kept in aftermath.kept
        for job_id, name in kept.jobs.items()
    }
    made = {
        job_id: aftermath.show(
            aftermath.client.end(job_id)['entities']['image_id']
        )
        for job_id in jobs
    }
    assert len(jobs) > 0
    assert {job_id: image['name'] for job_id, image in made.items()} == jobs
    assert {image['status'] for image in made.values()} == {'active'}


def test_no_image_stays_in_the_middle_of_something(
    aftermath: Aftermath,
) -> None:
    for kept in aftermath.kept:
        for job_id in kept.jobs:
            aftermath.client.end(job_id)
    images = aftermath.client.get('/v2/images', status='saving').json()
    assert images['images'] == []


def test_no_file_stays_that_belongs_to_no_image(aftermath: Aftermath) -> None:
    files = [path.name for path in (aftermath.state / 'images').iterdir()]
    answers = {
        aftermath.client.get(f'/v2/images/{name}').status_code
        for name in files
    }
    assert answers == {200}
