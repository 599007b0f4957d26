# SPDX-License-Identifier: Apache-2.0
"""Channels of an image: where they are, and where they may move."""

from collections.abc import Mapping, Sequence

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.manifest import units
from ims_ext.pipeline.planning import versions
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.seen import Seen
from ims_ext.pipeline.seen import SeenImage

#: A target's name and a version's.
Spot = tuple[str, str]


class Channels:
    """The moves of an image's channels.

    A channel is moved at all of the image's targets or at none: where a
    version is missing, cannot be made, or could not be looked for, the
    channel stays everywhere.

    :param image: The image.
    :param declared: Its versions.
    :param seen: The clouds as they were seen.
    :param present: Its versions at each target that could be seen.
    :param made: The actions that make what is missing.

    :ivar actions: The moves, and the reasons for those that wait.
    :ivar then: The channels that are at each version afterwards.
    """

    def __init__(
        self,
        image: model.Image,
        declared: Mapping[str, model.Version],
        seen: Seen,
        present: Mapping[str, Mapping[str, SeenImage]],
        made: Sequence[Action],
    ) -> None:
        self._image = image
        self._seen = seen
        self._present = present
        self._made = {
            each.item: each for each in made if each.kind is Kind.MAKE
        }
        self.actions: list[Action] = []
        self.then: dict[Spot, list[model.Channel]] = {}
        known = {*declared, *(v for each in present.values() for v in each)}
        for channel in image.channels:
            version = versions.of_channel(channel, image, known)
            self._look_at(channel, version, version in known)

    def _look_at(
        self, channel: model.Channel, version: str | None, is_known: bool
    ) -> None:
        before = {
            target: self._at(target, channel) for target in self._present
        }
        if version is None:
            self._stay(channel, before)
            return
        blocked = (
            self._obstacle(version)
            if is_known
            else f"there is no version {version}"
        )
        if blocked or (wait := self._soaking(channel, version)):
            kind = Kind.KEEP if blocked else Kind.WAIT
            for target, old in before.items():
                if old != [version]:
                    self._tell(
                        kind,
                        channel,
                        Item(self._image.name, version, target),
                        old,
                        blocked or wait,
                    )
            self._stay(channel, before)
            return
        for target, old in before.items():
            self.then.setdefault((target, version), []).append(channel)
            if old != [version]:
                self._move(channel, version, target, old)

    def _at(self, target: str, channel: model.Channel) -> list[str]:
        """Return the versions that a channel is at; one, as a rule."""
        return versions.newest_first(
            version
            for version, one in self._present[target].items()
            if one.words and channel.name in one.words.channels
        )

    def _obstacle(self, version: str) -> str:
        """Return why no channel can move to a version, if so."""
        for target in self._image.targets:
            if target not in self._present:
                return f"{target} could not be seen"
            one = self._present[target].get(version)
            item = Item(self._image.name, version, target)
            if item in self._made:
                continue
            if one is None or not one.is_active:
                return f"{version} is not at {target}"
        return ""

    def _soaking(self, channel: model.Channel, version: str) -> str:
        """Return how much longer a version has to be there, if at all."""
        ages = [
            self._seen.at - one.created_at
            for there in self._present.values()
            if (one := there.get(version))
        ]
        if len(ages) < len(self._image.targets):
            # Some of them are only to be made.
            ages.append(self._seen.at - self._seen.at)
        age = min(ages)
        if age >= channel.soak:
            return ""
        return (
            f"soaked {units.shown_duration(age)} of "
            f"{units.shown_duration(channel.soak)}"
        )

    def _stay(
        self, channel: model.Channel, before: Mapping[str, list[str]]
    ) -> None:
        for target, old in before.items():
            for version in old:
                self.then.setdefault((target, version), []).append(channel)

    def _move(
        self,
        channel: model.Channel,
        version: str,
        target: str,
        old: list[str],
    ) -> None:
        there = self._present[target]
        new = there.get(version)
        self.actions.append(
            Action(
                Kind.PROMOTE,
                Item(self._image.name, version, target),
                f"{channel.name} {_names(old)} -> {version}"
                + self._soaked(channel, version),
                new.id if new else None,
                tuple(item for item in self._made if item.version == version),
                {
                    'channel': channel.name,
                    'old': old,
                    'old_ids': [there[each].id for each in old],
                },
            )
        )

    def _soaked(self, channel: model.Channel, version: str) -> str:
        if not channel.soak:
            return ""
        age = min(
            self._seen.at - there[version].created_at
            for there in self._present.values()
        )
        return (
            f"  soaked {units.shown_duration(age)} of "
            f"{units.shown_duration(channel.soak)}"
        )

    def _tell(
        self,
        kind: Kind,
        channel: model.Channel,
        item: Item,
        old: list[str],
        why: str,
    ) -> None:
        self.actions.append(
            Action(
                kind,
                item,
                f"{channel.name} stays at {_names(old)}: {why}",
                details={'channel': channel.name, 'old': old},
            )
        )


def _names(versions: Sequence[str]) -> str:
    return ', '.join(versions) or "none"
