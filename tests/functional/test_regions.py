# SPDX-License-Identifier: Apache-2.0
"""Several regions of one emulator: each with projects of its own."""

from collections.abc import Iterator
import contextlib
import pathlib

from openstack import config
from openstack import connection
import pytest
import requests
import yaml

from ims_ext.emulator.seed import Account
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.service import RegionError
from ims_ext.emulator.state import StateError

from .plain_http import Client
from .plain_http import code
from .plain_http import disk

REGIONS = ('eu-de', 'eu-nl')


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator of two regions."""
    with EmulatorServer(regions=REGIONS, job_seconds=0) as server:
        yield server


@pytest.fixture
def here(server: EmulatorServer) -> Client:
    """Give alice in the first region."""
    return Client(server, 'alice')


@pytest.fixture
def there(server: EmulatorServer) -> Client:
    """Give alice in the second region."""
    return Client(server, 'alice-eu-nl')


@contextlib.contextmanager
def connected(
    server: EmulatorServer, directory: pathlib.Path, cloud: str, region: str
) -> Iterator[connection.Connection]:
    """Connect by the emulator's clouds.yaml."""
    path = directory / 'clouds.yaml'
    path.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
    loader = config.OpenStackConfig(
        config_files=[str(path)],
        secure_files=[],
        vendor_files=[],
        load_envvars=False,
    )
    with connection.Connection(
        config=loader.get_one(cloud, region_name=region)
    ) as conn:
        yield conn


# ====== PROJECTS ======


def test_a_user_has_a_project_a_region(
    here: Client, there: Client, server: EmulatorServer
) -> None:
    clouds = server.clouds()['clouds']

    assert here.project_id != there.project_id
    assert clouds['alice']['auth']['project_name'] == 'alpha'
    assert clouds['alice-eu-de']['auth']['project_name'] == 'alpha'
    assert clouds['alice-eu-nl']['auth']['project_name'] == 'eu-nl_alpha'
    assert clouds['alice-eu-nl']['region_name'] == 'eu-nl'


def test_the_region_of_a_cloud_decides_about_the_project(
    server: EmulatorServer, tmp_path: pathlib.Path
) -> None:
    with connected(server, tmp_path, 'bob', 'eu-nl') as conn:
        assert conn.current_project.name == 'eu-nl_beta'
    with connected(server, tmp_path, 'bob', 'eu-de') as conn:
        assert conn.current_project.name == 'beta'


def test_every_region_has_a_project_of_its_name_for_all(
    server: EmulatorServer,
) -> None:
    entry = server.clouds()['clouds']['bob']
    entry['auth']['project_name'] = 'eu-nl'
    entry['region_name'] = 'eu-nl'

    with connection.Connection(**entry) as conn:
        names = {project.name for project in conn.identity.projects()}
        assert conn.current_project.name == 'eu-nl'
        assert names == {'beta', 'eu-nl_beta', 'eu-de', 'eu-nl'}


def test_a_project_that_begins_with_a_region_is_in_that_one_alone(
    server: EmulatorServer,
) -> None:
    server.add_user(Account('carol', 'secret', 'eu-nl_images'))

    clouds = server.clouds()['clouds']
    assert clouds['carol']['region_name'] == 'eu-nl'
    assert clouds['carol']['auth']['project_name'] == 'eu-nl_images'
    assert clouds['carol-eu-nl'] == clouds['carol']
    assert 'carol-eu-de' not in clouds
    assert Client(server, 'carol').images(name='none') == []


def test_the_catalog_has_an_endpoint_a_region(
    server: EmulatorServer,
) -> None:
    with connection.Connection(**server.clouds()['clouds']['bob']) as conn:
        regions = {region.id for region in conn.identity.regions()}
        endpoints = {
            (endpoint.service_id, endpoint.region_id)
            for endpoint in conn.identity.endpoints()
        }
        services = {service.id for service in conn.identity.services()}

    assert regions == set(REGIONS)
    assert endpoints == {
        (service, region) for service in services for region in REGIONS
    }


