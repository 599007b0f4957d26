# SPDX-License-Identifier: Apache-2.0
"""Events of a run: complete, in order, without secrets."""

import io
import json
import logging
import os
from pathlib import Path
import sys
import threading
from typing import Any

import jsonschema
import pytest

from ims_ext.pipeline import events

ITEM = {
    'id': 'make:a@1:de',
    'action': 'make',
    'image': 'a',
    'version': '1',
    'target': 'de',
}
STEP = {'id': ITEM['id'], 'step': 'upload'}
EXAMPLES: list[tuple[str, dict[str, Any]]] = [
    (
        'run.started',
        {
            'pipeline': 'p',
            'manifest': 'p.yaml',
            'version': '1',
            'actions': [ITEM],
            'targets': ['de'],
        },
    ),
    ('item.started', ITEM),
    ('step.started', STEP),
    ('progress', {**STEP, 'done': 1, 'total': 2}),
    ('progress', {**STEP, 'done': 1, 'total': None}),
    ('step.done', {**STEP, 'seconds': 0.2, 'bytes': 5}),
    ('job.started', {'id': ITEM['id'], 'job_id': 'j', 'image_id': None}),
    (
        'job.ended',
        {'id': ITEM['id'], 'job_id': 'j', 'status': 'SUCCESS', 'code': None},
    ),
    ('item.done', {**ITEM, 'seconds': 1, 'image_id': 'i'}),
    ('item.skipped', {**ITEM, 'reason': 'make of a has failed'}),
    ('item.failed', {**ITEM, 'reason': 'no', 'code': 'IMG.1', 'left': None}),
    ('note', {'id': None, 'message': 'one is gone'}),
    (
        'run.ended',
        {'exit': 0, 'done': 1, 'failed': 0, 'skipped': 0, 'seconds': 2.5},
    ),
]


@pytest.mark.parametrize(('kind', 'fields'), EXAMPLES)
def test_events_are_as_the_schema_says(
    kind: str, fields: dict[str, Any]
) -> None:
    found: list[events.Event] = []

    events.Events('r', [found.append])(kind, **fields)

    jsonschema.Draft202012Validator.check_schema(events.schema())
    jsonschema.Draft202012Validator(events.schema()).validate(found[0])
    assert list(found[0])[:4] == ['v', 'time', 'run', 'kind']
    assert fields.items() <= found[0].items()


@pytest.mark.parametrize(('kind', 'fields'), EXAMPLES)
def test_the_schema_finds_what_is_missing(
    kind: str, fields: dict[str, Any]
) -> None:
    event = {'v': 1, 'time': '2026-11-26T08:00:00.000Z', 'run': 'r'}

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(
            {**event, 'kind': kind, **dict(list(fields.items())[1:])},
            events.schema(),
        )


def test_lines_that_are_written_are_read_again(tmp_path: Path) -> None:
    file = tmp_path / 'events.jsonl'
    found: list[events.Event] = []
    with events.JsonLines(file) as lines:
        tell = events.Events('r', [found.append, lines])
        for kind, fields in EXAMPLES:
            tell(kind, **fields)
        tell('note', id=None, message='a\nb \u2028 ü')

    assert list(events.read(file)) == found
    assert len(file.read_text('utf-8').splitlines()) == len(found)
    if os.name == 'posix':
        assert file.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / 'events.jsonl'
    with events.JsonLines(file) as lines:
        tell = events.Events('r', [lines])
        tell('note', id=None, message='first')
        tell('note', id=None, message='second')
    file.write_bytes(file.read_bytes()[:-5])

    assert [each['message'] for each in events.read(file)] == ['first']


@pytest.mark.parametrize('line', ['{', '[]', '{"v": 2}', '{"v": 1}', 'null'])
def test_a_file_of_something_else_is_refused(
    tmp_path: Path, line: str
) -> None:
    file = tmp_path / 'events.jsonl'
    file.write_text(f'{line}\n')

    with pytest.raises(ValueError, match='jsonl:1 is no event'):
        list(events.read(file))


def test_a_dash_is_standard_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, 'stdout', stream := io.StringIO())
    with events.JsonLines('-') as lines:
        events.Events('r', [lines])('note', id=None, message='x')

    assert json.loads(stream.getvalue())['message'] == 'x'
    assert not stream.closed


def test_secrets_are_in_no_event() -> None:
    found: list[Any] = []
    shown: list[Any] = []
    tell = events.Events(
        'r',
        [found.append],
        [lambda kind, /, **fields: shown.append((kind, fields))],
        known=['planted-1'],
    )
    tell.hide(['planted-2'])

    tell('note', id=None, message='planted-1 https://a:planted-3@b/')
    tell(
        'item.failed', **ITEM, reason='planted-2', left={'token': 'planted-3'}
    )

    assert 'planted' not in json.dumps([found, shown])


def test_progress_is_told_once_a_second_and_at_its_end() -> None:
    found: list[events.Event] = []
    tell = events.Events('r', [found.append])

    for done in range(101):
        tell('progress', **STEP, done=done, total=100)
    tell('progress', id='another', step='upload', done=5, total=100)

    told = [(each['id'], each['done']) for each in found]
    assert told == [(ITEM['id'], 0), (ITEM['id'], 100), ('another', 5)]


def test_a_sink_that_fails_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found: list[events.Event] = []

    def full(event: events.Event) -> None:
        raise OSError(28, 'No space left on device')

    def broken(kind: str, /, **fields: Any) -> None:
        raise ValueError('closed')

    tell = events.Events('r', [full, found.append], [broken])
    with caplog.at_level(logging.WARNING):
        tell('note', id=None, message='1')
        tell('note', id=None, message='2')

    assert [each['message'] for each in found] == ['1', '2']
    assert len(caplog.records) == 2
    assert 'No space left' in caplog.text


def test_events_of_many_threads_are_whole(tmp_path: Path) -> None:
    file = tmp_path / 'events.jsonl'
    with events.JsonLines(file) as lines:
        tell = events.Events('r', [lines])

        def talk(number: int) -> None:
            for _ in range(50):
                tell('note', id=str(number), message='x' * 5000)

        threads = [
            threading.Thread(target=talk, args=(each,)) for each in range(8)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

    found = list(events.read(file))
    assert len(found) == 400
    assert [each['time'] for each in found] == sorted(
        each['time'] for each in found
    )


def test_runs_have_ids_of_their_own() -> None:
    assert len({events.new_run() for _ in range(50)}) == 50
