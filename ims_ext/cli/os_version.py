# SPDX-License-Identifier: Apache-2.0
"""``openstack ims os version``: what images can have inside."""

import argparse
from typing import Any

from ims_ext.cli import command

_COLUMNS = ('OS Version', 'Platform', 'OS Type', 'OS Bit')
_ATTRIBUTES = ('os_version', 'platform', 'os_type', 'os_bit')


class ListOsVersion(command.Lister):
    """List the operating systems that images can have.

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
            '--long',
            action='store_true',
            help="List additional fields in output",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        columns: tuple[str, ...] = _COLUMNS
        attributes: tuple[str, ...] = _ATTRIBUTES
        if parsed_args.long:
            columns += ('Key',)
            attributes += ('os_version_key',)
        return columns, (
            command.format_values(version, attributes)
            for version in self.client.os_versions(tag=parsed_args.tags)
        )
