# SPDX-License-Identifier: Apache-2.0
"""Runs the benchmarks: ``python -m tests.benchmark [NAME …]``."""

import argparse
from collections.abc import Iterable, Sequence
import fnmatch
import importlib
import shlex
import subprocess
import sys

from . import harness
from .table import Row
from .table import table

#: The modules with benchmarks, in the order in which they run; a new one is
#: named here.
MODULES = (
    'listing',
    'command',
    'startup',
    'job',
    'upload',
    'bucket',
    'emulator',
    'sharing',
    'pipeline',
    'board',
    'image_manager',
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run benchmarks and print their table."""
    parsed = _parser().parse_args(arguments)
    for module in MODULES:
        importlib.import_module(f'{__package__}.{module}')
    if parsed.list:
        for name, function in harness.BENCHMARKS.items():
            print(f"{name:25} {function.__doc__}")
        return 0
    names = _chosen(parsed.names)
    try:
        # Every process is measured with it.
        harness.needs('psutil')
    except harness.MissingPeerError as error:
        raise SystemExit(str(error)) from None
    sizes = harness.QUICK if parsed.quick else harness.Sizes()
    rows: list[Row] = []
    skipped: list[str] = []
    failed: list[str] = []
    with harness.running(parsed.repeat, sizes) as bench:
        for name in names:
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                rows += harness.BENCHMARKS[name](bench)
            except harness.MissingPeerError as error:
                skipped.append(f"Skipped {name}: {error}")
            except subprocess.CalledProcessError as error:
                # It has told why on standard error.
                failed.append(f"FAILED {name}: {shlex.join(error.cmd)}")
    print(table(rows))
    for line in skipped + failed:
        print(line)
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmark', description=__doc__
    )
    parser.add_argument(
        'names',
        metavar='NAME',
        nargs='*',
        help="a benchmark; 'list*' stands for several (default: all)",
    )
    parser.add_argument(
        '--list', action='store_true', help="tell the names, run nothing"
    )
    parser.add_argument(
        '--repeat',
        type=int,
        default=5,
        metavar='N',
        help="how often each alternative runs, at most (default: 5)",
    )
    parser.add_argument(
        '--quick',
        action='store_true',
        help="do very little: that it works is seen, not how fast it is",
    )
    return parser


def _chosen(patterns: Iterable[str]) -> list[str]:
    """Return the names of the benchmarks that are to run."""
    chosen = []
    for pattern in patterns or ('*',):
        found = fnmatch.filter(harness.BENCHMARKS, pattern)
        if not found:
            raise SystemExit(
                f"There is no benchmark {pattern}: see --list for those that "
                f"there are"
            )
        chosen += found
    return list(dict.fromkeys(chosen))


if __name__ == '__main__':
    sys.exit(main())
