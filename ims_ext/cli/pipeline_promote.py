# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline promote``, ``rollback`` and ``adopt``."""

import argparse
from collections.abc import Iterable
import difflib
import os
from pathlib import Path
import sys
from typing import TYPE_CHECKING

from ims_ext import exceptions
from ims_ext.cli import command
from ims_ext.cli import pipeline
from ims_ext.cli import pipeline_command

if TYPE_CHECKING:
    from ims_ext.pipeline.manifest import Manifest
    from ims_ext.pipeline.promoting import Promotion


class _ManifestChange(pipeline_command.PipelineCommand):
    """A command that promotes another version of an image."""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'manifest', metavar='<manifest>', type=Path, help="Manifest (file)"
        )
        parser.add_argument('image', metavar='<image>', help="Image (name)")
        then = parser.add_mutually_exclusive_group()
        then.add_argument(
            '--dry-run',
            action='store_true',
            help="Show what would change, and write nothing",
        )
        then.add_argument(
            '--apply',
            action='store_true',
            help="Apply the manifest for this image afterwards",
        )
        _add_timeout(parser)
        pipeline_command.add_variables(parser)
        return parser

    def _promotion(self, parsed_args: argparse.Namespace) -> 'Promotion':
        raise NotImplementedError

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.planning import showing

        made = self._promotion(parsed_args)
        for line in made.diff():
            _show(line)
        if not parsed_args.dry_run:
            made.write()
        said = f"{made.image}: {made.version} is promoted already"
        if made.is_change:
            before = made.before or "none"
            said = f"{made.image}: {before} -> {made.version}, {made.reason}"
        _tell(said)
        if not made.channels:
            _tell(
                f"No channel of {made.image} is at its promoted version: "
                "none moves"
            )
        if parsed_args.apply:
            return pipeline.apply_images(
                made.manifest, [made.image], **_options(parsed_args)
            )
        for line in showing.lines(made.plan):
            print(line)
        return 0


class PromoteVersion(_ManifestChange):
    """Promote a version: change it in the manifest, in its place.

    The image's key "promoted" gets the version; all else in the file stays
    as it is. Shows the change, and what an apply would do for the image
    then: the channels that move, or how long the version has to soak still.
    Sends reading requests only, unless --apply is given.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'version', metavar='<version>', help="Version (name)"
        )
        return parser

    def _promotion(self, parsed_args: argparse.Namespace) -> 'Promotion':
        from ims_ext.pipeline import promoting

        return promoting.promote(
            parsed_args.manifest,
            parsed_args.image,
            parsed_args.version,
            _variables(parsed_args),
        )


class RollBackVersion(_ManifestChange):
    """Promote an older version again: change it in the manifest.

    Goes to the version that the channels are still at, or were at before by
    the journal of this machine, else to the newest older one that is at all
    of the image's targets, and says which and why. Nothing is imported for
    that. Shows the change, and what an apply would do for the image then.
    Sends reading requests only, unless --apply is given.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--to',
            metavar='<version>',
            help="Version to go back to (name)",
        )
        return parser

    def _promotion(self, parsed_args: argparse.Namespace) -> 'Promotion':
        from ims_ext.pipeline import promoting

        return promoting.rollback(
            parsed_args.manifest,
            parsed_args.image,
            parsed_args.to,
            _variables(parsed_args),
        )


class AdoptImage(pipeline_command.PipelineCommand):
    """Take over images that were made without the pipeline, and apply.

    An image is taken over where it has the name of the version in the cloud
    and no tags of a pipeline. Applies the manifest for the named images, and
    leaves others alone. Exit codes are those of "ims pipeline apply".
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'manifest', metavar='<manifest>', type=Path, help="Manifest (file)"
        )
        parser.add_argument(
            'items',
            metavar='<image@version>',
            nargs='+',
            help="Version of an image",
        )
        parser.add_argument(
            '--dry-run',
            action='store_true',
            help="Show the plan, and do nothing",
        )
        _add_timeout(parser)
        pipeline_command.add_variables(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.planning import Kind
        from ims_ext.pipeline.planning import showing
        from ims_ext.pipeline.run import Run

        manifest = pipeline_command.load_manifest(
            parsed_args.manifest, parsed_args
        )
        items = dict.fromkeys(parsed_args.items)
        images = list(dict.fromkeys(_image_of(manifest, i) for i in items))
        with Run(manifest, images=images, adopt=list(items)) as run:
            plan = run.plan()
        found = {each.item.label for each in plan.of(Kind.ADOPT)}
        for item in items:
            if item not in found:
                _tell(f"{item}: there is no image of its name to take over")
        if parsed_args.dry_run:
            for line in showing.lines(plan):
                print(line)
            return 0
        if not found:
            return 0
        return pipeline.apply_images(
            manifest, images, adopt=list(items), **_options(parsed_args)
        )


def _image_of(manifest: 'Manifest', item: str) -> str:
    """Return the image that an item names.

    :raises: :class:`~ims_ext.exceptions.ValidationError` for one that the
        manifest has not.
    """
    name, at, version = item.partition('@')
    if not at or not name or not version:
        raise exceptions.ValidationError(f"{item!r} is no IMAGE@VERSION")
    image = manifest.images.get(name)
    if image is None:
        raise exceptions.ValidationError(
            f"the manifest has no image {name!r}{_near(name, manifest.images)}"
        )
    names = [each.name for each in image.versions]
    if version not in names and image.versions_from is None:
        raise exceptions.ValidationError(
            f"{name} has no version {version!r}{_near(version, names)}"
        )
    return name


def _near(given: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(given, list(known), 1)
    return f"; did you mean {near[0]}?" if near else ""


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--timeout',
        metavar='<seconds>',
        type=command.positive_number,
        help="Seconds in which a job of the cloud has to end (default: 3600)",
    )


def _options(parsed_args: argparse.Namespace) -> dict[str, float]:
    return {'patience': parsed_args.timeout} if parsed_args.timeout else {}


def _variables(parsed_args: argparse.Namespace) -> dict[str, str]:
    return {**os.environ, **dict(parsed_args.variables)}


def _show(line: str) -> None:
    print(command.showable(line))


def _tell(text: str) -> None:
    print(exceptions.readable(text, 500), file=sys.stderr)
