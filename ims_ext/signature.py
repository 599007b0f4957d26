# SPDX-License-Identifier: Apache-2.0
"""The canonical form of a request, which an access key signs.

Client and emulator share this. The scheme is SDK-HMAC-SHA256: method, path,
query, some of the headers and the body's digest are put in an order and a
spelling that both sides arrive at, and signed with the secret key.
"""

from collections.abc import Mapping, Sequence
import hashlib
import hmac
from urllib.parse import parse_qsl
from urllib.parse import quote

ALGORITHM = 'SDK-HMAC-SHA256'
#: How ``X-Sdk-Date`` is written, in UTC.
DATE_FORMAT = '%Y%m%dT%H%M%SZ'
#: For how long a signature counts, before and after its date, in seconds.
VALID_SECONDS = 900
#: The largest body of a signed request, in bytes.
BODY_LIMIT = 12 * 1024**2


def canonical_path(path: str) -> str:
    """Return a path as it is signed: segments encoded, a slash at the end.

    :param path: The path, without percent-encoding.
    """
    encoded = '/'.join(quote(part, safe='~') for part in path.split('/'))
    return encoded if encoded.endswith('/') else f'{encoded}/'


def canonical_query(query: str) -> str:
    """Return a query as it is signed: sorted, with empty values.

    :param query: The query as it stands in the URL.
    """
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return '&'.join(
        f'{quote(name, safe="~")}={quote(value, safe="~")}'
        for name, value in pairs
    )


def canonical_request(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed: Sequence[str],
    body_digest: str,
) -> str:
    """Return the text that stands for a request.

    :param method: The HTTP method.
    :param path: The path, without percent-encoding.
    :param query: The query as it stands in the URL.
    :param headers: At least the headers that are signed; asked for their
        names in lower case.
    :param signed: The signed headers' names, in lower case and sorted.
    :param body_digest: The body's SHA-256, in hexadecimal digits.
    """
    lines = [f'{name}:{headers[name].strip()}' for name in signed]
    return '\n'.join(
        [
            method.upper(),
            canonical_path(path),
            canonical_query(query),
            *lines,
            '',
            ';'.join(signed),
            body_digest,
        ]
    )


def string_to_sign(date: str, request: str) -> str:
    """Return the text that the secret key signs.

    :param date: What the request has as ``X-Sdk-Date``.
    :param request: Its canonical form.
    """
    digest = hashlib.sha256(request.encode()).hexdigest()
    return f'{ALGORITHM}\n{date}\n{digest}'


def signature(secret_key: str, date: str, request: str) -> str:
    """Return the signature of a request.

    :param secret_key: The access key's secret half.
    :param date: What the request has as ``X-Sdk-Date``.
    :param request: Its canonical form.
    """
    text = string_to_sign(date, request)
    return hmac.new(
        secret_key.encode(), text.encode(), hashlib.sha256
    ).hexdigest()


def authorization(
    access_key: str, signed: Sequence[str], request_signature: str
) -> str:
    """Return the header ``Authorization`` of a signed request."""
    return (
        f'{ALGORITHM} Access={access_key}, '
        f'SignedHeaders={";".join(signed)}, Signature={request_signature}'
    )
