# SPDX-License-Identifier: Apache-2.0
"""Sharing and tagging many images: how many requests that takes."""

from collections.abc import Iterator
import uuid

from . import client
from . import standin_cloud
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .table import Row
from .table import compared

#: Tags that each image gets.
_TAGS = {'stage': 'production', 'team': 'images', 'reviewed': 'yes'}

#: Of what takes a request each, so many are counted, and the rest is
#: multiplied.
_SAMPLE = 5


# ====== IN PROCESSES OF THEIR OWN ======


def _images(number: int) -> list[str]:
    return [standin_cloud.image_id(each) for each in range(number)]


def _projects(number: int) -> list[str]:
    return [uuid.UUID(int=each).hex for each in range(number)]


def share(images: int, projects: int) -> Measurement:
    """Share images with projects, with the library."""
    ims = client.connect().ims
    with client.counted() as found:
        ims.add_image_members(_images(images), _projects(projects))
    return found


def share_one_by_one(images: int, projects: int) -> Measurement:
    """Share images with projects, with openstacksdk alone."""
    stock = client.connect('stock').image
    with client.counted() as found:
        for image in _images(images):
            for project in _projects(projects):
                stock.add_member(image, member_id=project)
    return found


def tag(images: int) -> Measurement:
    """Tag images, with the library."""
    ims = client.connect().ims
    with client.counted() as found:
        for image in _images(images):
            ims.create_image_tags(image, _TAGS)
    return found


def tag_one_by_one(images: int) -> Measurement:
    """Tag images, with openstacksdk alone."""
    stock = client.connect('stock').image
    with client.counted() as found:
        for image in _images(images):
            for key, value in _TAGS.items():
                stock.add_tag(image, f'{key}={value}')
    return found


# ====== COMPARED ======


@benchmark
def share_images(bench: Bench) -> Iterator[Row]:
    """Share 500 images with 100 projects: requests."""
    images, projects = bench.sizes.shared_images, bench.sizes.shared_projects
    found = bench.alternate(
        {
            'ours': bench.worker(share, images=images, projects=projects),
            'theirs': bench.worker(
                share_one_by_one, images=_SAMPLE, projects=_SAMPLE
            ),
        },
        1,
    )
    yield compared(
        f"share {images} images with {projects} projects",
        "requests",
        '',
        found['ours']['sent'],
        "conn.image.add_member()",
        found['theirs']['sent'] * images * projects / _SAMPLE**2,
        # The documented operation takes all images and all projects.
        no_more_than=1,
    )


@benchmark
def tag_images(bench: Bench) -> Iterator[Row]:
    """Tag 500 images: requests."""
    images = bench.sizes.shared_images
    found = bench.alternate(
        {
            'ours': bench.worker(tag, images=images),
            'theirs': bench.worker(tag_one_by_one, images=_SAMPLE),
        },
        1,
    )
    yield compared(
        f"give {len(_TAGS)} tags to {images} images each",
        "requests",
        '',
        found['ours']['sent'],
        "conn.image.add_tag()",
        found['theirs']['sent'] * images / _SAMPLE,
        # No documented operation takes more than one image.
        no_more_than=images,
    )
