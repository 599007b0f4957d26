# SPDX-License-Identifier: Apache-2.0
"""Proofs of sources: lists of checksums, and who has signed them."""

from collections.abc import Iterator
import hashlib
from pathlib import Path

import pytest

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources import SourceError
from ims_ext.pipeline.sources import checksums
from ims_ext.pipeline.sources import signatures

from ..signers import Signers
from ..signers import signing
from ..web_server import File
from .upstream import Upstream
from .upstream import of_web
from .upstream import version

SHA256 = hashlib.sha256(b'disk').hexdigest()
SHA512 = hashlib.sha512(b'disk').hexdigest()
OTHER = hashlib.sha256(b'other').hexdigest()


# ====== LISTS ======


@pytest.mark.parametrize(
    'text',
    [
        f'{SHA256}  disk.img\n{OTHER}  other.img\n',
        f'{OTHER} *other.img\r\n{SHA256} *disk.img\r\n',
        f'{SHA256}  ./deep/folder/disk.img\n',
        f'{SHA256.upper()}\tdisk.img',
        f'SHA256 (disk.img) = {SHA256}\nSHA256 (other.img) = {OTHER}\n',
        f'{SHA256}\n',
        f'# a remark\n\n{SHA256}  disk.img\n{SHA256}  disk.img\n',
        f'# disk.img: 4 bytes\nSHA256 (disk.img) = {SHA256}\n',
        f'{SHA512}  disk.img\n{SHA256}  disk.img\n',
    ],
)
def test_a_list_says_the_checksum_of_a_file(text: str) -> None:
    found = checksums.find(text.encode(), 'disk.img', 'SHA256SUMS')
    assert found == model.Checksum('sha256', SHA256)


def test_a_list_of_sha512_says_it_as_well() -> None:
    text = f'{SHA512} *disk.img\n'.encode()
    found = checksums.find(text, 'disk.img', 'SHA512SUMS')
    assert found == model.Checksum('sha512', SHA512)


@pytest.mark.parametrize(
    ('text', 'told'),
    [
        (f'{OTHER}  other.img\n', "no checksum of disk.img"),
        (f'{OTHER}  xdisk.img\n', "those of xdisk.img"),
        (f'{SHA256}  disk.img\n{OTHER}  b/disk.img\n', "they differ"),
        (f'{SHA256}\n{OTHER}\n', "no checksum of disk.img"),
        ('<html>not found</html>', "is no list"),
        ('', "is no list"),
        (f'{SHA256[:32]}  disk.img\n', "is no list"),
    ],
)
def test_a_list_without_one_checksum_of_a_file_is_refused(
    text: str, told: str
) -> None:
    with pytest.raises(SourceError, match=told):
        checksums.find(text.encode(), 'disk.img', 'SHA256SUMS')


def test_a_source_is_proven_by_a_list(upstream: Upstream) -> None:
    digest = upstream.sha256.removeprefix('sha256:')
    listed = f'{digest} *disk.qcow2\n{OTHER} *other\n'.encode()
    upstream.server.files['/SHA256SUMS'] = File(listed)
    body = of_web(
        upstream,
        '/disk.qcow2',
        checksums=f'"{upstream.server.url}/SHA256SUMS"',
    )
    assert upstream.content(body) == upstream.disk
    upstream.server.files['/disk.qcow2'] = File(upstream.disk + b'!')
    assert "is not what it has to be" in upstream.refusal(body)


# ====== SIGNATURES ======


@pytest.fixture(scope='module')
def signers() -> Iterator[Signers]:
    """Signers whose keys are good, expired, revoked and unknown."""
    with signing() as found:
        yield found


def listed(upstream: Upstream) -> bytes:
    """Return a list with the disk image."""
    digest = upstream.sha256.removeprefix('sha256:')
    return f'{digest}  disk.qcow2\n'.encode()


def signed(upstream: Upstream, keyring: str, sign: str = '/S.gpg') -> str:
    """Return a version whose list of checksums is signed."""
    url = upstream.server.url
    return of_web(
        upstream,
        '/disk.qcow2',
        checksums=f'"{url}/S"',
        signature=f'{{gpg: "{url}{sign}", keyring: {keyring}}}',
    )


@pytest.mark.parametrize('armored', [False, True])
def test_a_signed_list_proves_a_source(
    upstream: Upstream, signers: Signers, armored: bool
) -> None:
    text = listed(upstream)
    options = ['--armor'] if armored else []
    upstream.server.files['/S'] = File(text)
    upstream.server.files['/S.gpg'] = File(
        signers.sign('good', text, *options)
    )
    keyring = signers.keyring(
        upstream.folder, 'other', 'good', armored=armored
    )
    assert upstream.content(signed(upstream, keyring)) == upstream.disk


