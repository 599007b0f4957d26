# SPDX-License-Identifier: Apache-2.0
"""Sharing images: with which projects, and what those have answered."""

from collections.abc import Generator, Iterable, Mapping, Sequence
import datetime
import re
from typing import Any, Unpack, cast

from openstack import connection
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource
from openstack.identity.v3 import project as _project

from ims_ext import exceptions
from ims_ext import resource
from ims_ext import sdk
from ims_ext import validation
from ims_ext.extension import ambiguity
from ims_ext.extension import cloud_image as _cloud_image
from ims_ext.extension import job as _job
from ims_ext.extension import job_effect
from ims_ext.extension import member_effect
from ims_ext.extension import query as _query
from ims_ext.reconcile import member as member_trace
from ims_ext.transport import response_body

#: Projects that an image can be shared with: 128 (F, H) or 256 (O). What is
#: above the larger one is refused unsent, the cloud decides on the rest.
MOST_MEMBERS = 256

#: What a project can answer to an image that is shared with it.
STATUSES = ('accepted', 'rejected')

#: The ID of a project, or of a part of an organization (H).
_ID = re.compile(
    r'[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|ou?-[0-9a-z]+'
)

#: Whatever stands for a project.
AnyProject = str | _project.Project


class ImageMember(resource.Resource):
    """A project that an image is shared with, and its answer.

    Operation 25 (H): ``GET /v1/{project_id}/cloudimages/{image_id}/members``
    and ``…/members/{member_id}``.
    """

    base_path = '/v1/%(project_id)s/cloudimages/%(image_id)s/members'
    resources_key = 'members'

    allow_fetch = True
    allow_list = True

    project_id: str | None = resource.URI('project_id')
    """The project that asks."""
    image_id: str | None = resource.URI('image_id')
    """ID of the image."""

    member_id: str | None = resource.Body('member_id', alternate_id=True)
    """ID of the project, or of the organization, that the image is shared
    with."""
    status: str | None = resource.Body('status')
    """``pending``, ``accepted`` or ``rejected``."""
    created_at: str | None = resource.Body('created_at')
    """When the image was shared, as the cloud wrote it (UTC)."""
    updated_at: str | None = resource.Body('updated_at')
    """When the status was last changed, as the cloud wrote it (UTC)."""
    schema: str | None = resource.Body('schema')
    """Path of a member's JSON schema."""
    member_type: str | None = resource.Body('member_type')
    """What kind of member it is, for example ``organization``."""
    urn: str | None = resource.Body('urn')
    """The organization's URN, where the member is one."""

    @property
    def created_datetime(self) -> datetime.datetime | None:
        """``created_at``, parsed, in UTC."""
        return resource.parse_time(self.created_at)

    @property
    def updated_datetime(self) -> datetime.datetime | None:
        """``updated_at``, parsed, in UTC."""
        return resource.parse_time(self.updated_at)

    repeated = frozenset(('image_id',))
    pages_by_marker = False

    @classmethod
    def _get_next_link(
        cls,
        uri: str,
        response: Any,
        data: Any,
        marker: str | None,
        limit: Any,
        total_yielded: int,
    ) -> tuple[str | None, Mapping[str, Any]]:
        """Page by the marker that a page names for the next one."""
        page = data.get('page_info') or {}
        following = page.get('next_marker')
        if not following:
            return None, {}
        query = {'marker': following, 'limit': limit}
        return uri, {name: value for name, value in query.items() if value}


class MemberAddition(resource.JobRequest):
    """Sharing of images with projects: operation 24.

    ``POST /v1/cloudimages/members``
    """

    base_path = '/v1/cloudimages/members'
    purpose = "Sharing the images"

    images = resource.Body('images', type=list)
    """IDs of the images. *Type: list of str*"""
    projects = resource.Body('projects', type=list)
    """IDs of the projects, each to get all of the images. *Type: list of str*
    """

    def trace(self) -> member_trace.MemberTrace:
        """Recognise it by the images' members."""
        return member_trace.MemberTrace(self.images, self.projects)

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the images' members."""
        return member_effect.of_batch(
            job, self.trace(), self.images, self.projects
        )


class MemberRemoval(MemberAddition):
    """End of sharing images with projects: operation 24.

    ``DELETE /v1/cloudimages/members``, with a body.
    """

    method = 'DELETE'
    purpose = "Ending the sharing of the images"

    def trace(self) -> member_trace.MemberTrace:
        """Recognise it by the images' members."""
        return member_trace.RemovalTrace(self.images, self.projects)


