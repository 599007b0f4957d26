# SPDX-License-Identifier: Apache-2.0
"""Serves a WSGI application, as a process that ends with its parent.

::

    python wsgi_server.py glance.wsgi.api 5

serves ``glance.wsgi.api:application`` on the listening socket that is open
as file 5, until the standard input ends.
"""

import importlib
import os
import socket
import sys
import threading

import waitress


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main(module: str, file: str) -> None:
    """Serve until the standard input ends."""
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    # Keystone takes what is left for options of its own.
    del sys.argv[1:]
    listening = socket.socket(fileno=int(file))
    application = importlib.import_module(module).application
    waitress.serve(application, sockets=[listening], threads=4, _quiet=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
