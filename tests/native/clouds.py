# SPDX-License-Identifier: Apache-2.0
"""What the tests know of a cloud, and short ways to ask it things."""

from collections.abc import Callable
import dataclasses
import json
from typing import Any

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack.image.v2.image import Image
import requests

#: The two content types of a change, and how each writes its operations.
V20 = 'application/openstack-images-v2.0-json-patch'
V21 = 'application/openstack-images-v2.1-json-patch'

#: Formats that both clouds know. Glance has no defaults for them.
FORMATS = {'disk_format': 'raw', 'container_format': 'bare'}

MakeImage = Callable[..., Image]


@dataclasses.dataclass(frozen=True)
class Cloud:
    """A cloud with users in two projects.

    :ivar is_emulator: Whether it is the emulator, with the ways of the
        documented service where these are not Glance's own.
    """

    is_emulator: bool
    alice: connection.Connection
    bob: connection.Connection


@dataclasses.dataclass(frozen=True)
class WholeGlance:
    """All of a Glance, beside what the clouds document.

    :ivar is_emulator: Whether it is the emulator.
    """

    is_emulator: bool
    alice: connection.Connection
    bob: connection.Connection
    admin: connection.Connection

    def send(
        self, user: str, method: str, path: str, **others: Any
    ) -> requests.Response:
        """Send a request, and return the answer, whatever it is.

        :param user: Who sends it.
        :param path: Without the version.
        """
        conn: connection.Connection = getattr(self, user)
        return conn.image.request(path, method, **others)


def create(conn: connection.Connection, name: str, **attributes: Any) -> Image:
    """Make an image without data.

    It is private: Glance's own default is not what the clouds document.

    :param attributes: More attributes and properties, by their wire names.
    """
    return conn.ims.create_image(
        name,
        allow_duplicates=True,
        meta={'visibility': 'private', **FORMATS, **attributes},
    )


def delete(conn: connection.Connection, image: Image) -> None:
    """Delete an image, protected or not, if it is still there."""
    try:
        conn.ims.delete_image(image.id)
    except sdk_exceptions.ForbiddenException:
        conn.ims.update_image(image.id, is_protected=False)
        conn.ims.delete_image(image.id)


def patch(
    conn: connection.Connection,
    image: Image,
    *operations: Any,
    kind: str = V21,
) -> requests.Response:
    """Send a change as it is, and return the answer, whatever it is."""
    return conn.ims.request(
        f'/images/{image.id}',
        'PATCH',
        data=json.dumps(operations),
        headers={'Content-Type': kind},
    )


def upload(
    conn: connection.Connection,
    image: Image,
    data: Any,
    content_type: str = 'application/octet-stream',
) -> requests.Response:
    """Send an image's data, and return the answer, whatever it is."""
    return conn.ims.request(
        f'/images/{image.id}/file',
        'PUT',
        data=data,
        headers={'Content-Type': content_type},
    )
