# SPDX-License-Identifier: Apache-2.0
"""Responses of the service: their JSON, read in bounded time and checked.

A response is decoded in one place, here, and what it is decoded to is what
its operation documents, or :class:`~ims_ext.exceptions.InvalidAnswerError`
says what is wrong with it. Nothing else is wrapped: what a caller's own code
raises is never taken for the cloud's.
"""

from collections.abc import Callable, Iterator
import contextlib
import functools
import json
from typing import Any, NoReturn

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from openstack import fields
from openstack import resource as sdk_resource
import requests

from ims_ext import exceptions
from ims_ext.transport import bounded_body

#: What converting a value fails with that is not as it is documented.
STUMBLES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)

#: Encodings that text of gateways and clouds is believed to have.
_ENCODINGS = frozenset(
    (
        *('ascii', 'us-ascii', 'utf-8', 'utf8', 'latin-1', 'iso-8859-1'),
        *('iso-8859-15', 'windows-1252', 'gbk', 'gb2312', 'gb18030', 'big5'),
    )
)

#: Bytes of a page that says what went wrong.
_LONGEST_PAGE = 16 * 1024

#: Methods whose successful responses always have a body.
TELLING_METHODS = frozenset(('GET', 'PATCH'))

#: Statuses of responses that have none.
BODILESS_STATUSES = frozenset((204, 205))

#: Checks a decoded body: takes it and an error's first words.
Check = Callable[[Any, str], None]


class ServiceResponse(requests.Response):
    """A response whose body is read in bounded time, or refused as no JSON."""

    _decoded: Any

    @property
    def is_redirect(self) -> bool:
        """Whether the requests library has anything to follow: it never has.

        :mod:`ims_ext.transport.redirect` decides on where to go, and the
        library stumbles over what is no URL.
        """
        return False

    def json(self, **kwargs: Any) -> Any:
        """Return the body's JSON value.

        :raises: :class:`requests.exceptions.JSONDecodeError` for whatever is
            none, and for what is too deep or too long to be read.
        """
        if not kwargs and '_decoded' in vars(self):
            # For one reader: what it does to the value is its own business.
            return vars(self).pop('_decoded')
        # What JSON has no words for: NaN, and numbers without end.
        kwargs.setdefault('parse_constant', _refuse)
        content = self.content
        try:
            try:
                return json.loads(content, **kwargs)
            except UnicodeDecodeError:
                return json.loads(self.text, **kwargs)
        except (ValueError, LookupError, RecursionError) as error:
            raise requests.exceptions.JSONDecodeError(
                str(error)[:200], '', 0
            ) from None

    def is_json(self) -> bool:
        """Return whether the body is JSON; large ones are decoded once."""
        if '_decoded' not in vars(self):
            try:
                self._decoded = self.json()
            except ValueError:
                return False
        return True


class CheckedResponse(ServiceResponse):
    """A response whose JSON is what the operation documents.

    :func:`checked` makes them.
    """

    _check: Check
    _purpose: str

    def json(self, **kwargs: Any) -> Any:
        """Return the body's JSON value.

        :raises: :class:`~ims_ext.exceptions.InvalidAnswerError` where it is
            not as documented.
        :raises: :class:`requests.exceptions.JSONDecodeError` where there
            need not be a body, and is none.
        """
        try:
            value = super().json(**kwargs)
        except ValueError:
            if not self.content and not _should_tell(self):
                raise
            raise exceptions.InvalidAnswerError(
                f"{self._purpose}: the response "
                f"{'is no JSON' if self.content else 'has no body'}"
            ) from None
        self._check(value, self._purpose)
        return value


def checked(
    response: requests.Response, check: Check, purpose: str
) -> CheckedResponse:
    """Return a response whose JSON is checked where it is decoded.

    :param response: The response; it stays as it is.
    :param check: Raises for a value that is not as documented.
    :param purpose: What was being done, an error's first words.
    """
    found = CheckedResponse()
    vars(found).update(vars(response), _check=check, _purpose=purpose)
    return found


def _should_tell(response: requests.Response) -> bool:
    """Whether there is no success without a body."""
    method = response.request.method if response.request else None
    return method == 'GET' or (
        method in TELLING_METHODS
        and response.status_code not in BODILESS_STATUSES
    )


class _Receiver:
    """Makes every response a :class:`ServiceResponse` as soon as it is there.

    Its body is read up to a bound, but for what is streamed. It is a hook of
    requests. openstacksdk makes the keys of its cache of a request's
    parameters, so it is shown in the same way each time.
    """

    def __call__(
        self, response: requests.Response, stream: bool = False, **_: Any
    ) -> None:
        # Without an encoding, requests tries them all, which takes its time;
        # and some that Python knows are none for texts.
        if str(response.encoding).lower() not in _ENCODINGS:
            response.encoding = 'utf-8'
        if type(response) is requests.Response:
            response.__class__ = ServiceResponse
        if not stream or response.status_code >= 300:
            bounded_body.read(response)

    def __repr__(self) -> str:
        return f'<{__name__}.receive>'


