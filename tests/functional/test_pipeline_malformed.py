# SPDX-License-Identifier: Apache-2.0
"""Malformed manifests: refused by every command, before any request."""

from collections.abc import Iterator
import os
from pathlib import Path
import re

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from ..malformed_manifests import GOOD
from ..malformed_manifests import malformed
from .openstack_command import Run

COUNT = 300
#: Manifests of these that a command of its own is run for: a sample, unless
#: more are asked for.
SAMPLE = int(os.environ.get('IMS_EXT_TEST_MANIFESTS', '40'))

#: The commands that take a manifest, and what follows it.
COMMANDS = (
    ('plan', ()),
    ('apply', ()),
    ('validate', ()),
    ('lock', ()),
    ('graph', ()),
    ('promote', ('named', '2')),
    ('rollback', ('named',)),
    ('adopt', ('named@1',)),
)


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator that nothing should be asked of."""
    with EmulatorServer(regions=['eu-de', 'eu-nl']) as server:
        yield server


@pytest.fixture
def environment(server: EmulatorServer, tmp_path: Path) -> dict[str, str]:
    """Give the environment of the commands."""
    clouds = tmp_path / 'clouds.yaml'
    clouds.write_text(yaml.safe_dump(server.clouds()))
    return {
        'OS_CLIENT_CONFIG_FILE': str(clouds),
        'XDG_STATE_HOME': str(tmp_path / 'state'),
    }


def check(name: str, complained: str) -> None:
    """Make sure that a manifest's faults are told as they should be."""
    lines = complained.splitlines()
    assert lines
    for line in lines:
        assert re.match(rf'{name}:[0-9]+:[0-9]+: \S|and [0-9]+ more$', line)
        assert line.isprintable()
        assert len(line) < 1100


def test_300_malformed_manifests_have_faults_with_their_places(
    run: Run, tmp_path: Path
) -> None:
    for name, content in malformed(COUNT):
        (tmp_path / name).write_bytes(content)
    names = [name for name, _ in malformed(COUNT)]
    (tmp_path / 'good.yaml').write_text(GOOD)

    done = run('ims', 'pipeline', 'validate', *names, 'good.yaml')

    assert done.returncode == 1
    told: dict[str, list[str]] = {}
    for line in done.stderr.splitlines():
        told.setdefault(line.partition(':')[0], []).append(line)
    assert sorted(told) == names
    for name, lines in told.items():
        check(name, '\n'.join(lines))
    assert done.stdout.startswith('good.yaml: valid')


@pytest.mark.parametrize('number', range(0, COUNT, COUNT // SAMPLE))
def test_a_command_refuses_a_malformed_manifest_before_any_request(
    run: Run,
    server: EmulatorServer,
    environment: dict[str, str],
    tmp_path: Path,
    number: int,
) -> None:
    name, content = list(malformed(COUNT))[number]
    (tmp_path / name).write_bytes(content)
    command, words = COMMANDS[number // (COUNT // SAMPLE) % len(COMMANDS)]

    done = run('ims', 'pipeline', command, name, *words, **environment)

    assert (done.returncode, done.stdout) == (1, '')
    check(name, done.stderr)
    assert list(server.requests) == []
