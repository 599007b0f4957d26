# SPDX-License-Identifier: Apache-2.0
"""Tags of images: setting, removing and listing them."""

from collections.abc import Generator
from typing import Any, Unpack
import urllib.parse

from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext import page_end
from ims_ext import paging
from ims_ext import proxy
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import image_filter
from ims_ext.extension import query as _query
from ims_ext.extension.tag_rules import OldTags
from ims_ext.extension.tag_rules import Tag
from ims_ext.extension.tag_rules import Tags
from ims_ext.extension.tag_rules import TagValues
from ims_ext.extension.tag_rules import check_old_tags
from ims_ext.extension.tag_rules import check_tag
from ims_ext.extension.tag_rules import check_tags
from ims_ext.extension.tag_rules import read_object
from ims_ext.extension.tag_rules import read_tag
from ims_ext.extension.tag_rules import read_values
from ims_ext.extension.tag_rules import wire_object
from ims_ext.extension.tag_rules import wire_objects
from ims_ext.extension.tag_rules import wire_strings
from ims_ext.transport import decode

__all__ = [
    'Tag',
    'TagMixin',
    'TagValues',
    'Tags',
    'check_tags',
    'read_tag',
    'wire_objects',
    'wire_strings',
]

#: Operations 16 and 17.
_TAGS = '/v1/cloudimages/tags'
#: Operations 20 to 22; 19 is below it.
_IMAGE_TAGS = '/v2/%(project_id)s/images/%(image_id)s/tags'
#: Operation 23.
_PROJECT_TAGS = '/v2/%(project_id)s/images/tags'
#: Operation 30.
_OLD_TAGS = '/v1/%(project_id)s/cloudimages/%(image_id)s/tags/delete'

#: Statuses with which a cloud refuses an operation that it does not have.
_NO_OPERATION = (403, 404, 405)


