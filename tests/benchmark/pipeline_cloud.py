# SPDX-License-Identifier: Apache-2.0
"""An emulator for the benchmarks of pipelines, in a process of its own.

It prints a line once it is ready, and answers each line that it is given with
the requests to the image service since the one before.
"""

import collections
import functools
import http.server
import json
from pathlib import Path
import sys
import threading

import yaml

from ims_ext.emulator.server import EmulatorServer
from ims_ext.emulator.work.empty_disk import write_empty_disk
from ims_ext.pipeline import identity

_MANIFEST = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
{targets}
defaults: {{os_version: Ubuntu 18.04 server 64bit}}
images:
{images}
"""

_UNLIMITED = '{requests_per_second: 100000, imports: 1000, uploads: 100}'


class _Upstream:
    """A web server of the files in a folder, which counts what is read."""

    def __init__(self, folder: Path, counts: 'collections.Counter[str]'):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                counts.update(['GET source'])
                super().do_GET()

            def log_message(self, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(
            ('127.0.0.1', 0), functools.partial(Handler, directory=str(folder))
        )
        self.url = f'http://127.0.0.1:{self._server.server_port}'
        threading.Thread(
            target=self._server.serve_forever, daemon=True
        ).start()


def _prepare(
    folder: Path,
    upstream: str,
    images: int,
    targets: int,
    is_made: bool,
    source_mib: int,
    is_unlimited: bool,
    job_seconds: float,
) -> None:
    """Write a manifest, and the scenario that goes with it.

    :param upstream: The URL that sources are read from.
    :param images: Images of the manifest.
    :param targets: Targets, each with a project of its own.
    :param is_made: Whether the images are there.
    :param source_mib: How large a source from the web is; 0 for small files.
    :param is_unlimited: Whether the targets allow whatever can be done.
    :param job_seconds: How long jobs take.
    """
    disk = folder / 'disk.qcow2'
    write_empty_disk(disk)
    source = '{file: disk.qcow2}'
    if source_mib:
        with disk.open('r+b') as file:
            file.truncate(source_mib * 1024**2)
        source = f'{{url: "{upstream}/disk.qcow2"}}'
    digest = identity.digest(disk.read_bytes())
    which = [
        identity.Identity('platform', f'app{each}', '1', digest)
        for each in range(images)
    ]
    there = [
        {
            'name': f'{each.image}-1',
            'tags': each.tags,
            'os_version': 'Ubuntu 18.04 server 64bit',
            'description': identity.Words(each).after(None),
        }
        for each in which
    ]
    limits = f', limits: {_UNLIMITED}' if is_unlimited else ''
    names = [f'p{each}' for each in range(targets)]
    scenario = {
        'job_seconds': job_seconds,
        'projects': [
            {
                'name': name,
                'image_quota': 100 + 10 * images,
                'images': there if is_made else [],
                'buckets': [{'name': f'bucket-{number}'}],
            }
            for number, name in enumerate(names)
        ],
        'users': [{'name': 'alice', 'project': 'p0', 'projects': names}],
    }
    (folder / 'scenario.yaml').write_text(json.dumps(scenario), 'utf-8')
    (folder / 'm.yaml').write_text(
        _MANIFEST.format(
            targets='\n'.join(
                f'  t{number}: {{cloud: alice, project: {name}, '
                f'bucket: bucket-{number}{limits}}}'
                for number, name in enumerate(names)
            ),
            images='\n'.join(
                f'  {each.image}: {{versions: {{"1": {{source: {source}}}}}}}'
                for each in which
            ),
        ),
        'utf-8',
    )


def main() -> None:
    """Serve a scenario until there is nothing more to read."""
    folder = Path(sys.argv[1])
    counts: collections.Counter[str] = collections.Counter()
    upstream = _Upstream(folder, counts)
    _prepare(folder, upstream.url, **json.loads(sys.argv[2]))
    with EmulatorServer(scenario=folder / 'scenario.yaml') as server:
        server.requests.listeners.append(
            lambda each: counts.update([f'{each.method} {each.service}'])
        )
        clouds = yaml.safe_dump(server.clouds())
        (folder / 'clouds.yaml').write_text(clouds, 'utf-8')
        print('ready', flush=True)
        for _ in sys.stdin:
            told = json.dumps(counts)
            counts.clear()
            print(told, flush=True)


if __name__ == '__main__':
    main()
