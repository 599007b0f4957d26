# SPDX-License-Identifier: Apache-2.0
"""Exceptions, and the catalogue of the service's error codes.

Everything raised here derives from openstacksdk's exceptions, so that
``except openstack.exceptions.SDKException`` keeps catching all of it.
"""

from collections.abc import Iterator, Sequence
import contextlib
import datetime
from typing import TYPE_CHECKING, Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext.error_codes import catalogue as catalogue
from ims_ext.exceptions import masking
from ims_ext.exceptions import refusal
from ims_ext.exceptions import wording
from ims_ext.exceptions.error_body import error_body as error_body
from ims_ext.exceptions.error_body import phrase
from ims_ext.exceptions.error_body import request_id
from ims_ext.exceptions.job_failure import JobFailedError as JobFailedError
from ims_ext.exceptions.job_failure import JobTimeoutError as JobTimeoutError
from ims_ext.exceptions.job_failure import LookedAtJob as LookedAtJob
from ims_ext.exceptions.rebuilt import Rebuilt
from ims_ext.exceptions.wording import readable as readable

if TYPE_CHECKING:
    import requests


#: The attribute of an answer that says how often it was asked for.
_ATTEMPTS = 'ims_ext_attempts'


class ValidationError(sdk_exceptions.ValidationException, ValueError):
    """An argument that the service documents as not permitted.

    Raised before any request is sent.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message and readable(message, wording.LONGEST))


class DiskImageError(ValidationError):
    """A local file that cannot become an image."""


class UnsafeDiskImageError(DiskImageError):
    """A disk image that refers to data outside itself."""


class UnsignableRequestError(ValidationError):
    """A request whose body is too large for an access key's signature."""


class MissingExtraError(Rebuilt, ImportError):
    """A part of the package that needs an extra which is not installed.

    :param extra: The extra's name, for example ``obs``.
    :param purpose: What needs it, the subject of the message's sentence.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra = extra
        self._arguments = (extra, purpose)
        super().__init__(
            f"{purpose} needs packages that are not installed: "
            f"pip install 'ims-ext[{extra}]'"
        )


class ExtensionConflictError(Rebuilt):
    """Two registered capabilities that define the same method."""

    def __init__(self, method: str, first: str, second: str) -> None:
        self._arguments = (method, first, second)
        super().__init__(
            f"The image service extensions '{first}' and '{second}' both "
            f"define '{method}': uninstall the package of one of them"
        )


class InvalidAnswerError(sdk_exceptions.InvalidResponse):
    """An answer of the cloud that lacks what the operation promises."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message and readable(message, wording.LONGEST))


class LargeAnswerError(InvalidAnswerError):
    """An answer of the cloud that is larger than any that it promises.

    It is not read to its end, and not asked for again.
    """


class PagingError(InvalidAnswerError):
    """A list whose next page cannot be had: items would be lost.

    The cloud sends a page that it has sent already, or no longer has the
    item that the next page begins after.
    """


class OutcomeUnknownError(Rebuilt):
    """A request that may have taken effect, or not: its answer was lost.

    It is not sent again, for then there might be two of what it makes. The
    message names what to look at.

    :ivar candidates: IDs of the images that it may have made; empty where
        none was found, or nothing can be looked for.
    """

    def __init__(self, message: str, candidates: Sequence[str] = ()) -> None:
        self.candidates = list(candidates)
        self._arguments = (message, self.candidates)
        super().__init__(message)


