# SPDX-License-Identifier: Apache-2.0
"""Requests that make something, whose answers get lost: never two effects."""

from collections.abc import Callable, Iterator
from concurrent import futures
import dataclasses
import itertools
from pathlib import Path
import time
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
import pytest
import yaml

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext import reconcile
from ims_ext.emulator.server import EmulatorServer
from ims_ext.transport import retry

from .openstack_command import Run
from .openstack_command import environment_for
from .own_cloud import Cloud

#: An answer that comes when nobody waits for it any more.
LATE = 'slow=3600,effect=after'

#: How the answer is lost, for every operation.
FAULTS = (
    'cut=before',
    'cut=middle',
    'cut=after',
    'status=502,effect=after',
    'status=503',
    'status=504,effect=after',
    'body=truncated',
    'body=html',
)
#: And for one operation of each way in which effects are recognised.
MORE_FAULTS = (
    'status=429,retry-after=0',
    'status=500',
    'status=500,effect=after',
    'status=503,effect=after',
    'body=garbage',
    'body=empty',
    LATE,
)
DIFFERENT = ('object', 'register', 'export', 'share', 'metadata', 'member')

#: Pauses are this many times as short.
HASTE = 50


@dataclasses.dataclass(frozen=True)
class Operation:
    """Something that a request makes.

    :ivar prepare: What is done before anything goes wrong; its result is
        given to ``start``.
    :ivar start: Sends the request, for a name.
    :ivar count: How many there are of what it makes, in the end.
    """

    method: str
    path: str
    start: Callable[[Cloud, str, Any], Any]
    prepare: Callable[[Cloud, str], Any] = lambda cloud, name: None
    count: Callable[[Cloud, str, Any], int] = lambda cloud, name, prepared: (
        images(cloud, name)
    )


def images(cloud: Cloud, name: str) -> int:
    """Return how many images have a name."""
    return len(list(cloud.conn.ims.images(name=name)))


def active_image(cloud: Cloud, name: str) -> str:
    """Return the ID of an active image, whose name is another one."""
    image = cloud.conn.ims.create_image_metadata(
        f'{name}-source', disk_format='qcow2', min_disk=1
    )
    cloud.conn.ims.put(
        f'/images/{image.id}/file',
        data=b'data',
        headers={'Content-Type': 'application/octet-stream'},
    )
    return str(image.id)


def shared_image(cloud: Cloud, name: str) -> str:
    """Return the ID of an image that is shared with Bob's project."""
    image_id = active_image(cloud, name)
    finish(cloud, cloud.conn.ims.add_image_members(image_id, bob(cloud)))
    return image_id


def bobs_image(cloud: Cloud, name: str) -> str:
    """Return the ID of an image that Bob shares with Alice."""
    image = BOB['conn'].ims.create_image_metadata(f'{name}-source')
    BOB['conn'].ims.put(
        f'/images/{image.id}/file',
        data=b'data',
        headers={'Content-Type': 'application/octet-stream'},
    )
    job = BOB['conn'].ims.add_image_members(
        image.id, cloud.conn.current_project_id
    )
    BOB['conn'].ims.wait_for_job(job, interval=0.02)
    return str(image.id)


#: Bob's connection, and Alice's buckets, which take a while to make.
BOB: dict[str, Any] = {}
STORE: dict[str, objectstore.ObjectStore] = {}


def bob(cloud: Cloud) -> str:
    """Return the ID of Bob's project."""
    return str(BOB['conn'].current_project_id)


def members(cloud: Cloud, name: str, image_id: Any) -> int:
    """Return how many projects an image is shared with."""
    return len(list(cloud.conn.ims.members(image_id)))


def accepted(cloud: Cloud, name: str, image_id: Any) -> int:
    """Return how many projects have accepted an image."""
    found = cloud.conn.ims.members(image_id)
    return [member.status for member in found].count('accepted')


def exported(cloud: Cloud, name: str, image_id: Any) -> int:
    """Return how many objects an image was exported to."""
    return int(STORE['store'].exists('images', f'{name}.qcow2'))


def of_backup(cloud: Cloud, name: str, prepared: Any) -> Any:
    """Make an image of the only backup, which is good for one image."""
    for image in cloud.conn.ims.images(owner=cloud.conn.current_project_id):
        if image.properties.get('__backup_id'):
            cloud.conn.ims.delete_image(image)
    return cloud.conn.ims.create_whole_image(
        name, backup=cloud.backup('web-csbs').id
    )


ACTION = '/v2/cloudimages/action'

