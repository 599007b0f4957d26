# SPDX-License-Identifier: Apache-2.0
"""Scenarios: what they name is there, once, and what is wrong is told."""

import copy
import json
from pathlib import Path
from typing import Any

import jsonschema
import openstack
import pytest
import yaml

from ims_ext.emulator.main import main
from ims_ext.emulator.scenario import Scenario
from ims_ext.emulator.scenario import ScenarioError
from ims_ext.emulator.scenario import form
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.state import StateError
from ims_ext.emulator.work.empty_disk import write_empty_disk

from .plain_http import Client

EXAMPLE = (
    Path(__file__).parents[2] / 'doc' / 'source' / 'user' / 'scenario'
) / 'cloud.yaml'


def project(name: str = 'alpha', **content: Any) -> dict[str, Any]:
    """Return a scenario with one project."""
    return {'projects': [{'name': name, **content}]}


def connect(server: EmulatorServer, cloud: str = 'alice') -> Any:
    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        **copy.deepcopy(server.clouds()['clouds'][cloud]),
    )


def image_quota(conn: Any) -> Any:
    (quota,) = conn.ims.image_quotas()
    return quota.quota


def own_images(conn: Any, **query: Any) -> list[Any]:
    images = conn.ims.cloud_images(owner=conn.current_project_id, **query)
    return sorted(images, key=lambda image: str(image.name))


# ====== THE DOCUMENTED EXAMPLE ======


@pytest.fixture(scope='module')
def example() -> Any:
    """Give the emulator of the documented example, without its faults."""
    scenario = yaml.safe_load(EXAMPLE.read_text())
    del scenario['faults']
    scenario['projects'][0]['buckets'][0]['files'][0]['file'] = str(
        EXAMPLE.with_name('readme.txt')
    )
    with EmulatorServer(scenario=scenario) as server:
        yield server


def test_the_documented_example_has_no_faults() -> None:
    scenario = Scenario.load(EXAMPLE)
    assert scenario.regions == ('eu-de', 'eu-nl')


def test_the_documented_example_is_the_schema_s() -> None:
    validator = jsonschema.Draft202012Validator(form.schema())
    validator.check_schema(form.schema())
    assert validator.is_valid(yaml.safe_load(EXAMPLE.read_text()))


def test_a_user_has_the_project_and_the_key(example: EmulatorServer) -> None:
    cloud = example.clouds(access_keys=True)['clouds']['carol']
    assert cloud['ak'] == 'CAROLCAROLCAROLCAROL'
    assert cloud['auth']['project_name'] == 'build'
    projects = connect(example, 'carol').identity.projects()
    assert {'build', 'alpha'} <= {each.name for each in projects}


def test_images_of_a_kind_are_numbered(example: EmulatorServer) -> None:
    conn = connect(example, 'carol')
    (image,) = own_images(conn, name='nightly-0002')
    assert image.tags == ['build=2', 'stage=test']
    assert image.properties['build_id'] == '2'
    images = own_images(conn, tag='stage=prod')
    assert len(images) == 666
    assert images[0].created_at < images[-1].created_at
    assert images[0].size < images[-1].size


def test_shared_images_are_seen(example: EmulatorServer) -> None:
    bob = connect(example, 'bob')
    found = [each.name for each in bob.ims.cloud_images(name='golden')]
    assert found == ['golden']
    alice = connect(example, 'alice')
    assert not list(alice.ims.cloud_images(name='golden'))
    assert [
        each.name
        for each in alice.ims.cloud_images(
            image_type='shared', member_status='pending'
        )
    ] == ['golden']


def test_things_around_images_are_there(example: EmulatorServer) -> None:
    conn = connect(example, 'carol')
    server = conn.compute.find_server('builder', ignore_missing=False)
    golden = own_images(conn, name='golden')[0]
    assert conn.compute.get_server(server.id).image.id == golden.id
    volumes = {each.name: each for each in conn.block_storage.volumes()}
    assert volumes['builder-cache'].is_encrypted
    assert volumes['old-system'].size == 40
    backups = {each.name for each in conn.block_storage.backups()}
    assert 'builder-monday' in backups
    assert image_quota(conn) == 5000


