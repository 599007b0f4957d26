# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline``: planned, applied, killed, and gone on with."""

from collections.abc import Iterator
import getpass
import json
import os
from pathlib import Path
import random
import signal
import socket
import subprocess
import sys

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work.empty_disk import write_empty_disk

from .pipelines import HEAD

#: Images of the manifest; each is at two targets.
COUNT = 3

BODY = """\
defaults:
  retention: {keep: 2}
  channels: {dev: {version: newest, share: [beta]}}
images:
""" + ''.join(
    f'  app{number}:\n'
    '    os_version: Ubuntu 18.04 server 64bit\n'
    '    versions: {"1": {source: {file: disk.qcow2}}}\n'
    for number in range(COUNT)
)


class Pipeline:
    """A manifest, and the command that is run for it."""

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.manifest = folder / 'm.yaml'
        self.manifest.write_text(HEAD + BODY)
        write_empty_disk(folder / 'disk.qcow2')
        (folder / 'clouds.yaml').write_text(yaml.safe_dump(server.clouds()))
        (folder / 'tmp').mkdir()
        self.environment = {
            **{k: v for k, v in os.environ.items() if k[:3] != 'OS_'},
            'OS_CLIENT_CONFIG_FILE': str(folder / 'clouds.yaml'),
            'XDG_STATE_HOME': str(folder / 'state'),
            'TMPDIR': str(folder / 'tmp'),
        }

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin to run the command."""
        return subprocess.Popen(
            [
                *(sys.executable, '-m', 'openstackclient.shell'),
                *('ims', 'pipeline', *words),
            ],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run the command: its exit code, and what it has said."""
        process = self.start(*words)
        said, complained = process.communicate(timeout=120)
        return process.returncode, said, complained

    def made(self) -> dict[tuple[str, str], int]:
        """Return how often each image was ever made, by region and name."""
        found: dict[tuple[str, str], int] = {}
        for each in self.server.counts.select(kind='image'):
            if each.name.startswith('app'):
                key = each.region, each.name
                found[key] = found.get(key, 0) + each.number
        return found


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    """Give a manifest of three images at two targets, and the command."""
    with EmulatorServer(
        regions=['eu-de', 'eu-nl'],
        job_seconds=0.5,
        delays={'create': 0.2, 'tags': 0.2, 'share': 0.2},
    ) as server:
        yield Pipeline(server, tmp_path)


def test_a_plan_only_reads_and_an_apply_is_done_once(
    pipeline: Pipeline,
) -> None:
    manifest = str(pipeline.manifest)

    code, said, _ = pipeline.run('plan', manifest, '--detailed-exitcode')
    assert code == 2
    assert 'Plan: 6 to make' in said
    changing = [
        each
        for each in pipeline.server.requests
        if each.method not in ('GET', 'HEAD') and each.service != 'identity'
    ]
    assert changing == []

    code, said, complained = pipeline.run('apply', manifest)
    assert (code, complained) == (0, '')
    assert ' 0 failed' in said
    assert set(pipeline.made().values()) == {1}
    assert len(pipeline.made()) == 2 * COUNT

    # What is kept locally is needed for nothing.
    pipeline.environment['XDG_STATE_HOME'] = str(pipeline.folder / 'other')
    code, said, _ = pipeline.run('plan', manifest, '--detailed-exitcode')
    assert (code, 'nothing to do' in said) == (0, True)
    pipeline.server.requests.clear()
    code, said, _ = pipeline.run('apply', manifest)
    assert code == 0
    assert not [
        each
        for each in pipeline.server.requests
        if each.method not in ('GET', 'HEAD') and each.service != 'identity'
    ]


@pytest.mark.parametrize('seed', range(3))
def test_a_killed_apply_is_gone_on_with(pipeline: Pipeline, seed: int) -> None:
    chance = random.Random(seed)
    manifest = str(pipeline.manifest)
    for _ in range(2):
        process = pipeline.start('apply', manifest)
        try:
            process.wait(chance.uniform(1, 5))
        except subprocess.TimeoutExpired:
            process.kill()
        process.communicate()

    code, said, complained = pipeline.run('apply', manifest)

    assert code == 0, said + complained
    made = pipeline.made()
    assert len(made) == 2 * COUNT
    assert set(made.values()) == {1}
    code, said, _ = pipeline.run('plan', manifest, '--detailed-exitcode')
    assert code == 0, said
    assert not list((pipeline.folder / 'tmp').iterdir())


def test_a_second_apply_says_whose_run_goes_on(pipeline: Pipeline) -> None:
    manifest = str(pipeline.manifest)
    first = pipeline.start('apply', manifest, '--events', '-')
    assert first.stdout is not None
    begun = json.loads(first.stdout.readline())

    code, _, complained = pipeline.run('apply', manifest)

    assert code == 4
    assert complained.startswith(
        f'run {begun["run"]} of {getpass.getuser()} on '
        f'{socket.gethostname()} (process {first.pid}, since 20'
    )
    assert first.wait(60) == 0


def test_an_interrupted_apply_can_be_run_again(pipeline: Pipeline) -> None:
    manifest = str(pipeline.manifest)
    first = pipeline.start('apply', manifest, '--events', '-')
    assert first.stdout is not None
    first.stdout.readline()
    first.send_signal(signal.SIGINT)

    first.communicate(timeout=60)

    assert first.returncode == 5
    assert pipeline.run('apply', manifest)[0] == 0
    assert set(pipeline.made().values()) == {1}


def test_a_saved_plan_holds_or_is_refused(pipeline: Pipeline) -> None:
    manifest = str(pipeline.manifest)
    saved = str(pipeline.folder / 'plan.json')
    pipeline.run('plan', manifest, '-o', saved)

    assert pipeline.run('apply', manifest, '--plan', saved)[0] == 0
    code, _, complained = pipeline.run('apply', manifest, '--plan', saved)
    assert code == 4
    assert 'was planned, and is not to be done' in complained

    pipeline.run('plan', manifest, '-o', saved)
    with pipeline.manifest.open('a') as file:
        file.write('    min_ram: 2048\n')
    code, _, complained = pipeline.run('apply', manifest, '--plan', saved)
    assert code == 4
    assert 'the manifest is another one' in complained


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['plan'], 'the following arguments are required'),
        (['plan', 'missing.yaml'], 'missing.yaml'),
        (['plan', '{}', '--target', 'fr'], 'there are de, nl'),
        (['apply', '{}', '--timeout', '0'], 'not a number of seconds'),
        (['apply', '{}', '--plan', '{}'], 'is no plan'),
    ],
)
def test_a_wrong_usage_ends_with_one(
    pipeline: Pipeline, words: list[str], said: str
) -> None:
    given = [each.replace('{}', str(pipeline.manifest)) for each in words]

    code, _, complained = pipeline.run(*given)

    assert code == 1
    assert said in complained
    assert 'Traceback' not in complained
