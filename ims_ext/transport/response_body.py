# SPDX-License-Identifier: Apache-2.0
"""Reading answers that may be anything, and saying so where they are.

openstacksdk expects answers to be as they are documented, and stumbles over
others in many ways. Here they all become one.
"""

from collections.abc import Iterator
import contextlib
import json
import threading
from typing import Any, NoReturn

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
import requests

from ims_ext import exceptions

#: What reading an answer fails with that is not as it is documented.
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

_thread = threading.local()


class Answer(requests.Response):
    """An answer whose body is read in bounded time, or refused as no JSON."""

    def json(self, **kwargs: Any) -> Any:
        """Return the body's JSON value.

        :raises: :class:`requests.exceptions.JSONDecodeError` for whatever is
            none, and for what is too deep or too long to be read.
        """
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


def make_readable(response: requests.Response) -> None:
    """Have an answer read as :class:`Answer` reads.

    :param response: The answer, which is changed.
    """
    # Without an encoding, requests tries them all, which takes its time; and
    # some that Python knows are none for texts.
    if str(response.encoding).lower() not in _ENCODINGS:
        response.encoding = 'utf-8'
    if type(response) is requests.Response:
        response.__class__ = Answer
    if response.status_code >= 400:
        _shorten(response)
    _thread.answers = _answers() + 1
    _thread.status = response.status_code
    # The others are of no interest any more, and may be large.
    is_creation = response.request is not None and (
        response.request.method == 'POST'
    )
    _thread.creation = response if is_creation else None


@contextlib.contextmanager
def guarded(what: str) -> Iterator[None]:
    """Say of stumbles over answers that the answer was not as documented.

    Those that come before any answer are the caller's, and left alone.

    :param what: What was being done, an error's first words.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError`, and with the
        service's code and advice what openstacksdk raises for refusals.
    """
    before = _answers()
    try:
        yield
        if _answers() > before:
            exceptions.check_carried_out(_thread.status, what)
    except sdk_exceptions.HttpException as error:
        exceptions.reraise(error)
    except STUMBLES:
        if _answers() == before:
            raise
        with answered(what):
            raise


def _shorten(response: requests.Response) -> None:
    """Cut a page that says what went wrong.

    openstacksdk takes a time that grows with the square of its length.
    """
    content = response.content or b''
    if len(content) > _LONGEST_PAGE and not content.lstrip().startswith(b'{'):
        response._content = content[:_LONGEST_PAGE]


@contextlib.contextmanager
def elsewhere(what: str) -> Iterator[None]:
    """Say of another service's refusals and stumbles what they were about.

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
    """Say of all stumbles that the answer was not as documented.

    :param what: What was being done, an error's first words.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError`
    """
    try:
        yield
    except (sdk_exceptions.SDKException, ksa_exceptions.ClientException):
        raise
    except STUMBLES as error:
        raise exceptions.InvalidAnswerError(
            f"{what}: the cloud's answer is not as documented "
            f"({type(error).__name__}: {error})"
        ) from error


def check_created(what: str) -> None:
    """Refuse a creation whose answer is something else than a JSON object.

    openstacksdk leaves everything as it was asked for then.

    :param what: What was being done, an error's first words.
    :raises: :class:`~ims_ext.exceptions.InvalidAnswerError`
    """
    response = getattr(_thread, 'creation', None)
    if response is None or not response.content:
        return
    with answered(what):
        if not isinstance(response.json(), dict):
            raise TypeError("no object")


def _answers() -> int:
    """Return how many answers this thread has had."""
    return getattr(_thread, 'answers', 0)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
