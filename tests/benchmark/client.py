# SPDX-License-Identifier: Apache-2.0
"""How what is compared gets at the server, in a process of its own."""

from collections.abc import Iterator
import contextlib
import os
import time
from typing import Any

from .harness import MIB
from .harness import control
from .harness import usage


def connect(cloud: str = 'ours') -> Any:
    """Return a connection that has a token already.

    :param cloud: ``ours``, or ``stock``, which nothing is loaded into.
    """
    import openstack

    conn = openstack.connect(cloud=cloud)
    conn.authorize()
    return conn


def url() -> str:
    """Return the server's URL."""
    return os.environ['BENCHMARK_URL']


def resident() -> float:
    """Return the memory that this process has now, in MiB."""
    import psutil

    return float(psutil.Process().memory_info().rss / MIB)


@contextlib.contextmanager
def measured() -> Iterator[dict[str, Any]]:
    """Measure a block: ``wall`` and ``cpu`` in seconds, ``grown`` in MiB.

    The processor time is that of all threads. Memory is what the process has
    at its peak beyond what it had before the block.
    """
    idle = resident()
    found: dict[str, Any] = {}
    cpu, _ = usage()
    began = time.perf_counter()
    yield found
    found['wall'] = time.perf_counter() - began
    after, peak = usage()
    found['cpu'] = after - cpu
    found['grown'] = max(peak - idle, 0.0)


@contextlib.contextmanager
def counted() -> Iterator[dict[str, Any]]:
    """Count the requests of a block: ``sent``."""
    found: dict[str, Any] = {}
    before = control(url(), 'counts')['requests']
    yield found
    found['sent'] = control(url(), 'counts')['requests'] - before
