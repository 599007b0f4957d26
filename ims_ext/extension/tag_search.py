# SPDX-License-Identifier: Apache-2.0
"""Images found and counted by their tags."""

from collections.abc import Generator, Iterable, Mapping
from typing import Any, Self, TypedDict, Unpack

from keystoneauth1 import adapter
from openstack import format as sdk_format

from ims_ext import exceptions
from ims_ext import lazy
from ims_ext import page_end
from ims_ext import paging
from ims_ext import proxy
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import tag_rules
from ims_ext.transport import decode

#: Images on a page of a search; 10 by default, 1,000 at most.
_PAGE_SIZES = range(1, 1000 + 1)
_PAGE_SIZE = min(paging.PAGE_SIZE, _PAGE_SIZES[-1])

#: What images are searched by beside tags, under either name.
_MATCHES = {
    'name': 'resource_name',
    'id': 'resource_id',
    'resource_name': 'resource_name',
    'resource_id': 'resource_id',
}

_TAG_PARAMETERS = ('tags', 'tags_any', 'not_tags', 'not_tags_any')

_SEARCHING = "Cannot search images by tags"


class _TagList(sdk_format.Formatter[list[tag_rules.Tag]]):
    """Tags that travel as objects with key and value."""

    @classmethod
    def deserialize(cls, value: Any) -> list[tag_rules.Tag]:
        items = value if isinstance(value, list) else []
        return [
            tag_rules.read_object(item)
            for item in items
            if isinstance(item, Mapping)
        ]


class TaggedImage(resource.Resource):
    """An image that was found by its tags.

    Operation 18: ``POST /v2/{project_id}/images/resource_instances/action``.
    It can be given wherever a method of ``conn.ims`` takes an image.
    """

    base_path = '/v2/%(project_id)s/images/resource_instances/action'
    # The answer calls them "resources". They are images all the same, and by
    # this name whatever takes an image knows one.
    resources_key = 'images'

    allow_fetch = True

    id: str = resource.Body('resource_id', alternate_id=True)
    """The image's ID."""
    name: str = resource.Body('resource_name')
    """The image's name."""
    resource_detail: Any = resource.Body('resource_detail')
    """What else the search tells: ``status``. *Type: dict*"""
    tags: list[tag_rules.Tag] | None = resource.Body('tags', type=_TagList)
    """The image's tags. *Type: list of* :class:`~ims_ext.extension.tag.Tag`"""

    @property
    def status(self) -> str | None:
        """``queued``, ``saving``, ``active``, ``killed`` or ``deleted``."""
        detail = self.resource_detail
        return detail.get('status') if isinstance(detail, Mapping) else None

    @property
    def tag_map(self) -> dict[str, str]:
        """The image's tags as a mapping of keys to values."""
        return dict(self.tags or ())

    def fetch(
        self, session: adapter.Adapter, *args: Any, **kwargs: Any
    ) -> Self:
        """Get the image as it is now, by operation 1.

        :param session: ``conn.ims``.
        :param args: As for :meth:`openstack.resource.Resource.fetch`.
        :param kwargs: Likewise.
        :returns: The same resource, changed.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is no such image any more.
        """
        ims: Any = session
        image = ims.get_cloud_image(self)
        detail = self.resource_detail
        known = detail if isinstance(detail, Mapping) else {}
        current = type(self).existing(
            resource_id=image.id,
            resource_name=image.name,
            resource_detail={**known, 'status': image.status},
            tags=[
                {'key': key, 'value': value}
                for key, value in image.tag_map.items()
            ],
        )
        sdk.take_over(self, current)
        return self


class TagSearch(TypedDict, total=False):
    """The conditions of a search by tags, all of which have to hold.

    Tags are a mapping of keys to a value, to several of which one will do,
    or to ``None`` for any value; or a list of
    :class:`~ims_ext.extension.tag.Tag`, of
    :class:`~ims_ext.extension.tag.TagValues`, or of keys.
    """

    #: Images that have all of these tags.
    tags: tag_rules.SearchTags | None
    #: Images that have one of these tags.
    tags_any: tag_rules.SearchTags | None
    #: Not the images that have all of these tags.
    not_tags: tag_rules.SearchTags | None
    #: Not the images that have one of these tags.
    not_tags_any: tag_rules.SearchTags | None
    #: ``True`` for images without tags; excludes the ones above, which the
    #: service would not look at.
    without_any_tag: bool | None
    #: ``name``, a part of the name, or empty for images without one; ``id``,
    #: the whole ID.
    matches: Mapping[str, str] | None


