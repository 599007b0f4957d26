# SPDX-License-Identifier: Apache-2.0
"""What it costs to have this project at hand, used or not."""

from collections.abc import Iterator
from importlib import metadata
import sys
import time
from typing import Any

from . import client
from .harness import Bench
from .harness import Measurement
from .harness import benchmark
from .harness import needs
from .table import Row
from .table import limited

#: What the extras bring; nothing of it may be there before it is used.
_EXTRAS = (
    'boto3',
    'botocore',
    'osc_lib',
    'oslo_utils',
    'platformdirs',
    's3transfer',
    'tqdm',
    'waitress',
    'werkzeug',
    'yaml',
)


# ====== IN PROCESSES OF THEIR OWN ======


def import_package() -> Measurement:
    """Import the package where openstacksdk is imported already."""
    import openstack

    assert openstack
    before = set(sys.modules)
    began = time.perf_counter()
    import ims_ext

    found = {'ms': (time.perf_counter() - began) * 1000}
    assert ims_ext
    return found | _added(before)


def use_package() -> Measurement:
    """Ask for ``conn.ims`` for the first time, and list images."""
    conn = client.connect()
    before = set(sys.modules)
    began = time.perf_counter()
    ims = conn.ims
    found = {'ms': (time.perf_counter() - began) * 1000}
    next(ims.cloud_images(), None)
    return found | _added(before)


def load_plugins(group: str, package: str) -> Measurement:
    """Have the openstack command load its plug-ins; time those of ours."""
    load = metadata.EntryPoint.load
    found: dict[str, Any] = {'ms': 0.0, 'modules': 0, 'extras': 0}
    ours = []

    def timed(entry_point: metadata.EntryPoint) -> Any:
        if (
            entry_point.group != group
            or entry_point.module.partition('.')[0] != package
        ):
            return load(entry_point)
        ours.append(entry_point.name)
        before = set(sys.modules)
        began = time.perf_counter()
        loaded = load(entry_point)
        found['ms'] += (time.perf_counter() - began) * 1000
        for name, number in _added(before).items():
            found[name] += number
        return loaded

    metadata.EntryPoint.load = timed  # type: ignore[assignment, method-assign]
    # The command imports its plug-ins with this module, and those for
    # logging in when it makes the options for them.
    import openstackclient.shell
    from osc_lib.api import auth

    assert openstackclient.shell
    auth.get_plugin_list()
    assert ours, f"no plug-in in {group}: install the package again"
    return found


def _added(before: set[str]) -> dict[str, Any]:
    """Return how many modules have been imported since, and whose."""
    added = set(sys.modules) - before
    extras = sorted({name.partition('.')[0] for name in added} & {*_EXTRAS})
    for name in extras:
        print(f"imported before it is used: {name}", file=sys.stderr)
    return {'modules': len(added), 'extras': len(extras)}


# ====== COMPARED ======


@benchmark
def start_up(bench: Bench) -> Iterator[Row]:
    """Import the package, and load the command's plug-ins."""
    needs('openstackclient')
    groups = {
        'command': 'openstack.cli.extension',
        'login': 'keystoneauth1.plugin',
    }
    found = bench.alternate(
        {
            'import': bench.worker(import_package),
            'use': bench.worker(use_package),
            **{
                name: bench.worker(
                    load_plugins, group=group, package='ims_ext'
                )
                for name, group in groups.items()
            },
        },
        bench.repeat * 3,
    )
    for name, work, bar in (
        ('import', "import ims_ext beside openstack", 10),
        ('command', "load the plug-in of the openstack command", 5),
        ('login', "load the plug-in for access keys", 5),
        ('use', "ask for conn.ims for the first time", None),
    ):
        costs = found[name]
        yield limited(work, "time", costs['ms'], 'ms', bar)
        yield limited(work, "modules imported", costs['modules'], '', None)
        yield limited(work, "modules of extras", costs['extras'], '', 0)
