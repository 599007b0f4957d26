# SPDX-License-Identifier: Apache-2.0
"""``openstack ims job``: looking at jobs and waiting for them."""

import argparse
from typing import Any, cast

from cliff import lister
from openstack import exceptions as sdk_exceptions
from osc_lib import exceptions as osc_exceptions
from osc_lib.cli import format_columns

from ims_ext import exceptions
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
_TABLE = (
    'Job ID',
    'Job Type',
    'Status',
    'Images',
    'Error Code',
    'Fail Reason',
)


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
    """Wait for asynchronous jobs' ends and show them.

    Of one job, shows the same as "ims job show". Of several, says on standard
    error when each has ended, and shows a table: Job ID, Job Type, Status,
    Images, Error Code and Fail Reason. Fails where one of the jobs does.
    """

    #: What is said once the table has been shown; ``None`` if all is well.
    _failure: str | None = None

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'jobs',
            metavar='<job>',
            nargs='+',
            help="Job(s) to wait for (ID)",
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

    def run(self, parsed_args: argparse.Namespace) -> int:
        """Wait, show, and only then fail."""
        code = super().run(parsed_args)
        if self._failure:
            raise osc_exceptions.CommandError(self._failure)
        return code

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        jobs = list(dict.fromkeys(parsed_args.jobs))
        if len(jobs) > 1:
            return _TABLE, self._wait_for_all(jobs, parsed_args)
        with progress.Bars() as bars:
            job = self.client.wait_for_job(
                jobs[0],
                timeout=parsed_args.timeout,
                interval=parsed_args.interval,
                progress=bars.job,
            )
        return show_job(job)

    def produce_output(
        self, parsed_args: argparse.Namespace, column_names: Any, data: Any
    ) -> int:
        """Show a job's attributes, or a table of several."""
        if column_names != _TABLE:
            return super().produce_output(parsed_args, column_names, data)
        if not hasattr(self.formatter, 'emit_list'):
            raise osc_exceptions.CommandError(
                f"-f {parsed_args.formatter} shows one job; for several, use "
                f"table, value, json or yaml"
            )
        return lister.Lister.produce_output(
            cast(Any, self),
            argparse.Namespace(**vars(parsed_args), sort_columns=[]),
            column_names,
            [command.showable(row) for row in data],
        )

    def _wait_for_all(
        self, ids: list[str], parsed_args: argparse.Namespace
    ) -> list[tuple[Any, ...]]:
        """Return a row for each job, in the order in which they are given."""
        with progress.Bars() as bars:
            rows = self._missing_rows(ids, bars)
            there = [job_id for job_id in ids if job_id not in rows]
            failed = len(rows)
            done = _Progress(len(there), bars)
            try:
                for job in self.client.wait_for_jobs(
                    there,
                    timeout=parsed_args.timeout,
                    interval=parsed_args.interval,
                    progress=done.tell,
                ):
                    rows[str(job.id)] = _row(job)
                    failed += job.is_failed
                    bars.say(_line(rows[str(job.id)]))
            except exceptions.JobTimeoutError as error:
                rows.update((str(job.id), _row(job)) for job in error.jobs)
                self._failure = str(error)
        if failed:
            self._failure = '\n'.join(
                [f"{failed} of {len(ids)} jobs failed"]
                + ([self._failure] if self._failure else [])
            )
        asked = [rows.pop(job_id) for job_id in ids if job_id in rows]
        # A cloud may tell a job under another ID than it was asked for.
        return [*asked, *rows.values()]

    def _missing_rows(
        self, ids: list[str], bars: progress.Bars
    ) -> dict[str, tuple[Any, ...]]:
        """Return rows for the jobs that there are not."""
        rows = {}
        for job_id in ids:
            try:
                self.client.get_job(job_id)
            except (
                sdk_exceptions.BadRequestException,
                sdk_exceptions.NotFoundException,
            ) as error:
                rows[job_id] = _missing_row(job_id, error)
                bars.say(_line(rows[job_id]))
        return rows


class _Progress:
    """The progress of several jobs together.

    :param count: How many they are.
    :param bars: Where it is shown.
    """

    def __init__(self, count: int, bars: progress.Bars) -> None:
        self._count = count
        self._bars = bars
        self._done: dict[str, float] = {}

    def tell(self, job: _job.Job) -> None:
        done = 1.0 if job.is_finished else job.progress or 0.0
        self._done[job.key] = done
        self._bars.jobs(sum(self._done.values()) / self._count, self._count)


def _row(job: _job.Job) -> tuple[Any, ...]:
    code, reason = job.failure
    return (
        job.id,
        job.job_type,
        str(job.status) if job.status else None,
        format_columns.ListColumn(job.image_ids),
        code,
        reason,
    )


def _missing_row(job_id: str, error: Exception) -> tuple[Any, ...]:
    return (
        job_id,
        None,
        'NOT FOUND',
        format_columns.ListColumn([]),
        getattr(error, 'code', None),
        exceptions.readable(error, 200),
    )


def _line(row: tuple[Any, ...]) -> str:
    """Return how a job has ended, in a line."""
    job_id, job_type, status, images, *why = row
    told = [
        str(each)
        for each in (job_type, status, images.human_readable(), *why)
        if each
    ]
    return exceptions.readable(f"{job_id}: {', '.join(told)}", 500)
