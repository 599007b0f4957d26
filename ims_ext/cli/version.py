# SPDX-License-Identifier: Apache-2.0
"""``openstack ims version``: the versions of the image service's API."""

import argparse
from typing import Any

from ims_ext.cli import command

_COLUMNS = ('ID', 'Status', 'URL')
_ATTRIBUTES = ('id', 'status', 'url')


class ListVersion(command.Lister):
    """List the versions of the image service's API.

    Columns: ID, Status and URL.
    """

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return _COLUMNS, [
            command.format_values(version, _ATTRIBUTES)
            for version in self.client.api_versions()
        ]


class ShowVersion(command.ShowOne):
    """Show a version of the image service's API.

    Shows id, status and url.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'version', metavar='<version>', help="Version, for example v2.0"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        version = self.client.get_api_version(parsed_args.version)
        return _ATTRIBUTES, command.format_values(version, _ATTRIBUTES)
