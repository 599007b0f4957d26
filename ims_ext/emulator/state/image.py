# SPDX-License-Identifier: Apache-2.0
"""The images, and queries for them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
import contextlib
import dataclasses
import json
import math
from pathlib import Path
from typing import Any, ClassVar

from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.ids import Ids
from ims_ext.emulator.state.image_search import COLUMNS
from ims_ext.emulator.state.image_search import INDEXES
from ims_ext.emulator.state.image_search import ImageQuery
from ims_ext.emulator.state.image_search import Statement
from ims_ext.emulator.state.image_search import visible as visible_sql
from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table
from ims_ext.emulator.state.record import timestamp

#: Ends the name of a file whose data is not the image's yet.
STAGED = '.staged'


_TAG_INDEXES = (
    'CREATE INDEX image_tags_tag ON image_tags (tag)',
    'CREATE INDEX image_tags_key ON image_tags (key, value)',
)


def split_tag(tag: str) -> tuple[str, str]:
    """Return key and value of a tag as images have it.

    :param tag: ``key=value``, ``key.value`` from before the tagging
        function's upgrade, or a plain word.
    """
    separator = '=' if '=' in tag else '.'
    key, _, value = tag.partition(separator)
    return key, value


@dataclasses.dataclass
class Image:
    """An image.

    :ivar owner: The project that it belongs to.
    :ivar status: ``queued``, ``saving``, ``active`` or ``killed``.
    :ivar visibility: ``private``, ``shared`` or ``public``. A private image
        becomes shared with its first member, and private again without its
        last.
    :ivar created_at: ``2024-11-06T06:19:43Z``, like ``updated_at``.
    :ivar attributes: All other attributes, under their wire names
        (``min_disk``, ``__os_version``), with their types on the wire.
    :ivar tags: ``key=value``, or a plain word; no order.
    :ivar seen_from: When projects begin to see it, in seconds since 1970.
    """

    id: str
    owner: str
    name: str | None
    status: str
    visibility: str
    created_at: str
    updated_at: str
    attributes: dict[str, Any]
    tags: list[str]
    seen_from: float = 0.0

    @classmethod
    def new(
        cls,
        owner: str,
        name: str | None,
        attributes: dict[str, Any] | None = None,
        *,
        id: str | None = None,
        status: str = 'queued',
        visibility: str = 'private',
        tags: Iterable[str] = (),
    ) -> 'Image':
        """Return an image that is not kept yet.

        ``add`` sets its times, and its ID where it has none.
        """
        return cls(
            id=id or '',
            owner=owner,
            name=name,
            status=status,
            visibility=visibility,
            created_at='',
            updated_at='',
            attributes=attributes or {},
            tags=list(tags),
        )

    def get(self, attribute: str) -> Any:
        """Return an attribute by its wire name, ``None`` without one."""
        if attribute in COLUMNS:
            return getattr(self, attribute)
        return self.attributes.get(attribute)


#: Images among which any search is quick without a plan.
_FEW = 256


class Images(Table[Image]):
    """The images."""

    RECORD = Image
    NAME = 'images'
    FIXED = ('created_at', 'seen_from')
    CODECS: ClassVar[dict[str, Codec]] = {'attributes': JSON, 'tags': JSON}
    COMPUTED: ClassVar[dict[str, str]] = {
        'tags': (
            'SELECT json_group_array(tag) FROM image_tags '
            'WHERE image_id = images.id'
        )
    }

    SCHEMA: ClassVar[tuple[str, ...]] = (
        """CREATE TABLE images (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, name TEXT,
            status TEXT NOT NULL, visibility TEXT NOT NULL,
            created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
            attributes TEXT NOT NULL, seen_from REAL NOT NULL)""",
        *INDEXES,
        """CREATE TABLE image_tags (
            image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            tag TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (image_id, tag)) WITHOUT ROWID""",
        *_TAG_INDEXES,
    )

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float],
        ids: Ids,
        image_file: Callable[[str], Path],
    ) -> None:
        super().__init__(database, clock, ids)
        self._image_file = image_file
        #: There are no more images than this.
        self._most = int(database.execute('SELECT count(*) FROM images')[0][0])

    def add(self, image: Image, unseen: float = 0.0) -> Image:
        """Keep a new image and return it, with its ID and times set.

        :param unseen: For how many seconds no project sees it.
        """
        self.identify(image)
        now = self._clock()
        image.created_at = image.updated_at = timestamp(now)
        image.seen_from = now + unseen if unseen else 0.0
        with self._database.transaction():
            self._insert(image)
            self._save_tags(image)
            self._most += 1
        return image

    def add_all(self, images: Sequence[Image]) -> None:
        """Keep many new images of one project at once.

        :param images: The images; times that they have stay.
        """
        self._identify_all([image for image in images if not image.id])
        now = timestamp(self._clock())
        for image in images:
            image.created_at = image.created_at or now
            image.updated_at = image.updated_at or now
            image.tags = sorted(set(image.tags))
        with self._database.transaction():
            self._insert_all(images)
            self._most += len(images)
            self._database.execute_many(
                'INSERT INTO image_tags VALUES (?, ?, ?, ?)',
                [
                    (image.id, tag, *split_tag(tag))
                    for image in images
                    for tag in image.tags
                ],
            )

    @contextlib.contextmanager
    def in_bulk(self) -> Iterator[None]:
        """Add very many images in a block, which is quicker so.

        Their indexes are made when all of them are there. Part of a
        transaction.
        """
        indexes = (*INDEXES, *_TAG_INDEXES)
        for statement in indexes:
            self._database.execute(f'DROP INDEX {statement.split()[2]}')
        yield
        for statement in indexes:
            self._database.execute(statement)

    def _identify_all(self, images: Sequence[Image]) -> None:
        if not images:
            return
        owner = images[0].owner
        ids = list(self._ids.uuids('image', owner, len(images)))
        taken = {
            row[0]
            for row in self._database.execute(
                'SELECT id FROM images '
                'WHERE id IN (SELECT value FROM json_each(?))',
                (json.dumps(ids),),
            )
        }
        for image, image_id in zip(images, ids, strict=True):
            if image_id in taken:
                self.identify(image)
            else:
                image.id = image_id

    def identify(self, image: Image) -> None:
        """Give an image an ID before it is kept, if it has none."""
        while not image.id:
            image_id = self._ids.uuid('image', image.owner)
            # A client may have chosen just this one for another.
            if self.get(image_id) is None:
                image.id = image_id

    def save(self, image: Image) -> None:
        """Keep the changes made to an image, and the time of the change."""
        image.updated_at = timestamp(self._clock())
        with self._database.transaction():
            self._update(image)
            self._save_tags(image)

    def _save_tags(self, image: Image) -> None:
        image.tags = sorted(set(image.tags))
        self._database.execute(
            'DELETE FROM image_tags WHERE image_id = ?', (image.id,)
        )
        self._database.execute_many(
            'INSERT INTO image_tags VALUES (?, ?, ?, ?)',
            [(image.id, tag, *split_tag(tag)) for tag in image.tags],
        )

    def delete(self, image_id: str) -> None:
        """Forget an image, with its tags, members and data."""
        self._delete('id = ?', image_id)
        file = self._image_file(image_id)
        staged = file.with_name(f'{file.name}{STAGED}')
        # A process that is killed before must find the image with its data.
        self._database.after_commit(lambda: file.unlink(missing_ok=True))
        self._database.after_commit(lambda: staged.unlink(missing_ok=True))

    def get(self, image_id: str) -> Image | None:
        """Return one image by its ID, whoever may see it."""
        return self._first('id = ?', image_id)

    def visible(
        self, image_id: str, project_id: str, at_once: bool = False
    ) -> Image | None:
        """Return one image by its ID, if a project may see it.

        A project sees an image that is shared with it whatever it answered.

        :param at_once: Whether also one that is too new to be seen.
        """
        found = self._read(
            f'WHERE id = :id AND {visible_sql("all")}',
            {
                'id': image_id,
                'project_id': project_id,
                'now': math.inf if at_once else self._clock(),
            },
        )
        return found[0] if found else None

    def with_status(self, status: str) -> list[Image]:
        """Return all images that have a status, whoever may see them."""
        return self._select('status = ?', status)

    def newest(self, limit: int) -> list[Image]:
        """Return the images that were made last, newest first."""
        return self._read('ORDER BY sequence DESC LIMIT ?', (limit,))

    def count(self, project_id: str) -> int:
        """Return how many images a project owns."""
        rows = self._database.execute(
            'SELECT count(*) FROM images WHERE owner = ?', (project_id,)
        )
        return int(rows[0][0])

    def select(self, query: ImageQuery) -> list[Image]:
        """Return the images that a query asks for, in its order.

        :raises: :class:`LookupError` for a marker that is no image the
            project may see.
        """
        statement = Statement(query, self._clock())
        if query.marker is not None:
            seen = self.visible(query.marker, query.project_id)
            if query.is_admin:
                seen = self.get(query.marker)
            if seen is None:
                raise LookupError(query.marker)
            row = self._database.execute(*statement.marker_values())[0]
            statement.begin_after(tuple(row))
        if self._most > _FEW:
            statement.plan(self._database)
        return self._read(*statement.page())

    def matching(self, query: ImageQuery) -> int:
        """Return how many images a query asks for, on all of its pages."""
        statement = Statement(query, self._clock())
        statement.plan(self._database)
        return int(self._database.execute(*statement.count())[0][0])

    def tags(self, query: ImageQuery) -> list[str]:
        """Return the tags of the images that a query asks for, sorted.

        :param query: Its limit and offset are those of the tags.
        """
        statement = Statement(query, self._clock())
        statement.plan(self._database)
        rows = self._database.execute(*statement.used_tags())
        return [str(row[0]) for row in rows]
