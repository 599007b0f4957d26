# SPDX-License-Identifier: Apache-2.0
"""Signing what the requests library is about to send.

keystoneauth asks a plug-in for headers before it knows the request they are
for. :mod:`ims_ext.auth` gives it a stand-in, :class:`Unsigned`; the requests
library calls :class:`Signer` when all else of the request is settled, and
there the signature takes the stand-in's place. Repeated and redirected
requests are prepared anew, and so signed anew.
"""

import datetime
import hashlib
import re
import time
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote
from urllib.parse import urlsplit

from requests.auth import AuthBase
from requests.auth import HTTPBasicAuth

from ims_ext import signature
from ims_ext.transport import origin as origins

if TYPE_CHECKING:
    import requests

    from ims_ext.auth import AccessKey

#: The headers that are signed, of those that a request has.
_SIGNED = (
    'content-type',
    'host',
    'x-project-id',
    'x-sdk-date',
    'x-security-token',
)
_BLOCK = 1024**2

#: What the gateway says of signatures that are too old or too new.
_SKEW = re.compile(r'signature (expired|time)|server time', re.I)
_SERVER_TIME = re.compile(r'server time:\s*(\d{8}T\d{6}Z)', re.I)


class Key:
    """An access key, which does not show in what is printed of it."""

    def __init__(self, access: str, secret: str, token: str | None) -> None:
        self.access = access
        self.secret = secret
        self.token = token

    def __getstate__(self) -> NoReturn:
        raise TypeError(
            "An access key is not to be written down: make the connection "
            "where it is used"
        )


class Unsigned(str):
    """Stands in for the signature of a request that is not complete yet.

    :ivar plugin: What will sign the request.
    :ivar origin: Where the request went first.
    """

    plugin: 'AccessKey'
    origin: origins.Origin | None

    def __new__(cls, plugin: 'AccessKey') -> 'Unsigned':
        self = super().__new__(cls, f'{signature.ALGORITHM} unsigned')
        self.plugin = plugin
        self.origin = None
        return self


class Signer(AuthBase):
    """Signs the requests of a session that carry a stand-in, no others.

    :param before: What the session has had to do this for other requests.
    """

    def __init__(self, before: Any) -> None:
        self._before = before

    def __call__(
        self, r: 'requests.PreparedRequest'
    ) -> 'requests.PreparedRequest':
        unsigned: object = r.headers.get('Authorization')
        if isinstance(unsigned, Unsigned):
            unsigned.plugin.sign(r, unsigned)
        elif isinstance(self._before, tuple):
            HTTPBasicAuth(*self._before)(r)
        elif self._before is not None:
            self._before(r)
        return r


def sign(
    request: 'requests.PreparedRequest',
    key: Key,
    project_id: str | None,
    now: float,
) -> None:
    """Sign a request that is complete but for the signature.

    :param request: The request.
    :param key: What to sign it with.
    :param project_id: The project to work in, where the request names none.
    :param now: The time, in seconds since 1970.
    :raises: :class:`~ims_ext.exceptions.UnsignableRequestError`
    """
    url = str(request.url)
    headers = request.headers
    headers['Host'] = origins.host(find_origin(url))
    headers['X-Sdk-Date'] = date = time.strftime(
        signature.DATE_FORMAT, time.gmtime(now)
    )
    if project_id:
        headers.setdefault('X-Project-Id', project_id)
    if key.token:
        headers['X-Security-Token'] = key.token
    parts = urlsplit(url)
    if '+' in parts.query:
        # One spelling of a space that nobody takes for a plus sign.
        parts = parts._replace(query=parts.query.replace('+', '%20'))
        request.url = parts.geturl()
    signed = [name for name in _SIGNED if name in headers]
    text = signature.canonical_request(
        str(request.method),
        unquote(parts.path or '/'),
        parts.query,
        {name: str(headers[name]) for name in signed},
        signed,
        _body_digest(request),
    )
    headers['Authorization'] = signature.authorization(
        key.access, signed, signature.signature(key.secret, date, text)
    )
    request.register_hook('response', _check_refusal)


