# SPDX-License-Identifier: Apache-2.0
"""openstacksdk's methods for any resource, with each that we return.

A table: what can be done with any resource, by what conn.ims returns.
"""

from collections.abc import Callable, Iterator
import copy
import dataclasses
import pickle
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.extension import image_job

from .eventually import settle
from .plain_http import Client

pytestmark = [
    pytest.mark.filterwarnings('ignore::DeprecationWarning'),
    pytest.mark.filterwarnings('ignore::FutureWarning'),
]


@pytest.fixture
def owner(emulator: EmulatorServer) -> Client:
    """Alice, in project alpha."""
    return Client(emulator)


@dataclasses.dataclass
class Scene:
    """An image of Alice's, and who sees it."""

    server: EmulatorServer
    ims: Any
    image_id: str
    name: str
    other_project: str


@pytest.fixture
def scene(
    alice: connection.Connection,
    owner: Client,
    emulator: EmulatorServer,
    name: str,
) -> Iterator[Scene]:
    other = Client(emulator, 'bob').project_id
    image_id = owner.active_image(name=name, min_disk=10)
    alice.ims.add_tag(image_id, 'stage.live')
    alice.ims.add_member(image_id, member=other)
    settle(emulator)
    yield Scene(emulator, alice.ims, image_id, name, other)
    alice.ims.delete_image(image_id)


def _finished_job(scene: Scene) -> Any:
    return scene.ims.wait_for_job(_job(scene), interval=0.1)


def _job(scene: Scene) -> Any:
    """A job that starts now, and ends well."""
    return scene.ims.copy_image(scene.image_id, f'{scene.name}-2')


def _first(found: Any) -> Any:
    return next(iter(found))


#: What conn.ims returns.
RESOURCES: dict[str, Callable[[Scene], Any]] = {
    'images': lambda at: _first(at.ims.images(name=at.name)),
    'get_image': lambda at: at.ims.get_image(at.image_id),
    'find_image': lambda at: at.ims.find_image(at.name, ignore_missing=False),
    'members': lambda at: _first(at.ims.members(at.image_id)),
    'get_member': lambda at: at.ims.get_member(at.other_project, at.image_id),
    'cloud_images': lambda at: _first(at.ims.cloud_images(name=at.name)),
    'get_cloud_image': lambda at: at.ims.get_cloud_image(at.image_id),
    'update_cloud_image': lambda at: at.ims.update_cloud_image(
        at.image_id, description='x'
    ),
    'images_by_tags': lambda at: _first(
        at.ims.images_by_tags(matches={'id': at.image_id})
    ),
    'legacy_images': lambda at: _first(at.ims.legacy_images(name=at.name)),
    'get_legacy_image': lambda at: at.ims.get_legacy_image(at.image_id),
    'image_members': lambda at: _first(at.ims.image_members(at.image_id)),
    'start_job': _job,
    'get_job': lambda at: at.ims.get_job(_finished_job(at)),
    'get_job_progress': lambda at: at.ims.get_job_progress(_job(at)),
    'image_job': lambda at: image_job.ImageJob.of(
        {'id': at.image_id, 'name': at.name, 'status': 'saving'},
        connection=at.ims._get_connection(),
    ),
    'observed_job': lambda at: image_job.ObservedJob.watching(
        "the image",
        lambda ims: image_job.ObservedJob.ended(
            "the image",
            {'image_id': at.image_id},
            ims._get_connection(),
        ),
        _finished_job(at),
    ),
    'image_quotas': lambda at: _first(at.ims.image_quotas()),
    'os_versions': lambda at: _first(at.ims.os_versions()),
    'api_versions': lambda at: _first(at.ims.api_versions()),
    'get_image_schema': lambda at: at.ims.get_image_schema(),
}

#: Those that say how they are, and can be asked again.
IMAGES = (
    'images',
    'get_image',
    'find_image',
    'cloud_images',
    'get_cloud_image',
    'update_cloud_image',
    'images_by_tags',
    'legacy_images',
    'get_legacy_image',
)
NATIVE = ('images', 'get_image', 'find_image')
#: Those that openstacksdk creates, changes and deletes.
CHANGEABLE = (*NATIVE, 'members', 'get_member')
MEMBERS = ('members', 'get_member', 'image_members')
JOBS = (
    'start_job',
    'get_job',
    'get_job_progress',
    'image_job',
    'observed_job',
)

