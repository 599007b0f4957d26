# SPDX-License-Identifier: Apache-2.0
"""Which way an image takes into the cloud, and the disk that it needs."""

import pytest

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext.diskimage import GIB
from ims_ext.diskimage import DiskImage
from ims_ext.diskimage import Route


def _image(
    disk_format: str, size: int, virtual: int | None = GIB
) -> DiskImage:
    return DiskImage('x', disk_format, size, virtual)


@pytest.mark.parametrize(
    ('virtual_size', 'min_disk'),
    [(1, 1), (GIB, 1), (GIB + 1, 2), (40 * GIB, 40)],
)
def test_the_smallest_disk_is_the_virtual_size_rounded_up(
    virtual_size: int, min_disk: int
) -> None:
    image = _image('qcow2', 1, virtual_size)
    assert diskimage.check_min_disk(image, None) == min_disk


def test_a_larger_disk_than_needed_may_be_asked_for() -> None:
    assert diskimage.check_min_disk(_image('raw', 1), 1024) == 1024


def test_a_small_data_disk_gets_what_all_clouds_take() -> None:
    image = _image('raw', 1)
    assert diskimage.check_min_disk(image, None, data_disk=True) == 40
    assert diskimage.check_min_disk(image, 10, data_disk=True) == 10


def test_a_data_disk_may_be_larger_than_a_system_disk() -> None:
    image = _image('raw', 1, 1025 * GIB)
    assert diskimage.check_min_disk(image, None, data_disk=True) == 1025


@pytest.mark.parametrize(
    ('virtual_size', 'min_disk', 'data_disk', 'message'),
    [
        (3 * GIB, 2, False, "too small for the disk in it; it takes 3"),
        (GIB, 0, False, "from 1 to 1024 GiB, not 0"),
        (GIB, 1025, False, "from 1 to 1024 GiB, not 1025"),
        (GIB, 2049, True, "from 1 to 2048 GiB, not 2049"),
        (1025 * GIB, None, False, "holds a disk of 1025 GiB"),
        (None, None, False, "say min_disk"),
    ],
)
def test_an_impossible_min_disk_is_refused(
    virtual_size: int | None,
    min_disk: int | None,
    data_disk: bool,
    message: str,
) -> None:
    image = _image('zvhd2', 1, virtual_size)
    with pytest.raises(exceptions.DiskImageError, match=message):
        diskimage.check_min_disk(image, min_disk, data_disk=data_disk)


@pytest.mark.parametrize(
    ('disk_format', 'size', 'has_bucket', 'quick', 'route'),
    [
        ('qcow2', 2 * GIB - 1, False, None, Route.NATIVE),
        ('iso', 1, False, None, Route.NATIVE),
        ('vmdk', 1, True, None, Route.IMPORT),
        ('raw', 128 * GIB - 1, True, None, Route.IMPORT),
        ('raw', 128 * GIB, True, None, Route.QUICK_IMPORT),
        ('zvhd2', 1024 * GIB, True, None, Route.QUICK_IMPORT),
        ('raw', 1, True, True, Route.QUICK_IMPORT),
        ('raw', 1, True, False, Route.IMPORT),
    ],
)
def test_format_and_size_decide_the_route(
    disk_format: str,
    size: int,
    has_bucket: bool,
    quick: bool | None,
    route: Route,
) -> None:
    image = _image(disk_format, size)
    assert (
        diskimage.choose_route(image, has_bucket=has_bucket, quick=quick)
        is route
    )


@pytest.mark.parametrize(
    ('disk_format', 'size', 'has_bucket', 'quick', 'message'),
    [
        ('qcow2', 2 * GIB, False, None, "under 2 GiB.*name a bucket"),
        ('vmdk', 1, False, None, "not vmdk; name a bucket"),
        ('raw', 1, False, True, "needs a bucket"),
        ('qcow2', 1, True, True, "use plain import"),
        ('vhd', 128 * GIB, True, None, "convert it to raw"),
        ('raw', 128 * GIB, True, False, "permit quick import"),
        ('raw', 1024 * GIB + 1, True, None, "up to 1024 GiB"),
    ],
)
def test_a_file_without_a_route_is_refused(
    disk_format: str,
    size: int,
    has_bucket: bool,
    quick: bool | None,
    message: str,
) -> None:
    image = _image(disk_format, size)
    with pytest.raises(exceptions.DiskImageError, match=message):
        diskimage.choose_route(image, has_bucket=has_bucket, quick=quick)