OPERATIONS = {
    'server': Operation(
        'POST',
        ACTION,
        lambda cloud, name, _: cloud.conn.ims.create_image_from_server(
            'web', name
        ),
    ),
    'object': Operation(
        'POST',
        ACTION,
        lambda cloud, name, _: cloud.conn.ims.create_image_from_object(
            'images:disk.qcow2', name, 40
        ),
    ),
    'object, data disks': Operation(
        'POST',
        ACTION,
        lambda cloud, name, _: cloud.conn.ims.create_image_from_object(
            'images:disk.qcow2',
            name,
            40,
            data_images=[
                {
                    'name': f'{name}-more',
                    'image_url': 'images:disk.raw',
                    'min_disk': 40,
                }
            ],
        ),
        count=lambda cloud, name, _: max(
            images(cloud, name), images(cloud, f'{name}-more')
        ),
    ),
    'volume': Operation(
        'POST',
        ACTION,
        lambda cloud, name, _: cloud.conn.ims.create_image_from_volume(
            'rescued-system', name, 'Ubuntu 18.04 server 64bit'
        ),
    ),
    'data volumes': Operation(
        'POST',
        ACTION,
        lambda cloud, name, _: cloud.conn.ims.create_data_images_from_volumes(
            [
                {'name': name, 'volume_id': 'web-data'},
                {'name': name, 'volume_id': 'spare-data'},
            ]
        ),
        count=lambda cloud, name, _: images(cloud, name) // 2,
    ),
    'data disk': Operation(
        'POST',
        '/v1/cloudimages/dataimages/action',
        lambda cloud, name, _: cloud.conn.ims.create_data_image_from_object(
            'images:disk.qcow2', name, 40
        ),
    ),
    'quick import': Operation(
        'POST',
        '/v2/cloudimages/quickimport/action',
        lambda cloud, name, _: cloud.conn.ims.quick_import_image(
            'images:disk.raw', name, 40, type='DataImage'
        ),
    ),
    'whole server': Operation(
        'POST',
        '/v1/cloudimages/wholeimages/action',
        lambda cloud, name, _: cloud.conn.ims.create_whole_image(
            name, server='web'
        ),
    ),
    'backup': Operation(
        'POST', '/v1/cloudimages/wholeimages/action', of_backup
    ),
    'copy': Operation(
        'POST',
        '/v1/cloudimages/*/copy',
        lambda cloud, name, image_id: cloud.conn.ims.copy_image(
            image_id, name
        ),
        active_image,
    ),
    'register': Operation(
        'PUT',
        '/v1/cloudimages/*/upload',
        lambda cloud, name, image: cloud.conn.ims.register_image(
            image, 'images:disk.qcow2'
        ),
        lambda cloud, name: cloud.conn.ims.create_image_metadata(
            name, disk_format='qcow2'
        ),
    ),
    'export': Operation(
        'POST',
        '/v1/cloudimages/*/file',
        lambda cloud, name, image_id: cloud.conn.ims.export_image(
            image_id, f'images:{name}.qcow2', is_quick_export=True
        ),
        active_image,
        exported,
    ),
    'share': Operation(
        'POST',
        '/v1/cloudimages/members',
        lambda cloud, name, image_id: cloud.conn.ims.add_image_members(
            image_id, bob(cloud)
        ),
        active_image,
        members,
    ),
    'end sharing': Operation(
        'DELETE',
        '/v1/cloudimages/members',
        lambda cloud, name, image_id: cloud.conn.ims.remove_image_members(
            image_id, bob(cloud)
        ),
        shared_image,
        lambda cloud, name, image_id: 1 - members(cloud, name, image_id),
    ),
    'accept': Operation(
        'PUT',
        '/v1/cloudimages/members',
        lambda cloud, name, image_id: cloud.conn.ims.update_image_members(
            image_id, cloud.conn.current_project_id, 'accepted'
        ),
        bobs_image,
        accepted,
    ),
    'metadata': Operation(
        'POST',
        '/v2/images',
        lambda cloud, name, _: cloud.conn.ims.create_image_metadata(name),
    ),
    'plain image': Operation(
        'POST',
        '/v2/images',
        lambda cloud, name, _: cloud.conn.ims.create_image(
            name, data=b'data', disk_format='raw', container_format='bare'
        ),
    ),
    'member': Operation(
        'POST',
        '/v2/images/*/members',
        lambda cloud, name, image_id: cloud.conn.ims.add_member(
            image_id, member_id=bob(cloud)
        ),
        active_image,
        members,
    ),
}


