# SPDX-License-Identifier: Apache-2.0
"""Operations 12 to 14 and 28: what the emulator exports and copies."""

from collections.abc import Callable, Iterator
import errno
import os
import pathlib
import shutil
from typing import Any

import pytest
import requests

from ims_ext import diskimage
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work import image_export
from ims_ext.emulator.work import region_copy

from .plain_http import OS_VERSION
from .plain_http import Client
from .plain_http import code
from .plain_http import disk
from .plain_http import iso

KEY_ID = '0d0466b0-e727-4d9c-b35d-f84bb474a37f'
UNKNOWN = '11111111-2222-3333-4444-555555555555'
SIZE = 16 * 2**20

#: No job of this length ends while a test runs.
FOREVER = 3600


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where the emulator keeps everything."""
    return tmp_path / 'state'


@pytest.fixture
def alice(importer: Client) -> Client:
    return importer


@pytest.fixture
def bob(neighbour: Client) -> Client:
    return neighbour


@pytest.fixture
def qcow2(tmp_path: pathlib.Path) -> bytes:
    return disk(tmp_path, 'qcow2', SIZE)


@pytest.fixture
def golden(alice: Client, qcow2: bytes) -> str:
    """The ID of an imported image of Alice's."""
    return imported(alice, qcow2)


@pytest.fixture
def alone(directory: pathlib.Path) -> Iterator[Client]:
    """A client whose emulator keeps nothing else in the directory."""
    with EmulatorServer(job_seconds=0, state_dir=directory) as server:
        yield Client(server)


def imported(client: Client, data: bytes, **body: Any) -> str:
    client.put('disk', data)
    job = client.finish(
        client.create(**{'image_url': 'images:disk', 'min_disk': 1, **body})
    )
    assert job['status'] == 'SUCCESS', job
    return str(job['entities']['image_id'])


def export(
    client: Client, image_id: str, path: str = '/v1', **body: Any
) -> requests.Response:
    return client.request(
        'POST',
        f'{path}/cloudimages/{image_id}/file',
        json={'bucket_url': 'images:exported', **body},
    )


def copy(
    client: Client, image_id: str, path: str = '/v1', **body: Any
) -> requests.Response:
    return client.request(
        'POST',
        f'{path}/cloudimages/{image_id}/copy',
        json={'name': 'copy', **body},
    )


def copied(client: Client, image_id: str, **body: Any) -> dict[str, Any]:
    """Return the copy of an image."""
    job = client.finish(copy(client, image_id, **body))
    assert job['status'] == 'SUCCESS', job
    (image,) = client.images(id=job['entities']['image_id'])
    return image


def objects(client: Client) -> set[str]:
    listing = client.s3.list_objects_v2(Bucket='images')
    return {each['Key'] for each in listing.get('Contents', ())}


def content(client: Client, key: str = 'exported') -> bytes:
    data: bytes = client.s3.get_object(Bucket='images', Key=key)['Body'].read()
    return data


def public_image(client: Client, platform: str) -> str:
    (image,) = client.images(__imagetype='gold', __platform=platform)
    return str(image['id'])


# ====== EXPORTS THAT SUCCEED ======


def test_an_image_is_exported_in_its_own_format_as_it_is(
    alice: Client, golden: str, qcow2: bytes
) -> None:
    job = alice.finish(export(alice, golden, file_format='qcow2'))
    assert job['status'] == 'SUCCESS'
    assert content(alice) == qcow2


@pytest.mark.parametrize('file_format', ['vhd', 'vmdk', 'raw'])
def test_an_image_is_converted_to_another_format(
    alice: Client, golden: str, tmp_path: pathlib.Path, file_format: str
) -> None:
    alice.finish(export(alice, golden, file_format=file_format))
    path = tmp_path / 'exported'
    path.write_bytes(content(alice))
    found = diskimage.inspect(path, disk_format=file_format)
    assert found.disk_format == file_format
    assert found.virtual_size == SIZE


@pytest.mark.parametrize('imported_format', ['vmdk', 'vhdx', 'vdi'])
def test_an_image_of_any_convertible_format_is_exported(
    alice: Client, tmp_path: pathlib.Path, imported_format: str
) -> None:
    image_id = imported(alice, disk(tmp_path, imported_format, SIZE))
    alice.finish(export(alice, image_id, file_format='qcow2'))
    assert content(alice).startswith(b'QFI\xfb')


