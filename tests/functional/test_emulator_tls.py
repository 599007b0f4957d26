# SPDX-License-Identifier: Apache-2.0
"""The emulator's services are encrypted, where that is asked for."""

from collections.abc import Iterator
import concurrent.futures
import contextlib
import datetime
import os
from pathlib import Path
import socket
import ssl
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from openstack import connection
import pytest
import requests

from ims_ext.emulator import connection as emulator_connection
from ims_ext.emulator.address import SERVICES
from ims_ext.emulator.server import EmulatorServer

MIB = 1024**2
#: For how long a peer that is to be answered may wait, in seconds.
PATIENCE = 30


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    with EmulatorServer(tls=True, job_seconds=0) as running:
        yield running


@pytest.fixture(autouse=True)
def _trust(monkeypatch: pytest.MonkeyPatch) -> None:
    # They would have a say in what clients trust.
    for name in ('REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'AWS_CA_BUNDLE'):
        monkeypatch.delenv(name, raising=False)


def place(server: EmulatorServer) -> tuple[str, int]:
    """Return the address and port of the image service."""
    return '127.0.0.1', urlsplit(server.image_url).port or 0


def connect(server: EmulatorServer) -> socket.socket:
    """Return a connection on which nothing is encrypted yet."""
    return socket.create_connection(place(server), timeout=PATIENCE)


def shake_hands(server: EmulatorServer, name: str) -> None:
    """Connect as a client that takes a server for a name."""
    context = ssl.create_default_context(cafile=server.cacert)
    with (
        connect(server) as peer,
        context.wrap_socket(peer, server_hostname=name),
    ):
        pass


def is_answered(server: EmulatorServer) -> bool:
    """Ask for the versions on a new connection."""
    answer = requests.get(
        f'{server.image_url}/versions',
        verify=str(server.cacert),
        timeout=PATIENCE,
    )
    return answer.status_code == 200


# ====== CERTIFICATES ======


@pytest.mark.parametrize('service', SERVICES)
def test_each_service_is_encrypted(
    server: EmulatorServer, service: str
) -> None:
    url = server.addresses.url(service)

    assert url.startswith('https://127.0.0.1:')
    assert requests.get(
        url, verify=str(server.cacert), timeout=PATIENCE
    ).status_code in (200, 300, 403)


def test_links_begin_with_https(server: EmulatorServer) -> None:
    answer = requests.get(
        f'{server.image_url}/versions',
        verify=str(server.cacert),
        timeout=PATIENCE,
    )
    link = answer.json()['versions'][0]['links'][0]['href']

    assert link == f'{server.image_url}/v2/'


def test_who_does_not_trust_the_authority_does_not_connect(
    server: EmulatorServer,
) -> None:
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(server.image_url, timeout=PATIENCE)


@pytest.mark.parametrize(
    'name',
    [
        '127.0.0.1',
        '::1',
        'localhost',
        'iam.localhost',
        'iam.eu-emu-1.localhost',
        'ims.eu-emu-1.localhost',
        'ecs.eu-emu-1.localhost',
        'evs.eu-emu-1.localhost',
        'obs.eu-emu-1.localhost',
        'images.obs.eu-emu-1.localhost',
        'images.obs.localhost',
    ],
)
def test_a_certificate_is_for_each_name(
    server: EmulatorServer, name: str
) -> None:
    shake_hands(server, name)


@pytest.mark.parametrize('name', ['attacker.example', '192.0.2.1'])
def test_a_certificate_is_for_no_other_name(
    server: EmulatorServer, name: str
) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server, name)


@pytest.mark.parametrize(
    'name', ['ims.eu-de.cloud.test', 'images.obs.eu-de.cloud.test']
)
def test_a_certificate_is_for_names_in_a_domain(name: str) -> None:
    with EmulatorServer(
        tls=True, domain='cloud.test', region='eu-de'
    ) as server:
        assert server.auth_url.startswith('https://iam.eu-de.cloud.test:')
        shake_hands(server, name)


