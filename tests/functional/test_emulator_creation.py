# SPDX-License-Identifier: Apache-2.0
"""Operations 4, 5, 9 and 11: objects in buckets become images."""

import hashlib
import pathlib
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.service import IMAGE_QUOTA
from ims_ext.emulator.work import object_import

from .plain_http import GIB
from .plain_http import OS_VERSION
from .plain_http import Client
from .plain_http import code
from .plain_http import disk
from .plain_http import iso

KEY_ID = '0d0466b0-e727-4d9c-b35d-f84bb474a37f'
UNKNOWN = '11111111-2222-3333-4444-555555555555'


@pytest.fixture
def alice(importer: Client) -> Client:
    return importer


@pytest.fixture
def bob(neighbour: Client) -> Client:
    return neighbour


@pytest.fixture
def qcow2(tmp_path: pathlib.Path) -> bytes:
    return disk(tmp_path, 'qcow2')


@pytest.fixture
def ready(alice: Client, qcow2: bytes) -> Client:
    """Alice, with an object that can be imported."""
    alice.put('disk.qcow2', qcow2)
    return alice


def only_image(client: Client) -> dict[str, Any]:
    (image,) = client.images(owner=client.project_id)
    return image


# ====== IMPORTS THAT SUCCEED ======


def test_an_object_becomes_an_active_image(
    ready: Client, qcow2: bytes
) -> None:
    job = ready.finish(ready.create(name='golden'))
    assert job['status'] == 'SUCCESS'
    image = only_image(ready)
    expected = {
        'id': job['entities']['image_id'],
        'name': 'golden',
        'status': 'active',
        'visibility': 'private',
        'min_disk': 40,
        'disk_format': 'qcow2',
        '__os_version': OS_VERSION,
        '__os_type': 'Linux',
        '__os_bit': '64',
        '__platform': 'Ubuntu',
        '__imagetype': 'private',
        '__isregistered': 'true',
        '__root_origin': 'file',
        '__data_origin': 'file,images:disk.qcow2',
        '__image_size': str(len(qcow2)),
        'virtual_env_type': 'FusionCompute',
        'checksum': hashlib.md5(qcow2).hexdigest(),
    }
    assert expected.items() <= image.items()


def test_an_imported_image_has_the_data_of_the_object(
    ready: Client, qcow2: bytes
) -> None:
    job = ready.finish(ready.create())
    data = ready.get(f'/v2/images/{job["entities"]["image_id"]}/file')
    assert data.content == qcow2


def test_an_imported_image_outlives_its_object(
    ready: Client, qcow2: bytes
) -> None:
    job = ready.finish(ready.create())
    ready.s3.delete_object(Bucket='images', Key='disk.qcow2')
    data = ready.get(f'/v2/images/{job["entities"]["image_id"]}/file')
    assert data.content == qcow2


@pytest.mark.parametrize(
    ('made', 'disk_format'),
    [
        ('qcow2', 'qcow2'),
        ('vmdk', 'vmdk'),
        ('vpc', 'vhd'),
        ('vhdx', 'vhdx'),
        ('vdi', 'vdi'),
        ('raw', 'raw'),
    ],
)
def test_the_format_of_a_disk_is_recognized(
    alice: Client, tmp_path: pathlib.Path, made: str, disk_format: str
) -> None:
    size = 2**20 if made == 'raw' else GIB
    alice.put(f'disk.{disk_format}', disk(tmp_path, made, size))
    job = alice.finish(alice.create(image_url=f'images:disk.{disk_format}'))
    assert job['fail_reason'] is None
    assert only_image(alice)['disk_format'] == disk_format


def test_an_iso_file_becomes_an_iso_image(alice: Client) -> None:
    alice.put('cd.iso', iso())
    job = alice.finish(
        alice.create(image_url='images:cd.iso', type='IsoImage')
    )
    assert job['fail_reason'] is None
    image = only_image(alice)
    assert (image['disk_format'], image['virtual_env_type']) == (
        'iso',
        'IsoImage',
    )


