# SPDX-License-Identifier: Apache-2.0
"""Whoever is being waited for: known while there is no answer."""

from collections.abc import Iterator
import contextlib
import dataclasses
import time

#: Seconds that the services beside the image service may be silent, where the
#: cloud has no ``api_timeout``.
LIMIT = 30.0


@dataclasses.dataclass(eq=False, frozen=True)
class Silence:
    """A question that has no answer yet.

    :ivar what: What is waited for: ``GET /v2/images``.
    :ivar limit: Seconds that it may be silent, ``None`` where that is not
        known.
    :ivar began: When it began, of the monotonic clock.
    """

    what: str
    limit: float | None
    began: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Seconds that it has lasted."""
        return time.monotonic() - self.began


_silences: set[Silence] = set()


@contextlib.contextmanager
def during(what: str, limit: float | None) -> Iterator[None]:
    """Have it known that something is waited for.

    :param what: What it is.
    :param limit: Seconds that it may be silent.
    """
    silence = Silence(what, limit)
    _silences.add(silence)
    try:
        yield
    finally:
        _silences.discard(silence)


def now() -> list[Silence]:
    """Return what is being waited for, the longest first."""
    return sorted(_silences.copy(), key=lambda each: each.began)
