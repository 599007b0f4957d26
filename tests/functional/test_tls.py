# SPDX-License-Identifier: Apache-2.0
"""Certificates are checked as the cloud's configuration says."""

from collections.abc import Callable, Iterator
import datetime
from http import server as http_server
import ipaddress
from pathlib import Path
import ssl
import threading
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import connection
import pytest

import ims_ext
from ims_ext.emulator.server import EmulatorServer

ADDRESS = '127.0.0.1'


class _Handler(http_server.BaseHTTPRequestHandler):
    seen: list[str | None]

    def do_GET(self) -> None:
        self.seen.append(self.headers['X-Auth-Token'])
        body = b'{"quotas": {"resources": []}}'
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


class Secure:
    """An image service with a certificate that nobody vouches for.

    :ivar seen: The tokens that it has been sent.
    """

    def __init__(self, certificate: Path) -> None:
        self.certificate = certificate
        self.seen: list[str | None] = []
        handler = type('Handler', (_Handler,), {'seen': self.seen})
        self._server = http_server.ThreadingHTTPServer((ADDRESS, 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True
        )
        self.url = f'https://{ADDRESS}:{self._server.server_port}'
        threading.Thread(
            target=self._server.serve_forever, daemon=True
        ).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def write_certificate(path: Path) -> None:
    """Write a key and a certificate of its own, good for a day."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ADDRESS)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    address = x509.IPAddress(ipaddress.ip_address(ADDRESS))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([address]), False)
        .add_extension(x509.BasicConstraints(True, None), True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    """Give a service of which the certificate is its own."""
    path = tmp_path / 'own.pem'
    write_certificate(path)
    service = Secure(path)
    yield service
    service.stop()


@pytest.fixture
def connect(
    secure: Secure, emulator: EmulatorServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., connection.Connection]:
    """Make connections whose image service is that one."""
    # They would have a say in what requests trusts.
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)

    def make(**settings: Any) -> connection.Connection:
        entry = emulator.clouds()['clouds']['alice']
        del entry['vendor_hook']
        conn = connection.Connection(
            **entry, ims_endpoint_override=secure.url, **settings
        )
        ims_ext.load(conn)
        return conn

    return make


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: Secure, connect: Callable[..., connection.Connection]
) -> None:
    with connect() as conn, pytest.raises(ksa_exceptions.SSLError):
        list(conn.ims.image_quotas())

    assert secure.seen == []


@pytest.mark.parametrize('setting', ['cacert', 'verify'])
def test_the_clouds_configuration_decides_what_is_trusted(
    secure: Secure,
    connect: Callable[..., connection.Connection],
    setting: str,
) -> None:
    trusting: dict[str, Any] = {
        'cacert': {'cacert': str(secure.certificate)},
        'verify': {'verify': False},
    }[setting]

    with connect(**trusting) as conn:
        list(conn.ims.image_quotas())

    assert len(secure.seen) == 1
