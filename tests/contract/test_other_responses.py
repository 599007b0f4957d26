# SPDX-License-Identifier: Apache-2.0
"""The documented answers that are neither images nor jobs."""

from collections.abc import Callable
from typing import Any

from openstack import connection
import pytest
import requests_mock

from .conftest import EXAMPLES
from .test_requests import CALLS

#: How each kind of answer is compared: by the words its page ends with.
Check = Callable[[Any, dict[str, Any]], None]

#: The request that an answer belongs to, where its page has one.
REQUEST_OF_PAGE: dict[str, dict[str, Any]] = {}
for request in EXAMPLES['requests']:
    REQUEST_OF_PAGE.setdefault(request['doc'], request)


def is_job(got: Any, body: dict[str, Any]) -> None:
    # One example has a blank before the ID.
    assert got.id == body['job_id'].strip()


def are_quotas(got: Any, body: dict[str, Any]) -> None:
    sent = body['quotas']['resources']
    assert [
        {name: getattr(quota, name) for name in wanted}
        for quota, wanted in zip(got, sent, strict=True)
    ] == sent


def are_tags(got: Any, body: dict[str, Any]) -> None:
    assert [{'key': tag.key, 'value': tag.value} for tag in got] == body[
        'tags'
    ]


def are_tag_values(got: Any, body: dict[str, Any]) -> None:
    assert dict(got) == {tag['key']: tag['values'] for tag in body['tags']}


def is_first_tag(got: Any, body: dict[str, Any]) -> None:
    assert (got.key, got.value) == tuple(body['tags'][0].split('.'))


def is_count_or_first_image(got: Any, body: dict[str, Any]) -> None:
    if 'resources' not in body:
        assert got == body['total_count']
        return
    [sent] = body['resources']
    assert got.id == sent['resource_id']
    assert got.name == sent['resource_name']
    assert got.status == sent['resource_detail']['status']
    assert got.tag_map == {tag['key']: tag['value'] for tag in sent['tags']}


def are_versions(got: Any, body: dict[str, Any]) -> None:
    versions = got if isinstance(got, list) else [got]
    assert [
        {name: getattr(version, name) for name in wanted}
        for version, wanted in zip(versions, body['versions'], strict=True)
    ] == body['versions']


def is_schema(got: Any, body: dict[str, Any]) -> None:
    assert got.name == body['name']
    assert got.properties == body['properties']


def is_member(got: Any, body: dict[str, Any]) -> None:
    sent = body.get('members', [body])[0]
    member = got[0] if isinstance(got, list) else got
    assert member.status == sent['status']
    assert member.created_at == sent['created_at']
    assert member.updated_at == sent['updated_at']
    assert member.schema == sent['schema']


CHECKS: tuple[tuple[str, Check], ...] = (
    ('querying_the_image_quota', are_quotas),
    ('querying_all_image_tags', are_tag_values),
    ('querying_images_by_tag', is_count_or_first_image),
    ('querying_tags_of_an_image', are_tags),
    ('querying_tags', is_first_tag),
    ('api_version_query', are_versions),
    ('image_schema', is_schema),
    ('image_sharing_native', is_member),
    ('ims_apis/image_sharing', is_job),
    ('image_replication', is_job),
)


def is_image(example: dict[str, Any]) -> bool:
    return 'container_format' in str(example) and not is_of_schema(example)


def is_of_schema(example: dict[str, Any]) -> bool:
    return 'image_schema' in example['doc']


OTHERS = [
    each
    for each in EXAMPLES['responses']
    if 'image_jobs' not in each['doc'] and not is_image(each)
]


def check_for(example: dict[str, Any]) -> Check:
    for part, check in CHECKS:
        if part in example['doc']:
            return check
    assert 'job_id' in example['body'], example['doc']
    return is_job


def call_for(example: dict[str, Any]) -> int:
    """Return the number of the request that the answer is for."""
    if 'resources' in example['body']:
        return 40  # the page's other request counts
    return int(REQUEST_OF_PAGE[example['doc']]['n'])


@pytest.mark.parametrize(
    'example',
    OTHERS,
    ids=[f'{n}-{each["doc"].split("/")[-1]}' for n, each in enumerate(OTHERS)],
)
def test_every_other_documented_answer_is_read(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    example: dict[str, Any],
) -> None:
    number = call_for(example)
    cloud.register_uri(
        REQUEST_OF_PAGE[example['doc']]['method'],
        requests_mock.ANY,
        json=example['body'],
    )
    prepare_identity(cloud)

    got = CALLS[number](conn.ims)

    check_for(example)(got, example['body'])


def prepare_identity(cloud: requests_mock.Mocker) -> None:
    """Answer what authentication asks, whatever else is answered."""
    from keystoneauth1 import fixture

    token = fixture.V3Token(project_id='fd73a4a14a4a4dfb9771a8475e5198ea')
    token.add_service('image').add_standard_endpoints(
        public='https://ims.example.com', region='eu-1'
    )
    url = 'https://iam.example.com/v3'
    cloud.get(url, json={'version': fixture.V3Discovery(url)})
    cloud.post(
        f'{url}/auth/tokens', json=token, headers={'X-Subject-Token': 't'}
    )


def test_all_documented_answers_are_covered() -> None:
    answers = EXAMPLES['responses']
    jobs = [each for each in answers if 'image_jobs' in each['doc']]
    images = [each for each in answers if is_image(each)]

    assert len(jobs) + len(images) + len(OTHERS) == len(answers) == 46
