# SPDX-License-Identifier: Apache-2.0
"""A pipeline's images are recognised by what they carry in the cloud."""

import hypothesis
from hypothesis import strategies as st
import pytest

from ims_ext import validation
from ims_ext.pipeline import identity

DIGEST = identity.digest(b'a disk')
NAMES = st.from_regex(
    '[A-Za-z0-9]([A-Za-z0-9._-]{0,40}[A-Za-z0-9])?', fullmatch=True
)
DAYS = st.none() | st.dates().map(lambda day: day.isoformat())


def test_three_tags_say_whose_an_image_is_and_which() -> None:
    which = identity.Identity('platform', 'debian-13', '20261101', DIGEST)

    assert which.tags == {
        'ims-pipeline': 'platform',
        'ims-image': 'debian-13@20261101',
        'ims-digest': DIGEST,
    }
    assert which.is_told_by({'team': 'a', **which.tags})
    assert not which.is_told_by({**which.tags, 'ims-digest': 'x'})


@hypothesis.given(NAMES, NAMES, NAMES)
def test_the_values_fit_into_tags(
    pipeline: str, image: str, version: str
) -> None:
    which = identity.Identity(pipeline, image, version, DIGEST)

    for value in which.tags.values():
        assert 0 < len(value) <= identity.LONGEST_VALUE


@hypothesis.given(
    NAMES,
    NAMES,
    NAMES,
    st.lists(NAMES, unique=True, max_size=3).map(sorted).map(tuple),
    DAYS,
    st.text(
        st.characters(exclude_characters='<>', exclude_categories=('C', 'Z')),
        max_size=60,
    ),
)
def test_the_words_of_a_description_are_read_again(
    pipeline: str,
    image: str,
    version: str,
    channels: tuple[str, ...],
    day: str | None,
    description: str,
) -> None:
    which = identity.Identity(pipeline, image, version, DIGEST)
    words = identity.Words(which, channels, day)

    text = words.after(description)

    assert identity.read(text) == (description, words)
    assert validation.check_description(text)


@pytest.mark.parametrize(
    'text', [None, '', 'A disk', '[ims-pipeline=x]', f'[ims-digest={DIGEST}]']
)
def test_other_descriptions_have_no_words(text: str | None) -> None:
    assert identity.read(text) == (text or '', None)


def test_the_longest_words_leave_room_for_a_description() -> None:
    which = identity.Identity('p' * 42, 'i' * 42, 'v' * 64, DIGEST)
    words = identity.Words(which, ('c' * 42, 'd' * 10), '2026-11-26')

    assert len(words.after('x' * 700)) <= 1024
