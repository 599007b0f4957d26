# SPDX-License-Identifier: Apache-2.0
"""The versions of the image service."""

from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service

#: Version, status, and the path that it is served under; the extension
#: operations' v2.1 and v1 have no version documents of their own.
VERSIONS = (
    ('v2.2', 'CURRENT', 'v2'),
    ('v2.1', 'SUPPORTED', 'v2'),
    ('v2.0', 'SUPPORTED', 'v2'),
    ('v1.1', 'DEPRECATED', 'v1'),
    ('v1.0', 'DEPRECATED', 'v1'),
)

#: The versions of a whole Glance.
_NEWEST = 18
GLANCE_VERSIONS = tuple(
    (f'v2.{minor}', 'CURRENT' if minor == _NEWEST else 'SUPPORTED', 'v2')
    for minor in range(_NEWEST, -1, -1)
)


class VersionsApi:
    """The version lists, which anybody may read."""

    dialect = Dialect.GLANCE

    def __init__(self, service: Service) -> None:
        is_whole = service.settings.glance == 'full'
        self._versions = GLANCE_VERSIONS if is_whole else VERSIONS

    @route('GET', '/', anonymous=True)
    def list(self, request: Request) -> Answer:
        """List all versions."""
        return 300, self._views(request)

    @route('GET', '/versions', anonymous=True)
    def list_versions(self, request: Request) -> Answer:
        """List all versions, where Glance has them without the 300."""
        return self._views(request)

    def _views(self, request: Request) -> dict[str, Any]:
        versions = [_view(request, *each) for each in self._versions]
        return {'versions': versions}

    @route('GET', '/<version>', anonymous=True)
    @route('GET', '/<version>/', anonymous=True)
    def show(self, request: Request, version: str) -> Answer:
        """Show one version, or those that one path serves."""
        found = [
            _view(request, *each)
            for each in self._versions
            if version in (each[0], each[2])
        ]
        if not found:
            raise NotFound("The resource could not be found.")
        return 300, {'versions': found}


def _view(
    request: Request, version: str, status: str, path: str
) -> dict[str, Any]:
    return {
        'id': version,
        'status': status,
        'links': [{'rel': 'self', 'href': f'{request.root}/{path}/'}],
    }
