# SPDX-License-Identifier: Apache-2.0
"""Versions that are found upstream, and what is known before fetching."""

import hashlib
import json

import pytest

from ims_ext.pipeline import identity
from ims_ext.pipeline.looking import Upstream as Found

from ..web_server import File
from .upstream import Upstream
from .upstream import of_web
from .upstream import version

HTML = """\
<html><head><title>Index of /d/</title></head><body>
<a href="../">Parent Directory</a> <a href="?C=N;O=D">Name</a>
<a href="20261101/">20261101/</a> 2026-11-01
<a href="/d/20261113/">20261113/</a>
<a href='20260901%2F/'>odd</a>
<a href="daily/">daily/</a> <a href="https://elsewhere/d/20990101/">x</a>
<a href="20261113/SHA256SUMS">again</a>
</body></html>"""

LISTINGS = {
    'html': HTML,
    'names': '20261101/\n20261113/\ndaily/\n',
    'ls': (
        'total 3\ndrwxr-xr-x 2 a b 4096 Nov  1 10:00 20261101\n'
        'drwxr-xr-x 2 a b 4096 Nov 13 10:00 20261113\n'
    ),
    'json': json.dumps(
        [
            {'name': '20261101', 'type': 'directory'},
            {'name': '20261113/', 'type': 'directory'},
        ]
    ),
}


def look_up(upstream: Upstream, body: str) -> Found:
    """Return what is known of an image's sources."""
    with upstream.sources(body) as sources:
        return sources.look_up()


def found(upstream: Upstream, listing: str, *lines: str) -> list[str]:
    """Return the versions that a page leads to."""
    server = upstream.server
    server.files['/d/'] = File(listing.encode())
    body = '\n'.join(
        [
            'versions_from:',
            f'  url: "{server.url}/d/{{version}}/disk.qcow2"',
            *lines,
        ]
    )
    known = look_up(upstream, body)
    return [each.name for each in known.found.get('debian', ())]


@pytest.mark.parametrize('kind', LISTINGS)
def test_the_newest_version_of_a_page_is_found(
    upstream: Upstream, kind: str
) -> None:
    assert found(upstream, LISTINGS[kind]) == ['20261113']


@pytest.mark.parametrize('kind', LISTINGS)
def test_so_many_are_taken_as_the_manifest_says(
    upstream: Upstream, kind: str
) -> None:
    names = found(upstream, LISTINGS[kind], '  newest: 5')
    assert names == ['20261113', '20261101']


def test_a_pattern_chooses_versions(upstream: Upstream) -> None:
    names = found(upstream, HTML, '  newest: 9', "  pattern: '.*01|daily'")
    assert names == ['20261101', 'daily'] or names == ['daily', '20261101']


def test_versions_that_are_promoted_or_in_a_channel_are_taken_besides(
    upstream: Upstream,
) -> None:
    names = found(
        upstream,
        HTML,
        'promoted: "20261101"',
        'channels: {lts: {version: "20260101"}}',
    )
    assert names == ['20261113', '20261101', '20260101']


def test_numbers_in_versions_count_as_numbers(upstream: Upstream) -> None:
    listing = '1.9/\n1.10/\n1.2/\n'
    assert found(upstream, listing) == ['1.10']


def test_a_version_in_a_files_name_is_found(upstream: Upstream) -> None:
    server = upstream.server
    server.files['/d/'] = File(b'a-1.img\na-2.img\na-2.img.sig\nb-3.img\n')
    body = f'versions_from: {{url: "{server.url}/d/a-{{version}}.img"}}'
    known = look_up(upstream, body)
    assert [each.name for each in known.found['debian']] == ['2']
    (source,) = known.found['debian'][0].sources
    assert str(source) == f'{server.url}/d/a-2.img'


