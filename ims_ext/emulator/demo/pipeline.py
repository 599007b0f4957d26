# SPDX-License-Identifier: Apache-2.0
"""The demonstration of a pipeline: from a first plan to a retirement."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ims_ext.emulator.seed import FIRST_BUCKET
from ims_ext.emulator.work.empty_disk import write_empty_disk

if TYPE_CHECKING:
    from ims_ext.emulator.clock import Clock

#: Runs ``openstack`` with arguments, and returns its exit code.
Run: TypeAlias = Callable[[Sequence[str]], int]

#: The regions that the emulator needs.
REGIONS = ('eu-de', 'eu-nl')

_MANIFEST_NAME = 'platform.yaml'
_REPORT_NAME = 'report.html'

_FIRST = '{"1": {source: {file: ubuntu-1.qcow2}}}'
_BOTH = (
    '{"1": {source: {file: ubuntu-1.qcow2}}, '
    '"2": {source: {file: ubuntu-2.qcow2}}}'
)

MANIFEST = f"""\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  de: {{cloud: emulator, region: eu-de, bucket: {FIRST_BUCKET}}}
  nl: {{cloud: emulator, region: eu-nl, copy_from: de, agency: ims_copy_image}}
groups:
  consumers: {{projects: [beta]}}
accept:
  beta: {{cloud: bob}}
defaults:
  targets: [de, nl]
  retention: {{keep: 1, never: [in_use]}}
  channels:
    dev: {{version: newest}}
    prod: {{version: promoted, share: [consumers], soak: 7d}}
images:
  ubuntu-18.04:
    os_version: Ubuntu 18.04 server 64bit
    versions: {_FIRST}
    promoted: "1"
  centos-7:
    os_version: CentOS 7.6 64bit
    versions: {{"1": {{source: {{file: centos-1.qcow2}}}}}}
  golden-app:
    os_version: Ubuntu 18.04 server 64bit
    targets: [de]
    versions: {{"7": {{source: {{file: app-7.qcow2}}}}}}
"""

#: The sizes of the disks differ: an image is what is in it.
_DISKS = {
    'ubuntu-1.qcow2': 1,
    'ubuntu-2.qcow2': 2,
    'centos-1.qcow2': 3,
    'app-7.qcow2': 4,
}


class PipelineDemo:
    """A manifest that is planned and applied while weeks go by.

    :param folder: Where manifest, disk images and report are written.
    :param run: Runs ``openstack``.
    :param clock: The emulator's clock.
    """

    def __init__(self, folder: Path, run: Run, clock: 'Clock') -> None:
        self._run = run
        self._clock = clock
        self._manifest = folder / _MANIFEST_NAME
        self._report = folder / _REPORT_NAME

    def play(self) -> int:
        """Run all of it; return the exit code of the first that failed."""
        self._manifest.write_text(MANIFEST, 'utf-8')
        for name, size in _DISKS.items():
            write_empty_disk(self._manifest.with_name(name), size)
        name = str(self._manifest)
        acts: list[tuple[str, Callable[[], None] | None, list[str]]] = [
            (
                "Three images are declared for two regions, and a project "
                "that shares them.",
                lambda: print(MANIFEST),
                ['plan', name],
            ),
            ("They are made, and copied.", None, ['apply', name]),
            ("There is nothing to do now.", None, ['plan', name]),
            (
                "Eight days pass: what was promoted has soaked.",
                lambda: self._pass('8d'),
                ['apply', name],
            ),
            (
                "Ubuntu's second version is added to the manifest.",
                self._add_second,
                ['apply', name],
            ),
            (
                "Eight days later it is promoted.",
                lambda: self._pass('8d'),
                ['promote', name, 'ubuntu-18.04', '2'],
            ),
            (
                "Its consumers get it, and the first version is retired.",
                None,
                ['plan', name],
            ),
            ("", None, ['apply', name]),
            (
                "What was done is on a page that needs no network.",
                None,
                ['report', '--html', str(self._report)],
            ),
        ]
        for told, before, words in acts:
            if told:
                print(f"\n# {told}", flush=True)
            if before is not None:
                before()
            if code := self._run(['ims', 'pipeline', *words]):
                return code
        print(
            f"\nManifest: {self._manifest}\nReport: {self._report.as_uri()}",
            flush=True,
        )
        return 0

    def _pass(self, time: str) -> None:
        self._clock.advance(time)

    def _add_second(self) -> None:
        text = self._manifest.read_text('utf-8')
        self._manifest.write_text(text.replace(_FIRST, _BOTH), 'utf-8')
