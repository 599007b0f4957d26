# SPDX-License-Identifier: Apache-2.0
"""Exports, copies and progress: the library and the commands at work."""

import json
from pathlib import Path
from typing import Any

from openstack import connection
import pytest

from ims_ext import diskimage
from ims_ext import exceptions

from .openstack_command import Run


def imported_again(
    alice: connection.Connection, object_url: str, name: str
) -> Any:
    """Return the image that an exported object becomes."""
    job = alice.ims.create_image_from_object(object_url, name, 40, wait=True)
    return alice.ims.get_cloud_image(job.image_id)


# ====== THE LIBRARY ======


def test_an_exported_image_is_in_the_bucket(
    alice: connection.Connection, image_id: str, name: str
) -> None:
    job = alice.ims.export_image(
        image_id, f'images:{name}.vhd', file_format='vhd', wait=True
    )

    assert job.job_type == 'imsNativeExportImageJob'
    assert job.is_successful
    assert job.image_id == image_id
    image = imported_again(alice, f'images:{name}.vhd', f'{name}-2')
    assert image.disk_format == 'vhd'


def test_a_quick_export_is_told_with_its_sub_job(
    alice: connection.Connection, image_id: str, name: str
) -> None:
    job = alice.ims.export_image(
        image_id,
        f'images:{name}.qcow2',
        is_quick_export=True,
        safe_mode=True,
        wait=True,
    )
    progress = alice.ims.get_job_progress(job)

    assert [sub_job.job_type for sub_job in job.sub_jobs] == [
        'imsQuickExportImageJob'
    ]
    assert progress.progress == 1
    assert progress.current_task == 'ExportImageTask'
    assert [progress.sub_job_id] == job.sub_job_ids
    assert progress.image_name == name


def test_an_object_is_not_overwritten(
    alice: connection.Connection, image_id: str, name: str
) -> None:
    alice.ims.export_image(image_id, f'images:{name}', wait=True)

    with pytest.raises(exceptions.BucketRefusedError) as caught:
        alice.ims.export_image(image_id, f'images:{name}')

    assert caught.value.code == 'IMG.0070'


def test_a_public_image_is_not_exportable(
    alice: connection.Connection, name: str
) -> None:
    image = next(alice.ims.cloud_images(image_type='gold'))

    with pytest.raises(exceptions.NotExportableError) as caught:
        alice.ims.export_image(image, f'images:{name}')

    assert caught.value.code == 'IMG.0077'


def test_a_copy_is_an_image_of_its_own(
    alice: connection.Connection, image_id: str, name: str, tmp_path: Path
) -> None:
    job = alice.ims.copy_image(
        image_id, f'{name}-2', description='a copy', wait=True
    )
    copy = alice.ims.get_cloud_image(job.image_id)
    alice.ims.delete_image(image_id)
    target = tmp_path / 'copy.qcow2'
    alice.ims.download_image(copy, output=str(target), stream=True)

    assert job.job_type == 'imsCopyImageInRegionJob'
    assert copy.name == f'{name}-2'
    assert copy.description == 'a copy'
    assert copy.original_image_id == image_id
    assert diskimage.inspect(target).disk_format == 'qcow2'


def test_a_copy_to_the_same_region_is_refused(
    alice: connection.Connection, image_id: str
) -> None:
    with pytest.raises(exceptions.BadRequestError) as caught:
        alice.ims.copy_image_to_region(
            image_id, 'copy', alice.config.region_name, 'alpha', 'copier'
        )

    assert caught.value.code == 'IMG.0142'


# ====== THE COMMANDS ======


def test_an_image_is_exported(
    run: Run, alice: connection.Connection, image_id: str, name: str
) -> None:
    done = run(
        *('ims', 'image', 'export', '--object', f'images:{name}.raw'),
        *('--file-format', 'raw', '--wait', '-f', 'json', name),
    )

    job = json.loads(done.stdout)
    assert done.returncode == 0
    assert done.stderr == ''
    assert job['status'] == 'SUCCESS'
    assert job['image_id'] == image_id
    image = imported_again(alice, f'images:{name}.raw', f'{name}-2')
    assert image.disk_format == 'raw'


def test_the_job_of_an_export_is_printed_for_job_show(
    run: Run, image_id: str, name: str
) -> None:
    started = run(
        *('ims', 'image', 'export', '--object', f'images:{name}', '--quick'),
        *('--safe-mode', '-f', 'value', '-c', 'job_id', image_id),
    )
    shown = run(
        *('ims', 'job', 'show', '--progress', '-f', 'json'),
        started.stdout.strip(),
    )

    job = json.loads(shown.stdout)
    assert job['job_id'] == started.stdout.strip()
    assert job['progress'].endswith('%')
    assert job['current_task'] == 'ExportImageTask'
    assert job['sub_job_id']


def test_an_image_is_copied(run: Run, image_id: str, name: str) -> None:
    done = run(
        *('ims', 'image', 'copy', '--description', 'a copy', '--wait'),
        *('-f', 'json', name, f'{name}-2'),
    )

    image = json.loads(done.stdout)
    assert done.stderr == ''
    assert image['name'] == f'{name}-2'
    assert image['description'] == 'a copy'
    assert image['status'] == 'active'
    assert image['id'] != image_id


def test_a_refused_copy_to_another_region_says_why(
    run: Run, image_id: str, name: str
) -> None:
    done = run(
        *('ims', 'image', 'copy', '--region', 'eu-emu-1'),
        *('--project', 'alpha', '--agency', 'copier', image_id, name),
    )

    assert done.returncode == 1
    assert 'IMG.0142' in done.stderr


@pytest.mark.parametrize(
    ('options', 'missing'),
    [
        (('--region', 'r1', '--project', 'p1'), '--agency'),
        (('--project', 'p1'), '--region'),
    ],
)
def test_options_of_copies_go_together(
    run: Run, options: tuple[str, ...], missing: str
) -> None:
    done = run('ims', 'image', 'copy', *options, 'any', 'copy')

    assert done.returncode == 1
    assert missing in done.stderr
