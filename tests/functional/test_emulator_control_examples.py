# SPDX-License-Identifier: Apache-2.0
"""The documented page of the control routes, against the routes."""

from collections.abc import Iterator
from pathlib import Path
import re
import shlex

import pytest
import requests

from ims_ext.emulator.control import application
from ims_ext.emulator.control.counts import KINDS
from ims_ext.emulator.control.job_route import ACTIONS
from ims_ext.emulator.operation_name import documented_path
from ims_ext.emulator.server import EmulatorServer

PAGE = Path(__file__).parents[2] / 'doc/source/user/emulator-control.rst'
TEXT = PAGE.read_text(encoding='utf-8')
EXAMPLES = re.findall(r'^   \$ (curl .+)$', TEXT, re.MULTILINE)
#: What the page has in place of a job's ID: no emulator has such a job.
UNKNOWN = '<job>'


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator that the examples may change."""
    with EmulatorServer() as emulator:
        yield emulator


def routes() -> set[str]:
    """Return the routes that there are, but for those of the page."""
    return {
        f'{operation.method} {documented_path(operation.path)}'
        for control in application._CONTROLS
        for handler in vars(control).values()
        for operation in getattr(handler, 'operations', ())
        if operation.path.startswith(application.PREFIX)
    }


def test_every_route_is_described() -> None:
    described = re.findall(r'^   \* - ``([A-Z]+ /_emulator\S+)``', TEXT, re.M)

    assert set(described) == routes()
    assert len(described) == len(set(described))


def test_every_route_has_an_example() -> None:
    shown = {f'{method} {path}' for method, path, _ in map(request, EXAMPLES)}
    expected = {
        each.replace('/_emulator/', '').replace('{job_id}', UNKNOWN)
        for each in routes()
    }

    assert shown == expected


def request(example: str) -> tuple[str, str, str | None]:
    """Return the method, the path and the body of an example."""
    _, *words = shlex.split(example.replace('$control', 'control'))
    body = method = None
    url = ''
    while words:
        word = words.pop(0)
        if word == '-X':
            method = words.pop(0)
        elif word == '-d':
            body = words.pop(0)
        else:
            url = word
    path = url.removeprefix('control/').partition('?')[0]
    return method or ('GET' if body is None else 'POST'), path, body


@pytest.mark.parametrize('example', EXAMPLES)
def test_an_example_is_answered(server: EmulatorServer, example: str) -> None:
    method, path, body = request(example)
    query = re.search(r'\?([^"\s]*)', example)
    url = f'{server.control_url}/_emulator/{path}'
    if query:
        url += f'?{query[1]}'

    # As curl sends it, which names no JSON.
    kind = {'Content-Type': 'application/x-www-form-urlencoded'}
    answer = requests.request(
        method, url, data=body, headers=kind if body else None, timeout=60
    )

    assert answer.ok != (UNKNOWN in path), answer.text


@pytest.mark.parametrize('word', [*KINDS, *ACTIONS])
def test_every_kind_and_action_is_described(word: str) -> None:
    assert f'``{word}``' in TEXT


def test_the_page_is_at_the_control_address_only(
    server: EmulatorServer,
) -> None:
    page = requests.get(server.control_url, timeout=60)
    other = requests.get(server.image_url, timeout=60)

    assert page.headers['Content-Type'].startswith('text/html')
    assert not other.headers['Content-Type'].startswith('text/html')


def test_the_routes_are_not_logged_and_have_the_machines_date(
    server: EmulatorServer,
) -> None:
    server.clock.advance('400d')
    last = server.requests.last_number
    seen = requests.get(f'{server.control_url}/_emulator/clock', timeout=60)
    service = requests.get(server.bucket_url, timeout=60)

    assert server.requests.last_number == last + 1
    assert seen.headers['Date'][12:16] < service.headers['Date'][12:16]
