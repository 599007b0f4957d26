# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline show``, ``run list``, ``report`` and ``graph``."""

import argparse
from collections.abc import Iterator
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from ims_ext import exceptions
from ims_ext.cli import command
from ims_ext.cli import pipeline_board
from ims_ext.cli import pipeline_command

if TYPE_CHECKING:
    from ims_ext.pipeline.planning.model import Plan
    from ims_ext.pipeline.report import Report
    from ims_ext.pipeline.report.facts import ItemFacts

_RUNS = (
    'Run',
    'Pipeline',
    'Began',
    'Ended',
    'Exit',
    'Done',
    'Failed',
    'Skipped',
    'Manifest',
)
_ITEMS = (
    'Action',
    'Image',
    'Version',
    'Target',
    'State',
    'Seconds',
    'Image ID',
    'Code',
    'Reason',
)
_STEPS = (
    'Action',
    'Image',
    'Version',
    'Target',
    'Step',
    'State',
    'Began',
    'Seconds',
    'Bytes',
    'Job ID',
)


class _PipelineLister(pipeline_command.PipelineCommand, command.Lister):
    """A command of pipelines that shows a table."""


class ListRun(_PipelineLister):
    """List the runs that this machine has a journal of, the newest first.

    Shows Run, Pipeline, Began, Ended, Exit (none where a run goes on, or was
    ended by force), Done, Failed, Skipped and Manifest. No request is sent.
    """

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from ims_ext.pipeline.report import archive

        return _RUNS, [
            (
                each.run,
                each.pipeline,
                each.began,
                each.ended,
                each.exit,
                each.done,
                each.failed,
                each.skipped,
                each.manifest,
            )
            for each in archive.runs(_say)
        ]


class ShowRun(_PipelineLister):
    """Show what became of each item of a run.

    Shows Action, Image, Version, Target, State (done, failed, skipped,
    unfinished or planned), Seconds, Image ID, Code and Reason; with --steps
    Action, Image, Version, Target, Step, State, Began (seconds after the
    run's beginning), Seconds, Bytes and Job ID. A line on standard error
    tells of the run as a whole. No request is sent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_run(parser)
        parser.add_argument(
            '--steps',
            action='store_true',
            help="Show the items' steps, and the jobs of the cloud",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        report = _report(parsed_args)
        _say(_summary(report))
        for note in report.notes:
            _say(note)
        if not parsed_args.steps:
            return _ITEMS, [_item_row(each) for each in report.items]
        return _STEPS, [
            row for each in report.items for row in _step_rows(each)
        ]


class ReportRun(pipeline_command.PipelineCommand):
    """Write the report of a run: a page for people, figures for Prometheus.

    The page needs no network and has no script. The figures are for the
    folder from which Prometheus' node exporter reads. No request is sent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        _add_run(parser)
        parser.add_argument(
            '--html',
            metavar='<file>',
            type=Path,
            help="Write the run's page to a file",
        )
        parser.add_argument(
            '--metrics-textfile',
            metavar='<file>',
            type=Path,
            help="Write the run's figures for Prometheus to a file",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.report import metrics
        from ims_ext.pipeline.report import page

        if not (parsed_args.html or parsed_args.metrics_textfile):
            raise exceptions.ValidationError(
                "say what to write: --html, --metrics-textfile or both"
            )
        report = _report(parsed_args)
        if parsed_args.html:
            page.write(report, parsed_args.html)
        if parsed_args.metrics_textfile:
            metrics.write(report, parsed_args.metrics_textfile)
        _say(_summary(report))
        return 0


class GraphPlan(pipeline_command.PipelineCommand):
    """Write the graph of a plan: what waits for what, by target.

    Of a manifest, the clouds are looked at as "ims pipeline plan" does it;
    of a plan that was saved, no request is sent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'plan',
            metavar='<manifest-or-plan>',
            type=Path,
            help="Manifest, or plan that was saved (file)",
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=('dot', 'mermaid'),
            default='dot',
            help="Language of the graph: Graphviz' or Mermaid's "
            "(default: dot)",
        )
        pipeline_command.add_variables(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.report import graph
        from ims_ext.pipeline.report import saved_plan

        plan = saved_plan.read(parsed_args.plan)
        if plan is None:
            plan = self._planned(parsed_args)
        for line in graph.lines(plan, graph.Language(parsed_args.format)):
            print(line)
        return 0

    def _planned(self, parsed_args: argparse.Namespace) -> 'Plan':
        from ims_ext.pipeline.run import Run

        manifest = pipeline_command.load_manifest(
            parsed_args.plan, parsed_args
        )
        with Run(manifest) as run:
            return run.plan()


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        'run',
        metavar='<run>',
        nargs='?',
        help="Run (ID, or the beginning of one; default: the newest)",
    )
    parser.add_argument(
        '--from',
        dest='file',
        metavar='<file>',
        type=Path,
        help="Take the run from a file that 'apply --events' has written, in "
        "place of this machine's journals",
    )
    pipeline_board.add_board(parser)


def _report(parsed_args: argparse.Namespace) -> 'Report':
    from ims_ext.pipeline.report import archive

    if parsed_args.file is not None:
        return archive.report_of_file(parsed_args.file, parsed_args.run)
    if parsed_args.board:
        with pipeline_board.open_board(parsed_args.board) as board:
            return archive.report_of_board(board.chronicle, parsed_args.run)
    return archive.report(parsed_args.run, _say)


def _summary(report: 'Report') -> str:
    from ims_ext.pipeline.report import wording
    from ims_ext.pipeline.report.facts import State

    counts = ', '.join(
        f"{report.count(each)} {each}" for each in State if report.count(each)
    )
    return (
        f"Run {report.run} of {report.pipeline}, "
        f"{wording.moment(report.began)}, "
        f"{wording.duration(report.seconds)}: "
        f"{wording.outcome(report.exit)} ({counts or 'nothing to do'})"
    )


def _item_row(item: 'ItemFacts') -> tuple[Any, ...]:
    return (
        item.action,
        item.image,
        item.version,
        item.target,
        str(item.state),
        item.seconds,
        item.image_id,
        item.code,
        '; '.join(filter(None, (item.reason, item.left))) or None,
    )


def _step_rows(item: 'ItemFacts') -> Iterator[tuple[Any, ...]]:
    for each in item.steps:
        yield (
            item.action,
            item.image,
            item.version,
            item.target,
            each.name,
            str(each.state),
            round(each.began, 3),
            each.seconds,
            each.bytes,
            each.job_id,
        )


def _say(text: str) -> None:
    print(exceptions.readable(text, 500), file=sys.stderr)
