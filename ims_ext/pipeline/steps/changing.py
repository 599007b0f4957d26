# SPDX-License-Identifier: Apache-2.0
"""Changing what an image says: attributes, tags, the pipeline's words."""

import dataclasses
import datetime

from ims_ext.pipeline import identity
from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.planning import drift
from ims_ext.pipeline.planning.image import digest_of
from ims_ext.pipeline.seen import SeenImage
from ims_ext.pipeline.steps.work import Work


class GoneError(LookupError):
    """An image that was there when it was planned, and is not any more."""


class Lead(Step):
    """An image led to what the manifest names, whatever it is by now."""

    name = 'change'

    def __init__(self, work: Work) -> None:
        self._work = work
        self._changes: list[drift.Change] = []

    def look(self) -> bool:
        """Whether it is so already."""
        work = self._work
        seen = work.seen()
        if seen is None:
            raise GoneError(f"the image {work.image_id} is not there any more")
        carried = digest_of(seen)
        which = work.identity
        if carried:
            which = dataclasses.replace(which, digest=carried)
        self._changes = list(drift.changes(work.image, which, seen))
        self._which = which
        self._seen = seen
        return not self._changes

    def do(self) -> None:
        """Change what is another."""
        work = self._work
        seen = self._seen
        wanted: dict[str, object] = {}
        # What only the service's other interface changes.
        native: dict[str, object] = {}
        properties: dict[str, str] = {}
        tags: dict[str, str] = {}
        for change in self._changes:
            kind, _, key = change.name.partition(' ')
            if kind == 'tag':
                tags[key] = change.new
            elif kind == 'property':
                properties[key] = change.new
            elif kind in ('description', 'identity'):
                wanted['description'] = self._described(seen)
            elif kind == 'protected':
                native['is_protected'] = change.new
            elif kind == 'min_disk':
                native['min_disk'] = change.new
            else:
                wanted[kind] = change.new
        if properties:
            wanted['properties'] = properties
        if native:
            work.ims.update_image(work.image_id, **native)
        if wanted:
            work.ims.update_cloud_image(work.image_id, **wanted)
        if tags:
            work.ims.create_image_tags(work.image_id, tags)

    def _described(self, seen: SeenImage) -> str:
        words = seen.words or identity.Words(self._which)
        text = self._work.image.description
        if text is None:
            text = seen.description
        return dataclasses.replace(words, identity=self._which).after(text)


class Say(Step):
    """The pipeline's words on an image, changed in part.

    :param work: The action.
    :param image_id: The image; ``None`` for that of the action, which may
        only be known when the step is run.
    """

    name = 'say'

    def __init__(self, work: Work, image_id: str | None) -> None:
        self._work = work
        self._image_id = image_id
        self._wanted = ''

    def look(self) -> bool:
        """Whether they are so already."""
        work = self._work
        self._image_id = self._image_id or work.image_id
        seen = dataclasses.replace(work, image_id=self._image_id).seen()
        if seen is None:
            return self.is_gone()
        words = seen.words or identity.Words(work.identity)
        changed = self.change(words)
        self._wanted = changed.after(seen.description)
        return changed == seen.words

    def do(self) -> None:
        """Write them."""
        self._work.ims.update_cloud_image(
            self._image_id, description=self._wanted
        )

    def is_gone(self) -> bool:
        """Say what it means that the image is not there."""
        raise GoneError(f"the image {self._image_id} is not there any more")

    def change(self, words: identity.Words) -> identity.Words:
        """Return the words as they are to be."""
        raise NotImplementedError


class Enter(Say):
    """A channel comes to an image."""

    name = 'promote'

    def change(self, words: identity.Words) -> identity.Words:
        """Return the words with the channel."""
        channel = str(self._work.action.details['channel'])
        channels = tuple(sorted({*words.channels, channel}))
        return dataclasses.replace(words, channels=channels)


class Leave(Say):
    """A channel leaves an image."""

    name = 'promote'

    def is_gone(self) -> bool:
        """Nothing is left to be left."""
        return True

    def change(self, words: identity.Words) -> identity.Words:
        """Return the words without the channel."""
        channel = str(self._work.action.details['channel'])
        channels = tuple(each for each in words.channels if each != channel)
        return dataclasses.replace(words, channels=channels)


class Deprecate(Say):
    """An image is said to be old, with the day."""

    name = 'deprecate'

    def __init__(
        self, work: Work, image_id: str | None, day: datetime.date
    ) -> None:
        super().__init__(work, image_id)
        self._day = day

    def change(self, words: identity.Words) -> identity.Words:
        """Return the words with the day, unless they have one."""
        if words.deprecated:
            return words
        return dataclasses.replace(words, deprecated=self._day.isoformat())
