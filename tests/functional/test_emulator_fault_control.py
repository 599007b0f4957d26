# SPDX-License-Identifier: Apache-2.0
"""How the emulator is told what to do wrong, and who may tell it."""

from collections.abc import Iterator
import json
import subprocess
import sys
from typing import Any

import pytest
import requests

from ims_ext.emulator.control import fault as fault_control
from ims_ext.emulator.main import main
from ims_ext.emulator.server import EmulatorServer

from .openstack_command import PATIENCE
from .openstack_command import script
from .plain_http import Client


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator that can be told to misbehave."""
    with EmulatorServer() as emulator:
        yield emulator


@pytest.fixture(scope='module')
def client(server: EmulatorServer) -> Client:
    """Give a user who has a token already."""
    return Client(server)


def control(
    server: EmulatorServer, method: str, **arguments: Any
) -> requests.Response:
    """Send a request to the control route."""
    url = server.control_url + fault_control.PATH
    return requests.request(method, url, timeout=10, **arguments)


def test_faults_are_replaced_while_the_emulator_runs(
    server: EmulatorServer, client: Client
) -> None:
    body = {'faults': ['status=503,count=1', 'cut=after,after=9'], 'seed': 3}
    with server.faults.active():
        assert control(server, 'PUT', json=body).status_code == 200
        client.get('/v2/cloudimages')
        shown = control(server, 'GET').json()
    assert shown == {
        'seed': 3,
        'faults': [
            {'fault': 'status=503,count=1', 'requests': 1, 'injected': 1},
            {'fault': 'cut=after,after=9', 'requests': 1, 'injected': 0},
        ],
    }


def test_faults_are_ended_and_shown_a_last_time(
    server: EmulatorServer,
) -> None:
    with server.faults.active('status=503'):
        last = control(server, 'DELETE').json()['faults']
        now = control(server, 'GET').json()['faults']
    assert ([each['fault'] for each in last], now) == (['status=503'], [])


@pytest.mark.parametrize('fault', ['status=503', 'cut=before', 'cut=after'])
def test_no_fault_befalls_the_control_route(
    server: EmulatorServer, fault: str
) -> None:
    with server.faults.active(fault):
        assert control(server, 'GET').status_code == 200


@pytest.mark.parametrize(
    ('body', 'words'),
    [
        (None, 'no JSON object'),
        ({}, 'list of strings'),
        ({'faults': 'status=503'}, 'list of strings'),
        ({'faults': [503]}, 'list of strings'),
        ({'faults': ['status=99']}, 'from 400 to 599'),
        ({'faults': [], 'seed': '7'}, 'whole number'),
        ({'faults': [], 'seeds': 7}, 'seeds'),
    ],
)
def test_what_is_wrong_with_faults_is_said(
    server: EmulatorServer, body: Any, words: str
) -> None:
    answer = control(server, 'PUT', json=body)
    assert (answer.status_code, words in answer.text) == (400, True)


# ====== THE COMMAND ======


def test_the_command_says_what_is_wrong_with_a_fault(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        main(['serve', '--fault', 'status=503', '--fault', 'cut=never'])
    assert 'before, middle, after' in capsys.readouterr().err


def test_the_command_takes_faults_and_their_seed() -> None:
    faults = ['status=503,rate=0.5', 'cut=after,on=bucket']
    options = [f'--fault={fault}' for fault in faults]
    options += ['--fault-seed', '7']
    ask = (
        'import os, urllib.request, yaml;'
        'clouds = yaml.safe_load(open(os.environ["OS_CLIENT_CONFIG_FILE"]));'
        'url = clouds["clouds"]["emulator"]["auth"]["auth_url"];'
        f'url = url.removesuffix("/v3") + "{fault_control.PATH}";'
        'print(urllib.request.urlopen(url).read().decode())'
    )
    done = subprocess.run(
        [
            script('ims-emulator'),
            'exec',
            *options,
            '--',
            sys.executable,
            '-c',
            ask,
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    shown = json.loads(done.stdout)
    assert (shown['seed'], [each['fault'] for each in shown['faults']]) == (
        7,
        faults,
    )
