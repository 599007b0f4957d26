# SPDX-License-Identifier: Apache-2.0
"""What ``ims-emulator serve`` says and writes is enough for any client."""

from collections.abc import Callable, Iterator
import contextlib
from pathlib import Path
import re
import signal
import socket
import subprocess
import sys
import threading

from openstack import config
from openstack import connection
import pytest
import yaml

from ims_ext.emulator import names
from ims_ext.emulator.address import SERVICES
from ims_ext.emulator.main import main
from ims_ext.emulator.server import EmulatorServer

from .openstack_command import script

PATIENCE = 60


@contextlib.contextmanager
def serve(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run ``ims-emulator serve``; give what it says up to the command."""
    process = subprocess.Popen(
        [script('ims-emulator'), 'serve', '--port', '0', *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ''
        for line in process.stdout:
            said += line
            if line.startswith('  openstack'):
                break
        yield process, said
    finally:
        process.terminate()
        try:
            process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def images(path: Path) -> int:
    """Count the public images that a clouds.yaml leads to."""
    configuration = config.OpenStackConfig(
        config_files=[str(path)], secure_files=[], vendor_files=[],
        load_envvars=False,
    )  # fmt: skip
    with connection.Connection(config=configuration.get_one('alice')) as conn:
        return len(list(conn.ims.cloud_images(image_type='gold')))


# ====== CLOUDS.YAML ======


def test_a_clouds_yaml_is_there_when_the_emulator_is_ready(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'clouds.yaml'
    with serve('--clouds-yaml', str(path)):
        assert path.stat().st_mode & 0o777 == 0o600
        assert images(path) == 3
        assert [each.name for each in tmp_path.iterdir()] == ['clouds.yaml']

    assert not path.exists()


def test_a_clouds_yaml_tells_access_keys_on_request_only(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'clouds.yaml'
    with serve('--clouds-yaml', str(path)):
        assert 'sk:' not in path.read_text('utf-8')
    with serve('--clouds-yaml', str(path), '--access-keys'):
        assert 'alice-aksk' in yaml.safe_load(path.read_text())['clouds']


def test_a_clouds_yaml_of_a_killed_emulator_is_replaced(
    tmp_path: Path,
) -> None:
    path = tmp_path / 'clouds.yaml'
    with serve('--clouds-yaml', str(path)) as (process, _):
        process.kill()
        process.wait()
    assert path.exists()

    with serve('--clouds-yaml', str(path)):
        assert images(path) == 3


def make_own(path: Path) -> None:
    path.write_text('clouds: {mine: {}}\n', 'utf-8')


def make_link(path: Path) -> None:
    make_own(path.with_name('mine.yaml'))
    path.symlink_to('mine.yaml')


@pytest.mark.parametrize('make', [make_own, make_link, Path.mkdir])
def test_somebody_else_s_file_is_left_alone(
    tmp_path: Path,
    make: Callable[[Path], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / 'clouds.yaml'
    make(path)

    assert main(['serve', '--port=0', '--clouds-yaml', str(path)]) == 1

    told = capsys.readouterr()
    assert 'no emulator has written it' in told.err
    assert told.out == ''
    assert path.is_dir() or 'mine' in path.read_text('utf-8')


def test_a_file_that_cannot_be_written_is_one_clear_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / 'missing' / 'clouds.yaml'

    assert main(['serve', '--port=0', '--clouds-yaml', str(path)]) == 1

    told = capsys.readouterr().err
    assert 'No such file or directory' in told
    assert len(told.splitlines()) == 1


def test_signals_are_handled_as_before_at_its_end(tmp_path: Path) -> None:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]

    assert main(['exec', '--', sys.executable, '-c', 'pass']) == 0
    assert main(['serve', '--clouds-yaml', str(tmp_path / 'no' / 'file')]) == 1

    assert [signal.getsignal(number) for number in numbers] == before


# ====== WHAT IT SAYS ======


@pytest.mark.parametrize(
    'arguments', [[], ['serve'], ['exec'], ['demo'], ['scenario']]
)
def test_the_version_can_be_asked_for(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*arguments, '--version'])

    assert ended.value.code == 0
    assert re.match(r'ims-emulator \d', capsys.readouterr().out)


def test_all_addresses_are_said() -> None:
    with serve('--region=eu-de', '--region=eu-nl') as (_, said):
        urls = re.findall(r'^  [a-z ]+  (http://127.0.0.1:\d+)', said, re.M)

    # The control's address is one for all regions.
    assert len(set(urls)) == 2 * len(SERVICES) + 1


def test_names_are_said_where_there_is_a_domain() -> None:
    with serve('--domain') as (_, said):
        assert 'http://ims.eu-emu-1.localhost:' in said
        assert 'OS_AUTH_URL=http://iam.eu-emu-1.localhost:' in said


def test_the_authority_is_said() -> None:
    with serve('--tls') as (_, said):
        found = re.search(r'OS_CACERT=(\S+)', said)
        assert found is not None
        assert Path(found[1]).read_text('utf-8').startswith('-----BEGIN')


def test_the_public_url_is_said() -> None:
    with serve('--public-url=https://ci.example') as (_, said):
        assert 'OS_AUTH_URL=https://ci.example/identity/v3' in said


@pytest.mark.parametrize(
    ('found', 'host', 'expected'),
    [
        (['127.0.0.1', '::1'], '127.0.0.1', None),
        ([], '127.0.0.1', 'libnss-myhostname'),
        (['192.0.2.1'], '127.0.0.1', 'libnss-myhostname'),
        (['192.0.2.1'], '0.0.0.0', None),
    ],
)
def test_advice_is_given_where_names_are_not_found(
    monkeypatch: pytest.MonkeyPatch,
    found: list[str],
    host: str,
    expected: str | None,
) -> None:
    monkeypatch.setattr(names, 'addresses_of', lambda _: found)
    with EmulatorServer(host=host) as server:
        advice = names.advice(server)

    assert (advice is None) is (expected is None)
    assert expected is None or expected in str(advice)


def test_nobody_waits_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        answered.wait(PATIENCE)
        return []

    monkeypatch.setattr(names, '_PATIENCE', 0.05)
    monkeypatch.setattr(socket, 'getaddrinfo', silent)

    assert names.addresses_of('images.obs.localhost') == []
    answered.set()


# ====== EXEC ======


def test_a_command_trusts_the_authority(tmp_path: Path) -> None:
    program = (
        'import os, openstack;'
        'conn = openstack.connect();'
        'assert conn.auth["auth_url"].startswith("https://");'
        'assert os.environ["AWS_CA_BUNDLE"] == conn.config.config["cacert"];'
        'print(len(list(conn.ims.cloud_images(image_type="gold"))))'
    )
    done = subprocess.run(
        [
            *(script('ims-emulator'), 'exec', '--tls', '--'),
            *(sys.executable, '-c', program),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert (done.stdout, done.returncode) == ('3\n', 0), done.stderr


@pytest.mark.parametrize('has_keys', [False, True])
def test_a_command_gets_access_keys_on_request_only(has_keys: bool) -> None:
    program = (
        'import boto3, os;'
        'print(os.environ.get("HUAWEICLOUD_SDK_PROJECT_ID"));'
        '"AWS_ENDPOINT_URL_S3" in os.environ and '
        'print(boto3.client("s3").list_buckets()["Buckets"][0]["Name"])'
    )
    options = ['--access-keys'] if has_keys else []
    done = subprocess.run(
        [
            *(script('ims-emulator'), 'exec', *options, '--'),
            *(sys.executable, '-c', program),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0] != 'None') is has_keys
    assert lines[1:] == (['images'] if has_keys else [])