@pytest.fixture(scope='module')
def cloud(disks: dict[str, Path]) -> Iterator[Cloud]:
    """A cloud with two objects to import."""
    with EmulatorServer(job_seconds=0.02, image_quota=1000) as server:
        running = Cloud(server)
        store = STORE['store'] = objectstore.ObjectStore(running.conn)
        for kind in ('qcow2', 'raw'):
            store.upload(disks[kind], 'images', f'disk.{kind}')
        running.conn.ims.retry_policy = retry.Policy(first_pause=0.01)
        BOB['conn'] = running.connect('bob')
        yield running
        BOB.pop('conn').close()
        del STORE['store']
        running.conn.close()


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses short."""
    sleep = time.sleep
    monkeypatch.setattr(
        reconcile, '_sleep', lambda seconds: sleep(seconds / HASTE)
    )


def finish(cloud: Cloud, made: Any) -> None:
    """Wait for the job, where there is one."""
    if hasattr(made, 'job_type'):
        ended = cloud.conn.ims.wait_for_job(made, interval=0.02, timeout=120)
        assert ended.is_successful


def on(operation: Operation, fault: str, **others: Any) -> str:
    """Return the fault, for the operation's request alone."""
    pairs = {'method': operation.method, 'path': operation.path, **others}
    return ','.join(
        [fault, 'on=image', *(f'{key}={each}' for key, each in pairs.items())]
    )


