# SPDX-License-Identifier: Apache-2.0
"""Who may use a board, where it is, and that what is on it is data."""

from collections.abc import Iterator
import dataclasses
import json
from pathlib import Path
import threading
from typing import Any

import pytest

from ims_ext import exceptions
from ims_ext.emulator.address import ServerNames
from ims_ext.emulator.certificate import Certificates
from ims_ext.emulator.server import EmulatorServer
from ims_ext.pipeline import Manifest
from ims_ext.pipeline import ManifestError
from ims_ext.pipeline.board import address
from ims_ext.pipeline.board import bundle
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import store
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.manifests import Manifests
from ims_ext.pipeline.board.store import Board
from ims_ext.pipeline.board.worker import Worker
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind

from .boards import Redis
from .boards import redis
from .boards import wait_until
from .pipelines import HEAD
from .pipelines import Site

PLANTED = 'pl4nted-Sesame-0pen'
BODY = """\
images:
  app:
    os_version: Ubuntu 18.04 server 64bit
    versions:
      "1": {source: {url: "https://mirror.example/a.qcow2"}}
"""


@pytest.fixture(scope='module')
def own_redis() -> Iterator[Redis]:
    """Give a Redis."""
    with redis() as made:
        yield made


@pytest.fixture
def board(own_redis: Redis, request: pytest.FixtureRequest) -> Iterator[Board]:
    """Give a board of the test's own."""
    prefix = f'test-{abs(hash(request.node.name))}'
    url = f'{own_redis.url}?prefix={prefix}'
    with Board(address.parse(url, {})) as made:
        yield made


def client(board: Board) -> Any:
    """Return a stranger's connection to a board."""
    import redis as redis_py

    return redis_py.Redis(**board.address.options())


# ====== ADDRESSES ======


@pytest.mark.parametrize(
    ('text', 'shown'),
    [
        ('redis://127.0.0.1:6379/0', 'redis://127.0.0.1:6379/0'),
        ('redis://host', 'redis://host:6379/0'),
        ('rediss://u:p@host:1/2', 'rediss://host:1/2'),
        ('redis://[::1]:7', 'redis://[::1]:7/0'),
        ('redis://host?prefix=a.b', 'redis://host:6379/0?prefix=a.b'),
        ('unix:///run/redis', 'unix:///run/redis?prefix=ims-ext'),
    ],
)
def test_an_address_is_shown_without_its_password(
    text: str, shown: str
) -> None:
    found = address.parse(text, {})
    assert str(found) == shown
    assert 'p@' not in repr(found)


@pytest.mark.parametrize(
    ('text', 'is_open'),
    [
        ('redis://127.0.0.1', False),
        ('redis://localhost', False),
        ('redis://[::1]', False),
        ('unix:///run/redis', False),
        ('rediss://redis.example', False),
        ('redis://redis.example', True),
        ('redis://192.0.2.1', True),
    ],
)
def test_who_may_read_along_is_known(text: str, is_open: bool) -> None:
    assert address.parse(text, {}).is_open is is_open


@pytest.mark.parametrize(
    'text',
    [
        '',
        'localhost:6379',
        'http://host',
        'redis://',
        'redis://host:port',
        'redis://host/db',
        'redis://host?verify=no',
        'redis://host?prefix=a:b',
        'rediss://host?ca=/none/such',
        'unix://host/path',
    ],
)
def test_an_address_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(exceptions.ValidationError, match='redis://127'):
        address.parse(text, {})


def test_where_no_redis_is_that_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match='does not answer'):
        Board(address.parse(f'unix://{tmp_path}/none', {}))


def test_a_password_is_demanded_and_not_shown() -> None:
    with redis('--requirepass', PLANTED) as made:
        for environment in ({}, {address.PASSWORD: 'wrong'}):
            with pytest.raises(BoardError) as caught:
                Board(address.parse(made.url, environment))
            assert PLANTED not in str(caught.value)
        where = address.parse(made.url, {address.PASSWORD: PLANTED})
        with Board(where) as board:
            assert board.workers() == []


def test_tls_is_spoken_and_certificates_are_verified(tmp_path: Path) -> None:
    folder = tmp_path / 'certificates'
    names = ServerNames(['localhost'], ['localhost'], [])
    authority = Certificates(folder, names).authority
    pair = str(folder / 'server.pem')
    with redis(
        *('--tls-cert-file', pair, '--tls-key-file', pair),
        *('--tls-ca-cert-file', str(authority), '--tls-auth-clients', 'no'),
    ) as own:
        url = f'rediss://localhost:{own.tls_port}/0'
        with pytest.raises(BoardError):
            Board(address.parse(url, {}))
        with pytest.raises(BoardError):
            Board(address.parse(url.replace('rediss', 'redis'), {}))
        with Board(address.parse(f'{url}?ca={authority}', {})) as board:
            assert board.workers() == []


