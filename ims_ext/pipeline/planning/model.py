# SPDX-License-Identifier: Apache-2.0
"""A plan: what an apply would do, and why, and what it would leave alone."""

import collections
from collections.abc import Callable, Iterator, Mapping
import dataclasses
import datetime
import enum
from typing import Any


@dataclasses.dataclass(frozen=True, order=True)
class Item:
    """A version of an image at a target."""

    image: str
    version: str
    target: str

    def __str__(self) -> str:
        return f'{self.image}@{self.version} {self.target}'

    @property
    def label(self) -> str:
        """Image and version."""
        return f'{self.image}@{self.version}'


class Kind(enum.StrEnum):
    """What is done with an item; the first are changes, the others are not."""

    ADOPT = 'adopt'
    MAKE = 'make'
    CHANGE = 'change'
    SHARE = 'share'
    ACCEPT = 'accept'
    PROMOTE = 'promote'
    DEPRECATE = 'deprecate'
    DELETE = 'delete'
    #: Seen, and left alone, with the reason.
    KEEP = 'keep'
    WAIT = 'wait'
    FOREIGN = 'foreign'
    REFUSE = 'refuse'

    @property
    def symbol(self) -> str:
        """The sign at the beginning of a plan's line."""
        return _SYMBOLS[self]

    @property
    def is_change(self) -> bool:
        """Whether something would be done."""
        return self not in _NO_CHANGES


_SYMBOLS = {
    Kind.ADOPT: 'a',
    Kind.MAKE: '+',
    Kind.CHANGE: '~',
    Kind.SHARE: 's',
    Kind.ACCEPT: 'A',
    Kind.PROMOTE: '>',
    Kind.DEPRECATE: 'd',
    Kind.DELETE: '-',
    Kind.KEEP: '!',
    Kind.WAIT: '.',
    Kind.FOREIGN: '?',
    Kind.REFUSE: 'x',
}
_NO_CHANGES = frozenset({Kind.KEEP, Kind.WAIT, Kind.FOREIGN, Kind.REFUSE})


class Route(enum.StrEnum):
    """How an image is made; the cheapest that is possible comes first."""

    COPY = 'copy'
    COPY_REGION = 'copy-region'
    SERVER = 'server'
    VOLUME = 'volume'
    OBJECT = 'object'
    UPLOAD = 'upload'
    QUICK_IMPORT = 'quick-import'
    IMPORT = 'import'


@dataclasses.dataclass(frozen=True)
class Action:
    """A line of a plan.

    :ivar kind: What is done.
    :ivar item: With what.
    :ivar reason: Why, for people.
    :ivar image_id: The image that it is done with, where there is one.
    :ivar after: Items whose making must have succeeded before.
    :ivar details: What belongs to the kind, as JSON has it. ``make``:
        ``route``, ``source``, ``digest``, ``size``, ``from`` (a target).
        ``change``: ``changes``, a list of ``name``, ``old``, ``new``.
        ``share``, ``accept``: ``add``, ``remove``, ``accept``, lists of
        project IDs. ``promote``: ``channel``, ``old``, ``old_id``. ``wait``:
        ``arriving``, the image's status; ``unknown``, where it does not
        tell whose it is yet.
    """

    kind: Kind
    item: Item
    reason: str
    image_id: str | None = None
    after: tuple[Item, ...] = ()
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def id(self) -> str:
        """What the action is called in events."""
        which = f'{self.kind}:{self.item.label}:{self.item.target}'
        # There may be several of both with one version at one target.
        more = self.details.get('channel') or (
            self.details.get('twin_of') and self.image_id
        )
        return f'{which}:{more}' if more else which

    @property
    def is_unknown(self) -> bool:
        """Whether it waits for an image to tell whose it is."""
        return bool(self.details.get('unknown'))

    def as_json(self) -> dict[str, Any]:
        """Return the action as JSON has it."""
        return {
            'id': self.id,
            'action': str(self.kind),
            'image': self.item.image,
            'version': self.item.version,
            'target': self.item.target,
            'reason': self.reason,
            'image_id': self.image_id,
            'after': [dataclasses.asdict(each) for each in self.after],
            'details': dict(self.details),
        }


@dataclasses.dataclass(frozen=True)
class Quota:
    """How many images a target's project will own.

    :ivar limit: How many it may own, ``None`` where not known.
    :ivar then: How many it owns when all is made, before anything is deleted.
    """

    target: str
    limit: int | None
    then: int

    @property
    def is_exceeded(self) -> bool:
        """Whether not all fits."""
        return self.limit is not None and self.then > self.limit


@dataclasses.dataclass(frozen=True)
class Plan:
    """What an apply would do.

    :ivar pipeline: The manifest's name.
    :ivar at: When the clouds were seen, in UTC.
    :ivar actions: The lines, in the order in which they are shown.
    :ivar quotas: What the targets' projects will own.
    :ivar unseen: Targets that could not be seen, and why.
    :ivar images: Images in the manifest.
    :ivar seen: Images seen in the clouds.
    :ivar seconds: How long looking took.
    :ivar manifest: The digest of the manifest that it is for.
    """

    pipeline: str
    at: datetime.datetime
    actions: tuple[Action, ...]
    quotas: tuple[Quota, ...] = ()
    unseen: Mapping[str, str] = dataclasses.field(default_factory=dict)
    images: int = 0
    seen: int = 0
    seconds: float = 0.0
    manifest: str = ''

    @property
    def changes(self) -> tuple[Action, ...]:
        """The actions that change something."""
        return tuple(each for each in self.actions if each.kind.is_change)

    def only(self, is_meant: Callable[[Action], bool]) -> 'Plan':
        """Return the plan with some of its actions, and their quotas.

        :param is_meant: Says which actions.
        """
        left_out = collections.Counter(
            each.item.target
            for each in self.of(Kind.MAKE)
            if not is_meant(each)
        )
        return dataclasses.replace(
            self,
            actions=tuple(each for each in self.actions if is_meant(each)),
            quotas=tuple(
                dataclasses.replace(
                    each, then=each.then - left_out[each.target]
                )
                for each in self.quotas
            ),
        )

    def of(self, *kinds: Kind) -> Iterator[Action]:
        """Give the actions of some kinds.

        :param kinds: The kinds.
        """
        return (each for each in self.actions if each.kind in kinds)
