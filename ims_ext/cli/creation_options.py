# SPDX-License-Identifier: Apache-2.0
"""The options of ``openstack ims image create``, and which go together."""

import argparse
from typing import Any, NamedTuple

from osc_lib import exceptions
from osc_lib.cli import parseractions

from ims_ext import validation
from ims_ext.cli import command
from ims_ext.cli import standard_input
from ims_ext.extension import whole_image as _whole_image

#: Options that are attributes of the image, under the same names.
_ATTRIBUTES = (
    'architecture',
    'cmk_id',
    'description',
    'enterprise_project_id',
    'hw_firmware_type',
    'is_config',
    'license_type',
    'max_ram',
    'min_ram',
    'os_type',
    'os_version',
    'type',
    'vault_id',
    'whole_image_type',
)

_SOURCES = ('file', 'object', 'server', 'volume', 'backup')

# Ways to make an image, by the options that choose them.
_FILE = '--file'
_FILE_DATA = '--file --data-disk'
_OBJECT = '--object'
_OBJECT_DATA = '--object --data-disk'
_SERVER = '--server'
_WHOLE_SERVER = '--server --whole'
_VOLUME = '--volume'
_VOLUME_DATA = '--volume --data-disk'
_BACKUP = '--backup'

_SYSTEM_IMPORTS = (_FILE, _OBJECT)
_IMPORTS = (*_SYSTEM_IMPORTS, _FILE_DATA, _OBJECT_DATA)
_SERVERS = (_SERVER, _WHOLE_SERVER, _BACKUP)


class _Option(NamedTuple):
    """An option that does not go with everything.

    :param name: The name of its value.
    :param ways: The ways to make an image that it goes with.
    """

    name: str
    flag: str
    ways: tuple[str, ...]


_OPTIONS = (
    _Option(
        'data_disk', '--data-disk', (_FILE_DATA, _OBJECT_DATA, _VOLUME_DATA)
    ),
    _Option('whole', '--whole', (_WHOLE_SERVER,)),
    _Option('bucket', '--bucket', (_FILE, _FILE_DATA)),
    _Option('disk_format', '--disk-format', (_FILE, _FILE_DATA)),
    _Option('keep_object', '--keep-object', (_FILE, _FILE_DATA)),
    _Option('no_resume', '--no-resume', (_FILE, _FILE_DATA)),
    _Option('once', '--once', (_FILE, _FILE_DATA)),
    _Option('object_key', '--object-key', (_FILE, _FILE_DATA)),
    _Option('min_disk', '--min-disk', _IMPORTS),
    _Option('os_type', '--os-type', _IMPORTS),
    _Option('quick', '--quick', _IMPORTS),
    _Option('license_type', '--license-type', _IMPORTS),
    _Option('cmk_id', '--kms-key', _IMPORTS),
    _Option('iso', '--iso', _SYSTEM_IMPORTS),
    _Option('architecture', '--architecture', _SYSTEM_IMPORTS),
    _Option('hw_firmware_type', '--hw-firmware-type', _SYSTEM_IMPORTS),
    _Option('is_config', '--configure', _SYSTEM_IMPORTS),
    _Option('data_images', '--data-image', _SYSTEM_IMPORTS),
    _Option('os_version', '--os-version', (*_SYSTEM_IMPORTS, _VOLUME)),
    _Option('type', '--type', (*_SYSTEM_IMPORTS, _VOLUME)),
    _Option('min_ram', '--min-ram', (*_SYSTEM_IMPORTS, _VOLUME, *_SERVERS)),
    _Option('max_ram', '--max-ram', (*_SYSTEM_IMPORTS, _VOLUME, *_SERVERS)),
    _Option(
        'enterprise_project_id',
        '--enterprise-project',
        (*_IMPORTS, _VOLUME, *_SERVERS),
    ),
    _Option('vault_id', '--vault', (_WHOLE_SERVER,)),
    _Option('whole_image_type', '--whole-image-type', (_BACKUP,)),
    _Option(
        'safe_mode',
        '--safe-mode',
        (*_IMPORTS, _SERVER, _VOLUME, _VOLUME_DATA),
    ),
)


