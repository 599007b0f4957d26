# SPDX-License-Identifier: Apache-2.0
"""The sockets that are listened on, as one for the thread that waits.

waitress asks everything that it waits for, before each wait, whether it is
to be waited for. There are some thirty sockets and pipes of ports, at which
clients are seldom new, and two waits a request.
"""

from collections.abc import Callable, MutableMapping, Sequence
import select
from typing import Any

from waitress.server import BaseWSGIServer
from waitress.trigger import trigger
from waitress.wasyncore import file_dispatcher
from waitress.wasyncore import readwrite


class Doorway(file_dispatcher):  # type: ignore[misc]
    """Ports, of which the one that a client is new at is found by epoll.

    :param ports: The ports.
    :param connections: What is waited for, by file descriptor. The ports
        are in it, and are taken out.
    """

    def __init__(
        self,
        ports: Sequence[BaseWSGIServer],
        connections: MutableMapping[int, Any],
    ) -> None:
        self._first = ports[0]
        self._ports = {port.socket.fileno(): port for port in ports}
        self._new = select.epoll()
        for fileno in self._ports:
            self._new.register(fileno, select.EPOLLIN)
            del connections[fileno]
        super().__init__(self._new.fileno(), connections)

    def readable(self) -> bool:
        """Whether clients are let in; silent ones are let go meanwhile."""
        return bool(self._first.readable())

    def writable(self) -> bool:
        return False

    def handle_read(self) -> None:
        """Let clients in."""
        for fileno, flags in self._new.poll(0):
            readwrite(self._ports[fileno], flags)

    def close(self) -> None:
        """Listen no more."""
        for port in self._ports.values():
            port.close()
        self._new.close()
        super().close()


def gather(
    ports: Sequence[BaseWSGIServer], connections: MutableMapping[int, Any]
) -> Callable[[Callable[[], object] | None], None]:
    """Have ports waited for as one, where the system can do that.

    :param ports: The ports.
    :param connections: What is waited for, by file descriptor.
    :returns: What wakes the thread that waits, for something to do.
    """
    waker = trigger(connections)
    for port in ports:
        del connections[port.trigger.socket.fileno()]
        # Who has answered a request wakes the thread by its port.
        port.pull_trigger = waker.pull_trigger
    if hasattr(select, 'epoll'):
        Doorway(ports, connections)
    wake: Callable[[Callable[[], object] | None], None] = waker.pull_trigger
    return wake
