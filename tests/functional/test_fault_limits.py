# SPDX-License-Identifier: Apache-2.0
"""Limits that clouds have beside their references, as faults."""

from collections.abc import Iterator

import pytest
import requests

from ims_ext import exceptions
from ims_ext.emulator.fault import Fault
from ims_ext.emulator.fault import FaultError
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import Image
from ims_ext.transport import retry

from .own_cloud import Cloud
from .own_cloud import own_project
from .plain_http import Client
from .plain_http import code
from .plain_http import disk

#: Twice as many as the client's smallest pages have.
IMAGES = 100


@pytest.fixture(scope='module')
def emulator() -> Iterator[EmulatorServer]:
    with EmulatorServer(job_seconds=0.1) as server:
        yield server


@pytest.fixture
def cloud(emulator: EmulatorServer) -> Iterator[Cloud]:
    """Give a project of the test's own."""
    with own_project(emulator) as cloud:
        yield cloud


def make_images(cloud: Cloud) -> set[str]:
    """Make images that are too many for one answer; return their names."""
    names = {f'small-{number}' for number in range(IMAGES)}
    project_id = cloud.conn.current_project_id
    state = cloud.server.service.state
    with state.transaction():
        for name in names:
            attributes = {'__imagetype': 'private', '__isregistered': 'true'}
            image = Image.new(project_id, name, attributes)
            image.status = 'active'
            state.images.add(image)
    return names


@pytest.mark.parametrize('fault', ['status=413', 'body=truncated'])
@pytest.mark.parametrize('name', ['cloud_images', 'images'])
def test_a_list_is_whole_though_answers_have_a_largest_size(
    cloud: Cloud, fault: str, name: str
) -> None:
    names = make_images(cloud)
    ims = cloud.conn.ims
    ims.retry_policy = retry.Policy(longest_pause=0.01)
    owner = cloud.conn.current_project_id
    path = f'/v2/cloudimages?owner={owner}&limit=1000'
    largest = len(ims.get(path).content) * 6 // 10

    with cloud.server.faults.active(f'{fault},above={largest}') as faults:
        found = [each.name for each in getattr(ims, name)(owner=owner)]

    assert faults.injected
    assert sorted(found) == sorted(names)


def test_only_answers_above_the_size_are_cut(emulator: EmulatorServer) -> None:
    alice = Client(emulator)
    whole = alice.get('/v1/cloudimages/os_version')
    size = len(whole.content)
    url = '/v1/cloudimages/os_version'

    with emulator.faults.active(f'body=truncated,above={size}') as faults:
        assert alice.get(url).content == whole.content
        assert faults.injected == 0
    with emulator.faults.active(f'body=truncated,above={size - 1}') as faults:
        assert alice.get(url).content == whole.content[:-1]
        assert faults.injected == 1


def test_a_fault_of_large_answers_hides_no_other(
    emulator: EmulatorServer,
) -> None:
    alice = Client(emulator)

    with emulator.faults.active('body=empty,above=999999', 'status=503'):
        assert alice.get('/v1/cloudimages/quota').status_code == 503


@pytest.mark.parametrize('name', ['request_id', 'requestId', 'RequestId'])
def test_a_refusal_tells_the_request_in_its_body(
    cloud: Cloud, name: str
) -> None:
    with cloud.server.faults.active(f'request-id={name}') as faults:
        with pytest.raises(exceptions.CloudImageHttpError) as caught:
            cloud.conn.ims.get_job('nothing')
        told = requests.get(
            f'{cloud.server.image_url}/v1/cloudimages/quota', timeout=60
        )
        granted = cloud.conn.ims.get('/v1/cloudimages/quota').json()

    assert faults.injected == 2
    request_id = caught.value.request_id
    assert request_id
    assert request_id in str(caught.value)
    assert told.json()[name] == told.headers['X-Openstack-Request-Id']
    assert [*granted] == ['quotas']


def test_a_project_has_so_many_imports_at_a_time(
    emulator: EmulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    alice = Client(emulator)
    alice.put('disk.qcow2', disk(tmp_path_factory.mktemp('disk'), 'qcow2'))

    with emulator.faults.active('imports=2') as faults:
        emulator.jobs.hold('imsImportImageJob')
        try:
            started = [alice.create(name=f'n{number}') for number in range(2)]
            refused = alice.create(name='one too many')
        finally:
            emulator.jobs.release()
        for each in started:
            assert alice.finish(each)['status'] == 'SUCCESS'
        assert alice.finish(alice.create(name='later'))['status'] == 'SUCCESS'

    assert code(refused) == 'IMG.0194'
    assert faults.injected == 1
    assert alice.names(name='one too many') == []


@pytest.mark.parametrize(
    'text',
    [
        'above=5',
        'cut=after,above=5',
        'status=413,above=5,effect=before',
        'body=empty,above=much',
        'imports=0',
        'imports=2,method=POST',
        'request-id=id',
    ],
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(FaultError):
        Fault.parse(text)
