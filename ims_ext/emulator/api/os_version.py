# SPDX-License-Identifier: Apache-2.0
"""The operating systems that images can have."""

from collections.abc import Callable
import itertools
import operator

from ims_ext import os_versions
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.os_versions import OsVersion

#: Which versions are for what. The references name the tags, but not the
#: versions; here it follows from the processors that each needs.
TAGS: dict[str, Callable[[OsVersion], bool]] = {
    'x86': lambda version: True,
    'kvm': lambda version: True,
    'bms': lambda version: version.os_bit == 64,
    'uefi': lambda version: version.os_bit == 64,
    'arm': lambda version: (
        version.os_bit == 64 and (version.os_type == 'Linux')
    ),
}


class OsVersionsApi:
    """Operation 15."""

    def __init__(self, service: Service) -> None:
        self.service = service

    @route('GET', '/v1/cloudimages/os_version')
    def list(self, request: Request) -> Answer:
        """List the documented versions that all tags are for."""
        profile = self.service.settings.profile
        tags = request.args.getlist('tag')
        for tag in tags:
            if tag not in TAGS:
                raise ImsError(
                    'IMG.0017', f"tag must be one of {', '.join(TAGS)}."
                )
        versions = sorted(
            (
                version
                for version in os_versions.all_versions()
                if profile.has_os_version(version.version)
                and all(TAGS[tag](version) for tag in tags)
            ),
            key=operator.attrgetter('platform'),
        )
        return [
            {
                'platform': profile.platform(platform),
                'version_list': [
                    {
                        'platform': profile.platform(platform),
                        'os_version_key': version.version,
                        'os_version': version.version,
                        'os_bit': version.os_bit,
                        'os_type': version.os_type,
                    }
                    for version in group
                ],
            }
            for platform, group in itertools.groupby(
                versions, operator.attrgetter('platform')
            )
        ]