def test_buckets_have_their_files(example: EmulatorServer) -> None:
    s3 = Client(example, 'carol').s3
    listed = s3.list_objects_v2(Bucket='incoming')['Contents']
    assert {each['Key']: each['Size'] for each in listed} == {
        'disks/empty.img': 1048576,
        'note.txt': 19,
        'readme.txt': EXAMPLE.with_name('readme.txt').stat().st_size,
    }


def test_another_region_s_project_has_its_own(example: EmulatorServer) -> None:
    conn = connect(example, 'carol-eu-nl')
    assert [each.name for each in own_images(conn)] == ['standby']
    assert not list(conn.compute.servers())


# ====== IMAGES OF FILES ======


def test_an_image_of_a_file_has_its_data(tmp_path: Path) -> None:
    disk = tmp_path / 'disk.qcow2'
    write_empty_disk(disk)
    (tmp_path / 'cloud.yaml').write_text(
        yaml.safe_dump(
            project(images=[{'name': 'empty', 'file': 'disk.qcow2'}])
        )
    )
    with EmulatorServer(scenario=tmp_path / 'cloud.yaml') as server:
        conn = connect(server)
        (image,) = own_images(conn)
        assert (image.disk_format, image.size) == (
            'qcow2',
            disk.stat().st_size,
        )
        data = conn.ims.download_image(image.id).content
    assert data == disk.read_bytes()


def test_an_unsafe_file_ends_the_start(tmp_path: Path) -> None:
    (tmp_path / 'disk.vmdk').write_text(
        '# Disk DescriptorFile\nversion=1\ncreateType="monolithicFlat"\n'
        'RW 100 FLAT "/etc/passwd" 0\n'
    )
    scenario = project(
        images=[{'name': 'x', 'file': str(tmp_path / 'disk.vmdk')}]
    )
    with pytest.raises(StateError, match=r'disk\.vmdk'):
        EmulatorServer(scenario=scenario).start()


# ====== SETTINGS ======


def test_a_parameter_counts_more_than_the_scenario() -> None:
    scenario = {'regions': ['eu-de'], 'image_quota': 3, 'job_seconds': 9}
    with EmulatorServer(scenario=scenario, image_quota=4) as server:
        conn = connect(server)
        assert image_quota(conn) == 4
        assert conn.config.region_name == 'eu-de'


def test_delays_and_faults_are_those_named() -> None:
    scenario = {
        'like': 'otc',
        'delays': {'delete': 7},
        'faults': ['status=503,count=1'],
        'fault_seed': 5,
    }
    server = EmulatorServer(scenario=scenario)
    assert server.profile.name == 'otc'
    assert server.delays.delete == 7
    assert server.delays.upload == server.profile.delays.upload
    assert [str(each.fault) for each in server.faults.current] == [
        'status=503,count=1'
    ]


# ====== ONCE ======


def test_a_state_has_the_scenario_once(tmp_path: Path) -> None:
    scenario = project(images=[{'name': 'one'}])
    for _ in range(2):
        with EmulatorServer(state_dir=tmp_path, scenario=scenario) as server:
            assert len(own_images(connect(server))) == 1


def test_a_deleted_image_does_not_come_back(tmp_path: Path) -> None:
    scenario = project(images=[{'name': 'one'}])
    with EmulatorServer(state_dir=tmp_path, scenario=scenario) as server:
        conn = connect(server)
        conn.ims.delete_image(own_images(conn)[0].id)
    with EmulatorServer(state_dir=tmp_path, scenario=scenario) as server:
        assert not own_images(connect(server))


def test_a_changed_scenario_is_refused(tmp_path: Path) -> None:
    with EmulatorServer(state_dir=tmp_path, scenario=project()):
        pass
    other = project(images=[{'name': 'two'}])
    with pytest.raises(StateError, match='another scenario'):
        EmulatorServer(state_dir=tmp_path, scenario=other).start()
    with EmulatorServer(state_dir=tmp_path):
        pass


