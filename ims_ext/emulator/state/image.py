# SPDX-License-Identifier: Apache-2.0
"""The images, and queries for them."""

from collections.abc import Callable, Iterable, Sequence
import dataclasses
import json
from pathlib import Path
from typing import Any, ClassVar, Literal

from ims_ext.emulator.state.database import Database
from ims_ext.emulator.state.ids import Ids
from ims_ext.emulator.state.record import JSON
from ims_ext.emulator.state.record import Codec
from ims_ext.emulator.state.record import Table
from ims_ext.emulator.state.record import timestamp

Operator = Literal['eq', 'neq', 'gt', 'gte', 'lt', 'lte', 'in']

_SQL_OPERATORS: dict[Operator, str] = {
    'eq': 'IS',
    'neq': 'IS NOT',
    'gt': '>',
    'gte': '>=',
    'lt': '<',
    'lte': '<=',
}

#: Attributes with a column of their own; all others live in one JSON object.
COLUMNS = (
    'id',
    'owner',
    'name',
    'status',
    'visibility',
    'created_at',
    'updated_at',
)


#: What SQLite's JSON paths cannot hold; an attribute with one of these in its
#: name is kept, but not found by its value.
_UNQUOTABLE = frozenset('"\\\0')


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


@dataclasses.dataclass(frozen=True)
class Condition:
    """A condition on an attribute of listed images.

    :ivar attribute: A wire name.
    :ivar value: As typed as the attribute is on the wire; a sequence for
        ``in``.
    """

    attribute: str
    operator: Operator
    value: Any


@dataclasses.dataclass
class ImageQuery:
    """Which images to list, as whom, and in which order.

    :ivar project_id: Who asks. Listed are the project's own images, public
        ones, and those shared with it.
    :ivar member_status: Which answer the project must have given for images
        shared with it: ``accepted``, ``pending``, ``rejected`` or ``all``.
    :ivar conditions: All must hold.
    :ivar tags: All must be there.
    :ivar sort: Attributes and whether they ascend; creation decides between
        equals.
    :ivar marker: The ID of the last image of the page before.
    :ivar limit: How many images at most; ``None`` for all.
    """

    project_id: str
    member_status: str = 'accepted'
    conditions: Sequence[Condition] = ()
    tags: Sequence[str] = ()
    sort: Sequence[tuple[str, bool]] = (('created_at', False),)
    marker: str | None = None
    limit: int | None = None


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
        'CREATE INDEX images_owner ON images (owner)',
        'CREATE INDEX images_status ON images (status)',
        'CREATE INDEX images_visibility ON images (visibility)',
        'CREATE INDEX images_name ON images (name)',
        'CREATE INDEX images_created_at ON images (created_at, sequence)',
        """CREATE TABLE image_tags (
            image_id TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE,
            tag TEXT NOT NULL, PRIMARY KEY (image_id, tag)) WITHOUT ROWID""",
        'CREATE INDEX image_tags_tag ON image_tags (tag)',
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
        return image

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
            'INSERT INTO image_tags VALUES (?, ?)',
            [(image.id, tag) for tag in image.tags],
        )

    def delete(self, image_id: str) -> None:
        """Forget an image, with its tags, members and data."""
        self._delete('id = ?', image_id)
        file = self._image_file(image_id)
        # A process that is killed before must find the image with its data.
        self._database.after_commit(lambda: file.unlink(missing_ok=True))

    def get(self, image_id: str) -> Image | None:
        """Return one image by its ID, whoever may see it."""
        return self._first('id = ?', image_id)

    def visible(self, image_id: str, project_id: str) -> Image | None:
        """Return one image by its ID, if a project may see it.

        A project sees an image that is shared with it whatever it answered.
        """
        found = self._read(
            f'WHERE id = :id AND {_visible("all")}',
            {
                'id': image_id,
                'project_id': project_id,
                'now': self._clock(),
            },
        )
        return found[0] if found else None

    def with_status(self, status: str) -> list[Image]:
        """Return all images that have a status, whoever may see them."""
        return self._select('status = ?', status)

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
        statement = _Statement(query, self._clock())
        if query.marker is not None:
            if self.visible(query.marker, query.project_id) is None:
                raise LookupError(query.marker)
            row = self._database.execute(*statement.marker_values())[0]
            statement.begin_after(tuple(row))
        return self._read(*statement.sql())