def test_all_parameters_of_an_import_count(ready: Client) -> None:
    key_id = ready.new_key()
    ready.finish(
        ready.create(
            description='for the shop',
            type='ECS',
            max_ram=4096,
            min_ram=1024,
            is_config=True,
            cmk_id=key_id,
            enterprise_project_id=UNKNOWN,
            architecture='arm',
            image_tags=[{'key': 'env', 'value': 'prod'}],
        )
    )
    expected = {
        '__description': 'for the shop',
        'max_ram': '4096',
        'min_ram': 1024,
        '__is_config_init': 'true',
        '__system__cmkid': key_id,
        'enterprise_project_id': UNKNOWN,
        '__support_arm': 'true',
        'hw_firmware_type': 'uefi',
        'tags': ['env=prod'],
    }
    assert expected.items() <= only_image(ready).items()


@pytest.mark.parametrize(
    ('tags', 'expected'),
    [
        (['env.prod'], ['env=prod']),
        (['a.b.c'], ['a=b.c']),
        (['alone'], ['alone=']),
        (['a.1', 'b.2', 'a.3'], ['a=3', 'b=2']),
    ],
)
def test_tags_are_answered_with_an_equals_sign(
    ready: Client, tags: list[str], expected: list[str]
) -> None:
    ready.finish(ready.create(tags=tags))
    assert only_image(ready)['tags'] == expected


def test_the_operating_system_need_not_be_known(ready: Client) -> None:
    ready.finish(ready.create(os_version=..., os_type='Windows'))
    image = only_image(ready)
    assert image['__os_type'] == 'Windows'
    assert '__os_version' not in image


def test_a_bare_metal_image_is_for_its_environment(ready: Client) -> None:
    ready.finish(ready.create(type='BMS'))
    assert only_image(ready)['virtual_env_type'] == 'Ironic'


def test_data_disks_come_with_the_system_disk(
    ready: Client, qcow2: bytes
) -> None:
    ready.put('data.qcow2', qcow2)
    job = ready.finish(
        ready.create(
            data_images=[
                {
                    'name': 'data',
                    'image_url': 'images:data.qcow2',
                    'min_disk': 2000,
                    'tags': ['disk.data'],
                }
            ]
        )
    )
    assert job['status'] == 'SUCCESS'
    (image,) = ready.images(virtual_env_type='DataImage')
    expected = {
        'name': 'data',
        'status': 'active',
        'min_disk': 2000,
        '__os_type': 'Linux',
        'tags': ['disk=data'],
    }
    assert expected.items() <= image.items()


def test_an_image_that_is_being_made_is_listed_as_saving(
    qcow2: bytes,
) -> None:
    with EmulatorServer(job_seconds=3600) as server:
        client = Client(server)
        client.s3.create_bucket(Bucket='images')
        client.put('disk.qcow2', qcow2)
        client.create()
        assert only_image(client)['status'] == 'saving'


