# SPDX-License-Identifier: Apache-2.0
"""A user's property that is spelt like an attribute stays a property."""

from collections.abc import Callable
import copy
import importlib
import json
import pickle
import pkgutil
from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext import extension
from ims_ext import lazy
from ims_ext import resource
from ims_ext import wire_names
from ims_ext.extension import cloud_image

LIST_URL = 'https://ims.example.com/v2/cloudimages'
IMAGE_ID = '33ad552d-1149-471c-8190-ff6776174a00'

BODY: dict[str, Any] = {
    'id': IMAGE_ID,
    'name': 'golden',
    'status': 'active',
    '__os_version': 'Ubuntu 18.04 server 64bit',
    'os_version': '22.04',
    'location': 'Rome',
}


def _kinds() -> list[type[resource.Resource]]:
    for module in pkgutil.iter_modules(extension.__path__):
        importlib.import_module(f'{extension.__name__}.{module.name}')
    waiting: list[type[resource.Resource]] = [resource.Resource]
    found = []
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith('ims_ext.extension'):
            found.append(kind)
    return [kind for kind in found if not hasattr(kind, '_whole_type')]


ATTRIBUTES = [
    (kind, name, wire)
    for kind in sorted(_kinds(), key=lambda kind: kind.__qualname__)
    for name, wire in wire_names.lookalikes(kind).items()
    if name != wire
]


def listed(body: dict[str, Any]) -> cloud_image.CloudImage:
    image = lazy.Builder(cloud_image.CloudImage).defer(body)
    assert isinstance(image, cloud_image.CloudImage)
    return image


@pytest.mark.parametrize(
    'look',
    [
        lambda image: image,
        copy.copy,
        lambda image: pickle.loads(pickle.dumps(image)),
        lambda image: image.properties and image,
    ],
    ids=['read', 'copied', 'pickled', 'complete'],
)
def test_both_are_read(
    look: Callable[[cloud_image.CloudImage], cloud_image.CloudImage],
) -> None:
    image = look(listed(dict(BODY)))

    assert image.os_version == 'Ubuntu 18.04 server 64bit'
    assert image['os_version'] == 'Ubuntu 18.04 server 64bit'
    assert image.properties == {'os_version': '22.04', 'location': 'Rome'}


@pytest.mark.parametrize(
    ('kind', 'name', 'wire'),
    ATTRIBUTES,
    ids=lambda each: each if isinstance(each, str) else each.__name__,
)
def test_every_attribute_has_only_its_wire_name(
    kind: type[resource.Resource], name: str, wire: str
) -> None:
    without = kind.existing()

    made = lazy.Builder(kind).defer({name: 'theirs'})

    assert getattr(made, name) == getattr(without, name)
    assert made.properties[name] == 'theirs'


def test_there_are_attributes_to_be_told_apart() -> None:
    names = {(kind.__name__, name) for kind, name, _ in ATTRIBUTES}
    assert ('CloudImage', 'platform') in names
    assert ('LegacyImage', 'is_protected') in names


def test_programs_give_attributes_by_their_own_names() -> None:
    image = cloud_image.CloudImage.existing(id='i', os_version='CentOS')

    assert image.os_version == 'CentOS'
    assert 'os_version' not in (image.properties or {})


def test_what_comes_under_both_names_is_both() -> None:
    image = cloud_image.CloudImage.existing(**BODY)

    assert image.os_version == 'Ubuntu 18.04 server 64bit'
    assert image.properties['os_version'] == '22.04'


def test_an_own_property_called_properties_is_kept() -> None:
    image = listed({'id': 'i', 'properties': 'text', 'os_version': '22.04'})

    assert image.properties == {'properties': 'text', 'os_version': '22.04'}


def test_a_change_names_the_property_and_its_answer_has_both(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    answers.get(LIST_URL, json={'images': [BODY]})
    answers.patch(
        f'{LIST_URL}/{IMAGE_ID}', json={**BODY, 'os_version': '24.04'}
    )

    changed = conn.ims.update_cloud_image(
        IMAGE_ID, properties={'os_version': '24.04'}
    )

    assert json.loads(answers.last_request.text) == [
        {'op': 'replace', 'path': '/os_version', 'value': '24.04'}
    ]
    assert changed.os_version == 'Ubuntu 18.04 server 64bit'
    assert changed.properties['os_version'] == '24.04'
