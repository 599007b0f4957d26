# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' command: that it works, whatever the figures are."""

import dataclasses
from pathlib import Path
import subprocess
import sys
from typing import Any

from ..benchmark.simulation import Costs
from ..benchmark.simulation import Found
from ..benchmark.simulation import Model
from ..benchmark.simulation import Setting

CHECKOUT = Path(__file__).parents[2]
DOCUMENTED = CHECKOUT / 'doc/source/contributor/benchmarks.rst'


def benchmark(*arguments: str) -> 'subprocess.CompletedProcess[str]':
    """Run the command, for very little work."""
    return subprocess.run(
        [sys.executable, '-m', 'tests.benchmark', *arguments],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_benchmarks_measure_what_there_is_to_measure() -> None:
    names = (
        *('list-images', 'wait-many-jobs', 'upload-native', 'tag-images'),
        'pipeline-plan',
    )
    finished = benchmark('--quick', '--repeat', '1', *names)
    assert not finished.returncode, finished.stdout + finished.stderr
    for row in (
        'count 60 images, conn.ims.cloud_images()',
        'wait_for_jobs, 8 jobs at once',
        'give 3 tags to 5 images each',
        'plan 10 images at 10 targets',
    ):
        assert row in finished.stdout
    # curl is the system's, and may not be there.
    assert (
        'native upload of 4 MiB' in finished.stdout
        or 'curl is missing' in finished.stdout
    )


def test_every_benchmark_is_documented() -> None:
    listed = benchmark('--list').stdout.splitlines()
    documentation = DOCUMENTED.read_text('utf-8')
    assert listed
    for line in listed:
        assert f'``{line.split()[0]}``' in documentation


def test_the_model_of_a_board_tells_what_limits_it() -> None:
    def found(costs: Costs, **changes: Any) -> Found:
        setting = Setting(workers=2, items=60, targets=2, answer=0.0)
        return Model(dataclasses.replace(setting, **changes), costs).run()

    # Thirty images at a target, three at a time, of a minute each.
    slow = found(Costs(), imports=3, job=60.0)
    assert 10 * 60 < slow.seconds < 10 * 80
    assert slow.bottleneck == 'imports at a time'
    # Seventeen requests for each of them, one of which is a look at its job.
    asked = found(Costs(begin=8, finish=8), rate=1.0, imports=30, job=1.0)
    assert 30 * 17 - 5 < asked.seconds < 30 * 18
    # An apply posts one after the other.
    posted = found(Costs(apply=1.0), rate=1000.0, imports=60, job=1.0)
    assert 60 <= posted.seconds < 65
    assert posted.bottleneck == "the apply's processor"