receive = _Receiver()


def shorten_page(response: requests.Response) -> None:
    """Cut a page that says what went wrong.

    openstacksdk takes a time that grows with the square of its length.

    :param response: The response, which is changed.
    """
    if response.status_code < 400:
        return
    content = response.content or b''
    if len(content) > _LONGEST_PAGE and not content.lstrip().startswith(b'{'):
        response._content = content[:_LONGEST_PAGE]


# ====== WHAT IS DOCUMENTED ======


def anything(value: Any, purpose: str) -> None:
    """Take any JSON value: the operation's caller looks at it.

    :param value: The value.
    :param purpose: What was being done.
    """


def describes(kind: type[sdk_resource.Resource]) -> Check:
    """Return a check for JSON objects with the attributes of a resource.

    :param kind: The resource's class.
    """

    def check(value: Any, purpose: str) -> None:
        if not isinstance(value, dict):
            raise exceptions.InvalidAnswerError(
                f"{purpose}: the response is no JSON object"
            )
        if kind.resource_key and isinstance(
            value.get(kind.resource_key), dict
        ):
            value = value[kind.resource_key]
        carrier = _Carrier(value)
        for name, component in _typed_attributes(kind):
            try:
                if value.get(name) is not None:
                    component.__get__(carrier)
            except STUMBLES:
                raise exceptions.InvalidAnswerError(
                    f"{purpose}: {name} cannot be {value[name]!r}"
                ) from None

    return check


def describes_properties(value: Any, purpose: str) -> None:
    """Check a list of metadata definitions, an object of objects.

    :param value: The JSON value.
    :param purpose: What was being done, an error's first words.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError`
    """
    found = value.get('properties') if isinstance(value, dict) else None
    if not isinstance(found, dict) or not all(
        isinstance(each, dict) for each in found.values()
    ):
        raise exceptions.InvalidAnswerError(
            f"{purpose}: the response has no properties that are objects"
        )


def tells(kind: type[sdk_resource.Resource], attribute: str) -> Check:
    """Return a check for resources whose status is looked at.

    :param kind: The resource's class.
    :param attribute: The name of the status in openstacksdk.
    """
    component = getattr(kind, attribute, None)
    is_described = describes(kind)

    def check(value: Any, purpose: str) -> None:
        is_described(value, purpose)
        if not isinstance(component, fields.Body) or component.type:
            return
        status = value.get(component.name)
        if not isinstance(status, str):
            raise exceptions.InvalidAnswerError(
                f"{purpose}: {component.name} cannot be {status!r}"
            )

    return check


class _Carrier:
    """Stands in for a resource whose attributes are read."""

    def __init__(self, body: dict[str, Any]) -> None:
        setattr(self, fields.Body.key, body)


@functools.cache
def _typed_attributes(
    kind: type[sdk_resource.Resource],
) -> tuple[tuple[str, fields.Body], ...]:
    """Return a class's attributes that are converted, by their wire names."""
    found = (getattr(kind, name, None) for name in dir(kind))
    return tuple(
        (each.name, each)
        for each in found
        if isinstance(each, fields.Body) and each.type is not None
    )


# ====== OTHER SERVICES ======


@contextlib.contextmanager
def elsewhere(what: str) -> Iterator[None]:
    """Say of another service's refusals and odd answers what they are about.

    Only openstacksdk's own operations of that service belong in the block.

    :param what: What was being done, an error's first words.
    :raises: :class:`~ims_ext.exceptions.CloudImageHttpError` and
        :class:`~ims_ext.exceptions.InvalidAnswerError`
    """
    with answered(what):
        try:
            yield
        except sdk_exceptions.HttpException as error:
            if error.response is not None:
                exceptions.raise_from_response(error.response, what)
            raise


@contextlib.contextmanager
def answered(what: str) -> Iterator[None]:
    """Say of a conversion that failed that a value was not as documented.

    Only what is made of decoded values belongs in the block.

    :param what: What was being done, an error's first words.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError`
    """
    try:
        yield
    except (sdk_exceptions.SDKException, ksa_exceptions.ClientException):
        raise
    except STUMBLES as error:
        raise exceptions.InvalidAnswerError(
            f"{what}: the response is not as documented "
            f"({type(error).__name__}: {error})"
        ) from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