def test_a_single_region_is_as_ever() -> None:
    with EmulatorServer(region='eu-de') as server:
        clouds = server.clouds()['clouds']
        with connection.Connection(**clouds['alice']) as conn:
            names = [project.name for project in conn.identity.projects()]

    assert sorted(clouds) == ['alice', 'bob', 'emulator']
    assert 'regions' not in clouds['alice']
    assert names == ['alpha']


# ====== APART ======


def test_images_are_seen_in_their_own_region_only(
    here: Client, there: Client
) -> None:
    image_id = here.active_image(name='here')

    assert [image['id'] for image in here.images(name='here')] == [image_id]
    assert there.images(name='here') == []
    assert there.get(f'/v2/images/{image_id}').status_code == 404


def test_each_region_has_public_images_of_its_own(
    here: Client, there: Client
) -> None:
    mine = {
        each['id']: each['name'] for each in here.images(__imagetype='gold')
    }
    others = {
        each['id']: each['name'] for each in there.images(__imagetype='gold')
    }

    assert sorted(mine.values()) == sorted(others.values())
    assert not mine.keys() & others.keys()
    assert there.get(f'/v2/images/{min(mine)}').status_code == 404


def test_an_image_is_shared_within_its_region(
    server: EmulatorServer, here: Client, there: Client
) -> None:
    image_id = here.active_image(name='shared')
    started = here.request(
        'POST',
        '/v1/cloudimages/members',
        json={'images': [image_id], 'projects': [there.project_id]},
    )
    assert here.finish(started)['error_code'] == 'IMG.0108'

    # Glance takes any project.
    here.share(image_id, there)
    assert there.images(__imagetype='shared', member_status='pending') == []


def test_servers_and_volumes_are_in_a_zone_of_their_region(
    server: EmulatorServer,
) -> None:
    entry = server.clouds()['clouds']['bob-eu-nl']
    with connection.Connection(**entry) as conn:
        [web] = conn.compute.servers(name='web')
        volume = conn.block_storage.find_volume(
            'web-data', ignore_missing=False
        )

    assert web.availability_zone == 'eu-nla'
    assert volume.availability_zone == 'eu-nla'


def test_quotas_are_apart() -> None:
    with EmulatorServer(regions=REGIONS, image_quota=1) as server:
        here, there = Client(server, 'bob'), Client(server, 'bob-eu-nl')
        image_id = here.active_image(name='only')
        there_used = there.get('/v1/cloudimages/quota').json()
        refused = here.request(
            'POST', f'/v1/cloudimages/{image_id}/copy', json={'name': 'two'}
        )

    assert there_used['quotas']['resources'][0]['used'] == 0
    assert code(refused) == 'IMG.0015'


# ====== ENDPOINTS ======


def test_a_token_is_good_for_its_own_region(
    server: EmulatorServer, here: Client, there: Client
) -> None:
    for service, path in (
        ('image', '/v2/cloudimages'),
        ('image', '/v2/images'),
        ('compute', '/v2.1/servers'),
        ('block-storage', '/v3/volumes'),
    ):
        answer = requests.get(
            here.root(service) + path,
            headers={'X-Auth-Token': there.token},
            timeout=60,
        )
        assert answer.status_code == 401, answer.text
        assert 'eu-nl' in answer.text

    extension = there.get('/v2/cloudimages')
    assert extension.status_code == 200


def test_the_refusal_of_another_region_s_token_is_the_gateway_s(
    here: Client, there: Client
) -> None:
    answer = requests.get(
        f'{here.root("image")}/v2/cloudimages',
        headers={'X-Auth-Token': there.token},
        timeout=60,
    )
    assert answer.json()['error_code'] == 'APIGW.0301'


def test_a_region_has_names_of_its_own(here: Client, there: Client) -> None:
    def ask(client: Client, region: str) -> int:
        return requests.get(
            f'{here.root("image")}/v2/cloudimages',
            headers={
                'Host': f'ims.{region}.localhost',
                'X-Auth-Token': client.token,
            },
            timeout=60,
        ).status_code

    assert ask(there, 'eu-nl') == 200
    assert ask(there, 'eu-de') == 401
    assert ask(here, 'eu-de') == 200


