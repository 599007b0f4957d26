# SPDX-License-Identifier: Apache-2.0
"""Queries for images as SQL that stays quick with very many of them.

SQLite does not know how many images a condition leaves. So it is found out
first: few are collected by the condition's index, and sorted; many are walked
through in the order asked for, until there are enough.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import json
from typing import Any, Literal, NamedTuple

from ims_ext.emulator.state.database import Database

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

#: Images that are rather collected and sorted than walked to.
_FEW = 4096

#: What SQLite's JSON paths cannot hold; an attribute with one of these in its
#: name is kept, but not found by its value.
_UNQUOTABLE = frozenset('"\\\0')

_IMAGE_TYPE = '__imagetype'

#: Visibilities to everybody, as SQL: in lists, and in those that ask for it.
_OPEN = "'public'"
_COMMUNITY = "'community'"


def _stored(attribute: str) -> str:
    return f"json_extract(attributes, '$.\"{attribute}\"')"


def _sortable(expression: str) -> str:
    # Comparisons with NULL are never true, and would end the paging. As
    # NULL does elsewhere, -1 comes before all numbers and texts.
    return f'COALESCE({expression}, -1)'


#: What images are sorted by, and found by, without looking at all of them.
#: A statement uses an index only if it says the very same expression.
_SORT_KEYS: Mapping[str, str] = {
    **{name: name for name in COLUMNS},
    'name': _sortable('name'),
    **{
        name: _sortable(_stored(name))
        for name in ('size', 'disk_format', 'container_format')
    },
}
_FOUND_BY: Mapping[str, str] = {
    **{name: name for name in COLUMNS},
    _IMAGE_TYPE: _stored(_IMAGE_TYPE),
}

#: Goes from each tag to the next one, past all images that have it.
_EACH_TAG = (
    'SELECT min(tag) FROM image_tags UNION ALL '
    'SELECT (SELECT min(tag) FROM image_tags WHERE tag > used.tag) '
    'FROM used WHERE used.tag IS NOT NULL'
)

INDEXES = (
    *(
        f'CREATE INDEX images_by_{name} ON images ({key}, sequence)'
        for name, key in _SORT_KEYS.items()
        if name not in ('id', 'owner', 'visibility')
    ),
    'CREATE INDEX images_owner ON images (owner)',
    'CREATE INDEX images_name ON images (name)',
    'CREATE INDEX images_visibility ON images (visibility)',
    f'CREATE INDEX images_type ON images ({_FOUND_BY[_IMAGE_TYPE]})',
)


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


@dataclasses.dataclass(frozen=True)
class TagCondition:
    """A condition on an image's tags.

    :ivar tags: Tags of which one must be there; none for any at all.
    :ivar key: What the tag's key must be, instead.
    :ivar values: What the value of that key may be; none for any value.
    """

    tags: Sequence[str] = ()
    key: str | None = None
    values: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class AnyTag:
    """Tag conditions of which one must hold, or none.

    :ivar conditions: The conditions.
    :ivar holds: Whether one of them must hold; otherwise none may.
    """

    conditions: Sequence[TagCondition]
    holds: bool = True


@dataclasses.dataclass(frozen=True)
class NotAllTags:
    """Tag conditions that must not all hold.

    :ivar conditions: The conditions.
    """

    conditions: Sequence[TagCondition]


@dataclasses.dataclass
class ImageQuery:
    """Which images to list, as whom, and in which order.

    :ivar project_id: Who asks. Listed are the project's own images, public
        ones, and those shared with it.
    :ivar member_status: Which answer the project must have given for images
        shared with it: ``accepted``, ``pending``, ``rejected`` or ``all``.
    :ivar conditions: All must hold.
    :ivar tags: All must hold: a tag, or a condition.
    :ivar name_part: What the name must contain, in any case; ``''`` for no
        name at all, ``None`` for any.
    :ivar sort: Attributes and whether they ascend; creation decides between
        equals.
    :ivar marker: The ID of the last image of the page before.
    :ivar limit: How many images at most; ``None`` for all.
    :ivar offset: How many images to leave out before.
    :ivar with_community: Whether community images are listed too.
    :ivar is_admin: Whether all images are, whoever has them.
    """

    project_id: str
    member_status: str = 'accepted'
    conditions: Sequence[Condition] = ()
    tags: Sequence[str | TagCondition | AnyTag | NotAllTags] = ()
    name_part: str | None = None
    sort: Sequence[tuple[str, bool]] = (('created_at', False),)
    marker: str | None = None
    limit: int | None = None
    offset: int = 0
    with_community: bool = False
    is_admin: bool = False


class Term(NamedTuple):
    """A part of a ``WHERE``, in the two ways that it may be used in.

    :ivar walked: Tells of an image that was come to whether it is meant.
    :ivar collected: Finds the images by an index; empty where none helps.
    :ivar probe: A query for a row each image that it leaves, or more.
    """

    walked: str
    collected: str = ''
    probe: str = ''


def visible(member_status: str) -> str:
    """Return the SQL for "the project may see it".

    Public and shared images are seen in their own region only.
    """
    return _visible(member_status, '+', f'{_OPEN}, {_COMMUNITY}')


def _visible(member_status: str, sign: str, to_all: str) -> str:
    # A sign keeps SQLite from using the column's index.
    return (
        f'({sign}owner = :project_id OR ('
        f'({sign}visibility IN ({to_all}) OR '
        f"({sign}visibility = 'shared' AND "
        f'{sign}id IN ({_shared(member_status)}))) '
        f'AND {_region_of("owner")} IS {_region_of(":project_id")})) '
        'AND +seen_from <= :now'
    )


def _shared(member_status: str) -> str:
    mine = 'member_id = :project_id'
    if member_status != 'all':
        mine += ' AND status = :member_status'
    return f'SELECT image_id FROM members WHERE {mine}'  # noqa: S608


def _region_of(project_id: str) -> str:
    return f'(SELECT region FROM projects WHERE projects.id = {project_id})'  # noqa: S608


class Statement:
    """The SQL of an :class:`ImageQuery`; every value is a parameter.

    :param query: The query.
    :param now: The time, in seconds since 1970.
    """

    def __init__(self, query: ImageQuery, now: float) -> None:
        self._query = query
        self._parameters: dict[str, Any] = {
            'project_id': query.project_id,
            'member_status': query.member_status,
            'now': now,
        }
        self._terms = [self._seen()]
        self._terms += [self._condition(each) for each in query.conditions]
        self._terms += [self._tag(each) for each in query.tags]
        if query.name_part is not None:
            self._terms.append(self._name_part(query.name_part))
        self._keys = [
            (self._sort_key(name), ascending) for name, ascending in query.sort
        ]
        last_ascends = query.sort[-1][1] if query.sort else False
        self._keys.append(('sequence', last_ascends))
        self._after: list[str] = []
        self._is_planned = False

    def plan(self, database: Database) -> None:
        """Find out by which condition to collect the images, if by any.

        :param database: Where they are.
        """
        fewest, best = _FEW, None
        for number, term in enumerate(self._terms):
            if not term.probe:
                continue
            rows = database.execute(
                f'SELECT count(*) FROM ({term.probe} LIMIT {_FEW})',  # noqa: S608
                self._parameters,
            )
            if rows[0][0] < fewest:
                fewest, best = rows[0][0], number
        if best is not None:
            self._terms[best] = Term(self._terms[best].collected)
            self._is_planned = True

    def where(self) -> tuple[str, dict[str, Any]]:
        """Return the condition that all images asked for meet."""
        found = [term.walked for term in self._terms]
        return ' AND '.join([*found, *self._after]), self._parameters

    def page(self) -> tuple[str, dict[str, Any]]:
        """Return the statement's rest for the images, from ``WHERE`` on."""
        order = ', '.join(
            f'{key} {"ASC" if ascending else "DESC"}'
            for key, ascending in self._keys
        )
        limit = -1 if self._query.limit is None else self._query.limit
        # What is sorted are numbers, not images with all they have.
        inner = (
            f'SELECT sequence FROM images WHERE {self.where()[0]} '  # noqa: S608
            f'ORDER BY {order} LIMIT {self._bind(limit)} '
            f'OFFSET {self._bind(self._query.offset)}'
        )
        return (
            f'WHERE sequence IN ({inner}) ORDER BY {order}',
            self._parameters,
        )

    def count(self) -> tuple[str, dict[str, Any]]:
        """Return the statement that counts the images, on all pages."""
        where, parameters = self.where()
        return f'SELECT count(*) FROM images WHERE {where}', parameters  # noqa: S608

    def used_tags(self) -> tuple[str, dict[str, Any]]:
        """Return the statement that gives the tags of the images, sorted."""
        where, parameters = self.where()
        if self._is_planned:
            sql = (
                'SELECT DISTINCT tag FROM images CROSS JOIN image_tags '  # noqa: S608
                f'ON image_id = images.id WHERE {where} ORDER BY tag'
            )
        else:
            # Of each tag, one image is enough.
            sql = (
                f'WITH RECURSIVE used (tag) AS ({_EACH_TAG}) '  # noqa: S608
                'SELECT tag FROM used WHERE tag IS NOT NULL AND EXISTS ('
                'SELECT 1 FROM image_tags CROSS JOIN images '
                'ON images.id = image_id '
                f'WHERE image_tags.tag = used.tag AND {where})'
            )
        limit = -1 if self._query.limit is None else self._query.limit
        return (
            f'{sql} LIMIT {self._bind(limit)} '
            f'OFFSET {self._bind(self._query.offset)}',
            parameters,
        )

    def marker_values(self) -> tuple[str, dict[str, Any]]:
        """Return the statement that gives the marker's sort keys."""
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
                self._after.append(f'{key} {operator}= {mark}')
            alternatives.append(
                ' AND '.join([*equal, f'{key} {operator} {mark}'])
            )
            equal.append(f'{key} = {mark}')
        self._after.append(f'({" OR ".join(alternatives)})')

    def _bind(self, value: Any) -> str:
        name = f'p{len(self._parameters)}'
        self._parameters[name] = value
        return f':{name}'

    def _bind_all(self, values: Sequence[Any]) -> str:
        """Return a list of values for ``IN``, as one parameter."""
        bound = self._bind(json.dumps(list(values)))
        return f'(SELECT value FROM json_each({bound}))'  # noqa: S608

    # ====== TERMS ======

    def _seen(self) -> Term:
        status = self._query.member_status
        shared = _shared(status)
        if self._query.is_admin:
            return Term('+seen_from <= :now')
        to_all = _OPEN
        if self._query.with_community:
            to_all = f'{_OPEN}, {_COMMUNITY}'
        return Term(
            _visible(status, '+', to_all),
            _visible(status, '', to_all),
            'SELECT 1 FROM images WHERE owner = :project_id '  # noqa: S608
            'UNION ALL SELECT 1 FROM images '
            f'WHERE visibility IN ({to_all}) '
            f'UNION ALL SELECT 1 FROM ({shared})',
        )

    def _condition(self, condition: Condition) -> Term:
        attribute, operator = condition.attribute, condition.operator
        value = condition.value
        if _UNQUOTABLE & set(attribute):
            return Term('0')
        if attribute == _IMAGE_TYPE:
            if operator == 'eq' and value != 'shared':
                return self._image_type(value)
            left = self._image_type_seen()
        else:
            left = self._expression(attribute)
        if operator == 'in':
            values = [each for each in value if each is not None]
            right = f'IN {self._bind_all(values)}'
            if len(values) < len(value):
                return Term(f'(+({left}) {right} OR {left} IS NULL)')
        else:
            right = f'{_SQL_OPERATORS[operator]} {self._bind(value)}'
        walked = f'+({left}) {right}'
        if attribute not in _FOUND_BY or operator == 'neq':
            return Term(walked)
        return Term(
            walked,
            f'{left} {right}',
            f'SELECT 1 FROM images WHERE {left} {right}',  # noqa: S608
        )

    def _image_type(self, value: Any) -> Term:
        """Return the term for a type that an image is stored with."""
        found = f'{_FOUND_BY[_IMAGE_TYPE]} IS {self._bind(value)}'
        # Who an image was shared with sees another type than its owner.
        seen = "NOT (+visibility = 'shared' AND +owner != :project_id)"
        return Term(
            f'{seen} AND +{found}',
            f'{seen} AND {found}',
            f'SELECT 1 FROM images WHERE {found}',  # noqa: S608
        )

    def _image_type_seen(self) -> str:
        return (
            "CASE WHEN visibility = 'shared' AND owner != :project_id "
            f"THEN 'shared' ELSE {_FOUND_BY[_IMAGE_TYPE]} END"
        )

    def _expression(self, attribute: str) -> str:
        if attribute in COLUMNS:
            return attribute
        path = self._bind(f'$."{attribute}"')
        return f'json_extract(attributes, {path})'

    def _sort_key(self, attribute: str) -> str:
        key = _SORT_KEYS.get(attribute)
        return key or _sortable(self._expression(attribute))

    def _name_part(self, part: str) -> Term:
        if not part:
            return Term("COALESCE(name, '') = ''")
        lower = self._bind(part.lower())
        return Term(f"instr(lower_case(COALESCE(name, '')), {lower})")

    def _tag(self, tag: str | TagCondition | AnyTag | NotAllTags) -> Term:
        if isinstance(tag, str):
            tag = TagCondition([tag])
        if isinstance(tag, TagCondition):
            return self._one_tag(tag)
        terms = [self._one_tag(each) for each in tag.conditions]
        if isinstance(tag, NotAllTags):
            every = ' AND '.join(term.walked for term in terms)
            return Term(f'NOT ({every})')
        some = f'({" OR ".join(term.walked for term in terms)})'
        if not tag.holds:
            return Term(f'NOT {some}')
        return Term(
            some,
            f'({" OR ".join(term.collected for term in terms)})',
            ' UNION ALL '.join(term.probe for term in terms),
        )

    def _one_tag(self, condition: TagCondition) -> Term:
        if condition.key is not None:
            wanted = f'key = {self._bind(condition.key)}'
            if condition.values:
                wanted += f' AND value IN {self._bind_all(condition.values)}'
        elif len(condition.tags) == 1:
            wanted = f'tag = {self._bind(condition.tags[0])}'
        elif condition.tags:
            wanted = f'tag IN {self._bind_all(condition.tags)}'
        else:
            wanted = 'TRUE'
        one = 'SELECT 1 FROM image_tags WHERE'
        return Term(
            f'EXISTS ({one} image_id = images.id AND {wanted})',
            f'id IN (SELECT image_id FROM image_tags WHERE {wanted})',  # noqa: S608
            f'{one} {wanted}',
        )