def test_another_version_is_refused_while_somebody_is_there(
    board: Board, monkeypatch: pytest.MonkeyPatch
) -> None:
    board.appear('somebody', 60, {'host': 'there'})
    monkeypatch.setattr(store.ims_ext, '__version__', '9.9.9')
    with pytest.raises(BoardError) as caught:
        Board(board.address)
    assert '9.9.9' in str(caught.value)
    assert '0.' in str(caught.value)
    board.vanish('somebody')
    # Nobody is left who would not understand.
    with Board(board.address) as newer:
        assert newer.workers() == []
    with pytest.raises(BoardError, match=r'9\.9\.9'):
        newer_one(board)


def newer_one(board: Board) -> None:
    """Open a board that a newer version is at."""
    with Board(board.address) as newer:
        newer.appear('somebody', 60, {})
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store.ims_ext, '__version__', '0.1')
            Board(board.address)


# ====== WHAT STRANGERS WRITE ======


def task(board: Board, **changes: Any) -> dict[str, Any]:
    """Return a task as it is posted."""
    made = data.Task(
        'platform',
        'run',
        '0' * 64,
        '2026-11-20',
        60.0,
        'alice/eu-de/',
        None,
        ((Action(Kind.MAKE, Item('app', '1', 'de'), ''), 'token'),),
    )
    return {**made.as_json(), **changes}


def test_what_is_no_task_is_removed_and_told(board: Board) -> None:
    strange = [
        {},
        {'v': 2},
        task(board, v=2),
        task(board, bundle='../../etc/passwd'),
        task(board, actions=[]),
        task(board, code='os:system'),
        task(board, day='yesterday' * 100),
        task(board, pipeline='a/b'),
    ]
    for each in strange:
        board.jobs.post('app', each)
    stranger = client(board)
    listings = f'{board.address.prefix}:jobs:listings'
    for key, content in {
        'a': b'',
        'b': b'cos\nsystem\n(S"touch /tmp/owned"\ntR.',
        'c': b'\xc1' * 10,
        'd': b'\x80',
        'e': b'\x81\xa4uuid\x01',
    }.items():
        stranger.hset(listings, key, content)
    said: list[str] = []
    worker = Worker(board, say=said.append)
    thread = threading.Thread(target=worker.run)
    thread.start()
    wait_until(
        lambda: not stranger.hlen(listings) and len(said) >= len(strange)
    )
    worker.stop()
    thread.join()

    assert all('no' in each for each in said)
    assert stranger.hlen(listings) == 0


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """Give a manifest."""
    return Manifest.loads(HEAD + BODY, tmp_path / 'm.yaml', {})


def made(manifest: Manifest) -> dict[str, Any]:
    """Return a bundle as data."""
    image = manifest.images['app']
    content = bundle.made(manifest, [image], [('app', image.versions[0])])
    found: dict[str, Any] = json.loads(content)
    return found


def test_a_bundle_is_what_was_declared(
    manifest: Manifest, tmp_path: Path
) -> None:
    folder = tmp_path / 'other'
    folder.mkdir()
    found = bundle.opened(data.write(made(manifest)), folder)
    assert found.name == manifest.name
    assert found.targets == manifest.targets
    assert found.accept == manifest.accept
    assert found.images['app'].versions == manifest.images['app'].versions
    assert found.images['app'].attributes == manifest.images['app'].attributes


def test_small_files_go_along(tmp_path: Path) -> None:
    (tmp_path / 'keys.gpg').write_bytes(b'a key')
    (tmp_path / 'SUMS').write_text('a sum')
    body = BODY.replace(
        '}}\n',
        '}, checksums: SUMS, signature: {gpg: SUMS, keyring: keys.gpg}}\n',
    )
    manifest = Manifest.loads(HEAD + body, tmp_path / 'm.yaml', {})
    folder = tmp_path / 'other'
    folder.mkdir()
    found = bundle.opened(data.write(made(manifest)), folder)
    version = found.images['app'].versions[0]
    assert version.signature is not None
    assert version.signature.keyring.read_bytes() == b'a key'
    assert Path(str(version.checksums)).read_text() == 'a sum'
    assert folder in version.signature.keyring.parents


@pytest.mark.parametrize(
    ('where', 'what'),
    [
        ('source', [{'file': '/etc/passwd'}]),
        ('source', [{'file': '../../etc/passwd'}]),
        ('checksums', '/etc/passwd'),
        ('checksums', 'file:///etc/passwd'),
        ('signature', {'gpg': '/etc/passwd', 'keyring': 'file-0'}),
        ('signature', {'gpg': 'https://a.example/', 'keyring': '/etc/passwd'}),
    ],
)
def test_a_bundle_names_no_file_of_the_worker(
    manifest: Manifest, tmp_path: Path, where: str, what: Any
) -> None:
    found = made(manifest)
    found['manifest']['images']['app']['versions']['1'][where] = what
    with pytest.raises(data.DataError, match='file of this machine'):
        bundle.opened(data.write(found), tmp_path)


