# SPDX-License-Identifier: Apache-2.0
"""Operation 14: what the emulator copies from one region to another."""

from collections.abc import Iterator
import json
from pathlib import Path
from typing import Any
import uuid

from openstack import connection
import pytest
import requests
import yaml

from ims_ext import exceptions
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work import region_copy

from .openstack_command import OpenStackCommand
from .openstack_command import environment_for
from .own_cloud import Cloud
from .plain_http import Client
from .plain_http import code
from .tenants import add_tenant

REGIONS = ('eu-de', 'eu-nl')
AGENCY = 'ims_copy_image'
#: No job of this length ends while a test runs.
FOREVER = 3600
KEY_ID = '0d0466b0-e727-4d9c-b35d-f84bb474a37f'


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator of two regions, whose jobs end at once."""
    with EmulatorServer(regions=REGIONS, job_seconds=0) as server:
        yield server


@pytest.fixture
def user(server: EmulatorServer) -> str:
    """Give a user whose projects nobody else is in."""
    return add_tenant(server)


@pytest.fixture
def project(user: str, server: EmulatorServer) -> str:
    """Give the name of the user's project in the second region."""
    entry = server.clouds()['clouds'][f'{user}-eu-nl']
    return str(entry['auth']['project_name'])


@pytest.fixture
def here(server: EmulatorServer, user: str) -> Client:
    """Give the user in the first region."""
    return Client(server, f'{user}-eu-de')


@pytest.fixture
def there(server: EmulatorServer, user: str) -> Client:
    """Give the user in the second region."""
    return Client(server, f'{user}-eu-nl')


@pytest.fixture
def golden(here: Client) -> str:
    """Give the ID of an image in the first region."""
    return here.active_image(
        name='golden', disk_format='raw', __os_version='CentOS 7.6 64bit'
    )


@pytest.fixture
def cloud(server: EmulatorServer, user: str) -> Iterator[Cloud]:
    """Give the user in the first region, by openstacksdk."""
    cloud = Cloud(server, f'{user}-eu-de')
    yield cloud
    cloud.conn.close()


def copy_image(
    client: Client, image_id: str, **body: Any
) -> requests.Response:
    """Ask for a copy; anything given replaces a good value."""
    return client.request(
        'POST',
        f'/v1/cloudimages/{image_id}/cross_region_copy',
        json={
            'name': 'copy',
            'region': 'eu-nl',
            'project_name': 'eu-nl',
            'agency_name': AGENCY,
            **body,
        },
    )


def test_an_image_is_copied_to_another_region(
    here: Client, there: Client, golden: str, project: str
) -> None:
    started = copy_image(
        here, golden, project_name=project, description='a copy'
    )

    job = here.finish(started)
    [copy] = there.images(name='copy')
    assert job['status'] == 'SUCCESS'
    assert job['job_type'] == 'imsCopyImageCrossRegionJob'
    assert job['entities']['image_id'] == copy['id'] != golden
    assert copy['owner'] == there.project_id
    assert copy['status'] == 'active'
    assert copy['__description'] == 'a copy'
    assert copy['__os_version'] == 'CentOS 7.6 64bit'
    assert copy['__data_origin'] == f'image,eu-de,{golden}'
    assert here.images(name='copy') == []


def test_a_copy_outlives_its_image(
    here: Client, there: Client, golden: str, project: str
) -> None:
    job = here.finish(copy_image(here, golden, project_name=project))
    here.request('DELETE', f'/v2/images/{golden}').raise_for_status()

    image_id = job['entities']['image_id']
    assert there.get(f'/v2/images/{image_id}/file').content == b'data'


def test_the_job_of_a_copy_is_the_source_s(
    here: Client, there: Client, golden: str, project: str
) -> None:
    job_id = copy_image(here, golden, project_name=project).json()['job_id']

    assert here.end(job_id)['status'] == 'SUCCESS'
    seen = there.get(f'/v1/{there.project_id}/jobs/{job_id}')
    assert seen.status_code != 200


