# SPDX-License-Identifier: Apache-2.0
"""``openstack ims os version``: what images can have inside."""

import argparse
from typing import Any

from osc_lib import exceptions

from ims_ext import os_versions
from ims_ext.cli import command

_COLUMNS = ('OS Version', 'Platform', 'OS Type', 'OS Bit')
_ATTRIBUTES = ('os_version', 'platform', 'os_type', 'os_bit')


class ListOsVersion(command.Lister):
    """List the operating systems that images can have.

    Not every cloud tells them: --documented shows those that the clouds
    document, whatever yours is.

    Columns: OS Version, Platform, OS Type, OS Bit; with --long also Key.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--tag',
            metavar='<tag>',
            dest='tags',
            action='append',
            help=(
                "List only those for bms, uefi, arm, x86 or kvm (repeat "
                "option for several, all of which must hold)"
            ),
        )
        parser.add_argument(
            '--documented',
            action='store_true',
            help="List what all of the clouds document together",
        )
        parser.add_argument(
            '--long',
            action='store_true',
            help="List additional fields in output",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if parsed_args.documented:
            return self._documented(parsed_args)
        columns: tuple[str, ...] = _COLUMNS
        attributes: tuple[str, ...] = _ATTRIBUTES
        if parsed_args.long:
            columns += ('Key',)
            attributes += ('os_version_key',)
        return columns, (
            command.format_values(version, attributes)
            for version in self.client.os_versions(tag=parsed_args.tags)
        )

    def _documented(self, parsed_args: argparse.Namespace) -> Any:
        if parsed_args.tags or parsed_args.long:
            raise exceptions.CommandError(
                "--documented goes with neither --tag nor --long: what they "
                "tell differs from cloud to cloud"
            )
        return _COLUMNS, [
            (each.version, each.platform, each.os_type, each.os_bit)
            for each in os_versions.all_versions()
        ]
