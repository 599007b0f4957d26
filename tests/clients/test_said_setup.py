# SPDX-License-Identifier: Apache-2.0
"""What ``serve`` says of other clients is what they want."""

from collections.abc import Iterator
import contextlib
import os
import shlex
import subprocess
from typing import Any

import pytest

from ims_ext.emulator import summary
from ims_ext.emulator.server import EmulatorServer

from .conftest import REGION
from .conftest import command
from .conftest import python_client

SETTINGS: list[dict[str, Any]] = [
    {},
    {'tls': True},
    {'domain': 'localhost'},
    {'domain': 'localhost', 'tls': True},
]


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines below each heading, without their indentation."""
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith('  '):
            lines.append(line.strip())
        else:
            lines = found.setdefault(line.rstrip(':'), [])
    return found


@contextlib.contextmanager
def said(settings: dict[str, Any]) -> Iterator[dict[str, list[str]]]:
    """Run an emulator; give what it says."""
    with EmulatorServer(region=REGION, **settings) as server:
        yield sections(summary.text(server, True))


def run(lines: list[str], **programs: str) -> str:
    """Set variables, run the command, return what it prints."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('AWS_', 'RCLONE_', 'OS_'))
    } | {'RCLONE_CONFIG': os.devnull, 'AWS_CONFIG_FILE': os.devnull}
    for line in lines[:-1]:
        name, _, value = line.removeprefix('export ').partition('=')
        environment[name] = value
    words = shlex.split(lines[-1])
    done = subprocess.run(
        [programs.get(word, word) for word in words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=SETTINGS, ids=lambda each: '+'.join(each) or 'plain')
def setup(request: pytest.FixtureRequest) -> Iterator[dict[str, list[str]]]:
    if 'domain' in request.param:
        request.getfixturevalue('names')
    with said(request.param) as lines:
        yield lines


def test_awscli(setup: dict[str, list[str]]) -> None:
    aws = python_client('awscli') / 'aws'

    assert 'images' in run(setup['awscli and boto3'], aws=str(aws))


def test_rclone(setup: dict[str, list[str]]) -> None:
    assert 'images' in run(setup['rclone'], rclone=command('rclone'))


def test_s3cmd(setup: dict[str, list[str]]) -> None:
    s3cmd = python_client('s3cmd') / 's3cmd'

    assert 's3://images' in run(setup['s3cmd'], s3cmd=str(s3cmd))


def test_esdk(setup: dict[str, list[str]]) -> None:
    python = python_client('esdk-obs-python') / 'python'
    [expression] = setup["The vendor's OBS SDKs (esdk-obs-python)"]
    program = (
        f'import obs; client = {expression};'
        "print(client.listBuckets().body.buckets[0].name);"
        "print(client.putContent('images', 'key', 'content').status)"
    )
    done = subprocess.run(
        [str(python), '-c', program],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.stdout.splitlines()[-2:] == ['images', '200'], done.stderr