# ====== IMPORTS THAT ARE REFUSED ======


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ({'name': ...}, 'IMG.0013'),
        ({'name': ''}, 'IMG.0013'),
        ({'name': 'x' * 129}, 'IMG.0002'),
        ({'name': 'a/b'}, 'IMG.0003'),
        ({'name': 'golden '}, 'IMG.0003'),
        ({'name': ['golden']}, 'IMG.0003'),
        ({'description': 'x' * 1025}, 'IMG.0004'),
        ({'description': 'a\nb'}, 'IMG.0054'),
        ({'min_disk': ...}, 'IMG.0055'),
        ({'min_disk': 0}, 'IMG.0055'),
        ({'min_disk': 1025}, 'IMG.0055'),
        ({'min_disk': 'big'}, 'IMG.0055'),
        ({'min_disk': True}, 'IMG.0055'),
        ({'min_ram': -1}, 'IMG.0055'),
        ({'max_ram': 'much'}, 'IMG.0055'),
        ({'os_version': 'Ubuntu 99.04'}, 'IMG.0056'),
        ({'os_version': 18.04}, 'IMG.0056'),
        ({'os_type': 'BeOS'}, 'IMG.0122'),
        ({'type': 'VM'}, 'IMG.0024'),
        ({'type': 'DataImage'}, 'IMG.0024'),
        ({'type': ['ECS']}, 'IMG.0024'),
        ({'type': 'IsoImage', 'os_version': ...}, 'IMG.0166'),
        ({'is_quick_import': True, 'os_version': ...}, 'IMG.0159'),
        ({'is_quick_import': 'maybe'}, 'IMG.0001'),
        ({'is_config': 7}, 'IMG.0001'),
        ({'architecture': 'mips'}, 'IMG.0212'),
        ({'hw_firmware_type': 'efi'}, 'IMG.0141'),
        ({'hw_firmware_type': 'bios', 'architecture': 'arm'}, 'IMG.0141'),
        ({'cmk_id': 'mine'}, 'IMG.0095'),
        ({'cmk_id': KEY_ID, 'type': 'BMS'}, 'IMG.0118'),
        ({'enterprise_project_id': 'mine'}, 'IMG.0155'),
        (
            {'tags': ['a.b'], 'image_tags': [{'key': 'a', 'value': 'b'}]},
            'IMG.0001',
        ),
        ({'tags': ['a=b.c']}, 'IMG.0115'),
        ({'tags': ['.b']}, 'IMG.0115'),
        ({'tags': ['x' * 37 + '.b']}, 'IMG.0115'),
        ({'tags': ['a.' + 'x' * 44]}, 'IMG.0115'),
        ({'tags': ['a. b']}, 'IMG.0115'),
        ({'tags': [7]}, 'IMG.0115'),
        ({'tags': 'a.b'}, 'IMG.0115'),
        ({'image_tags': [{'value': 'b'}]}, 'IMG.0115'),
        ({'image_tags': [{'key': 'a', 'value': '<'}]}, 'IMG.0115'),
        ({'tags': [f'key{n}.v' for n in range(11)]}, 'IMG.0116'),
        ({'image_url': 'disk.qcow2'}, 'IMG.0017'),
        ({'image_url': 'https://images/disk.qcow2'}, 'IMG.0017'),
        ({'image_url': 'images:'}, 'IMG.0017'),
        ({'image_url': 7}, 'IMG.0017'),
        ({'image_url': ':disk.qcow2'}, 'IMG.0068'),
        ({'image_url': 'My_Bucket:disk.qcow2'}, 'IMG.0109'),
        ({'image_url': 'images:my disk.qcow2'}, 'IMG.0175'),
        ({'image_url': 'elsewhere:disk.qcow2'}, 'IMG.0069'),
        ({'image_url': 'images:missing.qcow2'}, 'IMG.0057'),
        ({'image_url': ...}, 'IMG.0021'),
        ({'instance_id': UNKNOWN}, 'IMG.0001'),
        ({'image_url': ..., 'instance_id': UNKNOWN}, 'IMG.0005'),
        ({'image_url': ..., 'volume_id': UNKNOWN}, 'IMG.0120'),
        (
            {'image_url': ..., 'data_images': [{'volume_id': UNKNOWN}]},
            'IMG.0120',
        ),
        ({'data_images': 'data'}, 'IMG.0001'),
        ({'data_images': [{'min_disk': 1}]}, 'IMG.0017'),
        (
            {
                'data_images': [
                    {'image_url': 'images:disk.qcow2', 'min_disk': 1}
                ]
            },
            'IMG.0123',
        ),
        (
            {'data_images': [{'image_url': 'images:d', 'min_disk': 2049}]},
            'IMG.0055',
        ),
        (
            {
                'data_images': [
                    {'image_url': f'images:d{n}', 'min_disk': 1}
                    for n in range(4)
                ]
            },
            'IMG.0194',
        ),
    ],
)
def test_a_bad_import_is_refused(
    ready: Client, body: dict[str, Any], expected: str
) -> None:
    assert code(ready.create(**body)) == expected


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ('', 'IMG.0007'),
        ('{}', 'IMG.0007'),
        ('{', 'IMG.0001'),
        ('[1]', 'IMG.0001'),
    ],
)
def test_a_body_that_is_no_object_is_refused(
    alice: Client, body: str, expected: str
) -> None:
    answer = alice.request('POST', '/v2/cloudimages/action', data=body)
    assert code(answer) == expected


def test_a_refused_import_leaves_no_image(ready: Client) -> None:
    ready.create(image_url='images:missing.qcow2')
    assert ready.images(owner=ready.project_id) == []


def test_an_empty_object_is_refused(alice: Client) -> None:
    alice.put('disk.qcow2', b'')
    assert code(alice.create()) == 'IMG.0057'


def test_an_object_above_the_limit_is_refused(
    ready: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_import, 'IMPORT_LIMIT', 1000)
    assert code(ready.create()) == 'IMG.0059'


def test_the_bucket_of_another_project_cannot_be_accessed(
    ready: Client, bob: Client
) -> None:
    assert code(bob.create()) == 'IMG.0069'


def test_a_project_has_a_limited_number_of_images(ready: Client) -> None:
    for number in range(IMAGE_QUOTA):
        ready.create_metadata(name=f'image-{number}')
    assert code(ready.create()) == 'IMG.0015'