class MemberUpdate(resource.JobRequest):
    """A project's answer to images shared with it: operation 24.

    ``PUT /v1/cloudimages/members``
    """

    base_path = '/v1/cloudimages/members'
    method = 'PUT'
    purpose = "Answering the sharing of the images"

    images = resource.Body('images', type=list)
    """IDs of the images. *Type: list of str*"""
    project_id = resource.Body('project_id')
    """ID of the project that answers."""
    status = resource.Body('status')
    """``accepted`` or ``rejected``."""
    vault_id = resource.Body('vault_id')
    """ID of the vault for the backup behind a full-server image (O, H)."""

    def trace(self) -> member_trace.MemberTrace:
        """Recognise it by the answers among the images' members."""
        return member_trace.UpdateTrace(
            self.images, self.project_id, self.status, self.vault_id
        )

    def effects(self, job: _job.Job) -> Sequence[job_effect.Effect]:
        """Follow the images' members."""
        return member_effect.of_batch(
            job, self.trace(), self.images, [self.project_id]
        )


class MemberMixin(_job.JobMixin):
    """``conn.ims``: sharing images with other projects."""

    # ====== BATCHES ======

    def add_image_members(
        self,
        images: _cloud_image.AnyImage | Iterable[_cloud_image.AnyImage],
        projects: AnyProject | Iterable[AnyProject],
        *,
        wait: bool = False,
        timeout: float | None = None,
    ) -> _job.Job:
        """Share images with projects (operation 24).

        ``POST /v1/cloudimages/members``; job type ``imsAddImageMembersJob``.
        One request, whatever the number of images; each project sees the
        images as ``pending`` until it answers.

        :param images: The images or their IDs, one or several. Only private
            ones of one's own, not encrypted, and not full-server ones except
            for those from a CBR backup (O, H).
        :param projects: The projects, their IDs, or the names of those that
            the identity service shows; one or several. An image can be
            shared with 128 (F, H) or 256 (O); more than that are refused,
            not split, since no image could have them.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; for each pair's result see
            :func:`~ims_ext.extension.member_result.read`.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for no images,
            no projects or too many.
        :raises: :class:`~openstack.exceptions.NotFoundException` for a name
            that no project has.
        :raises: :class:`~ims_ext.exceptions.NotShareableError`, and
            :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        request = MemberAddition.new(
            images=image_ids(images),
            projects=project_ids(self._own_connection, projects),
        )
        return self._start_job(request, wait=wait, timeout=timeout)

    def remove_image_members(
        self,
        images: _cloud_image.AnyImage | Iterable[_cloud_image.AnyImage],
        projects: AnyProject | Iterable[AnyProject],
        *,
        wait: bool = False,
        timeout: float | None = None,
    ) -> _job.Job:
        """Share images with projects no more (operation 24).

        ``DELETE /v1/cloudimages/members``; job type
        ``imsDelImageMembersJob``. One request.

        :param images: The images or their IDs, one or several.
        :param projects: As for :meth:`add_image_members`.
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; for each pair's result see
            :func:`~ims_ext.extension.member_result.read`.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for no images,
            no projects or too many.
        :raises: :class:`~openstack.exceptions.NotFoundException` for a name
            that no project has.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        request = MemberRemoval.new(
            images=image_ids(images),
            projects=project_ids(self._own_connection, projects),
        )
        return self._start_job(request, wait=wait, timeout=timeout)

    def update_image_members(
        self,
        images: _cloud_image.AnyImage | Iterable[_cloud_image.AnyImage],
        project: AnyProject,
        status: str,
        vault: str | sdk_resource.Resource | None = None,
        *,
        wait: bool = False,
        timeout: float | None = None,
    ) -> _job.Job:
        """Accept or reject images that others share (operation 24).

        ``PUT /v1/cloudimages/members``; job type
        ``imsUpdateImageMembersJob``. One request.

        :param images: The images or their IDs, one or several.
        :param project: The project that answers: one's own, as for
            :meth:`add_image_members`.
        :param status: ``accepted``: lists show the image; ``rejected``: they
            do not, though servers can still be made from it.
        :param vault: The vault, or its ID, that the backup behind a
            full-server image from CBR is copied to; needed to accept one
            (O, H).
        :param wait: Whether to wait for the job's end.
        :param timeout: Seconds to wait at most, an hour by default.
        :returns: The :class:`~ims_ext.extension.job.Job`, started, or
            finished with ``wait``; for each image's result see
            :func:`~ims_ext.extension.member_result.read`.
        :raises: :class:`~ims_ext.exceptions.ValidationError` for no images,
            or another status.
        :raises: :class:`~openstack.exceptions.NotFoundException` for a name
            that no project has.
        :raises: :class:`~ims_ext.exceptions.JobFailedError` with ``wait``.
        """
        body: dict[str, Any] = {
            'images': image_ids(images),
            'project_id': project_ids(self._own_connection, project)[0],
            'status': validation.check_choice('status', status, STATUSES),
        }
        if vault is not None:
            body['vault_id'] = validation.check_text('vault', sdk.id_of(vault))
        return self._start_job(
            MemberUpdate.new(**body), wait=wait, timeout=timeout
        )

    # ====== LOOKING ======

    def image_members(
        self, image: _cloud_image.AnyImage, **query: Unpack[_query.PageFilters]
    ) -> Generator[ImageMember, None, None]:
        """List whom an image is shared with (operation 25, H only).

        ``GET /v1/{project_id}/cloudimages/{image_id}/members``. The
        inherited ``members(image)`` works on all clouds.

        :param image: The image or its ID.
        :param query: ``limit``, the size of a page from 1 to 1000, and
            ``marker``, where to begin, as the cloud named it.
        :returns: A generator of :class:`ImageMember`, every one once: all of
            them for the image's owner, for a member itself.
        :raises: :class:`~ims_ext.exceptions.UnsupportedOperationError` on
            clouds without this operation.
        """
        validation.check_known('filter', query, ('limit', 'marker'))
        members: Generator[ImageMember, None, None] = self._list(
            ImageMember,
            image_id=_cloud_image.image_id(image),
            project_id=self.get_project_id(),
            **query,
        )
        return members

    def get_image_member(
        self, image: _cloud_image.AnyImage, project: AnyProject | ImageMember
    ) -> ImageMember:
        """Get what a project answered to an image (operation 25, H only).

        ``GET /v1/{project_id}/cloudimages/{image_id}/members/{member_id}``.
        The inherited ``get_member(project, image)`` works on all clouds.

        :param image: The image or its ID.
        :param project: As for :meth:`add_image_members`, or a member as last
            seen.
        :returns: The :class:`ImageMember` as it is now.
        :raises: :class:`~openstack.exceptions.NotFoundException` where the
            image is not shared with that project.
        :raises: :class:`~ims_ext.exceptions.UnsupportedOperationError` on
            clouds without this operation.
        """
        if isinstance(project, ImageMember):
            member_id = str(project.member_id)
        else:
            member_id = _project_id(self._own_connection, project)
        member = ImageMember.new(
            id=member_id,
            image_id=_cloud_image.image_id(image),
            project_id=self.get_project_id(),
            connection=self._get_connection(),
        )
        return member.fetch(
            self,
            error_message=f"Cannot look up the member {member_id} of the "
            f"image {member.image_id}",
        )


