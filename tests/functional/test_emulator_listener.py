# SPDX-License-Identifier: Apache-2.0
"""The emulator's ports, as HTTP servers."""

import socket
import time
from urllib.parse import urlsplit
import warnings

import pytest
from waitress.trigger import trigger

from ims_ext.emulator.server import EmulatorServer

REQUEST = b'GET /identity/v3 HTTP/1.1\r\nHost: localhost\r\n\r\n'


def test_starting_uses_nothing_that_is_announced_to_go() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        with EmulatorServer():
            pass


def test_it_ends_while_its_thread_is_woken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pull = trigger._physical_pull

    def pull_twice(self: trigger) -> None:
        # The first is somebody else's: an answer that was given meanwhile.
        pull(self)
        time.sleep(0.2)
        pull(self)

    with EmulatorServer():
        monkeypatch.setattr(trigger, '_physical_pull', pull_twice)


def test_a_small_answer_comes_in_one_piece() -> None:
    with EmulatorServer() as server:
        parts = urlsplit(server.auth_url)
        with socket.create_connection(
            (parts.hostname, parts.port), timeout=30
        ) as peer:
            for _ in range(100):
                peer.sendall(
                    b'GET /identity/v3 HTTP/1.1\r\nHost: localhost\r\n\r\n'
                )
                assert peer.recv(65536).endswith(b'}')