def _visible(member_status: str) -> str:
    """Return the SQL for "the project may see it".

    Public and shared images are seen in their own region only.
    """
    mine = 'member_id = :project_id'
    if member_status != 'all':
        mine += ' AND status = :member_status'
    shared = f'SELECT image_id FROM members WHERE {mine}'  # noqa: S608
    # The signs keep SQLite from collecting and sorting all that is visible,
    # where it can walk an index in the order asked for.
    return (
        "(+owner = :project_id OR ("
        "(+visibility = 'public' OR "
        f"(+visibility = 'shared' AND +id IN ({shared}))) "
        f'AND {_region_of("owner")} IS {_region_of(":project_id")})) '
        'AND +seen_from <= :now'
    )


def _region_of(project_id: str) -> str:
    return f'(SELECT region FROM projects WHERE projects.id = {project_id})'  # noqa: S608


class _Statement:
    """The SQL of an :class:`ImageQuery`; every value is a parameter."""

    def __init__(self, query: ImageQuery, now: float) -> None:
        self._query = query
        self._parameters: dict[str, Any] = {
            'project_id': query.project_id,
            'member_status': query.member_status,
            'now': now,
        }
        self._where = [_visible(query.member_status)]
        self._where += [self._condition(each) for each in query.conditions]
        self._where += [self._tag(tag) for tag in query.tags]
        self._keys = [
            (self._sort_key(name), ascending) for name, ascending in query.sort
        ]
        last_ascends = query.sort[-1][1] if query.sort else False
        self._keys.append(('sequence', last_ascends))

    def sql(self) -> tuple[str, dict[str, Any]]:
        order = ', '.join(
            f'{key} {"ASC" if ascending else "DESC"}'
            for key, ascending in self._keys
        )
        limit = -1 if self._query.limit is None else self._query.limit
        return (
            f'WHERE {" AND ".join(self._where)} '
            f'ORDER BY {order} LIMIT {self._bind(limit)}',
            self._parameters,
        )

    def marker_values(self) -> tuple[str, dict[str, Any]]:
        keys = ', '.join(key for key, _ in self._keys)
        marker = self._bind(self._query.marker)
        return (
            f'SELECT {keys} FROM images WHERE id = {marker}',  # noqa: S608
            self._parameters,
        )

    def begin_after(self, values: Sequence[Any]) -> None:
        """Leave out the marker's image and all that sort before it."""
        alternatives = []
        equal: list[str] = []
        for (key, ascending), value in zip(self._keys, values, strict=True):
            mark = self._bind(value)
            operator = '>' if ascending else '<'
            if not equal:
                # Implied by the alternatives, but this one can use an index.
                self._where.append(f'{key} {operator}= {mark}')
            alternatives.append(
                ' AND '.join([*equal, f'{key} {operator} {mark}'])
            )
            equal.append(f'{key} = {mark}')
        self._where.append(f'({" OR ".join(alternatives)})')

    def _bind(self, value: Any) -> str:
        name = f'p{len(self._parameters)}'
        self._parameters[name] = value
        return f':{name}'

    def _expression(self, attribute: str) -> str:
        if attribute in COLUMNS:
            return attribute
        path = self._bind(f'$."{attribute}"')
        stored = f'json_extract(attributes, {path})'
        if attribute != '__imagetype':
            return stored
        # Who an image was shared with sees another type than its owner.
        return (
            f"CASE WHEN visibility = 'shared' AND owner != :project_id "
            f"THEN 'shared' ELSE {stored} END"
        )

    def _tag(self, tag: str) -> str:
        where = f'tag = {self._bind(tag)}'
        return f'id IN (SELECT image_id FROM image_tags WHERE {where})'  # noqa: S608

    def _sort_key(self, attribute: str) -> str:
        if attribute in COLUMNS and attribute != 'name':
            return attribute
        # Comparisons with NULL are never true, and would end the paging. As
        # NULL does elsewhere, -1 comes before all numbers and texts.
        return f'COALESCE({self._expression(attribute)}, -1)'

    def _condition(self, condition: Condition) -> str:
        if _UNQUOTABLE & set(condition.attribute):
            return '0'
        left = self._expression(condition.attribute)
        if condition.operator == 'in':
            # As one parameter, however many values there are.
            values = self._bind(json.dumps(list(condition.value)))
            return f'({left}) IN (SELECT value FROM json_each({values}))'  # noqa: S608
        operator = _SQL_OPERATORS[condition.operator]
        return f'({left}) {operator} {self._bind(condition.value)}'
