# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image set`` and ``unset``: their options, and who acts."""

import argparse
from collections.abc import Callable, Iterable
import contextlib
import functools
import logging
from typing import Any

from osc_lib import exceptions
from osc_lib.cli import parseractions

from ims_ext import exceptions as ims_exceptions
from ims_ext import reconcile
from ims_ext import validation
from ims_ext import wire_names
from ims_ext.cli import command
from ims_ext.cli import member
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import image_patch

#: Attributes that operation 2 changes, under their options' names.
_ATTRIBUTES = (
    'name',
    'description',
    'min_ram',
    'max_ram',
    'hw_firmware_type',
    'enterprise_project_id',
)

#: Options that are properties of the image's own, as with openstackclient.
_PROPERTIES = ('architecture', 'os_distro')

_MEMBERSHIP = (
    ('--accept', 'accepted', "Accept the image, which another project shares"),
    ('--reject', 'rejected', "Reject the image, which another project shares"),
    ('--pending', 'pending', "Take the answer to the shared image back"),
)

_logger = logging.getLogger(__name__)


# ====== SET ======


def change(
    client: Any, connection: Any, parsed_args: argparse.Namespace
) -> None:
    """Change an image as the options say.

    :param client: ``conn.ims``.
    :param connection: The connection, whose identity knows projects.
    :param parsed_args: The command's arguments.
    """
    if parsed_args.project and not parsed_args.membership:
        raise exceptions.CommandError(
            "--project goes with --accept, --reject and --pending: an image "
            "cannot be given to another project"
        )
    steps = list(_steps(client, connection, parsed_args))
    if not steps:
        raise exceptions.CommandError(
            "Nothing to change: name at least one option"
        )
    if parsed_args.membership:
        image = member.offered_image(client, parsed_args.image)
    else:
        image = client.find_cloud_image(
            parsed_args.image, ignore_missing=False
        )
    for index, step in enumerate(steps):
        with contextlib.ExitStack() as stack:
            if index:
                done = "the other changes, which have been made"
                stack.enter_context(ims_exceptions.leaving(done))
            step(image)


def complete(
    client: Any, image_ids: Iterable[str], parsed_args: argparse.Namespace
) -> None:
    """Give new images what their creation did not.

    :param client: ``conn.ims``.
    :param image_ids: The images' IDs.
    :param parsed_args: The arguments of ``create``.
    """
    changes = image_patch.split_properties(
        _cloud_image.CloudImage, parsed_args.properties or {}
    )
    # Glance's operation changes images that have no data yet, too.
    native: dict[str, Any] = {}
    if 'properties' in changes:
        native['properties'] = changes.pop('properties')
    if parsed_args.is_protected is not None:
        native['is_protected'] = parsed_args.is_protected
    for image_id in image_ids if native or changes else ():
        with ims_exceptions.leaving(
            f"the image {image_id}, not quite as asked for; "
            f"'openstack ims image set {image_id} …' goes on, "
            f"{ims_exceptions.deleting_words(image_id)}"
        ):
            reconcile.seen(functools.partial(client.get_image, image_id))
            if native:
                client.update_image(image_id, **native)
            if changes:
                client.update_cloud_image(image_id, **changes)


def _steps(
    client: Any, connection: Any, parsed_args: argparse.Namespace
) -> Iterable[Callable[[Any], Any]]:
    """Return what is to be done with the image, one after the other."""
    if parsed_args.activation:
        yield lambda image: _activate(client, image, parsed_args.activation)
    if parsed_args.membership:
        yield lambda image: client.update_member(
            _project_id(client, connection, parsed_args),
            image.id,
            status=parsed_args.membership,
        )
    changes = _cloud_changes(parsed_args)
    if changes:
        yield lambda image: client.update_cloud_image(image, **changes)
    native = _native_changes(parsed_args)
    if native:
        yield lambda image: client.update_image(image.id, **native)
    if parsed_args.tags:
        tags = command.parse_tags(parsed_args.tags)
        yield lambda image: client.create_image_tags(image, tags)


def _cloud_changes(parsed_args: argparse.Namespace) -> dict[str, Any]:
    properties = dict(parsed_args.properties or {})
    for name in _PROPERTIES:
        if getattr(parsed_args, name) is not None:
            properties[name] = getattr(parsed_args, name)
    changes = {
        name: getattr(parsed_args, name)
        for name in _ATTRIBUTES
        if getattr(parsed_args, name) is not None
    }
    return changes | image_patch.split_properties(
        _cloud_image.CloudImage, properties
    )


