# SPDX-License-Identifier: Apache-2.0
"""``openstack ims schema``: what images and members look like."""

import argparse
from typing import Any

from cliff import columns

from ims_ext.cli import command

_SCHEMAS = ('image', 'images', 'member', 'members')


class _Properties(columns.FormattableColumn[dict[str, Any]]):
    """A schema's properties: one a line for people, JSON for programs."""

    def human_readable(self) -> str:
        return '\n'.join(
            _line(name, schema if isinstance(schema, dict) else {})
            for name, schema in sorted(self._value.items())
        )


class ShowSchema(command.ShowOne):
    """Show the JSON schema of images, members or lists of them.

    Shows name, properties and additional_properties.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'schema', choices=_SCHEMAS, help="What the schema describes"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        client = self.client
        schema = {
            'image': client.get_image_schema,
            'images': client.get_images_schema,
            'member': client.get_member_schema,
            'members': client.get_members_schema,
        }[parsed_args.schema]()
        names = ('name', 'properties', 'additional_properties')
        return names, (
            schema.name,
            _Properties(schema.properties or {}),
            schema.additional_properties,
        )


def _line(name: str, schema: dict[str, Any]) -> str:
    kind = schema.get('type', 'any')
    kinds = kind if isinstance(kind, list) else [kind]
    described = schema.get('description')
    about = f': {described}' if described else ''
    return f'{name} ({" or ".join(map(str, kinds))}){about}'
