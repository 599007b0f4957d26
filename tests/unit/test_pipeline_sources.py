# SPDX-License-Identifier: Apache-2.0
"""Sources of pipelines: fetched from files and web servers, and proven."""

import hashlib
from pathlib import Path
import threading

import pytest

from ims_ext.pipeline import identity
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources import SourceError
from ims_ext.pipeline.sources import web

from ..web_server import File
from .upstream import Upstream
from .upstream import of_web
from .upstream import version

# ====== WHAT COMES ======


def test_a_file_becomes_a_disk_image_under_its_checksum(
    upstream: Upstream,
) -> None:
    body = version('{file: disk.qcow2}', checksum=f'"{upstream.sha256}"')
    with upstream.sources(body) as sources:
        disk = upstream.fetched(sources)
        assert disk.path.read_bytes() == upstream.disk
        assert disk.path.stat().st_mode & 0o077 == 0
    assert (disk.disk_format, disk.size) == ('qcow2', len(upstream.disk))
    assert disk.virtual_size == 2**30
    assert disk.digest == identity.digest(upstream.disk)


def test_a_file_of_a_web_server_becomes_a_disk_image(
    upstream: Upstream,
) -> None:
    assert upstream.content(of_web(upstream, '/disk.qcow2')) == upstream.disk


@pytest.mark.parametrize('algorithm', ['sha256', 'sha512'])
def test_what_has_another_checksum_is_refused(
    upstream: Upstream, algorithm: str
) -> None:
    digest = hashlib.new(algorithm, b'another').hexdigest()
    body = of_web(upstream, '/disk.qcow2', checksum=f'"{algorithm}:{digest}"')
    assert "is not what it has to be" in upstream.refusal(body)


def test_a_digest_of_sha512_alone_stands_for_the_source(
    upstream: Upstream,
) -> None:
    checksum = 'sha512:' + hashlib.sha512(upstream.disk).hexdigest()
    body = version('{file: disk.qcow2}', checksum=f'"{checksum}"')
    with upstream.sources(body) as sources:
        disk = upstream.fetched(sources)
    assert disk.digest == identity.digest(checksum.encode())


# ====== SERVERS THAT FAIL ======


def test_a_download_goes_on_where_it_was_cut(upstream: Upstream) -> None:
    file = upstream.server.files['/disk.qcow2']
    file.cut_after = [1000, 70_000, 5]
    assert upstream.content(of_web(upstream, '/disk.qcow2')) == upstream.disk
    ranges = [e.get('Range') for e in upstream.server.asked('/disk.qcow2')]
    assert ranges == [
        None,
        'bytes=1000-',
        'bytes=71000-',
        'bytes=71005-',
    ]


def test_a_download_begins_again_where_the_file_became_another(
    upstream: Upstream,
) -> None:
    file = upstream.server.files['/disk.qcow2']
    file.content, file.cut_after = b'old' * 5000, [9000]

    def replaced(found: File) -> None:
        if not found.cut_after:
            found.content, found.etag = upstream.disk, '"2"'

    file.on_answer = replaced
    assert upstream.content(of_web(upstream, '/disk.qcow2')) == upstream.disk


@pytest.mark.parametrize('etag', [None, '"1"'])
def test_a_download_begins_again_where_the_server_has_no_ranges(
    upstream: Upstream, etag: str | None
) -> None:
    file = upstream.server.files['/disk.qcow2']
    file.has_ranges, file.etag, file.cut_after = False, etag, [1000, 2000]
    assert upstream.content(of_web(upstream, '/disk.qcow2')) == upstream.disk


def test_a_truncated_download_is_refused(upstream: Upstream) -> None:
    file = upstream.server.files['/disk.qcow2']
    file.cut_after = [1000] * 99
    file.has_ranges = False
    said = upstream.refusal(of_web(upstream, '/disk.qcow2'))
    assert "cut again and again" in said


def test_a_mirror_is_taken_where_the_first_place_refuses(
    upstream: Upstream,
) -> None:
    upstream.server.files['/no'] = File(status=403)
    body = of_web(upstream, '/no', '/none', '/disk.qcow2')
    assert upstream.content(body) == upstream.disk
    assert ["answers 403" in upstream.notes[0], len(upstream.notes)] == [
        True,
        2,
    ]


def test_a_mirror_is_taken_where_the_first_place_has_been_changed(
    upstream: Upstream,
) -> None:
    upstream.server.files['/changed'] = File(upstream.disk + b'!')
    body = of_web(
        upstream, '/changed', '/disk.qcow2', checksum=f'"{upstream.sha256}"'
    )
    assert upstream.content(body) == upstream.disk
    assert "is not what it has to be" in upstream.notes[0]


def test_a_mirror_is_taken_where_the_first_place_stops_sending(
    upstream: Upstream,
) -> None:
    upstream.server.files['/slow'] = File(upstream.disk, stalls=True)
    patience = web.Patience(stall=0.2, attempts=2, pause=0.01)
    body = of_web(upstream, '/slow', '/disk.qcow2')
    assert upstream.content(body, patience=patience) == upstream.disk