def test_an_export_without_format_is_a_vhd(alice: Client, golden: str) -> None:
    alice.finish(export(alice, golden))
    assert content(alice).startswith(b'conectix')


def test_what_was_exported_can_be_imported_again(
    alice: Client, golden: str
) -> None:
    alice.finish(export(alice, golden, file_format='vhd'))
    job = alice.finish(alice.create(image_url='images:exported', min_disk=1))
    assert job['status'] == 'SUCCESS'


@pytest.mark.parametrize(
    'body', [{'is_quick_export': True}, {'file_format': 'zvhd'}]
)
def test_what_no_tool_makes_is_exported_as_it_is(
    alice: Client, golden: str, qcow2: bytes, body: dict[str, Any]
) -> None:
    alice.finish(export(alice, golden, **body))
    assert content(alice) == qcow2


def test_an_export_tells_the_images_id(alice: Client, golden: str) -> None:
    job = alice.finish(export(alice, golden))
    assert job['job_type'] == 'imsNativeExportImageJob'
    assert job['entities'] == {'image_id': golden}


def test_a_quick_export_has_a_sub_job(alice: Client, golden: str) -> None:
    job = alice.finish(export(alice, golden, is_quick_export=True))
    (part,) = job['entities']['sub_jobs_result']
    assert job['job_type'] == 'imsNativeExportImageJob'
    assert job['entities']['sub_jobs_list'] == [part['job_id']]
    assert part['job_type'] == 'imsQuickExportImageJob'
    assert part['status'] == 'SUCCESS'


def test_an_image_is_exported_in_safe_mode(
    alice: Client, golden: str, qcow2: bytes
) -> None:
    alice.finish(export(alice, golden, '/v2.1', file_format='qcow2'))
    assert content(alice) == qcow2


def test_an_image_is_exported_into_a_folder(
    alice: Client, golden: str, qcow2: bytes
) -> None:
    url = 'images:2024/exports/golden-1_a.qcow2'
    alice.finish(export(alice, golden, bucket_url=url, file_format='qcow2'))
    assert content(alice, '2024/exports/golden-1_a.qcow2') == qcow2


def test_an_export_leaves_no_file_behind(
    alone: Client, qcow2: bytes, directory: pathlib.Path
) -> None:
    golden = imported(alone, qcow2)
    alone.finish(export(alone, golden, file_format='raw'))
    assert os.listdir(directory / 'images') == [golden]


def test_an_exported_object_outlives_the_emulator(
    directory: pathlib.Path, qcow2: bytes
) -> None:
    with EmulatorServer(job_seconds=0, state_dir=directory) as server:
        client = Client(server)
        image_id = imported(client, qcow2)
        client.finish(export(client, image_id, file_format='qcow2'))
    with EmulatorServer(job_seconds=0, state_dir=directory) as server:
        assert content(Client(server)) == qcow2


def test_a_descendant_of_a_free_public_image_is_exported(
    alice: Client,
) -> None:
    parent = public_image(alice, 'CentOS')
    image_id = alice.active_image(name='own', __originalimagename=parent)
    job = alice.finish(export(alice, image_id, file_format='zvhd'))
    assert job['status'] == 'SUCCESS'


# ====== EXPORTS THAT ARE REFUSED ======


@pytest.mark.parametrize(
    ('attributes', 'expected'),
    [
        ({'__whole_image': 'true'}, 'IMG.0128'),
        ({'disk_format': 'iso'}, 'IMG.0167'),
        ({'__system__cmkid': KEY_ID}, 'IMG.0071'),
        ({'__productcode': 'p1'}, 'IMG.0078'),
        ({'__account_code': 'a1'}, 'IMG.0079'),
        ({'__backup_id': UNKNOWN}, 'IMG.0080'),
    ],
)
def test_some_kinds_of_images_cannot_be_exported(
    alice: Client, attributes: dict[str, str], expected: str
) -> None:
    image_id = alice.active_image(name='special', **attributes)
    assert code(export(alice, image_id)) == expected


@pytest.mark.parametrize('platform', ['Ubuntu', 'Windows'])
def test_a_descendant_of_a_charged_public_image_cannot_be_exported(
    alice: Client, platform: str
) -> None:
    parent = public_image(alice, platform)
    image_id = alice.active_image(name='own', __originalimagename=parent)
    assert code(export(alice, image_id)) == 'IMG.0079'


