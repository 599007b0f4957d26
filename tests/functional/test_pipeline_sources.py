# SPDX-License-Identifier: Apache-2.0
"""Sources of pipelines that clouds have: objects of buckets, and images."""

from collections.abc import Iterator
import contextlib
import hashlib
import lzma
from pathlib import Path
from typing import Any

import pytest

from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import ObjectStore
from ims_ext.pipeline import Manifest
from ims_ext.pipeline import identity
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.sources import SourceError
from ims_ext.pipeline.sources import Sources

from ..programs import demand
from .pipelines import HEAD
from .pipelines import Fleet


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """Give a folder for a manifest, and an emulator with two regions."""
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server:
        yield Fleet(server, tmp_path)


@contextlib.contextmanager
def disk(fleet: Fleet, source: str) -> Iterator[Any]:
    """Give the disk image that comes of a source."""
    manifest = Manifest.loads(
        f'{HEAD}images:\n  app:\n    versions: {{"1": {source}}}\n',
        fleet.folder / 'm.yaml',
        {},
    )
    clouds = Clouds(manifest, fleet.connect)
    image = manifest.images['app']
    with (
        contextlib.closing(clouds),
        Sources(manifest, clouds, folder=fleet.folder / 'work') as sources,
    ):
        yield sources.disk(image, image.versions[0])


def put(fleet: Fleet, key: str, content: bytes) -> None:
    """Put an object into the bucket of a target."""
    path = fleet.folder / 'object'
    path.write_bytes(content)
    with fleet.connect('alice', region_name='eu-de') as conn:
        ObjectStore(conn).upload(path, 'images', key)


def test_an_object_becomes_a_disk_image_under_its_checksum(
    fleet: Fleet,
) -> None:
    content = (fleet.folder / 'disk.qcow2').read_bytes()
    packed = lzma.compress(content)
    put(fleet, 'd/disk.qcow2.xz', packed)
    checksum = hashlib.sha256(packed).hexdigest()
    with disk(
        fleet,
        '{source: {object: "images:d/disk.qcow2.xz", target: de}, '
        f'checksum: "sha256:{checksum}"}}',
    ) as found:
        assert found.path.read_bytes() == content
        assert found.digest == identity.digest(packed)


def test_an_object_is_looked_for_at_the_images_targets(fleet: Fleet) -> None:
    content = (fleet.folder / 'disk.qcow2').read_bytes()
    put(fleet, 'disk.qcow2', content)
    with disk(fleet, '{source: {object: "images:disk.qcow2"}}') as found:
        assert found.path.read_bytes() == content


def test_an_object_that_is_not_there_is_named(fleet: Fleet) -> None:
    put(fleet, 'other', b'other')
    with (
        pytest.raises(SourceError, match="no object images"),
        disk(fleet, '{source: {object: "images:disk.qcow2", target: de}}'),
    ):
        pass


def test_an_image_of_another_target_is_fetched_by_its_bucket(
    fleet: Fleet,
) -> None:
    demand('qemu-img')
    with fleet.connect('alice', region_name='eu-de') as conn:
        ObjectStore(conn).upload(
            fleet.folder / 'disk.qcow2', 'images', 'disk.qcow2'
        )
        conn.ims.create_image_from_object(
            'images:disk.qcow2', 'base', 1, wait=True
        )
        with disk(fleet, '{source: {image: base, target: de}}') as found:
            assert found.disk_format == 'qcow2'
            assert found.virtual_size == 2**30
            assert found.digest == identity.digest(b'image base of de')
        assert ObjectStore(conn).clear('images', 'ims-pipeline/') == []


def test_an_image_that_is_not_there_is_named(fleet: Fleet) -> None:
    with (
        pytest.raises(SourceError, match="image base of de"),
        disk(fleet, '{source: {image: base, target: de}}'),
    ):
        pass
