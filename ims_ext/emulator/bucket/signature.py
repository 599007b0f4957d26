# SPDX-License-Identifier: Apache-2.0
"""The signatures of requests: OBS's, and versions 2 and 4 of S3's."""

import base64
from collections.abc import Callable, Iterator
import dataclasses
import hashlib
import hmac
from typing import NamedTuple
from urllib.parse import quote
from urllib.parse import unquote
from urllib.parse import unquote_plus
from urllib.parse import unquote_to_bytes

from ims_ext.emulator.bucket import dialect
from ims_ext.emulator.bucket.request import BucketRequest

_EMPTY = hashlib.sha256().hexdigest()

_NAMES = """
    accelerate acl analytics append attname backtosource bucketstatus cors
    customdomain defaultobjectacl delete deletebucket directcoldaccess
    dispolicy encryption inventory length lifecycle location logging
    metadata metrics mirrorbacktosource modify name notification
    object-lock obsalias obsbucketalias obscompresspolicy partnumber
    policy policystatus position publicaccessblock quota rename
    replication requestpayment response-cache-control
    response-content-disposition response-content-encoding
    response-content-language response-content-type response-expires
    restore retention select select-type storageclass storageinfo
    storagepolicy tagging torrent truncate uploadid uploads versionid
    versioning versions website x-image-process x-image-save-bucket
    x-image-save-object x-oss-process
"""
#: The parameters that name what a request is about, and so are signed by
#: OBS and by version 2. The others are not.
_SIGNED_PARAMS = frozenset(_NAMES.split())


class Expected(NamedTuple):
    """A signature that a request may have.

    :ivar value: The signature.
    :ivar string_to_sign: The text that it is made of.
    :ivar canonical_request: The request's canonical form, where the version
        has one.
    """

    value: str
    string_to_sign: str
    canonical_request: str | None = None


def v2(request: BucketRequest, secret: str, date: str) -> Iterator[Expected]:
    """Yield the signatures of OBS or version 2 that a request may have.

    :param request: The request, which says by its protocol which of the two.
    :param secret: The access key's secret.
    :param date: The line with the date, or the time when a URL ends.
    """
    prefix = request.dialect.prefix
    headers = {
        name: utf8(value).strip()
        for name, value in request.headers.items()
        if name.startswith(prefix)
    }
    paths = [request.path, *sorted(_paths(request) - {request.path})]
    resources = dict.fromkeys(_resource(request, path) for path in paths)
    token = f'{prefix}security-token'
    bodies = [(headers, False), (headers, True)]
    if token in request.params and token not in headers:
        # Some clients sign it as a header, though the URL has it.
        bodies.append(({**headers, token: request.params[token]}, False))
    for each, with_own in bodies:
        lines = [
            request.method,
            request.headers.get('content-md5', ''),
            utf8(request.headers.get('content-type', '')),
            date,
            *(f'{name}:{each[name]}' for name in sorted(each)),
        ]
        params = _signed_params(request, prefix if with_own else None)
        for resource in resources:
            text = '\n'.join([*lines, resource + params])
            digest = hmac.digest(secret.encode(), text.encode(), 'sha1')
            yield Expected(base64.b64encode(digest).decode(), text)


def _paths(request: BucketRequest) -> set[str]:
    """Return a path as it was sent, and as the clients mean it."""
    paths = {request.path, quote(unquote_to_bytes(request.path), safe='/~')}
    if not request.host_bucket and not request.target[1]:
        # Of a bucket, some sign the last slash, and some do not.
        paths |= {f'{path.rstrip("/")}/' for path in paths}
        paths |= {path.rstrip('/') or '/' for path in paths}
    return paths


def _resource(request: BucketRequest, path: str) -> str:
    return f'/{request.host_bucket}{path}' if request.host_bucket else path


def _signed_params(request: BucketRequest, prefix: str | None) -> str:
    pairs = []
    for pair in request.query.split('&'):
        name, equals, value = pair.partition('=')
        lower = name.lower()
        if lower in _SIGNED_PARAMS or (prefix and lower.startswith(prefix)):
            pairs.append((name, name + equals + unquote(value)))
    return '?' + '&'.join(text for _, text in sorted(pairs)) if pairs else ''


@dataclasses.dataclass(frozen=True)
class Scope:
    """The scope of a signature of version 4.

    :ivar stamp: The time of signing, ``20240101T000000Z``.
    """

    stamp: str
    region: str
    service: str = 's3'

    @property
    def text(self) -> str:
        """The scope as the string to sign has it."""
        return f'{self.stamp[:8]}/{self.region}/{self.service}/aws4_request'

    def key(self, secret: str) -> bytes:
        """Return the key that signs within the scope."""
        key = f'AWS4{secret}'.encode()
        for part in self.text.split('/'):
            key = hmac.digest(key, part.encode(), 'sha256')
        return key


def v4(
    request: BucketRequest,
    secret: str,
    scope: Scope,
    signed: tuple[str, ...],
    payload: str,
) -> Iterator[Expected]:
    """Yield the signatures of version 4 that a request may have.

    :param request: The request.
    :param secret: The access key's secret.
    :param scope: The scope that the client names.
    :param signed: The headers that the client says it has signed.
    :param payload: The body's checksum, or the words in its place.
    """
    key = scope.key(secret)
    path = quote(unquote_to_bytes(request.path), safe='/~')
    headers = [
        f'{name}:{" ".join(utf8(request.headers[name]).split())}\n'
        for name in signed
    ]
    pairs = [
        pair.partition('=')[::2]
        for pair in request.query.split('&')
        if pair and not pair.startswith('X-Amz-Signature=')
    ]
    normal = [(_requote(name), _requote(value)) for name, value in pairs]
    for query in dict.fromkeys(
        '&'.join(f'{name}={value}' for name, value in sorted(each))
        for each in (normal, pairs)
    ):
        canonical = '\n'.join(
            [
                request.method,
                path,
                query,
                ''.join(headers),
                ';'.join(signed),
                payload,
            ]
        )
        yield _sign_v4(key, scope, canonical)


def _sign_v4(key: bytes, scope: Scope, canonical: str) -> Expected:
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = '\n'.join([dialect.V4, scope.stamp, scope.text, digest])
    return Expected(
        hmac.digest(key, text.encode(), 'sha256').hex(),
        text,
        canonical,
    )


def _requote(text: str) -> str:
    return quote(
        unquote_plus(text, errors='surrogateescape'),
        safe='~',
        errors='surrogateescape',
    )


def chunk_signer(
    secret: str, scope: Scope, seed: str
) -> Callable[[bytes, bool], str]:
    """Return a function that signs a body's chunks, one after the other.

    :param secret: The access key's secret.
    :param scope: The scope of the request's own signature.
    :param seed: That signature.
    :returns: Takes the digest of a chunk, or of the trailer and that it is
        the trailer's; returns the signature.
    """
    key = scope.key(secret)
    previous = seed

    def sign(digest: bytes, is_trailer: bool = False) -> str:
        nonlocal previous
        lines = [
            f'{dialect.V4}-TRAILER' if is_trailer else f'{dialect.V4}-PAYLOAD',
            scope.stamp,
            scope.text,
            previous,
            *([] if is_trailer else [_EMPTY]),
            digest.hex(),
        ]
        text = '\n'.join(lines).encode()
        previous = hmac.digest(key, text, 'sha256').hex()
        return previous

    return sign


def utf8(value: str) -> str:
    """Return a header as the client's signer saw it, not as WSGI does."""
    return value.encode('latin-1').decode('utf-8', 'replace')
