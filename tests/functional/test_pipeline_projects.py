# SPDX-License-Identifier: Apache-2.0
"""Targets that are other projects than those of their entries."""

from collections.abc import Iterator
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline import Manifest
from ims_ext.pipeline.clouds import Clouds

from .pipelines import Site

MANIFEST = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  other: {cloud: alice, project: PROJECT}
images:
  app: {versions: {"1": {source: {file: disk.qcow2}}}}
"""


@pytest.fixture(scope='module')
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Give an emulator whose first user may work in two projects."""
    users = [{'name': 'alice', 'project': 'one', 'projects': ['one', 'two']}]
    projects = [{'name': 'one'}, {'name': 'two'}]
    with EmulatorServer(
        scenario={'users': users, 'projects': projects}
    ) as server:
        yield Site(server, tmp_path_factory.mktemp('site'))


def project_id(site: Site, **options: Any) -> str:
    """Return the ID of the project that a connection is in."""
    with site.connect('alice', **options) as conn:
        return str(conn.session.get_project_id())


@pytest.mark.parametrize('has_id', [False, True])
@pytest.mark.parametrize('is_named', [False, True])
def test_a_target_is_the_project_that_the_manifest_names(
    site: Site, has_id: bool, is_named: bool
) -> None:
    two = project_id(site, auth={'project_name': 'two'})
    own = {'project_id': project_id(site)} if has_id else {}
    clouds = site.server.clouds()
    clouds['clouds']['alice']['auth'].update(own)
    manifest = Manifest.loads(
        MANIFEST.replace('PROJECT', 'two' if is_named else f'"{two}"'),
        site.folder / 'm.yaml',
        {},
    )
    found = Clouds(manifest, Site.connecting(clouds))
    try:
        conn = found.target('other')
        assert conn.session.get_project_id() == two
    finally:
        found.close()
