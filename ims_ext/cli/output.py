# SPDX-License-Identifier: Apache-2.0
"""What the command's outputs take, and messages in the command's words."""

import argparse
import contextlib
import os
import re
import sys


def replace_what_cannot_be_encoded() -> None:
    """Show the rest of what an output's encoding has not all letters of.

    Descriptions are written by people of all languages, and read over
    terminals and pipes that may know just one.
    """
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, 'errors', None) == 'strict':
            stream.reconfigure(errors='replace')  # type: ignore[union-attr]


def close() -> None:
    """Write no more to an output that nobody reads any more.

    What is still held of it would be tried again as the process ends.
    """
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


class Options:
    """What a command calls the parameters that the library's messages name.

    :param parser: The command's parser, which may get more options later.
    """

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser

    def told(self, message: str) -> str:
        """Return a message with options in place of Python's names.

        ``disk_format='raw'`` is ``--disk-format raw`` then.

        :param message: The message.
        """
        for name, option in self._names().items():
            message = re.sub(
                rf"""(?<![\w.'"-]){name}=(?:(['"])(.*?)\1|(?=\S))""",
                rf'{option} \2',
                message,
            )
            if '_' in name:
                message = re.sub(
                    rf"""(?<![\w.'"-]){name}(?![\w.'"=-])""", option, message
                )
        return message

    def _names(self) -> dict[str, str]:
        names = {}
        for action in self._parser._actions:
            option = next(
                (o for o in action.option_strings if o.startswith('--')), None
            )
            if option is not None:
                names[option[2:].replace('-', '_')] = option
                if action.nargs != 0:
                    names[action.dest] = option
        return names
