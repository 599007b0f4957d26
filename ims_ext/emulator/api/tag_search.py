# SPDX-License-Identifier: Apache-2.0
"""Searches for images by their tags."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from ims_ext.emulator.api import cloud_image_query
from ims_ext.emulator.api import creation
from ims_ext.emulator.api import rules
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Condition
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state.image import split_tag
from ims_ext.emulator.state.image_search import AnyTag
from ims_ext.emulator.state.image_search import NotAllTags
from ims_ext.emulator.state.image_search import TagCondition

#: Bounds of a search: keys, values of each, and their characters.
_MOST_KEYS = 10
_MOST_VALUES = 10
_KEY = 127
_VALUE = 255

#: How many images a page has without ``limit``, and at most.
_PAGE_SIZE = 10
_LARGEST_PAGE = 1000

_FIELDS = ('resource_name', 'resource_id')

#: Permitted values of each key; none stand for any value.
Tags = dict[str, list[str]]


def tag_objects(image: Image) -> list[dict[str, str]]:
    """Return an image's tags as the wire has them, key and value apart."""
    return [
        {'key': key, 'value': value}
        for key, value in map(split_tag, image.tags)
    ]


def view(image: Image) -> dict[str, Any]:
    """Return an image as a search answers it."""
    return {
        'resource_id': image.id,
        'resource_name': image.name,
        'resource_detail': {'status': image.status},
        'tags': tag_objects(image),
    }


class TagSearchApi:
    """Operation 18."""

    def __init__(self, service: Service) -> None:
        self.state = service.state

    @route('POST', '/v2/<project_id>/images/resource_instances/action')
    def images(self, request: Request, project_id: str) -> Answer:
        """Find or count images by their tags."""
        rules.own_project(request, project_id)
        body = rules.json_object(request)
        search = parse(body)
        if body.get('action') not in ('filter', 'count'):
            raise ImsError('IMG.0001', "action must be filter or count.")
        query = search.query(project_id)
        answer: dict[str, Any] = {
            'total_count': self.state.images.matching(query)
        }
        if body['action'] == 'filter':
            query.limit, query.offset = page(body)
            images = self.state.images.select(query)
            answer['resources'] = [view(image) for image in images]
        return answer


@dataclasses.dataclass
class Search:
    """The conditions of a search.

    :ivar tags: All of them must be there.
    :ivar tags_any: One of them must be there.
    :ivar not_tags: Not all of them may be there.
    :ivar not_tags_any: None of them may be there.
    :ivar untagged: Whether only images without tags are found.
    :ivar matches: The value of each field.
    """

    tags: Tags
    tags_any: Tags
    not_tags: Tags
    not_tags_any: Tags
    untagged: bool
    matches: dict[str, str]

    def query(self, project_id: str) -> ImageQuery:
        """Return the query for the images that are found."""
        # No reference restricts it to some images, so it finds what
        # operation 1 lists, in the same order.
        query = cloud_image_query.all_listed(project_id, {})
        if 'resource_id' in self.matches:
            query.conditions = [
                *query.conditions,
                Condition('id', 'eq', self.matches['resource_id']),
            ]
        # A part of the name is enough, unless the name has to be empty.
        query.name_part = self.matches.get('resource_name')
        if self.untagged:
            query.tags = [AnyTag([TagCondition()], holds=False)]
            return query
        query.tags = _keys(self.tags)
        if self.tags_any:
            query.tags.append(AnyTag(_keys(self.tags_any)))
        if self.not_tags:
            query.tags.append(NotAllTags(_keys(self.not_tags)))
        if self.not_tags_any:
            query.tags.append(AnyTag(_keys(self.not_tags_any), holds=False))
        return query


def _keys(tags: Tags) -> list[Any]:
    return [
        TagCondition(key=key, values=values) for key, values in tags.items()
    ]


def parse(body: Mapping[str, Any]) -> Search:
    """Return what a body asks for.

    :raises: IMG.0115 for tags that are not permitted, IMG.0001 for other
        values that are not.
    """
    untagged = rules.flag('without_any_tag', body.get('without_any_tag'))
    names = ('tags', 'tags_any', 'not_tags', 'not_tags_any')
    # Where there must be no tags, nobody looks at these.
    tags = {name: {} if untagged else _tags(body, name) for name in names}
    return Search(**tags, untagged=untagged, matches=_fields(body))


def page(body: Mapping[str, Any]) -> tuple[int, int]:
    """Return how many of the images found a body asks for, after how many.

    :raises: IMG.0001 for values that are not permitted.
    """
    size = rules.whole_number(
        'limit', body.get('limit', _PAGE_SIZE), 'IMG.0001'
    )
    if not 1 <= size <= _LARGEST_PAGE:
        raise ImsError('IMG.0001', "limit must be from 1 to 1000.")
    start = rules.whole_number('offset', body.get('offset', 0), 'IMG.0001')
    return size, start


def _tags(body: Mapping[str, Any], name: str) -> Tags:
    """Return the tags of one parameter."""
    if body.get(name) is None:
        return {}
    given = creation.objects(name, body[name])
    tags = {
        _text('key', each.get('key'), _KEY): _values(each.get('values') or [])
        for each in given
    }
    if not 0 < len(given) <= _MOST_KEYS or len(tags) < len(given):
        raise ImsError(
            'IMG.0115',
            f"{name} must have 1 to {_MOST_KEYS} keys, all of them unique.",
        )
    if '' in tags:
        raise ImsError('IMG.0115', "The key of a tag must not be empty.")
    return tags


def _values(given: Any) -> list[str]:
    if not isinstance(given, list):
        raise ImsError('IMG.0115', "The values of a tag must be a list.")
    values = [_text('values', value, _VALUE) for value in given]
    if len(values) > _MOST_VALUES or len(set(values)) < len(values):
        raise ImsError(
            'IMG.0115',
            f"A key has at most {_MOST_VALUES} values, all of them unique.",
        )
    return values


def _fields(body: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that images have to match."""
    if body.get('matches') is None:
        return {}
    given = creation.objects('matches', body['matches'])
    fields = {
        rules.text('key', each.get('key')): _text(
            'value', each.get('value'), _VALUE, 'IMG.0001'
        )
        for each in given
    }
    if not given or len(fields) < len(given) or fields.keys() - {*_FIELDS}:
        raise ImsError(
            'IMG.0001',
            f"The keys of matches are {' and '.join(_FIELDS)}, each once.",
        )
    return fields


def _text(name: str, value: Any, longest: int, code: str = 'IMG.0115') -> str:
    words = rules.text(name, value, code)
    if len(words) > longest:
        raise ImsError(code, f"{name} has at most {longest} characters.")
    return words