class TagMixin(proxy.Proxy):
    """``conn.ims``: tags that are keys with values.

    Glance's own tags, plain words, are at ``add_tag`` and ``remove_tag``.
    """

    # ====== TAGS OF ONE IMAGE ======

    def set_image_tag(
        self,
        image: _cloud_image.AnyImage,
        key: str | None = None,
        value: str = '',
        *,
        tag: str | None = None,
    ) -> None:
        """Add a tag to an image or change its value (operation 16).

        ``PUT /v1/cloudimages/tags``

        :param image: The image or its ID.
        :param key: 1 to 36 characters.
        :param value: Up to 43 characters.
        :param tag: The tag as ``key.value``, instead of key and value. What
            comes after the first "." is the value.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a key or
            value that is not permitted.
        """
        if (tag is None) == (key is None):
            raise exceptions.ValidationError(
                "A tag is given either as key and value, or as tag="
            )
        body: dict[str, Any] = {'image_id': _cloud_image.image_id(image)}
        if tag is not None:
            check_tag(*tag.partition('.')[::2])
            body['tag'] = tag
        else:
            body['image_tag'] = wire_object(*check_tag(key, value))
        exceptions.raise_from_response(
            self.put(_TAGS, json=body), "Cannot set the tag"
        )

    def add_image_tag(
        self, image: _cloud_image.AnyImage, key: str, value: str = ''
    ) -> None:
        """Add a tag to an image or change its value (operation 20).

        ``POST /v2/{project_id}/images/{image_id}/tags``

        :param image: The image or its ID.
        :param key: 1 to 36 characters.
        :param value: Up to 43 characters.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a key or
            value that is not permitted.
        """
        body = {'tag': wire_object(*check_tag(key, value))}
        exceptions.raise_from_response(
            self.post(
                self._tags_path(_IMAGE_TAGS, image),
                json=body,
                repeatable=True,
            ),
            "Cannot add the tag",
        )

    def create_image_tags(
        self, image: _cloud_image.AnyImage, tags: Tags
    ) -> None:
        """Add tags to an image or change their values (operation 19).

        ``POST /v2/{project_id}/images/{image_id}/tags/action``, ``create``.
        Sends nothing where there are no tags. More than 10 are refused: no
        image can have them.

        :param image: The image or its ID.
        :param tags: A mapping of keys to values, or a list of :class:`Tag`.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for tags that
            are not permitted.
        """
        found = wire_objects(check_tags(tags))
        if found:
            self._change_tags(image, 'create', found)

    def delete_image_tags(
        self, image: _cloud_image.AnyImage, tags: OldTags
    ) -> None:
        """Remove tags from an image (operation 19, or 30).

        ``POST /v2/{project_id}/images/{image_id}/tags/action``, ``delete``;
        where a cloud does not have that, ``DELETE
        /v1/{project_id}/cloudimages/{image_id}/tags/delete`` (H). Tags that
        the image does not have are no error. Sends nothing where there are
        no tags.

        :param image: The image or its ID.
        :param tags: Keys, of up to 127 characters of any kind; or tags, as
            for :meth:`create_image_tags`, whose values of up to 255
            characters the service does not look at.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what is
            longer, and a key given twice.
        """
        found = check_old_tags(tags)
        if not found:
            return
        try:
            self._change_tags(image, 'delete', found)
        except exceptions.CloudImageHttpError as error:
            if not _is_unknown_operation(error):
                raise
            response = self.delete(
                self._tags_path(_OLD_TAGS, image), json={'tags': found}
            )
            try:
                exceptions.raise_from_response(
                    response, "Cannot remove the tags"
                )
            except exceptions.CloudImageHttpError as other:
                if _is_unknown_operation(other):
                    raise error from None
                raise

    def _change_tags(
        self,
        image: _cloud_image.AnyImage,
        action: str,
        tags: list[dict[str, str]],
    ) -> None:
        path = f'{self._tags_path(_IMAGE_TAGS, image)}/action'
        exceptions.raise_from_response(
            self.post(
                path,
                json={'action': action, 'tags': tags},
                repeatable=True,
            ),
            f"Cannot {action} the tags",
        )

    def delete_image_tag(
        self,
        image: _cloud_image.AnyImage,
        key: str,
        ignore_missing: bool = True,
    ) -> None:
        """Remove a tag from an image (operation 21).

        ``DELETE /v2/{project_id}/images/{image_id}/tags/{key}``

        :param image: The image or its ID.
        :param key: The tag's key: any characters, however many.
        :param ignore_missing: Whether a tag that the image does not have is
            no error. That there is such an image is looked up then.
        :raises: :class:`~openstack.exceptions.NotFoundException` where the
            image has no such tag and ``ignore_missing`` is ``False``.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a key that
            is missing, or cannot be part of a path.
        """
        if not isinstance(key, str) or not key.strip():
            raise exceptions.ValidationError("A tag's key is missing")
        if key in ('.', '..'):
            raise exceptions.ValidationError(
                f"The key {key!r} cannot be part of a path; use "
                f"delete_image_tags"
            )
        path = f'{self._tags_path(_IMAGE_TAGS, image)}/' + urllib.parse.quote(
            key, safe='', errors='surrogatepass'
        )
        try:
            exceptions.raise_from_response(
                self.delete(path), f"Cannot remove the tag {key!r}"
            )
        except sdk_exceptions.NotFoundException:
            # It is the tag, the image or the operation that is not there.
            if not ignore_missing or key in dict(self.image_tags(image)):
                raise

    def image_tags(self, image: _cloud_image.AnyImage) -> list[Tag]:
        """Return an image's tags (operation 22).

        ``GET /v2/{project_id}/images/{image_id}/tags``

        :param image: The image or its ID.
        :returns: A list of :class:`Tag`.
        """
        found = decode.read_list(
            self.get(self._tags_path(_IMAGE_TAGS, image)),
            "Cannot look up the image's tags",
            'tags',
        )
        return [read_object(item) for item in found]

    # ====== TAGS OF MANY IMAGES ======

    def project_tags(self) -> list[TagValues]:
        """Return all tags of the project's images (operation 23).

        ``GET /v2/{project_id}/images/tags``

        :returns: A list of :class:`TagValues`, one for each key; ``dict()``
            makes a mapping of keys to values of it.
        """
        found = decode.read_list(
            self.get(self._tags_path(_PROJECT_TAGS)),
            "Cannot look up the project's tags",
            'tags',
        )
        return [read_values(item) for item in found]

    def tags(
        self, **query: Unpack[_query.TagFilters]
    ) -> Generator[Tag, None, None]:
        """List the tags of the images that filters find (operation 17).

        ``GET /v1/cloudimages/tags``

        :param query: Filters for the images, as for ``cloud_images``;
            ``limit`` is the number of tags on a page, 1,000 by default,
            and ``page`` the page to begin with, the first being 1.
        :returns: A generator of :class:`Tag`, every tag once, whichever
            separator the cloud writes it with.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a filter
            that does not exist.
        :raises: :class:`~ims_ext.exceptions.PagingError` for a page that is
            the same as the one before.
        """
        page = query.pop('page', None)
        first = (
            1
            if page is None
            else validation.check_number('page', page, 'pages')
        )
        wanted = image_filter.read(_cloud_image.CloudImage, query)
        if wanted.conditions or wanted.is_native:
            raise exceptions.ValidationError(
                "The service cannot list tags by images' own properties, by "
                "several times, or of hidden images"
            )
        filters = sdk.wire_query(_cloud_image.CloudImage, wanted.wire)
        pages = _TagPages(self, filters, first, wanted.has_own_limit)
        return pages.tags()

    def _tags_path(
        self, path: str, image: _cloud_image.AnyImage | None = None
    ) -> str:
        return path % {
            'project_id': self.get_project_id(),
            'image_id': _image_id(image),
        }


