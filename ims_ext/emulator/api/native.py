# SPDX-License-Identifier: Apache-2.0
"""Glance's images: their metadata, their data and their tags."""

from collections.abc import Collection, Iterator
import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any
import uuid

from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from ims_ext.emulator import private_files
from ims_ext.emulator.api import image_patch
from ims_ext.emulator.api import image_query
from ims_ext.emulator.api.image_attributes import NOT_CREATED
from ims_ext.emulator.api.image_attributes import READ_ONLY
from ims_ext.emulator.api.image_attributes import check
from ims_ext.emulator.api.image_attributes import check_count
from ims_ext.emulator.api.image_attributes import check_reserved
from ims_ext.emulator.api.image_attributes import check_tag
from ims_ext.emulator.api.image_attributes import defaults
from ims_ext.emulator.api.image_attributes import view
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import Forbidden
from ims_ext.emulator.errors import ImsError
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.errors import TooLarge
from ims_ext.emulator.errors import UnsupportedMediaType
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Effect
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import ImageQuery
from ims_ext.emulator.state import State
from ims_ext.emulator.work.image_export import is_market
from ims_ext.emulator.work.image_upload import ImageUpload
from ims_ext.emulator.work.new_image import NewImages
from ims_ext.emulator.work.settling import Settling

_BLOCK = 1024**2

#: The effect of a deletion.
_DELETE = 'delete'