# ====== IMPORTS THAT FAIL ======


def failure(client: Client, **body: Any) -> tuple[str, str]:
    """Return the code and the reason of an import that fails."""
    job = client.finish(client.create(**body))
    assert job['status'] == 'FAIL'
    return job['error_code'], job['fail_reason']


def test_an_object_that_is_no_image_fails(alice: Client) -> None:
    alice.put('disk.qcow2', b'Dear diary, ' * 1000)
    error, reason = failure(alice)
    assert error == 'IMG.0057'
    assert 'disk.qcow2' in reason


def test_an_image_with_a_backing_file_fails(
    alice: Client, tmp_path: pathlib.Path
) -> None:
    disk(tmp_path, 'raw')
    options = ('-b', str(tmp_path / 'made.raw'), '-F', 'raw')
    alice.put('disk.qcow2', disk(tmp_path, 'qcow2', options=options))
    error, reason = failure(alice)
    assert error == 'IMG.0057'
    assert 'backing file' in reason


def test_a_truncated_image_fails(alice: Client, qcow2: bytes) -> None:
    alice.put('disk.qcow2', qcow2[:60])
    assert failure(alice)[0] == 'IMG.0057'


def test_a_disk_larger_than_min_disk_fails(
    alice: Client, tmp_path: pathlib.Path
) -> None:
    alice.put('disk.qcow2', disk(tmp_path, 'qcow2', 41 * GIB))
    error, reason = failure(alice, min_disk=40)
    assert error == 'IMG.0055'
    assert '41 GB' in reason


def test_a_disk_as_large_as_min_disk_is_imported(
    alice: Client, tmp_path: pathlib.Path
) -> None:
    alice.put('disk.qcow2', disk(tmp_path, 'qcow2', 40 * GIB))
    job = alice.finish(alice.create(min_disk=40))
    assert job['status'] == 'SUCCESS'


def test_an_iso_file_is_no_disk(alice: Client) -> None:
    alice.put('cd.iso', iso())
    assert failure(alice, image_url='images:cd.iso')[0] == 'IMG.0072'


def test_a_disk_is_no_iso_file(ready: Client) -> None:
    assert failure(ready, type='IsoImage')[0] == 'IMG.0057'


def test_a_failed_import_leaves_no_image(alice: Client) -> None:
    alice.put('disk.qcow2', b'no image')
    failure(alice)
    assert alice.images(owner=alice.project_id) == []


def test_of_a_system_and_its_data_disks_all_are_made_or_none(
    ready: Client,
) -> None:
    ready.put('data.qcow2', b'no image')
    failure(
        ready, data_images=[{'image_url': 'images:data.qcow2', 'min_disk': 1}]
    )
    assert ready.images(owner=ready.project_id) == []


# ====== QUICK IMPORTS ======


@pytest.fixture
def raw(alice: Client, tmp_path: pathlib.Path) -> Client:
    """Alice, with an object that can be imported quickly."""
    alice.put('disk.raw', disk(tmp_path, 'raw', 2**20))
    return alice


def test_a_raw_disk_is_imported_quickly(raw: Client) -> None:
    job = raw.finish(raw.quick_import())
    assert job['status'] == 'SUCCESS'
    assert only_image(raw)['disk_format'] == 'raw'


def test_the_cloud_knows_its_own_format(alice: Client) -> None:
    alice.put('disk.zvhd2', b'known to the cloud alone')
    job = alice.finish(alice.quick_import(image_url='images:disk.zvhd2'))
    assert job['fail_reason'] is None
    assert only_image(alice)['disk_format'] == 'zvhd2'


def test_a_data_disk_is_imported_quickly(raw: Client) -> None:
    raw.finish(
        raw.quick_import(type='DataImage', os_version=..., os_type='Windows')
    )
    image = only_image(raw)
    assert image['virtual_env_type'] == 'DataImage'
    assert image['__os_type'] == 'Windows'


def test_a_plain_import_can_ask_to_be_quick(raw: Client) -> None:
    job = raw.finish(
        raw.create(image_url='images:disk.raw', is_quick_import=True)
    )
    (part,) = job['entities']['sub_jobs_result']
    assert part['job_type'] == 'imsImportBigFileImageJob'


def test_other_formats_are_not_imported_quickly(ready: Client) -> None:
    job = ready.finish(ready.quick_import(image_url='images:disk.qcow2'))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0158'


