# SPDX-License-Identifier: Apache-2.0
"""Imports that kill themselves: a process of its own, which forks for each.

Run as a script. Each line of its input has imports to run at the same time,
as JSON; each line of its output tells how those have ended. All modules are
loaded before the first one, so that an import takes no longer than it must.
"""

from collections.abc import Callable
import functools
import gc
import json
import os
from pathlib import Path
import signal
import socket
import sys
import threading
import traceback
from typing import Any

from openstack import config
from openstack import connection
import s3_description

import ims_ext
from ims_ext import diskimage
from ims_ext.extension import job
from ims_ext.extension import job_watch
from ims_ext.file_import import recovery as import_recovery
from ims_ext.objectstore import access
from ims_ext.objectstore import checkpoint
from ims_ext.objectstore import sending
from ims_ext.objectstore import upload

#: Files that are opened for writing, moved, deleted: steps that can be the
#: last. Python tells of them.
_FILE_EVENTS = frozenset(('open', 'os.rename', 'os.remove', 'os.mkdir'))


class Steps:
    """Counts what a process does to the outside, up to its end.

    :param last: The step to be killed at; ``None`` for none.
    """

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self._last = last
        self._lock = threading.Lock()

    def step(self) -> None:
        """Count a step; the last one does not return."""
        with self._lock:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, folder: str) -> None:
        """Count what is sent, received, and done to files in a folder."""
        for name in ('connect', 'send', 'sendall', 'recv_into'):
            method = getattr(socket.socket, name)
            setattr(socket.socket, name, self._before_and_after(method))
        os.fsync = self._before_and_after(os.fsync)

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            if event in _FILE_EVENTS and str(arguments[0]).startswith(folder):
                self.step()

        sys.addaudithook(hook)

    def _before_and_after(self, method: Callable[..., Any]) -> Any:
        @functools.wraps(method)
        def counted(*args: Any) -> Any:
            self.step()
            result = method(*args)
            self.step()
            return result

        return counted


def run(wanted: dict[str, Any]) -> dict[str, Any]:
    """Import a file, and return what it took."""
    os.environ['XDG_STATE_HOME'] = wanted['state']
    job.DEFAULT_INTERVAL = job_watch._SHORTEST_PAUSE = 0.05
    import_recovery._SETTLING = 0.75
    import_recovery._BETWEEN_LOOKS = 0.05
    checkpoint.PART_SIZE = wanted['part_size']
    steps = Steps(wanted['last'])
    parts: list[int] = []
    region = config.OpenStackConfig(
        config_files=[wanted['clouds']],
        secure_files=[],
        vendor_files=[],
        load_envvars=False,
    ).get_one('alice')
    with connection.Connection(config=region) as conn:
        ims_ext.load(conn)
        conn.authorize()
        make_client = access.make_client

        def make_counting(*args: Any) -> Any:
            client = make_client(*args)
            client.meta.events.register(
                'before-call.s3.UploadPart',
                lambda params, **_: parts.append(
                    int(params['query_string']['partNumber'])
                ),
            )
            return client

        access.make_client = make_counting
        steps.watch(wanted['state'])
        made = conn.ims.create_image_from_file(
            wanted['file'],
            wanted['name'],
            **wanted['options'],
        )
    return {
        'image_id': made.image_id,
        'job_id': made.id,
        'left_object': made.left_object,
        'parts': sorted(parts),
        'steps': steps.count,
    }


def main() -> None:
    """Run what the input says, each in a process of its own."""
    s3_description.keep()
    sending.isolated_session().create_client(
        's3', region_name='a', aws_access_key_id='a', aws_secret_access_key='a'
    )
    assert upload
    diskimage.inspect(sys.argv[1])
    gc.freeze()
    for line in sys.stdin:
        started = [start(wanted) for wanted in json.loads(line)]
        print(json.dumps([end(*each) for each in started]), flush=True)


def start(wanted: dict[str, Any]) -> tuple[int, int]:
    """Run an import in a new process; return that and what it writes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        return child, reading
    try:
        told = run(wanted)
    except Exception as error:
        told = {'error': type(error).__name__, 'why': traceback.format_exc()}
    os.write(writing, json.dumps(told).encode())
    os._exit(0)


def end(child: int, reading: int) -> dict[str, Any]:
    """Wait for the end of a process, and return how it has ended."""
    with open(reading, 'rb') as pipe:
        answer = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return {'signal': os.WTERMSIG(status)}
    told: dict[str, Any] = json.loads(answer)
    return told


if __name__ == '__main__':
    assert Path(sys.argv[1]).exists()
    main()
