# SPDX-License-Identifier: Apache-2.0
"""Context managers of things that are closed in the end."""

import abc
from types import TracebackType
from typing import Self


class Closing(abc.ABC):
    """The base of what closes itself at the end of a ``with`` block."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abc.abstractmethod
    def close(self) -> None:
        """Close it; no harm when it is closed."""
