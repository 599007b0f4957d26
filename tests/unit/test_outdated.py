# SPDX-License-Identifier: Apache-2.0
"""Changes of images that are not any more as they were when they were got."""

from collections.abc import Callable
import json
from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions

from .conftest import IMS_URL

#: As it was got, and as it is.
THEN = {'id': 'i1', 'name': 'golden', 'status': 'active', 'min_ram': 1}
EXTENSION = f'{IMS_URL}/v2/cloudimages'
NATIVE = f'{IMS_URL}/v2/images/i1'

Changed = Callable[..., tuple[Any, list[Any]]]


@pytest.fixture
def change(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> Changed:
    """Give what changes an image, and returns it with the patches sent."""

    def run(
        method: str,
        then: Any,
        now: Any,
        refusal: tuple[int, Any],
        **attrs: Any,
    ) -> tuple[Any, list[Any]]:
        is_native = method == 'update_image_v20'
        states = [{**THEN, **then}, {**THEN, **now}]
        if is_native:
            answers.get(NATIVE, [{'json': each} for each in states])
        answers.get(
            EXTENSION, [{'json': {'images': [each]}} for each in states]
        )
        status, body = refusal
        patched = answers.patch(
            NATIVE if is_native else f'{EXTENSION}/i1',
            [
                {'status_code': status, 'json': body},
                {'json': {**THEN, **now, 'done': 'yes'}},
            ],
        )
        get = conn.ims.get_image if is_native else conn.ims.get_cloud_image
        changed = getattr(conn.ims, method)(get('i1'), **attrs)
        return changed, [
            json.loads(each.body) for each in patched.request_history
        ]

    return run


CODE = (400, {'error': {'code': 'IMG.0035', 'message': 'no such attribute'}})
REFUSALS = pytest.mark.parametrize(
    'refusal', [CODE, (409, {}), (409, {'code': 'x', 'message': 'y'})], ids=str
)
METHODS = pytest.mark.parametrize(
    'method', ['update_cloud_image', 'update_image_v20']
)


@METHODS
@REFUSALS
def test_what_is_not_there_any_more_is_added(
    change: Changed, method: str, refusal: tuple[int, Any]
) -> None:
    own = {'properties': {'build': '2'}}

    _, patches = change(method, {'build': '1'}, {}, refusal, **own)

    operations = [
        [(each.get('op') or next(iter(each))) for each in patch]
        for patch in patches
    ]
    assert operations == [['replace'], ['add']]


@METHODS
@REFUSALS
def test_what_is_as_wanted_by_now_is_not_changed(
    change: Changed, method: str, refusal: tuple[int, Any]
) -> None:
    own = {'properties': {'build': None}}

    changed, patches = change(method, {'build': '1'}, {}, refusal, **own)

    assert changed.id == 'i1'
    assert len(patches) == 1


@METHODS
def test_a_refusal_that_another_look_does_not_explain_stays(
    change: Changed, method: str, answers: requests_mock.Mocker
) -> None:
    own = {'properties': {'build': '2'}}

    with pytest.raises(exceptions.BadRequestError) as caught:
        change(method, {'build': '1'}, {'build': '3'}, CODE, **own)

    assert caught.value.code == 'IMG.0035'


@METHODS
def test_other_refusals_are_final(change: Changed, method: str) -> None:
    refusal = (400, {'error': {'code': 'IMG.0027', 'message': 'no'}})

    with pytest.raises(exceptions.BadRequestError) as caught:
        change(method, {'build': '1'}, {}, refusal, properties={'build': '2'})

    assert caught.value.code == 'IMG.0027'


# ====== OPENSTACKSDK'S OWN METHOD ======


@pytest.fixture
def update(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> Callable[..., Any]:
    """Give what gets an image, and changes it once it is another one."""

    def run(
        then: Any, now: Any, refusal: tuple[int, Any], **attrs: Any
    ) -> tuple[Any, Any, list[Any]]:
        answers.get(NATIVE, [{'json': THEN | then}, {'json': THEN | now}])
        status, body = refusal
        patched = answers.patch(
            NATIVE,
            [
                {'status_code': status, 'json': body},
                {'json': {**THEN, **now, **attrs}},
            ],
        )
        image = conn.ims.get_image('i1')
        changed = conn.ims.update_image(image, **attrs)
        patches = [json.loads(each.body) for each in patched.request_history]
        return image, changed, patches

    return run


@REFUSALS
def test_an_outdated_image_of_openstacksdks_is_looked_at_again(
    update: Callable[..., Any], refusal: tuple[int, Any]
) -> None:
    image, changed, patches = update({'build': '1'}, {}, refusal, build='2')

    assert [[each['op'] for each in patch] for patch in patches] == [
        ['replace'],
        ['add'],
    ]
    assert changed is image
    assert image.properties['build'] == '2'


def test_an_image_of_openstacksdks_that_is_as_wanted_is_not_changed(
    update: Callable[..., Any],
) -> None:
    image, _, patches = update({'name': 'a'}, {'name': 'b'}, CODE, name='b')

    assert image.name == 'b'
    assert len(patches) == 1


def test_a_refusal_of_an_image_that_is_as_it_was_stays(
    update: Callable[..., Any],
) -> None:
    with pytest.raises(exceptions.BadRequestError) as caught:
        update({'build': '1'}, {'build': '1'}, CODE, build='2')

    assert caught.value.code == 'IMG.0035'
