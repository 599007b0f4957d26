# SPDX-License-Identifier: Apache-2.0
"""Nothing that a session writes holds what opens the cloud.

Everything that lets somebody in is known to these tests: passwords and keys
are planted, and what the emulator issues or checks is noted as it does so.
Whatever is written meanwhile is searched for all of it.
"""

from collections.abc import Callable, Iterator
import io
import logging
from pathlib import Path
import pickle
import subprocess
import tempfile
import traceback
from typing import Any
import uuid

from openstack import connection
import pytest
import yaml

import ims_ext
from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import signature
from ims_ext.emulator import state
from ims_ext.emulator.bucket import signature as bucket_signature
from ims_ext.emulator.seed import Account
from ims_ext.emulator.server import EmulatorServer
from ims_ext.objectstore import access
from ims_ext.transport import retry

from .openstack_command import OpenStackCommand
from .openstack_command import Run
from .openstack_command import environment_for

PASSWORD = 'planted-password-5d0f'
WRONG = {
    'password': 'planted-wrong-password-1c22',
    'secret_key': 'planted-wrong-secret-9f31',
    'security_token': 'planted-wrong-token-77aa',
}

#: The ways of logging in; the emulator's user is ``carol``.
WAYS = ('password', 'key', 'temporary key')

#: Everybody who logs requests, at their most talkative.
LOGGERS = (
    'boto3',
    'botocore',
    'ims_ext',
    'keystoneauth',
    'openstack',
    's3transfer',
    'urllib3',
)


