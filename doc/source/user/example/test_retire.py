"""Old images are retired, and nothing else."""

import subprocess
import sys

import pytest
import retire

import ims_ext.exceptions


def names(cloud):
    """Return the names of a cloud's own images."""
    images = cloud.conn.ims.cloud_images(owner=cloud.project_id)
    return sorted(image.name for image in images)


def test_only_the_newest_images_stay(ims_cloud, ims_clock):
    for number in range(3):
        ims_cloud.conn.ims.create_image(f'golden-{number}')
        ims_clock.advance('1h')

    assert retire.retire(ims_cloud.conn, 'golden', keep=1) == 2

    assert names(ims_cloud) == ['golden-2']


def test_other_images_stay(ims_cloud):
    ims_cloud.conn.ims.create_image('silver')

    assert retire.retire(ims_cloud.conn, 'golden', keep=0) == 0

    assert names(ims_cloud) == ['silver']


def test_the_program_finds_its_cloud_by_the_environment(ims_login):
    robot = ims_login('robot')

    done = subprocess.run(
        [sys.executable, retire.__file__, 'golden', '2'],
        capture_output=True,
        text=True,
    )

    assert done.stdout == '3 deleted\n'
    assert len(names(robot)) == 2


def test_a_bad_minute_is_waited_for(ims_cloud, ims_faults):
    ims_faults.set(['status=503,on=image,count=2'])

    assert retire.retire(ims_cloud.conn, 'golden', keep=0) == 0


def test_nothing_is_asked_twice(ims_cloud, ims_log):
    retire.retire(ims_cloud.conn, 'golden', keep=0)

    (listing,) = ims_log.select(service='image')
    assert listing.status == 200


def test_an_image_that_cannot_be_made_is_told(ims_own_cloud):
    server = next(ims_own_cloud.conn.compute.servers())
    ims_own_cloud.server.faults.set(['job=fail'])

    with pytest.raises(ims_ext.exceptions.JobFailedError):
        ims_own_cloud.conn.ims.create_image_from_server(
            server, 'golden-1', wait=True
        )
