# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image member``: sharing images with other projects."""

import argparse
from typing import Any

from osc_lib import exceptions as osc_exceptions

from ims_ext import exceptions
from ims_ext.cli import command
from ims_ext.cli import job as _job
from ims_ext.cli import progress
from ims_ext.extension import member as _member
from ims_ext.extension import member_result
from ims_ext.extension.job import Job

_RESULT_COLUMNS = ('Image ID', 'Project ID', 'Status')

_COLUMNS = ('Image ID', 'Member ID', 'Status', 'Created At', 'Updated At')
_ATTRIBUTES = ('image_id', 'member_id', 'status', 'created_at', 'updated_at')


class _Batch(command.Lister):
    """A command for several images, which tells what became of each."""

    #: What is said once the table has been shown; ``None`` if all is well.
    _failure: str | None = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'images',
            metavar='<image>',
            nargs='+',
            help="Image(s) (name or ID)",
        )
        command.add_wait_options(parser, "each image's and project's result")
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        code = super().run(parsed_args)
        if self._failure:
            raise osc_exceptions.CommandError(self._failure)
        return code

    def _show(
        self,
        parsed_args: argparse.Namespace,
        job: Job,
        images: list[str],
        projects: list[str],
    ) -> Any:
        """Return the started job, or all results of the finished one."""
        if not parsed_args.wait:
            columns, values = _job.show_started_job(job)
            return columns, [values]
        try:
            with progress.Bars("Sharing") as bars:
                job = self.client.wait_for_job(
                    job, timeout=parsed_args.timeout, progress=bars.job
                )
        except exceptions.JobFailedError as error:
            job = error.job
            self._failure = str(error)
        results = member_result.read(job, images, projects)
        failed = [each for each in results if not each.is_successful]
        if failed and not self._failure:
            self._failure = (
                f"{len(failed)} of {len(results)} failed, though the job "
                f"{job.id} ended well"
            )
        return _RESULT_COLUMNS, [
            (each.image_id, each.project_id, str(each.status))
            for each in results
        ]

    def _project_ids(self, names: list[str]) -> list[str]:
        connection = self.app.client_manager.sdk_connection
        return _member.project_ids(connection, names)


class _OwnersBatch(_Batch):
    """A command for several images and several projects."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--project',
            metavar='<project>',
            dest='projects',
            action='append',
            required=True,
            help=(
                "Project (ID, or the name of one that the identity service "
                "shows; repeat option for several)"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        find = self.client.find_image
        images = _member.image_ids(
            [find(name, ignore_missing=False) for name in parsed_args.images]
        )
        projects = self._project_ids(parsed_args.projects)
        job = self._start(images, projects)
        return self._show(parsed_args, job, images, projects)

    def _start(self, images: list[str], projects: list[str]) -> Job:
        """Start the job that the command is for."""
        raise NotImplementedError


class AddImageMember(_OwnersBatch):
    """Share images with projects.

    Columns: Image ID, Project ID and Status with --wait, otherwise job_id.
    Fails if one of them does, after showing all.
    """

    def _start(self, images: list[str], projects: list[str]) -> Job:
        job: Job = self.client.add_image_members(images, projects)
        return job


class RemoveImageMember(_OwnersBatch):
    """Share images with projects no more.

    Columns: Image ID, Project ID and Status with --wait, otherwise job_id.
    Fails if one of them does, after showing all.
    """

    def _start(self, images: list[str], projects: list[str]) -> Job:
        job: Job = self.client.remove_image_members(images, projects)
        return job


class SetImageMember(_Batch):
    """Accept or reject images that other projects share.

    Columns: Image ID, Project ID and Status (whether it went well) with
    --wait, otherwise job_id. Fails if one of them does, after showing all.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--project',
            metavar='<project>',
            help="Project that answers (name or ID; default: the current one)",
        )
        status = parser.add_mutually_exclusive_group(required=True)
        status.add_argument(
            '--accept',
            action='store_const',
            const='accepted',
            dest='status',
            help="Accept the images: lists show them",
        )
        status.add_argument(
            '--reject',
            action='store_const',
            const='rejected',
            dest='status',
            help="Reject the images: lists do not show them",
        )
        parser.add_argument(
            '--vault',
            metavar='<vault>',
            help=(
                "Vault for the backups behind full-server images (ID); "
                "needed to accept these"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        client = self.client
        images = _member.image_ids(
            [offered_image(client, name) for name in parsed_args.images]
        )
        project = parsed_args.project or client.get_project_id()
        projects = self._project_ids([project])
        job = client.update_image_members(
            images, projects[0], parsed_args.status, parsed_args.vault
        )
        return self._show(parsed_args, job, images, projects)


class ListImageMember(command.Lister):
    """List the projects that an image is shared with.

    Columns: Image ID, Member ID, Status, Created At and Updated At.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        command.add_image_argument(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        image = self.client.find_image(parsed_args.image, ignore_missing=False)
        try:
            members = list(self.client.image_members(image))
        except exceptions.UnsupportedOperationError:
            # F and O have Glance's own operation, which tells the same.
            members = list(self.client.members(image))
        return _COLUMNS, [
            command.format_values(member, _ATTRIBUTES) for member in members
        ]


class ShowImageMember(command.ShowOne):
    """Show what a project answered to an image.

    Shows image_id, member_id, status, created_at, updated_at and schema, and
    where the cloud tells them member_type and urn.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        command.add_image_argument(parser)
        parser.add_argument(
            'project',
            metavar='<project>',
            help="Project that the image is shared with (name or ID)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        client = self.client
        connection = self.app.client_manager.sdk_connection
        image = client.find_image(parsed_args.image, ignore_missing=False)
        [project] = _member.project_ids(connection, parsed_args.project)
        columns: tuple[str, ...] = (*_ATTRIBUTES, 'schema')
        try:
            member = client.get_image_member(image, project)
        except exceptions.UnsupportedOperationError:
            # F and O have Glance's own operation, which tells the same.
            member = client.get_member(project, image)
        columns += tuple(
            name
            for name in ('member_type', 'urn')
            if getattr(member, name, None)
        )
        return columns, command.format_values(member, columns)


def offered_image(client: Any, name: str) -> Any:
    """Return an image that another project shares, whatever was answered.

    :param client: ``conn.ims``.
    :param name: The image's name or ID.
    :raises: :class:`~openstack.exceptions.NotFoundException` where no
        project shares such an image.
    """
    found = client.find_cloud_image(
        name, visibility='shared', member_status='all'
    )
    if found:
        return found
    raise exceptions.NotFoundError(f"No project shares an image {name}")
