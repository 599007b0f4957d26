# SPDX-License-Identifier: Apache-2.0
"""The operating systems that a region's servers can run."""

from collections.abc import Generator, Iterable
from typing import Unpack

from ims_ext import exceptions
from ims_ext import lazy
from ims_ext import proxy
from ims_ext import resource
from ims_ext import validation
from ims_ext.extension import query as _query
from ims_ext.transport import decode


class OsVersion(resource.Resource):
    """A version of an operating system that images can have.

    Operation 15: ``GET /v1/cloudimages/os_version`` (H).
    """

    base_path = '/v1/cloudimages/os_version'

    platform: str | None = resource.Body('platform')
    """Family of the operating system, for example ``Ubuntu``."""
    os_version: str | None = resource.Body('os_version')
    """The value for an image's ``os_version``."""
    os_version_key: str | None = resource.Body('os_version_key')
    """What the service knows the version by; the same, as a rule."""
    os_bit: int | None = resource.Body('os_bit', type=resource.FlexibleInt)
    """32 or 64. *Type: int*"""
    os_type: str | None = resource.Body('os_type')
    """``Linux``, ``Windows`` or ``Other``."""


class OsVersionMixin(proxy.Proxy):
    """``conn.ims``: operating systems."""

    def os_versions(
        self, **query: Unpack[_query.OsVersionFilters]
    ) -> Generator[OsVersion, None, None]:
        """List the operating systems that images can have (operation 15).

        ``GET /v1/cloudimages/os_version`` (H)

        :param query: ``tag``: what the versions have to be for, one or
            several of ``bms`` (bare-metal servers), ``uefi``, ``arm``,
            ``x86``, ``kvm``; clouds may know more.
        :returns: A generator of :class:`OsVersion`, platform by platform.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a filter
            that does not exist.
        """
        validation.check_known('filter', query, ('tag',))
        return self._os_versions(_strings(query.get('tag') or ()))

    def _os_versions(
        self, tags: list[str]
    ) -> Generator[OsVersion, None, None]:
        platforms = decode.read_list(
            self.get(OsVersion.base_path, params={'tag': tags}),
            "Cannot list the versions of operating systems",
        )
        builder = lazy.Builder(OsVersion, self._get_connection())
        for platform in platforms:
            versions = platform.get('version_list')
            for version in versions if isinstance(versions, list) else ():
                if isinstance(version, dict):
                    yield builder.defer(
                        {'platform': platform.get('platform'), **version}
                    )


def _strings(given: str | Iterable[str]) -> list[str]:
    found = (
        [given]
        if isinstance(given, str)
        else validation.check_several('tag', given)
    )
    if not all(isinstance(each, str) and each for each in found):
        raise exceptions.ValidationError(
            f"tag is {given!r}; one or several strings are allowed"
        )
    return found