def test_a_quick_import_takes_more_than_a_plain_one(
    raw: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_import, 'IMPORT_LIMIT', 1000)
    job = raw.finish(raw.quick_import())
    assert job['status'] == 'SUCCESS'


def test_a_quick_import_has_a_limit_too(
    raw: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_import, 'QUICK_IMPORT_LIMIT', 1000)
    assert code(raw.quick_import()) == 'IMG.0059'


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ({'os_version': ...}, 'IMG.0159'),
        ({'name': ...}, 'IMG.0013'),
        ({'image_url': ...}, 'IMG.0017'),
        ({'min_disk': 1025}, 'IMG.0055'),
        ({'type': 'IsoImage'}, 'IMG.0024'),
        ({'type': 'DataImage', 'os_type': 'Other'}, 'IMG.0122'),
        ({'type': 'DataImage', 'min_disk': 1025}, 'IMG.0055'),
    ],
)
def test_a_bad_quick_import_is_refused(
    raw: Client, body: dict[str, Any], expected: str
) -> None:
    assert code(raw.quick_import(**body)) == expected


# ====== REGISTERING ======


def test_an_object_is_registered_for_metadata(
    ready: Client, qcow2: bytes
) -> None:
    image_id = ready.create_metadata(name='golden', min_disk=40)
    job = ready.finish(ready.register(image_id, 'images:disk.qcow2'))
    assert job['status'] == 'SUCCESS'
    (image,) = ready.images(id=image_id)
    assert image['status'] == 'active'
    assert image['__image_size'] == str(len(qcow2))


def test_another_format_is_registered_as_what_the_cloud_converts_to(
    alice: Client, tmp_path: pathlib.Path
) -> None:
    alice.put('disk.vmdk', disk(tmp_path, 'vmdk'))
    image_id = alice.create_metadata(name='golden', disk_format='vhd')
    job = alice.finish(alice.register(image_id, 'images:disk.vmdk'))
    assert job['status'] == 'SUCCESS'


@pytest.mark.parametrize('declared', ['raw', 'iso'])
def test_an_object_of_another_format_than_declared_is_not_registered(
    ready: Client, declared: str
) -> None:
    image_id = ready.create_metadata(name='golden', disk_format=declared)
    job = ready.finish(ready.register(image_id, 'images:disk.qcow2'))
    assert job['error_code'] == 'IMG.0057'


def test_metadata_outlives_a_failure_as_killed(alice: Client) -> None:
    alice.put('disk.qcow2', b'no image')
    image_id = alice.create_metadata(name='golden')
    alice.finish(alice.register(image_id, 'images:disk.qcow2'))
    (image,) = alice.images(id=image_id)
    assert image['status'] == 'killed'


def test_an_image_that_has_its_data_cannot_be_registered(
    ready: Client,
) -> None:
    image_id = ready.active_image(name='golden')
    assert code(ready.register(image_id, 'images:disk.qcow2')) == 'IMG.0046'


def test_an_image_is_registered_once_at_a_time(qcow2: bytes) -> None:
    with EmulatorServer(job_seconds=3600) as server:
        client = Client(server)
        client.s3.create_bucket(Bucket='images')
        client.put('disk.qcow2', qcow2)
        image_id = client.create_metadata(name='golden')
        client.register(image_id, 'images:disk.qcow2')
        second = client.register(image_id, 'images:disk.qcow2')
        assert code(second) == 'IMG.0046'


@pytest.mark.parametrize(
    ('image_url', 'expected'),
    [
        ('disk.qcow2', 'IMG.0017'),
        ('elsewhere:disk.qcow2', 'IMG.0069'),
        ('images:missing.qcow2', 'IMG.0057'),
    ],
)
def test_a_bad_registration_is_refused(
    ready: Client, image_url: str, expected: str
) -> None:
    image_id = ready.create_metadata(name='golden')
    assert code(ready.register(image_id, image_url)) == expected


def test_a_refused_registration_leaves_the_image_queued(
    ready: Client,
) -> None:
    image_id = ready.create_metadata(name='golden')
    ready.register(image_id, 'images:missing.qcow2')
    (image,) = ready.images(id=image_id)
    assert image['status'] == 'queued'


def test_the_image_of_another_project_cannot_be_registered(
    ready: Client, bob: Client
) -> None:
    image_id = bob.create_metadata(name='theirs')
    assert code(ready.register(image_id, 'images:disk.qcow2')) == 'IMG.0027'
