# SPDX-License-Identifier: Apache-2.0
"""Waiting for many jobs: how late their ends are learnt of."""

from collections.abc import Iterator
import random
import statistics
import time
from typing import Any

from . import client
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import control
from .table import Row
from .table import compared
from .table import limited

#: Seconds that a server takes which has much to do.
_SLOW_ANSWER = 0.25


# ====== IN PROCESSES OF THEIR OWN ======


def wait(
    number: int,
    shortest: float,
    longest: float,
    told: bool,
    at_once: bool,
    answer_seconds: float,
) -> Measurement:
    """Wait for jobs; tell how late each end is learnt of.

    :param shortest: Seconds that the shortest job takes.
    :param longest: Seconds that the longest job takes.
    :param told: Whether the jobs tell their progress.
    :param at_once: Whether to wait for all at once, or for one after the
        other.
    :param answer_seconds: Seconds that the server takes for an answer.
    """
    ims = client.connect().ims
    step = (longest - shortest) / max(number - 1, 1)
    seconds = [shortest + step * each for each in range(number)]
    random.Random(number).shuffle(seconds)
    late = []
    control(client.url(), 'reset', {'job_seconds': answer_seconds})
    with client.measured() as found:
        settings = {'seconds': seconds, 'told': told}
        ends: dict[str, Any] = control(client.url(), 'jobs', settings)
        jobs = (
            ims.wait_for_jobs(ends)
            if at_once
            else (ims.wait_for_job(job_id) for job_id in ends)
        )
        for job in jobs:
            late.append(time.monotonic() - ends[job.id])
    assert len(late) == number
    found['late'] = statistics.mean(late)
    found['beyond'] = time.monotonic() - max(ends.values())
    return found


# ====== COMPARED ======


def _wait(bench: Bench, number: int, **how: float) -> Any:
    return bench.worker(
        wait,
        number=number,
        shortest=bench.sizes.shortest_job,
        longest=bench.sizes.longest_job,
        **{'told': True, 'at_once': True, 'answer_seconds': 0.0, **how},
    )


@benchmark
def wait_jobs(bench: Bench) -> Iterator[Row]:
    """Wait for 100 jobs at once, beside one after the other."""
    number = bench.sizes.jobs
    found = bench.alternate(
        {
            'told': _wait(bench, number),
            'untold': _wait(bench, number, told=False),
            'one by one': _wait(bench, number, at_once=False),
        },
        bench.seldom,
    )
    work = (
        f"wait_for_jobs, {number} jobs of {bench.sizes.shortest_job:g} to "
        f"{bench.sizes.longest_job:g} s"
    )
    told, untold = found['told'], found['untold']
    yield limited(work, "mean lateness", told['late'], 's', 0.5)
    yield limited(work, "beyond the longest", told['beyond'], 's', 1)
    yield limited(work, "most requests in 1 s", told['most_a_second'], '', 40)
    yield compared(
        work,
        "mean lateness",
        's',
        told['late'],
        "wait_for_job, one by one",
        found['one by one']['late'],
    )
    work += ", no progress told"
    yield limited(work, "mean lateness", untold['late'], 's', None)
    yield limited(
        work, "most requests in 1 s", untold['most_a_second'], '', 40
    )


@benchmark
def wait_many_jobs(bench: Bench) -> Iterator[Row]:
    """Wait for 1,000 jobs at once: connections and memory."""
    number = bench.sizes.many_jobs
    # An answer that takes its time takes a connection, too.
    slow = _wait(bench, number, answer_seconds=_SLOW_ANSWER)
    found = bench.alternate({'ours': slow}, 1)['ours']
    work = f"wait_for_jobs, {number:,} jobs at once"
    yield limited(work, "connections", found['connections'], '', 16)
    yield limited(work, "memory beyond idle", found['grown'], 'MiB', 16)
    yield limited(work, "most requests in 1 s", found['most_a_second'], '', 40)
    yield limited(work, "mean lateness", found['late'], 's', None)
    yield limited(work, "beyond the longest", found['beyond'], 's', None)