class NativeImagesApi:
    """The native image operations."""

    dialect = Dialect.GLANCE
    #: "/v2/images/" is the image without an ID, and no list.
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self.state = service.state
        self.service = service
        self.effects = {_DELETE: self._delete}

    def start(self) -> None:
        """Take back what the end of the last run cut off.

        Uploads leave their files, or at least the status; images that an
        unfinished job is about are that job's affair.
        """
        directory = self.state.image_file(str(uuid.UUID(int=0))).parent
        for part in directory.glob(f'*{_PART}'):
            _take_back(self.state, part.name.removesuffix(_PART))
        for file in directory.iterdir():
            # Left by an image that has just been deleted.
            if not file.suffix and self.state.images.get(file.name) is None:
                file.unlink()
        upload = self.service.capability(ImageUpload)
        with self.state.transaction():
            busy = _images_of_jobs(self.state)
            for image in self.state.images.with_status('saving'):
                if image.id not in busy and not upload.is_under_way(image.id):
                    _take_back(self.state, image.id)
                    self.state.image_file(image.id).unlink(missing_ok=True)

    # ====== METADATA ======

    @route('POST', '/v2/images')
    def create(self, request: Request) -> Answer:
        """Make an image without data."""
        image = self.make(request, request.json_object())
        return 201, self._view(request, image)

    def make(self, request: Request, body: dict[str, Any]) -> Image:
        """Keep the image that a creation's body describes, and return it."""
        image = self._new(request, body)
        with self.state.transaction():
            if self.state.images.get(image.id) is not None:
                raise Conflict(f"Image ID {image.id} already exists!")
            self.service.capability(NewImages).add(image)
        return image

    @route('GET', '/v2/images')
    def list(self, request: Request) -> Answer:
        """List images, a page at a time."""
        query = self._query(request)
        limit = query.limit or 0
        # One more tells whether another page follows.
        query.limit = limit + 1 if limit else 0
        try:
            images = self.state.images.select(query)
        except LookupError as error:
            raise BadRequest(
                f"Marker {query.marker} does not exist."
            ) from error
        more = len(images) > limit
        page = images[:limit]
        return {
            'images': [self._view(request, image) for image in page],
            'schema': '/v2/schemas/images',
            **image_query.next_links(
                '/v2/images', request.args, page[-1].id if more else None
            ),
        }

    @route('GET', '/v2/images/<image_id>')
    def show(self, request: Request, image_id: str) -> Answer:
        """Show one image."""
        image = self._visible(request, image_id)
        return self._view(request, image)

    @route('PATCH', '/v2/images/<image_id>')
    def update(self, request: Request, image_id: str) -> Answer:
        """Change an image as a JSON patch says."""
        changes = image_patch.parse(request.mimetype, request.json_value())
        with self.state.transaction():
            image = self._own(request, image_id)
            image_patch.apply(image, changes)
            self.state.images.save(image)
        return self._view(request, image)

    @route('DELETE', '/v2/images/<image_id>')
    def delete(self, request: Request, image_id: str) -> Answer:
        """Delete an image that is not protected."""
        body = request.json_value()
        if body is not None and (
            not isinstance(body, dict)
            or not isinstance(body.get('delete_backup', False), bool)
        ):
            raise BadRequest("delete_backup must be true or false.")
        with self.state.transaction():
            visible = self.state.images.visible(image_id, request.project_id)
            if visible is not None and is_market(visible):
                raise ImsError('IMG.0093')
            image = self._own(request, image_id)
            if image.attributes.get('protected'):
                raise Forbidden(
                    f"Image {image.id} is protected and cannot be deleted."
                )
            if image.status == 'saving':
                raise ImsError('IMG.0090', status=409)
            settling = self.service.capability(Settling)
            if not settling.pending(_DELETE, image.id):
                settling.later(
                    _DELETE,
                    image.id,
                    self.service.settings.delays.delete,
                    with_backup=bool(body and body.get('delete_backup')),
                )
        return 204, None

    def _delete(self, effect: Effect) -> None:
        image = self.state.images.get(effect.image_id)
        if image is None:
            return
        self.state.images.delete(image.id)
        if effect.params['with_backup']:
            self._delete_backup(image)

    def _delete_backup(self, image: Image) -> None:
        # Only the owner's: clients may write into the attribute.
        backups = self.state.backups
        backup = backups.get(image.get('__backup_id') or '', image.owner)
        if backup is not None:
            backups.delete(backup.id)

    # ====== DATA ======

    @route('PUT', '/v2/images/<image_id>/file')
    def upload(self, request: Request, image_id: str) -> Answer:
        """Take the data of a queued image."""
        if request.mimetype != 'application/octet-stream':
            raise UnsupportedMediaType(
                "Image data is sent as application/octet-stream."
            )
        upload = self.service.capability(ImageUpload)
        with self.state.transaction():
            image = self._own(request, image_id)
            if image.status != 'queued' or upload.is_under_way(image.id):
                raise Conflict(
                    f"Image status transition from {image.status} to saving "
                    f"is not allowed"
                )
            image.status = 'saving'
            self.state.images.save(image)
        with _receiving(self.state, image.id) as part:
            attributes = receive(
                request, part, self.service.settings.profile.upload_limit
            )
            with self.state.transaction():
                image = self._own(request, image_id)
                part.rename(self.state.image_file(image.id))
                image.attributes.update(attributes)
                upload.take_in(image)
        return 204, None

    @route('GET', '/v2/images/<image_id>/file')
    def download(self, request: Request, image_id: str) -> Answer:
        """Send an image's data, or nothing where there is none."""
        image = self._visible(request, image_id)
        try:
            # The response closes it.
            file = self.state.image_file(image.id).open('rb')
        except FileNotFoundError:
            return 204, None
        response = Response(
            wrap_file(request.environ, file, _BLOCK),
            content_type='application/octet-stream',
            direct_passthrough=True,
        )
        response.content_length = os.fstat(file.fileno()).st_size
        checksum = image.attributes.get('checksum')
        if checksum:
            response.headers['Content-MD5'] = checksum
        return response

    # ====== TAGS ======

    @route('PUT', '/v2/images/<image_id>/tags/<tag>')
    def add_tag(self, request: Request, image_id: str, tag: str) -> Answer:
        """Add a tag; no harm if it is there."""
        if '=' in check_tag(tag):
            raise BadRequest("A tag in a path is a key, and has no '='.")
        with self.state.transaction():
            image = self._own(request, image_id)
            if tag not in image.tags:
                image.tags.append(tag)
                check_count(image)
                self.state.images.save(image)
        return 204, None

    @route('DELETE', '/v2/images/<image_id>/tags/<tag>')
    def delete_tag(self, request: Request, image_id: str, tag: str) -> Answer:
        """Remove a tag that is there."""
        with self.state.transaction():
            image = self._own(request, image_id)
            if tag not in image.tags:
                raise NotFound(f"The image has no tag '{tag}'.")
            image.tags.remove(tag)
            self.state.images.save(image)
        return 204, None

    # ====== WHAT A WHOLE GLANCE DOES OTHERWISE ======

    def _new(self, request: Request, body: dict[str, Any]) -> Image:
        return new_image(request.project_id, body)

    def _view(self, request: Request, image: Image) -> dict[str, Any]:
        return view(image, request.project_id)

    def _query(self, request: Request) -> ImageQuery:
        return image_query.parse(request.args, request.project_id)

    def _visible(self, request: Request, image_id: str) -> Image:
        return visible_image(self.state, image_id, request.project_id)

    def _own(self, request: Request, image_id: str) -> Image:
        return own_image(self.state, image_id, request.project_id)


