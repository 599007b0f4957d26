# SPDX-License-Identifier: Apache-2.0
"""S3's signatures, checked with botocore's signers."""

from collections.abc import Mapping
import dataclasses
import datetime
import email.utils
import hmac
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl
from urllib.parse import quote
from urllib.parse import unquote_to_bytes
from urllib.parse import urlsplit
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.errors import access_denied

#: How far the clocks of client and service may be apart.
MAX_SKEW = datetime.timedelta(minutes=15)
#: How long a signed URL may be valid, in seconds.
MAX_EXPIRES = 7 * 24 * 3600

_TIMESTAMP = '%Y%m%dT%H%M%SZ'
_V4 = 'AWS4-HMAC-SHA256'


class AccessKey(Protocol):
    """An access key, permanent or temporary."""

    @property
    def access(self) -> str:
        """The public half."""

    @property
    def secret(self) -> str:
        """The secret half."""

    @property
    def security_token(self) -> str | None:
        """The token that comes with the signatures of a temporary key."""

    @property
    def project_id(self) -> str:
        """The project that the key acts for."""

    @property
    def expires_at(self) -> datetime.datetime | None:
        """When the key ends, with its time zone; ``None`` for never."""


class AccessKeys(Protocol):
    """The known access keys."""

    def get(self, access: str, /) -> AccessKey | None:
        """Return the key with this public half, or ``None``."""


@dataclasses.dataclass(frozen=True)
class SignedRequest:
    """The parts of a request that signatures cover.

    :ivar method: The HTTP method.
    :ivar path: The path as it was sent, still quoted.
    :ivar query: The query as it was sent, still quoted.
    :ivar headers: Headers with lower-case names.
    :ivar bucket: The bucket where the host name has it, or ``None``.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    bucket: str | None = None

    @property
    def params(self) -> dict[str, str]:
        """The query's parameters."""
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclasses.dataclass(frozen=True)
class _Signature:
    """A signature as the client sent it, with what it was made from."""

    access: str
    value: str
    signed: datetime.datetime
    ends: datetime.datetime | None = None
    region: str = ''
    service: str = 's3'
    headers: tuple[str, ...] = ()
    payload: str = ''
    version: int = 4


def read_request(environ: WSGIEnvironment) -> SignedRequest:
    """Return the parts of a WSGI request that signatures cover."""
    headers = {
        name[5:].replace('_', '-').lower(): value
        for name, value in environ.items()
        if name.startswith('HTTP_')
    }
    for name in ('CONTENT_TYPE', 'CONTENT_LENGTH'):
        if environ.get(name):
            headers[name.replace('_', '-').lower()] = environ[name]
    uri = environ.get('REQUEST_URI') or ''
    # A path may begin with two slashes, which urlsplit takes for a host.
    path = uri.partition('?')[0] if uri[:1] == '/' else urlsplit(uri).path
    if not path:
        path = quote(environ.get('PATH_INFO', '/').encode('latin-1'))
    host = headers.get('host', '').rsplit(':', 1)[0].lower()
    bucket = host.removesuffix('.localhost')
    return SignedRequest(
        environ['REQUEST_METHOD'],
        path,
        environ.get('QUERY_STRING', ''),
        headers,
        bucket if bucket and bucket != host else None,
    )


def authenticate(request: SignedRequest, access_keys: AccessKeys) -> AccessKey:
    """Return the access key that signed a request.

    :param request: The request.
    :param access_keys: The known keys.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` for a request
        that is not signed, or not by a key that is valid now.
    """
    now = _now()
    signature = _read_signature(request)
    key = access_keys.get(signature.access)
    if key is None:
        raise S3Error(
            'InvalidAccessKeyId',
            "The access key does not exist in our records.",
            403,
        )
    if signature.version == 4:
        expected = _sign_v4(request, signature, key.secret)
    else:
        expected = _sign_v2(request, signature, key.secret)
    if not hmac.compare_digest(expected.encode(), signature.value.encode()):
        raise S3Error(
            'SignatureDoesNotMatch',
            "The signature does not match the one calculated from the "
            "request and the access key's secret.",
            403,
        )
    _check_token(request, key)
    if key.expires_at is not None and key.expires_at <= now:
        raise S3Error('ExpiredToken', "The security token has expired.")
    _check_times(signature, now)
    return key


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _check_times(signature: _Signature, now: datetime.datetime) -> None:
    if signature.ends is not None:
        if signature.ends < now:
            raise access_denied("Request has expired")
        if signature.signed > now + MAX_SKEW:
            raise access_denied("Request is not yet valid")
    elif abs(signature.signed - now) > MAX_SKEW:
        raise S3Error(
            'RequestTimeTooSkewed',
            "The difference between the request's time and the service's is "
            "too large.",
            403,
        )


def _check_token(request: SignedRequest, key: AccessKey) -> None:
    given = request.headers.get('x-amz-security-token') or (
        request.params.get('X-Amz-Security-Token')
        or request.params.get('x-amz-security-token')
        or ''
    )
    known = key.security_token or ''
    if not hmac.compare_digest(given.encode(), known.encode()):
        raise S3Error(
            'InvalidToken',
            "The security token is missing or not the access key's.",
        )