OTHERS = sorted({*RESOURCES} - {*IMAGES, *MEMBERS, *JOBS})

#: What has been done with them before.
STATES: dict[str, Callable[[Any], Any]] = {
    'fresh': lambda it: it,
    'looked-at': lambda it: len(it) and it,
    'copied': copy.deepcopy,
    'unpickled': lambda it: pickle.loads(pickle.dumps(it)),
}

each_resource = pytest.mark.parametrize('kind', RESOURCES)
each_state = pytest.mark.parametrize('state', STATES)


def supports(resource: Any, method: str) -> bool:
    return bool(getattr(resource, f'allow_{method}'))


@each_resource
def test_a_copy_is_as_the_resource_is(scene: Scene, kind: str) -> None:
    resource = RESOURCES[kind](scene)
    fresh = RESOURCES[kind](scene)

    assert copy.deepcopy(resource) == resource
    assert pickle.loads(pickle.dumps(resource)) == resource
    assert copy.copy(resource).to_dict() == resource.to_dict()
    assert copy.deepcopy(fresh)._connection is fresh._connection


@each_resource
def test_it_is_a_mapping_of_its_attributes(scene: Scene, kind: str) -> None:
    resource = RESOURCES[kind](scene)

    keys = resource.keys()
    assert len(keys) == len({*keys})
    assert dict(resource.items()).keys() == {*keys}
    for name in resource.to_dict():
        assert resource[name] == getattr(resource, name)
        assert resource.get(name) == resource.to_dict()[name]


@each_state
@each_resource
def test_it_is_fetched_anew(scene: Scene, kind: str, state: str) -> None:
    resource = STATES[state](RESOURCES[kind](scene))
    if not supports(resource, 'fetch'):
        with pytest.raises(sdk_exceptions.MethodNotSupported):
            resource.fetch(scene.ims)
        return
    requires_id = kind != 'get_image_schema'
    before = resource.id

    arguments: dict[str, Any] = {}
    if not requires_id:
        arguments = {
            'requires_id': False,
            'base_path': '/schemas/image',
        }
    fetched = resource.fetch(scene.ims, **arguments)

    assert fetched is resource
    assert fetched.id == before
    assert {**fetched} == fetched.to_dict()


@pytest.mark.parametrize('kind', IMAGES)
def test_a_fetched_image_is_as_it_is_now(scene: Scene, kind: str) -> None:
    image = RESOURCES[kind](scene)
    scene.ims.update_cloud_image(scene.image_id, name=f'{scene.name}-new')

    image.fetch(scene.ims)

    assert image.name == image['name'] == f'{scene.name}-new'
    assert image.to_dict()['name'] == f'{scene.name}-new'
    assert dict(image)['name'] == f'{scene.name}-new'


@each_state
@pytest.mark.parametrize('kind', IMAGES)
def test_it_is_waited_for_the_status_of_an_image(
    scene: Scene, kind: str, state: str
) -> None:
    image = STATES[state](RESOURCES[kind](scene))
    scene.ims.update_cloud_image(scene.image_id, name=f'{scene.name}-new')

    same = scene.ims.wait_for_status(image, 'ACTIVE', [], 0.05, 5)
    found = scene.ims.wait_for_status(
        image,
        f'{scene.name}-new',
        interval=0.05,
        wait=10,
        attribute='name',
    )

    assert same is image
    assert found.id == scene.image_id
    assert found.name == f'{scene.name}-new'


@pytest.mark.parametrize('kind', IMAGES)
def test_a_status_that_does_not_come_ends_the_wait(
    scene: Scene, kind: str
) -> None:
    image = RESOURCES[kind](scene)
    with pytest.raises(sdk_exceptions.ResourceTimeout):
        scene.ims.wait_for_status(image, 'queued', [], 0.05, 0.2)
    with pytest.raises(sdk_exceptions.ResourceFailure):
        scene.ims.wait_for_status(image, 'queued', ['active'], 0.05, 5)


@each_state
@pytest.mark.parametrize('kind', JOBS)
def test_it_is_waited_for_the_end_of_a_job(
    scene: Scene, kind: str, state: str
) -> None:
    job = STATES[state](RESOURCES[kind](scene))
    looks: list[int] = []

    found = scene.ims.wait_for_status(
        job, 'SUCCESS', ['FAIL'], 0.05, 20, callback=looks.append
    )

    assert found.is_successful


