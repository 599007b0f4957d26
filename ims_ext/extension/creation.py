# SPDX-License-Identifier: Apache-2.0
"""Creating images from files in a bucket: plain and quick import."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict, Unpack

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import validation
from ims_ext.extension import job as _job
from ims_ext.extension import tag as _tag

#: Data disks that come with a system disk, at most.
_MOST_DATA_IMAGES = 3


class ImageCreation(resource.JobRequest):
    """Creation of an image: operations 4 and 5.

    ``POST /v2/cloudimages/action``
    """

    base_path = '/v2/cloudimages/action'
    purpose = "Creating the image"

    #: 1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``.
    name = resource.Body('name')
    #: Up to 1,024 characters without ``<``, ``>`` and line ends.
    description = resource.Body('description')
    #: The object with the disk, ``bucket:key``.
    image_url = resource.Body('image_url')
    #: ``Linux``, ``Windows`` or ``Other``.
    os_type = resource.Body('os_type')
    #: Operating system with version; mandatory for ISO files and with
    #: ``is_quick_import``.
    os_version = resource.Body('os_version')
    #: GiB of the smallest disk that the image fits on, 1 to 1024.
    min_disk = resource.Body('min_disk', type=int)
    #: Whether the cloud configures the image for its servers. *Type: bool*
    is_config = resource.Body('is_config', type=bool)
    #: Whether that has been done already (H, by example). *Type: bool*
    is_config_init = resource.Body('is_config_init', type=bool)
    #: ID of the key to encrypt the image with.
    cmk_id = resource.Body('cmk_id')
    #: Tags as ``key.value``; these or ``image_tags``. *Type: list of str*
    tags = resource.Body('tags', type=list)
    #: Tags as ``key`` and ``value``. *Type: list of dict*
    image_tags = resource.Body('image_tags', type=list)
    #: ``ECS``, ``BMS``, ``FusionCompute``, ``Ironic`` or ``IsoImage``.
    type = resource.Body('type')
    #: ID of the enterprise project, ``0`` for the default one.
    enterprise_project_id = resource.Body('enterprise_project_id')
    #: MiB of memory that a server from the image can have.
    max_ram = resource.Body('max_ram')
    #: MiB of memory that a server from the image needs; 0 for no limit.
    min_ram = resource.Body('min_ram')
    #: Up to three data disks, each with an object of its own.
    #: *Type: list of dict*
    data_images = resource.Body('data_images')
    #: Whether to import quickly, as operation 9 does. *Type: bool*
    is_quick_import = resource.Body('is_quick_import')
    #: ``x86`` or ``arm`` (H).
    architecture = resource.Body('architecture')
    #: ``bios`` or ``uefi`` (F, O).
    hw_firmware_type = resource.Body('hw_firmware_type')


class QuickImport(resource.JobRequest):
    """Quick import of an image: operation 9.

    ``POST /v2/cloudimages/quickimport/action``
    """

    base_path = '/v2/cloudimages/quickimport/action'
    purpose = "Importing the image"

    #: 1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``.
    name = resource.Body('name')
    #: Up to 1,024 characters without ``<``, ``>`` and line ends.
    description = resource.Body('description')
    #: The object with the disk in RAW or ZVHD2 format, ``bucket:key``.
    image_url = resource.Body('image_url')
    #: Operating system with version; mandatory for system disks.
    os_version = resource.Body('os_version')
    #: ``Linux`` or ``Windows``, for data disks.
    os_type = resource.Body('os_type')
    #: GiB of the smallest disk that the image fits on, 1 to 1024.
    min_disk = resource.Body('min_disk')
    #: Tags as ``key.value``; these or ``image_tags``. *Type: list of str*
    tags = resource.Body('tags')
    #: Tags as ``key`` and ``value``. *Type: list of dict*
    image_tags = resource.Body('image_tags')
    #: ``ECS`` or ``BMS`` for system disks, ``DataImage`` for data disks.
    type = resource.Body('type')
    #: ID of the enterprise project, ``0`` for the default one.
    enterprise_project_id = resource.Body('enterprise_project_id')
    #: ``x86`` or ``arm``.
    architecture = resource.Body('architecture')
    #: ``bios`` or ``uefi``.
    hw_firmware_type = resource.Body('hw_firmware_type')


class QuickImportAttributes(TypedDict, total=False):
    """What can be said of an image that is imported quickly."""

    #: Up to 1,024 characters without ``<``, ``>`` and line ends.
    description: str
    #: Operating system with version; mandatory for system disks.
    os_version: str
    #: ``Linux`` or ``Windows``, for data disks.
    os_type: str
    #: A mapping, or a list of :class:`~ims_ext.extension.tag.Tag`; a list of
    #: ``key.value`` strings is sent as it is.
    tags: _tag.Tags | Iterable[str]
    #: The same, under the service's other name; only one of them.
    image_tags: _tag.Tags
    #: ``ECS``, ``BMS``; ``DataImage`` for a data disk.
    type: str
    #: ID of the enterprise project, ``0`` for the default one.
    enterprise_project_id: str
    #: ``x86`` or ``arm``.
    architecture: str
    #: ``bios`` or ``uefi``.
    hw_firmware_type: str


class ImportAttributes(QuickImportAttributes, total=False):
    """What can be said of an image that is imported."""

    #: Whether the cloud configures the image for its servers.
    is_config: bool
    #: Whether that has been done already (H).
    is_config_init: bool
    #: ID of the key to encrypt the image with.
    cmk_id: str
    #: MiB of memory that a server from the image can have.
    max_ram: int
    #: MiB of memory that a server from the image needs.
    min_ram: int
    #: Up to three data disks: mappings with ``image_url``, ``min_disk``
    #: (GiB, to 2048), and, if wanted, ``name``, ``description``, ``tags`` or
    #: ``image_tags``, ``is_quick_import``.
    data_images: Iterable[Mapping[str, Any]]
    #: Whether to import quickly; needs ``os_version``.
    is_quick_import: bool


class CreationMixin(_job.JobMixin):
    """``conn.ims``: creating images."""

    def create_image_from_object(
        self,
        object_url: str,
        name: str,
        min_disk: int,
        *,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[ImportAttributes],
    ) -> _job.Job:
        """Create an image from an object in a bucket (operations 4 and 5).

        ``POST /v2/cloudimages/action``; job type ``imsImportImageJob``. The
        object may be of any documented format and smaller than 128 GiB; an
        ISO file takes ``type='IsoImage'`` and ``os_version``.

        :param object_url: The object, ``bucket:key``.
        :param name: The image's name, up to 128 characters.
        :param min_disk: GiB of the smallest disk that the image fits on, 1
            to 1024.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`ImportAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; ``job.image_id`` tells the image.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body = import_body(ImageCreation, object_url, name, min_disk, attrs)
        return self._start_job(
            ImageCreation.new(**body), wait=wait, timeout=timeout
        )

    def quick_import_image(
        self,
        object_url: str,
        name: str,
        min_disk: int,
        *,
        wait: bool = False,
        timeout: float | None = None,
        **attrs: Unpack[QuickImportAttributes],
    ) -> _job.Job:
        """Create an image from a big object in a bucket (operation 9).

        ``POST /v2/cloudimages/quickimport/action``; job type
        ``imsImportImageJob`` with the sub-job ``imsImportBigFileImageJob``.
        The object is in RAW or ZVHD2 format, up to 1 TiB, and prepared as
        the cloud's guide says.

        :param object_url: The object, ``bucket:key``.
        :param name: The image's name, up to 128 characters.
        :param min_disk: GiB of the smallest disk that the image fits on, 1
            to 1024.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :param attrs: See :class:`QuickImportAttributes`.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body = import_body(QuickImport, object_url, name, min_disk, attrs)
        return self._start_job(
            QuickImport.new(**body), wait=wait, timeout=timeout
        )


def import_body(
    request: type[ImageCreation | QuickImport],
    object_url: str,
    name: str,
    min_disk: Any,
    attrs: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the parameters of an import, each one checked.

    :param request: Which operation's they are.
    :raises: :class:`~ims_ext.exceptions.ValidationError`
    """
    parameters = set(request._body_mapping()) - {'job_id', 'properties', 'id'}
    validation.check_known('attribute', attrs, parameters)
    body = {
        'name': validation.check_name(name),
        'image_url': validation.check_object_url(object_url),
        'min_disk': validation.check_min_disk(min_disk),
        **_checked(attrs, request is QuickImport),
    }
    _check_together(body, request is QuickImport)
    return body


def _checked(attrs: Mapping[str, Any], quick: bool) -> dict[str, Any]:
    types = ('ECS', 'BMS', 'DataImage') if quick else validation.IMAGE_TYPES
    os_types = ('Linux', 'Windows') if quick else validation.OS_TYPES
    checks: dict[str, Callable[[str, Any], Any]] = {
        'description': lambda _, value: validation.check_description(value),
        'os_version': lambda _, value: validation.check_os_version(value),
        'os_type': lambda key, value: validation.check_choice(
            key, value, os_types
        ),
        'type': lambda key, value: validation.check_choice(key, value, types),
        'architecture': lambda key, value: validation.check_choice(
            key, value, validation.ARCHITECTURES
        ),
        'hw_firmware_type': lambda key, value: validation.check_choice(
            key, value, validation.FIRMWARE_TYPES
        ),
        'min_ram': lambda key, value: validation.check_number(
            key, value, 'MiB'
        ),
        'max_ram': lambda key, value: validation.check_number(
            key, value, 'MiB'
        ),
        'is_config': validation.check_flag,
        'is_config_init': validation.check_flag,
        'is_quick_import': validation.check_flag,
        'data_images': lambda _, value: _data_images(value),
    }
    given = {key: value for key, value in attrs.items() if value is not None}
    tags = _wire_tags(given.pop('tags', None), given.pop('image_tags', None))
    return {
        key: checks[key](key, value) if key in checks else str(value)
        for key, value in given.items()
    } | tags


def _check_together(body: Mapping[str, Any], quick: bool) -> None:
    """Check what depends on more than one parameter."""
    kind = body.get('type')
    if not body.get('os_version'):
        if kind == 'IsoImage':
            raise exceptions.ValidationError(
                "An image from an ISO file needs an os_version"
            )
        if body.get('is_quick_import') or (quick and kind != 'DataImage'):
            raise exceptions.ValidationError(
                "The quick import of a system disk needs an os_version"
            )
    if (
        body.get('architecture') == 'arm'
        and body.get('hw_firmware_type') == 'bios'
    ):
        raise exceptions.ValidationError(
            "Servers with ARM processors boot with UEFI only: leave "
            "hw_firmware_type out or set it to uefi"
        )
    smallest, largest = body.get('min_ram'), body.get('max_ram')
    if smallest and largest and smallest > largest:
        raise exceptions.ValidationError(
            f"min_ram is {smallest} MiB and max_ram only {largest} MiB"
        )


def _wire_tags(tags: Any, image_tags: Any) -> dict[str, Any]:
    """Return tags as the operation takes them, whichever way they came."""
    if tags and image_tags:
        raise exceptions.ValidationError(
            "Give the tags once, as tags or as image_tags"
        )
    if tags and not isinstance(tags, Mapping):
        tags = list(tags) if not isinstance(tags, str) else [tags]
        if all(isinstance(tag, str) for tag in tags):
            _tag.check_tags([_tag.read_tag(tag) for tag in tags])
            return {'tags': tags}
    found = _tag.check_tags(tags or image_tags or ())
    return {'image_tags': _tag.wire_objects(found)} if found else {}


def _data_images(images: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    found = [_data_image(image) for image in images]
    if len(found) > _MOST_DATA_IMAGES:
        raise exceptions.ValidationError(
            f"{len(found)} data disks were given; {_MOST_DATA_IMAGES} at "
            f"most come with a system disk"
        )
    return found


def _data_image(image: Mapping[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in image.items() if value is not None}
    validation.check_known(
        "attribute of a data disk",
        given,
        (
            'description',
            'image_tags',
            'image_url',
            'is_quick_import',
            'min_disk',
            'name',
            'tags',
        ),
    )
    found: dict[str, Any] = {
        'image_url': validation.check_object_url(given.get('image_url')),
        'min_disk': validation.check_min_disk(
            given.get('min_disk'), validation.DATA_DISK_SIZES
        ),
    }
    if 'name' in given:
        found['name'] = validation.check_name(
            given['name'], "The data disk's name"
        )
    if 'description' in given:
        found['description'] = validation.check_description(
            given['description']
        )
    if 'is_quick_import' in given:
        found['is_quick_import'] = validation.check_flag(
            'is_quick_import', given['is_quick_import']
        )
    return found | _wire_tags(given.get('tags'), given.get('image_tags'))