def test_copying_does_not_make_a_charged_image_exportable(
    alice: Client,
) -> None:
    parent = public_image(alice, 'Ubuntu')
    image_id = alice.active_image(name='own', __originalimagename=parent)
    second = copied(alice, copied(alice, image_id)['id'])
    assert code(export(alice, second['id'])) == 'IMG.0079'


def test_a_public_image_cannot_be_exported(alice: Client) -> None:
    assert code(export(alice, public_image(alice, 'CentOS'))) == 'IMG.0077'


def test_an_image_without_data_cannot_be_exported(alice: Client) -> None:
    image = copied(alice, public_image(alice, 'CentOS'))
    assert code(export(alice, image['id'])) == 'IMG.0071'


def test_the_image_of_another_project_cannot_be_exported(
    bob: Client, golden: str
) -> None:
    assert code(export(bob, golden)) == 'IMG.0027'


def test_a_shared_image_is_exported_by_its_owner_only(
    alice: Client, bob: Client, golden: str
) -> None:
    alice.share(golden, bob)
    bob.answer_share(golden, 'accepted')
    assert code(export(bob, golden)) == 'IMG.0047'


def test_an_image_that_is_not_active_cannot_be_exported(alice: Client) -> None:
    image_id = alice.create_metadata(name='empty')
    assert code(export(alice, image_id)) == 'IMG.0046'


def test_a_large_image_is_exported_quickly_only(
    alice: Client, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_export, 'PLAIN_LIMIT', 1000)
    assert code(export(alice, golden, file_format='qcow2')) == 'IMG.0160'
    job = alice.finish(export(alice, golden, is_quick_export=True))
    assert job['status'] == 'SUCCESS'


def test_a_quick_export_has_a_limit_too(
    alice: Client, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_export, 'LIMIT', 1000)
    refusal = export(alice, golden, is_quick_export=True)
    assert code(refusal) == 'IMG.0160'


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ({'bucket_url': None}, 'IMG.0017'),
        ({'bucket_url': 'images.exported'}, 'IMG.0017'),
        ({'bucket_url': ':exported'}, 'IMG.0068'),
        ({'bucket_url': 'IMAGES:exported'}, 'IMG.0109'),
        ({'bucket_url': 'missing:exported'}, 'IMG.0069'),
        ({'bucket_url': 'images:'}, 'IMG.0073'),
        ({'bucket_url': 'images:folder/'}, 'IMG.0073'),
        ({'bucket_url': f'images:{"a" * 129}'}, 'IMG.0074'),
        ({'bucket_url': 'images:a*b'}, 'IMG.0075'),
        ({'bucket_url': 'images:a b'}, 'IMG.0175'),
        ({'bucket_url': 'images:disk'}, 'IMG.0070'),
        ({'file_format': 'zvhd2'}, 'IMG.0072'),
        ({'file_format': ['raw']}, 'IMG.0072'),
        ({'is_quick_export': 'perhaps'}, 'IMG.0001'),
        ({'is_quick_export': True, 'file_format': 'vhd'}, 'IMG.0001'),
    ],
)
def test_a_bad_export_is_refused(
    alice: Client, golden: str, body: dict[str, Any], expected: str
) -> None:
    assert code(export(alice, golden, **body)) == expected


def test_the_bucket_of_another_project_is_not_exported_to(
    alice: Client, bob: Client, golden: str
) -> None:
    bob.s3.create_bucket(Bucket='bobs')
    refusal = export(alice, golden, bucket_url='bobs:exported')
    assert code(refusal) == 'IMG.0069'


def test_an_image_is_exported_once_at_a_time() -> None:
    with EmulatorServer(job_seconds=FOREVER) as server:
        client = Client(server)
        image_id = client.active_image(name='a')
        other_id = client.active_image(name='b')
        export(client, image_id)
        same_image = export(client, image_id, bucket_url='images:elsewhere')
        same_object = export(client, other_id)
    assert code(same_image) == 'IMG.0148'
    assert code(same_object) == 'IMG.0070'


# ====== EXPORTS THAT FAIL ======


def test_without_qemu_img_the_format_stays(
    alice: Client,
    golden: str,
    qcow2: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutil, 'which', lambda _: None)
    failed = alice.finish(export(alice, golden, file_format='vhd'))
    alice.finish(export(alice, golden, file_format='qcow2'))
    assert failed['status'] == 'FAIL'
    assert failed['error_code'] == 'IMG.0072'
    assert 'qemu-img' in failed['fail_reason']
    assert content(alice) == qcow2


