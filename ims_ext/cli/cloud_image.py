# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image``: listing, showing, changing and deleting images."""

import argparse
import contextlib
import itertools
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions
from osc_lib.cli import pagination
from osc_lib.cli import parseractions

from ims_ext import exceptions as ims_exceptions
from ims_ext import validation
from ims_ext.cli import command
from ims_ext.cli import tag_search
from ims_ext.extension import cloud_image as _cloud_image

_COLUMNS = ('ID', 'Name', 'Status')
_ATTRIBUTES = ('id', 'name', 'status')

_LONG_COLUMNS = (
    *_COLUMNS,
    'Disk Format',
    'Image Size',
    'OS Version',
    'Min Disk',
    'Min RAM',
    'Image Type',
    'Visibility',
    'Protected',
    'Owner',
    'Created At',
    'Tags',
)
_LONG_ATTRIBUTES = (
    *_ATTRIBUTES,
    'disk_format',
    'image_size',
    'os_version',
    'min_disk',
    'min_ram',
    'image_type',
    'visibility',
    'is_protected',
    'owner',
    'created_at',
    'tags',
)

#: Filters that each kind of image is listed by.
_KINDS = {
    'public': {'image_type': 'gold', 'visibility': 'public'},
    'private': {'image_type': 'private'},
    'shared': {'image_type': 'shared', 'visibility': 'shared'},
    'market': {'image_type': 'market'},
}

#: Options that are filters, under the same names.
_FILTERS = (
    'architecture',
    'created_at',
    'disk_format',
    'enterprise_project_id',
    'flavor_id',
    'is_whole_image',
    'limit',
    'marker',
    'member_status',
    'name',
    'os_type',
    'owner',
    'platform',
    'status',
    'updated_at',
    'virtual_env_type',
)


class ListImage(command.Lister):
    """List images.

    Columns: ID, Name, Status; with --long also Disk Format, Image Size
    (bytes), OS Version, Min Disk (GiB), Min RAM (MiB), Image Type,
    Visibility, Protected, Owner, Created At and Tags; with --count only
    Count.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        kind = parser.add_mutually_exclusive_group()
        for name in _KINDS:
            kind.add_argument(
                f'--{name}',
                action='store_const',
                const=name,
                dest='kind',
                help=f"List only {name} images",
            )
        _add_filter_options(parser)
        tag_search.add_search_options(parser)
        parser.add_argument(
            '--count',
            action='store_true',
            help="Show only how many images there are, --limit or not",
        )
        parser.add_argument(
            '--long',
            action='store_true',
            help="List additional fields in output",
        )
        parser.add_argument(
            '--sort',
            metavar='<key>[:<direction>]',
            help=(
                "Sort output by name, status, id, disk_format, "
                "container_format, size or created_at, in direction asc or "
                "desc (default: created_at:desc)"
            ),
        )
        pagination.add_marker_pagination_option_to_parser(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        columns: tuple[str, ...] = _COLUMNS
        attributes: tuple[str, ...] = _ATTRIBUTES
        if parsed_args.long:
            columns, attributes = _LONG_COLUMNS, _LONG_ATTRIBUTES
        query = _query(parsed_args)
        search = tag_search.search_by(parsed_args)
        if parsed_args.count:
            number = tag_search.count_images(self.client, query, search)
            return ('Count',), [(number,)]
        images = tag_search.find_images(
            self.client, query, search, complete=parsed_args.long
        )
        if parsed_args.limit:
            images = itertools.islice(images, parsed_args.limit)
        return columns, (
            command.format_values(image, attributes) for image in images
        )


class ShowImage(command.ShowOne):
    """Show an image, with all that the image service knows of it."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='<image>', help="Image to show (name or ID)"
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return command.show_image(
            self.client.find_cloud_image(
                parsed_args.image, ignore_missing=False
            )
        )