def _native_changes(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return the changes that only Glance's operation makes."""
    changes: dict[str, Any] = {
        name: getattr(parsed_args, name)
        for name in ('is_protected', 'is_hidden')
        if getattr(parsed_args, name) is not None
    }
    if parsed_args.min_disk is not None:
        changes['min_disk'] = validation.check_min_disk(parsed_args.min_disk)
    if parsed_args.os_version is not None:
        changes['__os_version'] = validation.check_os_version(
            parsed_args.os_version
        )
    return changes


def _activate(client: Any, image: Any, action: str) -> None:
    response = client.post(f'/images/{image.id}/actions/{action}')
    if response.status_code in (404, 405, 501):
        raise exceptions.CommandError(
            f"This cloud's image service has no action to {action} images"
        )
    ims_exceptions.raise_from_response(
        response, f"Cannot {action} the image {image.id}"
    )


def _project_id(
    client: Any, connection: Any, parsed_args: argparse.Namespace
) -> Any:
    if not parsed_args.project:
        return client.get_project_id()
    return command.find_project_id(connection.identity, parsed_args)


def add_set_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``set``."""
    _add_image(parser)
    parser.add_argument('--name', metavar='<name>', help="New name")
    parser.add_argument(
        '--description', metavar='<description>', help="New description"
    )
    parser.add_argument(
        '--min-disk',
        metavar='<GiB>',
        type=int,
        help="Smallest disk that the image fits on, 1 to 1024",
    )
    command.add_memory_options(parser)
    parser.add_argument(
        '--os-version',
        metavar='<os-version>',
        help=(
            "Operating system, for example 'Ubuntu 18.04 server 64bit'; a "
            "property of that name is set with --property"
        ),
    )
    parser.add_argument(
        '--os-distro',
        metavar='<os-distro>',
        help="Property os_distro: name of the distribution",
    )
    parser.add_argument(
        '--architecture',
        metavar='<architecture>',
        help="Property architecture: processors that the image is for",
    )
    parser.add_argument(
        '--hw-firmware-type',
        choices=validation.FIRMWARE_TYPES,
        help="How servers boot",
    )
    command.add_enterprise_project_option(parser)
    command.add_protection_options(parser)
    _add_flags(
        parser,
        'is_hidden',
        ('--hidden', True, "Leave the image out of lists"),
        ('--unhidden', False, "Let lists have the image"),
    )
    _add_flags(
        parser,
        'activation',
        (
            '--deactivate',
            'deactivate',
            "Deactivate the image, on clouds with that",
        ),
        (
            '--activate',
            'reactivate',
            "Activate the image, on clouds with that",
        ),
    )
    parser.add_argument(
        '--property',
        metavar='<key=value>',
        dest='properties',
        action=parseractions.KeyValueAction,
        help=(
            "A property of the image's own, or another attribute, for "
            "example is_kvm_supported=true or __support_kvm=true (repeat "
            "option for several)"
        ),
    )
    parser.add_argument(
        '--tag',
        metavar='<key=value>',
        dest='tags',
        action='append',
        help="Tag to add, or to change (repeat option for several)",
    )
    _add_flags(parser, 'membership', *_MEMBERSHIP)
    command.add_project_options(
        parser,
        "Project that answers to the shared image (name or ID; default: the "
        "current one)",
    )


def _add_flags(
    parser: argparse.ArgumentParser, name: str, *flags: tuple[str, Any, str]
) -> None:
    group = parser.add_mutually_exclusive_group()
    for option, value, words in flags:
        group.add_argument(
            option, action='store_const', const=value, dest=name, help=words
        )


# ====== UNSET ======


def remove(client: Any, parsed_args: argparse.Namespace) -> None:
    """Remove of an image what the options name, and tell what is not there.

    :param client: ``conn.ims``.
    :param parsed_args: The command's arguments.
    """
    names = [
        name
        for name in ('description', 'max_ram', 'hw_firmware_type')
        if getattr(parsed_args, name)
    ]
    properties = parsed_args.properties or []
    tags = parsed_args.tags or []
    if not names and not properties and not tags:
        raise exceptions.CommandError(
            "Nothing to remove: name at least one option"
        )
    image = client.find_cloud_image(parsed_args.image, ignore_missing=False)
    absent = [name for name in properties if not _has(image, name)]
    changes = dict.fromkeys(names) | image_patch.split_properties(
        _cloud_image.CloudImage,
        {name: None for name in properties if name not in absent},
    )
    keys = {text: _key_of(image, text) for text in tags}
    if changes:
        client.update_cloud_image(image, **changes)
    if any(keys.values()):
        client.delete_image_tags(image, [key for key in keys.values() if key])
    # As openstackclient does: what is there is removed all the same.
    untagged = [text for text, key in keys.items() if not key]
    for kind, missing in (('tag', untagged), ('property', absent)):
        for name in missing:
            _logger.error(
                "%s unset failed, '%s' is a nonexistent %s",
                kind,
                ims_exceptions.readable(name),
                kind,
            )
    failures = [
        f"Failed to unset {len(missing)} of {len(given)} {kind}"
        for kind, missing, given in (
            ('tags', untagged, tags),
            ('properties', absent, properties),
        )
        if missing
    ]
    if failures:
        raise exceptions.CommandError(f"{', '.join(failures)}.")


def _has(image: Any, name: str) -> bool:
    if (image.properties or {}).get(name) is not None:
        return True
    return any(
        getattr(image, python) is not None
        for python, component in wire_names.sent_attributes(type(image))
        if python != 'properties'
        and (
            name == component.name
            or (name == python and name in image_patch.SUPPORT)
        )
    )


def _key_of(image: Any, text: str) -> str | None:
    """Return the key of an image's tag, given with its value or without."""
    key, separator, value = text.partition('=')
    tags = image.tag_map
    if key not in tags or (separator and tags[key] != value):
        return None
    return key


def add_unset_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``unset``."""
    _add_image(parser)
    for option, name in (
        ('--description', "the description"),
        ('--max-ram', "the limit of a server's memory"),
        ('--hw-firmware-type', "how servers boot"),
    ):
        parser.add_argument(option, action='store_true', help=f"Remove {name}")
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
    parser.add_argument(
        '--tag',
        metavar='<key[=value]>',
        dest='tags',
        action='append',
        help="Tag to remove (repeat option for several)",
    )


def _add_image(parser: argparse.ArgumentParser) -> None:
    command.add_image_argument(parser, "Image to change")
