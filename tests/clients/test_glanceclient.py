# SPDX-License-Identifier: Apache-2.0
"""Glance's own client works with a whole Glance.

It holds what it reads and sends against the schemas that the service gives.
"""

from pathlib import Path

from .conftest import kept_environment
from .conftest import python_client
from .outcome import Outcome
from .outcome import Outcomes
from .outcome import version_of
from .whole_glance import WholeGlance


class Command:
    """The command ``glance`` of one user."""

    def __init__(
        self, glance: WholeGlance, user: str, outcome: Outcome, program: Path
    ) -> None:
        auth = glance.cloud(user)['auth']
        self._environment = kept_environment() | {
            f'OS_{name.upper()}': value for name, value in auth.items()
        }
        self._outcome = outcome
        self._program = str(program)

    def __call__(self, *arguments: str, has: str = '') -> str:
        """Run it, and hold its output against what it has to have."""
        return self._outcome.attempt(
            arguments[0],
            # It takes an open standard input for an image's data.
            ['sh', '-c', 'exec "$@" <&-', 'sh', self._program, *arguments],
            lambda output: has in output,
            environment=self._environment,
        )


def test_glanceclient(
    glance: WholeGlance, outcomes: Outcomes, tmp_path: Path
) -> None:
    programs = python_client('python-glanceclient')
    outcome = Outcome(
        'python-glanceclient',
        version_of(programs / 'python', 'python-glanceclient'),
    )
    alice, admin = (
        Command(glance, user, outcome, programs / 'glance')
        for user in ('alice', 'admin')
    )
    file = tmp_path / 'disk.raw'
    file.write_bytes(bytes(range(256)) * 4)
    formats = ('--disk-format', 'raw', '--container-format', 'bare')
    image = '5a2a5c3e-0000-4000-8000-000000000001'
    url = f'{glance.web}/disk.raw'

    alice('import-info', has='glance-direct')
    alice('stores-info', has='fast')
    alice(
        'image-create-via-import', '--id', image, *formats,
        '--file', str(file), '--import-method', 'glance-direct', has=image,
    )  # fmt: skip
    alice('image-tasks', image, has='success')
    alice('image-update', '--property', 'own=mine', image, has='mine')
    alice('image-deactivate', image)
    alice('image-reactivate', image)
    alice('image-download', '--file', str(tmp_path / 'copy'), image)
    alice('image-list', has=image)
    admin('cache-queue', image)
    admin('cache-list', has=image)
    admin('task-list')
    alice('image-create', '--name', 'located', *formats, has='located')
    listed = alice('image-list', '--property-filter', 'name=located')
    located = listed.splitlines()[3].split()[1]
    alice('location-add', '--url', url, located, has=url)
    alice('image-show', located, has='active')
    alice('image-delete', located)
    admin('md-namespace-create', 'own', '--visibility', 'public', has='own')
    admin('md-tag-create', '--name', 'new', 'own', has='new')
    admin(
        'md-object-create', '--name', 'thing',
        '--schema', '{"properties": {}}', 'own', has='thing',
    )  # fmt: skip
    alice('md-namespace-show', 'own', has='thing')
    admin('md-namespace-delete', 'own')

    outcomes.judge(outcome)
    assert (tmp_path / 'copy').read_bytes() == file.read_bytes()
