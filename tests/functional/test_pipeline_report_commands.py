# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline show``, ``run list``, ``report`` and ``graph``."""

import json
from pathlib import Path

import pytest

from ims_ext.emulator.work.empty_disk import write_empty_disk
from ims_ext.pipeline import events
from ims_ext.pipeline import home
from ims_ext.pipeline import journal

from ..pipeline_events import failed
from ..pipeline_events import run as whole_run
from ..pipeline_events import steps
from .openstack_command import Run

EVENTS = whole_run(
    steps(1, 'debian', 'de'), failed(2, 'golden', 'nl', "no \x1b[31mroom")
)
PLAN = {
    'format': 'ims-ext/plan/v1',
    'pipeline': 'platform',
    'at': '2026-11-26T08:00:00+00:00',
    'actions': [
        {
            'action': 'make',
            'image': 'debian',
            'version': '1',
            'target': target,
            'reason': 'new',
            'image_id': None,
            'after': after,
            'details': {},
        }
        for target, after in (
            ('de', []),
            ('nl', [{'image': 'debian', 'version': '1', 'target': 'de'}]),
        )
    ],
}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give a state folder with the journal of a run."""
    folder = tmp_path / 'state'
    monkeypatch.setenv('XDG_STATE_HOME', str(folder))
    path = home.file_for(Path('platform.yaml'), '.sqlite')
    with journal.Journal(path, 'r1') as kept:
        for each in EVENTS:
            kept(each)
    return str(folder)


def test_runs_are_listed(run: Run, state: str) -> None:
    done = run(
        'ims', 'pipeline', 'run', 'list', '-f', 'json', XDG_STATE_HOME=state
    )

    assert json.loads(done.stdout) == [
        {
            'Run': 'r1',
            'Pipeline': 'platform',
            'Began': EVENTS[0]['time'],
            'Ended': EVENTS[-1]['time'],
            'Exit': 3,
            'Done': 1,
            'Failed': 1,
            'Skipped': 0,
            'Manifest': 'platform.yaml',
        }
    ]


def test_the_newest_run_is_shown(run: Run, state: str) -> None:
    done = run('ims', 'pipeline', 'show', '-f', 'json', XDG_STATE_HOME=state)

    shown = json.loads(done.stdout)
    assert [(each['Image'], each['State']) for each in shown] == [
        ('debian', 'done'),
        ('golden', 'failed'),
    ]
    assert shown[0]['Seconds'] == 10
    assert '\x1b' not in done.stdout
    assert 'an object in img-de' in shown[1]['Reason']
    assert 'some items failed (1 done, 1 failed)' in done.stderr


def test_steps_are_shown(run: Run, state: str) -> None:
    done = run(
        'ims',
        'pipeline',
        'show',
        'r1',
        '--steps',
        '-f',
        'json',
        XDG_STATE_HOME=state,
    )

    assert [
        (each['Step'], each['Began'], each['Seconds'], each['Job ID'])
        for each in json.loads(done.stdout)
        if each['Image'] == 'debian'
    ] == [
        ('fetch', 1, 2, None),
        ('upload', 3, 3, None),
        ('job', 6, 4, 'job-debian'),
    ]


def test_a_run_is_reported_to_files(
    run: Run, state: str, tmp_path: Path
) -> None:
    done = run(
        *['ims', 'pipeline', 'report', 'r1', '--html', 'a.html'],
        *['--metrics-textfile', 'a.prom'],
        XDG_STATE_HOME=state,
    )

    assert done.returncode == 0, done.stderr
    assert 'Pipeline platform' in (tmp_path / 'a.html').read_text('utf-8')
    assert 'ims_pipeline_run_success' in (tmp_path / 'a.prom').read_text()


def test_a_file_of_events_is_reported_on_any_machine(
    run: Run, tmp_path: Path
) -> None:
    with events.JsonLines(tmp_path / 'run.jsonl') as lines:
        for each in EVENTS:
            lines(each)

    done = run('ims', 'pipeline', 'show', '--from', 'run.jsonl', '-f', 'value')

    assert done.returncode == 0, done.stderr
    assert 'debian' in done.stdout


@pytest.mark.parametrize(
    ('command', 'said'),
    [
        ('show nothing', 'no journal of run nothing'),
        ('report', 'say what to write'),
        ('report --html no/where.html', 'No such file'),
        ('report --what', 'unrecognized arguments'),
        ('show --from missing.jsonl', 'No such file'),
        ('graph missing.yaml', 'No such file'),
        ('graph -f svg x', 'invalid choice'),
    ],
)
def test_wrong_usage_ends_with_1(
    run: Run, state: str, command: str, said: str
) -> None:
    done = run('ims', 'pipeline', *command.split(), XDG_STATE_HOME=state)

    assert done.returncode == 1
    assert said in done.stderr
    assert 'Traceback' not in done.stderr


def test_a_saved_plan_has_a_graph(run: Run, tmp_path: Path) -> None:
    (tmp_path / 'plan.json').write_text(json.dumps(PLAN))

    dot = run('ims', 'pipeline', 'graph', 'plan.json')
    mermaid = run('ims', 'pipeline', 'graph', 'plan.json', '-f', 'mermaid')

    assert dot.stdout.startswith('digraph "platform"')
    assert dot.stdout.count(' -> ') == 1
    assert mermaid.stdout.count(' --> ') == 1


@pytest.mark.parametrize('text', ['{}', '[]', '{"format": "x"}', '1'])
def test_another_file_has_none(run: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / 'plan.json').write_text(text)

    done = run('ims', 'pipeline', 'graph', 'plan.json')

    assert done.returncode == 1
    assert 'is no plan' in done.stderr


MANIFEST = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: graphed
targets:
  here: {cloud: alice, bucket: images}
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {file: disk.qcow2}}
"""


def test_a_manifest_is_planned_for_its_graph(run: Run, tmp_path: Path) -> None:
    write_empty_disk(tmp_path / 'disk.qcow2')
    (tmp_path / 'm.yaml').write_text(MANIFEST)

    done = run('ims', 'pipeline', 'graph', 'm.yaml')

    assert done.returncode == 0, done.stderr
    assert 'label="here"' in done.stdout
    assert 'label="make app@1"' in done.stdout


def test_a_variable_is_given_to_a_graph(run: Run, tmp_path: Path) -> None:
    write_empty_disk(tmp_path / 'disk.qcow2')
    text = MANIFEST.replace('Ubuntu 18.04', '${OS}')
    (tmp_path / 'm.yaml').write_text(text + 'variables: {OS: any}\n')

    done = run('ims', 'pipeline', 'graph', 'm.yaml', '--var', 'OS=CentOS 7.6')

    assert done.returncode == 0, done.stderr
    assert 'label="make app@1"' in done.stdout


def test_an_apply_writes_its_figures(run: Run, tmp_path: Path) -> None:
    write_empty_disk(tmp_path / 'disk.qcow2')
    text = MANIFEST.replace('graphed', 'applied').replace('app:', 'web:')
    (tmp_path / 'm.yaml').write_text(text)

    done = run(
        *('ims', 'pipeline', 'apply', 'm.yaml'),
        *('--metrics-textfile', 'run.prom'),
        XDG_STATE_HOME=str(tmp_path / 'state'),
    )

    assert done.returncode == 0, done.stderr
    figures = (tmp_path / 'run.prom').read_text('utf-8')
    assert 'ims_pipeline_run_success{pipeline="applied"} 1' in figures
