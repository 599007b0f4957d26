# SPDX-License-Identifier: Apache-2.0
"""The base of all commands: errors in one message, images as columns."""

import argparse
from collections.abc import Iterable, Sequence
import contextlib
import sys
from typing import Any
import weakref

from cliff import columns
from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
from osc_lib import exceptions
from osc_lib import utils
from osc_lib.cli import format_columns
from osc_lib.command import command

from ims_ext import exceptions as ims_exceptions
from ims_ext import wire_names
from ims_ext.cli import login
from ims_ext.cli import output
from ims_ext.cli import waiting
from ims_ext.extension import ambiguity
from ims_ext.extension import tag as _tag


class Command(command.Command):
    """A command whose failures are one readable message, and exit code 1."""

    def __init__(
        self, app: Any, app_args: Any, cmd_name: str | None = None
    ) -> None:
        super().__init__(app, app_args, cmd_name)
        self._login = login.Login(app)
        # What openstack gives all commands to say whether it logs in.
        if getattr(self, 'auth_required', False):
            self._login.begin()
            # A login that fails is the end of the command.
            weakref.finalize(self, self._login.end)

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Run the command.

        :raises: :class:`osc_lib.exceptions.CommandError` with all there is
            to say: what was wrong, and what is left behind.
        """
        self._login.end()
        output.replace_what_cannot_be_encoded()
        try:
            with waiting.telling():
                code = super().run(parsed_args)
            # Whoever reads it may have gone: that is seen here or never.
            sys.stdout.flush()
            return code
        except KeyboardInterrupt as error:
            # The openstack command ends with 130, and says nothing.
            with contextlib.suppress(OSError, ValueError):
                print(_with_notes("Interrupted", error), file=sys.stderr)
            raise
        except BrokenPipeError:
            # Connections that break are told by other names: this is the
            # output, and the openstack command ends with 141, as others do.
            output.close()
            raise
        except (
            exceptions.CommandError,
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
            OSError,
            # A column that there is not, for one.
            ValueError,
        ) as error:
            told = str(error)
            if isinstance(error, sdk_exceptions.ValidationException):
                told = self._options.told(told)
            raise exceptions.CommandError(_with_notes(told, error)) from error

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Return the command's parser."""
        parser: argparse.ArgumentParser = super().get_parser(prog_name)
        self._options = output.Options(parser)
        return parser

    @property
    def client(self) -> Any:
        """``conn.ims`` of the cloud that the command is for."""
        return self.app.client_manager.ims  # type: ignore[attr-defined]


class Lister(Command, command.Lister):
    """A command that shows a table."""

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Any, data: Any
    ) -> int:
        """Show a table, without what would do something to a terminal."""
        return super().produce_output(
            parsed_args, column_names, map(showable, data)
        )


class ShowOne(Command, command.ShowOne):
    """A command that shows one thing's attributes."""

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Any, data: Any
    ) -> int:
        """Show attributes, without what would do something to a terminal."""
        return super().produce_output(
            parsed_args, showable(column_names), showable(data)
        )


def is_for_people(parsed_args: argparse.Namespace) -> bool:
    """Whether a command shows a table, of columns that nobody has named."""
    return parsed_args.formatter == 'table' and not parsed_args.columns