def test_the_clouds_own_format_cannot_be_converted(alice: Client) -> None:
    image_id = alice.active_image(name='own', disk_format='zvhd2')
    job = alice.finish(export(alice, image_id, file_format='qcow2'))
    assert job['error_code'] == 'IMG.0072'
    assert 'zvhd2' in job['fail_reason']


def test_an_image_that_refers_to_a_file_brings_none_along(
    alice: Client, tmp_path: pathlib.Path
) -> None:
    secret = tmp_path / 'secret'
    secret.write_bytes(b'secret'.ljust(SIZE, b'\0'))
    data = disk(
        tmp_path,
        'qcow2',
        SIZE,
        options=('-b', str(secret), '-F', 'raw'),
    )
    image_id = uploaded(alice, data, 'qcow2')
    job = alice.finish(export(alice, image_id, file_format='raw'))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0071'
    assert 'backing file' in job['fail_reason']
    assert objects(alice) == set()


def _with_hint(content: bytes, secret: bytes) -> bytes:
    """Name a parent where qemu-img finds it, if not who reads lines."""
    end = content.index(b'\0', 512)
    hint = b'# parentFileNameHint="%s"\n' % secret
    return content[:end] + hint + content[end + len(hint) :]


def _as_text(content: bytes, secret: bytes) -> bytes:
    """Describe a VMDK at the start of what seems a disk."""
    text = b'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n'
    text += b'createType="monolithicFlat"\nRW 2 FLAT "%s" 0\n' % secret
    partition = bytes((0, 0, 2, 0, 131, 0, 3, 0, 1, 0, 0, 0, 9, 0, 0, 0))
    head = text.ljust(446, b'\0') + partition.ljust(64, b'\0') + b'\x55\xaa'
    return head + content[512:]


@pytest.mark.parametrize('change', [_with_hint, _as_text])
@pytest.mark.parametrize('key', ['d.vmdk', 'd.img', 'd.raw', 'd'])
def test_an_object_that_names_a_file_becomes_no_image(
    alice: Client,
    tmp_path: pathlib.Path,
    change: Callable[[bytes, bytes], bytes],
    key: str,
) -> None:
    secret = tmp_path / 's'
    secret.write_bytes(b'secret'.ljust(SIZE, b'\0'))
    content = change(disk(tmp_path, 'vmdk', SIZE), os.fsencode(secret))
    alice.put(key, content)
    job = alice.finish(alice.create(image_url=f'images:{key}', min_disk=1))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0057'


def test_data_that_is_not_what_it_is_said_to_be_is_not_converted(
    alice: Client,
) -> None:
    image_id = uploaded(alice, b'no disk image', 'qcow2')
    job = alice.finish(export(alice, image_id, file_format='raw'))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0071'


