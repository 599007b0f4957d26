# SPDX-License-Identifier: Apache-2.0
"""What ``openstack image`` has and ``openstack ims image`` has not, and why.

Where openstackclient gets a command or an option that is named neither here
nor there, this fails: then it is to be had, or to be named.
"""

import argparse
from importlib import metadata
from typing import Any
import warnings

import pytest

#: Commands that are had under another name, or not at all.
COMMANDS = {
    'image_add_project': "image member add, of several at once",
    'image_import': "Glance's import from its staging area, which no cloud "
    "has; image register and image create --object import",
    'image_import_info': "tells of the import above",
    'image_member_get': "image member show",
    'image_remove_project': "image member remove, of several at once",
    'image_save': "Glance's own operation does it: openstack image save; "
    "image export writes to a bucket",
    'image_stage': "belongs to the import above",
    'image_stores_list': "the clouds have one store",
    'image_task_list': "Glance's tasks, which no cloud has; job show",
    'image_task_show': "as image_task_list",
}

_SIGNING = "the clouds check no signatures"
_VISIBILITY = (
    "the clouds have private images, which sharing (image member add) makes "
    "shared, and no others of a tenant's"
)
_STORES = "the clouds have one store"

#: Options, by the commands that both have.
OPTIONS: dict[str, dict[str, str]] = {
    'image_create': {
        '--community': _VISIBILITY,
        '--force': "images are made of volumes that are in use all the same",
        '--id': "the clouds choose the IDs; Glance's own operation takes one",
        '--import': "Glance's import, which no cloud has",
        '--public': _VISIBILITY,
        '--shared': _VISIBILITY,
        '--sign-cert-id': _SIGNING,
        '--sign-key-path': _SIGNING,
        '--size': "told from the file",
    },
    'image_delete': {'--store': _STORES},
    'image_set': {
        '--community': _VISIBILITY,
        '--container-format': "always bare",
        '--disk-format': "told when the image is made, fixed from then on",
        '--instance-id': "the cloud tells what an image was made of",
        '--kernel-id': "of AMI images, which no cloud has; --property sets it",
        '--private': _VISIBILITY,
        '--public': _VISIBILITY,
        '--ramdisk-id': "as --kernel-id",
        '--shared': _VISIBILITY,
    },
    'image_member_list': {
        '--project-domain': "it names no project, there or here",
    },
}


def _commands(group: str) -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=group)}


THEIRS = {
    name: entry
    for name, entry in _commands('openstack.image.v2').items()
    if name.startswith('image_') and 'metadef' not in name
}
OURS = {
    name.removeprefix('ims_'): entry
    for name, entry in _commands('openstack.ims.v2').items()
}


def options(entry: metadata.EntryPoint) -> set[str]:
    """Return the options of a command that its help shows."""
    with warnings.catch_warnings():
        # What openstackclient's modules use is its own affair.
        warnings.simplefilter('ignore')
        command: Any = entry.load()(None, None)
    parser: argparse.ArgumentParser = command.get_parser(entry.name)
    return {
        option
        for action in parser._actions
        if action.help != argparse.SUPPRESS
        for option in action.option_strings
        if option.startswith('--')
    }


def test_every_command_of_theirs_is_had_or_named() -> None:
    assert {*THEIRS} - {*OURS} - {*COMMANDS} == set()


def test_no_command_is_named_that_is_had() -> None:
    assert {*COMMANDS} & {*OURS} == set()


@pytest.mark.parametrize('name', sorted({*THEIRS} & {*OURS}))
def test_every_option_of_theirs_is_had_or_named(name: str) -> None:
    theirs, ours = options(THEIRS[name]), options(OURS[name])

    assert theirs - ours - {*OPTIONS.get(name, ())} == set()


@pytest.mark.parametrize('name', OPTIONS)
def test_no_option_is_named_that_is_had(name: str) -> None:
    assert {*OPTIONS[name]} & options(OURS[name]) == set()