def test_an_image_is_copied_to_the_project_named_like_the_region(
    server: EmulatorServer, here: Client, golden: str
) -> None:
    name = f'copy-{uuid.uuid4().hex}'
    here.finish(copy_image(here, golden, name=name))

    entry = server.clouds()['clouds']['bob-eu-nl']
    entry['auth']['project_name'] = 'eu-nl'
    with connection.Connection(**entry) as conn:
        assert [image.name for image in conn.ims.images(name=name)] == [name]


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ({'region': 'eu-de', 'project_name': 'eu-de'}, 'IMG.0142'),
        ({'region': 'mars'}, 'IMG.0147'),
        ({'region': None}, 'IMG.0147'),
        ({'project_name': 'eu-de'}, 'IMG.0145'),
        ({'project_name': 'eu-nl_alpha'}, 'IMG.0145'),
        ({'project_name': 'nobody'}, 'IMG.0145'),
        ({'agency_name': 'nobody'}, 'IMG.0151'),
        ({'name': 'a/b'}, 'IMG.0003'),
        ({'description': 'a<b'}, 'IMG.0054'),
        ({'vault_id': 'none'}, 'IMG.0184'),
    ],
)
def test_a_bad_copy_is_refused(
    here: Client, golden: str, body: dict[str, Any], expected: str
) -> None:
    assert code(copy_image(here, golden, **body)) == expected


@pytest.mark.parametrize(
    ('attributes', 'expected'),
    [
        ({'__system__cmkid': KEY_ID}, 'IMG.0143'),
        ({'disk_format': 'iso'}, 'IMG.0167'),
    ],
)
def test_some_kinds_of_images_stay(
    here: Client, attributes: dict[str, str], expected: str
) -> None:
    image_id = here.active_image(name='special', **attributes)
    assert code(copy_image(here, image_id)) == expected


def test_large_images_stay(
    here: Client, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_copy, 'SIZE_LIMIT', 1)
    assert code(copy_image(here, golden)) == 'IMG.0146'


def test_only_the_owner_copies_an_image(
    server: EmulatorServer, here: Client, golden: str
) -> None:
    other = Client(server, add_tenant(server))
    public = here.images(__imagetype='gold')[0]['id']
    here.share(golden, other)
    other.answer_share(golden, 'accepted')

    assert code(copy_image(other, golden)) == 'IMG.0047'
    assert code(copy_image(here, public)) == 'IMG.0047'


def test_a_full_region_makes_the_job_fail() -> None:
    with EmulatorServer(
        regions=REGIONS, job_seconds=0, image_quota=1
    ) as server:
        here, there = Client(server, 'bob'), Client(server, 'bob-eu-nl')
        golden = here.active_image(name='golden')
        there.active_image(name='only')
        job = here.finish(copy_image(here, golden, project_name='eu-nl_beta'))

        assert job['status'] == 'FAIL'
        assert job['error_code'] == 'IMG.0015'
        assert 'image_id' not in job['entities']
        assert [
            image['name'] for image in there.images(owner=there.project_id)
        ] == ['only']


def test_five_images_are_copied_at_a_time() -> None:
    with EmulatorServer(regions=REGIONS, job_seconds=FOREVER) as server:
        here = Client(server)
        golden = here.active_image(name='golden')
        for number in range(5):
            started = copy_image(here, golden, name=f'copy-{number}')
            assert started.status_code == 200
        there = Client(server, 'bob')
        other = there.active_image(name='other')

        assert code(copy_image(here, golden)) == 'IMG.0149'
        assert copy_image(there, other).status_code == 200


def test_a_copy_under_way_is_saving_in_the_other_region() -> None:
    with EmulatorServer(regions=REGIONS, job_seconds=FOREVER) as server:
        here, there = Client(server), Client(server, 'alice-eu-nl')
        golden = here.active_image(name='golden')
        copy_image(here, golden, project_name='eu-nl_alpha')

        [copy] = there.images(name='copy', status='saving')
        assert copy['owner'] == there.project_id


