# SPDX-License-Identifier: Apache-2.0
"""From a disk image's file to an active image, through a real connection."""

from pathlib import Path
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext.emulator.server import EmulatorServer
from ims_ext.extension import job as _job

from .eventually import settle

UBUNTU = 'Ubuntu 18.04 server 64bit'


@pytest.fixture
def store(alice: connection.Connection) -> objectstore.ObjectStore:
    return objectstore.ObjectStore(alice)


def in_bucket(store: objectstore.ObjectStore, job: _job.Job | str) -> bool:
    address = job if isinstance(job, str) else job.left_object
    assert address
    return store.exists(*address.split(':', 1))


@pytest.mark.parametrize('kind', ['qcow2', 'vmdk', 'vhd', 'raw', 'iso'])
def test_a_file_of_any_format_becomes_an_active_image(
    alice: connection.Connection,
    disks: dict[str, Path],
    name: str,
    kind: str,
) -> None:
    job = alice.ims.create_image_from_file(
        disks[kind],
        name,
        bucket='images',
        os_version=UBUNTU,
        tags={'env': 'prod'},
        description='as built',
        wait=True,
    )

    image = alice.ims.get_cloud_image(job.image_id)
    assert job.is_successful
    assert image.name == name
    assert image.status == 'active'
    assert image.os_version == UBUNTU
    assert image.description == 'as built'
    assert image.tag_map == {'env': 'prod'}
    assert image.min_disk == 1
    assert image.image_size == disks[kind].stat().st_size
    assert image.virtual_env_type == (
        'IsoImage' if kind == 'iso' else 'FusionCompute'
    )


def test_what_the_image_holds_is_what_the_file_held(
    alice: connection.Connection,
    disks: dict[str, Path],
    name: str,
    tmp_path: Path,
) -> None:
    job = alice.ims.create_image_from_file(
        disks['qcow2'], name, bucket='images', wait=True
    )

    alice.ims.download_image(job.image_id, output=str(tmp_path / 'back'))

    assert (tmp_path / 'back').read_bytes() == disks['qcow2'].read_bytes()


def test_the_uploaded_object_is_gone_once_the_image_is_active(
    alice: connection.Connection,
    store: objectstore.ObjectStore,
    disks: dict[str, Path],
    name: str,
) -> None:
    job = alice.ims.create_image_from_file(
        disks['qcow2'], name, bucket='images', object_key=name, wait=True
    )

    assert job.left_object is None
    assert not in_bucket(store, f'images:{name}')


def test_the_uploaded_object_stays_if_it_is_to_be_kept(
    alice: connection.Connection,
    store: objectstore.ObjectStore,
    disks: dict[str, Path],
    name: str,
) -> None:
    job = alice.ims.create_image_from_file(
        disks['qcow2'],
        name,
        bucket='images',
        object_key=f'{name}.qcow2',
        keep_object=True,
        wait=True,
    )

    assert job.left_object == f'images:{name}.qcow2'
    assert in_bucket(store, job)


def test_where_nothing_waits_the_object_stays_and_the_job_says_so(
    alice: connection.Connection,
    store: objectstore.ObjectStore,
    disks: dict[str, Path],
    name: str,
) -> None:
    job = alice.ims.create_image_from_file(
        disks['qcow2'], name, bucket='images'
    )

    assert in_bucket(store, job)
    assert alice.ims.wait_for_job(job).is_successful


