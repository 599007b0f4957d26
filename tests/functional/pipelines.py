# SPDX-License-Identifier: Apache-2.0
"""Pipelines on an emulator with two regions, and what is asked of it."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
from pathlib import Path
from typing import Any

import openstack
from openstack import config
import yaml

import ims_ext
from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work.empty_disk import write_empty_disk
from ims_ext.objectstore import ObjectStore
from ims_ext.pipeline import Manifest
from ims_ext.pipeline import applying
from ims_ext.pipeline import clouds as _clouds
from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import model

HEAD = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
accept:
  beta: {cloud: bob}
targets:
  de: {cloud: alice, region: eu-de, bucket: images}
  nl: {cloud: alice, region: eu-nl, copy_from: de, agency: ims_copy_image}
"""


@dataclasses.dataclass
class Disk:
    """A disk image's file, as it is on this machine."""

    path: Path
    disk_format: str
    size: int
    virtual_size: int
    digest: str
    is_released: bool = False
    stored: None = None

    def release(self) -> None:
        """Keep it: it is a test's."""


class Files:
    """Disk images that are files already."""

    def is_here(self, image: model.Image, version: model.Version) -> bool:
        return False

    def disk(self, image: model.Image, version: model.Version) -> Disk:
        """Return the version's file."""
        source = version.sources[0]
        assert isinstance(source, model.FileSource)
        content = source.path.read_bytes()
        return Disk(
            source.path, 'qcow2', len(content), 2**30, identity.digest(content)
        )


class NoNotes:
    """Keeps nothing for the next run."""

    def intend(self, action: str, name: str) -> None:
        """Forget it."""

    def started(self, action: str, job_id: str) -> None:
        """Forget it."""

    def settled(self, action: str) -> None:
        """Forget it."""

    def has_begun(self, action: str) -> bool:
        """Know of nothing."""
        return False

    def job_of(self, action: str) -> str | None:
        """Know of nothing."""
        return None


class Site:
    """An emulator with a folder of what is used with it."""

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        write_empty_disk(folder / 'disk.qcow2')

    def connect(self, cloud: str, **options: Any) -> Any:
        """Connect to a cloud of the emulator."""
        return self.connecting(self.server.clouds())(cloud, **options)

    @staticmethod
    def connecting(clouds: dict[str, Any]) -> Callable[..., Any]:
        """Return what connects to an entry of clouds.yaml's content."""

        def connect(cloud: str, **options: Any) -> Any:
            region = config.OpenStackConfig(
                config_files=[],
                secure_files=[],
                vendor_files=[],
                load_envvars=False,
            )
            region.cloud_config = clouds
            conn = openstack.connection.Connection(
                config=region.get_one(cloud, **options)
            )
            ims_ext.load(conn)
            return conn

        return connect

    def images(self, region: str) -> dict[str, Any]:
        """Return the images of the first user's project, by name."""
        conn = self.connect('alice', region_name=region)
        with conn:
            owner = conn.session.get_project_id()
            return {e.name: e for e in conn.ims.cloud_images(owner=owner)}

    def made(self) -> dict[tuple[str, str], int]:
        """Return how often each image was ever made, by region and name."""
        found: dict[tuple[str, str], int] = {}
        for each in self.server.counts.select(kind='image'):
            if each.name.startswith('app'):
                key = each.region, each.name
                found[key] = found.get(key, 0) + each.number
        return found

    def clear_bucket(self, prefix: str = 'ims-pipeline/') -> list[str]:
        """Delete a pipeline's objects and parts; return what there was."""
        with self.connect('alice', region_name='eu-de') as conn:
            return ObjectStore(conn).clear('images', prefix)


class Deployment(Site):
    """A manifest, and the environment of the commands that are run for it.

    :ivar manifest: The manifest's file.
    :ivar environment: What the commands need beside the usual.
    """

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        super().__init__(server, folder)
        self.manifest = folder / 'm.yaml'
        (folder / 'clouds.yaml').write_text(yaml.safe_dump(server.clouds()))
        (folder / 'tmp').mkdir()
        self.environment = {
            'OS_CLIENT_CONFIG_FILE': str(folder / 'clouds.yaml'),
            'XDG_STATE_HOME': str(folder / 'state'),
            'TMPDIR': str(folder / 'tmp'),
        }

    def write(self, body: str) -> None:
        """Write the manifest: what follows the targets."""
        self.manifest.write_text(HEAD + body)

    def temporary_files(self) -> list[Path]:
        """Return the temporary files that commands have left."""
        disks = self.folder / 'state' / 'ims-ext' / 'pipelines' / 'disks'
        return [*(self.folder / 'tmp').iterdir(), *disks.glob('run-*')]


class Fleet(Site):
    """A manifest's folder, and the clouds that it is for.

    :ivar events: What the last apply told.
    """

    def __init__(self, server: EmulatorServer, folder: Path) -> None:
        super().__init__(server, folder)
        self.events: list[dict[str, Any]] = []

    @contextlib.contextmanager
    def application(
        self, body: str, **options: Any
    ) -> Iterator[applying.Application]:
        """Give what applies a manifest with some images."""
        manifest = Manifest.loads(HEAD + body, self.folder / 'm.yaml', {})
        clouds = _clouds.Clouds(manifest, self.connect)
        self.events.clear()

        def tell(kind: str, /, **fields: Any) -> None:
            self.events.append({'kind': kind, **fields})

        check: Callable[[], None] = lambda: None  # noqa: E731
        application = applying.Application(
            manifest, clouds, Files(), None, tell, NoNotes(), check, **options
        )
        try:
            yield application
        finally:
            clouds.close()

    def plan(self, body: str) -> list[str]:
        """Return a plan's actions in short: the sign, the item, the target."""
        with self.application(body) as application:
            return [
                f'{each.kind.symbol} {each.item}'
                for each in application.plan().actions
            ]

    def apply(self, body: str, **options: Any) -> applying.Outcome:
        """Apply a manifest."""
        with self.application(body, **options) as application:
            return application.run()
