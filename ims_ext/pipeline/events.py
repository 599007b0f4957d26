# SPDX-License-Identifier: Apache-2.0
"""What a run tells while it goes on."""

from typing import Any, Protocol


class Tell(Protocol):
    """Takes an event, from any thread."""

    def __call__(self, kind: str, /, **fields: Any) -> None:
        """Take an event.

        :param kind: What it is: ``step.done``, ``note``.
        :param fields: What belongs to it, as JSON has it.
        """


def silent(kind: str, /, **fields: Any) -> None:
    """Take an event and tell nobody."""