def test_progress_of_upload_and_job_rises_to_the_end(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    size = disks['iso'].stat().st_size
    bytes_told: list[tuple[int, int]] = []
    jobs_told: list[float | None] = []

    alice.ims.create_image_from_file(
        disks['iso'],
        name,
        bucket='images',
        os_version=UBUNTU,
        wait=True,
        progress=lambda done, total: bytes_told.append((done, total)),
        job_progress=lambda job: jobs_told.append(job.progress),
    )

    assert bytes_told == sorted(bytes_told)
    assert bytes_told[-1] == (size, size)
    assert jobs_told[-1] == 1.0
    assert jobs_told == sorted(told or 0.0 for told in jobs_told)


def test_a_small_file_needs_no_bucket(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    told: list[tuple[int, int]] = []

    job = alice.ims.create_image_from_file(
        disks['qcow2'],
        name,
        os_version=UBUNTU,
        tags={'env': 'prod'},
        min_ram=512,
        progress=lambda done, total: told.append((done, total)),
        wait=True,
    )

    size = disks['qcow2'].stat().st_size
    image = alice.ims.get_cloud_image(job.image_id)
    assert job.id is None
    assert job.is_successful
    assert image.status == 'active'
    assert image.os_version == UBUNTU
    assert image.tag_map == {'env': 'prod'}
    assert (image.min_disk, image.min_ram) == (1, 512)
    assert image.disk_format == 'qcow2'
    assert told[-1] == (size, size)


def test_without_bucket_what_metadata_cannot_hold_is_refused_by_name(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match='cmk_id'):
        alice.ims.create_image_from_file(disks['qcow2'], name, cmk_id='k')

    assert alice.ims.find_image(name) is None


def test_a_raw_file_is_imported_quickly_where_asked_for(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    job = alice.ims.create_image_from_file(
        disks['raw'],
        name,
        bucket='images',
        os_version=UBUNTU,
        quick=True,
        wait=True,
    )

    assert [sub_job.job_type for sub_job in job.sub_jobs] == [
        'imsImportBigFileImageJob'
    ]


def test_a_big_raw_file_is_imported_quickly_without_being_told(
    alice: connection.Connection, make_disk: Any, name: str
) -> None:
    huge = make_disk('huge.raw', 'raw', '128G')

    # It gets as far as asking for what only the quick import needs.
    with pytest.raises(exceptions.ValidationError, match='quick import'):
        alice.ims.create_image_from_file(huge, name, bucket='images')


def test_an_iso_file_needs_an_os_version(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    with pytest.raises(exceptions.ValidationError, match='os_version'):
        alice.ims.create_image_from_file(disks['iso'], name, bucket='images')


def test_a_taken_key_is_not_overwritten(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    alice.ims.create_image_from_file(
        disks['qcow2'], name, bucket='images', object_key=name
    )

    with pytest.raises(exceptions.ValidationError, match='already'):
        alice.ims.create_image_from_file(
            disks['qcow2'], name, bucket='images', object_key=name
        )


def test_a_bucket_that_does_not_exist_is_told_before_the_upload(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    told: list[int] = []

    with pytest.raises(exceptions.BucketNotFoundError, match='no-such'):
        alice.ims.create_image_from_file(
            disks['qcow2'],
            name,
            bucket='no-such-bucket',
            progress=lambda done, total: told.append(done),
        )

    assert told == []


def test_another_projects_bucket_is_out_of_reach(
    bob: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    with pytest.raises(exceptions.BucketAccessError):
        bob.ims.create_image_from_file(disks['qcow2'], name, bucket='images')


def test_a_refused_import_says_that_the_object_is_left(
    alice: connection.Connection,
    store: objectstore.ObjectStore,
    disks: dict[str, Path],
    name: str,
) -> None:
    with pytest.raises(exceptions.BadRequestError) as caught:
        alice.ims.create_image_from_file(
            disks['qcow2'],
            name,
            bucket='images',
            object_key=name,
            os_version='BeOS R5',
        )

    assert caught.value.code == 'IMG.0056'
    assert f'images:{name}' in '\n'.join(caught.value.__notes__)
    assert in_bucket(store, f'images:{name}')


def test_a_job_that_outlasts_the_time_is_left_and_said_so(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    with pytest.raises(sdk_exceptions.ResourceTimeout) as caught:
        alice.ims.create_image_from_file(
            disks['qcow2'], name, bucket='images', wait=True, timeout=0.01
        )

    notes = '\n'.join(caught.value.__notes__)
    assert 'the job' in notes
    assert 'the uploaded object images:' in notes


def test_a_ctrl_c_while_waiting_says_what_is_left(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    def interrupt(job: _job.Job) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        alice.ims.create_image_from_file(
            disks['qcow2'],
            name,
            bucket='images',
            wait=True,
            job_progress=interrupt,
        )

    notes = '\n'.join(caught.value.__notes__)
    assert 'the job' in notes
    assert 'the uploaded object images:' in notes


def test_a_ctrl_c_in_a_native_upload_says_which_image_is_left(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        alice.ims.create_image_from_file(
            disks['qcow2'], name, progress=interrupt
        )

    left = alice.ims.find_image(name, ignore_missing=False)
    assert left.id in '\n'.join(caught.value.__notes__)
    assert left.status == 'queued'


def test_a_native_upload_that_fails_leaves_no_image(
    emulator: EmulatorServer,
    alice: connection.Connection,
    disks: dict[str, Path],
    name: str,
) -> None:
    def fail(done: int, total: int) -> None:
        raise OSError("The disk is gone")

    with pytest.raises(OSError, match='The disk is gone') as caught:
        alice.ims.create_image_from_file(disks['qcow2'], name, progress=fail)

    assert not hasattr(caught.value, '__notes__')
    settle(emulator)
    assert alice.ims.find_image(name) is None


def test_an_image_is_registered_from_an_object(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    kept = alice.ims.create_image_from_file(
        disks['qcow2'], name, bucket='images', keep_object=True, wait=True
    )
    image = alice.ims.create_image(
        f'{name}-2',
        disk_format='qcow2',
        container_format='bare',
        min_disk=1,
        allow_duplicates=True,
        validate_checksum=False,
    )

    job = alice.ims.register_image(image, kept.left_object, wait=True)

    assert job.job_type == 'imsNativeImportImageJob'
    assert alice.ims.get_image(image.id).status == 'active'


def test_an_object_is_imported_into_an_image(
    alice: connection.Connection, disks: dict[str, Path], name: str
) -> None:
    kept = alice.ims.create_image_from_file(
        disks['vmdk'], name, bucket='images', keep_object=True, wait=True
    )

    job = alice.ims.create_image_from_object(
        kept.left_object, f'{name}-2', 1, wait=True
    )

    assert alice.ims.get_cloud_image(job.image_id).name == f'{name}-2'


def test_a_disk_larger_than_min_disk_makes_the_job_fail_with_a_code(
    alice: connection.Connection, make_disk: Any, name: str
) -> None:
    big = make_disk('big.qcow2', 'qcow2', '50G')
    kept = alice.ims.create_image_from_file(
        big, name, bucket='images', keep_object=True, wait=True
    )

    with pytest.raises(exceptions.JobFailedError) as caught:
        alice.ims.create_image_from_object(
            kept.left_object, f'{name}-2', 40, wait=True
        )

    assert caught.value.code
    assert caught.value.code.startswith('IMG.')
    assert caught.value.reason
    assert caught.value.advice
