# SPDX-License-Identifier: Apache-2.0
"""What is imported before anybody has asked for anything."""

import pkgutil
import subprocess
import sys

import ims_ext

#: osc-lib imports this one itself, wherever any of it is imported.
OSC_LIB = 'ignore:The osc_lib.version module:DeprecationWarning'


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


def test_no_module_uses_what_a_dependency_gives_up() -> None:
    names = [
        module.name
        for module in pkgutil.walk_packages(ims_ext.__path__, 'ims_ext.')
        # Ansible alone finds these, under a collection's name.
        if not module.name.startswith('ims_ext.ansible')
    ]
    code = 'import importlib, sys\n'
    code += 'for name in sys.argv[1:]: importlib.import_module(name)'
    done = subprocess.run(
        [
            *(sys.executable, '-W', 'error', '-W', OSC_LIB),
            *('-c', code, *names),
        ],
        capture_output=True,
        text=True,
    )
    assert len(names) > 400
    assert done.returncode == 0, done.stderr
