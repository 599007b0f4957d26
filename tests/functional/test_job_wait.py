# SPDX-License-Identifier: Apache-2.0
"""Waiting for jobs with the ``openstack`` command."""

import json
from pathlib import Path

from openstack import connection
import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .openstack_command import Run
from .openstack_command import script
from .terminal import on_a_terminal

COLUMNS = [
    'Job ID',
    'Job Type',
    'Status',
    'Images',
    'Error Code',
    'Fail Reason',
]


@pytest.fixture
def copies(
    alice: connection.Connection, image_id: str, name: str
) -> list[str]:
    """Give jobs that end well."""
    return [
        alice.ims.copy_image(image_id, f'{name}-{number}').id
        for number in range(3)
    ]


@pytest.fixture
def failure(alice: connection.Connection, image_id: str) -> str:
    """Give a job that fails."""
    job = alice.ims.remove_image_members(image_id, 'f' * 32)
    return str(job.id)


def test_several_jobs_are_a_table_and_a_line_each(
    run: Run, copies: list[str]
) -> None:
    done = run('ims', 'job', 'wait', *copies, '-f', 'json')

    rows = json.loads(done.stdout)
    assert done.returncode == 0
    assert [list(row) for row in rows] == [COLUMNS] * 3
    assert [row['Job ID'] for row in rows] == copies
    assert {row['Status'] for row in rows} == {'SUCCESS'}
    assert len({image for row in rows for image in row['Images']}) == 3
    lines = done.stderr.splitlines()
    assert sorted(line.partition(':')[0] for line in lines) == sorted(copies)


def test_the_progress_of_several_is_shown_on_a_terminal(
    environment: dict[str, str], copies: list[str]
) -> None:
    output, shown = on_a_terminal(
        [script('openstack'), 'ims', 'job', 'wait', *copies, '-f', 'json'],
        environment,
    )

    assert [row['Job ID'] for row in json.loads(output)] == copies
    assert '3 jobs: 100%' in shown
    ended = [line.strip() for line in shown.replace('\r', '\n').splitlines()]
    assert {line[:32] for line in ended if ': ' in line} >= {*copies}


def test_one_that_fails_is_shown_and_fails_the_command(
    run: Run, copies: list[str], failure: str
) -> None:
    done = run('ims', 'job', 'wait', copies[0], failure, '-f', 'json')

    rows = {row['Job ID']: row for row in json.loads(done.stdout)}
    assert done.returncode == 1
    assert rows[copies[0]]['Status'] == 'SUCCESS'
    assert rows[failure]['Status'] == 'FAIL'
    assert rows[failure]['Fail Reason']
    assert '1 of 2 jobs failed' in done.stderr


def test_one_that_there_is_not_does_not_keep_the_others_from_being_shown(
    run: Run, copies: list[str]
) -> None:
    unknown = 'f' * 32

    done = run('ims', 'job', 'wait', unknown, copies[0], '-f', 'json')

    rows = {row['Job ID']: row for row in json.loads(done.stdout)}
    assert done.returncode == 1
    assert rows[unknown]['Status'] == 'NOT FOUND'
    assert rows[copies[0]]['Status'] == 'SUCCESS'


def test_a_job_that_is_named_twice_is_one(run: Run, copies: list[str]) -> None:
    done = run('ims', 'job', 'wait', copies[0], copies[0], '-f', 'json')

    assert json.loads(done.stdout)['job_id'] == copies[0]


@pytest.mark.parametrize('count', [1, 2])
def test_what_is_left_when_time_is_up_is_told(
    run: Run,
    slow_emulator: EmulatorServer,
    disks: dict[str, Path],
    tmp_path: Path,
    count: int,
) -> None:
    clouds = tmp_path / 'slow.yaml'
    clouds.write_text(yaml.safe_dump(slow_emulator.clouds()), 'utf-8')
    files = {'OS_CLIENT_CONFIG_FILE': str(clouds)}
    jobs = [
        run(
            *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
            *('--bucket', 'images', '-f', 'value', '-c', 'job_id', 'late'),
            **files,
        ).stdout.strip()
        for _ in range(count)
    ]

    done = run('ims', 'job', 'wait', *jobs, '--timeout', '0.1', **files)

    assert done.returncode == 1
    assert 'After 0.1 seconds' in done.stderr
    assert "'openstack ims job wait " in done.stderr
    assert (jobs[-1] in done.stdout) == (count > 1)
    assert 'Traceback' not in done.stderr


def test_a_format_of_one_job_is_refused_for_several(
    run: Run, copies: list[str]
) -> None:
    done = run('ims', 'job', 'wait', *copies, '-f', 'shell')

    assert done.returncode == 1
    assert '-f shell' in done.stderr


def test_columns_can_be_chosen(run: Run, copies: list[str]) -> None:
    done = run(
        *('ims', 'job', 'wait', *copies, '-f', 'value'),
        *('-c', 'Status', '-c', 'Job ID'),
    )

    assert done.stdout.splitlines() == [f'{each} SUCCESS' for each in copies]
