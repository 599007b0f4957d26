# SPDX-License-Identifier: Apache-2.0
"""The record of one request: what a client sent, and what came of it.

Who answers a request fills in what only they know::

    record = request_record.of(environ)
    record.service = 'image'
"""

import contextvars
import dataclasses
import datetime
import hashlib
import re
from typing import Any
from wsgiref.types import WSGIEnvironment

#: Tokens in what is signed: as headers, and in queries.
_TOKEN = re.compile(
    r'^(x-[a-z-]*token:)[^\n]*|([?&\n]x-[a-z-]*token=)[^&\n]*',
    re.IGNORECASE | re.MULTILINE,
)

#: The key under which a request's environment has its record.
KEY = 'ims_ext.record'
#: The key under which it has a function that is to be called when the answer
#: has been sent, with whether the connection ended before.
ENDED = 'ims_ext.ended'


@dataclasses.dataclass
class SignedText:
    """The texts that a refused signature should have been made of.

    :ivar canonical_request: The request in its canonical form; ``None``
        where the scheme has none.
    :ivar string_to_sign: The text that the secret key signs.
    """

    canonical_request: str | None
    string_to_sign: str

    def __post_init__(self) -> None:
        """Mask the tokens of temporary keys."""
        if self.canonical_request is not None:
            self.canonical_request = _masked(self.canonical_request)
        self.string_to_sign = _masked(self.string_to_sign)


@dataclasses.dataclass
class RequestRecord:
    """A request, from its arrival on.

    There is nothing in it that proves who asks: passwords, tokens and
    signatures are not kept, or masked.

    :ivar number: Ascending, from 1.
    :ivar time: When it came, by the emulator's clock, in seconds since 1970.
    :ivar address: The client's IP address.
    :ivar user_agent: What the client calls itself.
    :ivar host: The address that the client used, with its port.
    :ivar method: The HTTP method.
    :ivar path: The path, with the query.
    :ivar service: ``image``, ``identity``, ``compute``, ``block-storage`` or
        ``bucket``; ``None`` where none was found.
    :ivar operation: The operation's documented name; ``None`` for what is no
        operation.
    :ivar route: The operation's path as documented, with the names of its
        parameters.
    :ivar user: The name of the user whose token or access key it is.
    :ivar project_id: The project that it is for.
    :ivar status: The status of the answer; ``None`` where there is none yet,
        or none at all.
    :ivar error_code: The code of a refusal, if it has one.
    :ivar error: The message of a refusal.
    :ivar request_id: The ID that the client was told.
    :ivar seconds: How long it took; until then, ``None``.
    :ivar is_cut: Whether the connection ended before the answer did.
    :ivar fault: What went wrong with it on purpose.
    :ivar signed: What should have been signed, where a signature was
        refused.
    """

    number: int = 0
    time: float = 0.0
    address: str = ''
    user_agent: str = ''
    host: str = ''
    method: str = ''
    path: str = ''
    service: str | None = None
    operation: str | None = None
    route: str | None = None
    user: str | None = None
    project_id: str | None = None
    status: int | None = None
    error_code: str | None = None
    error: str | None = None
    request_id: str | None = None
    seconds: float | None = None
    is_cut: bool = False
    fault: str | None = None
    signed: SignedText | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as a JSON object, its time as a text."""
        value = dataclasses.asdict(self)
        value['time'] = iso(self.time)
        if self.seconds is not None:
            value['seconds'] = round(self.seconds, 6)
        return value


#: Headers that have a request's ID.
_ID_HEADERS = frozenset(
    (
        'x-openstack-request-id',
        'x-obs-request-id',
        'x-amz-request-id',
        'x-request-id',
    )
)


def identify(headers: list[tuple[str, str]], record: RequestRecord) -> str:
    """Return the ID that an answer has for its request; give it one.

    :param headers: The answer's headers, which are added to.
    :param record: The request's.
    """
    for name, value in headers:
        if name.lower() in _ID_HEADERS:
            return value
    which = f'{record.number} {record.time}'
    digest = hashlib.md5(which.encode(), usedforsecurity=False).hexdigest()
    request_id = (
        f'req-{digest[:8]}-{digest[8:12]}-5{digest[13:16]}'
        f'-a{digest[17:20]}-{digest[20:]}'
    )
    headers.append(('X-Openstack-Request-Id', request_id))
    return request_id


#: The record of the request that a thread is answering.
current: contextvars.ContextVar[RequestRecord | None] = contextvars.ContextVar(
    'current', default=None
)


def _masked(text: str) -> str:
    return _TOKEN.sub(lambda found: f'{found[1] or found[2]}***', text)


def iso(seconds: float) -> str:
    """Return a time as ``2024-11-06T06:19:43.195Z``.

    :param seconds: Seconds since 1970.
    """
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.isoformat(timespec='milliseconds').replace('+00:00', 'Z')


def of(environ: WSGIEnvironment) -> RequestRecord:
    """Return the record of a request.

    One that nobody records has one that nobody reads.
    """
    found = environ.get(KEY)
    if found is None:
        found = environ[KEY] = RequestRecord()
    assert isinstance(found, RequestRecord)  # noqa: S101
    return found
