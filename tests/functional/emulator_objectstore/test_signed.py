# SPDX-License-Identifier: Apache-2.0
"""Nothing of a request counts that its signature does not cover."""

from collections.abc import Callable, Mapping
import datetime
import hashlib
import hmac
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.auth import HmacV1Auth
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
import pytest
import requests

from ..buckets import KEYS
from ..buckets import REGION
from ..buckets import files
from ..buckets import read
from ..buckets import s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ALPHA = KEYS['ALPHA']

#: Headers with an effect, had they one without being signed.
HEADERS = {
    'x-amz-copy-source': '/images/secret',
    'x-amz-copy-source-range': 'bytes=0-1',
    'x-amz-metadata-directive': 'REPLACE',
    'x-amz-meta-owner': 'stranger',
    'x-amz-storage-class': 'GLACIER',
    'x-amz-acl': 'public-read',
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-trailer': 'x-amz-checksum-crc32',
    'x-amz-website-redirect-location': 'http://stranger/',
    'X-AMZ-COPY-SOURCE': 'images/secret',
    'x-amz-something-new': 'value',
}


@pytest.fixture
def secret(alpha: 'S3Client') -> None:
    """Give the bucket an object that nobody was let at."""
    alpha.put_object(Bucket='images', Key='secret', Body=b'secret')


def presigned(url: str, version: str) -> str:
    """Return a URL to put the object ``key``."""
    client = s3(url, ALPHA, signature_version=version)
    return client.generate_presigned_url(
        'put_object', {'Bucket': 'images', 'Key': 'key'}
    )


def _exists(alpha: 'S3Client', key: str) -> bool:
    try:
        alpha.head_object(Bucket='images', Key=key)
    except ClientError:
        return False
    return True


@pytest.mark.usefixtures('secret')
@pytest.mark.parametrize('version', ['s3v4', 's3'])
@pytest.mark.parametrize('name', HEADERS)
def test_a_signed_url_takes_no_header_that_is_not_signed(
    url: str, alpha: 'S3Client', version: str, name: str
) -> None:
    answer = requests.put(
        presigned(url, version),
        data=b'',
        headers={name: HEADERS[name]},
        timeout=10,
    )

    assert answer.status_code == 403
    assert not _exists(alpha, 'key')


@pytest.mark.usefixtures('secret')
@pytest.mark.parametrize('name', HEADERS)
@pytest.mark.parametrize('signer', [S3SigV4Auth, HmacV1Auth])
def test_a_signed_request_takes_no_header_that_is_not_signed(
    url: str, alpha: 'S3Client', signer: Any, name: str
) -> None:
    target = f'{url}/images/key'
    request = AWSRequest('PUT', target, data=b'')
    if signer is HmacV1Auth:
        request.auth_path = '/images/key'
    region = () if signer is HmacV1Auth else ('s3', REGION)
    signer(Credentials(ALPHA.access, ALPHA.secret), *region).add_auth(request)
    headers = {
        each: value
        for each, value in request.headers.items()
        if each.lower() != name.lower()
    }
    answer = requests.put(
        target,
        data=b'',
        headers={**headers, name: HEADERS[name]},
        timeout=10,
    )

    assert answer.status_code == 403
    assert not _exists(alpha, 'key')


@pytest.mark.usefixtures('secret')
@pytest.mark.parametrize('version', ['s3v4', 's3'])
@pytest.mark.parametrize('name', HEADERS)
def test_a_signed_url_takes_no_parameter_that_is_not_signed(
    url: str, alpha: 'S3Client', version: str, name: str
) -> None:
    answer = requests.put(
        f'{presigned(url, version)}&{name}={HEADERS[name]}',
        data=b'own',
        timeout=10,
    )

    # Version 2 signs few parameters, and the others are nothing to it.
    if version == 's3v4' or answer.status_code == 403:
        assert answer.status_code == 403
        assert not _exists(alpha, 'key')
    else:
        found = alpha.get_object(Bucket='images', Key='key')
        assert found['Body'].read() == b'own'
        assert found['Metadata'] == {}
        assert 'StorageClass' not in found


@pytest.mark.usefixtures('secret')
@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_header_that_is_signed_counts(
    url: str, alpha: 'S3Client', version: str
) -> None:
    client = s3(url, ALPHA, signature_version=version)

    client.copy_object(
        Bucket='images',
        Key='key',
        CopySource={'Bucket': 'images', 'Key': 'secret'},
    )

    assert read(alpha, 'key') == b'secret'


# ====== CHUNKS ======