def _read_signature(request: SignedRequest) -> _Signature:
    header = request.headers.get('authorization', '')
    params = request.params
    scheme, _, rest = header.partition(' ')
    try:
        if scheme == _V4:
            return _v4_header(request, rest)
        if params.get('X-Amz-Algorithm') == _V4:
            return _v4_query(request, params)
        if scheme == 'AWS':
            return _v2_header(request, rest)
        if 'AWSAccessKeyId' in params:
            return _v2_query(params)
    except (KeyError, ValueError, OverflowError, OSError):
        raise S3Error(
            'AuthorizationHeaderMalformed',
            "The request's signature is incomplete or malformed.",
        ) from None
    raise access_denied()


def _v4_header(request: SignedRequest, fields: str) -> _Signature:
    given = dict(part.strip().split('=', 1) for part in fields.split(','))
    stamp = request.headers.get('x-amz-date')
    signed = (
        _parse_timestamp(stamp)
        if stamp
        else email.utils.parsedate_to_datetime(request.headers['date'])
    )
    return _v4(
        given['Credential'],
        given['SignedHeaders'],
        given['Signature'],
        signed=signed,
        payload=request.headers['x-amz-content-sha256'],
    )


def _v4_query(request: SignedRequest, params: dict[str, str]) -> _Signature:
    signed = _parse_timestamp(params['X-Amz-Date'])
    expires = int(params['X-Amz-Expires'])
    if not 0 < expires <= MAX_EXPIRES:
        raise ValueError(expires)
    return _v4(
        params['X-Amz-Credential'],
        params['X-Amz-SignedHeaders'],
        params['X-Amz-Signature'],
        signed=signed,
        ends=signed + datetime.timedelta(seconds=expires),
        payload='UNSIGNED-PAYLOAD',
    )


def _v4(
    credential: str, signed_headers: str, value: str, **rest: Any
) -> _Signature:
    access, day, region, service, end = credential.rsplit('/', 4)
    headers = tuple(signed_headers.split(';'))
    if (
        service != 's3'
        or end != 'aws4_request'
        or 'host' not in headers
        or day != rest['signed'].strftime('%Y%m%d')
    ):
        raise ValueError(credential)
    return _Signature(
        access, value, region=region, service=service, headers=headers, **rest
    )


def _v2_header(request: SignedRequest, fields: str) -> _Signature:
    access, value = fields.strip().rsplit(':', 1)
    date = request.headers.get('x-amz-date') or request.headers['date']
    signed = email.utils.parsedate_to_datetime(date)
    # With x-amz-date among the signed headers, the date's own line is empty.
    line = '' if 'x-amz-date' in request.headers else date
    return _Signature(access, value, signed, payload=line, version=2)


def _v2_query(params: dict[str, str]) -> _Signature:
    ends = datetime.datetime.fromtimestamp(
        int(params['Expires']), datetime.UTC
    )
    return _Signature(
        params['AWSAccessKeyId'],
        params['Signature'],
        _now(),
        ends,
        payload=params['Expires'],
        version=2,
    )


def _parse_timestamp(stamp: str) -> datetime.datetime:
    return datetime.datetime.strptime(stamp, _TIMESTAMP).replace(
        tzinfo=datetime.UTC
    )


def _sign_v4(
    request: SignedRequest, signature: _Signature, secret: str
) -> str:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    query = '&'.join(
        pair
        for pair in request.query.split('&')
        if pair and not pair.startswith('X-Amz-Signature=')
    )
    missing = [n for n in signature.headers if n not in request.headers]
    if missing:
        raise access_denied(
            f"Signed headers are missing: {', '.join(missing)}"
        )
    signed = AWSRequest(
        method=request.method,
        url=f'http://{request.headers["host"]}{request.path}?{query}',
        headers={n: _utf8(request.headers[n]) for n in signature.headers},
    )
    signed.context['timestamp'] = signature.signed.strftime(_TIMESTAMP)

    class Signer(S3SigV4Auth):
        # botocore leaves some headers out of its own signatures; the client
        # says itself which ones it signed.
        def headers_to_sign(self, request: AWSRequest) -> Any:
            return request.headers

        def payload(self, request: AWSRequest) -> str:
            return signature.payload

        # Not every client quotes what it sends as strictly as what it signs.
        def _normalize_url_path(self, path: str) -> str:
            return quote(unquote_to_bytes(path), safe='/~')

    signer = Signer(
        Credentials(signature.access, secret),
        signature.service,
        signature.region,
    )
    # Not add_auth(): that one logs the request, security token included.
    canonical = signer.canonical_request(signed)
    to_sign = signer.string_to_sign(signed, canonical)
    return str(signer.signature(to_sign, signed))


def _sign_v2(
    request: SignedRequest, signature: _Signature, secret: str
) -> str:
    from botocore.auth import HmacV1Auth
    from botocore.compat import HTTPHeaders
    from botocore.credentials import Credentials

    class Signer(HmacV1Auth):
        def _get_date(self) -> str:
            return signature.payload

    headers = HTTPHeaders()
    for name, value in request.headers.items():
        headers[name] = _utf8(value)
    # A signed URL has it among the parameters, but signs it as a header.
    token = request.params.get('x-amz-security-token')
    if token and 'x-amz-security-token' not in headers:
        headers['x-amz-security-token'] = token
    path = f'/{request.bucket}{request.path}' if request.bucket else None
    signer = Signer(Credentials(signature.access, secret))
    to_sign = signer.canonical_string(
        request.method,
        urlsplit(f'http://host{request.path}?{request.query}'),
        cast(Mapping[str, Any], headers),
        auth_path=path,
    )
    return str(signer.sign_string(to_sign))


def _utf8(value: str) -> str:
    """Return a WSGI header value as the client's signer saw it."""
    return value.encode('latin-1').decode('utf-8', 'replace')
