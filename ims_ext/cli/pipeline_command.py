# SPDX-License-Identifier: Apache-2.0
"""The base of the commands of pipelines: no login, exit codes of their own.

A manifest names its clouds itself, so none is asked for on the command line.
"""

import argparse
import sys
from typing import NoReturn

from ims_ext.cli import command


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