def test_a_mirror_lists_versions_where_the_first_address_does_not(
    upstream: Upstream,
) -> None:
    upstream.server.files['/m/'] = File(HTML.replace('/d/', '/m/').encode())
    mirror = f'{upstream.server.url}/m/{{version}}/disk.qcow2'
    names = found(upstream, 'nothing', f'  mirrors: ["{mirror}"]')
    assert names == ['20261113']


@pytest.mark.parametrize('status', [200, 403, 404])
def test_an_address_without_versions_is_told(
    upstream: Upstream, status: int
) -> None:
    server = upstream.server
    server.files['/d/'] = File(b'<html>nothing</html>', status=status)
    body = f'versions_from: {{url: "{server.url}/d/{{version}}/x"}}'
    known = look_up(upstream, body)
    assert known.found == {}
    assert "no versions of debian were found" in known.problems['debian']


# ====== WHAT IS KNOWN ======


def test_a_found_versions_list_says_its_digest(upstream: Upstream) -> None:
    server = upstream.server
    digest = hashlib.sha256(upstream.disk).hexdigest()
    server.files['/d/20261113/disk.qcow2'] = File(upstream.disk)
    server.files['/d/20261113/S'] = File(f'{digest}  disk.qcow2'.encode())
    server.files['/d/'] = File(HTML.encode())
    body = (
        f'versions_from:\n  url: "{server.url}/d/{{version}}/disk.qcow2"\n'
        f'  checksums: "{server.url}/d/{{version}}/S"\n'
    )
    known = look_up(upstream, body).sources['debian', '20261113']
    assert known.digest == identity.digest(upstream.disk)
    assert known.size == len(upstream.disk)
    assert known.proof == f'sha256 {digest[:8]}…'
    assert known.problem is None


def test_a_file_is_known_by_its_bytes_which_are_read_once(
    upstream: Upstream,
) -> None:
    body = version('{file: disk.qcow2}')
    for _ in range(2):
        known = look_up(upstream, body).sources['debian', '1']
        assert known.digest == identity.digest(upstream.disk)
        assert known.size == len(upstream.disk)
    kept = upstream.work / 'digests.json'
    assert kept.stat().st_mode & 0o077 == 0
    (upstream.folder / 'disk.qcow2').write_bytes(b'other')
    known = look_up(upstream, body).sources['debian', '1']
    assert known.digest == identity.digest(b'other')


@pytest.mark.parametrize('damaged', ['{', '[]', '{"a": 1}', '\0'])
def test_a_damaged_cache_of_digests_is_none(
    upstream: Upstream, damaged: str
) -> None:
    upstream.work.mkdir()
    (upstream.work / 'digests.json').write_text(damaged)
    known = look_up(upstream, version('{file: disk.qcow2}'))
    assert known.sources['debian', '1'].digest is not None


def test_a_url_without_a_checksum_is_not_known_before(
    upstream: Upstream,
) -> None:
    known = look_up(upstream, of_web(upstream, '/disk.qcow2'))
    assert known.sources['debian', '1'].digest is None
    assert known.sources['debian', '1'].size == len(upstream.disk)
    assert [each[0] for each in upstream.server.requests] == ['HEAD']


def test_a_server_is_known_by_its_name(upstream: Upstream) -> None:
    known = look_up(upstream, version('{server: build, target: de}'))
    digest = known.sources['debian', '1'].digest
    assert digest == identity.digest(b'server build of de')


def test_a_source_that_is_not_there_is_told_before_it_is_fetched(
    upstream: Upstream,
) -> None:
    known = look_up(upstream, of_web(upstream, '/none', '/no'))
    problem = known.sources['debian', '1'].problem or ''
    assert problem.count("answers 404") == 2


def test_a_mirror_counts_where_the_first_place_is_gone(
    upstream: Upstream,
) -> None:
    known = look_up(upstream, of_web(upstream, '/none', '/disk.qcow2'))
    assert known.sources['debian', '1'].problem is None
    assert known.sources['debian', '1'].size == len(upstream.disk)