class Streamed:
    """A request with a body in chunks, each with its signature."""

    def __init__(self, url: str, trailer: bool) -> None:
        self._kind = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' + (
            '-TRAILER' if trailer else ''
        )
        self._target = f'{url}/images/key'
        self.trailers = {'x-amz-checksum-crc32c': 'yZRlqg=='}
        self._headers = {
            'Content-Encoding': 'aws-chunked',
            'x-amz-decoded-content-length': '10',
        }
        if trailer:
            self._headers['x-amz-trailer'] = 'x-amz-checksum-crc32c'
        else:
            self.trailers = {}
        self.parts: list[bytes] = []
        self._sign()

    def _sign(self) -> None:
        kind = self._kind

        class Signer(S3SigV4Auth):
            def payload(self, request: AWSRequest) -> str:
                return kind

        request = AWSRequest('PUT', self._target, self._headers)
        Signer(Credentials(ALPHA.access, ALPHA.secret), 's3', REGION).add_auth(
            request
        )
        self._sent = dict(request.headers)
        self._timestamp = self._sent['X-Amz-Date']
        signature = self._sent['Authorization'].rpartition('=')[2]
        for data in (b'Hello', b'world', b''):
            signature = self._next(
                signature,
                'AWS4-HMAC-SHA256-PAYLOAD',
                hashlib.sha256().hexdigest(),
                hashlib.sha256(data).hexdigest(),
            )
            self.parts.append(
                b'%x;chunk-signature=%b\r\n%b%b'
                % (
                    len(data),
                    signature.encode(),
                    data,
                    b'\r\n' if data else b'',
                )
            )
        lines = ''.join(
            f'{name}:{value}\n' for name, value in self.trailers.items()
        )
        if lines:
            signature = self._next(
                signature,
                'AWS4-HMAC-SHA256-TRAILER',
                hashlib.sha256(lines.encode()).hexdigest(),
            )
            lines += f'x-amz-trailer-signature:{signature}\n'
        self.parts.append(lines.replace('\n', '\r\n').encode() + b'\r\n')

    def _next(self, previous: str, kind: str, *digests: str) -> str:
        scope = [self._timestamp[:8], REGION, 's3', 'aws4_request']
        key = f'AWS4{ALPHA.secret}'.encode()
        for part in scope:
            key = hmac.digest(key, part.encode(), 'sha256')
        text = [kind, self._timestamp, '/'.join(scope), previous, *digests]
        return hmac.digest(key, '\n'.join(text).encode(), 'sha256').hex()

    def send(self) -> requests.Response:
        """Send it."""
        return requests.put(
            self._target,
            data=b''.join(self.parts),
            headers=self._sent,
            timeout=10,
        )


@pytest.mark.parametrize('trailer', [False, True])
def test_a_body_in_signed_chunks_is_accepted(
    url: str, alpha: 'S3Client', trailer: bool
) -> None:
    answer = Streamed(url, trailer).send()

    assert answer.status_code == 200, answer.text
    assert read(alpha, 'key') == b'Helloworld'


def _replace(number: int, old: bytes, new: bytes) -> Callable[[Any], None]:
    def change(streamed: Streamed) -> None:
        assert old in streamed.parts[number]
        streamed.parts[number] = streamed.parts[number].replace(old, new)

    return change


def _swap(streamed: Streamed) -> None:
    streamed.parts[:2] = streamed.parts[1::-1]


CHANGES: Mapping[str, Callable[[Any], None]] = {
    'data': _replace(0, b'Hello', b'Jello'),
    'later data': _replace(1, b'world', b'earth'),
    'signature': _replace(0, b'signature=', b'signature=0'),
    'no signature': _replace(0, b';chunk-signature', b';something'),
    'last without signature': _replace(2, b';chunk-signature', b';something'),
    'order': _swap,
    'trailer': _replace(3, b'yZRlqg==', b'AAAAAA=='),
    'trailer signature': _replace(3, b'-signature:', b'-signature:0'),
    'no trailer signature': _replace(
        3, b'x-amz-trailer-signature', b'x-other'
    ),
    'another trailer': _replace(3, b'crc32c:', b'sha256:'),
}


@pytest.mark.parametrize('what', CHANGES)
def test_a_body_whose_chunks_were_changed_is_refused(
    url: str, tmp_path: Path, what: str
) -> None:
    streamed = Streamed(url, trailer=True)
    CHANGES[what](streamed)

    answer = streamed.send()

    assert answer.status_code in (400, 403)
    assert files(tmp_path) == []


@pytest.mark.parametrize('kind', ['STREAMING-OTHER', 'x', '0' * 63])
def test_a_body_of_an_unknown_kind_is_refused(
    url: str, tmp_path: Path, kind: str
) -> None:
    class Signer(S3SigV4Auth):
        def payload(self, request: AWSRequest) -> str:
            return kind

    request = AWSRequest('PUT', f'{url}/images/key', data=b'x')
    Signer(Credentials(ALPHA.access, ALPHA.secret), 's3', REGION).add_auth(
        request
    )
    answer = requests.put(
        f'{url}/images/key',
        data=b'x',
        headers=dict(request.headers),
        timeout=10,
    )

    assert '<Code>InvalidArgument</Code>' in answer.text
    assert files(tmp_path) == []


# ====== THE END OF URLS ======


@pytest.mark.parametrize('version', ['s3v4', 's3'])
@pytest.mark.parametrize('days', [8, 3650, 10**6])
def test_no_signed_url_is_valid_for_longer_than_a_week(
    url: str, version: str, days: int
) -> None:
    client = s3(url, ALPHA, signature_version=version)
    signed = client.generate_presigned_url(
        'get_object',
        {'Bucket': 'images', 'Key': 'key'},
        ExpiresIn=days * 24 * 3600,
    )

    answer = requests.get(signed, timeout=10)

    assert answer.status_code in (400, 403)
    assert '<Code>NoSuchKey' not in answer.text


@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_signed_url_is_valid_for_a_week(
    url: str, alpha: 'S3Client', version: str
) -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')
    client = s3(url, ALPHA, signature_version=version)
    week = datetime.timedelta(days=7)

    signed = client.generate_presigned_url(
        'get_object',
        {'Bucket': 'images', 'Key': 'key'},
        ExpiresIn=int(week.total_seconds()),
    )

    assert requests.get(signed, timeout=10).content == b'content'