class SetImage(command.Command):
    """Change an image's attributes."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='<image>', help="Image to change (name or ID)"
        )
        parser.add_argument('--name', metavar='<name>', help="New name")
        parser.add_argument(
            '--description', metavar='<description>', help="New description"
        )
        command.add_memory_options(parser)
        parser.add_argument(
            '--hw-firmware-type',
            choices=validation.FIRMWARE_TYPES,
            help="How servers boot",
        )
        command.add_enterprise_project_option(parser)
        protection = parser.add_mutually_exclusive_group()
        protection.add_argument(
            '--protected',
            action='store_const',
            const=True,
            dest='is_protected',
            help="Protect the image from deletion",
        )
        protection.add_argument(
            '--unprotected',
            action='store_const',
            const=False,
            dest='is_protected',
            help="Allow the image's deletion",
        )
        parser.add_argument(
            '--property',
            metavar='<key=value>',
            dest='properties',
            action=parseractions.KeyValueAction,
            help=(
                "Another attribute, for example is_kvm_supported=true, or a "
                "property of the image's own (repeat option for several)"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        changes = {
            name: getattr(parsed_args, name)
            for name in (
                'name',
                'description',
                'min_ram',
                'max_ram',
                'hw_firmware_type',
                'enterprise_project_id',
            )
            if getattr(parsed_args, name) is not None
        } | _split_properties(parsed_args.properties or {})
        if not changes and parsed_args.is_protected is None:
            raise exceptions.CommandError(
                "Nothing to change: name at least one option"
            )
        image = self.client.find_cloud_image(
            parsed_args.image, ignore_missing=False
        )
        if changes:
            self.client.update_cloud_image(image, **changes)
        if parsed_args.is_protected is None:
            return
        with contextlib.ExitStack() as stack:
            if changes:
                done = "the other changes, which have been made"
                stack.enter_context(ims_exceptions.leaving(done))
            self.client.update_image(
                image.id, is_protected=parsed_args.is_protected
            )


class UnsetImage(command.Command):
    """Remove an image's attributes."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'image', metavar='<image>', help="Image to change (name or ID)"
        )
        for option, name in (
            ('--description', "the description"),
            ('--max-ram', "the limit of a server's memory"),
            ('--hw-firmware-type', "how servers boot"),
        ):
            parser.add_argument(
                option, action='store_true', help=f"Remove {name}"
            )
        parser.add_argument(
            '--property',
            metavar='<key>',
            dest='properties',
            action='append',
            help=(
                "Another attribute or property to remove (repeat option for "
                "several)"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        changes: dict[str, Any] = {
            name: None
            for name in ('description', 'max_ram', 'hw_firmware_type')
            if getattr(parsed_args, name)
        }
        changes |= _split_properties(
            dict.fromkeys(parsed_args.properties or ())
        )
        if not changes:
            raise exceptions.CommandError(
                "Nothing to remove: name at least one option"
            )
        image = self.client.find_cloud_image(
            parsed_args.image, ignore_missing=False
        )
        self.client.update_cloud_image(image, **changes)


class DeleteImage(command.Command):
    """Delete images."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            metavar='<image>',
            nargs='+',
            help="Image(s) to delete (name or ID)",
        )
        parser.add_argument(
            '--delete-backup',
            action='store_const',
            const=True,
            help="Delete the backups behind full-server images, too",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        failed = 0
        for name in parsed_args.images:
            try:
                image = self.client.find_image(name, ignore_missing=False)
                self.client.delete_image(
                    image.id,
                    ignore_missing=False,
                    delete_backup=parsed_args.delete_backup,
                )
            except (
                sdk_exceptions.SDKException,
                ksa_exceptions.ClientException,
            ) as error:
                failed += 1
                self.log.error(
                    "Failed to delete image %s: %s",
                    ims_exceptions.readable(name),
                    ims_exceptions.readable(error, 1500),
                )
        if failed:
            raise exceptions.CommandError(
                f"Failed to delete {failed} of {len(parsed_args.images)} "
                f"images."
            )


def _query(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the filters that the options ask for."""
    query: dict[str, Any] = dict(_KINDS.get(parsed_args.kind, {}))
    for name in _FILTERS:
        value = getattr(parsed_args, name)
        if value is not None:
            query[name] = value
    if parsed_args.member_status:
        query['visibility'] = 'shared'
    if parsed_args.sort:
        key, _, direction = parsed_args.sort.partition(':')
        if ',' in parsed_args.sort:
            raise exceptions.CommandError(
                "The image service sorts by one key: name one with --sort"
            )
        query['sort_key'] = key
        query['sort_dir'] = direction or 'asc'
    return query | (parsed_args.properties or {})


def _split_properties(properties: dict[str, Any]) -> dict[str, Any]:
    """Tell documented attributes from properties of the image's own."""
    documented = {
        name
        for python, component in _cloud_image.CloudImage._attributes_iterator()
        for name in (python, component.name)
    }
    changes = {
        name: value for name, value in properties.items() if name in documented
    }
    own = {
        name: value
        for name, value in properties.items()
        if name not in documented
    }
    return changes | ({'properties': own} if own else {})


def _add_filter_options(parser: argparse.ArgumentParser) -> None:
    for option, metavar, words in (
        ('--name', '<name>', "name"),
        ('--status', '<status>', "status"),
        ('--owner', '<project>', "project that they belong to (ID)"),
        ('--platform', '<platform>', "family of operating systems"),
        ('--disk-format', '<format>', "disk format"),
        ('--virtual-env-type', '<type>', "what they are for"),
        ('--flavor', '<flavor>', "flavor that they can be used with (ID)"),
        ('--enterprise-project', '<id>', "enterprise project (ID)"),
        ('--created-at', '<op:time>', "creation, gt:2026-01-31T10:00:00Z"),
        ('--updated-at', '<op:time>', "last change, lt:2026-01-31T10:00:00Z"),
    ):
        parser.add_argument(
            option,
            metavar=metavar,
            dest={
                '--flavor': 'flavor_id',
                '--enterprise-project': 'enterprise_project_id',
            }.get(option, option[2:].replace('-', '_')),
            help=f"Filter images based on {words}",
        )
    parser.add_argument(
        '--os-type',
        choices=validation.OS_TYPES,
        help="Filter images based on kind of operating system",
    )
    parser.add_argument(
        '--architecture',
        choices=validation.ARCHITECTURES,
        help="Filter images based on processors that they are for",
    )
    parser.add_argument(
        '--member-status',
        choices=('accepted', 'pending', 'rejected'),
        help="Filter images shared with the project based on its answer",
    )
    parser.add_argument(
        '--whole-image',
        action='store_const',
        const=True,
        dest='is_whole_image',
        help="List only full-server images",
    )
    parser.add_argument(
        '--property',
        metavar='<key=value>',
        dest='properties',
        action=parseractions.KeyValueAction,
        help=(
            "Filter images based on another attribute, for example "
            "is_kvm_supported=true (repeat option for several)"
        ),
    )
