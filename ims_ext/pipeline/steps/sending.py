# SPDX-License-Identifier: Apache-2.0
"""The data of an image, sent to the image service itself until it has them."""

import dataclasses
from pathlib import Path
from typing import Any

from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext import reconcile
from ims_ext.transport import failures
from ims_ext.transport import retry


def send(ims: Any, image_id: str, path: Path) -> None:
    """Send a file to an image that waits for its data.

    Where the answer is lost, the image says whether it has them.

    :param ims: ``conn.ims``.
    :param image_id: The image.
    :param path: The file.
    :raises: What the service refuses them with, or what stands for no answer.
    """
    is_lost = False

    def attempt() -> None:
        if is_lost and _status(ims, image_id) != 'queued':
            return
        with path.open('rb') as data:
            response = ims.put(
                f'/images/{image_id}/file',
                data=data,
                headers={
                    'Content-Type': 'application/octet-stream',
                    'Accept': '',
                },
                repeatable=False,
            )
        exceptions.raise_from_response(
            response, f"Cannot upload the data of the image {image_id}"
        )

    def failure_in(error: Exception) -> failures.Failure | None:
        nonlocal is_lost
        failure = failures.in_error(error)
        if failure is not None:
            is_lost = True
            return dataclasses.replace(
                failure,
                kind='doubtful',
                is_final=failures.is_unsent(error),
            )
        # It was made a moment ago: not all of the service knows it yet; and
        # what an attempt before has sent is being taken in.
        may_pass = isinstance(error, sdk_exceptions.NotFoundException) or (
            is_lost and isinstance(error, sdk_exceptions.ConflictException)
        )
        return failures.Failure('doubtful', str(error)) if may_pass else None

    def give_up(error: Exception, attempts: retry.Attempts) -> None:
        raise error

    retry.run(
        attempt, ims.retry_policy, failure_in=failure_in, give_up=give_up
    )


def _status(ims: Any, image_id: str) -> str:
    image = reconcile.seen(lambda: ims.get_image(image_id))
    return str(image.status).lower()