def find_origin(url: str) -> origins.Origin:
    """Return where a request that is to be signed leads.

    :param url: Its URL.
    :raises: :class:`~ims_ext.exceptions.UnsignableRequestError` where that
        is not clear.
    """
    try:
        return origins.of(url)
    except ValueError as error:
        from ims_ext.exceptions import UnsignableRequestError

        raise UnsignableRequestError(
            f"A request is signed for one host, and {url[:200]!a} leads to "
            f"none: {error}"
        ) from None


def _body_digest(request: 'requests.PreparedRequest') -> str:
    """Return the SHA-256 of a request's body, in hexadecimal digits.

    :raises: :class:`~ims_ext.exceptions.UnsignableRequestError` where it is
        too large, or cannot be read twice.
    """
    body: Any = request.body
    if isinstance(body, str):
        # In the same bytes as it will be sent.
        body = request.body = body.encode()
    if body is None or isinstance(body, bytes | bytearray):
        content = body or b''
        if len(content) > signature.BODY_LIMIT:
            _refuse(f"has {len(content)} bytes")
        return hashlib.sha256(content).hexdigest()
    try:
        start = body.tell()
        body.seek(start)
    except (AttributeError, OSError, ValueError):
        _refuse("cannot be read twice, and the signature comes first")
    digest = hashlib.sha256()
    size = 0
    while block := body.read(_BLOCK):
        block = block.encode() if isinstance(block, str) else block
        size += len(block)
        if size > signature.BODY_LIMIT:
            break
        digest.update(block)
    body.seek(start)
    if size > signature.BODY_LIMIT:
        _refuse(f"has more than {signature.BODY_LIMIT} bytes")
    return digest.hexdigest()


def _refuse(what: str) -> NoReturn:
    from ims_ext.exceptions import UnsignableRequestError

    raise UnsignableRequestError(
        f"The request's body {what}: a request that is signed with an access "
        f"key has at most {signature.BODY_LIMIT >> 20} MiB. Send a disk image "
        f"by way of a bucket (create_image_from_file of the library, "
        f"'openstack ims image create --file'), or log in with a password or "
        f"a token"
    )


def _check_refusal(response: 'requests.Response', **_: Any) -> None:
    """Say so where a signature is refused because of the time.

    This is called with every answer to a signed request; it has all that it
    needs from the answer, which may be pickled with it.
    """
    if response.status_code not in (401, 403):
        return
    sent = response.request.headers
    token = str(sent.get('X-Security-Token', '')).encode()
    if token and token in response.content:
        # Gateways answer with what they would have signed.
        response._content = response.content.replace(token, b'***')
    local = _moment(str(sent.get('X-Sdk-Date')))
    server = _answered_at(response)
    is_skewed = (
        local is not None
        and server is not None
        and abs((server - local).total_seconds()) > signature.VALID_SECONDS
    )
    if is_skewed or _SKEW.search(response.text):
        from ims_ext.exceptions import ClockSkewError

        response.close()
        raise ClockSkewError(local, server, urlsplit(str(response.url)).netloc)


def _answered_at(response: 'requests.Response') -> datetime.datetime | None:
    """Return the service's time, from its answer."""
    from email.utils import parsedate_to_datetime

    said = _SERVER_TIME.search(response.text)
    if said:
        return _moment(said[1])
    try:
        moment = parsedate_to_datetime(response.headers.get('Date', ''))
    except (TypeError, ValueError):
        return None
    # A date without a zone is not to be compared with others.
    return moment if moment.tzinfo else None


def _moment(text: str) -> datetime.datetime | None:
    try:
        moment = datetime.datetime.strptime(text, signature.DATE_FORMAT)
    except ValueError:
        return None
    return moment.replace(tzinfo=datetime.UTC)