def test_images_have_the_same_ids_each_time() -> None:
    def ids() -> list[str]:
        scenario = project(images=[{'name': 'x-{n}', 'count': 30}])
        with EmulatorServer(scenario=scenario) as server:
            return [each.id for each in own_images(connect(server))]

    assert ids() == ids()


def test_an_id_can_be_chosen() -> None:
    wanted = '11111111-2222-4333-8444-555555555555'
    scenario = project(images=[{'name': 'x', 'id': wanted}])
    with EmulatorServer(scenario=scenario) as server:
        assert own_images(connect(server))[0].id == wanted


# ====== FAULTS ======

WRONG: dict[str, tuple[str, str]] = {
    'a key': ('projects:\n- name: a\n  servrs: []\n', '3:3: .*servers'),
    'a project': (
        'users:\n- {name: u, project: alpha, projects: [alhpa]}\n',
        '2:.*did you mean alpha',
    ),
    'a tab': ('projects:\n\t- x\n', '2:1: a tab'),
    'twice': ('seed: 1\nseed: 2\n', '2:1: .*second time'),
    'a count': (
        'projects:\n- name: a\n  images: [{name: x, count: 0}]\n',
        '3:.*at least 1',
    ),
    'an age': (
        'projects:\n- name: a\n  images: [{name: x, age: old}]\n',
        '3:.*number of seconds',
    ),
    'a file': (
        'projects:\n- name: a\n  images: [{name: x, file: none.img}]\n',
        '3:.*there is no file none.img',
    ),
    'an operating system': (
        'projects:\n- name: a\n  images: [{name: x, os_version: Ubuntu}]\n',
        '3:.*no operating system',
    ),
    'its own member': (
        'projects:\n- name: a\n  images:\n'
        '  - {name: x, members: [{project: a}]}\n',
        '4:.*own project',
    ),
    'a vault': (
        'projects:\n- name: a\n  backups:\n'
        '  - {name: b, server: web, vault: v}\n',
        '4:.*no vault',
    ),
    'a region': ('regions: [eu_de]\n', '1:11: .*letters, digits'),
    'a fault': ('faults: [status=1]\n', '1:10: '),
    'a bomb': (
        'a: &a [1,1,1,1,1,1,1,1,1,1]\n'
        + ''.join(
            f'{new}: &{new} [{",".join([f"*{old}"] * 10)}]\n'
            for old, new in zip('abcdef', 'bcdefg', strict=True)
        ),
        'more than',
    ),
    'an object': ('a: !!python/object:os.system {}\n', ''),
    'a list': ('- 1\n', ''),
    'two things': (
        'projects:\n- name: a\n  buckets:\n'
        '  - {name: abc, files: [{key: k, text: a, size: 3}]}\n',
        '4:.*one of file, text and size',
    ),
}


@pytest.mark.parametrize(('text', 'told'), WRONG.values(), ids=WRONG)
def test_faults_are_told_with_their_places(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / 'cloud.yaml'
    file.write_text(text)
    with pytest.raises(ScenarioError, match=r'cloud\.yaml:\d+:\d+: ') as info:
        Scenario.load(file)
    assert info.match(told)


def test_an_empty_file_is_an_empty_scenario(tmp_path: Path) -> None:
    (tmp_path / 'cloud.yaml').write_text('')
    assert Scenario.load(tmp_path / 'cloud.yaml').data == {}


def test_the_command_tells_faults(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / 'cloud.yaml'
    file.write_text('sed: 1\n')
    assert main(['scenario', 'check', str(file)]) == 1
    assert f'{file}:1:1: ' in capsys.readouterr().err
    file.write_text('seed: 1\n')
    assert main(['scenario', 'check', str(file)]) == 0


def test_the_command_prints_the_schema(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(['scenario', 'schema']) == 0
    assert json.loads(capsys.readouterr().out) == form.schema()


def test_a_missing_file_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(['scenario', 'check', str(tmp_path / 'none.yaml')]) == 1
    assert 'none.yaml' in capsys.readouterr().err