@pytest.mark.parametrize(
    ('kind', 'fault'),
    [
        *itertools.product(OPERATIONS, FAULTS),
        *itertools.product(DIFFERENT, MORE_FAULTS),
    ],
)
def test_a_lost_answer_is_made_up_for_and_nothing_is_made_twice(
    cloud: Cloud,
    name: str,
    kind: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    operation = OPERATIONS[kind]
    prepared = operation.prepare(cloud, name)
    if fault == LATE:
        monkeypatch.setattr(cloud.conn.session, 'timeout', 1.0)

    with cloud.server.faults.active(on(operation, fault, count=1)) as faults:
        finish(cloud, operation.start(cloud, name, prepared))

    assert faults.injected == 1
    assert operation.count(cloud, name, prepared) == 1


@pytest.mark.parametrize('kind', ['object', 'metadata'])
def test_what_may_still_be_under_way_is_not_asked_for_again(
    cloud: Cloud, name: str, kind: str
) -> None:
    operation = OPERATIONS[kind]
    prepared = operation.prepare(cloud, name)

    with (
        cloud.server.faults.active(on(operation, 'status=504')) as faults,
        pytest.raises(exceptions.OutcomeUnknownError) as caught,
    ):
        operation.start(cloud, name, prepared)

    assert faults.injected == 1
    assert f'openstack image list --name {name}' in str(caught.value)
    assert caught.value.candidates == []
    assert images(cloud, name) == 0


def test_it_is_not_tried_for_ever(cloud: Cloud, name: str) -> None:
    operation = OPERATIONS['object']

    with (
        cloud.server.faults.active(on(operation, 'cut=before')) as faults,
        pytest.raises(ksa_exceptions.ConnectFailure) as caught,
    ):
        operation.start(cloud, name, None)

    assert 1 < faults.injected < 10
    assert f"perhaps the image '{name}'" in '\n'.join(caught.value.__notes__)
    assert images(cloud, name) == 0


def test_several_that_may_be_it_are_named(cloud: Cloud, name: str) -> None:
    operation = OPERATIONS['object']
    # Another process, which this one knows nothing of.
    cloud.conn.ims.post(
        ACTION,
        json={
            'name': name,
            'image_url': 'images:disk.qcow2',
            'min_disk': 40,
        },
    )

    with (
        cloud.server.faults.active(on(operation, 'cut=after', count=1)),
        pytest.raises(exceptions.OutcomeUnknownError) as caught,
    ):
        operation.start(cloud, name, None)

    found = {image.id for image in cloud.conn.ims.images(name=name)}
    assert len(found) == 2
    assert set(caught.value.candidates) == found
    assert all(image_id in str(caught.value) for image_id in found)


def test_an_image_of_another_source_is_not_taken_for_it(
    cloud: Cloud, name: str
) -> None:
    operation = OPERATIONS['object']
    cloud.conn.ims.post(
        ACTION,
        json={'name': name, 'image_url': 'images:disk.raw', 'min_disk': 40},
    )

    with cloud.server.faults.active(on(operation, 'cut=after', count=1)):
        job = operation.start(cloud, name, None)

    image = cloud.conn.ims.get_cloud_image(job.image_id)
    assert image.data_origin == 'file,images:disk.qcow2'
    assert images(cloud, name) == 2


def test_many_at_once_of_the_same_name_get_an_image_each(
    cloud: Cloud, name: str
) -> None:
    operation = OPERATIONS['object']
    faults = [
        on(operation, 'cut=after', rate=0.3),
        on(operation, 'cut=before', rate=0.2),
    ]

    def make(number: int) -> str:
        job = operation.start(cloud, name, None)
        finish(cloud, job)
        return str(cloud.conn.ims.get_job(job).image_id)

    with (
        cloud.server.faults.active(*faults, seed=7) as injected,
        futures.ThreadPoolExecutor(8) as pool,
    ):
        made = list(pool.map(make, range(24)))

    assert injected.injected > 5
    assert len(set(made)) == 24
    assert images(cloud, name) == 24


@pytest.mark.parametrize('fault', ['cut=before', 'cut=after', 'status=503'])
def test_tags_and_searches_are_simply_sent_again(
    cloud: Cloud, name: str, fault: str
) -> None:
    image_id = active_image(cloud, name)
    ims = cloud.conn.ims
    faults = [
        f'{fault},on=image,method=POST,path={path},count=1'
        for path in ('*/tags', '*/tags/action', '*/resource_instances/action')
    ]

    with cloud.server.faults.active(*faults) as injected:
        ims.add_image_tag(image_id, 'first', name)
        ims.create_image_tags(image_id, {'second': name})
        found = [each.id for each in ims.images_by_tags(tags={'first': name})]

    assert injected.injected == 3
    assert found == [image_id]


@pytest.fixture
def copy_to_region(cloud: Cloud, name: str) -> Callable[[], Any]:
    """Ask for a copy in another region."""
    image_id = active_image(cloud, name)

    def ask() -> Any:
        return cloud.conn.ims.copy_image_to_region(
            image_id, name, 'eu-emu-2', 'alpha', 'copier'
        )

    return ask


def test_a_copy_in_another_region_is_where_nobody_can_look(
    cloud: Cloud, name: str, copy_to_region: Callable[[], Any]
) -> None:
    fault = 'cut=before,on=image,path=*/cross_region_copy'

    with (
        cloud.server.faults.active(fault) as faults,
        pytest.raises(exceptions.OutcomeUnknownError) as caught,
    ):
        copy_to_region()

    assert faults.injected == 1
    assert '--os-region-name eu-emu-2' in str(caught.value)
    assert f'--name {name}' in str(caught.value)


def test_a_copy_in_another_region_that_was_turned_away_is_sent_again(
    cloud: Cloud, copy_to_region: Callable[[], Any]
) -> None:
    fault = 'status=503,on=image,path=*/cross_region_copy,count=2'

    with (
        cloud.server.faults.active(fault) as faults,
        # The emulator knows no other region.
        pytest.raises(exceptions.BadRequestError, match='eu-emu-2'),
    ):
        copy_to_region()

    assert faults.injected == 2


def test_the_copy_of_a_backup_is_not_asked_for_again(
    cloud: Cloud, name: str
) -> None:
    image_id = bobs_image(cloud, name)
    fault = 'cut=before,on=image,method=PUT,path=*/members'

    with (
        cloud.server.faults.active(fault) as faults,
        pytest.raises(exceptions.OutcomeUnknownError, match='vault v1'),
    ):
        cloud.conn.ims.update_image_members(
            image_id, cloud.conn.current_project_id, 'accepted', vault='v1'
        )

    assert faults.injected == 1


# ====== THE COMMANDS ======


@pytest.fixture
def environment(cloud: Cloud, tmp_path: Path) -> dict[str, str]:
    """The environment of a command that is to use the cloud here."""
    clouds = tmp_path / 'clouds.yaml'
    clouds.write_text(yaml.safe_dump(cloud.server.clouds()), 'utf-8')
    return environment_for(clouds)


def test_a_command_shows_the_image_whose_job_it_did_not_get_to_know(
    cloud: Cloud,
    run: Run,
    name: str,
) -> None:
    fault = on(OPERATIONS['server'], 'cut=after', count=1)

    with cloud.server.faults.active(fault) as faults:
        done = run(
            *('ims', 'image', 'create', '--server', 'web'),
            *('-f', 'value', '-c', 'id', name),
        )

    [image] = cloud.conn.ims.images(name=name)
    assert faults.injected == 1
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == image.id


def test_a_command_that_cannot_know_says_so_in_one_message(
    cloud: Cloud,
    run: Run,
    name: str,
) -> None:
    image_id = active_image(cloud, name)
    fault = 'cut=after,on=image,path=*/cross_region_copy'

    with cloud.server.faults.active(fault):
        done = run(
            *('ims', 'image', 'copy', '--region', 'eu-emu-2'),
            *('--project', 'alpha'),
            *('--agency', 'copier', image_id, name),
        )

    assert done.returncode == 1
    assert done.stdout == ''
    assert len(done.stderr.strip().splitlines()) == 1
    assert '--os-region-name eu-emu-2' in done.stderr