def image_ids(
    images: _cloud_image.AnyImage | Iterable[_cloud_image.AnyImage],
) -> list[str]:
    """Return the IDs of images, each once.

    :param images: The images or their IDs, one or several.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for none.
    """
    if isinstance(images, str | sdk_resource.Resource):
        images = cast(list[_cloud_image.AnyImage], [images])
    found = list(
        dict.fromkeys(
            _cloud_image.image_id(image)
            for image in validation.check_several('images', images)
        )
    )
    if not found:
        raise exceptions.ValidationError("No image was given")
    return found


def project_ids(
    conn: connection.Connection, projects: AnyProject | Iterable[AnyProject]
) -> list[str]:
    """Return the IDs of projects, each once.

    :param conn: Whose identity service knows the projects with names.
    :param projects: The projects, their IDs or names, one or several.
    :raises: :class:`~ims_ext.exceptions.ValidationError` for none, or more
        than an image can be shared with.
    :raises: :class:`~openstack.exceptions.NotFoundException` for a name that
        no project has.
    """
    if isinstance(projects, str | sdk_resource.Resource):
        projects = cast(list[AnyProject], [projects])
    found = list(
        dict.fromkeys(
            _project_id(conn, project)
            for project in validation.check_several('projects', projects)
        )
    )
    if not found:
        raise exceptions.ValidationError("No project was given")
    if len(found) > MOST_MEMBERS:
        raise exceptions.ValidationError(
            f"{len(found)} projects were given; an image can be shared with "
            f"128, on some clouds with {MOST_MEMBERS}"
        )
    return found


def is_project_id(text: str) -> bool:
    """Whether a text looks like a project's ID, and not like a name."""
    return bool(_ID.fullmatch(text))


def _project_id(conn: connection.Connection, project: AnyProject) -> str:
    given = sdk.id_of(project)
    if not given or not isinstance(given, str):
        raise exceptions.ValidationError(
            f"A project's ID is missing; {project!r} is none"
        )
    if isinstance(project, _project.Project) or _ID.fullmatch(given):
        return given
    identity: Any = conn.identity
    try:
        with response_body.elsewhere(f"Cannot look up the project {given}"):
            found = ambiguity.told(
                'project',
                given,
                lambda: identity.find_project(given, ignore_missing=False),
                lambda: identity.projects(name=given),
            )
    except sdk_exceptions.ForbiddenException:
        # Who may not look up projects can still name them by ID.
        return given
    return str(found.id)
