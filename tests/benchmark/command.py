# SPDX-License-Identifier: Apache-2.0
"""``openstack ims …`` beside the commands that ``openstack`` has anyway."""

from collections.abc import Iterator

from . import standin_cloud
from .harness import Bench
from .harness import benchmark
from .harness import control
from .harness import needs
from .table import Row
from .table import compared

#: A difference of a twentieth is seen only by looking often.
_OFTEN = 3


@benchmark
def command_list(bench: Bench) -> Iterator[Row]:
    """Run openstack ims image list, beside openstack image list."""
    needs('openstackclient')
    work = f"openstack ims image list, {bench.sizes.images:,} images"
    found = bench.alternate(
        {
            'ours': bench.command('openstack', 'ims', 'image', 'list'),
            'theirs': bench.command('openstack', 'image', 'list'),
        },
        bench.seldom,
    )
    ours, theirs = found['ours'], found['theirs']
    peer = "openstack image list"
    yield compared(
        work,
        "wall time",
        's',
        ours['wall'],
        peer,
        theirs['wall'],
        times_less=5,
    )
    yield compared(
        work, "memory", 'MiB', ours['peak'], peer, theirs['peak'], at_most=1
    )


@benchmark
def command_show(bench: Bench) -> Iterator[Row]:
    """Run openstack ims job show, beside openstack image show."""
    needs('openstackclient')
    [job_id] = control(bench.url, 'jobs', {'seconds': [0.01], 'told': True})
    found = bench.alternate(
        {
            'ours': bench.command('openstack', 'ims', 'job', 'show', job_id),
            'theirs': bench.command(
                'openstack', 'image', 'show', standin_cloud.image_id(0)
            ),
        },
        bench.repeat * _OFTEN,
    )
    yield compared(
        "openstack ims job show",
        "wall time",
        's',
        found['ours']['wall'],
        "openstack image show",
        found['theirs']['wall'],
        at_most=1.05,
    )