def showable(value: Any) -> Any:
    """Return a value whose texts can be shown.

    :param value: A text, or what has texts in it.

    Names and properties of images are written by strangers: a terminal would
    obey what is a control sequence in them, and half a character cannot be
    shown at all.
    """
    if isinstance(value, str):
        if value.isprintable():
            return value
        return ''.join(
            each if each.isprintable() or each == '\n' else ascii(each)[1:-1]
            for each in value
        )
    if isinstance(value, dict):
        return {showable(name): showable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [showable(item) for item in value]
    if isinstance(value, tuple):
        return tuple(showable(item) for item in value)
    if isinstance(value, columns.FormattableColumn):
        return type(value)(showable(value._value))
    return value


def _with_notes(message: str, error: BaseException) -> str:
    lines = [*message.splitlines(), *getattr(error, '__notes__', ())]
    return '\n'.join(ims_exceptions.readable(line, 1500) for line in lines)


def positive_number(text: str) -> float:
    """Return an option's value that is a number of seconds above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < float('inf'):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of seconds above 0"
        )
    return number


def add_image_argument(
    parser: argparse.ArgumentParser, words: str = "Image"
) -> None:
    """Add the image that a command is for.

    :param words: What it is, for the help.
    """
    parser.add_argument(
        'image', metavar='<image>', help=f"{words} (name or ID)"
    )


def add_wait_options(parser: argparse.ArgumentParser, result: str) -> None:
    """Add ``--wait`` and ``--timeout`` to a command that starts a job.

    :param result: What the command shows with ``--wait``, for its help.
    """
    parser.add_argument(
        '--wait',
        action='store_true',
        help=(
            f"Wait for the job's end and show {result}; without it the job "
            f"is shown, for 'openstack ims job wait'"
        ),
    )
    add_timeout_option(parser)


def add_timeout_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--timeout`` to a command that waits for a job."""
    parser.add_argument(
        '--timeout',
        metavar='<seconds>',
        type=positive_number,
        help="Wait no longer than this (default: 3600)",
    )


def add_memory_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--min-ram`` and ``--max-ram``, of servers from an image."""
    parser.add_argument(
        '--min-ram',
        metavar='<MiB>',
        type=int,
        help="Memory that a server from the image needs",
    )
    parser.add_argument(
        '--max-ram',
        metavar='<MiB>',
        type=int,
        help="Memory that a server from the image can have",
    )


def add_enterprise_project_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--enterprise-project``, which an image belongs to."""
    parser.add_argument(
        '--enterprise-project',
        metavar='<id>',
        dest='enterprise_project_id',
        help="Enterprise project that the image belongs to (ID)",
    )


def add_protection_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--protected`` and ``--unprotected``."""
    protection = parser.add_mutually_exclusive_group()
    for option, value, words in (
        ('--protected', True, "Protect the image from deletion"),
        ('--unprotected', False, "Allow the image's deletion"),
    ):
        protection.add_argument(
            option,
            action='store_const',
            const=value,
            dest='is_protected',
            help=words,
        )


def add_project_options(
    parser: argparse.ArgumentParser, words: str, *names: str
) -> None:
    """Add ``--project`` and ``--project-domain``.

    :param words: What the project is, for the help.
    :param names: Further names of the first option.
    """
    parser.add_argument(
        '--project',
        *names,
        metavar='<project>',
        dest='project',
        help=words,
    )
    parser.add_argument(
        '--project-domain',
        metavar='<project-domain>',
        help=(
            "Domain that the project belongs to (name or ID), where names of "
            "projects collide"
        ),
    )


def find_project_id(identity: Any, parsed_args: argparse.Namespace) -> str:
    """Return the ID of the project that ``--project`` names.

    :param identity: The connection's identity service.
    :raises: :class:`~openstack.exceptions.NotFoundException` where identity
        says that there is none.
    """
    scope = {}
    if parsed_args.project_domain:
        scope['domain_id'] = _find_id(
            'domain', parsed_args.project_domain, identity, {}
        )
    return _find_id('project', parsed_args.project, identity, scope)


def add_safe_mode_option(parser: argparse._ActionsContainer) -> None:
    """Add ``--safe-mode``, as which H has some operations (29)."""
    parser.add_argument(
        '--safe-mode',
        action='store_true',
        help="Use the safe mode of the operation (Huawei Cloud)",
    )


def parse_tags(tags: Iterable[str]) -> list[_tag.Tag]:
    """Return the tags given as options, ``key=value`` or ``key``."""
    return [
        _tag.Tag(key, value)
        for key, _, value in (tag.partition('=') for tag in tags)
    ]


def _find_id(
    noun: str, name_or_id: str, identity: Any, scope: dict[str, str]
) -> str:
    find = getattr(identity, f'find_{noun}')
    try:
        found = ambiguity.told(
            noun,
            name_or_id,
            lambda: find(name_or_id, ignore_missing=False, **scope),
            lambda: getattr(identity, f'{noun}s')(name=name_or_id),
        )
    except (
        sdk_exceptions.ForbiddenException,
        ksa_exceptions.EndpointNotFound,
    ):
        # Who may not look them up can still name them by ID.
        return name_or_id
    return str(found.id)


#: Columns that openstackclient shows under another name than the attribute's.
_COLUMN_NAMES = {'is_protected': 'protected'}

_SIZES = ('size', 'image_size', 'virtual_size')

#: What a table does not show of an image, unless it is told to.
_UNREAD = ('file', 'hash_algo', 'hash_value', 'schema')


def show_image(
    image: sdk_resource.Resource,
    parsed_args: argparse.Namespace,
    human_readable: bool = False,
) -> tuple[Any, Any]:
    """Return an image's columns and values, those that it has.

    :param parsed_args: What decides on how they are shown.
    :param human_readable: Whether sizes are shown for people.
    """
    left_out = {'location', 'properties'}
    if is_for_people(parsed_args):
        left_out.update(_UNREAD)
    shown: dict[str, Any] = {'tags': format_columns.ListColumn([])}
    for name in dict(wire_names.sent_attributes(type(image))):
        value = getattr(image, name)
        if value is None or name in left_out:
            continue
        if human_readable and name in _SIZES:
            value = utils.format_size(value)
        shown[_COLUMN_NAMES.get(name, name)] = (
            format_columns.ListColumn(value)
            if isinstance(value, list)
            else value
        )
    shown['properties'] = format_columns.DictColumn(
        {
            name: value
            for name, value in (image.properties or {}).items()
            if value is not None
        }
    )
    shown = dict(sorted(shown.items()))
    return tuple(shown), tuple(shown.values())


def format_values(item: Any, attributes: Sequence[str]) -> tuple[Any, ...]:
    """Return some of an item's attributes, lists formatted as such."""
    return tuple(
        format_columns.ListColumn(value) if isinstance(value, list) else value
        for value in (getattr(item, name) for name in attributes)
    )
