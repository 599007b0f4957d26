# SPDX-License-Identifier: Apache-2.0
"""Each documented answer becomes objects with every attribute in its place."""

from collections.abc import Callable
import datetime
from typing import Any

from openstack import resource as sdk_resource
import pytest

from ims_ext.extension import cloud_image
from ims_ext.extension import job

from .conftest import EXAMPLES

JOBS = [
    each['body']
    for each in EXAMPLES['responses']
    if 'image_jobs' in each['doc']
]
IMAGES = [
    image
    for each in EXAMPLES['responses']
    if each['doc'].startswith(('ims_apis/image/', 'native_openstack_apis/ima'))
    for image in (
        each['body'].get('images', ())
        if 'images' in each['body']
        else [each['body']]
    )
    if 'container_format' in image and 'type' not in image
]


def reachable(
    built: sdk_resource.Resource, body: dict[str, Any]
) -> dict[str, Any]:
    """Return the attributes' values by wire name, of those in the body."""
    names = {
        component.name: python
        for python, component in type(built)._attributes_iterator()
    }
    missing = sorted(set(body) - set(names))
    assert missing == [], f"kept in properties only: {missing}"
    return {wire: getattr(built, names[wire]) for wire in body}


TYPES: dict[str, Callable[[Any], bool]] = {
    'true': lambda value: value is True,
    'false': lambda value: value is False,
    'True': lambda value: value is True,
}


@pytest.mark.parametrize(
    'body',
    IMAGES,
    ids=[f'{n}-{each["name"]}' for n, each in enumerate(IMAGES)],
)
def test_every_documented_attribute_of_an_image_is_reachable(
    body: dict[str, Any],
) -> None:
    wire = {name: value for name, value in body.items() if name != 'self'}
    image = cloud_image.CloudImage.existing(**wire)

    for name, value in reachable(image, wire).items():
        sent = wire[name]
        if sent in ('true', 'false', 'True', 'False'):
            assert value is (sent.lower() == 'true'), name
        elif isinstance(sent, str) and sent.isdigit():
            assert value == int(sent), name
        else:
            assert value == sent, name


def test_there_are_as_many_images_as_the_reference_shows() -> None:
    assert len(IMAGES) == 8


@pytest.mark.parametrize(
    'body',
    JOBS,
    ids=[f'{n}-{each["job_type"]}' for n, each in enumerate(JOBS)],
)
def test_every_documented_job_is_read(body: dict[str, Any]) -> None:
    got = job.Job.existing(**body)

    assert got.id == body['job_id']
    assert got.status == 'success'
    assert got.is_successful
    assert isinstance(got.begin_datetime, datetime.datetime)
    assert isinstance(got.end_datetime, datetime.datetime)
    assert got.failure == (None, None)
    for name, value in body['entities'].items():
        if name == 'sub_jobs_result':
            assert [each.id for each in got.sub_jobs] == got.sub_job_ids
            assert all(each.image_id for each in got.sub_jobs)
        elif name == 'sub_jobs_list':
            assert got.sub_job_ids == value
        else:
            assert getattr(got, name) == value