@pytest.mark.parametrize(
    'change',
    [
        {'manifest': []},
        {'files': {'../../x': 'YQ=='}},
        {'files': {'file-0': 'no base64!'}},
        {'more': 1},
        {'manifest': {'groups': {'a': {'projects_file': '/etc/passwd'}}}},
    ],
)
def test_what_is_no_bundle_is_refused(
    manifest: Manifest, tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(data.DataError):
        bundle.opened(data.write({**made(manifest), **change}), tmp_path)


def test_a_bundle_has_no_variables_of_the_worker(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('SECRET', PLANTED)
    found = made(manifest)
    found['manifest']['variables'] = {'SECRET': None}
    found['manifest']['images']['app']['description'] = '${SECRET}'
    with pytest.raises(ManifestError) as caught:
        bundle.opened(data.write(found), tmp_path)
    assert PLANTED not in str(caught.value)


def test_a_worker_keeps_the_files_of_the_bundles_used_last(
    board: Board, manifest: Manifest, tmp_path: Path
) -> None:
    image = manifest.images['app']
    digests = []
    for number in range(5):
        version = dataclasses.replace(image.versions[0], name=str(number))
        content = bundle.made(manifest, [image], [('app', version)])
        digests.append(board.keep_bundle(content))
    folder = tmp_path / 'worker'
    folder.mkdir()
    opened = Manifests(board, folder, most=2)

    first = opened.get(digests[0])
    for each in digests[1:]:
        opened.get(each)
        assert opened.get(digests[0]) is first

    assert len(list(folder.iterdir())) == 2
    # What was let go is opened again.
    again = opened.get(digests[1])
    assert again.images['app'].versions[0].name == '1'
    assert len(list(folder.iterdir())) == 2
    with pytest.raises(data.DataError):
        opened.get(board.keep_bundle(b'{}'))
    assert len(list(folder.iterdir())) == 2


def test_a_bundle_is_what_its_digest_says(board: Board) -> None:
    digest = board.keep_bundle(b'{}')
    client(board).set(f'{board.address.prefix}:bundle:{digest}', b'{"a":1}')
    with pytest.raises(data.DataError):
        board.bundle(digest)


def test_strange_events_are_not_told(board: Board) -> None:
    stranger = client(board)
    key = f'{board.address.prefix}:events'
    for each in (b'', b'{}', b'[1]', b'\xff', b'{"kind": "item.done"}'):
        stranger.xadd(key, {'event': each})
    stranger.xadd(key, {'other': 'x'})
    found = [event for _, event in board.chronicle.after('0-0', 0.1)]
    assert found == [{}] * 6


# ====== SECRETS ======


def test_no_secret_is_on_a_board(tmp_path: Path, board: Board) -> None:
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as server:
        site = Site(server, tmp_path)
        (tmp_path / 'home').mkdir()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('XDG_STATE_HOME', str(tmp_path / 'home'))
            apply(site, board)
        secrets = {
            str(entry['auth'][each])
            for entry in server.clouds()['clouds'].values()
            for each in ('password', 'secret_key', 'sk')
            if entry.get('auth', {}).get(each)
        }
        assert secrets
        held = dump(client(board))
        assert b'platform' in held
        for secret in secrets:
            assert secret.encode() not in held
        assert b'X-Auth-Token' not in held
        assert b'Signature=' not in held


def apply(site: Site, board: Board) -> None:
    """Apply a manifest by a worker of this process."""
    from ims_ext.pipeline import Run

    body = BODY.replace('{url: "https://mirror.example/a.qcow2"}', 'SOURCE')
    manifest = Manifest.loads(
        HEAD + body.replace('SOURCE', '{file: disk.qcow2}'),
        site.folder / 'm.yaml',
        {},
    )
    worker = Worker(board, connect=site.connect)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        with Run(manifest, connect=site.connect, board=board) as run:
            outcome = run.apply()
    finally:
        worker.stop()
        thread.join()
    assert outcome.exit_code == 0, outcome
    assert set(site.made().values()) == {1}


def dump(stranger: Any) -> bytes:
    """Return all that Redis knows."""
    found = []
    for key in stranger.scan_iter():
        kind = stranger.type(key)
        read = {
            b'string': stranger.get,
            b'hash': stranger.hgetall,
            b'list': lambda key: stranger.lrange(key, 0, -1),
            b'set': stranger.smembers,
            b'zset': lambda key: stranger.zrange(key, 0, -1),
            b'stream': stranger.xrange,
        }[kind]
        found.append(repr((key, read(key))).encode())
    return b'\n'.join(found)