@pytest.mark.parametrize('kind', MEMBERS)
def test_it_is_waited_for_a_members_answer(
    scene: Scene, kind: str, connect: Callable[..., connection.Connection]
) -> None:
    member = RESOURCES[kind](scene)
    scene.ims.wait_for_status(member, 'pending', [], 0.05, 5)
    bob = connect('bob').ims
    bob.update_member(scene.other_project, scene.image_id, status='accepted')

    found = scene.ims.wait_for_status(member, 'accepted', [], 0.05, 10)

    assert found.status == 'accepted'


@each_state
@pytest.mark.parametrize('kind', [*IMAGES, *MEMBERS])
def test_it_is_waited_for_the_end_of_what_is_deleted(
    scene: Scene, kind: str, state: str
) -> None:
    resource = STATES[state](RESOURCES[kind](scene))
    with pytest.raises(sdk_exceptions.ResourceTimeout):
        scene.ims.wait_for_delete(resource, 0.05, 0.2)
    if kind in MEMBERS:
        scene.ims.remove_member(scene.other_project, scene.image_id)
    else:
        scene.ims.delete_image(resource)

    assert scene.ims.wait_for_delete(resource, 0.05, 10) is resource


@pytest.mark.parametrize(
    'kind', sorted({*RESOURCES} - {*IMAGES, *MEMBERS, *JOBS})
)
def test_what_cannot_be_deleted_is_not_waited_for(
    scene: Scene, kind: str
) -> None:
    resource = RESOURCES[kind](scene)
    if supports(resource, 'fetch'):
        with pytest.raises(sdk_exceptions.SDKException):
            scene.ims.wait_for_delete(resource, 0.05, 0.2)
        return
    with pytest.raises(sdk_exceptions.MethodNotSupported):
        scene.ims.wait_for_delete(resource, 0.05, 0.2)


@pytest.mark.parametrize(
    ('kind', 'method'),
    [
        (kind, method)
        for kind in RESOURCES
        for method in ('create', 'head', 'commit', 'delete')
        if method == 'head' or kind not in CHANGEABLE
    ],
)
def test_what_a_resource_cannot_do_is_said_so(
    scene: Scene, kind: str, method: str
) -> None:
    resource = RESOURCES[kind](scene)

    with pytest.raises(sdk_exceptions.MethodNotSupported):
        getattr(resource, method)(scene.ims)


@each_state
@pytest.mark.parametrize('kind', NATIVE)
def test_an_image_is_changed_and_deleted(
    scene: Scene, kind: str, state: str
) -> None:
    image = STATES[state](RESOURCES[kind](scene))
    image.name = f'{scene.name}-new'

    assert image.commit(scene.ims) is image
    assert image.name == f'{scene.name}-new'
    assert scene.ims.get_image(scene.image_id).name == f'{scene.name}-new'

    image.delete(scene.ims)
    settle(scene.server)
    assert scene.ims.find_image(scene.image_id, ignore_missing=True) is None


@each_state
@pytest.mark.parametrize('kind', IMAGES)
def test_every_image_stands_for_the_image(
    scene: Scene, kind: str, state: str
) -> None:
    image = STATES[state](RESOURCES[kind](scene))

    assert scene.ims.get_image(image).id == scene.image_id
    assert scene.ims.get_cloud_image(image).id == scene.image_id
    assert scene.ims.download_image(image).content == b'data'
    scene.ims.add_tag(image, 'stage.test')
    assert 'stage.test' in scene.ims.get_image(image).tags
    scene.ims.update_image(image, min_ram=512)
    assert scene.ims.get_image(image).min_ram == 512
    scene.ims.delete_image(image)
    settle(scene.server)
    scene.ims.delete_image(image)
    with pytest.raises(sdk_exceptions.NotFoundException):
        scene.ims.delete_image(image, ignore_missing=False)


@each_resource
def test_it_is_updated_in_place(scene: Scene, kind: str) -> None:
    resource = RESOURCES[kind](scene)
    assert isinstance(resource, sdk_resource.Resource)

    resource._update(name='other')

    assert resource.name == dict(resource)['name'] == 'other'
    assert type(resource).new(name='x').name == 'x'
    assert type(resource).existing(name='x').name == 'x'