class TagSearchMixin(proxy.Proxy):
    """``conn.ims``: images found by their tags."""

    def images_by_tags(
        self,
        *,
        limit: int | None = None,
        offset: int | None = None,
        **search: Unpack[TagSearch],
    ) -> Generator[TaggedImage, None, None]:
        """Find images by their tags (operation 18, ``filter``).

        ``POST /v2/{project_id}/images/resource_instances/action``. A search
        has at most 10 keys a parameter and 10 values a key, and is refused
        beyond: in parts it would mean something else.

        :param limit: Images on a page, 1 to 1,000, 1,000 by default.
        :param offset: How many of the images to leave out at the beginning.
        :param search: What the images are found by, as in
            :class:`TagSearch`: ``tags``, ``tags_any``, ``not_tags``,
            ``not_tags_any``, ``without_any_tag``, ``matches``.
        :returns: A generator of :class:`TaggedImage`, every image once.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a search
            that is not permitted.
        :raises: :class:`~ims_ext.exceptions.PagingError` for a page that is
            the same as the one before.
        """
        conditions = _conditions(search)
        size = validation.check_number('limit', limit or _PAGE_SIZE, 'images')
        if size not in _PAGE_SIZES:
            raise exceptions.ValidationError(
                f"limit is {size}; {_PAGE_SIZES[0]} to {_PAGE_SIZES[-1]} are "
                f"allowed"
            )
        start = validation.check_number('offset', offset or 0, 'images')
        delivery = page_end.Delivery(
            self, size, "images by tags", is_own=not limit
        )
        return self._tagged_images(conditions, delivery, start)

    def _tagged_images(
        self,
        search: dict[str, Any],
        delivery: page_end.Delivery,
        offset: int,
    ) -> Generator[TaggedImage, None, None]:
        yielded: set[str] = set()
        for image in paging.walk(
            lambda: self._tagged_page(search, delivery, offset, [])
        ):
            if not isinstance(image.id, str):
                raise exceptions.InvalidAnswerError(
                    f"{_SEARCHING}: the response has an image without ID"
                )
            # One that was made meanwhile has moved the others on.
            if image.id not in yielded:
                yielded.add(image.id)
                yield image

    def _tagged_page(
        self,
        search: dict[str, Any],
        delivery: page_end.Delivery,
        offset: int,
        previous: list[dict[str, Any]],
    ) -> paging.Page[TaggedImage]:
        def fetch(size: int, **options: Any) -> tuple[Any, list[Any]]:
            # The reference has strings for both numbers.
            page = {'limit': str(size), 'offset': str(offset)}
            response = self._search_images(
                'filter', {**page, **search}, **options
            )
            found = decode.read_list(response, _SEARCHING, 'resources')
            return response.json(), found

        body, found = delivery.fetch(fetch)
        is_guess = bool(previous) and page_end.is_short(
            len(previous), delivery.size
        )
        if is_guess and found == previous and page_end.total(body) is None:
            # The cloud has one page, whatever it is asked for.
            return paging.Page((), None)
        paging.check_progress(found, previous)
        following = offset + len(found)
        total = page_end.total(body)
        is_last = (
            page_end.is_last(
                len(found),
                delivery.size,
                taken=following,
                has_been_full=len(previous) >= delivery.size,
            )
            if total is None
            else following >= total
        )
        builder = lazy.Builder(TaggedImage, self._get_connection())
        return paging.Page(
            map(builder.defer, found),
            None
            if is_last or not found
            else lambda: self._tagged_page(search, delivery, following, found),
        )

    def count_images_by_tags(self, **search: Unpack[TagSearch]) -> int:
        """Count images by their tags (operation 18, ``count``).

        ``POST /v2/{project_id}/images/resource_instances/action``

        :param search: As for :meth:`images_by_tags`.
        :returns: How many images there are.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a search
            that is not permitted.
        """
        conditions = _conditions(search)
        response = self._search_images('count', conditions)
        total = resource.FlexibleInt.deserialize(
            decode.read(response, _SEARCHING, 'total_count')
        )
        if total is None:
            raise exceptions.InvalidAnswerError(
                f"{_SEARCHING}: the cloud's total_count is no number"
            )
        return total

    def _search_images(
        self, action: str, search: dict[str, Any], **options: Any
    ) -> Any:
        project_id = self.get_project_id()
        return self.post(
            TaggedImage.base_path % {'project_id': project_id},
            json={'action': action, **search},
            repeatable=True,
            **options,
        )


def _conditions(search: TagSearch) -> dict[str, Any]:
    """Return the conditions of a search as they travel."""
    validation.check_known('parameter', search, TagSearch.__annotations__)
    given: dict[str, Any] = {
        name: value for name, value in search.items() if value is not None
    }
    tags = [name for name in _TAG_PARAMETERS if name in given]
    conditions: dict[str, Any] = {
        name: tag_rules.check_search(name, given[name]) for name in tags
    }
    if 'without_any_tag' in given:
        without = validation.check_flag(
            'without_any_tag', given['without_any_tag']
        )
        if without and tags:
            raise exceptions.ValidationError(
                f"Images without tags cannot have tags: use either "
                f"without_any_tag or {', '.join(tags)}"
            )
        conditions['without_any_tag'] = without
    if 'matches' in given:
        conditions['matches'] = list(_wire_matches(given['matches']))
    return conditions


def _wire_matches(matches: Any) -> Iterable[dict[str, str]]:
    validation.check_mapping('matches', matches)
    validation.check_known('field', matches, _MATCHES)
    fields = [_MATCHES[name] for name in matches]
    if not fields or len(set(fields)) < len(fields):
        raise exceptions.ValidationError(
            "matches has to name a field, and each only once"
        )
    for field, value in zip(fields, matches.values(), strict=True):
        if (
            not isinstance(value, str)
            or len(value) > tag_rules.LONGEST_OLD_VALUE
        ):
            raise exceptions.ValidationError(
                f"{field} is {value!r}; up to "
                f"{tag_rules.LONGEST_OLD_VALUE} characters are allowed"
            )
        yield {'key': field, 'value': value}
