# SPDX-License-Identifier: Apache-2.0
"""Images: found, shown, and changed where they differ from what is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
import uuid

try:
    from ims_ext import exceptions
    from ims_ext import wire_names
    from ims_ext.extension import cloud_image
    from ims_ext.extension import image_patch
    from ims_ext.extension import member
except ImportError:
    # The base of the modules tells of it.
    pass

#: Attributes that the extension's operation changes.
ATTRIBUTES = (
    'description',
    'min_ram',
    'max_ram',
    'hw_firmware_type',
    'enterprise_project_id',
)
#: Attributes that only Glance's operation changes, and their names there.
NATIVE = {
    'min_disk': 'min_disk',
    'is_protected': 'is_protected',
    'os_version': '__os_version',
}


def find_own(ims: Any, name: str) -> Any:
    """Return the project's own image, or ``None``.

    :param ims: ``conn.ims``.
    :param name: The image's name or ID.
    """
    if is_id(name):
        found = ims.find_cloud_image(name)
        if found is not None:
            return found
    return ims.find_cloud_image(name, owner=ims.get_project_id())


def find_any(ims: Any, name: str) -> Any:
    """Return an image: the project's own one before those of others.

    :param ims: ``conn.ims``.
    :param name: The image's name or ID.
    :raises: :class:`~openstack.exceptions.NotFoundException` where there is
        none.
    """
    return find_own(ims, name) or ims.find_cloud_image(
        name, ignore_missing=False
    )


def is_id(text: str) -> bool:
    """Whether a text looks like an image's ID."""
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def shown(image: Any) -> dict[str, Any]:
    """Return an image as modules return it."""
    found = {
        name: getattr(image, name)
        for name in dict(wire_names.sent_attributes(type(image)))
        if name not in ('location', 'properties', 'tags')
    }
    return {
        **{name: value for name, value in found.items() if value is not None},
        'id': image.id,
        'name': image.name,
        'tags': dict(image.tag_map),
        'properties': {
            name: value
            for name, value in (image.properties or {}).items()
            if value is not None
        },
    }


class Change:
    """The difference between an image and what is wanted of it.

    :param ims: ``conn.ims``.
    :param image: The image.

    :ivar before: What differs, as it is.
    :ivar after: What differs, as it is wanted.
    """

    def __init__(self, ims: Any, image: Any) -> None:
        self._ims = ims
        self._image = image
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}
        self._cloud: dict[str, Any] = {}
        self._native: dict[str, Any] = {}
        self._properties: dict[str, str] = {}
        self._new_tags: dict[str, str] = {}
        self._old_tags: list[str] = []
        self._new_members: list[str] = []
        self._old_members: list[str] = []

    def __bool__(self) -> bool:
        return self.before != self.after

    @property
    def diff(self) -> dict[str, Any]:
        """The difference as ``--diff`` shows it."""
        return {'before': self.before, 'after': self.after}

    def attributes(self, wanted: Mapping[str, Any]) -> None:
        """Want attributes; what is ``None`` is left as it is."""
        for name in (*ATTRIBUTES, *NATIVE):
            value = wanted.get(name)
            current = getattr(self._image, name)
            if (
                value is None
                or value == current
                or (not value and not current)
            ):
                continue
            self.before[name], self.after[name] = current, value
            if name in NATIVE:
                self._native[NATIVE[name]] = value
            else:
                self._cloud[name] = value

    def properties(self, wanted: Mapping[str, Any]) -> None:
        """Want properties, or attributes under the names the cloud has."""
        before, after = {}, {}
        for name, value in wanted.items():
            current, text = self._property(name), _text(value)
            if current is None or _text(current) != text:
                before[name], after[name] = current, text
        if after:
            self.before['properties'] = before
            self.after['properties'] = after
            self._properties = after

    def tags(self, wanted: Mapping[str, Any], *, purge: bool) -> None:
        """Want tags.

        :param wanted: Keys and values.
        :param purge: Whether the image is to have no others.
        """
        current = dict(self._image.tag_map)
        texts = {str(key): _text(value) for key, value in wanted.items()}
        self._new_tags = {
            key: value
            for key, value in texts.items()
            if current.get(key) != value
        }
        if purge:
            self._old_tags = [key for key in current if key not in texts]
        self._tell_tags(current)

    def no_tags(self, unwanted: Mapping[str, Any]) -> None:
        """Want some tags no more.

        :param unwanted: Keys, with the value that the tag must have to be
            removed, or ``None`` for any.
        """
        current = dict(self._image.tag_map)
        self._old_tags = [
            key
            for key, value in unwanted.items()
            if key in current
            and (value is None or current[key] == _text(value))
        ]
        self._tell_tags(current)

    def _tell_tags(self, current: dict[str, str]) -> None:
        if self._new_tags or self._old_tags:
            self.before['tags'] = current
            self.after['tags'] = {
                key: value
                for key, value in {**current, **self._new_tags}.items()
                if key not in self._old_tags
            }

    def members(
        self, conn: Any, wanted: list[str], *, is_shared: bool, purge: bool
    ) -> None:
        """Want projects to be members, or not.

        :param conn: The connection, whose identity knows projects' names.
        :param wanted: IDs or names of projects.
        :param is_shared: Whether the image is to be shared with them.
        :param purge: Whether it is to be shared with no others.
        """
        ids = member.project_ids(conn, wanted) if wanted else []
        current = [
            each.member_id for each in self._ims.members(self._image.id)
        ]
        if is_shared:
            self._new_members = [each for each in ids if each not in current]
            if purge:
                self._old_members = [e for e in current if e not in ids]
        else:
            self._old_members = [each for each in ids if each in current]
        if self._new_members or self._old_members:
            self.before['members'] = sorted(current)
            self.after['members'] = sorted(
                {*current, *self._new_members} - {*self._old_members}
            )

    def make(self, *, wait: bool, timeout: float) -> None:
        """Change the image, nothing where it is as wanted already.

        :param wait: Whether to wait for jobs.
        :param timeout: Seconds that one may take.
        """
        image = self._image
        changes = self._cloud | image_patch.split_properties(
            cloud_image.CloudImage, self._properties
        )
        with exceptions.leaving(f"the image {image.id}"):
            if changes:
                self._ims.update_cloud_image(image, **changes)
            if self._native:
                self._ims.update_image(image.id, **self._native)
            if self._old_tags:
                self._ims.delete_image_tags(image, self._old_tags)
            if self._new_tags:
                self._ims.create_image_tags(image, self._new_tags)
            if self._old_members:
                self._ims.remove_image_members(
                    image, self._old_members, wait=wait, timeout=timeout
                )
            if self._new_members:
                self._ims.add_image_members(
                    image, self._new_members, wait=wait, timeout=timeout
                )

    def _property(self, name: str) -> Any:
        own = (self._image.properties or {}).get(name)
        if own is not None:
            return own
        for python, component in wire_names.sent_attributes(type(self._image)):
            is_name = name == component.name or (
                name == python and name in image_patch.SUPPORT
            )
            if python != 'properties' and is_name:
                return getattr(self._image, python)
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
