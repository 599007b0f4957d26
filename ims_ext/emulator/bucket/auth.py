# SPDX-License-Identifier: Apache-2.0
"""The signatures of OBS and S3, read and checked."""

from collections.abc import Callable, Mapping
import dataclasses
import datetime
import email.utils
import hmac
from typing import Protocol

from ims_ext.emulator.bucket import dialect
from ims_ext.emulator.bucket import signature
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.errors import access_denied
from ims_ext.emulator.bucket.request import BucketRequest
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.request_record import SignedText

#: How far the clocks of client and service may be apart, in seconds.
MAX_SKEW = 15 * 60.0
#: How long a signed URL may be valid, in seconds.
MAX_EXPIRES = 7 * 24 * 3600

_TIMESTAMP = '%Y%m%dT%H%M%SZ'
#: The parameters of a signature of version 4 itself.
_V4_PARAMS = {
    'X-Amz-Algorithm',
    'X-Amz-Credential',
    'X-Amz-Date',
    'X-Amz-Expires',
    'X-Amz-Signature',
    'X-Amz-SignedHeaders',
}


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
class Authenticated:
    """A request whose sender is known.

    :ivar project_id: The project that it acts for.
    :ivar key: The key that it is signed with.
    :ivar options: What it says in headers of the protocol's own, by their
        names without the prefix: ``copy-source``. Only what is signed counts.
    :ivar payload: The body's SHA-256 in hexadecimal digits, or the words in
        its place.
    :ivar sign_chunk: Returns the signature of the body's next chunk by its
        digest, or of its trailer; ``None`` where chunks are not signed.
    """

    project_id: str
    key: AccessKey
    options: Mapping[str, str]
    payload: str = ''
    sign_chunk: Callable[[bytes, bool], str] | None = None


@dataclasses.dataclass(frozen=True)
class _Signature:
    """A signature as the client sent it, with what it was made from.

    :ivar signed: The client's time, in seconds since 1970.
    :ivar ends: The end of a URL, likewise.
    :ivar expires: For how many seconds a URL is valid; ``None`` where only
        its end is known.
    :ivar date: The date's line in version 2.
    :ivar scope: The scope of version 4; ``None`` in version 2.
    """

    access: str
    value: str
    signed: float
    ends: float | None = None
    expires: int | None = None
    date: str = ''
    scope: signature.Scope | None = None
    headers: tuple[str, ...] = ()
    payload: str = ''


def authenticate(
    request: BucketRequest, access_keys: AccessKeys, clock: Clock
) -> Authenticated:
    """Return who sends a request, and what of it counts.

    :param request: The request.
    :param access_keys: The known keys.
    :param clock: Gives the time.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` for a request
        that is not signed, or not by a key that is valid now.
    """
    given = _read_signature(request)
    key = access_keys.get(given.access)
    if key is None:
        raise S3Error(
            'InvalidAccessKeyId',
            "The access key does not exist in our records.",
            403,
        )
    _check_signature(request, given, key.secret)
    options = _options(request, given)
    _check_token(options, key)
    if _has_ended(key, clock()):
        raise S3Error('ExpiredToken', "The security token has expired.")
    _check_times(given, clock)
    sign_chunk = None
    if given.scope and given.payload.startswith('STREAMING-AWS4-HMAC'):
        sign_chunk = signature.chunk_signer(
            key.secret, given.scope, given.value
        )
    return Authenticated(
        key.project_id, key, options, given.payload, sign_chunk
    )


def _has_ended(key: AccessKey, now: float) -> bool:
    return key.expires_at is not None and key.expires_at.timestamp() <= now


class SignatureMismatch(S3Error):
    """A signature that is not the one of the request.

    :ivar signed: What should have been signed.
    """

    def __init__(self, signed: SignedText | None) -> None:
        self.signed = signed
        super().__init__(
            'SignatureDoesNotMatch',
            "The signature does not match the one calculated from the "
            "request and the access key's secret.",
            403,
        )


def _check_signature(
    request: BucketRequest, given: _Signature, secret: str
) -> None:
    if given.scope is None:
        expected = signature.v2(request, secret, given.date)
    else:
        missing = [n for n in given.headers if n not in request.headers]
        if missing:
            raise access_denied(
                f"Signed headers are missing: {', '.join(missing)}"
            )
        expected = signature.v4(
            request, secret, given.scope, given.headers, given.payload
        )
    value = given.value.encode()
    first = None
    for each in expected:
        if hmac.compare_digest(each.value.encode(), value):
            return
        # The first is the one by the book, the others are clients' habits.
        first = first or each
    raise SignatureMismatch(
        first and SignedText(first.canonical_request, first.string_to_sign)
    )


def _options(request: BucketRequest, given: _Signature) -> dict[str, str]:
    """Return what counts of the headers that only object stores know."""
    own = request.dialect.prefix
    token = f'{own}security-token'
    if given.scope is None:
        # All headers of its own protocol are signed, and no others are.
        found = {
            name.removeprefix(own): request.headers[name]
            for name in request.own_headers()
            if name.startswith(own)
        }
        if token in request.params:
            found.setdefault('security-token', request.params[token])
        return found
    names = set(request.own_headers())
    unsigned = sorted(names - set(given.headers))
    if unsigned:
        raise access_denied(
            f"Headers are present that are not signed: {', '.join(unsigned)}"
        )
    found = {}
    for prefix in (dialect.OBS.prefix, dialect.S3.prefix):
        # Of a URL, all is signed, and what it says counts as a header.
        for name, value in (
            *(
                (n.lower(), v)
                for n, v in request.params.items()
                if n not in _V4_PARAMS
            ),
            *request.headers.items(),
        ):
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = value
    return found


