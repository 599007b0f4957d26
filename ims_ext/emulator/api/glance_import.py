# SPDX-License-Identifier: Apache-2.0
"""The imports of a whole Glance: staged data, and data from the web."""

from collections.abc import Callable, Sequence
import functools
from pathlib import Path
from typing import Any
import uuid

from werkzeug.wrappers import Response

from ims_ext.emulator.api import store
from ims_ext.emulator.api.glance_access import check_administrator
from ims_ext.emulator.api.glance_access import own_image
from ims_ext.emulator.api.glance_access import visible_image
from ims_ext.emulator.api.glance_image import GlanceImagesApi
from ims_ext.emulator.api.image_attributes import LOCATIONS
from ims_ext.emulator.api.native import receive
from ims_ext.emulator.api.task import TaskFailure
from ims_ext.emulator.api.task import TasksApi
from ims_ext.emulator.api.task import view
from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Conflict
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import UnsupportedMediaType
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Image
from ims_ext.emulator.state import Task
from ims_ext.emulator.state.image import STAGED
from ims_ext.emulator.state.record import timestamp
from ims_ext.emulator.work import glance_import
from ims_ext.emulator.work.glance_import import FETCHED
from ims_ext.emulator.work.glance_import import ImportFailure
from ims_ext.emulator.work.web_source import FilteredError

#: What an image says of its import, under Glance's own names.
TASK = 'os_glance_import_task'
IMPORTING = 'os_glance_importing_to_stores'
FAILED = 'os_glance_failed_import'

#: Ends the name of a file that is being staged.
_STAGING = '.staging'


