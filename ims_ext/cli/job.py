# SPDX-License-Identifier: Apache-2.0
"""``openstack ims job``: looking at jobs and waiting for them."""

import argparse
from typing import Any

from osc_lib.cli import format_columns

from ims_ext.cli import command
from ims_ext.cli import progress
from ims_ext.extension import job as _job

_COLUMNS = (
    'job_id',
    'job_type',
    'status',
    'progress',
    'begin_time',
    'end_time',
    'image_id',
    'image_name',
    'images',
    'error_code',
    'fail_reason',
    'sub_jobs',
)
_PROGRESS_COLUMNS = ('current_task', 'sub_job_id')


def show_job(job: _job.Job) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return a job's columns and values."""
    code, reason = job.failure
    values = (
        job.id,
        job.job_type,
        str(job.status) if job.status else None,
        None if job.progress is None else f'{job.progress:.0%}',
        job.begin_time,
        job.end_time or None,
        job.image_id,
        job.image_name,
        format_columns.ListColumn(job.image_ids),
        code,
        reason,
        format_columns.ListDictColumn(
            [
                {
                    'job_id': sub_job.id,
                    'job_type': sub_job.job_type,
                    'status': str(sub_job.status),
                }
                for sub_job in job.sub_jobs
            ]
        ),
    )
    return _COLUMNS, values


def show_started_job(
    job: _job.Job,
) -> tuple[tuple[str, ...], tuple[Any, ...]]:
    """Return columns and values of a job that nothing waits for."""
    columns: tuple[str, ...] = ('job_id',)
    values: tuple[Any, ...] = (job.id,)
    if not job.id:
        # The answer that named the job was lost.
        columns = ('image_id', 'status')
        values = (job.image_id, str(job.status))
        if len(job.image_ids) > 1:
            columns = ('images', 'status')
            values = (
                format_columns.ListColumn(job.image_ids),
                str(job.status),
            )
    if job.left_object:
        columns += ('left_object',)
        values += (job.left_object,)
    return columns, values


class ShowJob(command.ShowOne):
    """Show an asynchronous job.

    Shows job_id, job_type, status, progress, begin_time, end_time, image_id,
    image_name, images (the IDs of all of them), error_code, fail_reason and
    sub_jobs; with --progress, also current_task and sub_job_id.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument('job', metavar='<job>', help="Job to show (ID)")
        parser.add_argument(
            '--progress',
            action='store_true',
            help=(
                "Ask for the job's progress, its current task and sub-job "
                "(Huawei Cloud)"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        if not parsed_args.progress:
            return show_job(self.client.get_job(parsed_args.job))
        job = self.client.get_job_progress(parsed_args.job)
        columns, values = show_job(job)
        return (
            (*columns, *_PROGRESS_COLUMNS),
            (*values, *command.format_values(job, _PROGRESS_COLUMNS)),
        )


class WaitJob(command.ShowOne):
    """Wait for an asynchronous job's end and show it.

    Shows the same as "ims job show". Fails where the job does.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'job', metavar='<job>', help="Job to wait for (ID)"
        )
        command.add_timeout_option(parser)
        parser.add_argument(
            '--interval',
            metavar='<seconds>',
            type=command.positive_number,
            help=(
                "Time between the first two looks; it grows to 15 seconds "
                "(default: 1)"
            ),
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        with progress.Bars() as bars:
            job = self.client.wait_for_job(
                parsed_args.job,
                timeout=parsed_args.timeout,
                interval=parsed_args.interval,
                progress=bars.job,
            )
        return show_job(job)
