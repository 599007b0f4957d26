# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline`` and the projects that images are shared with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ims_ext.emulator.server import EmulatorServer

from .pipeline_process import Command
from .pipelines import HEAD
from .pipelines import Deployment

GIVEN = 'accept:\n  beta: {cloud: bob}\n'
ACCEPT = GIVEN.replace('beta', 'PROJECT')
BODY = """\
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    targets: [de]
    share: [PROJECT]
    versions: {"1": {source: {file: disk.qcow2}}}
"""


class Site(Deployment):
    """A manifest of one image that is shared, and the command."""

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        super().__init__(server, folder)
        self.command = Command(folder, self.environment)
        #: Nobody but those who act there sees a project by its name.
        self.project = server.project_id('bob', 'eu-de')
        self.declare('')

    def declare(self, accept: str) -> None:
        """Write the manifest, with who accepts."""
        text = HEAD.replace(GIVEN, accept) + BODY
        self.manifest.write_text(text.replace('PROJECT', f'"{self.project}"'))

    def run(self, *words: str) -> Any:
        """Run a command for the manifest."""
        return self.command.run(words[0], str(self.manifest), *words[1:])

    def status(self) -> dict[str, str]:
        """Return what each project has answered."""
        with self.connect('alice', region_name='eu-de') as conn:
            image = conn.ims.find_cloud_image('app-1')
            members = conn.ims.members(image)
            return {each.member_id: str(each.status) for each in members}

    def answer(self, status: str) -> None:
        """Answer by the other project's own hand."""
        with (
            self.connect('alice', region_name='eu-de') as conn,
            self.connect('bob', region_name='eu-de') as other,
        ):
            image = conn.ims.find_cloud_image('app-1')
            project = other.session.get_project_id()
            other.ims.update_image_members(
                [image.id], project, status, wait=True
            )


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a manifest, and an emulator with two regions."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server:
        yield Site(server, tmp_path)


def test_who_has_no_credentials_is_waited_for_without_error(
    site: Site,
) -> None:
    done = site.run('apply')

    assert done.code == 0, done
    assert list(site.status().values()) == ['pending']
    plan = site.run('plan', '--detailed-exitcode')
    assert plan.code == 0, plan
    assert f'not answered yet by {site.project}' in plan.said


def test_who_rejects_is_told_and_not_asked_again(site: Site) -> None:
    assert site.run('apply').code == 0
    site.answer('rejected')
    site.declare(ACCEPT)
    site.server.requests.clear()

    done = site.run('apply')

    assert done.code == 0, done
    assert list(site.status().values()) == ['rejected']
    plan = site.run('plan', '--detailed-exitcode')
    assert plan.code == 0, plan
    assert f'rejected by {site.project}' in plan.said
    changing = [
        each
        for each in site.server.requests
        if each.method not in ('GET', 'HEAD') and each.service == 'image'
    ]
    assert changing == []


def test_who_may_answer_for_the_other_side_does(site: Site) -> None:
    site.declare(ACCEPT)

    done = site.run('apply')

    assert done.code == 0, done
    assert list(site.status().values()) == ['accepted']


def test_wrong_credentials_of_the_other_side_are_told(site: Site) -> None:
    path = site.folder / 'clouds.yaml'
    clouds = yaml.safe_load(path.read_text())
    clouds['clouds']['bob']['auth']['password'] = 'wrong-4711'
    path.write_text(yaml.safe_dump(clouds))
    site.project = 'beta'
    site.declare(ACCEPT)

    done = site.run('apply')

    # The project may be found by nobody else: nothing is shared with it.
    assert done.code == 3, done
    assert site.status() == {}
    told = done.said + done.complained
    assert 'cannot be shared with beta: the cloud bob' in told
    assert 'wrong-4711' not in told
    assert 'Traceback' not in told
