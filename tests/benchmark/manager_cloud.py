# SPDX-License-Identifier: Apache-2.0
"""Definitions of openstack-image-manager, their files, and a cloud for both.

It prints a line once it is ready, and answers each line that it is given with
the requests since the one before, and with the images that there are.
"""

import collections
from collections.abc import Iterator
import functools
import hashlib
import http.server
import json
from pathlib import Path
import subprocess
import sys
import threading
from typing import Any

import yaml

import ims_ext
from ims_ext.emulator.server import EmulatorServer

#: What a file holds beside nothing.
_MIB = 4


class _Server(http.server.ThreadingHTTPServer):
    #: As many as connect at a time.
    request_queue_size = 128


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *args: object) -> None:
        pass


def _disk(path: Path, number: int) -> None:
    """Write a disk image like no other."""
    raw = path.with_suffix('.raw')
    raw.write_bytes(hashlib.shake_128(b'%d' % number).digest(_MIB * 1024**2))
    subprocess.run(
        [
            *('qemu-img', 'convert', '-f', 'raw', '-O', 'qcow2'),
            *(str(raw), str(path)),
        ],
        check=True,
    )
    raw.unlink()


def _versions(definition: Any) -> Iterator[Any]:
    for image in definition['images']:
        yield from image['versions']


def write_definitions(theirs: Path, folder: Path, url: str) -> int:
    """Write their definitions anew, of files that a server here has.

    All else stays as it is. What they have packed is unpacked: the other
    program leaves unpacking to the cloud, which may or may not do it.

    :param theirs: The folder with their definitions.
    :param folder: Gets ``definitions`` and ``files``.
    :param url: What the server's files are below.
    :returns: How many versions are enabled.
    """
    (folder / 'definitions').mkdir()
    (folder / 'files').mkdir()
    number = enabled = 0
    for source in sorted(theirs.glob('*.yml')):
        definition = yaml.safe_load(source.read_text('utf-8'))
        for image in definition['images']:
            if image.get('enable', True):
                enabled += len(image['versions'])
                # As all files here are.
                image['format'] = 'qcow2'
        for version in _versions(definition):
            number += 1
            path = folder / 'files' / f'{number}.qcow2'
            _disk(path, number)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            version['url'] = f'{url}/{path.name}'
            version.pop('mirror_url', None)
            version['checksum'] = f'sha256:{digest}'
        (folder / 'definitions' / source.name).write_text(
            yaml.safe_dump(definition, sort_keys=False), 'utf-8'
        )
    return enabled


def _images(server: EmulatorServer) -> list[list[str]]:
    """Return name and digest of each image's data, in their order."""
    with ims_ext.connect(**server.clouds()['clouds']['admin']) as conn:
        return sorted(
            [str(each.name), str(each.hash_value)]
            for each in conn.ims.images()
        )


def main() -> None:
    """Serve until there is nothing more to read."""
    folder = Path(sys.argv[1])
    counts: collections.Counter[str] = collections.Counter()
    upstream = _Server(
        ('127.0.0.1', 0),
        functools.partial(_Quiet, directory=str(folder / 'files')),
    )
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    enabled = write_definitions(
        Path(sys.argv[2]), folder, f'http://127.0.0.1:{upstream.server_port}'
    )
    with EmulatorServer(
        job_seconds=0, glance='full', import_hosts=['127.0.0.1']
    ) as server:
        server.requests.listeners.append(
            lambda each: counts.update([f'{each.method} {each.service}'])
        )
        (folder / 'clouds.yaml').write_text(
            yaml.safe_dump(server.clouds()), 'utf-8'
        )
        print(json.dumps(enabled), flush=True)
        for _ in sys.stdin:
            asked = counts.total()
            found = {'asked': asked, 'images': _images(server)}
            counts.clear()
            print(json.dumps(found), flush=True)


if __name__ == '__main__':
    main()