def _check_times(given: _Signature, clock: Clock) -> None:
    if given.ends is not None:
        if _is_over(given, clock):
            raise access_denied("Request has expired")
        ahead = given.signed - clock.machine()
        if ahead > MAX_SKEW and clock.skew(given.signed) > MAX_SKEW:
            raise access_denied("Request is not yet valid")
        if given.ends - max(clock(), clock.machine()) > MAX_EXPIRES:
            raise access_denied(
                f"A signed URL is valid for {MAX_EXPIRES} seconds at most"
            )
    elif clock.skew(given.signed) > MAX_SKEW:
        raise S3Error(
            'RequestTimeTooSkewed',
            "The difference between the request's time and the service's is "
            "too large.",
            403,
        )


def _is_over(given: _Signature, clock: Clock) -> bool:
    """Return whether a URL was valid, and is not any more."""
    assert given.ends is not None  # noqa: S101
    if given.expires is None:
        # It tells its end by the client's clock, and not its beginning:
        # what has passed of it at once, nobody knows.
        return given.ends < clock.machine()
    if given.signed > clock.machine() + MAX_SKEW:
        return given.ends < clock()
    return clock.as_of(given.signed) + given.expires < clock()


def _check_token(options: Mapping[str, str], key: AccessKey) -> None:
    given = options.get('security-token', '')
    known = key.security_token or ''
    if not hmac.compare_digest(given.encode(), known.encode()):
        raise S3Error(
            'InvalidToken',
            "The security token is missing or not the access key's.",
        )


def _read_signature(request: BucketRequest) -> _Signature:
    header = request.headers.get('authorization', '')
    params = request.params
    scheme, _, rest = header.partition(' ')
    try:
        if scheme == dialect.V4:
            return _v4_header(request, rest)
        if params.get('X-Amz-Algorithm') == dialect.V4:
            return _v4_query(params)
        if scheme == request.dialect.scheme:
            return _v2_header(request, rest)
        if request.dialect.access_key in params:
            return _v2_query(params, request.dialect.access_key)
    except (KeyError, ValueError, OverflowError, OSError, TypeError):
        raise S3Error(
            'AuthorizationHeaderMalformed',
            "The request's signature is incomplete or malformed.",
        ) from None
    raise access_denied()


def _v4_header(request: BucketRequest, fields: str) -> _Signature:
    given = dict(part.strip().split('=', 1) for part in fields.split(','))
    stamp = request.headers.get('x-amz-date')
    signed = (
        _parse_timestamp(stamp)
        if stamp
        else _parse_date(request.headers['date'])
    )
    return _v4(
        given['Credential'],
        given['SignedHeaders'],
        given['Signature'],
        signed,
        payload=request.headers['x-amz-content-sha256'],
    )


def _v4_query(params: dict[str, str]) -> _Signature:
    signed = _parse_timestamp(params['X-Amz-Date'])
    expires = int(params['X-Amz-Expires'])
    if not 0 < expires <= MAX_EXPIRES:
        raise ValueError(expires)
    return _v4(
        params['X-Amz-Credential'],
        params['X-Amz-SignedHeaders'],
        params['X-Amz-Signature'],
        signed,
        expires,
    )


def _v4(
    credential: str,
    signed_headers: str,
    value: str,
    signed: float,
    expires: int | None = None,
    payload: str = 'UNSIGNED-PAYLOAD',
) -> _Signature:
    access, day, region, service, end = credential.rsplit('/', 4)
    headers = tuple(signed_headers.split(';'))
    moment = datetime.datetime.fromtimestamp(signed, datetime.UTC)
    stamp = moment.strftime(_TIMESTAMP)
    if (
        service != 's3'
        or end != 'aws4_request'
        or 'host' not in headers
        or day != stamp[:8]
    ):
        raise ValueError(credential)
    return _Signature(
        access,
        value,
        signed,
        None if expires is None else signed + expires,
        expires,
        scope=signature.Scope(stamp, region),
        headers=headers,
        payload=payload,
    )


def _v2_header(request: BucketRequest, fields: str) -> _Signature:
    access, value = fields.strip().rsplit(':', 1)
    own = request.headers.get(f'{request.dialect.prefix}date')
    date = own or request.headers['date']
    # With a date among the signed headers, the date's own line is empty.
    return _Signature(
        access, value, _parse_date(date), date='' if own else date
    )


def _v2_query(params: dict[str, str], access: str) -> _Signature:
    ends = int(params['Expires'])
    # No time of this service's is as large, and larger ones are no floats.
    if abs(ends) > datetime.datetime.max.timestamp():
        raise ValueError(ends)
    return _Signature(
        params[access],
        params['Signature'],
        0.0,
        ends,
        date=params['Expires'],
    )


def _parse_timestamp(stamp: str) -> float:
    moment = datetime.datetime.strptime(stamp, _TIMESTAMP)
    return moment.replace(tzinfo=datetime.UTC).timestamp()


def _parse_date(date: str) -> float:
    if date.endswith('Z'):
        return _parse_timestamp(date)
    found = email.utils.parsedate_to_datetime(date)
    if found.tzinfo is None:
        found = found.replace(tzinfo=datetime.UTC)
    return found.timestamp()
