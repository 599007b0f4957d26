# SPDX-License-Identifier: Apache-2.0
"""The certificates of an emulator, and the authority that vouches for them.

The authority is good for the names of this machine and of the emulator, and
for nothing else: who trusts it trusts nobody with other hosts.
"""

import datetime
import ipaddress
from pathlib import Path
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.oid import NameOID

from ims_ext.emulator import private_files
from ims_ext.emulator.address import ServerNames

_AUTHORITY = 'ca.pem'
_KEY = 'ca-key.pem'
_SERVER = 'server.pem'

_AUTHORITY_DAYS = 3650
#: What clients accept at most of a server's certificate.
_SERVER_DAYS = 397
#: How long an authority must last that is used again.
_LEAST = datetime.timedelta(days=_SERVER_DAYS)
#: Clocks differ.
_SKEW = datetime.timedelta(days=1)

_LOOPBACK = ('127.0.0.0/8', '::1/128')


class Certificates:
    """The certificates in a directory, which are made where they lack.

    :param directory: The directory; only its owner can read it.
    :param names: What the certificates are for.
    :raises: :class:`~ims_ext.emulator.private_files.NotPrivateError`,
        :class:`OSError`

    :ivar authority: The path of the authority's certificate, which clients
        are to trust. The authority stays the same for as long as it is good
        for the names.
    """

    def __init__(self, directory: Path, names: ServerNames) -> None:
        private_files.make_directory(directory)
        private_files.take_files(directory)
        self._directory = directory
        self._names = names
        self.authority = directory / _AUTHORITY
        certificate, key = self._kept() or self._make_authority()
        self._make_server(certificate, key)

    def context(self) -> ssl.SSLContext:
        """Return what servers encrypt with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._directory / _SERVER)
        return context

    def _kept(
        self,
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None:
        """Return the authority of an earlier start, if it is still good."""
        try:
            certificate = x509.load_pem_x509_certificate(
                self.authority.read_bytes()
            )
            key = serialization.load_pem_private_key(
                (self._directory / _KEY).read_bytes(), None
            )
            constraints = certificate.extensions.get_extension_for_class(
                x509.NameConstraints
            ).value
        except (OSError, ValueError, x509.ExtensionNotFound):
            return None
        if (
            not isinstance(key, ec.EllipticCurvePrivateKey)
            or key.public_key() != certificate.public_key()
            or constraints != self._constraints()
            or certificate.not_valid_after_utc < _now() + _LEAST
        ):
            return None
        return certificate, key

    def _make_authority(
        self,
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        key = ec.generate_private_key(ec.SECP256R1())
        # Clients tell authorities apart by their names.
        number = x509.random_serial_number()
        name = _name(f'ims-emulator {number:x}'[:60])
        certificate = (
            _builder(name, name, key, _AUTHORITY_DAYS, number)
            .add_extension(x509.BasicConstraints(True, 0), True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), True)
            .add_extension(self._constraints(), True)
            .sign(key, hashes.SHA256())
        )
        self._write(_KEY, _private(key))
        self._write(_AUTHORITY, _public(certificate))
        return certificate, key

    def _make_server(
        self, authority: x509.Certificate, key: ec.EllipticCurvePrivateKey
    ) -> None:
        own = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName(host) for host in self._names.hosts]
        addresses = [ipaddress.ip_address(a) for a in ('127.0.0.1', '::1')]
        certificate = (
            _builder(
                _name('ims-emulator'),
                authority.subject,
                own,
                _SERVER_DAYS,
                x509.random_serial_number(),
            )
            .add_extension(x509.BasicConstraints(False, None), True)
            .add_extension(_usage(digital_signature=True), True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False
            )
            .add_extension(
                x509.SubjectAlternativeName(
                    [
                        *names,
                        *map(
                            x509.IPAddress,
                            dict.fromkeys(
                                [*addresses, *self._names.addresses]
                            ),
                        ),
                    ]
                ),
                False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    key.public_key()
                ),
                False,
            )
            .sign(key, hashes.SHA256())
        )
        self._write(_SERVER, _private(own) + _public(certificate))

    def _constraints(self) -> x509.NameConstraints:
        networks = [ipaddress.ip_network(each) for each in _LOOPBACK]
        networks += [
            ipaddress.ip_network(each)
            for each in self._names.addresses
            if not each.is_loopback
        ]
        return x509.NameConstraints(
            [
                *(x509.DNSName(each) for each in self._names.domains),
                *(x509.IPAddress(each) for each in networks),
            ],
            None,
        )

    def _write(self, name: str, content: bytes) -> None:
        path = self._directory / name
        path.unlink(missing_ok=True)
        with open(path, 'xb', opener=private_files.opener) as file:
            file.write(content)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    days: int,
    number: int,
) -> x509.CertificateBuilder:
    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(number)
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + datetime.timedelta(days=days) - _SKEW)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False
        )
    )


def _usage(**given: bool) -> x509.KeyUsage:
    every = (
        'digital_signature',
        'content_commitment',
        'key_encipherment',
        'data_encipherment',
        'key_agreement',
        'key_cert_sign',
        'crl_sign',
        'encipher_only',
        'decipher_only',
    )
    return x509.KeyUsage(**dict.fromkeys(every, False) | given)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _public(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
