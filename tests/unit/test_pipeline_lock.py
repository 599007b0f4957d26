# SPDX-License-Identifier: Apache-2.0
"""Locks: what sources were when somebody agreed to them."""

import argparse
import os
from pathlib import Path

from osc_lib import exceptions as osc_exceptions
import pytest

from ims_ext.cli import pipeline_lock
from ims_ext.pipeline import ManifestError
from ims_ext.pipeline import identity
from ims_ext.pipeline.sources.lock import Lock
from ims_ext.pipeline.sources.lock import path_of

from ..web_server import File
from .upstream import HEAD
from .upstream import Upstream
from .upstream import of_web
from .upstream import version

BODY = version('{file: disk.qcow2}')


def lock(upstream: Upstream, body: str) -> Path:
    """Lock a manifest's sources by hand."""
    with upstream.sources(body, is_locked=False) as sources:
        made = Lock.of(sources.manifest, sources.look_up())
    path = path_of(upstream.folder / 'm.yaml')
    made.save(path)
    return path


def test_a_lock_is_read_as_it_was_written(upstream: Upstream) -> None:
    lock(upstream, BODY)
    found = Lock.load(upstream.manifest(BODY))
    assert found is not None
    assert found.digests == {('debian', '1'): identity.digest(upstream.disk)}


def test_a_source_that_has_become_another_one_is_refused(
    upstream: Upstream,
) -> None:
    lock(upstream, BODY)
    assert upstream.content(BODY) == upstream.disk
    file = upstream.folder / 'disk.qcow2'
    file.write_bytes(upstream.disk + bytes(65536))
    with upstream.sources(BODY) as sources:
        known = sources.look_up().sources['debian', '1']
    assert "another one than the lock says" in (known.problem or '')


def test_a_source_that_is_known_once_it_is_fetched_is_refused_then(
    upstream: Upstream,
) -> None:
    Lock('platform', {('debian', '1'): identity.digest(upstream.disk)}).save(
        path_of(upstream.folder / 'm.yaml')
    )
    body = of_web(upstream, '/disk.qcow2')
    assert upstream.content(body) == upstream.disk
    upstream.server.files['/disk.qcow2'] = File(upstream.disk + bytes(512))
    with (
        upstream.sources(body) as sources,
        pytest.raises(Exception, match="another one than the lock says"),
    ):
        upstream.fetched(sources)


def test_what_the_lock_does_not_have_is_taken(upstream: Upstream) -> None:
    path = path_of(upstream.folder / 'm.yaml')
    Lock('platform', {}).save(path)
    assert upstream.content(BODY) == upstream.disk
    Lock('platform', {('debian', '1'): None}).save(path)
    assert upstream.content(BODY) == upstream.disk


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        'kind: Other',
        'apiVersion: ims-ext/v1\nkind: ImagePipelineLock\nname: other\n',
        'apiVersion: ims-ext/v9\nkind: ImagePipelineLock\n',
        'apiVersion: ims-ext/v1\nkind: ImagePipelineLock\nname: platform\n'
        'images: {debian: {"1": short}}',
        'apiVersion: ims-ext/v1\nkind: ImagePipelineLock\nname: platform\n'
        'images: {debian: 1}',
        '\t{',
    ],
)
def test_a_file_that_is_no_lock_is_told_with_its_place(
    upstream: Upstream, text: str
) -> None:
    path_of(upstream.folder / 'm.yaml').write_text(text)
    with pytest.raises(ManifestError, match=r'm\.lock\.yaml:\d+'):
        Lock.load(upstream.manifest(BODY))


# ====== THE COMMAND ======


def run(upstream: Upstream, body: str, *options: str) -> object:
    """Run the command."""
    lines = ''.join(f'    {line}\n' for line in body.splitlines())
    path = upstream.folder / 'm.yaml'
    path.write_text(HEAD + lines)
    found = pipeline_lock.LockPipeline(None, None)
    parser = found.get_parser('lock')
    arguments: argparse.Namespace = parser.parse_args([str(path), *options])
    return found.take_action(arguments)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_STATE_HOME', str(tmp_path / 'state'))


def test_the_command_writes_a_lock_and_shows_it(upstream: Upstream) -> None:
    _, rows = run(upstream, BODY)  # type: ignore[misc]
    assert rows == [('debian', '1', identity.digest(upstream.disk), '')]
    assert Lock.load(upstream.manifest(BODY)) is not None


def test_the_command_writes_nothing_where_a_source_is_missing(
    upstream: Upstream,
) -> None:
    with pytest.raises(osc_exceptions.CommandError, match="answers 404"):
        run(upstream, of_web(upstream, '/none'))
    assert 'm.lock.yaml' not in os.listdir(upstream.folder)


def test_the_command_tells_what_is_wrong_with_a_manifest(
    upstream: Upstream,
) -> None:
    with pytest.raises(ManifestError, match=r'm\.yaml:\d+'):
        run(upstream, 'versions: {}')