def test_identity_is_the_same_in_every_region(
    server: EmulatorServer, there: Client
) -> None:
    for region in REGIONS:
        answer = requests.get(
            f'{server.addresses.url("identity", region)}/v3/auth/tokens',
            headers={
                'X-Auth-Token': there.token,
                'X-Subject-Token': there.token,
            },
            timeout=60,
        )
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize('user', ['alice', 'bob'])
def test_a_signed_request_is_for_the_user_s_project_of_the_region(
    server: EmulatorServer, user: str
) -> None:
    there = Client(server, f'{user}-eu-nl')
    image_id = there.active_image(name='signed')
    entry = server.clouds(access_keys=True)['clouds'][f'{user}-eu-nl-aksk']
    del entry['auth']['project_name']

    with connection.Connection(**entry) as conn:
        assert conn.ims.get_image(image_id).owner == there.project_id


# ====== BUCKETS ======


@pytest.mark.parametrize('user', ['alice', 'bob'])
def test_a_bucket_is_in_one_region(server: EmulatorServer, user: str) -> None:
    here, there = Client(server, user), Client(server, f'{user}-eu-nl')
    name = f'only-{user}'
    there.s3.create_bucket(Bucket=name)

    def names(client: Client) -> set[str]:
        return {each['Name'] for each in client.s3.list_buckets()['Buckets']}

    assert name in names(there)
    assert name not in names(here)
    location = there.s3.get_bucket_location(Bucket=name)
    assert location['LocationConstraint'] == 'eu-nl'


def test_a_bucket_in_another_region_is_to_be_asked_there(
    here: Client, there: Client
) -> None:
    url = here.s3.generate_presigned_url(
        'list_objects_v2', Params={'Bucket': 'images-eu-nl'}
    )
    answer = requests.get(url, timeout=60, allow_redirects=False)

    assert answer.status_code == 301
    assert '<Code>PermanentRedirect</Code>' in answer.text
    assert f'<Endpoint>{there.bucket_url}</Endpoint>' in answer.text


def test_an_image_is_imported_in_the_bucket_s_region(
    here: Client, there: Client, tmp_path: pathlib.Path
) -> None:
    there.s3.put_object(
        Bucket='images-eu-nl', Key='disk', Body=disk(tmp_path, 'qcow2')
    )

    refused = here.create(image_url='images-eu-nl:disk')
    job = there.finish(there.create(image_url='images-eu-nl:disk'))

    assert code(refused)
    assert job['status'] == 'SUCCESS'


# ====== STARTS ======


def test_a_region_can_be_added_to_a_state(tmp_path: pathlib.Path) -> None:
    with EmulatorServer(state_dir=tmp_path, region='eu-de') as server:
        project_id = Client(server).project_id
    with EmulatorServer(state_dir=tmp_path, regions=REGIONS) as server:
        assert Client(server).project_id == project_id
        there = Client(server, 'alice-eu-nl')
        assert len(there.images(__imagetype='gold')) == 3


@pytest.mark.parametrize('regions', [['eu-nl'], ['eu-nl', 'eu-de']])
def test_the_regions_of_a_state_stay(
    tmp_path: pathlib.Path, regions: list[str]
) -> None:
    with EmulatorServer(state_dir=tmp_path, region='eu-de'):
        pass

    with pytest.raises(StateError, match='has the regions eu-de:'):
        EmulatorServer(state_dir=tmp_path, regions=regions).start()


@pytest.mark.parametrize(
    'regions', [['eu-de', 'EU-DE'], ['eu de'], ['-eu'], ['e' * 33], ['']]
)
def test_names_of_regions_are_different_and_fit_into_a_host_s(
    regions: list[str],
) -> None:
    with pytest.raises(RegionError):
        EmulatorServer(regions=regions)
