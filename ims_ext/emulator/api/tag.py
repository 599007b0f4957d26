# SPDX-License-Identifier: Apache-2.0
"""The extension's tags: keys with values, of one image and of all."""

from typing import Any

from werkzeug.datastructures import MultiDict

from ims_ext.emulator.api import cloud_image_query
from ims_ext.emulator.api import creation
from ims_ext.emulator.api import rules
from ims_ext.emulator.api import tag_search
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state.image import split_tag
from ims_ext.emulator.work.image_access import own_image

#: How many tags a page of operation 17 has without ``limit``.
_PAGE_SIZE = 500
#: Characters of a tag that is removed.
_OLD_KEY = 127
_OLD_VALUE = 255


class TagsApi:
    """Operations 16 to 23, and 30."""

    def __init__(self, service: Service) -> None:
        self.state = service.state

    # ====== TAGS OF ONE IMAGE ======

    @route('PUT', '/v1/cloudimages/tags')
    def set(self, request: Request) -> Answer:
        """Add a tag, or change its value."""
        body = rules.json_object(request)
        given = [name for name in ('tag', 'image_tag') if body.get(name)]
        if len(given) != 1:
            raise ImsError('IMG.0001', "Use either tag or image_tag.")
        name = 'tags' if given == ['tag'] else 'image_tags'
        tags = rules.image_tags({name: [body[given[0]]]})
        image_id = rules.text('image_id', body.get('image_id'), 'IMG.0031')
        self._add(request, image_id, tags)
        return 204, None

    @route('POST', '/v2/<project_id>/images/<image_id>/tags')
    def add(self, request: Request, project_id: str, image_id: str) -> Answer:
        """Add a tag, or change its value."""
        rules.own_project(request, project_id)
        tag = rules.json_object(request).get('tag')
        self._add(request, image_id, rules.image_tags({'image_tags': [tag]}))
        return 204, None

    @route('POST', '/v2/<project_id>/images/<image_id>/tags/action')
    def change(
        self, request: Request, project_id: str, image_id: str
    ) -> Answer:
        """Add or remove several tags."""
        rules.own_project(request, project_id)
        body = rules.json_object(request)
        action = body.get('action')
        if action not in ('create', 'delete'):
            raise ImsError('IMG.0001', "action must be create or delete.")
        if action == 'create':
            _check_unique(body.get('tags'))
            tags = rules.image_tags({'image_tags': body['tags']})
            self._add(request, image_id, tags)
        else:
            self._remove(request, image_id, _old_keys(body.get('tags')))
        return 204, None

    @route('DELETE', '/v1/<project_id>/cloudimages/<image_id>/tags/delete')
    def remove_several(
        self, request: Request, project_id: str, image_id: str
    ) -> Answer:
        """Remove several tags."""
        rules.own_project(request, project_id)
        body = rules.json_object(request)
        self._remove(request, image_id, _old_keys(body.get('tags')))
        return 204, None

    @route('DELETE', '/v2/<project_id>/images/<image_id>/tags/<path:key>')
    def remove(
        self, request: Request, project_id: str, image_id: str, key: str
    ) -> Answer:
        """Remove a tag that is there."""
        rules.own_project(request, project_id)
        if not self._remove(request, image_id, {key}):
            raise NotFound(f"The image has no tag with the key {key}.")
        return 204, None

    @route('GET', '/v2/<project_id>/images/<image_id>/tags')
    def list(self, request: Request, project_id: str, image_id: str) -> Answer:
        """List the tags of an image that the caller may see."""
        rules.own_project(request, project_id)
        image = self.state.images.visible(image_id, project_id)
        if image is None:
            raise ImsError('IMG.0027')
        return {'tags': tag_search.tag_objects(image)}

    def _add(self, request: Request, image_id: str, tags: Any) -> None:
        with self.state.transaction():
            image = own_image(self.state, image_id, request.project_id)
            _drop(image, {split_tag(tag)[0] for tag in tags})
            image.tags += tags
            if len(image.tags) > rules.TAG_LIMIT:
                raise ImsError('IMG.0116')
            self.state.images.save(image)

    def _remove(self, request: Request, image_id: str, keys: Any) -> bool:
        with self.state.transaction():
            image = own_image(self.state, image_id, request.project_id)
            found = _drop(image, keys)
            if found:
                self.state.images.save(image)
        return found

    # ====== TAGS OF MANY IMAGES ======

    @route('GET', '/v1/cloudimages/tags')
    def search(self, request: Request) -> Answer:
        """List the tags of the images that filters find, a page at a time."""
        parameters = MultiDict(request.args)
        size = cloud_image_query.page_size(parameters.pop('limit', _PAGE_SIZE))
        page = rules.whole_number(
            'page', parameters.pop('page', 1), 'IMG.0017'
        )
        if not page:
            raise ImsError('IMG.0017', "The first page is 1.")
        query = cloud_image_query.all_listed(request.project_id, parameters)
        query.marker, query.limit = None, size
        query.offset = (page - 1) * size
        return {'tags': self.state.images.tags(query)}

    @route('GET', '/v2/<project_id>/images/tags')
    def project_tags(self, request: Request, project_id: str) -> Answer:
        """List all tags of the project's own images, by their keys."""
        rules.own_project(request, project_id)
        values: dict[str, set[str]] = {}
        query = cloud_image_query.all_listed(project_id, {'owner': project_id})
        for key, value in map(split_tag, self.state.images.tags(query)):
            values.setdefault(key, set()).add(value)
        return {
            'tags': [
                {'key': key, 'values': sorted(values[key])}
                for key in sorted(values)
            ]
        }

    # ====== IMAGES BY THEIR TAGS ======


def _drop(image: Image, keys: set[str]) -> bool:
    """Take tags with some keys off an image; tell whether there were any."""
    kept = [tag for tag in image.tags if split_tag(tag)[0] not in keys]
    found = len(kept) < len(image.tags)
    image.tags = kept
    return found


def _check_unique(tags: Any) -> None:
    """Refuse a batch without tags, or with a key twice."""
    if not tags:
        raise ImsError('IMG.0115', "There are no tags.")
    objects = creation.objects('tags', tags)
    keys = [str(each.get('key')) for each in objects]
    if len(set(keys)) < len(keys):
        raise ImsError('IMG.0115', "The keys of the tags must be unique.")


def _old_keys(tags: Any) -> set[str]:
    """Return the keys of tags that are to be removed.

    Old tags may have any characters, and only lengths are checked; of the
    value, which is optional, nothing else matters.
    """
    _check_unique(tags)
    for each in tags:
        key = rules.text('key', each.get('key'), 'IMG.0115')
        value = rules.text('value', each.get('value') or '', 'IMG.0115')
        if not key.strip() or len(key) > _OLD_KEY or len(value) > _OLD_VALUE:
            raise ImsError('IMG.0115')
    return {each['key'] for each in tags}
