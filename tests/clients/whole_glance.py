# SPDX-License-Identifier: Apache-2.0
"""An emulator with a whole Glance, and files on a web server beside it."""

from collections.abc import Iterator
import contextlib
import dataclasses
import functools
import http.server
from pathlib import Path
import subprocess
import threading
from typing import Any

from ims_ext.emulator.seed import Account
from ims_ext.emulator.server import EmulatorServer

#: Users beside alice and bob: the suite wants one more project, and somebody
#: who only reads.
USERS = (
    Account('carol', 'carol-secret', 'gamma'),
    Account('rita', 'rita-secret', 'alpha'),
)
_ROLES = {'admin': 'admin', 'rita': 'reader'}


@dataclasses.dataclass(frozen=True)
class WholeGlance:
    """An emulator with a whole Glance.

    :ivar web: The URL of a web server beside it, with disk images.
    """

    server: EmulatorServer
    web: str

    def cloud(self, user: str) -> dict[str, Any]:
        """Return a user's entry for a clouds.yaml, without our hook."""
        cloud: dict[str, Any] = self.server.clouds()['clouds'][user]
        del cloud['vendor_hook']
        return cloud

    def account(self, user: str) -> dict[str, Any]:
        """Return a user as tempest wants to know them."""
        auth = self.cloud(user)['auth']
        role = _ROLES.get(user, 'member')
        return {
            'username': user,
            'password': auth['password'],
            'project_name': auth['project_name'],
            'domain_name': 'Default',
            'roles': [role],
            'types': [role] if role == 'admin' else [],
        }


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def running(folder: Path, region: str) -> Iterator[WholeGlance]:
    """Run an emulator, and a web server that it may ask.

    :param folder: Where the web server's files are put.
    :param region: The region's name.
    """
    (folder / 'disk.raw').write_bytes(bytes(range(256)) * 64)
    subprocess.run(
        ['qemu-img', 'create', '-q', '-f', 'qcow2',
         folder / 'disk.qcow2', '1M'],
        check=True,
    )  # fmt: skip
    web = http.server.ThreadingHTTPServer(
        ('127.0.0.1', 0), functools.partial(_Files, directory=str(folder))
    )
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with EmulatorServer(
        region=region,
        glance='full',
        import_hosts=['127.0.0.1'],
        users=USERS,
    ) as server:
        yield WholeGlance(server, f'http://127.0.0.1:{web.server_address[1]}')
    web.shutdown()
    web.server_close()
