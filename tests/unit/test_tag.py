# SPDX-License-Identifier: Apache-2.0
"""Tags: what is permitted, and the forms they travel in."""

from typing import Any

import pytest

from ims_ext import exceptions
from ims_ext.extension import tag


@pytest.mark.parametrize(
    ('text', 'meant'),
    [
        ('env=prod', ('env', 'prod')),
        ('env.prod', ('env', 'prod')),
        ('version=1.2', ('version', '1.2')),
        ('a.b=c', ('a.b', 'c')),
        ('env=', ('env', '')),
        ('env', ('env', '')),
    ],
)
def test_both_separators_are_read_back(
    text: str, meant: tuple[str, str]
) -> None:
    assert tag.read_tag(text) == meant


@pytest.mark.parametrize(
    'given',
    [
        {'env': 'prod'},
        [tag.Tag('env', 'prod')],
        [('env', 'prod')],
        [{'key': 'env', 'value': 'prod'}],
    ],
)
def test_tags_are_given_as_mapping_or_list(given: Any) -> None:
    assert tag.check_tags(given) == [tag.Tag('env', 'prod')]


def test_the_longest_tags_are_allowed() -> None:
    longest = {'k' * 36: 'v' * 43}

    assert tag.check_tags(longest) == [tag.Tag('k' * 36, 'v' * 43)]


@pytest.mark.parametrize(
    'given',
    [
        {'': 'x'},
        {'k' * 37: 'x'},
        {'k': 'v' * 44},
        {'a=b': 'x'},
        {'k': 'a/b'},
        {' k': 'x'},
        {'k': 'x '},
        {'k': 'line\n'},
        {'k': 5},
        [('k', 'a'), ('k', 'b')],
        [tag.Tag(f'k{n}', '') for n in range(11)],
        ['loose'],
        'env=prod',
    ],
)
def test_what_the_service_does_not_permit_is_refused(given: Any) -> None:
    with pytest.raises(exceptions.ValidationError):
        tag.check_tags(given)


def test_tags_travel_as_objects_and_as_strings() -> None:
    tags = [tag.Tag('env', 'prod'), tag.Tag('flag')]

    assert tag.wire_objects(tags) == [
        {'key': 'env', 'value': 'prod'},
        {'key': 'flag', 'value': ''},
    ]
    assert tag.wire_strings(tags) == ['env=prod', 'flag=']
