# SPDX-License-Identifier: Apache-2.0
"""Glance's own operations, with what the clouds add to them."""

from collections.abc import Generator, Mapping
import datetime
import itertools
from typing import Any, cast

from keystoneauth1 import adapter
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
from openstack.image.v2 import image as _image
from openstack.image.v2 import member as _member
from openstack.image.v2 import service_info as _service_info

from ims_ext import diskimage
from ims_ext import exceptions
from ims_ext import paging
from ims_ext import proxy
from ims_ext import reconcile
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext import wire_names
from ims_ext.extension import ambiguity
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import image_patch
from ims_ext.extension import image_time
from ims_ext.extension import tag_rules as _tag
from ims_ext.reconcile import image as image_trace
from ims_ext.transport import response_body

_PATCH_V20 = 'application/openstack-images-v2.0-json-patch'


class Member(resource.native(_member.Member)):  # type: ignore[misc]
    """openstacksdk's image member, and what the clouds add to it."""

    vault_id: str | None = sdk_resource.Body('vault_id')
    """ID of the vault for the backup behind a full-server image (O, H)."""


class _ListedImage(resource.native(_image.Image)):  # type: ignore[misc]
    """Lists openstacksdk's images, at less cost."""

    @classmethod
    def list(
        cls, session: adapter.Adapter, *args: Any, **kwargs: Any
    ) -> Generator[_image.Image, None, None]:
        """List images: as openstacksdk does, but in larger pages."""
        return paging.list_resources(
            resource.native(_image.Image),
            session,
            *args,
            page_size=paging.PAGE_SIZE,
            **kwargs,
        )


