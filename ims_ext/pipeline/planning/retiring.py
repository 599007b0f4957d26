# SPDX-License-Identifier: Apache-2.0
"""Old versions: hidden, deleted, or kept with the reason."""

from collections.abc import Collection, Iterator, Mapping, Sequence
import dataclasses
import datetime
from typing import Any

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.planning import sharing
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.planning.channels import Spot
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.seen import SeenTarget


def actions(
    image: model.Image,
    wanted: Collection[str],
    seen: Seen,
    present: Mapping[str, Mapping[str, SeenImage]],
    made: Sequence[Action],
    held: Collection[Spot],
) -> Iterator[Action]:
    """Give what becomes of the versions that are not wanted any more.

    :param image: The image.
    :param wanted: The versions that are to be there.
    :param seen: The clouds as they were seen.
    :param present: Its versions at each target that could be seen.
    :param made: The actions that make what is missing, and those that are
        missing and cannot be made.
    :param held: Versions that a channel is at afterwards.
    """
    if image.retention.keep is None and (
        image.retention.deprecate_after is None
        and image.retention.delete_after is None
    ):
        return
    for target, there in present.items():
        at = seen.targets[target]
        making = tuple(
            each.item
            for each in made
            if each.item.target == target
            and (each.kind is Kind.MAKE or each.details.get('arriving'))
        )
        failing = [
            each.item.version
            for each in made
            if each.item.target == target
            and each.kind in (Kind.REFUSE, Kind.FOREIGN)
        ]
        order = versions.newest_first(
            {*there, *(each.version for each in making)}
        )
        kept = order[: image.retention.keep] if image.retention.keep else ()
        for version in order:
            if version in wanted or version in kept:
                continue
            one = there[version]
            if one.is_arriving:
                continue
            item = Item(image.name, version, target)
            why = ""
            if version == order[0]:
                why = "it is the newest here"
            elif (target, version) in held:
                why = "a channel is at it"
            elif failing:
                why = f"{failing[0]} cannot be made here"
            yield from _retired(
                image.retention, item, one, at, seen.at, making, why
            )


def _retired(
    retention: model.Retention,
    item: Item,
    one: SeenImage,
    at: SeenTarget,
    now: datetime.datetime,
    making: tuple[Item, ...],
    why: str,
) -> Iterator[Action]:
    age = now - one.created_at
    old = f"{units.shown_duration(age)} old"
    if _is_due(retention, age):
        kept = Kept(why) if why else reason_to_keep(retention, one, at)
        if kept is None:
            yield Action(Kind.DELETE, item, old, one.id, making)
            return
        yield Action(
            Kind.KEEP, item, f"kept: {kept}", one.id, details=kept.details
        )
    if (
        retention.deprecate_after is not None
        and age >= retention.deprecate_after
        and not why
        and not (one.words and one.words.deprecated)
    ):
        yield Action(Kind.DEPRECATE, item, old, one.id, making)


def _is_due(retention: model.Retention, age: datetime.timedelta) -> bool:
    """Whether a version that is not wanted is to be deleted."""
    if retention.delete_after is not None:
        return age >= retention.delete_after
    # A number alone says that no more are wanted; a day of deprecation
    # without one of deletion, that they stay.
    return retention.deprecate_after is None


@dataclasses.dataclass(frozen=True)
class Kept:
    """What speaks against the deletion of an image.

    :ivar reason: What it is, for people.
    :ivar is_unseen: Whether it is that something could not be seen.
    """

    reason: str
    is_unseen: bool = False

    def __str__(self) -> str:
        return self.reason

    @property
    def details(self) -> dict[str, Any]:
        """What an action tells of it."""
        return {'unseen': True} if self.is_unseen else {}


def reason_to_keep(
    retention: model.Retention, one: SeenImage, at: SeenTarget
) -> Kept | None:
    """Return what speaks against the deletion of an image.

    :param retention: What the manifest says is never deleted.
    :param one: The image.
    :param at: Its target as it was seen.
    :returns: ``None`` where nothing does.
    """
    if one.is_protected:
        return Kept("it is protected")
    if model.IN_USE in retention.never:
        if at.servers_problem:
            return Kept(
                f"servers could not be seen: {at.servers_problem}", True
            )
        if one.servers:
            count = len(one.servers)
            uses = 's use' if count != 1 else ' uses'
            return Kept(f"{count} server{uses} it")
    if model.SHARED not in retention.never:
        return None
    if one.members is None:
        return Kept("who has accepted it was not seen", True)
    if count := len(sharing.accepted_by(one)):
        have = 's have' if count != 1 else ' has'
        return Kept(f"{count} project{have} accepted it")
    return None