def test_a_list_with_its_signature_in_it_proves_a_source(
    upstream: Upstream, signers: Signers
) -> None:
    upstream.server.files['/S'] = File(
        signers.sign('good', listed(upstream), '--clearsign')
    )
    keyring = signers.keyring(upstream.folder, 'good')
    body = signed(upstream, keyring, '/S')
    assert upstream.content(body) == upstream.disk


def test_what_stands_beside_a_clearsigned_list_counts_for_nothing(
    upstream: Upstream, signers: Signers
) -> None:
    text = signers.sign('good', f'{OTHER}  b\n'.encode(), '--clearsign')
    upstream.server.files['/S'] = File(listed(upstream) + text)
    body = signed(upstream, signers.keyring(upstream.folder, 'good'), '/S')
    said = upstream.refusal(body)
    assert "no checksum of disk.qcow2" in said or "no signature" in said


@pytest.mark.parametrize(
    ('signer', 'options', 'keys', 'told'),
    [
        ('other', (), ('good',), "not in the keyring"),
        (
            'expired',
            ('--faked-system-time', '20200101T010000'),
            ('expired',),
            "has expired",
        ),
        (
            'old',
            (
                *('--faked-system-time', '20200101T010000'),
                *('--default-sig-expire', '1d'),
            ),
            ('old',),
            "the signature by",
        ),
    ],
)
def test_a_signature_that_counts_for_nothing_is_refused(
    upstream: Upstream,
    signers: Signers,
    signer: str,
    options: tuple[str, ...],
    keys: tuple[str, ...],
    told: str,
) -> None:
    text = listed(upstream)
    upstream.server.files['/S'] = File(text)
    upstream.server.files['/S.gpg'] = File(
        signers.sign(signer, text, *options)
    )
    body = signed(upstream, signers.keyring(upstream.folder, *keys))
    assert told in upstream.refusal(body)


def test_a_revoked_key_is_refused(
    upstream: Upstream, signers: Signers
) -> None:
    text = listed(upstream)
    upstream.server.files['/S'] = File(text)
    upstream.server.files['/S.gpg'] = File(signers.sign('revoked', text))
    fingerprint = next(
        line.split(b':')[9].decode()
        for line in signers.run(
            '--with-colons', '--list-keys', 'revoked'
        ).splitlines()
        if line.startswith(b'fpr')
    )
    made = signers.home / 'openpgp-revocs.d' / f'{fingerprint}.rev'
    certificate = made.read_bytes().replace(b':-----BEGIN', b'-----BEGIN')
    signers.run('--import', text=certificate)
    body = signed(upstream, signers.keyring(upstream.folder, 'revoked'))
    assert "has been revoked" in upstream.refusal(body)


def test_a_list_changed_after_it_was_signed_is_refused(
    upstream: Upstream, signers: Signers
) -> None:
    upstream.server.files['/S'] = File(listed(upstream))
    upstream.server.files['/S.gpg'] = File(signers.sign('good', b'others'))
    body = signed(upstream, signers.keyring(upstream.folder, 'good'))
    assert "the signature is wrong" in upstream.refusal(body)
    asked = [path for _, path, _ in upstream.server.requests]
    assert '/disk.qcow2' not in asked


def test_what_is_no_signature_is_refused(
    upstream: Upstream, signers: Signers
) -> None:
    upstream.server.files['/S'] = File(listed(upstream))
    upstream.server.files['/S.gpg'] = File(b'not found')
    body = signed(upstream, signers.keyring(upstream.folder, 'good'))
    assert "no signature" in upstream.refusal(body)


def test_a_source_is_proven_by_a_signature_of_its_own(
    upstream: Upstream, signers: Signers
) -> None:
    sign = signers.sign('good', upstream.disk)
    (upstream.folder / 'disk.sig').write_bytes(sign)
    keyring = signers.keyring(upstream.folder, 'good')
    body = of_web(
        upstream,
        '/disk.qcow2',
        signature=f'{{gpg: disk.sig, keyring: {keyring}}}',
    )
    file = upstream.server.files['/disk.qcow2']
    file.cut_after = [5000]
    assert upstream.content(body) == upstream.disk
    upstream.server.files['/disk.qcow2'] = File(upstream.disk + b'!')
    assert "the signature is wrong" in upstream.refusal(body)


def test_a_keyring_that_is_none_is_named(
    upstream: Upstream, signers: Signers
) -> None:
    (upstream.folder / 'keys.txt').write_text('nothing')
    (upstream.folder / 'disk.sig').write_bytes(b'')
    body = version(
        '{file: disk.qcow2}',
        signature='{gpg: disk.sig, keyring: keys.txt}',
    )
    assert "keys.txt is no keyring" in upstream.refusal(body)


def test_gpgv_that_is_missing_is_named_with_its_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    verifier = signatures.Verifier(tmp_path / 'keys', tmp_path)
    with pytest.raises(SourceError, match="Debian's gpgv"):
        verifier.clearsigned(b'', 'list')
