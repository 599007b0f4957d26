# SPDX-License-Identifier: Apache-2.0
"""An emulator with a whole Glance, and files on a web server beside it."""

from collections.abc import Iterator
import contextlib
import dataclasses
from functools import partial
import http.server
import json
from pathlib import Path
import threading
from typing import Any

import requests

from ims_ext.emulator.server import EmulatorServer

from .plain_http import Client

PATCH = 'application/openstack-images-v2.1-json-patch'

#: Enough for anything that ends, in seconds.
_PATIENCE = 60


class _Files(http.server.SimpleHTTPRequestHandler):
    """Sends files, and leads from /to/… to anywhere."""

    protocol_version = 'HTTP/1.1'

    def send_head(self) -> Any:
        if self.path.startswith('/to/'):
            self.send_response(302)
            self.send_header('Location', self.path.removeprefix('/to/'))
            self.send_header('Content-Length', '0')
            self.end_headers()
            return None
        return super().send_head()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Serve the files of a folder; give the root's URL."""
    server = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), partial(_Files, directory=str(folder))
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}'
    finally:
        server.shutdown()
        server.server_close()


@dataclasses.dataclass
class Glance:
    """An emulator with a whole Glance.

    :ivar web: The URL of a web server, whose files are in ``folder``.
    """

    server: EmulatorServer
    alice: Client
    bob: Client
    admin: Client
    web: str
    folder: Path

    def image(self, client: Client | None = None, **body: Any) -> str:
        """Make an image without data; return its ID."""
        given = {'disk_format': 'raw', 'container_format': 'bare', **body}
        return (client or self.alice).create_metadata(**given)

    def show(self, image_id: str) -> dict[str, Any]:
        """Return an image as its owner sees it."""
        found: dict[str, Any] = self.alice.get(f'/v2/images/{image_id}').json()
        return found

    def task(self, image_id: str) -> dict[str, Any]:
        """Return an image's newest task, once it has ended."""
        for _ in range(_PATIENCE * 20):
            answer = self.alice.get(f'/v2/images/{image_id}/tasks')
            task: dict[str, Any] = answer.json()['tasks'][-1]
            if task['status'] in ('success', 'failure'):
                return task
            threading.Event().wait(0.05)
        raise TimeoutError(task)

    def patch(
        self, image_id: str, *changes: Any, client: Client | None = None
    ) -> requests.Response:
        """Change an image, and return the answer, whatever it is."""
        return (client or self.alice).request(
            'PATCH',
            f'/v2/images/{image_id}',
            data=json.dumps(changes),
            headers={'Content-Type': PATCH},
        )

    def upload(
        self, image_id: str, data: bytes, place: str = 'file', **headers: str
    ) -> requests.Response:
        """Send data, and return the answer, whatever it is."""
        return self.alice.request(
            'PUT',
            f'/v2/images/{image_id}/{place}',
            data=data,
            headers={'Content-Type': 'application/octet-stream', **headers},
        )

    def begin(
        self,
        image_id: str,
        method: str,
        client: Client | None = None,
        **body: Any,
    ) -> requests.Response:
        """Ask for an import, and return the answer, whatever it is."""
        uri = {'uri': body.pop('uri')} if 'uri' in body else {}
        return (client or self.alice).request(
            'POST',
            f'/v2/images/{image_id}/import',
            json={'method': {'name': method, **uri}, **body},
        )


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Glance]:
    """Run an emulator with a whole Glance, and a web server that it knows."""
    with (
        web_server(folder) as web,
        EmulatorServer(
            job_seconds=0, glance='full', import_hosts=['127.0.0.1']
        ) as server,
    ):
        clients = [Client(server, name) for name in ('alice', 'bob', 'admin')]
        yield Glance(server, *clients, web, folder)
