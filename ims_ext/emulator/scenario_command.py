# SPDX-License-Identifier: Apache-2.0
"""``ims-emulator scenario``: its JSON Schema, and the faults of a file."""

import argparse
from pathlib import Path
import sys

from ims_ext import extras


def add(
    actions: 'argparse._SubParsersAction[argparse.ArgumentParser]',
) -> None:
    """Add the action.

    :param actions: The command's.
    """
    scenario = actions.add_parser(
        'scenario',
        help="look into scenarios, or print their JSON Schema",
        description="Scenarios say what an emulator has from the start.",
    )
    steps = scenario.add_subparsers(required=True, metavar='STEP')
    schema = steps.add_parser(
        'schema',
        help="print the JSON Schema of scenarios",
        description="Print the JSON Schema of scenarios, for editors that "
        "complete from it.",
    )
    schema.set_defaults(action=_schema)
    check = steps.add_parser(
        'check',
        help="tell what is wrong with a scenario",
        description="Look for faults, and tell them as FILE:LINE:COLUMN, a "
        "line each. The code is 1 where there are any.",
    )
    check.add_argument(
        'file', type=Path, metavar='FILE', help="the scenario's YAML file"
    )
    check.set_defaults(action=_check)


def _schema(arguments: argparse.Namespace) -> int:
    try:
        from ims_ext.emulator.scenario import form
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        return _lacking()
    sys.stdout.write(form.text())
    return 0


def _check(arguments: argparse.Namespace) -> int:
    try:
        from ims_ext.emulator.scenario import Scenario
        from ims_ext.emulator.scenario import ScenarioError
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        return _lacking()
    try:
        Scenario.load(arguments.file)
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{arguments.file}: no faults")
    return 0


def _lacking() -> int:
    from ims_ext import exceptions

    error = exceptions.MissingExtraError('emulator', "The emulator")
    print(f'ims-emulator: {error}', file=sys.stderr)
    return 1