def test_a_certificate_is_for_the_public_address() -> None:
    with EmulatorServer(tls=True, public_url='https://ci:{port}') as server:
        shake_hands(server, 'ci')


def forge(server: EmulatorServer, path: Path, host: str) -> None:
    """Write a certificate for a host that the authority has signed."""
    assert server.cacert is not None
    authority = x509.load_pem_x509_certificate(server.cacert.read_bytes())
    signer = serialization.load_pem_private_key(
        server.cacert.with_name('ca-key.pem').read_bytes(), None
    )
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'forged')])
        )
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), False
        )
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(
                signer.public_key()
            ),
            False,
        )
        .sign(signer, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    path.write_bytes(
        key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(pem)
    )


@pytest.mark.parametrize(
    ('host', 'is_trusted'), [('localhost', True), ('bank.example', False)]
)
def test_the_authority_can_vouch_for_no_other_host(
    server: EmulatorServer, tmp_path: Path, host: str, is_trusted: bool
) -> None:
    forge(server, tmp_path / 'forged.pem', host)
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(tmp_path / 'forged.pem')
    ours = ssl.create_default_context(cafile=server.cacert)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(to_client, to_server, server_hostname=host)
    forged = theirs.wrap_bio(to_server, to_client, server_side=True)

    def talk() -> None:
        for _ in range(4):
            for side in (client, forged):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()

    if is_trusted:
        talk()
        assert client.version()
    else:
        with pytest.raises(ssl.SSLCertVerificationError, match='subtree'):
            talk()


# ====== FILES ======


def test_the_authority_stays_the_same_in_a_state(tmp_path: Path) -> None:
    authorities = []
    for _ in range(2):
        with EmulatorServer(tls=True, state_dir=tmp_path) as server:
            assert server.cacert is not None
            authorities.append(server.cacert.read_bytes())
            shake_hands(server, 'localhost')

    assert authorities[0] == authorities[1]


def test_an_authority_of_fewer_names_gives_way(tmp_path: Path) -> None:
    with EmulatorServer(tls=True, state_dir=tmp_path):
        pass
    with EmulatorServer(
        tls=True, state_dir=tmp_path, domain='cloud.test'
    ) as server:
        shake_hands(server, 'iam.cloud.test')


@pytest.mark.parametrize('name', ['ca.pem', 'ca-key.pem', 'server.pem'])
def test_a_damaged_file_is_made_again(tmp_path: Path, name: str) -> None:
    with EmulatorServer(tls=True, state_dir=tmp_path):
        pass
    (tmp_path / 'tls' / name).write_text('no certificate', 'utf-8')

    with EmulatorServer(tls=True, state_dir=tmp_path) as server:
        shake_hands(server, 'localhost')


def test_the_keys_are_their_owner_s_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with EmulatorServer(tls=True, state_dir=tmp_path / 'state'):
            pass
    finally:
        os.umask(before)

    directory = tmp_path / 'state' / 'tls'
    assert directory.stat().st_mode & 0o777 == 0o700
    modes = {path.stat().st_mode & 0o777 for path in directory.iterdir()}
    assert modes == {0o600}


def test_nothing_is_left_without_a_state() -> None:
    with EmulatorServer(tls=True) as server:
        path = server.cacert
        assert path is not None
        assert path.exists()

    assert not path.parent.exists()


# ====== CLIENTS ======


def test_openstacksdk_takes_the_authority_out_of_clouds_yaml(
    server: EmulatorServer, tmp_path: Path, disks: dict[str, Path]
) -> None:
    entry = server.clouds(access_keys=True)['clouds']['alice']
    with connection.Connection(**entry) as conn:
        job = conn.ims.create_image_from_file(disks['qcow2'], 'encrypted')

        assert conn.ims.get_image(job.image_id).status == 'active'


def test_signed_requests_are_encrypted(server: EmulatorServer) -> None:
    entry = server.clouds(access_keys=True)['clouds']['alice-aksk']
    with connection.Connection(**entry) as conn:
        assert len(list(conn.ims.cloud_images(image_type='gold'))) == 3


def test_what_is_sent_arrives_whole(server: EmulatorServer) -> None:
    entry = server.clouds()['clouds']['alice']
    data = [os.urandom(8 * MIB) for _ in range(4)]

    def there_and_back(sent: bytes) -> bool:
        with connection.Connection(**entry) as conn:
            image = conn.image.create_image(
                'whole',
                data=sent,
                disk_format='raw',
                container_format='bare',
                validate_checksum=False,
                allow_duplicates=True,
                use_import=False,
            )
            found: bytes = conn.image.download_image(image).content
            return found == sent

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(there_and_back, data)) == [True] * 4


