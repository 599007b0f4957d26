# SPDX-License-Identifier: Apache-2.0
"""Saved plans: carried out as they were read, or refused with what differs."""

from collections.abc import Callable, Iterator
import json
from pathlib import Path
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline import Manifest
from ims_ext.pipeline.run import Run

from .pipeline_process import Command
from .pipelines import Deployment

BODY = """\
defaults: {os_version: Ubuntu 18.04 server 64bit, targets: [de]}
images:
  app:
    retention: {keep: 1}
    versions: {"1": {source: {file: disk.qcow2}}}
  app0:
    min_ram: 1024
    versions: {"1": {source: {file: disk.qcow2}}}
"""
NEWER = BODY.replace(
    '"1": {source: {file: disk.qcow2}}}\n  app0',
    '"1": {source: {file: disk.qcow2}}, "2": {source: {file: disk.qcow2}}}\n'
    '  app0',
)


class Site(Deployment):
    """A manifest that has been applied once, and a plan for a new version."""

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        super().__init__(server, folder)
        self.command = Command(folder, self.environment)
        self.saved = folder / 'plan.json'
        self.write(BODY)
        assert self.run('apply').code == 0
        self.write(NEWER)
        assert self.run('plan', '-o', str(self.saved)).code == 0

    def run(self, *words: str) -> Any:
        """Run a command for the manifest."""
        return self.command.run(words[0], str(self.manifest), *words[1:])

    def planned(self) -> list[str]:
        """Return the IDs of the changes that the saved plan has."""
        plan = json.loads(self.saved.read_text())
        return [
            each['id'] for each in plan['actions'] if each['action'] != 'keep'
        ]

    def change(self, name: str, **attributes: Any) -> None:
        """Change an image by another hand than the pipeline's."""
        with self.connect('alice', region_name='eu-de') as conn:
            image = conn.ims.find_cloud_image(name, ignore_missing=False)
            conn.ims.update_cloud_image(image, **attributes)

    def delete(self, name: str) -> None:
        """Delete an image by another hand."""
        with self.connect('alice', region_name='eu-de') as conn:
            conn.ims.delete_image(conn.ims.find_cloud_image(name))

    def changes(self) -> list[str]:
        """Return the requests that have changed images or buckets."""
        return [
            f'{each.method} {each.path}'
            for each in self.server.requests
            if each.method not in ('GET', 'HEAD')
            and each.service != 'identity'
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a manifest with a saved plan, and an emulator."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server:
        yield Site(server, tmp_path)


@pytest.mark.parametrize(
    ('harm', 'told'),
    [
        (
            lambda site: site.change('app0-1', min_ram=2048),
            'change:app0@1:de was not planned: min_ram 2048 -> 1024',
        ),
        (
            lambda site: site.delete('app-1'),
            'delete:app@1:de was planned, and is not to be done',
        ),
        (
            lambda site: site.delete('app0-1'),
            'make:app0@1:de was not planned',
        ),
    ],
)
def test_a_plan_is_refused_once_somebody_has_changed_the_cloud(
    site: Site, harm: Callable[[Site], None], told: str
) -> None:
    harm(site)
    site.server.requests.clear()

    done = site.run('apply', '--plan', str(site.saved))

    assert done.code == 4, done
    assert told in done.complained
    assert site.changes() == []


def test_a_plan_is_refused_where_a_target_is_not_seen_any_more(
    site: Site,
) -> None:
    site.server.requests.clear()
    fault = 'status=403,on=image,method=GET,path=/v2/cloudimages'
    with site.server.faults.active(fault):
        done = site.run('apply', '--plan', str(site.saved))

    assert done.code == 4, done
    assert 'de was seen, and could not be seen now' in done.complained
    assert site.changes() == []


def test_a_plan_that_holds_is_carried_out_as_it_was_saved(site: Site) -> None:
    events = site.folder / 'events'

    done = site.run(
        'apply', '--plan', str(site.saved), '--events', str(events)
    )

    assert done.code == 0, done
    told = [json.loads(each) for each in events.read_text().splitlines()]
    ended = [each['id'] for each in told if each['kind'] == 'item.done']
    assert sorted(ended) == sorted(site.planned())
    assert sorted(site.made()) == [
        ('eu-de', 'app-1'),
        ('eu-de', 'app-2'),
        ('eu-de', 'app0-1'),
    ]
    assert 'app-1' not in site.images('eu-de')
    plan = site.run('plan', '--detailed-exitcode')
    assert plan.code == 0, plan


def test_what_comes_up_meanwhile_is_told_and_left(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(site.folder / 'state'))
    notes: list[str] = []

    def tell(kind: str, /, **fields: Any) -> None:
        if kind == 'run.started':
            site.delete('app0-1')
        elif kind == 'note':
            notes.append(fields['message'])

    manifest = Manifest.load(site.manifest, {})
    with Run(manifest, connect=site.connect, tell=tell) as run:
        outcome = run.apply(site.saved)

    assert outcome.exit_code == 0
    assert sorted(each.id for each in outcome.done) == sorted(site.planned())
    assert site.made()['eu-de', 'app0-1'] == 1
    assert any('make of app0@1 de was not planned' in each for each in notes)