class GlanceImportApi:
    """The operations that give images data in several steps."""

    dialect = Dialect.GLANCE
    strict_slashes = True

    def __init__(self, service: Service) -> None:
        self._limit = service.settings.profile.upload_limit
        self.state = service.state
        self._tasks = service.capability(TasksApi)
        self._images = service.capability(GlanceImagesApi)
        self._sources = self._images.sources

    def start(self) -> None:
        """Take back what the end of the last run cut off."""
        directory = self._file(str(uuid.UUID(int=0)), '').parent
        for ending in (_STAGING, FETCHED):
            for file in directory.glob(f'*{ending}'):
                file.unlink()
        with self.state.transaction():
            for image in self.state.images.with_status('uploading'):
                if not self._file(image.id, STAGED).exists():
                    self._give_up(image, [])
            for image in self.state.images.with_status('importing'):
                self._give_up(image, _names(image, IMPORTING))
                # It may have been about to be the image's.
                self.state.image_file(image.id).unlink(missing_ok=True)
            for task in self._tasks.cut_off:
                kept = self.state.images.get(task.image_id or '')
                if kept is not None and TASK in kept.attributes:
                    self._give_up(kept, _names(kept, IMPORTING))

    def _file(self, image_id: str, ending: str) -> Path:
        file = self.state.image_file(image_id)
        return file.with_name(f'{file.name}{ending}')

    # ====== STAGE ======

    @route('PUT', '/v2/images/<image_id>/stage')
    def stage(self, request: Request, image_id: str) -> Answer:
        """Take data that is to be imported."""
        if request.mimetype != 'application/octet-stream':
            raise UnsupportedMediaType(
                "Image data is sent as application/octet-stream."
            )
        with self.state.transaction():
            image = own_image(self.state, request, image_id)
            if image.status != 'queued':
                raise Conflict(
                    f"Image status transition from {image.status} to "
                    f"uploading is not allowed"
                )
            image.status = 'uploading'
            self.state.images.save(image)
        part = self._file(image.id, _STAGING)
        try:
            size = receive(request, part, self._limit)['size']
            with self.state.transaction():
                image = own_image(self.state, request, image_id)
                image.attributes['size'] = size
                self.state.images.save(image)
                part.rename(self._file(image.id, STAGED))
        except BaseException:
            part.unlink(missing_ok=True)
            with self.state.transaction():
                kept = self.state.images.get(image.id)
                if kept is not None:
                    self._give_up(kept, [])
            raise
        return 204, None

    # ====== IMPORT ======

    @route('POST', '/v2/images/<image_id>/import')
    def import_image(self, request: Request, image_id: str) -> Answer:
        """Begin to import, by the method that is asked for."""
        body = request.json_object()
        method = _method(body)
        stores = store.chosen(request, body)
        image = visible_image(self.state, request, image_id)
        if method['name'] == 'web-download':
            self.check(method.get('uri'))
        with self.state.transaction():
            image = visible_image(self.state, request, image.id)
            _check_status(image, method['name'])
            if method['name'] == 'copy-image':
                check_administrator(request)
                is_all = bool(body.get('all_stores'))
                stores = _missing(image, stores, is_all)
                if not stores:
                    return 202, None
            else:
                image = own_image(self.state, request, image.id)
                self._check_staged(image)
                image.status = 'importing'
            task = self.begin(
                request,
                image,
                'api_image_import',
                {
                    'image_id': image.id,
                    'import_req': body,
                    'backend': stores,
                },
                stores,
            )
        works: dict[str, Callable[[], dict[str, Any]]] = {
            'glance-direct': lambda: self._take(image.id, stores, None),
            'web-download': lambda: self._take(
                image.id, stores, method['uri']
            ),
            'copy-image': lambda: self._copy(image.id, stores),
        }
        self._tasks.submit(task, works[method['name']])
        return accepted(task)

    def _check_staged(self, image: Image) -> None:
        if (
            image.status == 'uploading'
            and not self._file(image.id, STAGED).exists()
        ):
            raise Conflict("The image's data is still being staged.")

    def begin(
        self,
        request: Request,
        image: Image,
        task_type: str,
        given: dict[str, Any],
        stores: Sequence[str] = (),
    ) -> Task:
        """Keep a task about an image, and the image; part of a transaction.

        :param given: What was asked for.
        :param stores: Where the data goes.
        :raises: :class:`~ims_ext.emulator.errors.Conflict` where the image
            has one already.
        """
        if image.attributes.get(TASK):
            raise Conflict("The image has a task already.")
        task = self._tasks.new(request, task_type, image.id, given)
        image.attributes |= {TASK: task.id}
        if stores:
            image.attributes |= {IMPORTING: ','.join(stores), FAILED: ''}
        self.state.images.save(image)
        return task

    def check(self, uri: Any) -> None:
        """Refuse an address that nobody may have fetched.

        :raises: :class:`~ims_ext.emulator.errors.BadRequest`
        """
        try:
            self._sources.check(uri)
        except FilteredError as error:
            raise BadRequest(
                f"The URI {uri} does not pass filtering: {error}"
            ) from error

    def _give_up(self, image: Image, stores: list[str]) -> None:
        """Have an image without data; part of a transaction."""
        if image.status in ('uploading', 'importing'):
            image.status = 'queued'
            image.attributes['size'] = None
            staged = self._file(image.id, STAGED)
            self.state.database.after_commit(
                lambda: staged.unlink(missing_ok=True)
            )
        if image.attributes.pop(TASK, None) or stores:
            image.attributes |= {IMPORTING: '', FAILED: ','.join(stores)}
        self.state.images.save(image)

    def _take(
        self, image_id: str, stores: list[str], uri: str | None
    ) -> dict[str, Any]:
        """Make data an image's, or nothing of it."""
        part = self._file(image_id, STAGED if uri is None else FETCHED)
        try:
            image = self.state.images.get(image_id)
            if image is None:
                raise ImportFailure("The image is gone.")
            if uri is None:
                found = glance_import.digest_of(part)
            else:
                found = glance_import.fetch(
                    self._sources, uri, part, self._tasks.stopping.is_set
                )
            found |= glance_import.judge(part, image.get('disk_format'))
            with self.state.transaction():
                image = self.state.images.get(image_id)
                if image is None:
                    raise ImportFailure("The image is gone.")
                self._finish(image, stores, found)
                part.rename(self.state.image_file(image_id))
        except BaseException as error:
            self._fail(image_id, stores)
            if isinstance(error, ImportFailure):
                raise TaskFailure(str(error)) from error
            raise
        finally:
            part.unlink(missing_ok=True)
        return {'image_id': image_id}

    def _finish(
        self, image: Image, stores: list[str], found: dict[str, Any]
    ) -> None:
        found['active_at'] = timestamp(self.state.clock())
        image.attributes |= found | {IMPORTING: '', FAILED: ''}
        image.attributes.pop(TASK, None)
        image.status = 'active'
        store.put_into(image, stores)
        self.state.images.save(image)

    def _fail(self, image_id: str, stores: list[str]) -> None:
        with self.state.transaction():
            image = self.state.images.get(image_id)
            if image is not None:
                self._give_up(image, stores)

    def _copy(self, image_id: str, stores: list[str]) -> dict[str, Any]:
        part = self._file(image_id, FETCHED)
        try:
            image = self.state.images.get(image_id)
            if image is not None and store.is_on_the_web(image):
                glance_import.fetch(
                    self._sources,
                    store.locations(image)[0]['url'],
                    part,
                    self._tasks.stopping.is_set,
                )
            self._add_stores(image_id, stores, part)
        except ImportFailure as failure:
            self._fail(image_id, stores)
            raise TaskFailure(str(failure)) from failure
        finally:
            part.unlink(missing_ok=True)
        return {'image_id': image_id}

    def _add_stores(
        self, image_id: str, stores: list[str], part: Path
    ) -> None:
        with self.state.transaction():
            image = self.state.images.get(image_id)
            if image is None:
                raise ImportFailure("The image is gone.")
            image.attributes[LOCATIONS] = [
                *store.locations(image),
                *(store.location(image.id, each) for each in stores),
            ]
            image.attributes |= {IMPORTING: '', FAILED: ''}
            image.attributes.pop(TASK, None)
            self.state.images.save(image)
            if part.exists():
                part.rename(self.state.image_file(image_id))

    # ====== AN IMAGE AND ITS DATA IN ONE ======

    @route('POST', '/v2/tasks')
    def create_task(self, request: Request) -> Answer:
        """Make an image from the web, for administrators."""
        check_administrator(request)
        body = request.json_object()
        given = body.get('input')
        if body.get('type') != 'import' or not isinstance(given, dict):
            raise BadRequest("A task has the type import, and an input.")
        properties = given.get('image_properties')
        if not isinstance(properties, dict) or not isinstance(
            given.get('import_from_format'), str
        ):
            raise BadRequest(
                "An input has import_from, import_from_format and "
                "image_properties."
            )
        self.check(given.get('import_from'))
        with self.state.transaction():
            image = self._images.make(request, properties)
            image.status = 'importing'
            task = self.begin(request, image, 'import', given, [store.DEFAULT])
        work = functools.partial(
            self._take, image.id, [store.DEFAULT], given['import_from']
        )
        self._tasks.submit(task, work)
        return 201, view(task)


