# SPDX-License-Identifier: Apache-2.0
"""Whatever a shell hands over, ``openstack ims`` refuses it in a line."""

import pytest

from .openstack_command import Run


@pytest.mark.parametrize(
    'arguments',
    [
        # What is not UTF-8 comes as half characters.
        ('image', 'show', '\udcff\udcfe'),
        ('image', 'show', ''),
        ('image', 'show', '../../v1/x?y#z'),
        ('image', 'show', 'x' * 100_000),
        ('image', 'list', '-c', 'No such column'),
        ('image', 'set', '\x1b[2J', '--name', 'x'),
        ('image', 'tag', 'add', '\ud800', 'a=b'),
        ('job', 'wait', '../../v2/images'),
        ('image', 'create', '--file', '/dev/zero', 'image'),
        ('image', 'create', '--object', 'b:k', '--min-disk', '1', '\udcff'),
    ],
)
def test_a_strange_argument_is_refused_in_a_line(
    run: Run, arguments: tuple[str, ...]
) -> None:
    done = run(
        'ims',
        *(
            each.encode('utf-8', 'surrogatepass').decode(
                'utf-8', 'surrogateescape'
            )
            for each in arguments
        ),
    )

    assert done.returncode == 1
    assert done.stdout == ''
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.strip().isprintable()
    assert len(done.stderr) < 2_000
