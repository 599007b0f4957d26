# SPDX-License-Identifier: Apache-2.0
"""Exceptions, and the catalogue of the service's error codes.

Everything raised here derives from openstacksdk's exceptions, so that
``except openstack.exceptions.SDKException`` keeps catching all of it.
"""

from collections.abc import Iterator, Sequence
import contextlib
import re
from typing import TYPE_CHECKING, Any, NoReturn
import urllib.parse

from openstack import exceptions as sdk_exceptions

from ims_ext.catalogue import catalogue as catalogue

if TYPE_CHECKING:
    import requests

    from ims_ext.extension import job as _job


class ValidationError(sdk_exceptions.ValidationException, ValueError):
    """An argument that the service documents as not permitted.

    Raised before any request is sent.
    """


class DiskImageError(ValidationError):
    """A local file that cannot become an image."""


class UnsafeDiskImageError(DiskImageError):
    """A disk image that refers to data outside itself."""


class _Rebuilt(sdk_exceptions.SDKException):
    """An exception that survives the way to another process.

    Python rebuilds an exception from its message; these take more.
    """

    _arguments: tuple[Any, ...]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._arguments


class MissingExtraError(_Rebuilt, ImportError):
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


class ExtensionConflictError(_Rebuilt):
    """Two registered capabilities that define the same public method."""

    def __init__(self, method: str, first: str, second: str) -> None:
        self._arguments = (method, first, second)
        super().__init__(
            f"The image service extensions '{first}' and '{second}' both "
            f"define '{method}': uninstall the package of one of them"
        )


class InvalidAnswerError(sdk_exceptions.InvalidResponse):
    """An answer of the cloud that lacks what the operation promises."""


class EndpointNotFoundError(sdk_exceptions.EndpointNotFound):
    """The cloud's catalog lacks a service that is needed."""


class ObjectStoreError(sdk_exceptions.SDKException):
    """The bucket side of an import or export failed."""


class BucketCredentialsError(ObjectStoreError):
    """No access key for the bucket, or one that the cloud refuses."""


class BucketNotFoundError(ObjectStoreError):
    """The bucket does not exist."""


class BucketAccessError(ObjectStoreError):
    """The bucket or object exists, but access to it is denied."""


class CloudImageHttpError(sdk_exceptions.HttpException):
    """A refusal by the service, with its code and what to do about it.

    :ivar code: The service's own code (``IMG.0015``, ``APIGW.0301``), or
        ``None`` where the answer has none.
    :ivar advice: The catalogue's advice for the code, or ``None``.
    """

    code: str | None = None
    advice: str | None = None

    def __str__(self) -> str:
        """Say what was refused, why, and how to look it up."""
        if self.response is None:
            return self.message
        about = f"HTTP {self.status_code}"
        if self.request_id:
            about += f", request ID {self.request_id}"
        return f"{self.message}: {self.details} ({about})"


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

_CLOUDS = {
    'F': "Flexible Engine",
    'O': "Open Telekom Cloud",
    'H': "Huawei Cloud",
}

#: Paths of operations that not all of the clouds document, and who does.
_PARTIAL_OPERATIONS = tuple(
    (re.compile(pattern), clouds)
    for pattern, clouds in (
        (r'/v1/cloudimages/dataimages/action$', 'OH'),
        (r'/v1/cloudimages/[^/]+/cross_region_copy$', 'H'),
        (r'/v1/cloudimages/os_version$', 'H'),
        (r'/v1/cloudimages/job/[^/]+$', 'H'),
        (r'/v1/[^/]+/cloudimages/[^/]+/(members|tags/delete)(/|$)', 'H'),
        (r'/v2\.1/cloudimages/', 'H'),
    )
)

_BARE_MESSAGE = re.compile(r'\w+: \d{3}$')

#: The gateway's code for a path that it does not know.
_NO_SUCH_API = 'APIGW.0101'

_CLASS_BY_STATUS: dict[int, type[CloudImageHttpError]] = {
    400: BadRequestError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}


class JobFailedError(_Rebuilt, sdk_exceptions.ResourceFailure):
    """A job that ended in FAIL.

    :ivar job: The :class:`~ims_ext.extension.job.Job` as last seen, sub-jobs
        included.
    :ivar code: The job's error code, or ``None``.
    :ivar reason: The cloud's words for what went wrong, or ``None``.
    :ivar advice: The catalogue's advice for the code, or ``None``.
    """

    def __init__(self, job: '_job.Job') -> None:
        self.job = job
        self._arguments = (job,)
        code, reason = job.failure
        self.code = code
        self.reason = reason
        self.advice = _advice(code)
        super().__init__(
            _sentence(
                f"Job {job.id} ({job.job_type or 'unknown type'}) failed",
                code,
                reason,
                self.advice,
            )
        )


