# SPDX-License-Identifier: Apache-2.0
"""Images as the extension API shows them: listing, finding, changing."""

from collections.abc import Generator
import dataclasses
import datetime
import itertools
from typing import Any, Literal, Unpack, cast, overload
import uuid

from openstack import exceptions as sdk_exceptions
from openstack.image.v2 import image as _image

from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import ambiguity
from ims_ext.extension import image_filter
from ims_ext.extension import image_patch
from ims_ext.extension import query as _query
from ims_ext.extension import tag_rules as _tag
from ims_ext.transport import request_check


class CloudImage(resource.Resource):
    """An image with all that the image service knows of it.

    Operation 1: ``GET /v2/cloudimages``. It can be given wherever a method
    of ``conn.ims`` takes an image. The answers' ``self``, the image's path,
    has no attribute, as in openstacksdk: a class cannot be made of it;
    ``file`` is the same path with ``/file`` after it.
    """

    base_path = '/v2/cloudimages'
    resources_key = 'images'

    allow_fetch = True
    allow_list = True

    getter = 'get_cloud_image'

    _query_mapping = resource.OpenQueryParameters(
        'architecture',
        'container_format',
        'created_at',
        'disk_format',
        'enterprise_project_id',
        'flavor_id',
        'hw_disk_bus',
        'id',
        'os_hidden',
        'member_status',
        'min_disk',
        'min_ram',
        'name',
        'owner',
        'size_max',
        'size_min',
        'sort_dir',
        'sort_key',
        'status',
        'tag',
        'updated_at',
        'virtual_env_type',
        'visibility',
        agents='__support_agent_list',
        cmk_id='__system__cmkid',
        image_type='__imagetype',
        is_disk_intensive_supported='__support_diskintensive',
        is_high_performance_supported='__support_highperformance',
        is_kvm_infiniband_supported='__support_kvm_infiniband',
        is_kvm_supported='__support_kvm',
        is_large_memory_supported='__support_largememory',
        is_protected='protected',
        is_registered='__isregistered',
        is_whole_image='__whole_image',
        is_xen_hana_supported='__support_xen_hana',
        is_xen_supported='__support_xen',
        kvm_gpu_type='__support_kvm_gpu_type',
        os_bit='__os_bit',
        os_type='__os_type',
        os_version='__os_version',
        platform='__platform',
        xen_gpu_type='__support_xen_gpu_type',
    )

    id: str = resource.Body('id')
    """The image's ID."""
    file: str | None = resource.Body('file')
    """Path, below the service's root, that the image's data is uploaded to and
    downloaded from."""
    owner: str | None = resource.Body('owner')
    """ID of the project that the image belongs to."""
    size: int | None = resource.Body('size', type=resource.FlexibleInt)
    """Not used by the service at present; see :attr:`image_size`. *Type: int*
    """
    schema: str | None = resource.Body('schema')
    """Path of the image's JSON schema."""
    status: str | None = resource.Body('status')
    """``queued`` (waits for its data), ``saving`` (data arrives), ``active``
    (usable), ``killed`` (its data could not be taken), ``deleted``."""
    tags: list[str] | None = resource.Body('tags', type=list)
    """Tags as the cloud writes them: ``key=value``, ``key.value`` or ``key``.
    *Type: list of str*"""
    visibility: str | None = resource.Body('visibility')
    """``private``, ``public`` or ``shared``."""
    name: str = resource.Body('name')
    """1 to 128 letters, digits, spaces, ``-``, ``_``, ``.``."""
    checksum: str | None = resource.Body('checksum')
    """Not used by the service at present."""
    is_deleted: bool | None = resource.Body(
        'deleted', type=resource.FlexibleBool
    )
    """Whether the image has been deleted. *Type: bool*"""
    is_protected: bool | None = resource.Body(
        'protected', type=resource.FlexibleBool
    )
    """Whether the image is protected from deletion. *Type: bool*"""
    container_format: str | None = resource.Body('container_format')
    """Always ``bare``."""
    disk_format: str | None = resource.Body('disk_format')
    """``zvhd2``, ``zvhd``, ``vhd``, ``raw``, ``qcow2`` or ``iso``."""
    min_disk: int | None = resource.Body('min_disk', type=resource.FlexibleInt)
    """GiB of the smallest disk that the image fits on, 1 to 1024 (data disks:
    2048). *Type: int*"""
    min_ram: int | None = resource.Body('min_ram', type=resource.FlexibleInt)
    """MiB of memory that a server from the image needs. *Type: int*"""
    max_ram: int | None = resource.Body('max_ram', type=resource.FlexibleInt)
    """MiB of memory that a server from the image can have. *Type: int*"""
    created_at: str | None = resource.Body('created_at')
    """When the image was created, as the cloud wrote it."""
    updated_at: str | None = resource.Body('updated_at')
    """When the image was last changed, as the cloud wrote it."""
    active_at: str | None = resource.Body('active_at')
    """When the image became ``active``, as the cloud wrote it."""
    deleted_at: str | None = resource.Body('deleted_at')
    """When the image was deleted, as the cloud wrote it."""
    virtual_size: int | None = resource.Body(
        'virtual_size', type=resource.FlexibleInt
    )
    """Not used by the service at present. *Type: int*"""
    virtual_env_type: str | None = resource.Body('virtual_env_type')
    """What the image is for: ``FusionCompute`` (a server's system disk),
    ``DataImage``, ``Ironic`` (a bare-metal server) or ``IsoImage``."""
    enterprise_project_id: str | None = resource.Body('enterprise_project_id')
    """ID of the enterprise project, ``0`` or none for the default one."""
    image_type: str | None = resource.Body('__imagetype')
    """``gold`` (public), ``private``, ``shared`` or ``market`` (H)."""
    image_size: int | None = resource.Body(
        '__image_size', type=resource.FlexibleInt
    )
    """Size of the image's file in bytes. *Type: int*"""
    image_source_type: str | None = resource.Body('__image_source_type')
    """The storage behind the image: ``uds``."""
    image_location: str | None = resource.Body('__image_location')
    """Where the image is stored."""
    description: str | None = resource.Body('__description')
    """Up to 1,024 characters without ``<``, ``>`` and line ends."""
    os_version: str | None = resource.Body('__os_version')
    """Operating system with version, for example ``Ubuntu 18.04 server
    64bit``."""
    os_type: str | None = resource.Body('__os_type')
    """``Linux``, ``Windows`` or ``Other``."""
    os_bit: int | None = resource.Body('__os_bit', type=resource.FlexibleInt)
    """32 or 64. *Type: int*"""
    platform: str | None = resource.Body('__platform')
    """Family of the operating system, for example ``Ubuntu``."""
    os_feature_list: str | None = resource.Body('__os_feature_list')
    """Advanced features that the image supports, a JSON text."""
    is_registered: bool | None = resource.Body(
        '__isregistered', type=resource.FlexibleBool
    )
    """Whether the image is registered, and so can be used. *Type: bool*"""
    is_whole_image: bool | None = resource.Body(
        '__whole_image', type=resource.FlexibleBool
    )
    """Whether it is a full-server image. *Type: bool*"""
    is_config_init: bool | None = resource.Body(
        '__is_config_init', type=resource.FlexibleBool
    )
    """Whether the image's initial configuration is complete. *Type: bool*"""
    is_lazy_loading: bool | None = resource.Body(
        '__lazyloading', type=resource.FlexibleBool
    )
    """Whether servers start before all of the image is loaded. *Type: bool*"""
    cmk_id: str | None = resource.Body('__system__cmkid')
    """ID of the key that the image is encrypted with."""
    backup_id: str | None = resource.Body('__backup_id')
    """ID of the backup that the image was made from."""
    data_origin: str | None = resource.Body('__data_origin')
    """Where the image's data came from; empty for public images."""
    root_origin: str | None = resource.Body('__root_origin')
    """``file`` where the image was made from an external file."""
    original_image_id: str | None = resource.Body('__originalimagename')
    """ID of the image that this one derives from."""
    sequence_number: str | None = resource.Body('__sequence_num')
    """Slot of the server's system disk."""
    product_code: str | None = resource.Body('__productcode')
    """Product ID of a market image."""
    account_code: str | None = resource.Body('__account_code')
    """Identifier that a charged image is billed by."""
    is_market_supported: bool | None = resource.Body(
        '__system_support_market', type=resource.FlexibleBool
    )
    """Whether the image can be published in the market (H). *Type: bool*"""
    is_off_shelf: bool | None = resource.Body(
        '__is_offshelved', type=resource.FlexibleBool
    )
    """Whether a market image has been withdrawn (H). *Type: bool*"""
    agents: str | None = resource.Body('__support_agent_list')
    """Agents that the image supports, separated by commas: ``hss``, ``ces``
    (H)."""
    hw_firmware_type: str | None = resource.Body('hw_firmware_type')
    """How servers boot: ``bios`` or ``uefi``. ``bios`` where it is missing."""
    is_firmware_uefi: bool | None = resource.Body(
        'hw_firmware_uefi', type=resource.FlexibleBool
    )
    """Whether servers boot with UEFI, in the older notation of H. *Type: bool*
    """
    is_vif_multiqueue_enabled: bool | None = resource.Body(
        'hw_vif_multiqueue_enabled', type=resource.FlexibleBool
    )
    """Whether network interfaces may have several queues. *Type: bool*"""
    is_kvm_supported: bool | None = resource.Body(
        '__support_kvm', type=resource.FlexibleBool
    )
    """Whether the image runs on KVM. *Type: bool*"""
    is_xen_supported: bool | None = resource.Body(
        '__support_xen', type=resource.FlexibleBool
    )
    """Whether the image runs on Xen. *Type: bool*"""
    is_large_memory_supported: bool | None = resource.Body(
        '__support_largememory', type=resource.FlexibleBool
    )
    """Whether the image runs on servers with very much memory. *Type: bool*"""
    is_disk_intensive_supported: bool | None = resource.Body(
        '__support_diskintensive', type=resource.FlexibleBool
    )
    """Whether the image runs on disk-intensive servers. *Type: bool*"""
    is_high_performance_supported: bool | None = resource.Body(
        '__support_highperformance', type=resource.FlexibleBool
    )
    """Whether the image runs on high-performance servers. *Type: bool*"""
    xen_gpu_type: str | None = resource.Body('__support_xen_gpu_type')
    """GPU type that the image supports on Xen; excludes ``is_kvm_supported``
    and ``is_xen_supported``."""
    kvm_gpu_type: str | None = resource.Body('__support_kvm_gpu_type')
    """GPU type that the image supports on KVM; excludes ``is_kvm_supported``
    and ``is_xen_supported``."""
    kvm_fpga_type: str | None = resource.Body('__support_kvm_fpga_type')
    """FPGA type that the image supports on KVM."""
    is_xen_hana_supported: bool | None = resource.Body(
        '__support_xen_hana', type=resource.FlexibleBool
    )
    """Whether the image runs on HANA servers on Xen; excludes
    ``is_kvm_supported`` and ``is_xen_supported``. *Type: bool*"""
    is_kvm_infiniband_supported: bool | None = resource.Body(
        '__support_kvm_infiniband', type=resource.FlexibleBool
    )
    """Whether the image supports InfiniBand on KVM; excludes
    ``is_xen_supported``. *Type: bool*"""
    is_hi1822_sriov_supported: bool | None = resource.Body(
        '__support_kvm_hi1822_hisriov', type=resource.FlexibleBool
    )
    """Whether the image supports SR-IOV (O). *Type: bool*"""
    is_hi1822_virtio_net_supported: bool | None = resource.Body(
        '__support_kvm_hi1822_hivirtionet', type=resource.FlexibleBool
    )
    """Whether the image supports Virtio-Net (O). *Type: bool*"""
    is_amd: bool | None = resource.Body(
        '__support_amd', type=resource.FlexibleBool
    )
    """Whether the image is for AMD's x86 processors (O, H). *Type: bool*"""
    is_arm: bool | None = resource.Body(
        '__support_arm', type=resource.FlexibleBool
    )
    """Whether the image is for ARM processors (H). *Type: bool*"""
    is_injection_unsupported: bool | None = resource.Body(
        '__support_fc_inject', type=resource.FlexibleBool
    )
    """Whether Cloud-Init does NOT inject passwords and keys; the wire name
    says the opposite of what its "true" means. *Type: bool*"""

    @property
    def created_datetime(self) -> datetime.datetime | None:
        """``created_at``, parsed, in UTC."""
        return resource.parse_time(self.created_at)

    @property
    def updated_datetime(self) -> datetime.datetime | None:
        """``updated_at``, parsed, in UTC."""
        return resource.parse_time(self.updated_at)

    @property
    def active_datetime(self) -> datetime.datetime | None:
        """``active_at``, parsed, in UTC."""
        return resource.parse_time(self.active_at)

    @property
    def deleted_datetime(self) -> datetime.datetime | None:
        """``deleted_at``, parsed, in UTC."""
        return resource.parse_time(self.deleted_at)

    @property
    def tag_map(self) -> dict[str, str]:
        """The image's tags as a mapping of keys to values."""
        return dict(
            _tag.read_tag(text)
            for text in self.tags or ()
            if isinstance(text, str)
        )


