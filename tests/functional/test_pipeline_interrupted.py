# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline`` while jobs fail or hang, tokens end, processes
stand still, regions are down, and others apply the same manifest.
"""

from collections.abc import Iterator
import os
from pathlib import Path
import signal
import socket

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .eventually import eventually
from .pipeline_process import Command
from .pipelines import Deployment

#: Images of the manifest, at one target unless said otherwise.
COUNT = 6

BODY = """\
defaults:
  os_version: Ubuntu 18.04 server 64bit
  targets: [de]
  attempts: 1
images:
""" + ''.join(
    f'  app{number}: {{versions: {{"1": {{source: {{file: disk.qcow2}}}}}}}}\n'
    for number in range(COUNT)
)
IMPORT = 'imsImportImageJob'


class Site(Deployment):
    """A manifest whose images are imported at a time, and the command."""

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        super().__init__(server, folder)
        self.write(BODY)
        text = self.manifest.read_text()
        limits = 'limits: {requests_per_second: 1000, imports: 10}'
        self.manifest.write_text(
            text.replace('bucket: images', f'bucket: images, {limits}')
        )
        self.command = Command(folder, self.environment)

    def begun(self) -> int:
        """Return how many imports have been begun."""
        return sum(
            each.method == 'POST' and each.path == '/v2/cloudimages/action'
            for each in self.server.requests
        )

    def there(self, region: str = 'eu-de') -> set[str]:
        """Return the names of the images that can be used."""
        return {
            name
            for name, image in self.images(region).items()
            if image.status == 'active'
        }

    def wait_for_jobs(self, count: int) -> list[str]:
        """Wait until so many imports are at work; return their jobs."""
        jobs = self.server.jobs
        assert self.server.requests.wait(
            lambda: len(jobs.select(IMPORT)) >= count, 60
        )
        return [each.id for each in jobs.select(IMPORT)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a manifest, and an emulator with two regions."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.2) as server:
        yield Site(server, tmp_path)


def test_two_machines_apply_at_once(site: Site) -> None:
    other = Command(
        site.folder,
        {**site.environment, 'XDG_STATE_HOME': str(site.folder / 'other')},
    )
    both = [
        each.start('apply', str(site.manifest))
        for each in (site.command, other)
    ]

    ended = [each.end() for each in both]

    assert [each.code for each in ended] == [0, 0], ended
    # Two requests may be on their way at the same moment: then one of the
    # two images has gone.
    plan = site.command.run('plan', str(site.manifest), '--detailed-exitcode')
    assert plan.code == 0, plan
    with site.connect('alice', region_name='eu-de') as conn:
        owner = conn.session.get_project_id()
        names = [each.name for each in conn.ims.cloud_images(owner=owner)]
    assert sorted(names) == sorted(set(names))


def test_jobs_that_fail_are_named_and_these_alone_made_again(
    site: Site,
) -> None:
    server = site.server
    server.jobs.hold(IMPORT)
    process = site.command.start('apply', str(site.manifest))
    jobs = site.wait_for_jobs(COUNT)
    failing = jobs[:3]
    for each in failing:
        server.jobs.fail(each, 'IMG.0120')
    server.jobs.release()

    done = process.end()

    assert done.code == 3, done
    there = site.there()
    lacking = {f'app{number}-1' for number in range(COUNT)} - there
    assert len(lacking) == 3
    for name in lacking:
        assert f'make {name.replace("-", "@")} de failed' in done.complained
    server.requests.clear()
    again = site.command.run('apply', str(site.manifest))
    assert again.code == 0, again
    assert site.begun() == 3
    # What has failed was begun twice.
    assert {name for (_, name), n in site.made().items() if n > 1} == lacking
    assert set(site.there()) == {f'app{n}-1' for n in range(COUNT)}
    assert site.clear_bucket() == []


def test_a_job_that_hangs_is_left_and_looked_at_again(site: Site) -> None:
    server = site.server
    server.jobs.hold(IMPORT)
    process = site.command.start('apply', str(site.manifest), '--timeout', '6')
    hanging, *others = site.wait_for_jobs(COUNT)
    for each in others:
        server.jobs.finish(each)

    done = process.end()

    assert done.code == 3, done
    assert hanging in done.complained
    assert len(site.there()) == COUNT - 1
    server.requests.clear()
    process = site.command.start('apply', str(site.manifest))
    assert server.requests.wait(
        lambda: any(hanging in each.path for each in server.requests), 60
    )
    server.jobs.release()
    again = process.end()
    assert again.code == 0, again
    assert site.begun() == 0
    assert set(site.made().values()) == {1}


def test_a_project_that_may_have_few_imports_at_a_time(site: Site) -> None:
    with site.server.faults.active('imports=2'):
        done = site.command.run('apply', str(site.manifest))

    assert done.code == 0, done
    assert site.there() == {f'app{n}-1' for n in range(COUNT)}
    assert set(site.made().values()) == {1}


def test_tokens_that_last_a_minute(site: Site) -> None:
    server = site.server
    server.faults.set(['token-seconds=60'])
    server.jobs.hold(IMPORT)
    process = site.command.start('apply', str(site.manifest))
    site.wait_for_jobs(COUNT)
    for _ in range(5):
        server.clock.advance(70)
        count = len(server.requests)
        assert server.requests.wait(
            lambda count=count: len(server.requests) > count + 6, 60
        )
    server.jobs.release()

    done = process.end()

    assert done.code == 0, done
    assert set(site.made().values()) == {1}
    assert site.begun() == COUNT


def test_a_process_that_stands_still_for_five_minutes(site: Site) -> None:
    server = site.server
    process = site.command.start('apply', str(site.manifest))
    site.wait_for_jobs(1)
    os.kill(process.pid, signal.SIGSTOP)
    server.clock.advance(300)
    # What has begun ends meanwhile.
    eventually(
        lambda: all(
            each.status == 'SUCCESS' for each in server.jobs.select(IMPORT)
        )
    )
    os.kill(process.pid, signal.SIGCONT)

    done = process.end()

    assert done.code == 0, done
    assert set(site.made().values()) == {1}
    assert len(site.made()) == COUNT


def refusing_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(('127.0.0.1', 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@pytest.mark.parametrize('what', ['image', 'identity'])
def test_a_region_that_is_down(site: Site, what: str) -> None:
    clouds = yaml.safe_load((site.folder / 'clouds.yaml').read_text())
    nowhere = f'http://127.0.0.1:{refusing_port()}'
    entry = yaml.safe_load(yaml.safe_dump(clouds['clouds']['alice']))
    if what == 'image':
        entry['image_endpoint_override'] = f'{nowhere}/image'
        entry['ims_endpoint_override'] = f'{nowhere}/image'
    else:
        entry['auth']['auth_url'] = f'{nowhere}/v3'
    clouds['clouds']['down'] = entry
    (site.folder / 'clouds.yaml').write_text(yaml.safe_dump(clouds))
    text = site.manifest.read_text()
    site.manifest.write_text(
        text.replace(
            'nl: {cloud: alice, region: eu-nl,', 'nl: {cloud: down,'
        ).replace('targets: [de]', 'targets: [de, nl]')
    )

    done = site.command.run('apply', str(site.manifest))

    assert done.code == 3, done
    assert site.there() == {f'app{n}-1' for n in range(COUNT)}
    assert {region for region, _ in site.made()} == {'eu-de'}
    shown = [each for each in done.said.splitlines() if 'nl' in each]
    assert any('refused' in each for each in shown), done
    assert 'Traceback' not in done.complained + done.said


@pytest.mark.parametrize(
    ('fault', 'code', 'told'),
    [
        (
            'body=truncated,on=image,query=*owner={project}*',
            3,
            'cannot be read',
        ),
        (
            'status=403,on=compute,path=*/{project}/servers*',
            0,
            'servers could not be seen',
        ),
    ],
)
def test_a_target_that_cannot_be_seen_whole(
    site: Site, fault: str, code: int, told: str
) -> None:
    text = site.manifest.read_text().replace('[de]', '[de, nl]')
    text = text.replace('attempts: 1', 'retention: {keep: 1}')
    site.manifest.write_text(text)
    assert site.command.run('apply', str(site.manifest)).code == 0
    there = site.there('eu-nl')
    site.manifest.write_text(
        text.replace('app5: {versions: {"1":', 'app5: {versions: {"2":')
    )
    project = site.server.project_id('alice', 'eu-nl')

    with site.server.faults.active(fault.format(project=project)):
        plan = site.command.run('plan', str(site.manifest))
        done = site.command.run('apply', str(site.manifest))

    assert done.code == code, done
    said = [each for each in plan.said.splitlines() if told in each]
    assert len(said) == 1, plan
    assert ' nl ' in said[0]
    assert 'app5-2' in site.there()
    assert 'app5-1' not in site.there()
    assert there <= site.there('eu-nl')
    assert 'Traceback' not in done.complained
    assert site.command.run('apply', str(site.manifest)).code == 0
    assert site.there() == site.there('eu-nl')
    assert all(count == 1 for count in site.made().values())


@pytest.mark.parametrize(
    ('change', 'told'),
    [
        ('description', 'description'),
        ('delete', 'was not planned'),
        ('name', 'app0'),
    ],
)
def test_a_saved_plan_after_somebody_has_changed_the_cloud(
    site: Site, change: str, told: str
) -> None:
    manifest, saved = str(site.manifest), str(site.folder / 'plan.json')
    assert site.command.run('apply', manifest).code == 0
    text = site.manifest.read_text()
    # Another version of one, which is what is planned.
    site.manifest.write_text(
        text.replace(
            'app5: {versions: {"1":', 'app5: {versions: {"2":', 1
        ).replace('  attempts: 1', '  attempts: 1\n  description: Ours')
    )
    assert site.command.run('apply', manifest).code == 0
    with site.manifest.open('a') as file:
        file.write('  app9: {versions: {"1": {source: {file: disk.qcow2}}}}\n')
    assert site.command.run('plan', manifest, '-o', saved).code == 0
    with site.connect('alice', region_name='eu-de') as conn:
        image = conn.ims.find_cloud_image('app0-1')
        if change == 'delete':
            conn.ims.delete_image(image)
        elif change == 'name':
            conn.ims.update_cloud_image(image, name='other')
        else:
            conn.ims.update_cloud_image(image, description='Theirs')
    made = site.made()

    stale = site.command.run('apply', manifest, '--plan', saved)

    assert stale.code == 4, stale
    assert 'app0' in stale.complained
    assert told in stale.complained
    assert site.made() == made
    assert site.command.run('plan', manifest, '-o', saved).code == 0
    done = site.command.run('apply', manifest, '--plan', saved)
    assert done.code == 0, done
    assert 'app9-1' in site.images('eu-de')
