# SPDX-License-Identifier: Apache-2.0
"""What is told of a run is what has happened, and holds no secret."""

from collections.abc import Iterator
import contextlib
import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.exceptions import secret_text
from ims_ext.pipeline import Manifest
from ims_ext.pipeline import applying
from ims_ext.pipeline import clouds as _clouds
from ims_ext.pipeline import events
from ims_ext.pipeline import home
from ims_ext.pipeline import journal
from ims_ext.pipeline import lock
from ims_ext.pipeline import report
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.report import archive
from ims_ext.pipeline.report import metrics
from ims_ext.pipeline.report import page
from ims_ext.pipeline.report.facts import State

from .pipelines import HEAD
from .pipelines import Disk
from .pipelines import Files
from .pipelines import Fleet

BODY = """\
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    min_disk: 10
    versions:
      "1": {source: {file: disk.qcow2}}
  bad:
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {file: disk.qcow2}}
"""
PLANTED = 'pl4nted-Sesame-0pen'
WORDS = (
    f"GET https://ann:{PLANTED}@mirror.example/a.img?X-Amz-Signature={PLANTED}"
    f"&x-obs-security-token={PLANTED}: 403\n"
    f"Authorization: SDK-HMAC-SHA256 Access=a, Signature={PLANTED}\n"
    f'{{"auth": {{"password": "{PLANTED}", "sk": "{PLANTED}"}}}}'
)


class LeakyFiles(Files):
    """Disk images of which one cannot be had; it tells more than it may."""

    def disk(self, image: model.Image, version: model.Version) -> Disk:
        """Return the version's file."""
        if image.name == 'bad':
            raise RuntimeError(WORDS)
        return super().disk(image, version)


@dataclasses.dataclass
class Watched:
    """A run that has ended, and all that was told of it."""

    outcome: applying.Outcome
    events: list[events.Event]
    folder: Path
    secrets: list[str]
    log: str


@pytest.fixture(scope='module')
def watched(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Watched]:
    """Give a run in which an item fails in both targets."""
    folder = tmp_path_factory.mktemp('watched')
    records: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(self.format(record))

    handler = Handler()
    root = logging.getLogger()
    level = root.level
    with (
        pytest.MonkeyPatch.context() as patch,
        EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server,
    ):
        patch.setenv('XDG_STATE_HOME', str(folder / 'state'))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield run(Fleet(server, folder), records)
        finally:
            root.setLevel(level)
            root.removeHandler(handler)


def run(fleet: Fleet, records: list[str]) -> Watched:
    """Apply the manifest, with all that is kept of it."""
    manifest = Manifest.loads(HEAD + BODY, fleet.folder / 'm.yaml', {})
    settings = fleet.server.clouds()
    secrets = list(secret_text.secrets_in(settings))
    found: list[events.Event] = []
    with contextlib.ExitStack() as stack:
        held = stack.enter_context(
            lock.RunLock(home.file_for(manifest.path, '.lock'), 'r1')
        )
        kept = stack.enter_context(
            journal.Journal(home.file_for(manifest.path, '.sqlite'), 'r1')
        )
        lines = stack.enter_context(
            events.JsonLines(fleet.folder / 'events.jsonl')
        )
        connections = []

        def connect(name: str, **options: Any) -> Any:
            connections.append(fleet.connect(name, **options))
            return connections[-1]

        clouds = _clouds.Clouds(manifest, connect)
        stack.callback(clouds.close)
        tell = events.Events('r1', [found.append, kept, lines], known=secrets)
        tell(
            'run.started',
            pipeline=manifest.name,
            manifest=str(manifest.path),
            version='1',
            actions=[],
            targets=list(manifest.targets),
        )
        tell('note', id=None, message=f"the cloud's entry is {settings}")
        outcome = applying.Application(
            manifest, clouds, LeakyFiles(), None, tell, kept, held.check
        ).run()
        assert clouds.secrets() <= set(secrets)
        assert clouds.secrets()
        tell(
            'run.ended',
            exit=outcome.exit_code,
            done=len(outcome.done),
            failed=len(outcome.failed),
            skipped=len(outcome.skipped),
            seconds=1,
        )
        assert kept.intents() == []
        secrets += [str(each.auth_token) for each in connections]
    return Watched(
        outcome, found, fleet.folder, [*secrets, PLANTED], '\n'.join(records)
    )


def test_events_are_as_the_schema_says(watched: Watched) -> None:
    validator = jsonschema.Draft202012Validator(events.schema())

    for each in watched.events:
        validator.validate(each)
    assert len(watched.events) > 10


def test_the_report_is_what_has_become_of_it(watched: Watched) -> None:
    found = report.gather(watched.events)

    outcome = watched.outcome
    assert outcome.exit_code == 3
    assert found.count(State.DONE) == len(outcome.done) > 0
    assert found.count(State.FAILED) == len(outcome.failed) > 0
    assert found.count(State.SKIPPED) == len(outcome.skipped)
    assert found.count(State.UNFINISHED) == 0
    assert {each.id for each in found.items if each.state is State.DONE} == {
        each.id for each in outcome.done
    }
    made = next(each for each in found.items if each.image_id)
    assert any(each.job_id for each in made.steps)
    assert {each.name for each in made.steps} >= {'fetch', 'job'}


def test_journal_and_lines_have_the_same_events(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(watched.folder / 'state'))
    lines = list(events.read(watched.folder / 'events.jsonl'))

    assert lines == watched.events
    assert archive.report('r1') == report.gather(lines)
    assert [each.exit for each in archive.runs()] == [3]


def test_secrets_are_in_nothing_that_is_kept_or_shown(
    watched: Watched,
) -> None:
    found = report.gather(watched.events)
    page.write(found, watched.folder / 'report.html')
    metrics.write(found, watched.folder / 'ims.prom')

    places = {
        'events': json.dumps(watched.events),
        'log': watched.log,
    }
    for path in watched.folder.rglob('*'):
        if path.is_file() and path.suffix != '.qcow2':
            places[path.name] = path.read_bytes().decode('latin-1')
    assert {'events.jsonl', 'report.html', 'ims.prom'} <= places.keys()
    assert any('.sqlite' in each for each in places)
    assert len(set(watched.secrets)) > 4
    assert [
        (place, secret[:4])
        for place, text in places.items()
        for secret in set(watched.secrets)
        if secret in text
    ] == []
    assert 'mirror.example' in places['events']
    assert PLANTED not in str(watched.outcome.failed)
