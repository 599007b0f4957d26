# SPDX-License-Identifier: Apache-2.0
"""Requests that are signed with an access key instead of having a token.

The clouds' gateway checks signatures before a service sees a request, and
refuses in its own words, whatever the service.
"""

import datetime
import hashlib
import hmac
import io
import re

from ims_ext import signature
from ims_ext.emulator import request_record
from ims_ext.emulator.bucket.region import REGION
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.errors import GatewayError
from ims_ext.emulator.http import Request
from ims_ext.emulator.request_record import SignedText
from ims_ext.emulator.state import AccessKey
from ims_ext.emulator.state import Project
from ims_ext.emulator.state import State
from ims_ext.emulator.state import User

_AUTHORIZATION = re.compile(
    rf'{signature.ALGORITHM} Access=(?P<access>[^,\s]+), ?'
    r'SignedHeaders=(?P<signed>[^,\s]+), ?Signature=(?P<signature>[0-9a-f]+)'
)
#: What has to be signed, where the request has it.
_MUST = ('host', 'x-project-id', 'x-sdk-date', 'x-security-token')
_DIGEST_HEADER = 'x-sdk-content-sha256'
#: What clients give for the digest of a body that they do not sign.
_UNSIGNED = 'UNSIGNED-PAYLOAD'


def is_signed(request: Request) -> bool:
    """Whether a request claims to be signed with an access key."""
    return request.headers.get('Authorization', '').startswith(
        signature.ALGORITHM
    )


def has_known_key(request: Request, state: State) -> bool:
    """Whether a request names a valid key, and is not too large to be signed.

    :param request: The request; its body is not read.
    :param state: Who there is.
    """
    found = _AUTHORIZATION.fullmatch(request.headers['Authorization'])
    length = request.content_length
    return (
        found is not None
        and length is not None
        and length <= signature.BODY_LIMIT
        and state.access_keys.get(found['access']) is not None
    )


def check(
    request: Request, state: State, clock: Clock
) -> tuple[User, Project | None]:
    """Return who has signed a request, and which project it is for.

    :param request: The request; its body can be read afterwards as before.
    :param state: Who there is.
    :param clock: Gives the time.
    :raises: :class:`~ims_ext.emulator.errors.GatewayError`
    """
    found = _AUTHORIZATION.fullmatch(request.headers['Authorization'])
    if found is None:
        raise _incorrect("the header Authorization is malformed")
    signed = found['signed'].split(';')
    headers = _headers(request)
    for name in (*_MUST, *signed):
        if name not in signed and name in headers:
            raise _incorrect(f"the header {name} is not signed")
        if name in signed and name not in headers:
            raise _incorrect(f"the signed header {name} is missing")
    date = headers.get('x-sdk-date', '')
    _check_date(date, clock)
    key = state.access_keys.get(found['access'])
    if key is None:
        raise _incorrect("Get secretKey failed, err:ak not exist")
    _check_token(key, headers.get('x-security-token', ''))
    path = request.environ.get('SCRIPT_NAME', '') + request.environ.get(
        'PATH_INFO', ''
    )
    canonical = signature.canonical_request(
        request.method,
        _text(path),
        request.environ.get('QUERY_STRING', ''),
        headers,
        signed,
        _body_digest(request, headers, signed),
    )
    expected = signature.signature(key.secret, date, canonical)
    if not hmac.compare_digest(expected, found['signature']):
        request_record.of(request.environ).signed = SignedText(
            canonical, signature.string_to_sign(date, canonical)
        )
        raise _incorrect("verify aksk signature fail")
    user = state.users.get(key.user_id)
    if user is None:
        raise _incorrect("the access key's user does not exist")
    return user, _project(
        state,
        key,
        headers.get('x-project-id'),
        request.environ.get(REGION),
    )


def _incorrect(what: str) -> GatewayError:
    return GatewayError(
        'APIGW.0301', f"Incorrect IAM authentication information: {what}"
    )


def _headers(request: Request) -> dict[str, str]:
    """Return the headers by their names in lower case, as they were sent."""
    return {name.lower(): _text(each) for name, each in request.headers}


def _text(raw: str) -> str:
    """Return what the bytes say that WSGI passes on as Latin-1."""
    return raw.encode('latin-1', 'replace').decode('utf-8', 'replace')


def _check_date(date: str, clock: Clock) -> None:
    try:
        signed_at = datetime.datetime.strptime(date, signature.DATE_FORMAT)
    except ValueError:
        raise _incorrect(
            "x-sdk-date is missing or not like 20300131T235959Z"
        ) from None
    signed = signed_at.replace(tzinfo=datetime.UTC).timestamp()
    if clock.skew(signed) > signature.VALID_SECONDS:
        moment = datetime.datetime.fromtimestamp(clock(), datetime.UTC)
        raise _incorrect(
            f"calc aksk signature fail:signature expired, signature time:"
            f"{date},server time:{moment.strftime(signature.DATE_FORMAT)}"
        )


def _check_token(key: AccessKey, token: str) -> None:
    """Refuse a temporary key without its token, and a wrong token."""
    expected = (key.security_token or '').encode()
    if not hmac.compare_digest(expected, token.encode()):
        raise _incorrect("verify security token fail")


def _body_digest(
    request: Request, headers: dict[str, str], signed: list[str]
) -> str:
    """Return the SHA-256 of a request's body, in hexadecimal digits."""
    limit = signature.BODY_LIMIT
    body = b''
    if (request.content_length or 0) <= limit:
        body = request.environ['wsgi.input'].read(limit + 1)
    if (request.content_length or 0) > limit or len(body) > limit:
        raise GatewayError('APIGW.0201', "Request entity too large", 413)
    request.environ['wsgi.input'] = io.BytesIO(body)
    claimed = headers.get(_DIGEST_HEADER)
    # The vendor's own clients sign no other bodies than JSON.
    if body and claimed == _UNSIGNED and _DIGEST_HEADER in signed:
        return _UNSIGNED
    return hashlib.sha256(body).hexdigest()


def _project(
    state: State, key: AccessKey, project_id: str | None, region: str | None
) -> Project | None:
    """Return the project that a request names, or the key's own.

    Where the key's own is in another region than the request was sent to, it
    is the user's project there.
    """
    projects = state.projects.of_user(key.user_id)
    wanted = project_id or key.project_id
    for project in projects:
        if project.id != wanted:
            continue
        if not project_id and region not in (None, project.region):
            return state.projects.home(key.user_id, region) or project
        return project
    raise GatewayError(
        'APIGW.0302',
        "The access key's user does not work in the project of X-Project-Id",
        403,
    )