#: Whatever stands for an image.
AnyImage = str | CloudImage | _image.Image


class CloudImageMixin(proxy.Proxy):
    """``conn.ims``: images as the extension API shows them."""

    def cloud_images(
        self,
        *,
        max_items: int | None = None,
        paginated: bool = True,
        **query: Unpack[_query.ImageFilters],
    ) -> Generator[CloudImage, None, None]:
        """List images (operation 1: ``GET /v2/cloudimages``).

        While one page is looked at, the next one is fetched.

        :param max_items: The most images to list, however many there are.
        :param paginated: Whether to list more than one page.
        :param query: Filters, under the attributes' names or as the service
            writes them: ``image_type`` (``gold``, ``private``, ``shared``,
            ``market``), ``visibility``, ``owner``, ``id`` (one or several),
            ``status``, ``name`` (exact), ``os_type``, ``os_bit``,
            ``platform``, ``disk_format``, ``container_format``,
            ``min_disk`` (GiB), ``min_ram`` (MiB), ``tag``
            (``key=value``, or a mapping of one key), ``member_status`` (with
            ``visibility='shared'``), ``virtual_env_type``,
            ``architecture`` (H), ``flavor_id`` (H),
            ``enterprise_project_id``, ``cmk_id``, ``created_at`` and
            ``updated_at``, ``is_protected``, ``is_registered``,
            ``is_whole_image``, and the attributes that tell what an image
            supports. Clouds know more than their references: ``os_version``,
            ``agents``, ``size_min`` and ``size_max`` (bytes),
            ``hw_disk_bus``, and any name that begins with ``__``, which goes
            to the cloud unchecked.

            Times are ``datetime``, ``date`` or ISO 8601, in UTC if they have
            no zone, with an operator in front (``gt:2026-01-31``) or in a
            mapping: ``{'gte': date(2026, 1, 1), 'lt': date(2026, 2, 1)}``;
            ``gt``, ``gte``, ``lt``, ``lte``, ``eq``, ``neq``. A date alone
            is the whole day.

            ``is_hidden`` lists hidden images, which are in no other list;
            ``member_status='all'`` the ones of every status, a list for
            each. ``properties``, a mapping, finds images with properties of
            their own: the cloud lists all, and the others are left out here.

            ``sort_key`` and ``sort_dir`` (``asc``, ``desc``) order the list;
            ``limit`` is the size of a page, 1,000 by default and less where
            the cloud cannot deliver as many; ``marker`` is the ID of the
            image to begin after.
        :returns: A generator of :class:`CloudImage`, every image once.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for a filter
            that does not exist.
        :raises: :class:`~ims_ext.exceptions.PagingError` for a page that
            repeats, or an image that is deleted while the list goes on from
            it.
        """
        wanted = image_filter.read(CloudImage, query)
        if max_items is not None:
            max_items = validation.check_number(
                'max_items', max_items, 'images'
            )
        if wanted.conditions:
            chosen = filter(wanted.matches, self._listed(wanted, paginated))
            return (
                image for image in itertools.islice(chosen, max_items or None)
            )
        if max_items and not query.get('limit'):
            wanted.wire['limit'] = min(max_items, wanted.wire['limit'])
        return self._listed(wanted, paginated, max_items)

    def _listed(
        self,
        wanted: image_filter.ImageFilter,
        paginated: bool,
        max_items: int | None = None,
    ) -> Generator[CloudImage, None, None]:
        """List images by the filters that the service takes."""
        if wanted.wire.get('member_status') == 'all':
            return self._listed_of_all_statuses(wanted, paginated, max_items)
        wire = dict(wanted.wire)
        # One of ours may be too large for the cloud, but not of one image.
        is_ours = not wanted.has_own_limit and 'id' not in wire
        size = wire.pop('limit') if is_ours else None
        found: Generator[CloudImage, None, None] = self._list(
            CloudImage,
            paginated=paginated,
            base_path=_image.Image.base_path if wanted.is_native else None,
            max_items=max_items,
            page_size=size,
            **wire,
        )
        return found

    def _listed_of_all_statuses(
        self,
        wanted: image_filter.ImageFilter,
        paginated: bool,
        max_items: int | None,
    ) -> Generator[CloudImage, None, None]:
        # The service takes one at a time; an answer may change meanwhile.
        lists = [
            self._listed(
                dataclasses.replace(
                    wanted, wire={**wanted.wire, 'member_status': status}
                ),
                paginated,
                max_items,
            )
            for status in image_filter.MEMBER_STATUSES
        ]
        images = {
            image.id: image for image in itertools.chain.from_iterable(lists)
        }
        yield from itertools.islice(images.values(), max_items or None)

    def get_cloud_image(self, image: AnyImage) -> CloudImage:
        """Get an image by its ID (operation 1).

        :param image: The image or its ID.
        :returns: The :class:`CloudImage` as it is now.
        :raises: :class:`~openstack.exceptions.NotFoundException` where the
            project sees no such image.
        """
        wanted = image_id(image)
        found = next(self.cloud_images(id=wanted), None)
        if found is not None and found.id == wanted:
            return found
        return self._unlisted_image(wanted)

    def _unlisted_image(self, wanted: str) -> CloudImage:
        """Get an image that the extension does not list.

        It may be hidden, or have no data yet. Glance's operation shows it.
        """
        missing = f"No image found for {wanted}"
        found = CloudImage.new(id=wanted, connection=self._get_connection())
        try:
            response = self.get(f'{_image.Image.base_path}/{wanted}')
            sdk.translate(found, response, error_message=missing)
        except sdk_exceptions.NotFoundException:
            raise exceptions.NotFoundError(missing) from None
        except Exception as error:
            # The list has said that there is none: that a second look fails,
            # in whatever way, does not make it one.
            raise exceptions.NotFoundError(
                f"{missing} in the list of images, and a hidden one could "
                f"not be looked for: {error}"
            ) from error
        if found.id != wanted or not self._is_unlisted(found):
            raise exceptions.NotFoundError(missing)
        return found

    def _is_unlisted(self, image: CloudImage) -> bool:
        """Whether an image is one that lists leave out.

        One that another project shares, and that was not accepted, is not.
        """
        is_hidden = (image.properties or {}).get('os_hidden')
        return bool(
            resource.FlexibleBool.deserialize(is_hidden)
            or image.owner == self.get_project_id()
        )

    @overload
    def find_cloud_image(
        self,
        name_or_id: str,
        ignore_missing: Literal[False],
        **query: Unpack[_query.ImageFilters],
    ) -> CloudImage: ...

    @overload
    def find_cloud_image(
        self,
        name_or_id: str,
        ignore_missing: bool = True,
        **query: Unpack[_query.ImageFilters],
    ) -> CloudImage | None: ...

    def find_cloud_image(
        self,
        name_or_id: str,
        ignore_missing: bool = True,
        **query: Unpack[_query.ImageFilters],
    ) -> CloudImage | None:
        """Find an image by its name or ID (operation 1).

        :param name_or_id: The name or the ID; an image with that ID goes
            before one with that name. Without filters, a hidden image is
            found by its ID.
        :param ignore_missing: Whether to return ``None`` where there is no
            such image.
        :param query: Filters as for :meth:`cloud_images`.
        :returns: The :class:`CloudImage`, or ``None``.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is none and ``ignore_missing`` is ``False``.
        :raises: :class:`~openstack.exceptions.DuplicateResource` where
            several have the name.
        """
        if not isinstance(name_or_id, str) or not name_or_id:
            raise exceptions.ValidationError(
                f"{name_or_id!r} is no image's name and no ID"
            )
        filters: list[str] = ['name']
        if _is_uuid(name_or_id):
            filters.insert(0, 'id')
        for key in filters:
            named = cast(_query.ImageFilters, {**query, key: name_or_id})
            found = list(self.cloud_images(**named))
            if len(found) > 1:
                raise ambiguity.duplicate(
                    'image', name_or_id, [image.id for image in found]
                )
            if found:
                return found[0]
        try:
            if query or not _is_uuid(name_or_id):
                raise exceptions.NotFoundError(
                    f"No image found for {name_or_id}"
                )
            return self._unlisted_image(name_or_id)
        except exceptions.NotFoundError:
            if ignore_missing:
                return None
            raise

    def update_cloud_image(
        self, image: AnyImage, **attrs: Unpack[_query.ImageChanges]
    ) -> CloudImage:
        """Change an image (operation 2: ``PATCH /v2/cloudimages/{id}``).

        The smallest patch is sent that leads from the image as it is to what
        is wanted, and none if it is so already. A :class:`CloudImage` is
        taken as it was when it was got; for anything else it is got first.
        Where the cloud refuses the patch since the image is another one by
        now, it is got again, and the patch that leads from there is sent.

        :param image: The image or its ID. Only ``active`` ones of one's own
            can be changed.
        :param attrs: New values; ``None`` removes. ``name``,
            ``description``, ``min_ram`` and ``max_ram`` (MiB),
            ``hw_firmware_type`` (``bios``, ``uefi``),
            ``enterprise_project_id``, ``is_config_init``,
            ``is_vif_multiqueue_enabled``, ``is_injection_unsupported``, and
            the attributes that tell what an image supports.
            ``properties`` is a mapping of the image's own further
            attributes, whose names have no capital letters.
        :returns: The :class:`CloudImage` as it is then.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for an
            attribute that cannot be changed, or a value that is not allowed.
        """
        wanted = image_patch.wire_changes(CloudImage, attrs)
        current = (
            image
            if isinstance(image, CloudImage)
            else self.get_cloud_image(image)
        )
        image_patch.check_exclusive(current, attrs)
        patch = image_patch.difference(current, wanted)
        if not patch:
            return current
        try:
            return self._patch_image(current, patch)
        except (exceptions.BadRequestError, exceptions.ConflictError) as error:
            if not image_patch.may_be_outdated(error):
                raise
            current = self.get_cloud_image(current.id)
            anew = image_patch.difference(current, wanted)
            if anew == patch:
                # The image is as it was believed to be.
                raise
        return self._patch_image(current, anew) if anew else current

    def _patch_image(
        self, current: CloudImage, patch: list[dict[str, Any]]
    ) -> CloudImage:
        response = self.patch(
            f'{CloudImage.base_path}/{current.id}', json=patch
        )
        updated = CloudImage.new(
            id=current.id, connection=self._get_connection()
        )
        sdk.translate(
            updated,
            response,
            error_message=f"Cannot change the image {current.id}",
        )
        return updated


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def image_id(image: Any) -> str:
    """Return an image's ID.

    :param image: The image, of whatever kind, or its ID.
    :raises: :class:`~ims_ext.exceptions.ValidationError` where it has none.
    """
    return request_check.check_id(sdk.id_of(image), image, 'an image')
