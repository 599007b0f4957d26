# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline validate`` and ``schema``."""

import argparse
from collections.abc import Sequence
import dataclasses
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from ims_ext import exceptions
from ims_ext.cli import pipeline_command

if TYPE_CHECKING:
    from ims_ext.document.reading import Problem

_LONGEST_LINE = 1000


class ValidateManifest(pipeline_command.PipelineCommand):
    """Tell all that is wrong with manifests, each fault with its place.

    Faults are lines on standard error, FILE:LINE:COLUMN: MESSAGE. Exits with
    0 where there are none, else with 1. No request is sent.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'manifests',
            metavar='<manifest>',
            nargs='+',
            type=Path,
            help="Manifest (file)",
        )
        parser.add_argument(
            '-f',
            '--format',
            choices=('text', 'json'),
            default='text',
            help="Form of the result on standard output (default: text)",
        )
        pipeline_command.add_variables(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        results = [
            _Result.of(each, parsed_args) for each in parsed_args.manifests
        ]
        for result in results:
            for fault in result.faults:
                _complain(str(fault))
        if parsed_args.format == 'json':
            print(json.dumps([each.as_json() for each in results], indent=2))
        else:
            for result in results:
                if not result.faults:
                    print(f"{result.file}: valid, {result.summary}")
        return 1 if any(each.faults for each in results) else 0


class ShowManifestSchema(pipeline_command.PipelineCommand):
    """Print the JSON Schema of manifests, for editors to complete from."""

    def take_action(self, parsed_args: argparse.Namespace) -> int:
        from ims_ext.pipeline.manifest import json_schema

        print(json.dumps(json_schema(), indent=2))
        return 0


@dataclasses.dataclass(frozen=True)
class _Result:
    """What has come of a manifest's file."""

    file: str
    faults: 'Sequence[Problem]' = ()
    pipeline: str | None = None
    images: int = 0
    targets: int = 0

    @classmethod
    def of(cls, path: Path, parsed_args: argparse.Namespace) -> '_Result':
        from ims_ext.document.reading import Place
        from ims_ext.document.reading import Problem
        from ims_ext.pipeline.manifest import ManifestError

        try:
            found = pipeline_command.load_manifest(path, parsed_args)
        except ManifestError as error:
            return cls(str(path), error.problems)
        except OSError as error:
            reason = f"cannot be read: {error.strerror or error}"
            return cls(str(path), [Problem(Place(str(path), 1, 1), reason)])
        return cls(
            str(path),
            pipeline=found.name,
            images=len(found.images),
            targets=len(found.targets),
        )

    @property
    def summary(self) -> str:
        return (
            f"pipeline {self.pipeline} with images: {self.images}, "
            f"targets: {self.targets}"
        )

    def as_json(self) -> dict[str, Any]:
        return {
            'file': self.file,
            'valid': not self.faults,
            'pipeline': self.pipeline,
            'images': self.images,
            'targets': self.targets,
            'faults': [
                {
                    'file': each.place.file,
                    'line': each.place.line,
                    'column': each.place.column,
                    'message': each.message,
                }
                for each in self.faults
            ],
        }


def _complain(text: str) -> None:
    print(exceptions.readable(text, _LONGEST_LINE), file=sys.stderr)
