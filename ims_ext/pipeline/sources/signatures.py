# SPDX-License-Identifier: Apache-2.0
"""Signatures by OpenPGP, as ``gpgv`` judges them."""

import base64
import binascii
from collections.abc import Callable, Iterator
import contextlib
import dataclasses
from pathlib import Path
import re
import shutil
import subprocess
import tempfile
from typing import BinaryIO

from ims_ext.pipeline.sources.errors import ProofError
from ims_ext.pipeline.sources.errors import SourceError

#: Bytes that a signature may have.
LONGEST = 1024**2
_LONGEST_KEYRING = 64 * 1024**2
#: Seconds that gpgv may take once it has all bytes.
_PATIENCE = 60.0

_CLEARSIGNED = b'-----BEGIN PGP SIGNED MESSAGE-----'
_ARMORED_KEY = re.compile(
    rb'-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n'
    rb'(?:[^\r\n:]+:[^\r\n]*\r?\n)*\s*\r?\n?'
    rb'([A-Za-z0-9+/=\s]*?)'
    rb'(?:\r?\n=[A-Za-z0-9+/]{4}\s*)?'
    rb'-----END PGP PUBLIC KEY BLOCK-----'
)

#: What gpgv says of signatures that count for nothing, and what that means.
_REASONS = (
    ('BADSIG', "the signature is wrong: this is not what {key} has signed"),
    ('REVKEYSIG', "the key {key} has been revoked"),
    ('EXPKEYSIG', "the key {key} has expired"),
    ('EXPSIG', "the signature by {key} has expired"),
    ('NO_PUBKEY', "it is signed by {key}, which is not in the keyring"),
    ('ERRSIG', "the signature by {key} cannot be checked"),
)
_ADVICE = {
    'BADSIG': "nothing of it can be used",
    'REVKEYSIG': "ask whoever signs for the key that is used now",
    'EXPKEYSIG': "ask whoever signs for the key that is used now",
    'EXPSIG': "ask whoever signs for a newer one",
    'NO_PUBKEY': "add the key to the keyring, if you trust it",
    'ERRSIG': "ask whoever signs for another one",
}


def is_clearsigned(text: bytes) -> bool:
    """Whether a text has its signature in it.

    :param text: The text.
    """
    return text.lstrip().startswith(_CLEARSIGNED)


class Verifier:
    """Checks signatures with the keys of one file.

    :param keyring: The file, armoured or not.
    :param folder: Where temporary files are put.
    """

    def __init__(self, keyring: Path, folder: Path) -> None:
        self._keyring = keyring
        self._folder = folder

    def clearsigned(self, text: bytes, where: str) -> bytes:
        """Return what is signed in a text that has its signature in it.

        :param text: The text.
        :param where: What messages call it.
        :raises: :class:`.errors.ProofError`
        """
        with self._prepared() as (folder, command):
            (folder / 'signed').write_bytes(text)
            output = folder / 'content'
            with (folder / 'status').open('w+b') as status:
                command += ['--status-fd', str(status.fileno())]
                command += ['--output', str(output), str(folder / 'signed')]
                self._run(command, status, None)
                _check(_lines(status), where)
            return output.read_bytes()

    def detached(self, content: bytes, signature: bytes, where: str) -> None:
        """Check a signature that is beside what is signed.

        :param content: What is signed.
        :param signature: The signature.
        :param where: What messages call what is signed.
        :raises: :class:`.errors.ProofError`
        """
        with self.streaming(signature, where) as check:
            check.write(content)
            check.finish()

    @contextlib.contextmanager
    def streaming(self, signature: bytes, where: str) -> Iterator['Check']:
        """Give the check of a file that comes in pieces.

        :param signature: Its signature, which is beside it.
        :param where: What messages call it.
        """
        with self._prepared() as (folder, command):
            (folder / 'signature').write_bytes(signature)
            with (folder / 'status').open('w+b') as status:
                command += ['--status-fd', str(status.fileno())]
                command += [str(folder / 'signature'), '-']
                with _started(command, status) as process:
                    try:
                        yield Check(process, status, where)
                    finally:
                        process.kill()

    @contextlib.contextmanager
    def _prepared(self) -> Iterator[tuple[Path, list[str]]]:
        """Give a folder for files, and how a command begins."""
        program = shutil.which('gpgv')
        if program is None:
            raise SourceError(
                "a signature is to be checked, and this machine has no "
                "gpgv: install Debian's gpgv"
            )
        with tempfile.TemporaryDirectory(
            prefix='gpgv-', dir=self._folder
        ) as name:
            folder = Path(name)
            (folder / 'keyring').write_bytes(read_keyring(self._keyring))
            yield (
                folder,
                [
                    *(program, '--homedir', name, '--quiet'),
                    *('--weak-digest', 'SHA1'),
                    *('--keyring', str(folder / 'keyring')),
                ],
            )

    def _run(
        self, command: list[str], status: BinaryIO, content: bytes | None
    ) -> None:
        with _started(command, status) as process:
            try:
                process.communicate(content, timeout=_PATIENCE)
            except subprocess.TimeoutExpired:
                raise SourceError("gpgv takes too long") from None
            finally:
                process.kill()