def test_an_answer_can_be_cut(server: EmulatorServer) -> None:
    with (
        server.faults.active('cut=middle,count=1'),
        pytest.raises(requests.exceptions.RequestException),
    ):
        requests.get(
            f'{server.image_url}/versions',
            verify=str(server.cacert),
            timeout=PATIENCE,
        )
    assert is_answered(server)


def test_other_machines_addresses_can_be_encrypted() -> None:
    with EmulatorServer(tls=True, host='127.0.0.5') as server:
        assert is_answered(server)


# ====== PEERS THAT DO NOT DO THEIR PART ======


def hello(server: EmulatorServer) -> bytes:
    """Return what a client begins with."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context(cafile=server.cacert).wrap_bio(
        incoming, outgoing, server_hostname='localhost'
    )
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize('part', [0, 1, 100, None])
def test_who_does_not_finish_the_handshake_keeps_nobody_waiting(
    server: EmulatorServer, part: int | None
) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            peer = stack.enter_context(connect(server))
            peer.sendall(hello(server)[:part])

        assert is_answered(server)


@pytest.mark.parametrize('part', [0, 1, 100, None])
def test_who_does_not_finish_the_handshake_is_cut_off(
    server: EmulatorServer, part: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator_connection, 'HEAD_SECONDS', 0.2)
    with connect(server) as peer:
        peer.sendall(hello(server)[:part])

        with contextlib.suppress(ConnectionResetError):
            while peer.recv(65536):
                pass


def test_a_handshake_in_drops_succeeds(server: EmulatorServer) -> None:
    context = ssl.create_default_context(cafile=server.cacert)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname='localhost')
    with connect(server) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while client.version() is None or outgoing.pending:
            with contextlib.suppress(ssl.SSLWantReadError):
                client.do_handshake()
            for byte in outgoing.read():
                peer.sendall(bytes([byte]))
            if client.cipher() is None:
                incoming.write(peer.recv(65536))
            else:
                break
        assert is_answered(server)


def test_who_does_not_encrypt_is_told(server: EmulatorServer) -> None:
    with connect(server) as peer:
        peer.sendall(b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
        answer = b''
        with contextlib.suppress(ConnectionResetError):
            while data := peer.recv(65536):
                answer += data

    assert answer.startswith(b'HTTP/1.1 400 ')
    assert b'HTTPS' in answer


@pytest.mark.parametrize(
    'said', [b'\x16\x03\x01\xff\xff' + b'x' * 1000, b'\0' * 100, b'SSH-2.0\n']
)
def test_who_speaks_nonsense_is_cut_off(
    server: EmulatorServer, said: bytes
) -> None:
    with connect(server) as peer:
        peer.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            while peer.recv(65536):
                pass

    assert is_answered(server)


def test_who_leaves_at_once_does_no_harm(server: EmulatorServer) -> None:
    for _ in range(50):
        peer = connect(server)
        peer.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0'
        )
        peer.close()

    assert is_answered(server)