def _method(body: dict[str, Any]) -> dict[str, Any]:
    """Return the method of an import."""
    method = body.get('method')
    if not isinstance(method, dict):
        raise BadRequest("An import needs a method with a name.")
    name = method.get('name')
    if name not in store.IMPORT_METHODS:
        raise BadRequest(
            f"Unknown import method {name}; there are "
            + ', '.join(store.IMPORT_METHODS)
        )
    if name == 'web-download' and not isinstance(method.get('uri'), str):
        raise BadRequest("The method web-download needs a uri.")
    for flag in ('all_stores', 'all_stores_must_succeed'):
        if not isinstance(body.get(flag, False), bool):
            raise BadRequest(f"{flag} must be true or false.")
    return method


def _check_status(image: Image, method: str) -> None:
    needed = {
        'copy-image': 'active',
        'glance-direct': 'uploading',
        'web-download': 'queued',
    }[method]
    if image.status != needed:
        raise Conflict(
            f"An image is {needed} before {method}, and not {image.status}."
        )


def _missing(image: Image, stores: list[str], is_all: bool) -> list[str]:
    """Return the stores that an image is not in yet."""
    found = store.stores_of(image)
    missing = [each for each in stores if each not in found]
    if not is_all and len(missing) < len(stores):
        raise BadRequest("The image is in one of the stores already.")
    return missing


def _names(image: Image, attribute: str) -> list[str]:
    text = image.get(attribute)
    return str(text).split(',') if text else []


def accepted(task: Task) -> Response:
    """Return the answer that a task has begun, by the request's name."""
    response = Response(status=202)
    del response.headers['Content-Type']
    response.headers['X-Openstack-Request-Id'] = task.request_id
    return response
