# SPDX-License-Identifier: Apache-2.0
"""The delays between an answer and the effects that it acknowledges."""

from collections.abc import Mapping
import dataclasses

#: Seconds that a delay may have at most.
LONGEST = 86400.0


@dataclasses.dataclass(frozen=True)
class Delays:
    """Seconds from an answer to what it has acknowledged.

    :ivar upload: Until an image that got its data is active: for half of
        them it is ``queued``, then ``saving``.
    :ivar delete: Until a deleted image is not shown and listed any more.
    :ivar create: Until a new image, also one that a job makes, is shown and
        listed; its owner can change it at once.
    :ivar tags: From the end of a job that makes an image to the tags, the
        description and the like that it was asked to set.
    :ivar share: Until members are added, removed, or have accepted or
        rejected an image; for jobs from their end.
    :ivar job: Until a new job is shown.
    """

    upload: float = 0.0
    delete: float = 0.0
    create: float = 0.0
    tags: float = 0.0
    share: float = 0.0
    job: float = 0.0

    @classmethod
    def parse(cls, text: str) -> dict[str, float]:
        """Read ``upload=0.5,delete=2``.

        :raises: :class:`ValueError` with what is wrong.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        found: dict[str, float] = {}
        for pair in text.split(','):
            name, _, value = pair.partition('=')
            if name not in names:
                raise ValueError(
                    f"{name!r} cannot be delayed; {', '.join(names[:-1])} "
                    f"and {names[-1]} can"
                )
            found[name] = _seconds(name, value)
        return found


def chosen(
    given: Delays | Mapping[str, float] | None, others: Delays
) -> Delays:
    """Return delays of which some, all or none are given.

    :param given: All of them, or some by their names.
    :param others: Those that are not given.
    """
    if isinstance(given, Delays):
        return given
    return dataclasses.replace(others, **(given or {}))


def _seconds(name: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST:
        raise ValueError(
            f"{name} is delayed by 0 to {LONGEST:.0f} seconds, not by "
            f"{value!r}"
        )
    return seconds
