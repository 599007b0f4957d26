# SPDX-License-Identifier: Apache-2.0
"""Exceptions, and the catalogue of the service's error codes.

Everything raised here derives from openstacksdk's exceptions, so that
``except openstack.exceptions.SDKException`` keeps catching all of it.
"""

from collections.abc import Iterator, Mapping, Sequence
import contextlib
import dataclasses
import functools
from importlib import resources
import json
import re
from typing import TYPE_CHECKING

from openstack import exceptions as sdk_exceptions

if TYPE_CHECKING:
    import requests

    from ims_ext.extension import job as _job


@dataclasses.dataclass(frozen=True)
class ErrorCode:
    """What one of the service's error codes means.

    :param code: The code, for example ``IMG.0015``.
    :param meaning: What the service found wrong.
    :param advice: What to do about it; empty where nothing can be done.
    :param status: The HTTP status that goes with it.
    """

    code: str
    meaning: str
    advice: str
    status: int


class Catalogue(Mapping[str, ErrorCode]):
    """All documented error codes, read when the first one is looked up."""

    @functools.cached_property
    def _entries(self) -> dict[str, ErrorCode]:
        source = resources.files('ims_ext') / 'data' / 'error_codes.json'
        return {
            code: ErrorCode(code=code, **entry)
            for code, entry in json.loads(source.read_text('utf-8')).items()
        }

    def __getitem__(self, code: str) -> ErrorCode:
        return self._entries[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


#: Documented error codes: ``catalogue['IMG.0015'].advice``.
catalogue = Catalogue()


class ValidationError(sdk_exceptions.ValidationException, ValueError):
    """An argument that the service documents as not permitted.

    Raised before any request is sent.
    """


class DiskImageError(ValidationError):
    """A local file that cannot become an image."""


class UnsafeDiskImageError(DiskImageError):
    """A disk image that refers to data outside itself."""


class MissingExtraError(sdk_exceptions.SDKException, ImportError):
    """A part of the package that needs an extra which is not installed.

    :param extra: The extra's name, for example ``obs``.
    :param purpose: What needs it, the subject of the message's sentence.
    """

    def __init__(self, extra: str, purpose: str) -> None:
        self.extra = extra
        super().__init__(
            f"{purpose} needs packages that are not installed: "
            f"pip install 'ims-ext[{extra}]'"
        )


class ExtensionConflictError(sdk_exceptions.SDKException):
    """Two registered capabilities that define the same public method."""

    def __init__(self, method: str, first: str, second: str) -> None:
        super().__init__(
            f"The image service extensions '{first}' and '{second}' both "
            f"define '{method}': uninstall the package of one of them"
        )


class InvalidAnswerError(sdk_exceptions.InvalidResponse):
    """An answer of the cloud that lacks what the operation promises."""


class EndpointNotFoundError(sdk_exceptions.EndpointNotFound):
    """The cloud's catalog names no image service."""


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


_CLASS_BY_STATUS: dict[int, type[CloudImageHttpError]] = {
    400: BadRequestError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
}


class JobFailedError(sdk_exceptions.ResourceFailure):
    """A job that ended in FAIL.

    :ivar job: The :class:`~ims_ext.extension.job.Job` as last seen, sub-jobs
        included.
    :ivar code: The job's error code, or ``None``.
    :ivar reason: The cloud's words for what went wrong, or ``None``.
    :ivar advice: The catalogue's advice for the code, or ``None``.
    """

    def __init__(self, job: '_job.Job') -> None:
        self.job = job
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


class JobTimeoutError(sdk_exceptions.ResourceTimeout):
    """Jobs that were still running when the caller's time was up.

    :ivar jobs: The :class:`~ims_ext.extension.job.Job` objects as last seen;
        they go on in the cloud.
    """

    def __init__(self, jobs: 'Sequence[_job.Job]', timeout: float) -> None:
        self.jobs = list(jobs)
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
    advice = _advice(code)
    error = cls(
        message=error_message or "The image service refuses",
        response=response,
        details=_sentence(None, code, reason or response.reason, advice),
    )
    error.code = code
    error.advice = advice
    raise error


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
