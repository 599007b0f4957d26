# SPDX-License-Identifier: Apache-2.0
"""The request that makes an image: sent once, whatever was before."""

import time
from typing import Any

from openstack import exceptions as sdk_exceptions

from ims_ext.pipeline import looking
from ims_ext.pipeline.engine import Step
from ims_ext.pipeline.steps import resuming
from ims_ext.pipeline.steps.work import NotNowError
from ims_ext.pipeline.steps.work import Work
from ims_ext.transport import failures

#: Seconds in which an image is seen that was perhaps begun before, its answer
#: lost, and between two looks for it.
_PATIENCE, _PAUSE = 10.0, 0.5


class Creation(Step):
    """A request that makes an image, unless there is one already."""

    name = 'create'

    def __init__(self, work: Work) -> None:
        self._work = work
        self._namesakes: list[Any] = []

    def look(self) -> bool:
        """Whether there is an image of this version at the target."""
        return self.find() is not None

    def find(self) -> Any:
        """Return the image of this version at the target, if there is one."""
        self._namesakes = self._work.namesakes()
        found = next(self._work.mine(self._namesakes), None)
        if found is not None:
            self._work.image_id = str(found.id)
        return found

    def do(self) -> None:
        """Send the request, if nobody has and nobody else may by now."""
        work = self._work
        notes = work.tools.notes
        if work.image_id is None and notes.has_begun(work.action.id):
            if resuming.resume(work) or self._appears():
                return
        elif work.image_id is None:
            self._check_name()
        notes.intend(work.action.id, work.name)
        # The last thing before the request: noting may have taken a while.
        work.tools.check_lock()
        try:
            self.create()
        except Exception as error:
            if not may_have_effect(error):
                notes.settled(work.action.id)
            raise

    def _appears(self) -> bool:
        """Whether what may have been begun before is seen by and by."""
        work = self._work
        ends = time.monotonic() + _PATIENCE
        while time.monotonic() < ends:
            if self.look():
                return True
            if work.image_id is not None:
                # It waits for its data.
                return False
            self._check_name()
            time.sleep(_PAUSE)
        return False

    def _check_name(self) -> None:
        """Leave an image alone that is new and tells not yet whose it is.

        :raises: :class:`.work.NotNowError`
        """
        if any(looking.seen_image(each).is_silent for each in self._namesakes):
            raise NotNowError(
                f"an image {self._work.name!r} has appeared that does not "
                "tell whose it is"
            )

    def create(self) -> None:
        """Send the request, and note the job."""
        raise NotImplementedError

    def attributes(self, *names: str) -> dict[str, Any]:
        """Return what the manifest names of some attributes."""
        named = self._work.image.attributes
        return {each: named[each] for each in names if each in named}


def may_have_effect(error: Exception) -> bool:
    """Whether a creating request that failed may have had its effect.

    :param error: What sending it has raised.
    """
    if isinstance(error, sdk_exceptions.HttpException):
        return failures.in_error(error) is not None
    return isinstance(error, sdk_exceptions.SDKException) and not isinstance(
        error, sdk_exceptions.ValidationException
    )
