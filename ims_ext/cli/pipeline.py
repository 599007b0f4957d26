# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline plan`` and ``apply``."""

import argparse
from collections.abc import Iterator
import contextlib
import json
import logging
from pathlib import Path
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import yaml

from ims_ext import exceptions
from ims_ext.cli import command
from ims_ext.cli import pipeline_board
from ims_ext.cli import pipeline_command
from ims_ext.cli import pipeline_view

if TYPE_CHECKING:
    from ims_ext.pipeline.applying import Outcome
    from ims_ext.pipeline.manifest import Manifest
    from ims_ext.pipeline.planning import Plan
    from ims_ext.pipeline.run import Run

LOG = logging.getLogger(__name__)

#: Exit codes beside those of all commands.
_CHANGES = 2
_STALE_OR_LOCKED = 4
_INTERRUPTED = 5


class _Pipeline(pipeline_command.PipelineCommand):
    """A command about a manifest and its clouds."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'manifest', metavar='<manifest>', type=Path, help="Manifest (file)"
        )
        parser.add_argument(
            '--target',
            metavar='<name>',
            action='append',
            dest='targets',
            help="Look at this target alone (repeat for several)",
        )
        parser.add_argument(
            '--image',
            metavar='<name>',
            action='append',
            dest='images',
            help="Do this image alone (repeat for several)",
        )
        parser.add_argument(
            '--adopt',
            metavar='<image@version>',
            action='append',
            default=[],
            help="Take over an image of the same name that has no tags of a "
            "pipeline (repeat for several)",
        )
        pipeline_command.add_variables(parser)
        return parser

    @contextlib.contextmanager
    def _run(
        self, parsed_args: argparse.Namespace, **options: Any
    ) -> Iterator['Run']:
        from ims_ext.pipeline.run import Run

        manifest = pipeline_command.load_manifest(
            parsed_args.manifest, parsed_args
        )
        _check_names(parsed_args.targets, manifest.targets, '--target')
        _check_names(parsed_args.images, manifest.images, '--image')
        with Run(
            manifest,
            targets=parsed_args.targets,
            images=parsed_args.images,
            adopt=parsed_args.adopt,
            **options,
        ) as run:
            yield run


class PlanPipeline(_Pipeline):
    """Show what an apply of a manifest would do, and why.

    Sends reading requests only. Exits with 0, or with 2 where there are
    changes and --detailed-exitcode is given.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '-f',
            '--format',
            choices=('text', 'json', 'yaml'),
            default='text',
            help="Form of the plan (default: text)",
        )
        parser.add_argument(
            '-o',
            '--out',
            metavar='<file>',
            type=Path,
            help="Save the plan to a file, for apply --plan",
        )
        parser.add_argument(
            '--why',
            metavar='<image[@version]>',
            help="Show all that is known of an item, and its reasons",
        )
        parser.add_argument(
            '--detailed-exitcode',
            action='store_true',
            help="Exit with 2 where there are changes",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.planning import saved
        from ims_ext.pipeline.planning import showing

        with self._run(parsed_args) as run:
            plan = run.plan()
        if parsed_args.out is not None:
            saved.save(plan, parsed_args.out)
        if parsed_args.format == 'json':
            print(json.dumps(showing.as_json(plan), indent=2))
        elif parsed_args.format == 'yaml':
            text = yaml.safe_dump(showing.as_json(plan), sort_keys=False)
            sys.stdout.write(text)
        elif parsed_args.why:
            _show(_reasons(plan, parsed_args.why))
        else:
            _show(showing.lines(plan))
        if plan.changes and parsed_args.detailed_exitcode:
            return _CHANGES
        return 0


class ApplyPipeline(_Pipeline):
    """Make the clouds as a manifest names them.

    Goes on where an earlier run was stopped, with --board on any machine.
    Exits with 0 when all is done, 3 when some items failed, 4 for a saved
    plan that does not hold any more and while another run goes on, 5 when
    interrupted.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--plan',
            metavar='<file>',
            type=Path,
            help="Do what this saved plan says, if it still holds",
        )
        parser.add_argument(
            '--events',
            metavar='<file>',
            help="Write what happens as lines of JSON to a file, or to - for "
            "standard output",
        )
        parser.add_argument(
            '--metrics-textfile',
            metavar='<file>',
            type=Path,
            help="Write the run's figures for Prometheus to a file",
        )
        parser.add_argument(
            '--timeout',
            metavar='<seconds>',
            type=command.positive_number,
            help="Seconds in which a job of the cloud has to end "
            "(default: 3600)",
        )
        pipeline_board.add_board(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline import events

        with contextlib.ExitStack() as stack:
            options: dict[str, Any] = {}
            if parsed_args.timeout:
                options['patience'] = parsed_args.timeout
            if parsed_args.events:
                sink = stack.enter_context(
                    events.JsonLines(parsed_args.events)
                )
                options['sinks'] = [sink]
            view = stack.enter_context(pipeline_view.View())
            if parsed_args.board:
                options['board'] = stack.enter_context(
                    pipeline_board.open_board(parsed_args.board)
                )
            run = stack.enter_context(
                self._run(parsed_args, tell=view, **options)
            )
            try:
                outcome = carry_out(run, parsed_args.plan)
            except pipeline_board.lost_errors() as error:
                print(error, file=sys.stderr)
                return _INTERRUPTED
        if outcome is None:
            return _STALE_OR_LOCKED
        if parsed_args.metrics_textfile:
            _write_metrics(run.id, parsed_args.metrics_textfile)
        # With --events -, standard output is the events' alone.
        is_taken = parsed_args.events == '-'
        tell_outcome(run, outcome, sys.stderr if is_taken else sys.stdout)
        return outcome.exit_code


def apply_images(
    manifest: 'Manifest', images: list[str], **options: Any
) -> int:
    """Apply a manifest for some of its images; return the exit code.

    :param manifest: The manifest.
    :param images: Their names.
    :param options: What :class:`~ims_ext.pipeline.run.Run` takes beside.
    """
    from ims_ext.pipeline.run import Run

    with (
        pipeline_view.View() as view,
        Run(manifest, images=images, tell=view, **options) as run,
    ):
        outcome = carry_out(run)
    if outcome is None:
        return _STALE_OR_LOCKED
    tell_outcome(run, outcome, sys.stdout)
    return outcome.exit_code


def carry_out(run: 'Run', saved: Path | None = None) -> 'Outcome | None':
    """Apply a run's manifest, until it is done or Ctrl-C is pressed.

    :param run: The run.
    :param saved: A plan's file, which has to hold still.
    :returns: ``None``, and why on standard error, where nothing was done for
        a plan that is stale, or another run that goes on.
    """
    from ims_ext.pipeline.lock import RunLockedError
    from ims_ext.pipeline.planning import saved as saved_plans

    with _interruptible(run):
        try:
            return run.apply(saved)
        except (saved_plans.StalePlanError, RunLockedError) as error:
            print(error, file=sys.stderr)
            return None


def tell_outcome(run: 'Run', outcome: 'Outcome', to: TextIO) -> None:
    """Tell what has become of an apply.

    :param run: The run.
    :param outcome: What has become of it.
    :param to: Where to write it.
    """
    from ims_ext.pipeline.planning import showing

    said = (
        f"{len(outcome.done)} done, {len(outcome.failed)} failed, "
        f"{len(outcome.skipped)} skipped"
    )
    if outcome.is_interrupted:
        said += "; interrupted, run it again to go on"
    print(f"Run {run.id}: {said}.", file=to)
    if outcome.plan is not None:
        for line in showing.left(outcome.plan):
            print(line, file=to)


def _write_metrics(run: str, path: Path) -> None:
    from ims_ext.pipeline.report import archive
    from ims_ext.pipeline.report import metrics

    metrics.write(archive.report(run, _warn), path)


def _warn(text: str) -> None:
    print(exceptions.readable(text, 500), file=sys.stderr)


@contextlib.contextmanager
def _interruptible(run: 'Run') -> Iterator[None]:
    """Have the first Ctrl-C stop a run, and the second end it at once."""
    before = signal.getsignal(signal.SIGINT)
    before_term = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)
        print(
            "Stopping: what runs comes to its end; Ctrl-C again ends it now",
            file=sys.stderr,
        )
        run.stop()

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        signal.signal(signal.SIGTERM, before_term)


def _show(lines: Iterator[str]) -> None:
    for line in lines:
        print(line)


def _reasons(plan: 'Plan', wanted: str) -> Iterator[str]:
    name, _, version = wanted.partition('@')
    found = False
    for each in plan.actions:
        if each.item.image == name and version in ('', each.item.version):
            found = True
            yield f"{each.kind} {each.item}: {each.reason}"
            for key, value in each.details.items():
                if value not in (None, '', [], {}):
                    yield f"    {key}: {value}"
    if not found:
        yield f"There is nothing to do with {wanted}, and nothing is kept."


def _check_names(given: list[str] | None, known: Any, option: str) -> None:
    for name in given or ():
        if name not in known:
            raise ValueError(
                f"{option} {name}: the manifest has no such; there are "
                f"{', '.join(known)}"
            )
