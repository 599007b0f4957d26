# SPDX-License-Identifier: Apache-2.0
"""``openstack ims pipeline lock``."""

import argparse
import contextlib
from pathlib import Path
from typing import Any

from osc_lib import exceptions as osc_exceptions

from ims_ext.cli import command
from ims_ext.cli import pipeline_command

_COLUMNS = ('Image', 'Version', 'Digest', 'Proof')


class LockPipeline(pipeline_command.PipelineCommand, command.Lister):
    """Write down what the sources of a manifest are now.

    The lock is a file beside the manifest, NAME.lock.yaml. While it is
    there, a source that has become another one since is refused; versions
    that it does not have are taken. Shows Image, Version, Digest (SHA-256 in
    base64url; empty where nothing says it before the source is fetched) and
    Proof. Nothing is fetched but pages, lists and signatures, and no request
    is sent to a cloud; with --fetch, sources whose digest nothing else tells
    are fetched whole, and forgotten again.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'manifest',
            metavar='<manifest>',
            type=Path,
            help="The manifest's file",
        )
        parser.add_argument(
            '--fetch',
            action='store_true',
            help="Fetch the sources whose digest is not known otherwise",
        )
        pipeline_command.add_variables(parser)
        return parser

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        from ims_ext.pipeline.clouds import Clouds
        from ims_ext.pipeline.sources import Sources
        from ims_ext.pipeline.sources import lock

        manifest = pipeline_command.load_manifest(
            parsed_args.manifest, parsed_args
        )
        with (
            contextlib.closing(Clouds(manifest)) as clouds,
            Sources(manifest, clouds, is_locked=False) as sources,
        ):
            found = sources.look_up()
            if parsed_args.fetch:
                found = sources.fetched(found)
        problems = list(found.problems.values()) + [
            f"{image}@{version}: {known.problem}"
            for (image, version), known in found.sources.items()
            if known.problem is not None
        ]
        if problems:
            problems.append("no lock was written")
            raise osc_exceptions.CommandError('\n'.join(problems))
        made = lock.Lock.of(manifest, found)
        made.save(lock.path_of(manifest.path))
        return _COLUMNS, [
            (*which, known.digest or '', known.proof)
            for which, known in found.sources.items()
        ]
