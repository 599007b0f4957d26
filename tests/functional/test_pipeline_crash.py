# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline apply`` killed anywhere, and gone on with."""

from collections.abc import Iterator
import os
from pathlib import Path
import shutil

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import ObjectStore

from .pipeline_process import Command
from .pipelines import Deployment

#: Images, by the source that each is made from, at two targets each: one
#: that has a bucket, and one that gets copies, or uploads to the image
#: service itself.
BODY = """\
  up: {cloud: alice, region: eu-nl}
defaults:
  retention: {keep: 1, never: [in_use]}
  channels: {dev: {version: newest, share: [beta]}}
images:
""" + ''.join(
    f'  app{number}:\n'
    '    os_version: Ubuntu 18.04 server 64bit\n'
    f'    targets: {targets}\n'
    f'    versions: {{"VERSION": {{source: {{{source}}}}}}}\n'
    for number, (targets, source) in enumerate(
        [
            ('[de, nl]', 'file: disk.qcow2'),
            ('[de, nl]', 'file: large.qcow2'),
            ('[de, nl]', 'file: disk.qcow2'),
            ('[de, nl]', 'object: "images:disk.qcow2"'),
            ('[de, nl]', 'object: "images:disk.qcow2"'),
            ('[de, nl]', 'file: disk.qcow2'),
            ('[de, up]', 'file: disk.qcow2'),
            ('[de, up]', 'file: disk.qcow2'),
        ]
    )
)
COUNT = 16
#: Imports from the bucket, of these.
IMPORTS = 8

#: Moments at which it is killed: a sample, unless more are asked for.
POINTS = int(os.environ.get('IMS_EXT_TEST_POINTS', '8'))


class Releases(Deployment):
    """A manifest whose images get a new version again and again.

    :ivar version: The newest.
    """

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        super().__init__(server, folder)
        self.command = Command(folder, self.environment)
        self.version = 0
        large = folder / 'large.qcow2'
        large.write_bytes((folder / 'disk.qcow2').read_bytes())
        with large.open('ab') as file:
            file.truncate(17 * 1024**2)
        with self.connect('alice', region_name='eu-de') as conn:
            disk = folder / 'disk.qcow2'
            ObjectStore(conn).upload(disk, 'images', 'disk.qcow2')

    def release(self) -> None:
        """Have a new version of each image in the manifest."""
        self.version += 1
        self.write(BODY.replace('VERSION', str(self.version)))
        text = self.manifest.read_text()
        for target, imports in ('de', IMPORTS), ('nl', 5), ('up', 5):
            # The emulator is this test's alone.
            limits = f'requests_per_second: 1000, imports: {imports}'
            text = text.replace(
                f'{target}: {{', f'{target}: {{limits: {{{limits}}}, '
            )
        self.manifest.write_text(text)

    def held(self) -> list[str]:
        """Return the jobs that wait to be released."""
        jobs = self.server.jobs.select('imsImportImageJob')
        return [each.id for each in jobs if each.is_held]

    def looks(self, what: str) -> int:
        """Return how many requests have had something in their path."""
        return sum(what in each.path for each in self.server.requests)

    def check(self) -> None:
        """Make sure that all is there once, and nothing beside."""
        ending = f'-{self.version}'
        made = {
            key: count
            for key, count in self.made().items()
            if key[1].endswith(ending)
        }
        assert set(made.values()) == {1}, made
        assert len(made) == COUNT
        for region in ('eu-de', 'eu-nl'):
            images = self.images(region)
            assert {name[4:] for name in images} == {ending}, images
        assert self.temporary_files() == []
        assert self.clear_bucket() == []


@pytest.fixture(scope='module')
def releases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Releases]:
    """Give a manifest of eight images, released once."""
    with EmulatorServer(
        regions=['eu-de', 'eu-nl'],
        job_seconds=0.2,
        delays={
            'create': 0.1,
            'delete': 0.1,
            'job': 0.05,
            'share': 0.1,
            'tags': 0.2,
            'upload': 0.1,
        },
    ) as server:
        folder = tmp_path_factory.mktemp('releases')
        made = Releases(server, folder)
        made.release()
        ended = made.command.run('apply', str(made.manifest))
        assert ended.code == 0, ended
        made.check()
        yield made


def test_an_apply_that_is_killed_anywhere_is_gone_on_with(
    releases: Releases,
) -> None:
    manifest = str(releases.manifest)
    releases.release()
    whole = releases.command.run('apply', manifest)
    assert whole.code == 0, whole
    print(whole.said, whole.complained)
    releases.check()
    assert whole.moments > 200

    for number in range(POINTS):
        releases.release()
        last = 1 + whole.moments * (2 * number + 1) // (2 * POINTS)
        killed = releases.command.run('apply', manifest, last=last)
        again = releases.command.run('apply', manifest)
        at = f'killed at {last} of {whole.moments}: {killed.code}'
        assert again.code == 0, (at, again)
        plan = releases.command.run('plan', manifest, '--detailed-exitcode')
        assert plan.code == 0, (at, plan)
        try:
            releases.check()
        except AssertionError as error:
            error.add_note(f'{at}\n{again}')
            raise


@pytest.mark.parametrize('is_kept', [True, False])
def test_jobs_that_outlive_their_run_are_waited_for(
    releases: Releases, is_kept: bool
) -> None:
    releases.release()
    manifest = str(releases.manifest)
    server = releases.server
    server.jobs.hold('imsImportImageJob')
    try:
        first = releases.command.start('apply', manifest)
        assert server.requests.wait(lambda: len(releases.held()) == IMPORTS)
        first.process.kill()
        first.end()
        if not is_kept:
            shutil.rmtree(releases.folder / 'state')
        server.requests.clear()
        again = releases.command.start('apply', manifest)
        for job_id in releases.held() if is_kept else ():
            path = f'/jobs/{job_id}'
            assert server.requests.wait(
                lambda path=path: releases.looks(path) > 0  # type: ignore
            )
        assert server.requests.wait(lambda: releases.looks('limit') > 9)
    finally:
        server.jobs.release()

    assert again.end().code == 0
    if not is_kept:
        # Whose they are was known to what is gone.
        assert releases.clear_bucket()
    releases.check()