def visible_image(
    state: State, image_id: str, project_id: str, at_once: bool = False
) -> Image:
    """Return an image that a project may see.

    :param at_once: Whether also one that is too new to be seen.
    :raises: :class:`~ims_ext.emulator.errors.NotFound` for all others.
    """
    image = state.images.visible(image_id, project_id, at_once)
    if image is None:
        raise NotFound(f"No image found with ID {image_id}")
    return image


def own_image(state: State, image_id: str, project_id: str) -> Image:
    """Return an image that a project owns.

    :raises: :class:`~ims_ext.emulator.errors.NotFound` for one that it may
        not even see, ``Forbidden`` for one that it may see.
    """
    image = visible_image(state, image_id, project_id, at_once=True)
    if image.owner != project_id:
        raise Forbidden("You are not permitted to change this image.")
    return image


def new_image(
    project_id: str,
    body: dict[str, Any],
    visibilities: Collection[str] = image_patch.VISIBILITIES,
) -> Image:
    """Return the image that a creation's body describes.

    :param project_id: Who owns it.
    :param visibilities: Those that it may have.
    :raises: As :func:`~.image_attributes.check` does.
    """
    for attribute in body.keys() - _TAKEN:
        if attribute in READ_ONLY or attribute in NOT_CREATED:
            raise Forbidden(f"Attribute '{attribute}' is read-only.")
        check_reserved(attribute)
    values = {name: check(name, body[name]) for name in body.keys() - _TAKEN}
    name = values.pop('name', None)
    tags = values.pop('tags', [])
    visibility = image_patch.permitted_visibility(
        values.pop('visibility', 'private'), visibilities
    )
    if body.get('owner', project_id) != project_id:
        raise Forbidden("You are not permitted to create another's images.")
    os_version = values.pop('__os_version', None)
    image = Image.new(
        project_id,
        name,
        {**defaults(os_version), **values},
        id=_image_id(body['id']) if 'id' in body else None,
        visibility=visibility,
        tags=tags,
    )
    check_count(image)
    return image


#: Parts of a creation's body with checks of their own.
_TAKEN = {'id', 'owner'}


def _image_id(value: Any) -> str:
    try:
        return str(uuid.UUID(value))
    except (ValueError, AttributeError, TypeError) as error:
        raise BadRequest("An image's ID must be a UUID.") from error


#: Ends the names of files that are not yet complete.
_PART = '.part'


@contextlib.contextmanager
def _receiving(state: State, image_id: str) -> Iterator[Path]:
    """Give a file for incoming data; all is as before when that fails."""
    file = state.image_file(image_id)
    try:
        yield file.with_name(file.name + _PART)
    except BaseException:
        _take_back(state, image_id)
        raise


def _take_back(state: State, image_id: str) -> None:
    file = state.image_file(image_id)
    with state.transaction():
        image = state.images.get(image_id)
        if image is not None and image.status == 'saving':
            image.status = 'queued'
            state.images.save(image)
    file.with_name(file.name + _PART).unlink(missing_ok=True)


def _images_of_jobs(state: State) -> set[Any]:
    """Return the IDs of all images that unfinished jobs are about."""
    found = set()
    for job in state.jobs.unfinished():
        found |= {job.entities.get('image_id'), job.params.get('image_id')}
        found |= {each['image_id'] for each in job.params.get('sources', ())}
    return found


def receive(request: Request, part: Path, limit: int) -> dict[str, Any]:
    """Write a request's body to a file; return what is known of it then.

    :param part: The file.
    :param limit: Bytes that the body stays below.
    :returns: Attributes of the image that it is the data of.
    :raises: :class:`~ims_ext.emulator.errors.TooLarge` for more,
        ``BadRequest`` where the connection ends early.
    """
    length = request.content_length
    if length is not None and length >= limit:
        raise TooLarge(
            f"A file that is uploaded must be smaller than "
            f"{limit // 1024**3} GB."
        )
    # Glance's checksum, for clients that compare it; guards nothing.
    checksum = hashlib.md5(usedforsecurity=False)
    digest = hashlib.sha512()
    size = 0
    with open(part, 'wb', opener=private_files.opener) as file:
        while block := request.stream.read(_BLOCK):
            file.write(block)
            checksum.update(block)
            digest.update(block)
            size += len(block)
    if length is not None and size != length:
        raise BadRequest("The connection ended before the data did.")
    return {
        'size': size,
        'checksum': checksum.hexdigest(),
        'os_hash_algo': 'sha512',
        'os_hash_value': digest.hexdigest(),
        '__image_size': str(size),
    }
