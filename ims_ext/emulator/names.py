# SPDX-License-Identifier: Apache-2.0
"""Whether the system finds the services by their names."""

import socket
import threading
from typing import TYPE_CHECKING

from ims_ext.emulator.control.local import is_loopback

if TYPE_CHECKING:
    from ims_ext.emulator.server import EmulatorServer

#: Seconds to wait for an answer, which may have to come from elsewhere.
_PATIENCE = 1.0


def advice(server: 'EmulatorServer') -> str | None:
    """Return what to do so that names are found; ``None`` where they are.

    :param server: The emulator.
    """
    region = server.addresses.regions[0]
    domain = server.addresses.domain
    name = f'images.obs.{region}.{domain}'
    found = addresses_of(name)
    if found and (server.is_for_others or all(map(is_loopback, found))):
        return None
    if domain == 'localhost':
        return (
            f"Names such as {name} are not found on this machine; "
            "systemd-resolved or Debian's libnss-myhostname adds them"
        )
    return (
        f"Names such as {name} do not lead to this machine; a wildcard of a "
        "DNS server, or a line in /etc/hosts for each name, makes them"
    )


def addresses_of(name: str) -> list[str]:
    """Return the addresses that the system finds for a name, if any.

    :param name: The name.
    """
    found: list[str] = []

    def look() -> None:
        try:
            answers = socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        found.extend(str(each[4][0]) for each in answers)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return list(found)
