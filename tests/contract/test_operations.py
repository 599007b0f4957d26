# SPDX-License-Identifier: Apache-2.0
"""The documentation's table of operations says what is really there."""

import csv
from importlib import metadata
from pathlib import Path
import re
from typing import Any

import pytest

from ims_ext import service
from ims_ext.emulator.server import EmulatorServer

TABLE = Path(__file__).parents[2] / 'doc/source/reference/operations.csv'

with TABLE.open(encoding='utf-8') as lines:
    ROWS: list[dict[str, str]] = list(csv.DictReader(lines))

COMMANDS = {
    entry_point.name
    for entry_point in metadata.entry_points(group='openstack.ims.v2')
}


@pytest.mark.parametrize('row', ROWS, ids=[row['Request'] for row in ROWS])
def test_methods_and_commands_are_there(row: dict[str, str]) -> None:
    proxy = service.proxy_class()

    methods = row['conn.ims'].split()
    commands = [each for each in row['openstack ims'].split('; ') if each]

    assert methods
    assert [each for each in methods if not hasattr(proxy, each)] == []
    assert [
        each
        for each in commands
        if 'ims_' + each.replace(' ', '_') not in COMMANDS
    ] == []


def test_every_operation_is_in_the_table() -> None:
    numbers = {row['Operation'] for row in ROWS}

    assert {str(number) for number in range(1, 31)} <= numbers


@pytest.fixture(scope='module')
def emulator() -> Any:
    with EmulatorServer(job_seconds=0.1) as server:
        yield server


@pytest.mark.parametrize('row', ROWS, ids=[row['Request'] for row in ROWS])
def test_what_is_said_to_be_emulated_is_routed(
    emulator: EmulatorServer, row: dict[str, str]
) -> None:
    import requests

    method, path = row['Request'].split()
    path = path.replace('{version}', 'v2')
    url = emulator.image_url + re.sub(r'{\w+}', 'something', path)

    answer = requests.request(method, url, timeout=30)

    # Without a token, an operation that is there asks for one; the versions
    # are told to anybody.
    assert row['Emulated'] == 'yes'
    assert answer.status_code in (300, 401)
