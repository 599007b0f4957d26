# SPDX-License-Identifier: Apache-2.0
"""Where sources of pipelines come from, in a test."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ims_ext.emulator.work.empty_disk import write_empty_disk
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources import SourceError
from ims_ext.pipeline.sources import Sources
from ims_ext.pipeline.sources import web

from ..web_server import WebServer

HEAD = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  de: {cloud: alice, bucket: images}
images:
  debian:
"""

#: So patient are the tests with servers that fail.
PATIENCE = web.Patience(
    connect=5.0, stall=5.0, attempts=3, pause=0.01, longest_pause=0.05
)


class Upstream:
    """Where sources come from, and what is made of them.

    :ivar events: What was told.
    """

    def __init__(self, folder: Path, server: WebServer) -> None:
        self.folder = folder
        self.server = server
        self.work = folder / 'work'
        self.events: list[dict[str, Any]] = []
        write_empty_disk(folder / 'disk.qcow2')
        self.disk = (folder / 'disk.qcow2').read_bytes()

    @property
    def sha256(self) -> str:
        """The checksum of the disk image."""
        return 'sha256:' + hashlib.sha256(self.disk).hexdigest()

    @property
    def notes(self) -> list[str]:
        """What was told of places that were of no use."""
        return [e['message'] for e in self.events if e['kind'] == 'note']

    def manifest(self, body: str) -> Manifest:
        """Return a manifest of one image."""
        lines = ''.join(f'    {line}\n' for line in body.splitlines())
        return Manifest.loads(HEAD + lines, self.folder / 'm.yaml', {})

    def sources(self, body: str, **options: Any) -> Sources:
        """Return the sources of one image's manifest."""
        manifest = self.manifest(body)

        def tell(kind: str, /, **fields: Any) -> None:
            self.events.append({'kind': kind, **fields})

        options.setdefault('patience', PATIENCE)
        return Sources(
            manifest,
            Clouds(manifest),
            folder=self.work,
            tell=tell,
            **options,
        )

    def content(self, body: str, **options: Any) -> bytes:
        """Return the disk image that comes of an image's first version."""
        with self.sources(body, **options) as sources:
            return self.fetched(sources).path.read_bytes()

    def fetched(self, sources: Sources) -> Any:
        """Return the disk image of the first version."""
        return sources.disk(*self.which(sources))

    def which(self, sources: Sources) -> tuple[model.Image, model.Version]:
        """Return the image and its first version."""
        image = sources.manifest.images['debian']
        return image, image.versions[0]

    def refusal(self, body: str, **options: Any) -> str:
        """Return why a source is refused; nothing is left of it."""
        with self.sources(body, **options) as sources:
            with pytest.raises(SourceError) as caught:
                self.fetched(sources)
            left = [
                each
                for run in self.work.glob('run-*')
                for each in run.iterdir()
                if each.name != 'lock'
            ]
            assert left == []
        return str(caught.value)


def version(source: str, **others: str) -> str:
    """Return an image's version as a manifest has it."""
    lines = [f'versions: {{"1": {{source: {source}']
    lines += [f', {key}: {value}' for key, value in others.items()]
    return ''.join(lines) + '}}'


def of_web(upstream: Upstream, *paths: str, **others: str) -> str:
    """Return a version that some web servers have."""
    places = ', '.join(f'{{url: "{upstream.server.url}{p}"}}' for p in paths)
    return version(f'[{places}]', **others)