class JobTimeoutError(_Rebuilt, sdk_exceptions.ResourceTimeout):
    """Jobs that were still running when the caller's time was up.

    :ivar jobs: The :class:`~ims_ext.extension.job.Job` objects as last seen;
        they go on in the cloud.
    """

    def __init__(self, jobs: 'Sequence[_job.Job]', timeout: float) -> None:
        self.jobs = list(jobs)
        self._arguments = (self.jobs, timeout)
        several = len(self.jobs) > 1
        states = ', '.join(
            f"{job.id} ({job.status or 'not seen yet'})" for job in self.jobs
        )
        super().__init__(
            f"After {timeout:g} seconds, {len(self.jobs)} jobs have not "
            f"ended: {states}; they go on in the cloud"
            if several
            else f"After {timeout:g} seconds, the job {states} has not "
            f"ended; it goes on in the cloud"
        )


def raise_from_response(
    response: 'requests.Response', error_message: str | None = None
) -> None:
    """Raise what an error answer of the service stands for.

    Does nothing for answers below 400. The body may have any of the
    documented shapes: ``{"error": {"message", "code"}}``, the gateway's
    ``{"error_msg", "error_code"}``, or Glance's HTML page.

    :param response: The answer.
    :param error_message: What was being done, the message's first words.
    :raises: :class:`CloudImageHttpError`
    """
    if response.status_code < 400:
        return
    code, reason = _error_body(response)
    cls = _CLASS_BY_STATUS.get(response.status_code, CloudImageHttpError)
    telling = _CLASS_BY_CODE.get(code or '')
    if telling and issubclass(telling, cls):
        cls = telling
    advice = _advice(code)
    if _is_missing_operation(response, code):
        cls = UnsupportedOperationError
        error_message = _missing_operation(response)
    error = cls(
        message=error_message or "The image service refuses",
        response=response,
        details=_sentence(None, code, reason or response.reason, advice),
    )
    error.code = code
    error.advice = advice
    raise error


def reraise(error: sdk_exceptions.HttpException) -> NoReturn:
    """Raise an error of openstacksdk's with the service's code and advice.

    :param error: What openstacksdk has made of an answer.
    :raises: :class:`CloudImageHttpError`, or ``error`` itself where it is
        one already or no answer is known.
    """
    response = getattr(error, 'response', None)
    if response is not None and not isinstance(error, CloudImageHttpError):
        # openstacksdk's own message says no more than class and status.
        message = error.message
        is_telling = message != 'Error' and not _BARE_MESSAGE.match(message)
        raise_from_response(response, message if is_telling else None)
    raise error


def _is_missing_operation(
    response: 'requests.Response', code: str | None
) -> bool:
    """Whether it is the operation that the cloud lacks, not an object."""
    if response.status_code == 405 or code == _NO_SUCH_API:
        return True
    return (
        response.status_code == 404
        and code is None
        and bool(_clouds(response))
    )


def _clouds(response: 'requests.Response') -> str:
    """Return who documents an operation, if not all of the clouds do."""
    path = urllib.parse.urlsplit(response.request.url or '').path
    for pattern, clouds in _PARTIAL_OPERATIONS:
        if pattern.search(str(path)):
            return clouds
    return ''


def _missing_operation(response: 'requests.Response') -> str:
    path = urllib.parse.urlsplit(response.request.url or '').path
    names = [_CLOUDS[cloud] for cloud in _clouds(response) or _CLOUDS]
    return (
        f"This cloud's image service does not have {response.request.method} "
        f"{path!s}, which is documented for {' and '.join(names)}"
    )


def _error_body(
    response: 'requests.Response',
) -> tuple[str | None, str | None]:
    """Return the code and the message of an error answer."""
    try:
        body = response.json()
    except ValueError:
        return None, _plain_text(response.text)
    if not isinstance(body, dict):
        return None, _plain_text(response.text)
    error = body.get('error')
    if isinstance(error, dict):
        body = error
    elif isinstance(error, str):
        return None, error
    code = body.get('error_code') or body.get('code')
    message = body.get('error_msg') or body.get('message')
    return (
        # Keystone and Glance put the HTTP status where the code would be.
        code if isinstance(code, str) else None,
        str(message) if message else None,
    )


def _plain_text(page: str) -> str | None:
    """Return the words of an HTML page, shortened to a readable line."""
    words = re.sub(r'(?s)<(head|style|script).*?</\1>|<[^>]*>', ' ', page)
    return ' '.join(words[:4096].split())[:300] or None


def _advice(code: str | None) -> str | None:
    entry = catalogue.get(code) if code else None
    return entry.advice or None if entry else None


def _sentence(
    what: str | None,
    code: str | None,
    reason: str | None,
    advice: str | None,
) -> str:
    """Join the known parts to ``What: CODE: reason. Advice.``"""
    parts = [part.rstrip('. ') for part in (what, code, reason) if part]
    text = ': '.join(parts)
    return f'{text}. {advice}' if advice else text


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
