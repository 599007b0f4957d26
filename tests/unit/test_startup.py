# SPDX-License-Identifier: Apache-2.0
"""What is imported before anybody has asked for anything."""

import subprocess
import sys


def imported_by(module: str, after: str) -> set[str]:
    """Return what importing a module brings, in a process of its own."""
    code = (
        f'import sys, {after}\n'
        f'before = set(sys.modules)\n'
        f'import {module}\n'
        f'print(*set(sys.modules) - before)'
    )
    found = subprocess.run(
        [sys.executable, '-c', code],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(found.stdout.split())


def test_importing_the_package_imports_nothing_else() -> None:
    assert imported_by('ims_ext', after='typing') == {'ims_ext'}


def test_the_command_loads_nothing_but_the_plug_in() -> None:
    # What every command has loaded before its plug-ins.
    found = imported_by(
        'ims_ext.cli.plugin', after='argparse, logging, typing'
    )
    assert found == {'ims_ext', 'ims_ext.cli', 'ims_ext.cli.plugin'}


def test_the_emulator_starts_without_the_client_s_packages() -> None:
    found = imported_by('ims_ext.emulator.server', after='typing')
    heavy = {'boto3', 'jsonschema', 'keystoneauth1', 'openstack', 'requests'}
    assert found & heavy == set()