def check(parsed_args: argparse.Namespace) -> None:
    """Refuse options that do not go together, or lack another.

    :raises: :class:`osc_lib.exceptions.CommandError` that names them.
    """
    way = _way(parsed_args)
    for option in _OPTIONS:
        if _is_given(parsed_args, option.name) and way not in option.ways:
            others = [
                other.removesuffix(f' {option.flag}') for other in option.ways
            ]
            raise exceptions.CommandError(
                f"{option.flag} does not go with {way}, but with "
                f"{' or '.join(others)}"
            )
    if parsed_args.license_type is not None and not parsed_args.quick:
        raise exceptions.CommandError("--license-type needs --quick")
    needs_image = (
        parsed_args.is_protected is not None or parsed_args.properties
    )
    is_job = way not in (_FILE, _FILE_DATA) or parsed_args.bucket
    if needs_image and is_job and not parsed_args.wait:
        raise exceptions.CommandError(
            "--property, --protected and --unprotected need --wait here: they "
            "are set once the image is there"
        )
    if way in (_OBJECT, _OBJECT_DATA) and parsed_args.min_disk is None:
        raise exceptions.CommandError(
            "--object needs --min-disk: the size of the disk in the object "
            "is not known before the import"
        )
    if way == _VOLUME:
        if len(parsed_args.volume) > 1:
            raise exceptions.CommandError(
                "Several --volume need --data-disk: a server has one system "
                "disk only"
            )
        if not parsed_args.os_version:
            raise exceptions.CommandError(
                "--volume needs --os-version, or --data-disk where the "
                "volume has no operating system"
            )


def _way(parsed_args: argparse.Namespace) -> str:
    """Return how the image is to be made."""
    source = next(name for name in _SOURCES if _is_given(parsed_args, name))
    way = f'--{source}'
    if parsed_args.data_disk and source in ('file', 'object', 'volume'):
        way += ' --data-disk'
    if parsed_args.whole and source == 'server':
        way += ' --whole'
    return way


def has_source(parsed_args: argparse.Namespace) -> bool:
    """Whether an option says what the image is to be made of."""
    return any(_is_given(parsed_args, name) for name in _SOURCES)


def _is_given(parsed_args: argparse.Namespace, name: str) -> bool:
    # 0 and the empty string are given, if to no good.
    value = getattr(parsed_args, name)
    return value is not None and value is not False


def attributes(parsed_args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of the image."""
    attrs = {
        name: getattr(parsed_args, name)
        for name in _ATTRIBUTES
        if getattr(parsed_args, name) is not None
    }
    if parsed_args.iso:
        attrs['type'] = 'IsoImage'
    if parsed_args.tags:
        attrs['tags'] = command.parse_tags(parsed_args.tags)
    if parsed_args.data_images:
        attrs['data_images'] = [
            {
                'image_url' if key == 'object' else key: value
                for key, value in image.items()
            }
            for image in parsed_args.data_images
        ]
    return attrs


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add all options but those for waiting."""
    _add_source_options(parser)
    _add_image_options(parser)
    _add_file_options(parser)
    _add_import_options(parser)
    _add_server_options(parser)


def _add_source_options(parser: argparse.ArgumentParser) -> None:
    # Without one of them, what is on standard input may be the disk image.
    source = parser.add_mutually_exclusive_group(
        required=not standard_input.may_have_data()
    )
    source.add_argument(
        '--file',
        metavar='<path>',
        help=(
            "Disk image on this machine; uploaded to --bucket and "
            "imported from there, or, without a bucket and under 2 GiB, "
            "uploaded to the image service (default: standard input, if it "
            "is a file or a pipe)"
        ),
    )
    source.add_argument(
        '--object', metavar='<bucket:key>', help="Disk image in a bucket"
    )
    source.add_argument(
        '--server',
        metavar='<server>',
        help=(
            "Server to make an image of (name or ID): of its system disk, "
            "for which it has to be stopped, or, with --whole, of all"
        ),
    )
    source.add_argument(
        '--volume',
        metavar='<volume>',
        action='append',
        help=(
            "Data disk to make an image of (name or ID): a system disk "
            "image, or, with --data-disk, a data disk image (repeat option "
            "for several, named <name>-1, <name>-2, …)"
        ),
    )
    source.add_argument(
        '--backup',
        metavar='<backup>',
        help="Backup of a server to make a full-ECS image of (ID or name)",
    )


def _add_file_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("for --file")
    group.add_argument(
        '--bucket',
        metavar='<bucket>',
        help="Bucket to upload to; it must exist",
    )
    group.add_argument(
        '--object-key',
        metavar='<key>',
        help="Key of the uploaded object (default: a new one)",
    )
    group.add_argument(
        '--keep-object',
        action='store_true',
        help="Leave the uploaded object in the bucket after the import",
    )
    group.add_argument(
        '--no-resume',
        action='store_true',
        help=(
            "Begin anew where an earlier run for the same file, name and "
            "bucket was interrupted, and delete what it has left, instead of "
            "going on from there"
        ),
    )
    group.add_argument(
        '--once',
        action='store_true',
        help=(
            "Take the project's image that has the name and the tags, where "
            "there is one or is about to be, instead of making another"
        ),
    )
    group.add_argument(
        '--disk-format',
        metavar='<format>',
        help=(
            "Format of the file; told from its content, but for zvhd, zvhd2 "
            "and raw disks without partition table"
        ),
    )


def _add_image_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--min-disk',
        metavar='<GiB>',
        type=int,
        help=(
            "Smallest disk that the image fits on, 1 to 1024, for a data "
            "disk to 2048 (default with --file: the disk's virtual size, "
            "for a data disk 40 at least)"
        ),
    )
    command.add_memory_options(parser)
    parser.add_argument(
        '--os-version',
        metavar='<os-version>',
        help="Operating system, for example 'Ubuntu 18.04 server 64bit'",
    )
    parser.add_argument(
        '--os-type',
        choices=validation.OS_TYPES,
        help="Kind of operating system",
    )
    parser.add_argument(
        '--description', metavar='<description>', help="New description"
    )
    parser.add_argument(
        '--tag',
        metavar='<key=value>',
        dest='tags',
        action='append',
        help="Tag of the image (repeat option for up to 10 tags)",
    )
    command.add_enterprise_project_option(parser)
    command.add_protection_options(parser)
    parser.add_argument(
        '--property',
        metavar='<key=value>',
        dest='properties',
        action=parseractions.KeyValueAction,
        help=(
            "A property of the image's own, or another attribute, set once "
            "the image is there (repeat option for several)"
        ),
    )
    command.add_project_options(
        parser,
        "Project that the image shall belong to (name or ID): the one that "
        "you are logged in to",
    )
    _add_accustomed_options(parser)