def test_a_copy_goes_on_after_a_restart(tmp_path: Path) -> None:
    def emulator(seconds: float) -> EmulatorServer:
        return EmulatorServer(
            regions=REGIONS, state_dir=tmp_path, job_seconds=seconds
        )

    with emulator(0.5) as server:
        here = Client(server)
        golden = here.active_image(name='golden')
        started = copy_image(here, golden, project_name='eu-nl_alpha')
    with emulator(0) as server:
        here, there = Client(server), Client(server, 'alice-eu-nl')
        job = here.finish(started)

        image_id = job['entities']['image_id']
        assert there.get(f'/v2/images/{image_id}/file').content == b'data'


# ====== FULL-ECS IMAGES ======


def whole_image(cloud: Cloud, backup: str, kind: str) -> str:
    """Make a full-ECS image of a backup; return its ID."""
    job = cloud.conn.ims.create_whole_image(
        'whole', backup=backup, whole_image_type=kind, wait=True
    )
    return str(job.image_id)


def test_a_full_ecs_image_is_copied_with_its_backup(
    cloud: Cloud, here: Client, there: Client, project: str
) -> None:
    image_id = whole_image(cloud, 'web-csbs', 'CSBS')

    here.finish(copy_image(here, image_id, project_name=project))
    again = copy_image(here, image_id, project_name=project)

    [copy] = there.images(name='copy')
    backup = cloud.server._state.backups.get(
        copy['__backup_id'], there.project_id
    )
    assert copy['__whole_image'] == 'true'
    assert backup is not None
    assert backup.status == 'available'
    assert code(again) == 'IMG.0150'


def test_a_backup_in_a_vault_is_copied_to_a_vault(
    cloud: Cloud, here: Client, there: Client, project: str
) -> None:
    image_id = whole_image(cloud, 'web-cbr', 'CBR')
    vault_id = there.new_vault()

    refused = copy_image(here, image_id, project_name=project)
    here.finish(
        copy_image(here, image_id, project_name=project, vault_id=vault_id)
    )

    [copy] = there.images(name='copy')
    backup = cloud.server._state.backups.get(
        copy['__backup_id'], there.project_id
    )
    assert code(refused) == 'IMG.0184'
    assert backup is not None
    assert backup.vault_id == vault_id


# ====== THE LIBRARY AND THE COMMAND ======


def test_the_library_copies_an_image_and_finds_it(
    server: EmulatorServer, cloud: Cloud, there: Client, project: str
) -> None:
    image_id = Client(server, cloud.user).active_image(name='golden')

    job = cloud.conn.ims.copy_image_to_region(
        image_id,
        'copy',
        'eu-nl',
        project,
        AGENCY,
        description='a copy',
        wait=True,
    )

    [copy] = there.images(name='copy')
    assert job.image_id == copy['id']


def test_the_library_names_what_is_wrong(
    server: EmulatorServer, cloud: Cloud, project: str
) -> None:
    image_id = Client(server, cloud.user).active_image(name='golden')

    with pytest.raises(exceptions.BadRequestError, match='nobody') as caught:
        cloud.conn.ims.copy_image_to_region(
            image_id, 'copy', 'eu-nl', project, 'nobody'
        )

    assert caught.value.code == 'IMG.0151'


@pytest.fixture
def environment(
    server: EmulatorServer, user: str, tmp_path: Path
) -> dict[str, str]:
    """Give the environment of a command that is the user."""
    path = tmp_path / 'clouds.yaml'
    path.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
    return {**environment_for(path), 'OS_CLOUD': user}


def test_the_command_copies_an_image_and_finds_it(
    openstack: OpenStackCommand,
    environment: dict[str, str],
    tmp_path: Path,
    golden: str,
    project: str,
) -> None:
    copied = openstack.run(
        *('ims', 'image', 'copy', '--region', 'eu-nl', '--wait'),
        *('--project', project, '--agency', AGENCY, '-f', 'json'),
        *('golden', 'copy'),
        environment=environment,
        directory=tmp_path,
    )
    shown = openstack.run(
        *('ims', 'image', 'show', '-f', 'json', 'copy'),
        environment={**environment, 'OS_REGION_NAME': 'eu-nl'},
        directory=tmp_path,
    )

    assert copied.returncode == 0, copied.stderr
    assert shown.returncode == 0, shown.stderr
    assert (
        json.loads(copied.stdout)['image_id'] == json.loads(shown.stdout)['id']
    )
