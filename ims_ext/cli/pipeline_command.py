# SPDX-License-Identifier: Apache-2.0
"""The base of the commands of pipelines: no login, exit codes of their own.

A manifest names its clouds itself, so none is asked for on the command line.
"""

import argparse
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING, NoReturn

from ims_ext.cli import command

if TYPE_CHECKING:
    from ims_ext.pipeline.manifest import Manifest


class PipelineCommand(command.Command):
    """A command of pipelines.

    A wrong usage exits with 1, as a wrong manifest does: 2 is for changes
    that are planned.
    """

    auth_required = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)

        def error(message: str) -> NoReturn:
            parser.print_usage(sys.stderr)
            print(f'{parser.prog}: error: {message}', file=sys.stderr)
            raise SystemExit(1)

        parser.error = error  # type: ignore[method-assign]
        return parser


def add_variables(parser: argparse.ArgumentParser) -> None:
    """Add the option that gives a manifest's variables their values."""
    parser.add_argument(
        '--var',
        metavar='<name=value>',
        action='append',
        default=[],
        dest='variables',
        type=_variable,
        help="Value of a variable of the manifest (repeat for several)",
    )


def load_manifest(path: Path, parsed_args: argparse.Namespace) -> 'Manifest':
    """Load a manifest with the variables of the command and of the process.

    :param path: The manifest's file.
    :param parsed_args: The command's arguments.
    """
    from ims_ext.pipeline.manifest import Manifest

    return Manifest.load(path, {**os.environ, **dict(parsed_args.variables)})


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition('=')
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    return name, value
