# SPDX-License-Identifier: Apache-2.0
"""What follows a job: the image found, alone, and nothing left behind."""

import time

from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.steps.work import Work

#: Seconds in which an image is looked for that is said to be there.
_PATIENCE = 60.0
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.1, 1.6, 5.0


class NotSeenError(LookupError):
    """An image that is said to be there, and cannot be seen."""


class Find(Step):
    """The image of an action, found by what it carries."""

    name = 'find'

    def __init__(self, work: Work) -> None:
        self._work = work

    def look(self) -> bool:
        """Whether it is known."""
        work = self._work
        work.image_id = work.image_id or work.action.image_id
        return work.image_id is not None

    def do(self) -> None:
        """Look for it; clouds show what they have made a moment later."""
        work = self._work
        ends = time.monotonic() + _PATIENCE
        pause = _FIRST_PAUSE
        while True:
            work.near = work.namesakes()
            for found in work.mine(work.near):
                work.image_id = str(found.id)
                return
            if time.monotonic() >= ends:
                raise NotSeenError(
                    f"no image {work.name!r} can be seen at "
                    f"{work.action.item.target}, {_PATIENCE:.0f} s after it "
                    "was made"
                )
            time.sleep(pause)
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)


class Single(Step):
    """One image a version: of two, the older one stays."""

    name = 'single'

    def __init__(self, work: Work) -> None:
        self._work = work
        self._others: list[str] = []

    def look(self) -> bool:
        """Whether there is one."""
        work = self._work
        found = [
            str(each.id)
            for each in work.mine(work.near or None)
            if str(each.status).lower() == 'active'
        ]
        if len(found) < 2:
            return True
        kept, *self._others = found
        own = work.image_id
        if own not in self._others:
            # Somebody else's are theirs to delete.
            return True
        self._others = [own] if own else []
        work.image_id = kept
        return False

    def do(self) -> None:
        """Delete the run's own, and say so."""
        work = self._work
        for each in self._others:
            work.tools.tell(
                'note',
                id=work.action.id,
                message=f"{work.action.item} was made twice at the same "
                f"time: {work.image_id} stays, {each} is deleted",
            )
            work.ims.delete_image(each, ignore_missing=True)


class Clear(Step):
    """The bucket without the object that the image was imported from."""

    name = 'clear'

    def __init__(self, work: Work) -> None:
        self._work = work

    def look(self) -> bool:
        """Whether there is nothing to delete."""
        return self._work.object is None

    def do(self) -> None:
        """Delete the object."""
        work = self._work
        work.store.delete(work.bucket, str(work.object))