def test_a_server_that_is_busy_for_a_moment_is_asked_again(
    upstream: Upstream,
) -> None:
    file = upstream.server.files['/disk.qcow2']
    file.status = 503

    def recovered(found: File) -> None:
        if len(upstream.server.requests) == 2:
            found.status = 200

    file.on_answer = recovered
    assert upstream.content(of_web(upstream, '/disk.qcow2')) == upstream.disk


def test_no_place_at_all_is_told_with_each_reason(upstream: Upstream) -> None:
    said = upstream.refusal(of_web(upstream, '/a', '/b'))
    assert said.count("answers 404") == 2
    assert "nothing is made of it" in said


def test_a_redirect_is_followed(upstream: Upstream) -> None:
    upstream.server.files['/old'] = File(location='/disk.qcow2')
    assert upstream.content(of_web(upstream, '/old')) == upstream.disk


def test_redirects_in_circles_are_refused(upstream: Upstream) -> None:
    upstream.server.files['/old'] = File(location='/old')
    said = upstream.refusal(of_web(upstream, '/old'))
    assert "circles" in said
    assert len(upstream.server.requests) == 6


def test_nothing_is_sent_that_proves_who_asks(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = upstream.folder / 'netrc'
    netrc.write_text('default login somebody password secret')
    monkeypatch.setenv('NETRC', str(netrc))
    upstream.content(of_web(upstream, '/disk.qcow2'))
    (asked,) = upstream.server.asked('/disk.qcow2')
    assert 'Authorization' not in asked
    assert asked['User-Agent'].startswith('ims-ext/')
    assert asked['Accept-Encoding'] == 'identity'


def test_a_url_with_a_password_is_refused_without_showing_it(
    upstream: Upstream,
) -> None:
    url = upstream.server.url.replace('//', '//me:hunter2@')
    said = upstream.refusal(version(f'{{url: "{url}/disk.qcow2"}}'))
    assert "has a user in it" in said
    assert 'hunter2' not in said
    assert upstream.server.requests == []


# ====== ONCE ======


def test_a_source_is_fetched_once_for_all_that_ask_at_a_time(
    upstream: Upstream,
) -> None:
    with upstream.sources(of_web(upstream, '/disk.qcow2')) as sources:
        found: list[Path] = []
        threads = [
            threading.Thread(
                target=lambda: found.append(upstream.fetched(sources).path)
            )
            for _ in range(8)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert len(upstream.server.requests) == 1


class CountingLock:
    """A lock that tells of those who want it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.wanted = threading.Semaphore(0)

    def __enter__(self) -> None:
        self.wanted.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_all_that_wait_for_a_source_share_its_failure(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = CountingLock()

    def all_wait(file: File) -> None:
        for _ in range(4):
            assert lock.wanted.acquire(timeout=30)

    upstream.server.files['/no'] = File(status=403, on_answer=all_wait)
    told: list[str] = []

    def ask() -> None:
        try:
            upstream.fetched(sources)
        except SourceError as error:
            told.append(str(error))

    with upstream.sources(of_web(upstream, '/no')) as sources:
        entry = sources._entry_of(*upstream.which(sources))
        monkeypatch.setattr(entry, '_making', lock)
        threads = [threading.Thread(target=ask) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert len(told) == 4
    assert len(set(told)) == 1
    assert len(upstream.server.requests) == 1


def test_room_is_made_by_what_nobody_uses_any_more(
    upstream: Upstream,
) -> None:
    other = upstream.disk + bytes(65536)
    upstream.server.files['/other'] = File(other)
    body = (
        f'versions:\n  "1": {{source: {{file: disk.qcow2}}}}\n'
        f'  "2": {{source: {{url: "{upstream.server.url}/other"}}}}'
    )
    space = len(upstream.disk) + 1000
    with upstream.sources(body, space=space) as sources:
        image = sources.manifest.images['debian']
        first = sources.disk(image, image.versions[0])
        first.release()
        second = sources.disk(image, image.versions[1])
        assert not first.path.exists()
        assert second.path.read_bytes() == other


def test_too_little_temporary_space_is_told(upstream: Upstream) -> None:
    said = upstream.refusal(of_web(upstream, '/disk.qcow2'), space=1000)
    assert "temporary space" in said


def test_what_a_killed_run_has_left_is_removed_by_the_next(
    upstream: Upstream,
) -> None:
    left = upstream.work / 'run-killed'
    left.mkdir(parents=True)
    (left / 'lock').touch()
    (left / 'half').write_bytes(b'half')
    upstream.content(version('{file: disk.qcow2}'))
    assert not left.exists()


def test_what_another_run_is_at_is_left_alone(upstream: Upstream) -> None:
    body = version('{file: disk.qcow2}')
    with upstream.sources(body) as sources:
        disk = upstream.fetched(sources)
        upstream.content(body)
        assert disk.path.exists()


def test_a_server_as_a_source_is_not_fetched(upstream: Upstream) -> None:
    said = upstream.refusal(version('{server: build, target: de}'))
    assert "cannot be fetched" in said
    source = model.ServerSource('build', 'de')
    assert str(source) in said