class Spy:
    """Knows all secrets of an emulator, and looks for them.

    :ivar server: The emulator.
    """

    def __init__(self, server: EmulatorServer) -> None:
        self.server = server
        self._secrets = {PASSWORD, *WRONG.values()}

    def watch(self, patch: pytest.MonkeyPatch) -> None:
        """Note what is issued and signed from now on."""
        for owner, name, secrets_of in (
            (state.Tokens, 'add', lambda token: [token]),
            (
                state.AccessKeys,
                'issue',
                lambda key: [key.secret, key.security_token],
            ),
            (signature, 'signature', lambda found: [found]),
            (bucket_signature, '_sign_v4', lambda found: [found.value]),
        ):
            self._watch(patch, owner, name, secrets_of)

    def _watch(
        self,
        patch: pytest.MonkeyPatch,
        owner: Any,
        name: str,
        secrets_of: Callable[[Any], list[str | None]],
    ) -> None:
        original = getattr(owner, name)

        def noting(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            self._secrets.update(filter(None, secrets_of(result)))
            return result

        patch.setattr(owner, name, noting)

    def found_in(self, written: str | bytes) -> list[str]:
        """Return the lines that hold a secret, made to be read."""
        if isinstance(written, bytes):
            written = written.decode('utf-8', 'replace')
        return [
            line.replace(secret, f'>>>{secret}<<<')[:2000]
            for line in written.splitlines()
            for secret in self._secrets
            if secret in line
        ]


@pytest.fixture(scope='module')
def spy() -> Iterator[Spy]:
    with pytest.MonkeyPatch.context() as patch:
        server = EmulatorServer(
            job_seconds=0, users=[Account('carol', PASSWORD, 'alpha')]
        )
        spying = Spy(server)
        spying.watch(patch)
        # What fails here fails for good; that takes no waiting.
        patch.setattr(
            proxy.Proxy,
            'retry_policy',
            retry.Policy(first_pause=0.0, longest_pause=0.0),
        )
        with server:
            yield spying


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder that state and temporary files are written to."""
    for name in ('XDG_STATE_HOME', 'XDG_CACHE_HOME', 'TMPDIR'):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setattr(tempfile, 'tempdir', None)
    return tmp_path


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Give what everybody logs, the emulator in this process included."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    loggers = [logging.getLogger(name) for name in (None, *LOGGERS)]
    levels = [each.level for each in loggers]
    loggers[0].addHandler(handler)
    for each in loggers:
        each.setLevel(logging.DEBUG)
    yield written
    loggers[0].removeHandler(handler)
    for each, level in zip(loggers, levels, strict=True):
        each.setLevel(level)


def entry(spy: Spy, way: str) -> dict[str, Any]:
    """Return a cloud's entry for a way of logging in."""
    clouds = spy.server.clouds(access_keys=True)['clouds']
    found = dict(clouds['carol' if way == 'password' else 'carol-aksk'])
    # Buckets are opened with temporary keys, which are more to look for.
    for name in ('ak', 'sk', 'vendor_hook'):
        found.pop(name, None)
    found['auth'] = dict(found['auth'])
    if way == 'temporary key':
        with connect(spy, 'password') as conn:
            key = access.find_credentials(conn)
        found['auth'] |= {
            'access_key': key.access_key,
            'secret_key': key.secret_key,
            'security_token': key.token,
        }
    return found


def connect(spy: Spy, way: str) -> connection.Connection:
    """Return a connection that logs in in one of the ways."""
    conn = connection.Connection(**entry(spy, way))
    ims_ext.load(conn)
    return conn


def fresh() -> str:
    return f'golden-{uuid.uuid4().hex[:8]}'


# ====== THE LIBRARY ======


@pytest.mark.parametrize('way', WAYS)
def test_nobody_logs_a_secret_of_a_session_that_goes_well(
    spy: Spy, log: io.StringIO, disks: dict[str, Path], home: Path, way: str
) -> None:
    with connect(spy, way) as conn:
        job = conn.ims.create_image_from_file(
            disks['qcow2'], fresh(), bucket='images', wait=True
        )
        conn.ims.export_image(
            job.image_id, f'images:{fresh()}', file_format='qcow2', wait=True
        )
        assert list(conn.ims.cloud_images())
        assert list(conn.image.images())
        assert list(conn.compute.servers())
        assert conn.ims.download_image(job.image_id)

    assert 'REQ: curl' in log.getvalue()
    assert 'botocore' in log.getvalue()
    assert spy.found_in(log.getvalue()) == []


def lost(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    with spy.server.faults.active('cut=before,on=image'):
        list(conn.ims.cloud_images())


def unreadable(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    with spy.server.faults.active('body=html,on=image'):
        conn.ims.image_quotas()


def unknown(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    conn.ims.get_cloud_image(str(uuid.uuid4()))


def forbidden(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    public = next(iter(conn.ims.cloud_images(visibility='public')))
    conn.ims.delete_image(public.id, ignore_missing=False)


def no_bucket(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    conn.ims.create_image_from_file(disk, fresh(), bucket='is-not-there')


def no_access(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    with spy.server.faults.active('status=403,on=bucket'):
        conn.ims.create_image_from_file(disk, fresh(), bucket='images')


def failed_job(spy: Spy, conn: connection.Connection, disk: Path) -> None:
    with spy.server.faults.active('job=fail,code=IMG.0022'):
        conn.ims.create_image_from_file(
            disk, fresh(), bucket='images', wait=True
        )


FAILURES = (
    lost,
    unreadable,
    unknown,
    forbidden,
    no_bucket,
    no_access,
    failed_job,
)


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('failure', FAILURES)
def test_what_fails_tells_no_secret(
    spy: Spy,
    log: io.StringIO,
    disks: dict[str, Path],
    home: Path,
    way: str,
    failure: Callable[[Spy, connection.Connection, Path], None],
) -> None:
    with connect(spy, way) as conn:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - all of them
            failure(spy, conn, disks['qcow2'])
        error = caught.value
        shown = [
            str(error),
            repr(error),
            ''.join(traceback.format_exception(error)),
            pickle.dumps(error),
            log.getvalue(),
        ]

    assert [each for text in shown for each in spy.found_in(text)] == []


@pytest.mark.parametrize(
    ('way', 'wrong'),
    [
        ('password', 'password'),
        ('key', 'secret_key'),
        ('temporary key', 'security_token'),
    ],
)
def test_a_refused_login_tells_no_secret(
    spy: Spy, log: io.StringIO, way: str, wrong: str
) -> None:
    configured = entry(spy, way)
    configured['auth'][wrong] = WRONG[wrong]
    with connection.Connection(**configured) as conn:
        ims_ext.load(conn)
        with pytest.raises(Exception) as caught:  # noqa: PT011 - keystoneauth's
            conn.ims.image_quotas()
        error = caught.value
        shown = [
            repr(error),
            ''.join(traceback.format_exception(error)),
            repr(vars(error)),
            log.getvalue(),
        ]
        if way != 'password':
            # keystoneauth's own exception keeps the request that it sent.
            shown.append(pickle.dumps(vars(error)['response']))

    assert [each for text in shown for each in spy.found_in(text)] == []


@pytest.mark.parametrize('way', WAYS)
def test_what_is_kept_of_images_and_jobs_holds_no_secret(
    spy: Spy, disks: dict[str, Path], home: Path, way: str
) -> None:
    with connect(spy, way) as conn:
        job = conn.ims.create_image_from_file(
            disks['qcow2'], fresh(), bucket='images', wait=True
        )
        image = conn.ims.get_cloud_image(job.image_id)
        written = [
            pickle.dumps(each)
            for each in (job, image, list(conn.ims.cloud_images()))
        ]
        shown = [repr(each) for each in (job, image, conn.ims, conn.session)]

    assert [each for text in written for each in spy.found_in(text)] == []
    assert [each for text in shown for each in spy.found_in(text)] == []


@pytest.mark.parametrize('way', WAYS)
def test_what_is_kept_to_go_on_with_holds_no_secret(
    spy: Spy, make_disk: Any, home: Path, way: str
) -> None:
    disk = make_disk('disk.raw', 'raw', '24M')
    with (
        connect(spy, way) as conn,
        spy.server.faults.active('status=503,on=image,method=POST'),
        pytest.raises(exceptions.CloudImageHttpError),
    ):
        conn.ims.create_image_from_file(
            disk, fresh(), bucket='images', wait=True
        )

    kept = [path for path in home.rglob('*') if path.is_file()]
    assert kept
    assert [
        each for path in kept for each in spy.found_in(path.read_bytes())
    ] == []


# ====== THE COMMANDS ======


@pytest.fixture
def run(openstack: OpenStackCommand, spy: Spy, home: Path) -> Run:
    """Give a function that runs ``openstack`` at its most talkative."""
    clouds = {way.replace(' ', '-'): entry(spy, way) for way in WAYS}
    file = home / 'clouds.txt'
    file.write_text(yaml.safe_dump({'clouds': clouds}), 'utf-8')

    def run_openstack(
        *arguments: str, cloud: str, **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return openstack.run(
            *('--debug', '-v', '--log-file', 'command.log'),
            *arguments,
            environment={
                **environment_for(file, cloud.replace(' ', '-')),
                **environ,
            },
            directory=home,
        )

    return run_openstack


def written_by(
    done: subprocess.CompletedProcess[str], home: Path
) -> list[str | bytes]:
    """Return all that a command has written."""
    assert 'DEBUG' in (home / 'command.log').read_text('utf-8')
    return [
        done.stdout,
        done.stderr,
        *(
            path.read_bytes()
            for path in home.rglob('*')
            if path.is_file() and path.name != 'clouds.txt'
        ),
    ]


@pytest.mark.parametrize(
    ('way', 'bucket'),
    [
        ('password', 'images'),
        ('key', 'images'),
        ('temporary key', 'is-not-there'),
    ],
)
def test_a_command_writes_no_secret(
    spy: Spy,
    run: Callable[..., subprocess.CompletedProcess[str]],
    disks: dict[str, Path],
    home: Path,
    way: str,
    bucket: str,
) -> None:
    done = run(
        *('ims', 'image', 'create', '--file', str(disks['qcow2'])),
        *('--bucket', bucket, '--wait', fresh()),
        cloud=way,
    )

    assert done.returncode == (0 if bucket == 'images' else 1)
    assert [
        each for text in written_by(done, home) for each in spy.found_in(text)
    ] == []


@pytest.mark.parametrize('given', ['options', 'environment'])
def test_a_command_repeats_no_secret_that_it_is_given(
    spy: Spy,
    run: Callable[..., subprocess.CompletedProcess[str]],
    home: Path,
    given: str,
) -> None:
    wrong = {name.replace('_', '-'): each for name, each in WRONG.items()}
    options = []
    environ = {}
    for name, each in wrong.items():
        if given == 'options':
            options += [f'--os-{name}', f'{each} {each}']
        else:
            environ['OS_' + name.upper().replace('-', '_')] = each

    done = run(*options, 'ims', 'image', 'list', cloud='key', **environ)

    assert done.returncode == 1
    assert 'APIGW.0301' in done.stderr
    assert [
        each for text in written_by(done, home) for each in spy.found_in(text)
    ] == []


def test_the_search_finds_what_is_there(
    spy: Spy, log: io.StringIO, home: Path
) -> None:
    with connect(spy, 'temporary key') as conn:
        headers = conn.ims.get('/v1/cloudimages/quota').request.headers
    logging.getLogger('urllib3').debug("%s", dict(headers))

    # The signature, and the security token.
    assert len(spy.found_in(log.getvalue())) == 2
    assert spy.found_in(f"a {PASSWORD}".encode())
