# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image``: listing, showing, changing and deleting images."""

import argparse
from collections.abc import Iterator
import contextlib
import time
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions

from ims_ext import exceptions as ims_exceptions
from ims_ext.cli import command
from ims_ext.cli import image_change
from ims_ext.cli import image_list

_COLUMNS = ('ID', 'Name', 'Status')
_ATTRIBUTES = ('id', 'name', 'status')

_LONG_COLUMNS = (
    *_COLUMNS,
    'Disk Format',
    'Container Format',
    'Image Size',
    'Checksum',
    'OS Version',
    'Min Disk',
    'Min RAM',
    'Image Type',
    'Visibility',
    'Protected',
    'Project',
    'Created At',
    'Tags',
)
_LONG_ATTRIBUTES = (
    *_ATTRIBUTES,
    'disk_format',
    'container_format',
    'image_size',
    'checksum',
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

#: What a table shows of them, unless it is told which.
_WIDE = ('Container Format', 'Checksum')
_NARROW_COLUMNS = tuple(each for each in _LONG_COLUMNS if each not in _WIDE)
_NARROW_ATTRIBUTES = tuple(
    attribute
    for column, attribute in zip(_LONG_COLUMNS, _LONG_ATTRIBUTES, strict=True)
    if column not in _WIDE
)

#: Seconds between two looks at an image that is being deleted.
_INTERVAL = 2
#: Seconds that --wait lasts at most without --timeout.
_TIMEOUT = 3600


class ListImage(command.Lister):
    """List images.

    Columns: ID, Name, Status; with --long also Disk Format, Container
    Format, Image Size (bytes), Checksum, OS Version, Min Disk (GiB), Min RAM
    (MiB), Image Type, Visibility, Protected, Project, Created At and Tags;
    with --count only Count. A table has Container Format and Checksum only
    where -c names columns.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        image_list.add_options(parser)
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
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        connection = self.app.client_manager.sdk_connection
        listing = image_list.Listing(
            self.client,
            parsed_args,
            lambda: image_list.find_project(
                self.client, connection, parsed_args
            ),
        )
        if parsed_args.count:
            return ('Count',), [(listing.count(),)]
        columns: tuple[str, ...] = _COLUMNS
        attributes: tuple[str, ...] = _ATTRIBUTES
        if parsed_args.long:
            columns, attributes = _LONG_COLUMNS, _LONG_ATTRIBUTES
            if command.is_for_people(parsed_args):
                columns, attributes = _NARROW_COLUMNS, _NARROW_ATTRIBUTES
        return columns, (
            command.format_values(image, attributes)
            for image in listing.images(complete=parsed_args.long)
        )


class ShowImage(command.ShowOne):
    """Show an image, with all that the image service knows of it.

    A table has hashes and paths only where -c names columns.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        command.add_image_argument(parser, "Image to show")
        parser.add_argument(
            '--human-readable',
            action='store_true',
            help="Show sizes in a form for people",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        image = self.client.find_cloud_image(
            parsed_args.image, ignore_missing=False
        )
        return command.show_image(
            image, parsed_args, parsed_args.human_readable
        )


class SetImage(command.Command):
    """Change an image's attributes, or answer to one that others share."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        image_change.add_set_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        connection = self.app.client_manager.sdk_connection
        image_change.change(self.client, connection, parsed_args)


class UnsetImage(command.Command):
    """Remove an image's attributes, properties and tags."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        image_change.add_unset_options(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        image_change.remove(self.client, parsed_args)


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
        parser.add_argument(
            '--wait',
            action='store_true',
            help="Wait until the images are gone, from the lists, too",
        )
        command.add_timeout_option(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> None:
        deleted = []
        failed = 0
        for name in parsed_args.images:
            with self._failing(name) as outcome:
                deleted.append((name, self._delete(name, parsed_args)))
            failed += outcome.has_failed
        deadline = time.monotonic() + (parsed_args.timeout or _TIMEOUT)
        for name, image in deleted if parsed_args.wait else ():
            with self._failing(name) as outcome:
                _wait_until_gone(self.client, image, deadline)
            failed += outcome.has_failed
        if failed:
            raise exceptions.CommandError(
                f"Failed to delete {failed} of {len(parsed_args.images)} "
                f"images."
            )

    def _delete(self, name: str, parsed_args: argparse.Namespace) -> Any:
        image = self.client.find_image(name, ignore_missing=False)
        self.client.delete_image(
            image.id,
            ignore_missing=False,
            delete_backup=parsed_args.delete_backup,
        )
        return image

    @contextlib.contextmanager
    def _failing(self, name: str) -> Iterator['_Outcome']:
        """Tell of a failure, and go on."""
        outcome = _Outcome()
        try:
            yield outcome
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ) as error:
            outcome.has_failed = True
            self.log.error(
                "Failed to delete image %s: %s",
                ims_exceptions.readable(name),
                ims_exceptions.readable(error, 1500),
            )


class _Outcome:
    """Whether something has failed."""

    has_failed = False


def _wait_until_gone(client: Any, image: Any, deadline: float) -> None:
    """Wait until a deleted image is neither shown nor listed any more."""
    left = max(deadline - time.monotonic(), 0.1)
    pause = min(_INTERVAL, left)
    client.wait_for_delete(image, interval=pause, wait=left)
    while any(
        each.id == image.id for each in client.cloud_images(id=image.id)
    ):
        if time.monotonic() >= deadline:
            raise sdk_exceptions.ResourceTimeout(
                f"The image {image.id} is deleted, but still listed"
            )
        time.sleep(pause)