@dataclasses.dataclass
class Check:
    """A check of a file that comes in pieces."""

    _process: 'subprocess.Popen[bytes]'
    _status: BinaryIO
    _where: str

    def write(self, data: bytes) -> None:
        """Take some more bytes.

        :param data: The bytes.
        """
        # A signature that counts for nothing ends gpgv early.
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(data)

    def finish(self) -> str:
        """Return the fingerprint of whoever has signed, all bytes being there.

        :raises: :class:`.errors.ProofError`
        """
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.stdin = None
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            raise SourceError("gpgv takes too long") from None
        return _check(_lines(self._status), self._where)


def read_keyring(path: Path) -> bytes:
    """Return the keys of a file as gpgv wants them: not armoured.

    :param path: The file.
    :raises: :class:`.errors.SourceError`
    """
    try:
        with path.open('rb') as file:
            content = file.read(_LONGEST_KEYRING)
    except OSError as error:
        raise SourceError(
            f"the keyring {path} cannot be read: {error.strerror or error}"
        ) from error
    if b'-----BEGIN PGP' not in content:
        if not content[:1] or content[0] < 0x80:
            raise SourceError(f"{path} is no keyring of OpenPGP keys")
        return content
    keys = b''
    try:
        for each in _ARMORED_KEY.findall(content):
            keys += base64.b64decode(b''.join(each.split()), validate=True)
    except binascii.Error:
        keys = b''
    if not keys:
        raise SourceError(f"{path} has no public key of OpenPGP in it")
    return keys


@contextlib.contextmanager
def _started(
    command: list[str], status: BinaryIO
) -> 'Iterator[subprocess.Popen[bytes]]':
    process = subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(status.fileno(),),
        env={'LC_ALL': 'C'},
    )
    try:
        yield process
    finally:
        process.kill()
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
        process.wait()


def _lines(status: BinaryIO) -> list[list[str]]:
    status.seek(0)
    text = status.read().decode('utf-8', 'replace')
    return [
        line.split()[1:]
        for line in text.splitlines()
        if line.startswith('[GNUPG:] ')
    ]


def _check(lines: list[list[str]], where: str) -> str:
    """Return the fingerprint of a key that has signed, by gpgv's words.

    There may be further signatures by keys that the keyring does not have,
    but none that is wrong.
    """
    signatures: list[dict[str, str]] = []
    for keyword, *words in lines:
        if keyword == 'NEWSIG' or not signatures:
            signatures.append({})
        signatures[-1].setdefault(keyword, words[0] if words else '')
    if not any('BADSIG' in each for each in signatures):
        for each in signatures:
            if 'GOODSIG' in each and 'VALIDSIG' in each:
                return each['VALIDSIG']
    for keyword, reason in _REASONS:
        for each in signatures:
            if keyword in each:
                key = each[keyword] or "an unknown key"
                raise ProofError(
                    f"{where}: {reason.format(key=key)}; {_ADVICE[keyword]}"
                )
    raise ProofError(f"{where}: there is no signature of OpenPGP")


#: Makes what checks the signatures of a keyring.
Verifiers = Callable[[Path], Verifier]