class EndpointNotFoundError(sdk_exceptions.EndpointNotFound):
    """The cloud's catalog lacks a service that is needed."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message and readable(message, wording.LONGEST))


class ClockSkewError(Rebuilt):
    """A signed request refused because the clocks differ too much.

    :ivar local: When the request was signed, by this machine's clock.
    :ivar server: When it was refused, by the service's clock, or ``None``
        where the answer does not say.
    """

    def __init__(
        self,
        local: datetime.datetime | None,
        server: datetime.datetime | None,
        host: str,
    ) -> None:
        self.local = local
        self.server = server
        self._arguments = (local, server, host)
        super().__init__(
            f"{host} refuses a signed request because of its time: it was "
            f"signed at {_clock_time(local)} by this machine's clock, and "
            f"refused at {_clock_time(server)} by the service's; they may "
            f"differ by 15 minutes. Set this machine's clock, or let it be "
            f"kept by a time service"
        )


class NoAnswerError(
    sdk_exceptions.SDKException, ksa_exceptions.ConnectFailure
):
    """A request that was not answered: no connection, or one that was cut.

    Of a request that changes something it is not known whether it has been
    carried out.

    :ivar is_unsent: Whether it is known that the request was never sent,
        since there was no token to send it with.
    """

    def __init__(
        self, message: str | None = None, is_unsent: bool = False
    ) -> None:
        self.is_unsent = is_unsent
        super().__init__(message and readable(message, wording.LONGEST))


class NoAnswerTimeoutError(NoAnswerError, ksa_exceptions.ConnectTimeout):
    """A request that was not answered in time."""


class RedirectRefusedError(sdk_exceptions.SDKException):
    """A redirect or link that is not followed.

    It leads to another host, which the token is not for, or leaves open
    whether the request has been carried out.
    """


class ObjectStoreError(sdk_exceptions.SDKException):
    """The bucket side of an import or export failed."""


class BucketCredentialsError(ObjectStoreError):
    """No access key for the bucket, or one that the cloud refuses."""


class BucketNotFoundError(ObjectStoreError):
    """The bucket does not exist."""


class BucketAccessError(ObjectStoreError):
    """The bucket or object exists, but access to it is denied."""


class ImportBusyError(sdk_exceptions.SDKException):
    """Another process is at the very same import."""


class ImportChangedError(sdk_exceptions.SDKException):
    """Something else is asked of an import that has been started already.

    An earlier run was interrupted after the image service had been asked for
    the image: from the file as it was, with the attributes as they were.
    """


class CloudImageHttpError(sdk_exceptions.HttpException):
    """A refusal by the service, with its code and what to do about it.

    :ivar code: The service's own code (``IMG.0015``, ``APIGW.0301``), or
        ``None`` where the answer has none.
    :ivar advice: The catalogue's advice for the code, or ``None``.
    """

    code: str | None = None
    advice: str | None = None

    def __reduce__(self) -> Any:
        """Take no token along to wherever the exception is taken."""
        reduced: Any = super().__reduce__()
        cls, arguments, state = reduced
        state = dict(state)
        if self.response is not None:
            response = masking.without_secrets(self.response)
            state |= {'response': response, 'request': response.request}
        return cls, arguments, state

    def __str__(self) -> str:
        """Say what was refused, why, and how to look it up."""
        if self.response is None:
            return readable(self.message, wording.LONGEST)
        about = f"HTTP {self.status_code}"
        if self.request_id:
            about += f", request ID {readable(self.request_id, 100)}"
        about += getattr(self.response, _ATTEMPTS, '')
        message = readable(self.message, wording.LONGEST_PART)
        return f"{message}: {self.details} ({about})"


class BadRequestError(CloudImageHttpError, sdk_exceptions.BadRequestException):
    """HTTP 400, with the service's code and advice."""


class ForbiddenError(CloudImageHttpError, sdk_exceptions.ForbiddenException):
    """HTTP 403, with the service's code and advice."""


class NotFoundError(CloudImageHttpError, sdk_exceptions.NotFoundException):
    """HTTP 404, with the service's code and advice."""


class ConflictError(CloudImageHttpError, sdk_exceptions.ConflictException):
    """HTTP 409, with the service's code and advice."""


class QuotaExceededError(BadRequestError):
    """The project has as many images, or shares as many, as it may."""


class NameTakenError(BadRequestError):
    """Another image has the name already."""


class ImageProtectedError(BadRequestError):
    """The image is protected from what was asked for."""


class InvalidTagError(BadRequestError):
    """A tag that the service does not permit, or one too many."""


class InvalidOsVersionError(BadRequestError):
    """An operating system that the cloud does not know."""


class BackupUsedError(BadRequestError):
    """The backup has been made an image of already."""


class NotShareableError(BadRequestError):
    """The image cannot be shared, or not with that project."""


class NotExportableError(BadRequestError):
    """The image cannot be exported, or not copied."""


class BucketRefusedError(BadRequestError):
    """The image service cannot use the bucket or the object."""


class UnsupportedOperationError(
    CloudImageHttpError, sdk_exceptions.NotSupported
):
    """An operation that this cloud's image service does not have."""


