# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image tag`` and ``openstack ims tag``: tags of images."""

import argparse
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import format_columns

from ims_ext.cli import command


class AddImageTag(command.Command):
    """Add tags to an image, or change their values."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_image(parser)
        parser.add_argument(
            'tags',
            metavar='<key=value>',
            nargs='+',
            help="Tag(s) to add; one without a value is its key alone",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        image = _find_image(self.client, parsed_args)
        tags = command.parse_tags(parsed_args.tags)
        if len(tags) == 1:
            self.client.add_image_tag(image, *tags[0])
        else:
            self.client.create_image_tags(image, tags)


class RemoveImageTag(command.Command):
    """Remove tags from an image.

    One tag must be there; of several, those that are not are no error.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_image(parser)
        parser.add_argument(
            'keys',
            metavar='<key>',
            nargs='+',
            help="Key(s) of the tag(s) to remove",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        for key in parsed_args.keys:
            if '=' in key:
                raise exceptions.CommandError(
                    f"Tags are removed by their keys, without values: {key}"
                )
        image = _find_image(self.client, parsed_args)
        if len(parsed_args.keys) == 1:
            self.client.delete_image_tag(
                image, parsed_args.keys[0], ignore_missing=False
            )
        else:
            self.client.delete_image_tags(image, parsed_args.keys)


class ListImageTag(command.Lister):
    """List an image's tags.

    Columns: Key, Value.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_image(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        image = _find_image(self.client, parsed_args)
        return ('Key', 'Value'), self.client.image_tags(image)


class ListTag(command.Lister):
    """List the tags of the project's images.

    Columns: Key, Values; with --search Key, Value.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--search',
            metavar='<filter=value>',
            dest='filters',
            nargs='*',
            action=_FilterAction,
            help=(
                "List the tags of those images, also of others', that filters "
                "find, for example name=golden or image_type=shared; without "
                "a filter, those of all images"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if parsed_args.filters is not None:
            return ('Key', 'Value'), self.client.tags(**parsed_args.filters)
        return ('Key', 'Values'), (
            (tag.key, format_columns.ListColumn(tag.values))
            for tag in self.client.project_tags()
        )


class _FilterAction(argparse.Action):
    """Collects ``key=value`` arguments; there may be none."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        found = dict(getattr(namespace, self.dest) or {})
        for text in values:
            key, separator, value = text.partition('=')
            if not key or not separator:
                parser.error(f"argument {option_string}: no filter: {text!r}")
            found[key] = value
        setattr(namespace, self.dest, found)


def _add_image(parser: argparse.ArgumentParser) -> None:
    command.add_image_argument(parser)


def _find_image(client: Any, parsed_args: argparse.Namespace) -> Any:
    return client.find_cloud_image(parsed_args.image, ignore_missing=False)
