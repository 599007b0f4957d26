# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline import``."""

import argparse
import os
from pathlib import Path
import sys

from ims_ext import exceptions
from ims_ext.cli import pipeline_command

_LONGEST_LINE = 1500


class ImportDefinitions(pipeline_command.PipelineCommand):
    """Make a manifest of the image definitions of another tool.

    Of openstack-image-manager's, images that are not enabled become
    comments, unless --disabled is given. What has no counterpart is told on
    standard error, with its place in the definitions. The manifest is one
    that "ims pipeline validate" has no fault with. No request is sent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--from-openstack-image-manager',
            metavar='<folder>',
            dest='definitions',
            type=Path,
            required=True,
            help="Folder with the definitions (.yml), or one file of them",
        )
        parser.add_argument(
            '--cloud',
            metavar='<cloud>',
            default=os.environ.get('OS_CLOUD'),
            help="Entry of clouds.yaml where the images are to be (default: "
            "OS_CLOUD)",
        )
        parser.add_argument(
            '--region',
            metavar='<region>',
            help="Region there (default: the entry's)",
        )
        parser.add_argument(
            '--bucket',
            metavar='<bucket>',
            help="Bucket that files go through",
        )
        parser.add_argument(
            '--target',
            metavar='<name>',
            help="Name of the target in the manifest (default: the region)",
        )
        parser.add_argument(
            '--name',
            metavar='<pipeline>',
            default='images',
            help="Name of the pipeline (default: images)",
        )
        parser.add_argument(
            '--share',
            metavar='<project>',
            action='append',
            default=[],
            dest='projects',
            help="Share public images with this project (name or ID; repeat "
            "for several)",
        )
        parser.add_argument(
            '--disabled',
            action='store_true',
            help="Declare images that are not enabled as well",
        )
        parser.add_argument(
            '-o',
            '--out',
            metavar='<file>',
            type=Path,
            help="Write the manifest to a file that is not there yet "
            "(default: standard output)",
        )
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline import image_manager

        if not parsed_args.cloud:
            raise exceptions.ValidationError(
                "say where the images are to be: --cloud"
            )
        made = image_manager.convert(
            parsed_args.definitions,
            image_manager.Destination(
                parsed_args.cloud,
                parsed_args.region,
                parsed_args.bucket,
                parsed_args.target or parsed_args.region or 'main',
                list(dict.fromkeys(parsed_args.projects)),
            ),
            name=parsed_args.name,
            with_disabled=parsed_args.disabled,
            path=parsed_args.out or 'manifest.yaml',
        )
        if parsed_args.out:
            with parsed_args.out.open('x', encoding='utf-8') as file:
                file.write(made.text)
        else:
            sys.stdout.write(made.text)
        for line in image_manager.told(made.warnings):
            _tell(line)
        said = f"Images: {made.images}, versions: {made.versions}"
        if made.disabled:
            said += f", not enabled: {', '.join(made.disabled)}"
        _tell(said)
        return 0


def _tell(text: str) -> None:
    print(exceptions.readable(text, _LONGEST_LINE), file=sys.stderr)