_CLASS_BY_CODE: dict[str, type[CloudImageHttpError]] = {
    code: cls
    for cls, codes in (
        (QuotaExceededError, ('IMG.0015', 'IMG.0088')),
        (NameTakenError, ('IMG.0009',)),
        (ImageProtectedError, ('IMG.0028',)),
        (InvalidTagError, ('IMG.0115', 'IMG.0116')),
        (InvalidOsVersionError, ('IMG.0056',)),
        (BackupUsedError, ('IMG.0029', 'IMG.0134')),
        (
            NotShareableError,
            ('IMG.0076', 'IMG.0089', 'IMG.0098', 'IMG.0135'),
        ),
        (
            NotExportableError,
            (
                'IMG.0071',
                'IMG.0077',
                'IMG.0079',
                'IMG.0080',
                'IMG.0081',
                'IMG.0128',
                'IMG.0130',
                'IMG.0160',
            ),
        ),
        (
            BucketRefusedError,
            ('IMG.0057', 'IMG.0058', 'IMG.0069', 'IMG.0070'),
        ),
    )
    for code in codes
}

_CLASS_BY_STATUS: dict[int, type[CloudImageHttpError]] = {
    400: BadRequestError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}


def class_of(status: int, code: str | None) -> type[CloudImageHttpError]:
    """Return the class of the exception that a refusal raises.

    :param status: The HTTP status.
    :param code: The service's code, if any.
    """
    cls = _CLASS_BY_STATUS.get(status, CloudImageHttpError)
    telling = _CLASS_BY_CODE.get(code or '')
    return telling if telling and issubclass(telling, cls) else cls


def raise_from_response(
    response: 'requests.Response', error_message: str | None = None
) -> None:
    """Raise what an error answer of the service stands for.

    Does nothing for answers below 300. The body may have any shape: the
    documented ones are ``{"error": {"message", "code"}}``, the gateway's
    ``{"error_msg", "error_code"}`` and Glance's HTML page, and there are
    more.

    :param response: The answer.
    :param error_message: What was being done, the message's first words.
    :raises: :class:`CloudImageHttpError`, and :class:`InvalidAnswerError`
        for a redirect to nowhere.
    """
    if response.status_code < 400:
        _check_carried_out(response.status_code, error_message)
        return
    code, reason = error_body(response)
    cls = class_of(response.status_code, code)
    advice = refusal.advice(code)
    if refusal.is_missing_operation(response, code):
        cls = UnsupportedOperationError
        error_message = refusal.missing_operation(response)
    error = cls(
        message=error_message or "The image service refuses",
        # Whoever keeps, shows or sends the exception shows no token.
        response=masking.without_secrets(response),
        details=refusal.sentence(
            None, code, reason or phrase(response), advice
        ),
    )
    error.code = code
    error.advice = advice
    error.request_id = request_id(response)
    raise error


def _check_carried_out(status: int, error_message: str | None) -> None:
    """Refuse a redirect to nowhere."""
    if 300 < status < 400 and status != 304:
        raise InvalidAnswerError(
            f"{error_message or 'No answer'}: the response is a "
            f"redirect to nowhere (HTTP {status}), which does not say what "
            f"has been done"
        )


def note_attempts(response: 'requests.Response', attempts: str) -> None:
    """Have a refusal's message say how often it was tried.

    :param response: The last answer.
    :param attempts: How often and for how long, in words.
    """
    setattr(response, _ATTEMPTS, f", {attempts}")


def _clock_time(moment: datetime.datetime | None) -> str:
    if moment is None:
        return "an unknown time"
    return f'{moment.astimezone(datetime.UTC):%Y-%m-%d %H:%M:%S} UTC'


def deleting_words(image_id: str) -> str:
    """Return what deletes an image that is left, for a message.

    :param image_id: The image's ID.
    """
    return f"'openstack ims image delete {image_id}' deletes it"


@contextlib.contextmanager
def leaving(what: str) -> Iterator[None]:
    """Say of whatever ends the block early what it leaves behind.

    What is left is added as a note to the exception, a Ctrl-C included.

    :param what: What is left, and what can be done with it.
    """
    try:
        yield
    except BaseException as error:
        error.add_note(f"Left behind: {what}")
        raise
