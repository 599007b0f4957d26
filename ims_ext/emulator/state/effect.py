# SPDX-License-Identifier: Apache-2.0
"""The effects that have been acknowledged, and have not come yet."""

import dataclasses
from typing import Any, ClassVar

from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table


@dataclasses.dataclass
class Effect:
    """An effect on an image; it is gone with the image.

    :ivar kind: What happens.
    :ivar due: When, in seconds since 1970; ``None`` as long as that is not
        known.
    :ivar params: More about it; JSON values.
    :ivar id: Given when it is kept; no other ever has it.
    """

    kind: str
    image_id: str
    due: float | None
    params: dict[str, Any] = dataclasses.field(default_factory=dict)
    id: int | None = None


class Effects(Table[Effect]):
    """The effects that are yet to come."""

    RECORD = Effect
    NAME = 'effects'
    FIXED = ('kind', 'image_id', 'params')
    CODECS: ClassVar[dict[str, Codec]] = {'params': JSON}
    ORDER = 'due, id'

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE effects (
            kind TEXT NOT NULL,
            image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            due REAL, params TEXT NOT NULL,
            id INTEGER PRIMARY KEY AUTOINCREMENT)""",
        'CREATE INDEX effects_due ON effects (due)',
        'CREATE INDEX effects_image ON effects (image_id)',
    )

    def add(self, effect: Effect) -> None:
        """Keep a new effect."""
        self._insert(effect)

    def save(self, effect: Effect) -> None:
        """Keep when an effect is due."""
        self._update(effect)

    def delete(self, effect: Effect) -> None:
        """Forget an effect that has come."""
        self._delete('id = ?', effect.id)

    def get(self, effect_id: int | None) -> Effect | None:
        """Return an effect by its ID, ``None`` once it has come."""
        return self._first('id = ?', effect_id)

    def of(self, kind: str, image_id: str) -> list[Effect]:
        """Return the effects of a kind on an image, by their time."""
        return self._select('image_id = ? AND kind = ?', image_id, kind)

    def due(self, limit: int) -> list[Effect]:
        """Return effects whose time has come, by their time.

        :param limit: How many at most.
        """
        return self._read(
            f'WHERE due <= ? ORDER BY {self.ORDER} LIMIT ?',
            (self._clock(), limit),
        )

    def next_due(self) -> float | None:
        """Return when the next effect is due, ``None`` without one."""
        rows = self._database.execute('SELECT min(due) FROM effects')
        found: float | None = rows[0][0]
        return found
