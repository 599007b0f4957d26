# SPDX-License-Identifier: Apache-2.0
"""An operation that a client asks for, and how it is declared."""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import datetime
from email.utils import format_datetime
import enum
from typing import TypeVar
from urllib.parse import quote
from wsgiref.types import WSGIEnvironment

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket.auth import Authenticated
from ims_ext.emulator.bucket.body import Body
from ims_ext.emulator.bucket.dialect import Dialect
from ims_ext.emulator.bucket.document import Node
from ims_ext.emulator.bucket.document import render
from ims_ext.emulator.bucket.request import BucketRequest


class Level(enum.Enum):
    """The thing that an operation is about."""

    SERVICE = 'service'
    BUCKET = 'bucket'
    OBJECT = 'object'


@dataclasses.dataclass(frozen=True)
class Call:
    """A request whose sender is known, on its way to its operation.

    :ivar region: The region that it was sent to.
    """

    environ: WSGIEnvironment
    request: BucketRequest
    caller: Authenticated
    body: Body
    region: str

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.request.method

    @property
    def project_id(self) -> str:
        """The project that it acts for."""
        return self.caller.project_id

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.request.target[0]

    @property
    def key(self) -> str:
        """The object's key."""
        return self.request.target[1]

    @property
    def params(self) -> Mapping[str, str]:
        """The query's parameters."""
        return self.request.params

    @property
    def options(self) -> Mapping[str, str]:
        """The headers of the protocol's own, without their prefix."""
        return self.caller.options

    @property
    def dialect(self) -> Dialect:
        """The protocol that it speaks."""
        return self.request.dialect

    @property
    def owner(self) -> list[Node]:
        """Who owns all that the caller can see."""
        owner: list[Node] = [('ID', self.project_id)]
        if self.dialect.prefix == 'x-amz-':
            owner.append(('DisplayName', self.project_id))
        return owner

    def number(self, name: str, default: int, least: int = 0) -> int:
        """Return a parameter that is a number.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        text = self.params.get(name) or str(default)
        if not (text.isascii() and text.isdigit()) or len(text) > 9:
            raise errors.invalid_argument(f"{name} is no number.")
        if int(text) < least:
            raise errors.invalid_argument(f"{name} is {least} at least.")
        return int(text)

    def encoder(self) -> Callable[[str], str]:
        """Return the function that writes keys the way that was asked for.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        kind = self.params.get('encoding-type')
        if kind is None:
            return str
        if kind != 'url':
            raise errors.invalid_argument("encoding-type can only be url.")
        return quote

    def document(self, root: str, children: Iterable[Node]) -> Response:
        """Return a response that is a document in the protocol's words."""
        return Response(
            render(root, children, self.dialect.namespace),
            content_type='application/xml',
        )


def empty(status: int = 200) -> Response:
    """Return a response without a body."""
    response = Response(status=status)
    del response.headers['Content-Type']
    response.content_length = 0
    return response


def timestamp(seconds: float) -> str:
    """Return a time as documents have it."""
    milliseconds = int(seconds * 1000) % 1000
    return f'{_utc(seconds):%Y-%m-%dT%H:%M:%S}.{milliseconds:03}Z'


def http_date(seconds: float) -> str:
    """Return a time as headers have it."""
    return format_datetime(_utc(seconds), usegmt=True)


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC)


# ====== DECLARED ======


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation of the object store, and the request that asks for it.

    :ivar name: The documented name.
    :ivar markers: The parameters that name it.
    :ivar params: Other parameters that it takes.
    """

    name: str
    method: str
    level: Level
    markers: frozenset[str]
    params: frozenset[str]


Handler = TypeVar('Handler', bound=Callable[..., Response])


def operation(
    name: str,
    method: str,
    level: Level,
    *markers: str,
    takes: str = '',
) -> Callable[[Handler], Handler]:
    """Declare a method as the handler of an operation.

    May be repeated for several.

    :param name: The documented name.
    :param method: The HTTP method.
    :param level: What it is about.
    :param markers: The parameters that name it.
    :param takes: Other parameters that it takes, with spaces between them.
    """

    def declare(handler: Handler) -> Handler:
        declared = Operation(
            name, method, level, frozenset(markers), frozenset(takes.split())
        )
        handler.operations = (  # type: ignore[attr-defined]
            *getattr(handler, 'operations', ()),
            declared,
        )
        return handler

    return declare
