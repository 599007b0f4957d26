# SPDX-License-Identifier: Apache-2.0
"""Every command says what it does, and every option what it is for."""

import argparse
from importlib import metadata
from typing import Any

import pytest

COMMANDS = sorted(
    metadata.entry_points(group='openstack.ims.v2'),
    key=lambda entry_point: entry_point.name,
)


@pytest.mark.parametrize(
    'entry_point', COMMANDS, ids=[each.name for each in COMMANDS]
)
def test_a_command_and_all_of_its_options_have_help(
    entry_point: metadata.EntryPoint,
) -> None:
    command: Any = entry_point.load()(None, None)

    parser: argparse.ArgumentParser = command.get_parser(entry_point.name)

    assert command.get_description()
    assert [each for each in parser._actions if not each.help] == []


@pytest.mark.parametrize(
    'entry_point', COMMANDS, ids=[each.name for each in COMMANDS]
)
def test_a_command_that_waits_can_be_told_for_how_long(
    entry_point: metadata.EntryPoint,
) -> None:
    command: Any = entry_point.load()(None, None)

    parser: argparse.ArgumentParser = command.get_parser(entry_point.name)

    options = parser._option_string_actions
    waits = '--wait' in options or entry_point.name == 'ims_job_wait'
    assert waits <= ('--timeout' in options)