class NativeMixin(proxy.Proxy):
    """``conn.ims``: additions to what is inherited from ``conn.image``."""

    def images(self, **query: Any) -> Generator[_image.Image, None, None]:
        """List images (``GET /v2/images``).

        As ``conn.image.images()``, at a small part of its cost: in pages of
        1,000 images, of which the next one is fetched while one is looked
        at.

        :param query: As for ``conn.image.images()``. With ``limit=None``,
            the cloud decides on the size of a page. ``created_at`` and
            ``updated_at`` can be dates and datetimes, as for
            ``cloud_images``.
        :returns: A generator of :class:`~openstack.image.v2.image.Image`.
        :raises: :class:`~ims_ext.exceptions.PagingError` for a page that
            repeats, or an image that is deleted while the list goes on from
            it.
        """
        others: list[image_time.TimeCondition] = []
        for name in image_time.ATTRIBUTES:
            if isinstance(query.get(name), datetime.date | Mapping):
                sent, *rest = image_time.conditions(name, query[name])
                query[name] = str(sent)
                others += rest
        if others:
            most = query.pop('max_items', None) or None
            listed = (
                image
                for image in self._list(_ListedImage, **query)
                if all(condition.holds(image) for condition in others)
            )
            return (image for image in itertools.islice(listed, most))
        images: Generator[_image.Image, None, None] = self._list(
            _ListedImage, **query
        )
        return images

    def find_image(  # type: ignore[override]
        self, name_or_id: str, ignore_missing: bool = True
    ) -> _image.Image | None:
        """Find an image by its name or ID (``GET /v2/images``).

        As ``conn.image.find_image()``, which looks among hidden images, too;
        but where several have the name, the error tells their IDs.

        :param name_or_id: The name or the ID.
        :param ignore_missing: Whether to return ``None`` where there is no
            such image.
        :returns: The :class:`~openstack.image.v2.image.Image`, or ``None``.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is none and ``ignore_missing`` is ``False``.
        :raises: :class:`~openstack.exceptions.DuplicateResource` where
            several have the name.
        """
        inherited: Any = super().find_image
        found: _image.Image | None = ambiguity.told(
            'image',
            name_or_id,
            lambda: inherited(name_or_id, ignore_missing=ignore_missing),
            lambda: [
                *self.images(name=name_or_id),
                *self.images(name=name_or_id, is_hidden=True),
            ],
        )
        return found

    def create_image_metadata(
        self,
        name: str,
        *,
        disk_format: str = 'zvhd2',
        min_disk: int | None = None,
        min_ram: int = 0,
        os_version: str | None = None,
        tags: _tag.Tags | None = None,
        is_protected: bool = False,
    ) -> _image.Image:
        """Create an image without data (``POST /v2/images``).

        It is private and waits, in status ``queued``, for its data: from
        ``image.upload``, or from a bucket with ``register_image``. Unlike
        ``create_image``, it sends what the clouds document and no more.

        :param name: Up to 255 letters, digits, spaces, ``-``, ``_``, ``.``.
        :param disk_format: ``zvhd2``, ``zvhd``, ``vhd``, ``raw``, ``qcow2``
            or ``iso``.
        :param min_disk: GiB of the smallest disk that the image fits on, 1
            to 1024.
        :param min_ram: MiB of memory that a server from the image needs.
        :param os_version: Operating system with version.
        :param tags: A mapping, or a list of
            :class:`~ims_ext.extension.tag.Tag`.
        :param is_protected: Whether the image is protected from deletion.
        :returns: The :class:`~openstack.image.v2.image.Image`.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for what the
            service documents as not permitted.
        """
        metadata: dict[str, Any] = {
            'name': validation.check_name(name, longest=255),
            'disk_format': validation.check_choice(
                'disk_format', disk_format, diskimage.NATIVE_FORMATS
            ),
            'container_format': 'bare',
            'min_ram': validation.check_number('min_ram', min_ram, 'MiB'),
            'tags': _tag.wire_strings(_tag.check_tags(tags or ())),
            'visibility': 'private',
            'is_protected': validation.check_flag(
                'is_protected', is_protected
            ),
        }
        if min_disk is not None:
            metadata['min_disk'] = validation.check_min_disk(min_disk)
        if os_version:
            metadata['properties'] = {
                '__os_version': validation.check_os_version(os_version)
            }
        created: _image.Image = self._create(_image.Image, **metadata)
        return created

    def _create(self, resource_type: Any, *args: Any, **attrs: Any) -> Any:
        # What openstacksdk's own methods create comes by here as well.
        def send() -> Any:
            made = super(NativeMixin, self)._create(
                resource_type, *args, **attrs
            )
            if trace is not None and not made.id:
                raise exceptions.InvalidAnswerError(
                    f"The cloud accepted {resource_type.base_path} but did "
                    f"not tell what it has made"
                )
            return made

        trace = None if args else _trace(resource_type, attrs)
        return reconcile.make_once(self, trace, send) if trace else send()

    def _update(
        self, resource_type: Any, value: Any, *args: Any, **attrs: Any
    ) -> Any:
        # What openstacksdk's own methods change comes by here as well.
        change = super()._update
        if not isinstance(value, _image.Image) or not attrs:
            return change(resource_type, value, *args, **attrs)
        believed = dict(sdk.body_attributes(value))
        try:
            return change(resource_type, value, *args, **attrs)
        except (exceptions.BadRequestError, exceptions.ConflictError) as error:
            if not image_patch.may_be_outdated(error):
                raise
            current = self.get_image(value.id)
            if dict(sdk.body_attributes(current)) == believed:
                raise
        sdk.take_over(value, change(resource_type, current, *args, **attrs))
        return value

    def delete_image(
        self,
        image: str | _image.Image,
        *,
        store: str | _service_info.Store | None = None,
        ignore_missing: bool = True,
        delete_backup: bool | None = None,
    ) -> None:
        """Delete an image (``DELETE /v2/images/{image_id}``).

        :param image: The image or its ID.
        :param store: The store to delete it from, as for ``conn.image``.
        :param ignore_missing: Whether it is no error that there is no such
            image.
        :param delete_backup: Whether the backup behind a full-server image
            is deleted with it; nothing is said of it by default, and the
            cloud keeps it then.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for both
            ``store`` and ``delete_backup``.
        :raises: :class:`~openstack.exceptions.NotFoundException` where there
            is none and ``ignore_missing`` is ``False``.
        """
        if delete_backup is None:
            super().delete_image(
                image, store=store, ignore_missing=ignore_missing
            )
            return
        if store:
            raise exceptions.ValidationError(
                "An image is deleted from a store, or with its backup, not "
                "both"
            )
        body = {
            'delete_backup': validation.check_flag(
                'delete_backup', delete_backup
            )
        }
        found = self._get_resource(_image.Image, _cloud_image.image_id(image))
        request = sdk.prepared(found)
        try:
            exceptions.raise_from_response(
                self.delete(request.url, json=body),
                f"Cannot delete the image {found.id}",
            )
        except sdk_exceptions.NotFoundException:
            if not ignore_missing:
                raise

    def update_image_v20(
        self, image: _cloud_image.AnyImage, **attrs: Any
    ) -> _image.Image:
        """Change an image with the older of Glance's two patches.

        ``PATCH /v2/images/{image_id}`` with the content type
        ``application/openstack-images-v2.0-json-patch``; ``update_image``
        uses v2.1. The same changes, for clouds or gateways that take only
        the older one.

        :param image: The image, taken as it was when it was got, or its ID:
            then it is got first.
        :param attrs: New values, as for ``update_image``; ``None`` removes.
        :returns: The :class:`~openstack.image.v2.image.Image` as it is then.
        """
        if not isinstance(image, _image.Image):
            image = self.get_image(_cloud_image.image_id(image))
        patch = _patch_v20(image, attrs)
        if not patch:
            return image
        try:
            return self._patch_v20(image, patch)
        except (exceptions.BadRequestError, exceptions.ConflictError) as error:
            if not image_patch.may_be_outdated(error):
                raise
            image = self.get_image(image.id)
            anew = _patch_v20(image, attrs)
            if anew == patch:
                raise
        return self._patch_v20(image, anew) if anew else image

    def _patch_v20(
        self, image: _image.Image, patch: list[dict[str, Any]]
    ) -> _image.Image:
        response = self.patch(
            f'{image.base_path}/{image.id}',
            json=patch,
            headers={'Content-Type': _PATCH_V20, 'Accept': ''},
        )
        exceptions.raise_from_response(
            response, f"Cannot change the image {image.id}"
        )
        changed: _image.Image = resource.native(_image.Image).new(
            id=image.id, connection=self._get_connection()
        )
        sdk.translate(
            changed,
            response_body.checked(
                response,
                response_body.describes(_image.Image),
                f"Cannot change the image {image.id}",
            ),
        )
        return changed

    def update_member(
        self,
        member: str | _member.Member,
        image: str | _image.Image,
        **attrs: Any,
    ) -> _member.Member:
        """Answer to an image that another project shares.

        ``PUT /v2/images/{image_id}/members/{member_id}``.

        :param member: The member, or its project's ID.
        :param image: The image or its ID.
        :param attrs: ``status`` (``accepted``, ``rejected``), and
            ``vault_id``: the vault that the backup behind a full-server
            image from CBR is copied to, needed to accept one (O, H).
        :returns: The :class:`~openstack.image.v2.member.Member` as it is
            then.
        """
        changed: _member.Member = Member.new(
            id=sdk.id_of(member),
            image_id=_cloud_image.image_id(image),
            connection=self._connection_with_project(),
            **attrs,
        )
        # The project is in the path: the documented body lacks it.
        sdk.clean(changed, 'member')
        return changed.commit(
            self._checked_session(Member, "Updating"), prepend_key=False
        )


