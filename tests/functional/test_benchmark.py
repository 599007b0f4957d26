# SPDX-License-Identifier: Apache-2.0
"""The benchmarks' command: that it works, whatever the figures are."""

from pathlib import Path
import subprocess
import sys

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
