# SPDX-License-Identifier: Apache-2.0
"""Queries for images: the same answer by whichever way it is found."""

from collections.abc import Iterator
from typing import Any

import pytest

from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Domain
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import State
from ims_ext.emulator.state import image_search
from ims_ext.emulator.state.image_search import AnyTag
from ims_ext.emulator.state.image_search import NotAllTags
from ims_ext.emulator.state.image_search import TagCondition

#: How many images are few: as in use, none, and any number.
WAYS = {'as in use': None, 'walked to': 0, 'collected': 10**6}

DEV = TagCondition(key='stage', values=['dev'])
STAGE = TagCondition(key='stage')
OLD = TagCondition(['team.2', 'team=2'])

QUERIES: dict[str, dict[str, Any]] = {
    'all': {},
    'a name': {'conditions': [Condition('name', 'eq', 'image 6')]},
    'several names': {
        'conditions': [Condition('name', 'in', ('image 6', 'image 9'))]
    },
    'another name': {'conditions': [Condition('name', 'neq', 'image 6')]},
    'an owner': {'conditions': [Condition('owner', 'eq', 'beta')]},
    'public ones': {'conditions': [Condition('visibility', 'eq', 'public')]},
    'a stored type': {'conditions': [Condition('__imagetype', 'eq', 'gold')]},
    'shared ones': {'conditions': [Condition('__imagetype', 'eq', 'shared')]},
    'large ones': {'conditions': [Condition('size', 'gte', 5)]},
    'no size': {'conditions': [Condition('size', 'in', (None, 3))]},
    'young ones': {
        'conditions': [Condition('created_at', 'gte', '2000-01-01')]
    },
    'a tag': {'tags': ['stage=dev']},
    'several tags': {'tags': ['stage=dev', 'odd']},
    'either spelling': {'tags': [OLD]},
    'a key': {'tags': [STAGE]},
    'a key and values': {'tags': [DEV]},
    'one of': {'tags': [AnyTag([DEV, OLD])]},
    'none of': {'tags': [AnyTag([DEV, OLD], holds=False)]},
    'not both': {'tags': [NotAllTags([DEV, OLD])]},
    'no tags': {'tags': [AnyTag([TagCondition()], holds=False)]},
    'a part of the name': {'name_part': 'ÄGE 1'},
    'no name': {'name_part': ''},
    'by name': {'sort': [('name', True)]},
    'by size': {'sort': [('size', False)]},
    'by two': {'sort': [('disk_format', False), ('name', True)]},
    'a second page': {'limit': 5, 'offset': 5},
    'a tag by name': {'tags': ['odd'], 'sort': [('name', False)], 'limit': 3},
}


def _image(number: int) -> Image:
    tags = [['stage=dev', 'odd'], ['stage=prod'], [f'team.{number % 4}'], []]
    return Image.new(
        'alpha' if number % 5 else 'beta',
        ('äge ' if number % 3 else 'image ') + str(number),
        {
            'size': number % 10,
            'disk_format': 'raw' if number % 2 else 'qcow2',
            '__imagetype': 'gold' if number % 7 else 'private',
        },
        status='active',
        visibility='private' if number % 5 else 'public',
        tags=tags[number % 4],
    )


@pytest.fixture(scope='module')
def state() -> Iterator[State]:
    """Give a state with images of two projects, some of them shared."""
    state = State()
    state.domains.add(Domain('default', 'Default'))
    for number in range(40):
        state.images.add(_image(number))
    shared = state.images.add(Image.new('beta', 'shared', status='active'))
    state.members.add(shared.id, 'alpha', 'accepted')
    state.images.add(Image.new('alpha', None, status='active'))
    state.images.add(Image.new('beta', 'unseen', tags=['unseen']))
    yield state
    state.close()


def search(state: State, **query: Any) -> tuple[list[str], int, list[str]]:
    """Return the images, how many there are, and their tags."""
    asked = ImageQuery('alpha', **query)
    whole = {**query, 'limit': None, 'offset': 0}
    return (
        [image.id for image in state.images.select(asked)],
        state.images.matching(ImageQuery('alpha', **whole)),
        state.images.tags(ImageQuery('alpha', **whole)),
    )


def _walked(monkeypatch: pytest.MonkeyPatch, few: int | None) -> None:
    if few is not None:
        monkeypatch.setattr(image_search, '_FEW', few)


@pytest.mark.parametrize('query', QUERIES.values(), ids=QUERIES)
def test_the_way_makes_no_difference(
    state: State, monkeypatch: pytest.MonkeyPatch, query: dict[str, Any]
) -> None:
    found = []
    for few in WAYS.values():
        with monkeypatch.context() as patch:
            _walked(patch, few)
            found.append(search(state, **query))
    assert found == found[:1] * len(WAYS)
    assert found[0][0]


@pytest.mark.parametrize('few', WAYS.values(), ids=WAYS)
@pytest.mark.parametrize(
    'sort',
    [
        [('name', True)],
        [('size', False)],
        [('disk_format', True), ('size', False)],
        [('created_at', False)],
        [('min_ram', True)],
    ],
)
def test_pages_have_each_image_once(
    state: State,
    monkeypatch: pytest.MonkeyPatch,
    few: int | None,
    sort: list[tuple[str, bool]],
) -> None:
    _walked(monkeypatch, few)
    whole = [
        image.id
        for image in state.images.select(ImageQuery('alpha', sort=sort))
    ]
    walked: list[str] = []
    marker = None
    while page := state.images.select(
        ImageQuery('alpha', sort=sort, limit=7, marker=marker)
    ):
        walked += [image.id for image in page]
        marker = page[-1].id
    assert walked == whole
    assert len(set(whole)) == len(whole)


def test_tags_are_those_of_images_that_are_seen(state: State) -> None:
    tags = search(state)[2]
    assert tags == sorted(tags)
    assert {'stage=dev', 'odd'} <= set(tags)
    assert 'unseen' not in tags


def test_a_part_of_a_name_counts_in_any_case(state: State) -> None:
    found = state.images.select(ImageQuery('alpha', name_part='ÄGE 1'))
    assert {image.name for image in found} >= {'äge 1', 'äge 10'}