class _MemberTrace(reconcile.Trace[_member.Member]):
    """A project that an image has as its member now."""

    is_repeatable = True

    def __init__(self, resource_type: Any, image_id: str, project: str):
        self._resource_type = resource_type
        self._image_id = image_id
        self._project = project
        self.what = f"the sharing of the image {image_id} with {project}"
        self.advice = f'openstack image member list {image_id}'

    def find(
        self, proxy: Any, moment: reconcile.Moment
    ) -> _member.Member | None:
        """Look for the member."""
        found = self._resource_type.new(
            id=self._project,
            image_id=self._image_id,
            connection=sdk.connection_of(proxy),
        )
        try:
            member: _member.Member = found.fetch(
                proxy._checked_session(self._resource_type)
            )
        except sdk_exceptions.NotFoundException:
            return None
        return member


def _trace(
    resource_type: Any, attrs: Mapping[str, Any]
) -> reconcile.Trace[Any] | None:
    """Return how the creation of something native is recognised."""
    if resource_type is _image.Image and attrs.get('name'):
        wanted = image_trace.Wanted(str(attrs['name']))
        return image_trace.ImageTrace([wanted], 'queued')
    if issubclass(resource_type, _member.Member):
        project = attrs.get('member') or attrs.get('member_id')
        if project and attrs.get('image_id'):
            return _MemberTrace(
                resource_type, str(attrs['image_id']), str(project)
            )
    return None


def _patch_v20(
    image: _image.Image, attrs: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """Return the older patch from an image as it is to what is wanted."""
    body = sdk.body_attributes(image)
    present = {**(body.get('properties') or {}), **body}
    names = {
        python: wire
        for wire, python in wire_names.attribute_names(type(image)).items()
    }
    given = {**(attrs.get('properties') or {}), **attrs}
    given.pop('properties', None)
    wanted = {names.get(name, name): value for name, value in given.items()}
    changes = image_patch.difference(
        # Of either kind: only what the answer said of it matters.
        cast(Any, image),
        {
            name: value
            for name, value in wanted.items()
            # Numbers and truth values are as typed here as in the answers.
            if value is None or present.get(name) != value
        },
    )
    return [
        {change['op']: change['path']}
        | {name: change[name] for name in ('value',) if name in change}
        for change in changes
    ]