def test_a_small_image_does_not_fill_the_disk(
    alone: Client,
    qcow2: bytes,
    directory: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    golden = imported(alone, qcow2)
    before = set(directory.rglob('*'))
    monkeypatch.setattr(image_export, 'RESERVE', 2**62)
    job = alone.finish(export(alone, golden, file_format='raw'))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0071'
    assert 'no room' in job['fail_reason']
    assert set(directory.rglob('*')) == before


def test_a_raw_export_that_would_be_too_large_is_not_begun(
    alice: Client, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = disk(tmp_path, 'qcow2', image_export.PLAIN_LIMIT + 2**30)
    image_id = imported(alice, large, min_disk=200)
    # Were it begun, it would end for another reason.
    monkeypatch.setattr(image_export, 'RESERVE', 2**62)
    job = alice.finish(export(alice, image_id, file_format='raw'))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0160'


def test_a_failed_conversion_leaves_nothing_behind(
    alone: Client,
    qcow2: bytes,
    directory: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    golden = imported(alone, qcow2)
    broken = program(
        tmp_path, 'for last; do :; done; echo begun >"$last"; exit 1'
    )
    monkeypatch.setattr(shutil, 'which', lambda _: broken)
    job = alone.finish(export(alone, golden, file_format='raw'))
    assert job['status'] == 'FAIL'
    assert job['error_code'] == 'IMG.0071'
    assert str(directory) not in job['fail_reason']
    assert 'exported' not in objects(alone)
    assert os.listdir(directory / 'images') == [golden]


def test_a_conversion_that_grows_too_large_fails(
    alice: Client, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_export, 'PLAIN_LIMIT', SIZE - 1)
    job = alice.finish(export(alice, golden, file_format='raw'))
    assert job['error_code'] == 'IMG.0160'
    assert 'exported' not in objects(alice)


def test_an_emulator_that_stops_leaves_the_conversion_for_its_next_start(
    directory: pathlib.Path,
    qcow2: bytes,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = shutil.which('qemu-img')
    assert real is not None
    started = tmp_path / 'started'
    slow = program(tmp_path, f'echo >{started}; exec sleep 600')
    with EmulatorServer(job_seconds=0, state_dir=directory) as server:
        client = Client(server)
        image_id = imported(client, qcow2)
        monkeypatch.setattr(shutil, 'which', lambda _: slow)
        job_id = export(client, image_id).json()['job_id']
        while not started.exists():
            assert client.job(job_id)['status'] != 'FAIL'
    left = os.listdir(directory / 'images')
    monkeypatch.setattr(shutil, 'which', lambda _: real)
    with EmulatorServer(job_seconds=0, state_dir=directory) as server:
        client = Client(server)
        while client.job(job_id)['status'] in ('INIT', 'RUNNING'):
            pass
        found = content(client)
    assert left == [image_id]
    assert found.startswith(b'conectix')


def program(directory: pathlib.Path, script: str) -> str:
    """Return the path of a program that is run in qemu-img's stead."""
    path = directory / 'program'
    path.write_text(f'#!/bin/sh\n{script}\n')
    path.chmod(0o755)
    return str(path)


def uploaded(client: Client, data: bytes, disk_format: str) -> str:
    """Return the ID of an image that nobody has looked into."""
    image_id = client.create_metadata(name='bad', disk_format=disk_format)
    answer = client.request(
        'PUT',
        f'/v2/images/{image_id}/file',
        data=data,
        headers={'Content-Type': 'application/octet-stream'},
    )
    assert answer.status_code == 204, answer.text
    return image_id


# ====== COPIES ======


def test_a_copy_has_the_data_and_attributes_of_the_image(
    alice: Client, golden: str, qcow2: bytes
) -> None:
    (image,) = alice.images(id=golden)
    found = copied(alice, golden)
    data = alice.get(f'/v2/images/{found["id"]}/file')
    assert data.content == qcow2
    assert found['id'] != golden
    assert found['name'] == 'copy'
    assert found['status'] == 'active'
    assert found['__imagetype'] == 'private'
    assert found['__originalimagename'] == golden
    for attribute in (
        *('min_disk', 'min_ram', 'disk_format', '__image_size', 'checksum'),
        *('__os_version', '__os_type', '__platform', '__os_bit'),
        *('hw_firmware_type', 'virtual_env_type', 'virtual_size'),
    ):
        assert found[attribute] == image[attribute], attribute


def test_a_copy_is_described_anew(alice: Client, qcow2: bytes) -> None:
    image_id = imported(
        alice,
        qcow2,
        description='as built',
        enterprise_project_id=UNKNOWN,
        tags=['env.prod'],
    )
    plain = copied(alice, image_id)
    described = copied(
        alice, image_id, description='again', enterprise_project_id=KEY_ID
    )
    assert plain['__description'] == ''
    assert plain['enterprise_project_id'] == '0'
    assert plain['tags'] == []
    assert described['__description'] == 'again'
    assert described['enterprise_project_id'] == KEY_ID


def test_the_job_of_a_copy_tells_which_it_is(
    alice: Client, golden: str
) -> None:
    job = alice.finish(copy(alice, golden))
    (image,) = alice.images(name='copy')
    assert job['job_type'] == 'imsCopyImageInRegionJob'
    assert job['entities'] == {
        'image_id': image['id'],
        'image_name': 'copy',
        'process_percent': 1.0,
        'current_task': 'CopyImageInRegionTask',
    }


def test_a_copy_outlives_its_image(
    alice: Client, golden: str, qcow2: bytes
) -> None:
    found = copied(alice, golden)
    alice.request('DELETE', f'/v2/images/{golden}')
    assert alice.get(f'/v2/images/{found["id"]}/file').content == qcow2


def test_the_copy_of_a_protected_image_is_not_protected(alice: Client) -> None:
    image_id = alice.active_image(name='kept', protected=True)
    assert copied(alice, image_id)['protected'] is False


def test_an_image_is_encrypted_and_decrypted_by_copying(
    alice: Client, golden: str
) -> None:
    key_id = alice.new_key()
    encrypted = copied(alice, golden, cmk_id=key_id)
    decrypted = copied(alice, encrypted['id'])
    assert encrypted['__system__cmkid'] == key_id
    assert '__system__cmkid' not in decrypted


def test_an_image_is_copied_in_safe_mode(alice: Client, golden: str) -> None:
    job = alice.finish(copy(alice, golden, '/v2.1'))
    assert job['status'] == 'SUCCESS'


def test_a_public_image_can_be_copied(alice: Client) -> None:
    found = copied(alice, public_image(alice, 'CentOS'))
    assert found['__imagetype'] == 'private'
    assert found['owner'] == alice.project_id


def test_an_accepted_image_is_copied_to_the_one_it_is_shared_with(
    alice: Client, bob: Client, golden: str
) -> None:
    alice.share(golden, bob)
    bob.answer_share(golden, 'accepted')
    assert copied(bob, golden)['owner'] == bob.project_id


@pytest.mark.parametrize('status', ['pending', 'rejected'])
def test_a_shared_image_that_was_not_accepted_cannot_be_copied(
    alice: Client, bob: Client, golden: str, status: str
) -> None:
    alice.share(golden, bob)
    bob.answer_share(golden, status)
    assert code(copy(bob, golden)) == 'IMG.0196'


def test_a_shared_image_that_is_encrypted_cannot_be_copied(
    quick_emulator: EmulatorServer, alice: Client, bob: Client
) -> None:
    image_id = alice.active_image(name='secret')
    alice.share(image_id, bob)
    bob.answer_share(image_id, 'accepted')
    # No operation shares an encrypted image, or encrypts a shared one.
    image = quick_emulator._state.images.get(image_id)
    assert image
    image.attributes['__system__cmkid'] = KEY_ID
    quick_emulator._state.images.save(image)

    assert code(copy(bob, image_id)) == 'IMG.0197'


def test_the_image_of_another_project_cannot_be_copied(
    bob: Client, golden: str
) -> None:
    assert code(copy(bob, golden)) == 'IMG.0027'


@pytest.mark.parametrize(
    ('attributes', 'expected'),
    [
        ({'__whole_image': 'true'}, 'IMG.0130'),
        ({'disk_format': 'iso'}, 'IMG.0167'),
    ],
)
def test_some_kinds_of_images_cannot_be_copied(
    alice: Client, attributes: dict[str, str], expected: str
) -> None:
    image_id = alice.active_image(name='special', **attributes)
    assert code(copy(alice, image_id)) == expected


def test_an_imported_iso_file_can_be_neither_copied_nor_exported(
    alice: Client,
) -> None:
    image_id = imported(alice, iso(), type='IsoImage', os_version=OS_VERSION)
    assert code(copy(alice, image_id)) == 'IMG.0167'
    assert code(export(alice, image_id)) == 'IMG.0167'


def test_an_image_that_is_not_active_cannot_be_copied(alice: Client) -> None:
    image_id = alice.create_metadata(name='empty')
    assert code(copy(alice, image_id)) == 'IMG.0046'


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ({'name': None}, 'IMG.0013'),
        ({'name': 'a' * 129}, 'IMG.0002'),
        ({'name': 'a/b'}, 'IMG.0003'),
        ({'description': 'a' * 1025}, 'IMG.0004'),
        ({'description': 'a<b'}, 'IMG.0054'),
        ({'cmk_id': 'no-key'}, 'IMG.0095'),
        ({'cmk_id': KEY_ID}, 'IMG.0096'),
        ({'enterprise_project_id': 'none'}, 'IMG.0155'),
    ],
)
def test_a_bad_copy_is_refused(
    alice: Client, body: dict[str, Any], expected: str
) -> None:
    image_id = alice.active_image(name='secret', __system__cmkid=KEY_ID)
    assert code(copy(alice, image_id, **body)) == expected


def test_the_image_of_a_bare_metal_server_cannot_be_encrypted(
    alice: Client, qcow2: bytes
) -> None:
    image_id = imported(alice, qcow2, type='BMS')
    assert code(copy(alice, image_id, cmk_id=KEY_ID)) == 'IMG.0118'


def test_a_copy_counts_against_the_quota() -> None:
    with EmulatorServer(job_seconds=0, image_quota=1) as server:
        client = Client(server)
        image_id = client.active_image(name='only')
        assert code(copy(client, image_id)) == 'IMG.0015'


def test_a_copy_that_fails_leaves_no_image(
    alone: Client,
    qcow2: bytes,
    directory: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    golden = imported(alone, qcow2)

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, "The disk is broken")

    monkeypatch.setattr(os, 'link', fail)
    job = alone.finish(copy(alone, golden))
    assert job['status'] == 'FAIL'
    assert alone.names(name='copy') == []
    assert os.listdir(directory / 'images') == [golden]


def test_data_is_copied_where_files_have_one_name_only(
    alice: Client,
    golden: str,
    qcow2: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EXDEV, "No links here")

    monkeypatch.setattr(os, 'link', refuse)
    found = copied(alice, golden)
    assert alice.get(f'/v2/images/{found["id"]}/file').content == qcow2


# ====== OTHER REGIONS ======


def copy_to_region(
    client: Client, image_id: str, **body: Any
) -> requests.Response:
    return client.request(
        'POST',
        f'/v1/cloudimages/{image_id}/cross_region_copy',
        json={
            'name': 'copy',
            'region': 'eu-emu-2',
            'project_name': 'eu-emu-2',
            'agency_name': 'copier',
            **body,
        },
    )


@pytest.mark.parametrize(
    ('body', 'expected'),
    [
        ({}, 'IMG.0147'),
        ({'region': 'eu-emu-1'}, 'IMG.0142'),
        ({'region': None}, 'IMG.0147'),
        ({'project_name': ''}, 'IMG.0145'),
        ({'agency_name': ' '}, 'IMG.0151'),
        ({'name': 'a/b'}, 'IMG.0003'),
        ({'description': 'a<b'}, 'IMG.0054'),
    ],
)
def test_there_is_no_other_region_to_copy_to(
    alice: Client, golden: str, body: dict[str, Any], expected: str
) -> None:
    assert code(copy_to_region(alice, golden, **body)) == expected


@pytest.mark.parametrize(
    ('attributes', 'expected'),
    [
        ({'__system__cmkid': KEY_ID}, 'IMG.0143'),
        ({'disk_format': 'iso'}, 'IMG.0167'),
    ],
)
def test_some_kinds_of_images_cannot_be_copied_to_other_regions(
    alice: Client, attributes: dict[str, str], expected: str
) -> None:
    image_id = alice.active_image(name='special', **attributes)
    assert code(copy_to_region(alice, image_id)) == expected


def test_a_large_image_cannot_be_copied_to_other_regions(
    alice: Client, golden: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region_copy, 'SIZE_LIMIT', 1000)
    assert code(copy_to_region(alice, golden)) == 'IMG.0146'


# ====== PROGRESS ======


def progress(client: Client, job_id: str) -> dict[str, Any]:
    answer = client.get(f'/v1/cloudimages/job/{job_id}')
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_progress_of_an_export_has_its_task_and_sub_job(
    alice: Client, golden: str
) -> None:
    job = alice.finish(export(alice, golden, is_quick_export=True))
    found = progress(alice, job['job_id'])
    (sub_job_id,) = job['entities']['sub_jobs_list']
    assert found['entities'] == {
        'image_id': golden,
        'image_name': 'golden',
        'process_percent': 1.0,
        'current_task': 'ExportImageTask',
        'subJobId': sub_job_id,
    }
    del job['entities'], found['entities']
    assert found == job


def test_a_sub_job_is_as_far_as_its_job(alice: Client, golden: str) -> None:
    job = alice.finish(export(alice, golden, is_quick_export=True))
    (sub_job_id,) = job['entities']['sub_jobs_list']
    found = progress(alice, sub_job_id)
    assert found['job_type'] == 'imsQuickExportImageJob'
    assert found['entities']['process_percent'] == 1.0


def test_a_running_job_is_not_done() -> None:
    with EmulatorServer(job_seconds=FOREVER) as server:
        client = Client(server)
        image_id = client.active_image(name='a')
        job_id = copy(client, image_id).json()['job_id']
        found = progress(client, job_id)
    assert found['status'] in ('INIT', 'RUNNING')
    assert found['entities']['process_percent'] == 0.0
    assert 'subJobId' not in found['entities']


def test_the_progress_of_another_projects_job_is_not_told(
    alice: Client, bob: Client, golden: str
) -> None:
    job_id = export(alice, golden).json()['job_id']
    assert code(bob.get(f'/v1/cloudimages/job/{job_id}')) == 'IMG.0023'
