# SPDX-License-Identifier: Apache-2.0
"""Keys of GnuPG that are good, expired and revoked, and what they sign."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import subprocess
import tempfile

from .programs import demand


class Signers:
    """Keys of GnuPG, and what they sign."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *arguments: str, text: bytes = b'') -> bytes:
        """Run GnuPG."""
        return subprocess.run(
            [
                *('gpg', '--homedir', str(self.home), '--batch', '--yes'),
                *('--quiet', '--pinentry-mode', 'loopback'),
                *('--passphrase', '', *arguments),
            ],
            input=text,
            capture_output=True,
            check=True,
        ).stdout

    def make(self, name: str, *options: str, expires: str = 'never') -> None:
        """Make a key."""
        self.run(*options, '--quick-gen-key', name, 'ed25519', 'sign', expires)

    def keyring(self, folder: Path, *names: str, armored: bool = False) -> str:
        """Write the public keys of some signers to a file."""
        armor = ['--armor'] if armored else []
        path = folder / f'{"-".join(names)}.gpg'
        path.write_bytes(self.run(*armor, '--export', *names))
        return path.name

    def sign(self, name: str, text: bytes, *options: str) -> bytes:
        """Sign a text, detached unless options say otherwise."""
        kind = () if '--clearsign' in options else ('--detach-sign',)
        return self.run('--local-user', name, *options, *kind, text=text)


@contextlib.contextmanager
def signing() -> Iterator[Signers]:
    """Give signers whose keys are good, expired, revoked and unknown."""
    demand('gpg')
    demand('gpgv')
    # The agent's socket has a short name.
    with tempfile.TemporaryDirectory(prefix='gpg') as name:
        found = Signers(Path(name))
        found.make('good')
        found.make('other')
        past = ('--faked-system-time', '20200101T000000')
        found.make('old', *past)
        found.make('expired', *past, expires='1d')
        found.make('revoked')
        try:
            yield found
        finally:
            subprocess.run(
                ['gpgconf', '--homedir', name, '--kill', 'all'], check=True
            )
