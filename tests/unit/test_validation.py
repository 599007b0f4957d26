# SPDX-License-Identifier: Apache-2.0
"""The documented bounds, at both ends."""

import logging
from typing import Any

import pytest

from ims_ext import exceptions
from ims_ext import validation


@pytest.mark.parametrize(
    'name', ['a', 'x' * 128, 'Golden image-1_2.3', 'Größe', '7', '.hidden']
)
def test_names_within_bounds_are_taken(name: str) -> None:
    assert validation.check_name(name) == name


@pytest.mark.parametrize(
    'name',
    ['', None, 'x' * 129, ' a', 'a ', 'a/b', 'a:b', 'a\n', 'a<b>', 'a\u0000'],
)
def test_names_out_of_bounds_are_refused(name: Any) -> None:
    with pytest.raises(exceptions.ValidationError):
        validation.check_name(name)


def test_the_message_says_which_character_is_wrong() -> None:
    with pytest.raises(exceptions.ValidationError, match="'/'"):
        validation.check_name('a/b')


@pytest.mark.parametrize('text', ['', 'x' * 1024, "It's fine; ümläuts too."])
def test_descriptions_within_bounds_are_taken(text: str) -> None:
    assert validation.check_description(text) == text


@pytest.mark.parametrize('text', ['x' * 1025, 'a<b', 'a>b', 'a\rb', 'a\nb'])
def test_descriptions_out_of_bounds_are_refused(text: str) -> None:
    with pytest.raises(exceptions.ValidationError):
        validation.check_description(text)


@pytest.mark.parametrize('size', [1, 1024, '40', 40.0])
def test_sizes_of_system_disks_within_bounds_are_taken(size: Any) -> None:
    assert validation.check_min_disk(size) == int(size)


@pytest.mark.parametrize('size', [0, -1, 1025, 'big', None, 1.5, True, ''])
def test_sizes_of_system_disks_out_of_bounds_are_refused(size: Any) -> None:
    with pytest.raises(exceptions.ValidationError):
        validation.check_min_disk(size)


def test_a_data_disk_may_be_larger() -> None:
    allowed = validation.DATA_DISK_SIZES

    assert validation.check_min_disk(2048, allowed) == 2048
    with pytest.raises(exceptions.ValidationError):
        validation.check_min_disk(2049, allowed)


@pytest.mark.parametrize('url', ['images:golden.qcow2', 'b-1.x:a/b/c.raw'])
def test_addresses_of_objects_are_taken(url: str) -> None:
    assert validation.check_object_url(url) == url


@pytest.mark.parametrize(
    'url',
    [
        '',
        'images',
        'images:',
        ':key',
        'https://bucket/key',
        'Images:key',
        'im:key',
        'images:a b',
        'i' * 64 + ':key',
    ],
)
def test_what_is_no_address_of_an_object_is_refused(url: str) -> None:
    with pytest.raises(exceptions.ValidationError):
        validation.check_object_url(url)


def test_choices_are_taken_in_any_case_and_sent_as_documented() -> None:
    allowed = validation.IMAGE_TYPES

    assert validation.check_choice('type', 'isoimage', allowed) == 'IsoImage'
    with pytest.raises(exceptions.ValidationError, match='FusionCompute'):
        validation.check_choice('type', 'VM', allowed)


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(exceptions.ValidationError, match='did you mean owner'):
        validation.check_known('filter', ['ower'], ('owner', 'status'))


def test_an_undocumented_os_version_is_warned_of_and_let_through(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        version = validation.check_os_version('Ubuntu 18.4 server 64bit')

    assert version == 'Ubuntu 18.4 server 64bit'
    assert 'Ubuntu 18.04 server 64bit' in caplog.text


def test_a_documented_os_version_is_not_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        validation.check_os_version('Ubuntu 18.04 server 64bit')

    assert not caplog.records
