# SPDX-License-Identifier: Apache-2.0
"""Effects that come later than the answer, as with the real services.

They are records, and so nothing that was acknowledged is lost with the
process. A capability that has some names what each kind of them does::

    class NativeImagesApi:
        def __init__(self, service: Service) -> None:
            self.effects = {'delete': self._delete}

    with state.transaction():
        settling.later('delete', image.id, delays.delete)
"""

from collections.abc import Callable, Mapping
import logging
import threading
from typing import Any

from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Effect

LOG = logging.getLogger(__name__)

#: How many effects are looked up at once.
_BATCH = 100


class Settling:
    """One thread that has acknowledged effects come when they are due."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._state = service.state
        self._clock = service.clock
        self._changed = threading.Event()
        self._thread: threading.Thread | None = None
        self._end_listening: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin, also with what an earlier process has acknowledged."""
        self._thread = threading.Thread(
            target=self._run, name='ims-settling', daemon=True
        )
        self._thread.start()
        self._end_listening = self._clock.on_change(self._catch_up)

    def stop(self) -> None:
        """Leave what is not due, to be taken up again by :meth:`start`."""
        self._end_listening()
        thread, self._thread = self._thread, None
        self._changed.set()
        if thread is not None:
            thread.join()

    def later(
        self, kind: str, image_id: str, seconds: float, **params: Any
    ) -> None:
        """Have an effect come later, or at once; part of a transaction.

        :param kind: What happens.
        :param image_id: The image that it happens to.
        :param seconds: When; 0 for at once.
        :param params: More about it; JSON values.
        """
        effect = Effect(kind, image_id, self._clock() + seconds, params)
        if seconds:
            self._state.effects.add(effect)
            self._state.database.after_commit(self._changed.set)
        else:
            self._handler(kind)(effect)

    def prepare(self, kind: str, image_id: str, **params: Any) -> None:
        """Keep an effect of which it is not known yet when it is due."""
        self._state.effects.add(Effect(kind, image_id, None, params))

    def release(self, kind: str, image_id: str, seconds: float) -> None:
        """Have prepared effects come after some seconds."""
        for effect in self._state.effects.of(kind, image_id):
            effect.due = self._clock() + seconds
            self._state.effects.save(effect)
            self._state.database.after_commit(self._changed.set)

    def pending(self, kind: str, image_id: str) -> list[Effect]:
        """Return the effects of a kind that an image has yet to see."""
        return self._state.effects.of(kind, image_id)

    def _run(self) -> None:
        while self._thread is threading.current_thread():
            self._changed.clear()
            try:
                self._have_come()
                due = self._state.effects.next_due()
            except Exception:
                LOG.exception("Effects could not be looked up")
                due = self._clock() + 1
            missing = None if due is None else due - self._clock()
            if missing is None or missing > 0:
                self._changed.wait(missing)

    def _catch_up(self) -> None:
        """Have come what is due since the clock was advanced."""
        self._have_come()
        self._changed.set()

    def _have_come(self) -> None:
        """Have all effects come that are due."""
        while self._thread is not None:
            effects = self._state.effects.due(_BATCH)
            for effect in effects:
                self._has_come(effect)
            if len(effects) < _BATCH:
                return

    def _has_come(self, effect: Effect) -> None:
        try:
            with self._state.transaction():
                # Who advances the clock looks for effects as well.
                if self._state.effects.get(effect.id) is None:
                    return
                self._state.effects.delete(effect)
                self._handler(effect.kind)(effect)
        except Exception:
            LOG.exception("The effect %s did not come", effect)
            self._state.effects.delete(effect)

    def _handler(self, kind: str) -> Callable[[Effect], None]:
        for capability in self._service.capabilities:
            effects: Mapping[str, Callable[[Effect], None]] = getattr(
                capability, 'effects', {}
            )
            if kind in effects:
                return effects[kind]
        raise LookupError(kind)
