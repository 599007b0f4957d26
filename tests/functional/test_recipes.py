# SPDX-License-Identifier: Apache-2.0
"""The documentation's recipes, run as the programs that they are."""

from collections.abc import Iterator
import os
from pathlib import Path
import subprocess
import sys
from typing import Any
import urllib.error
import urllib.request

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .eventually import eventually
from .openstack_command import PATIENCE
from .openstack_command import environment_for
from .own_cloud import Cloud
from .plain_http import Client
from .tenants import add_tenant

RECIPES = Path(__file__).parents[2] / 'doc/source/user/recipes'
UBUNTU = 'Ubuntu 18.04 server 64bit'


class Workplace:
    """A project of its own, where recipes are run.

    :ivar cloud: The project.
    :ivar consumer: The name of a user in another project.
    :ivar bucket: The name of a bucket of the project.
    :ivar s3: The project's buckets.
    :ivar build: A disk image that somebody has built.
    """

    def __init__(
        self, server: EmulatorServer, folder: Path, build: Path
    ) -> None:
        self.cloud = Cloud(server, add_tenant(server))
        self.consumer = add_tenant(server)
        self.bucket = f'bucket-{self.cloud.user}'
        self.build = build
        self.folder = folder
        self.s3 = Client(server, self.cloud.user).s3
        self.s3.create_bucket(Bucket=self.bucket)
        clouds = folder / 'clouds.yaml'
        clouds.write_text(yaml.safe_dump(server.clouds()), 'utf-8')
        programs = Path(sys.executable).parent
        self.environment = environment_for(clouds, self.cloud.user) | {
            'IMS_BUCKET': self.bucket,
            'IMS_OS_VERSION': UBUNTU,
            'PATH': f'{programs}{os.pathsep}{os.environ["PATH"]}',
        }

    def start(self, recipe: str, *words: object) -> subprocess.Popen[str]:
        """Start a recipe, or one of the lines that are shown with it."""
        with_what = 'bash' if recipe.endswith('.sh') else sys.executable
        return subprocess.Popen(
            [with_what, str(RECIPES / recipe), *map(str, words)],
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, recipe: str, *words: object, status: int = 0) -> str:
        """Run a recipe to its end; return what it has printed."""
        with self.start(recipe, *words) as process:
            try:
                out, err = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
        assert process.returncode == status, f'{out}\n{err}'
        return out if status == 0 else err

    def names(self) -> list[str]:
        """Return the names of the project's own images, newest first."""
        ims = self.cloud.conn.ims
        images = list(ims.cloud_images(owner=ims.get_project_id()))
        images.sort(key=lambda image: image.created_at, reverse=True)
        return [image.name for image in images]

    def add_images(self, *names: str) -> list[Any]:
        """Make images of the family ``web``, a minute after one another."""
        images = []
        for name in names:
            job = self.cloud.conn.ims.create_image_from_file(
                self.build, name, tags={'family': 'web'}, wait=True
            )
            images.append(self.cloud.image(job))
            self.cloud.server.clock.advance('1m')
        return images


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator for the recipes."""
    with EmulatorServer(job_seconds=0) as server:
        yield server


@pytest.fixture
def workplace(
    server: EmulatorServer, tmp_path: Path, disks: dict[str, Path]
) -> Iterator[Workplace]:
    """Give a project, a bucket there, and what a build has made."""
    workplace = Workplace(server, tmp_path, disks['qcow2'])
    yield workplace
    workplace.cloud.conn.close()


# ====== RETIRING ======


def test_the_newest_images_of_the_family_alone_stay(
    workplace: Workplace,
) -> None:
    workplace.add_images('one', 'two', 'three')
    workplace.cloud.conn.ims.create_image_metadata('other')

    shown = workplace.run('retire.py', 'family=web', '--keep', 2)

    assert shown.startswith('deleted one (')
    assert sorted(workplace.names()) == ['other', 'three', 'two']
    assert workplace.run('retire.py', 'family=web', '--keep', 2) == ''


def test_what_is_needed_is_not_retired(workplace: Workplace) -> None:
    conn = workplace.cloud.conn
    used, protected, accepted, _new = workplace.add_images(
        'used', 'protected', 'accepted', 'new'
    )
    flavor = next(conn.compute.flavors())
    conn.compute.create_server(
        name='web-1', image_id=used.id, flavor_id=flavor.id, networks='none'
    )
    conn.ims.update_image(protected.id, is_protected=True)
    other = workplace.cloud.connect_other()
    project = other.ims.get_project_id()
    conn.ims.add_image_members(accepted, project, wait=True)
    other.ims.update_image_members(accepted, project, 'accepted', wait=True)

    shown = workplace.run('retire.py', 'family=web', '--keep', 1)

    assert f'kept used ({used.id}): the server web-1 uses it\n' in shown
    assert f'kept protected ({protected.id}): it is protected\n' in shown
    assert f': the project {project} has accepted it\n' in shown
    assert len(workplace.names()) == 4


def test_a_dry_run_deletes_nothing(workplace: Workplace) -> None:
    workplace.add_images('one', 'two')

    shown = workplace.run('retire.py', 'family=web', '--keep', 1, '--dry-run')

    assert shown.startswith('deleted one (')
    assert workplace.names() == ['two', 'one']


def test_nothing_is_retired_where_servers_cannot_be_seen(
    workplace: Workplace,
) -> None:
    workplace.add_images('one', 'two')
    faults = workplace.cloud.server.faults
    faults.set(['status=403,on=compute'])
    try:
        workplace.run('retire.py', 'family=web', '--keep', 1, status=1)
    finally:
        faults.set([])

    assert workplace.names() == ['two', 'one']


# ====== UPLOADING BUILDS ======


def test_a_build_is_uploaded_once_and_older_ones_are_deleted(
    workplace: Workplace, disks: dict[str, Path]
) -> None:
    words = ('web', '--keep', 1, '--property', 'build_id=17')
    workplace.run('uploader.py', disks['vhd'], *words)
    workplace.cloud.server.clock.advance('1m')
    shown = workplace.run(
        *('uploader.py', workplace.build, *words),
        *('--bucket', workplace.bucket, '--os-version', UBUNTU),
    )

    [name] = workplace.names()
    image = workplace.cloud.conn.ims.find_cloud_image(name)
    assert f'uploaded {name} ({image.id})\ndeleted web-' in shown
    assert image.properties['build_id'] == '17'
    assert image.tag_map['family'] == 'web'
    again = workplace.run('uploader.py', workplace.build, *words)
    assert again == f'uploaded {name} ({image.id})\n'
    assert workplace.names() == [name]


def test_an_uploader_that_was_killed_goes_on(
    slow_emulator: EmulatorServer, tmp_path: Path, disks: dict[str, Path]
) -> None:
    workplace = Workplace(slow_emulator, tmp_path, disks['qcow2'])
    words = (workplace.build, 'web', '--bucket', workplace.bucket)
    slow_emulator.requests.clear()
    with workplace.start('uploader.py', *words) as killed:
        eventually(lambda: looks_at_jobs(slow_emulator))
        killed.kill()
    slow_emulator.clock.advance('1h')

    workplace.run('uploader.py', *words)

    assert len(workplace.names()) == 1
    left = workplace.s3.list_objects_v2(Bucket=workplace.bucket)
    assert left['KeyCount'] == 0
    workplace.cloud.conn.close()


def looks_at_jobs(server: EmulatorServer) -> bool:
    """Return whether somebody waits for a job."""
    requests = server.requests.select(service='image')
    return any('/jobs/' in each.path for each in requests)


def test_a_file_that_is_no_disk_image_leaves_all_as_it_was(
    workplace: Workplace, tmp_path: Path
) -> None:
    workplace.add_images('one', 'two')
    (tmp_path / 'broken.qcow2').write_bytes(b'no disk')

    workplace.run(
        *('uploader.py', tmp_path / 'broken.qcow2', 'web', '--keep', 1),
        status=1,
    )

    assert workplace.names() == ['two', 'one']


# ====== AN IMAGE FACTORY ======


@pytest.mark.parametrize('recipe', ['factory.sh', 'factory.py'])
def test_a_build_becomes_one_shared_image(
    workplace: Workplace, recipe: str
) -> None:
    consumers = [workplace.cloud.connect_other() for _ in range(2)]
    projects = [each.ims.get_project_id() for each in consumers]
    words: tuple[object, ...] = (workplace.build, 'web', '1.0')
    options: tuple[object, ...] = ()
    if recipe == 'factory.py':
        options = ('--bucket', workplace.bucket, '--os-version', UBUNTU)

    image_id = workplace.run(recipe, *words, projects[0], *options).strip()
    again = workplace.run(recipe, *words, *projects, *options).strip()

    assert workplace.names() == ['web-1.0']
    assert again == image_id
    image = workplace.cloud.conn.ims.get_cloud_image(image_id)
    assert image.os_version == UBUNTU
    assert image.tag_map == {'family': 'web', 'version': '1.0'}
    for each in consumers:
        [offered] = each.ims.cloud_images(
            visibility='shared', member_status='pending'
        )
        assert offered.id == image_id


def test_a_factory_that_fails_prints_no_image(workplace: Workplace) -> None:
    del workplace.environment['IMS_BUCKET']

    shown = workplace.run(
        *('factory.sh', workplace.build, 'web', '1.0', 'f' * 32), status=1
    )

    assert 'IMS_BUCKET: is missing' in shown
    assert workplace.names() == []


def test_consumers_accept_what_they_are_offered(
    workplace: Workplace,
) -> None:
    [image] = workplace.add_images('one')
    ims = workplace.cloud.conn.ims
    consumer = workplace.cloud.connect(workplace.consumer)
    ims.add_image_members(image, consumer.ims.get_project_id(), wait=True)
    owner = ims.get_project_id()
    workplace.environment['OS_CLOUD'] = workplace.consumer

    workplace.run('accept.sh', owner)
    again = workplace.run('accept.sh', owner)

    assert again == ''

    [found] = consumer.ims.cloud_images(image_type='shared')
    assert found.id == image.id


def test_nothing_to_accept_is_not_a_cloud_that_fails(
    workplace: Workplace,
) -> None:
    workplace.environment['OS_CLOUD'] = 'none'

    workplace.run('accept.sh', 'f' * 32, status=1)


# ====== METRICS ======


def test_quotas_and_images_are_written_for_the_textfile_collector(
    workplace: Workplace,
) -> None:
    [image] = workplace.add_images('one')
    image = workplace.cloud.conn.ims.update_image(image.id, name='a "b\\c"')
    path = workplace.folder / 'ims.prom'

    workplace.run('exporter.py', '--textfile', path)

    lines = path.read_text('utf-8').splitlines()
    assert 'ims_quota_used{type="image"} 1' in lines
    assert 'ims_quota_limit{type="image"} 100' in lines
    labels = (
        rf'{{id="{image.id}",name="a \"b\\c\"",status="active",'
        r'family="web"}'
    )
    image = workplace.cloud.conn.ims.get_cloud_image(image.id)
    created = image.created_datetime.timestamp()
    assert f'ims_image_created_timestamp_seconds{labels} {created}' in lines
    assert f'ims_image_size_bytes{labels} {image.image_size}' in lines


def test_a_failure_leaves_the_file_as_it_was(workplace: Workplace) -> None:
    path = workplace.folder / 'ims.prom'
    path.write_text('before', 'utf-8')
    workplace.environment['OS_CLOUD'] = 'none'

    workplace.run('exporter.py', '--textfile', path, status=1)

    assert path.read_text('utf-8') == 'before'
    assert [each.name for each in workplace.folder.glob('*.prom*')] == [
        'ims.prom'
    ]


def test_metrics_are_served_as_they_are_then(workplace: Workplace) -> None:
    with workplace.start('exporter.py', '--port', 0) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        try:
            with urllib.request.urlopen(url) as answer:
                before = answer.read().decode()
            workplace.add_images('one')
            with urllib.request.urlopen(url) as answer:
                after = answer.read().decode()
        finally:
            process.kill()

    assert answer.headers['Content-Type'] == 'text/plain; version=0.0.4'
    assert 'ims_quota_used{type="image"} 0\n' in before
    assert 'ims_quota_used{type="image"} 1\n' in after


def test_a_cloud_that_fails_is_told_to_prometheus(
    workplace: Workplace,
) -> None:
    with workplace.start('exporter.py', '--port', 0) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        faults = workplace.cloud.server.faults
        faults.set(['status=403,on=image'])
        try:
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(url)
        finally:
            faults.set([])
            process.kill()

    assert caught.value.code == 500
    caught.value.close()