def _add_accustomed_options(parser: argparse.ArgumentParser) -> None:
    """Add options of openstackclient that say what is so anyway."""
    parser.add_argument(
        '--private',
        action='store_true',
        help="Only the project sees the image (always so at first)",
    )
    parser.add_argument(
        '--progress',
        action='store_true',
        help="Show progress (always so on a terminal)",
    )
    parser.add_argument(
        '--container-format',
        choices=('bare',),
        help="Container format; there is only one",
    )


def _add_import_options(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument(
        '--type',
        choices=validation.IMAGE_TYPES,
        help="What the image is for (default: ECS, a server's system disk)",
    )
    kind.add_argument(
        '--iso',
        action='store_true',
        help="The disk image is an ISO file; needs --os-version",
    )
    kind.add_argument(
        '--data-disk',
        action='store_true',
        help="Make a data disk image; with --file, --object and --volume",
    )
    parser.add_argument(
        '--quick',
        action='store_const',
        const=True,
        help=(
            "Import quickly: raw or zvhd2, prepared as the cloud's guide "
            "says, up to 1 TiB; a file of 128 GiB or more is so imported "
            "without being told"
        ),
    )
    parser.add_argument(
        '--license-type',
        metavar='<type>',
        help="Who licenses the operating system, with --quick (Huawei Cloud)",
    )
    parser.add_argument(
        '--architecture',
        choices=validation.ARCHITECTURES,
        help="Processors that the image is for (default: x86)",
    )
    parser.add_argument(
        '--hw-firmware-type',
        choices=validation.FIRMWARE_TYPES,
        help="How servers boot; uefi for arm",
    )
    parser.add_argument(
        '--configure',
        dest='is_config',
        action='store_const',
        const=True,
        help="Let the cloud configure the image for its servers",
    )
    parser.add_argument(
        '--kms-key',
        metavar='<id>',
        dest='cmk_id',
        help="Key to encrypt the image with (ID)",
    )
    parser.add_argument(
        '--data-image',
        metavar='object=<bucket:key>,min_disk=<GiB>[,name=<name>]',
        dest='data_images',
        action=parseractions.MultiKeyValueCommaAction,
        required_keys=['object', 'min_disk'],
        optional_keys=['name', 'description', 'is_quick_import'],
        help=(
            "Data disk that comes with the system disk (repeat option for "
            "up to 3)"
        ),
    )


def _add_server_options(parser: argparse.ArgumentParser) -> None:
    command.add_safe_mode_option(parser)
    group = parser.add_argument_group("for full-ECS images")
    group.add_argument(
        '--whole',
        action='store_true',
        help="Make a full-ECS image of --server, with all of its disks",
    )
    group.add_argument(
        '--vault',
        metavar='<id>',
        dest='vault_id',
        help=(
            "CBR vault that --server is or will be in (ID); without one, a "
            "CSBS backup is made"
        ),
    )
    group.add_argument(
        '--whole-image-type',
        choices=_whole_image.WHOLE_IMAGE_TYPES,
        help="Service that --backup comes from (default: CSBS)",
    )
