# SPDX-License-Identifier: Apache-2.0
"""The versions of the image service's API."""

from collections.abc import Generator

from ims_ext import exceptions
from ims_ext import lazy
from ims_ext import proxy
from ims_ext import resource
from ims_ext import sdk
from ims_ext.transport import decode
from ims_ext.transport import request_check


class ApiVersion(resource.Resource):
    """A version of the API: ``GET /`` and ``GET /{version}``.

    Both answer with status 300, Multiple Choices.
    """

    base_path = '/'
    resources_key = 'versions'

    id: str = resource.Body('id')
    """The version, for example ``v2.2``."""
    status: str | None = resource.Body('status')
    """``CURRENT`` (the one to use), ``SUPPORTED`` (older, and still there) or
    ``DEPRECATED`` (to be removed)."""
    links: list[dict[str, str]] | None = resource.Body('links', type=list)
    """Where the version is: mappings with ``href`` and ``rel``. *Type: list of
    dict*"""

    @property
    def url(self) -> str | None:
        """The version's URL, as the cloud says."""
        for link in self.links or ():
            if isinstance(link, dict) and link.get('rel') == 'self':
                href = link.get('href')
                return href if isinstance(href, str) else None
        return None


class VersionMixin(proxy.Proxy):
    """``conn.ims``: versions of the API."""

    def api_versions(self) -> Generator[ApiVersion, None, None]:
        """List the versions of the API (``GET /``).

        :returns: A generator of :class:`ApiVersion`, in the cloud's order.
        """
        yield from self._versions('/', "Cannot list the API versions")

    def get_api_version(self, version: str | ApiVersion) -> ApiVersion:
        """Get a version of the API (``GET /{version}``).

        :param version: The version, for example ``v2.0``, or as listed.
            ``v2`` is the first one that the cloud names for it.
        :returns: The :class:`ApiVersion`.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is no such version.
        """
        name = str(sdk.id_of(version)).strip('/')
        if not name.strip():
            raise exceptions.ValidationError("A version is missing")
        if request_check.leads_elsewhere(name) or ' ' in name:
            raise exceptions.ValidationError(f"{name!r} is no version")
        if not name.startswith('v'):
            name = f'v{name}'
        found = self._versions(
            f'/{name}', f"Cannot look up the API version {name}"
        )
        # A cloud may answer with all of its versions, whatever was asked.
        matching = [
            each
            for each in found
            if each.id == name or str(each.id).startswith(f'{name}.')
        ]
        if not matching:
            raise exceptions.NotFoundError(f"No API version {name} found")
        return next(
            (each for each in matching if each.id == name), matching[0]
        )

    def _versions(self, path: str, error_message: str) -> list[ApiVersion]:
        response = self.get(path, endpoint_override=self.root_url())
        versions = decode.read_list(response, error_message, 'versions')
        builder = lazy.Builder(ApiVersion, self._get_connection())
        return [builder.defer(version) for version in versions]