def _image_id(image: _cloud_image.AnyImage | None) -> Any:
    return None if image is None else _cloud_image.image_id(image)


def _is_unknown_operation(error: exceptions.CloudImageHttpError) -> bool:
    """Tell a cloud without the operation from one that refuses the tags."""
    return error.status_code in _NO_OPERATION and not str(
        error.code
    ).startswith('IMG.')


class _TagPages:
    """The pages of a list of tags, which have numbers.

    :param ims: ``conn.ims``.
    :param filters: Of the images, and the size of a page.
    :param first: The number of the page to begin with.
    :param has_own_limit: Whether the caller has chosen the size.
    """

    def __init__(
        self,
        ims: Any,
        filters: dict[str, Any],
        first: int,
        has_own_limit: bool,
    ) -> None:
        self._ims = ims
        self._filters = filters
        self._number = first
        self._previous: list[str] = []
        self._taken = 0
        self._is_guess = False
        self._has_been_full = False
        self._delivery = page_end.Delivery(
            ims, int(filters['limit']), _TAGS, is_own=not has_own_limit
        )
        #: The size that the number counts pages of.
        self._size = self._delivery.size

    def tags(self) -> Generator[Tag, None, None]:
        """Give every tag once."""
        yielded: set[Tag] = set()
        for tag in paging.walk(self._page):
            if tag not in yielded:
                yielded.add(tag)
                yield tag

    def _page(self) -> paging.Page[Tag]:
        try:
            body, found = self._delivery.fetch(self._fetch)
        except exceptions.CloudImageHttpError as error:
            if self._is_guess and error.status_code in page_end.REFUSALS:
                # There is no page of that number.
                return paging.Page((), None)
            raise
        if self._is_guess and found == self._previous:
            # The cloud has one page, whatever it is asked for.
            return paging.Page((), None)
        paging.check_progress(found, self._previous)
        self._previous = found
        self._taken += len(found)
        self._number += 1
        self._has_been_full |= len(found) >= self._size
        is_last = page_end.is_last(
            len(found),
            self._size,
            taken=self._taken,
            body=body,
            has_been_full=self._has_been_full,
        )
        self._is_guess = page_end.is_short(len(found), self._size)
        return paging.Page(
            map(read_tag, found), None if is_last else self._page
        )

    def _fetch(self, size: int, **options: Any) -> tuple[Any, list[str]]:
        if size != self._size:
            # The page that begins no later than the one that could not be
            # had: tags that come again are left out.
            self._number = (self._number - 1) * self._size // size + 1
            self._size = size
            self._previous = []
        response = self._ims.get(
            _TAGS,
            params={**self._filters, 'limit': size, 'page': self._number},
            **options,
        )
        found = decode.read_list(
            response, "Cannot list the tags", 'tags', of=str
        )
        return response.json(), found
