# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline apply`` of what strangers offer: what is bad is
refused, and nothing is made of it.
"""

from collections.abc import Iterator
import hashlib
import os
from pathlib import Path
import signal
import socket
import threading

import pytest

from ims_ext.emulator.server import EmulatorServer

from ..signers import Signers
from ..signers import signing
from ..web_server import File
from ..web_server import WebServer
from .boards import wait_until
from .pipeline_process import Command
from .pipeline_process import Ended
from .pipelines import Deployment

IMAGE = '/disk.qcow2'


class Site(Deployment):
    """A manifest whose source is on a web server, and the command."""

    def __init__(
        self, server: EmulatorServer, folder: Path, web: WebServer
    ) -> None:
        super().__init__(server, folder)
        self.web = web
        self.disk = (folder / 'disk.qcow2').read_bytes()
        self.sha256 = hashlib.sha256(self.disk).hexdigest()
        web.files[IMAGE] = File(self.disk)
        self.command = Command(folder, self.environment)

    def apply(self, *sources: str, **settings: str) -> Ended:
        """Apply a manifest of one image with these sources."""
        self.declare(*sources, **settings)
        return self.command.run('apply', str(self.manifest))

    def declare(self, *sources: str, **settings: str) -> None:
        """Write a manifest of one image with these sources."""
        urls = sources or (self.web.url + IMAGE,)
        listed = ', '.join(f'{{url: "{each}"}}' for each in urls)
        more = ''.join(f', {key}: {each}' for key, each in settings.items())
        self.write(
            'images:\n  app:\n'
            '    os_version: Ubuntu 18.04 server 64bit\n'
            '    attempts: 1\n    targets: [de]\n'
            f'    versions: {{"1": {{source: [{listed}]{more}}}}}\n'
        )

    def check_nothing(self) -> None:
        """Make sure that nothing is made, and nothing left."""
        assert self.made() == {}
        assert self.temporary_files() == []
        assert self.clear_bucket() == []


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator with two regions."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0.1) as made:
        yield made


@pytest.fixture
def site(server: EmulatorServer, tmp_path: Path) -> Iterator[Site]:
    """Give a manifest, with an emulator that is as it was at its start."""
    server.reset()
    with WebServer().running() as web:
        yield Site(server, tmp_path, web)


@pytest.fixture(scope='module')
def signers() -> Iterator[Signers]:
    """Give signers."""
    with signing() as found:
        yield found


def test_what_has_become_another_file_is_refused(site: Site) -> None:
    site.web.files[IMAGE] = File(site.disk + bytes(65536))

    done = site.apply(checksum=f'"sha256:{site.sha256}"')

    assert done.code == 3, done
    assert 'is not what it has to be' in done.complained
    assert site.web.url + IMAGE in done.complained
    site.check_nothing()


def test_a_version_that_changes_after_a_lock_is_refused(site: Site) -> None:
    site.declare()
    locked = site.command.run('lock', str(site.manifest), '--fetch')
    assert locked.code == 0, locked
    assert site.temporary_files() == []
    site.web.files[IMAGE] = File(site.disk + bytes(65536))

    done = site.command.run('apply', str(site.manifest))

    assert done.code == 3, done
    assert 'another one than the lock says' in done.complained + done.said
    site.check_nothing()


def test_a_download_that_ends_too_early_is_refused(site: Site) -> None:
    site.web.files[IMAGE] = File(
        site.disk, cut_after=[1000] * 50, has_ranges=False
    )

    done = site.apply()

    assert done.code == 3, done
    assert 'app@1' in done.complained
    site.check_nothing()


@pytest.mark.parametrize(
    ('signer', 'told'),
    [
        ('other', 'not in the keyring'),
        ('expired', 'has expired'),
        ('changed', 'signature'),
    ],
)
def test_a_signature_that_counts_for_nothing_is_refused(
    site: Site, signers: Signers, signer: str, told: str
) -> None:
    text = f'{site.sha256}  disk.qcow2\n'.encode()
    past = ('--faked-system-time', '20200101T010000')
    who = 'good' if signer == 'changed' else signer
    options = past if signer == 'expired' else ()
    signed = signers.sign(who, text, *options)
    if signer == 'changed':
        text += b'\n'
    site.web.files['/S'] = File(text)
    site.web.files['/S.gpg'] = File(signed)
    keyring = signers.keyring(
        site.folder, 'expired' if signer == 'expired' else 'good'
    )
    url = site.web.url

    done = site.apply(
        checksums=f'"{url}/S"',
        signature=f'{{gpg: "{url}/S.gpg", keyring: {keyring}}}',
    )

    assert done.code == 3, done
    assert told in done.complained + done.said
    site.check_nothing()


def test_a_mirror_that_is_good_is_taken(site: Site) -> None:
    site.web.files['/forbidden/disk.qcow2'] = File(status=403)
    site.web.files['/other/disk.qcow2'] = File(site.disk + b'!')
    url = site.web.url

    done = site.apply(
        f'{url}/forbidden/disk.qcow2',
        f'{url}/other/disk.qcow2',
        url + IMAGE,
        checksum=f'"sha256:{site.sha256}"',
    )

    assert done.code == 0, done
    assert '403' in done.complained
    assert site.made() == {('eu-de', 'app-1'): 1}
    assert site.temporary_files() == []


def test_a_way_out_of_tls_is_refused(site: Site) -> None:
    # A redirect leads somewhere else in the same way only.
    site.web.files[IMAGE] = File(location='ftp://mirror.example/disk.qcow2')

    done = site.apply()

    assert done.code == 3, done
    assert 'no URL of HTTP' in done.said
    site.check_nothing()


def test_sources_are_fetched_through_a_proxy(site: Site) -> None:
    asked: list[str] = []
    with WebServer().running() as proxy:
        wanted = 'http://mirror.example/disk.qcow2'
        proxy.files[wanted] = File(site.disk)
        site.environment |= {
            'http_proxy': proxy.url,
            'no_proxy': '127.0.0.1,localhost,.localhost',
        }
        site.command = Command(site.folder, site.environment)

        done = site.apply(wanted)

        asked += [path for _, path, _ in proxy.requests]
    assert done.code == 0, done
    assert set(asked) == {wanted}
    assert site.made() == {('eu-de', 'app-1'): 1}


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_is_fetched_leaves_nothing(
    site: Site, number: signal.Signals
) -> None:
    site.web.files[IMAGE] = File(site.disk, stalls=True)
    site.declare()
    process = site.command.start('apply', str(site.manifest))
    wait_until(lambda: site.web.asked(IMAGE))
    os.kill(process.pid, number)
    # It waits for what runs; the second one is for those in a hurry.
    wait_until(lambda: 'Stopping' in process.complained)
    site.web.ended.set()

    done = process.end()

    assert done.code == 5, done
    site.check_nothing()


def test_a_server_that_says_nothing_is_given_up(site: Site) -> None:
    with socket.create_server(('127.0.0.1', 0)) as silent:
        # It takes connections, and closes them without a word.
        def close() -> None:
            while True:
                try:
                    silent.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=close, daemon=True).start()
        port = silent.getsockname()[1]

        done = site.apply(
            f'http://127.0.0.1:{port}/disk.qcow2', site.web.url + IMAGE
        )

    assert done.code == 0, done
    assert site.made() == {('eu-de', 'app-1'): 1}


@pytest.mark.parametrize('convert', ['raw', 'qcow2'])
def test_a_plan_tells_that_qemu_img_is_missing_where_it_is_needed(
    site: Site, convert: str
) -> None:
    site.declare()
    with site.manifest.open('a') as file:
        file.write(f'    convert: {{format: {convert}}}\n')
    programs = site.folder / 'programs'
    programs.mkdir()
    command = Command(site.folder, {**site.environment, 'PATH': str(programs)})

    plan = command.run('plan', str(site.manifest))

    assert plan.code == 0, plan
    told = 'needs qemu-img, which this machine does not have'
    assert (told in plan.said) == (convert == 'raw')
