# SPDX-License-Identifier: Apache-2.0
"""A plan in a file: what was seen when it was made still has to hold."""

from collections.abc import Iterator, Mapping
import json
import os
from pathlib import Path
from typing import Any

from ims_ext import exceptions
from ims_ext.pipeline.planning import showing
from ims_ext.pipeline.planning.model import Plan


class StalePlanError(Exception):
    """A saved plan that is not what there is to do any more.

    :ivar differences: What is otherwise by now, a line each.
    """

    def __init__(self, differences: list[str]) -> None:
        self.differences = differences
        super().__init__(
            "The plan does not hold any more, and nothing has been done:\n"
            + '\n'.join(f"  {each}" for each in differences)
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.differences,)


def save(plan: Plan, path: Path) -> None:
    """Write a plan to a file that only its owner reads.

    :param plan: The plan.
    :param path: The file; one that is there is replaced at once.
    """
    temporary = path.with_name(f'.{path.name}.{os.getpid()}')
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600
    )
    try:
        with open(descriptor, 'w', encoding='utf-8') as file:
            json.dump(showing.as_json(plan), file, indent=2)
            file.write('\n')
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def check(plan: Plan, path: Path) -> None:
    """Refuse a saved plan that is not what there is to do any more.

    :param plan: What there is to do now.
    :param path: The saved plan's file.
    :raises: :class:`StalePlanError`;
        :class:`~ims_ext.exceptions.ValidationError` for a file that is no
        plan of this pipeline; :class:`OSError`.
    """
    saved = _read(path)
    if saved.get('pipeline') != plan.pipeline:
        raise exceptions.ValidationError(
            f"{path} is a plan of the pipeline {saved.get('pipeline')!r}, "
            f"not of {plan.pipeline}"
        )
    found = list(
        _differences(_actions(saved), _actions(showing.as_json(plan)))
    )
    if saved.get('manifest') != plan.manifest:
        found.insert(0, "the manifest is another one than was planned")
    unseen = saved.get('unseen')
    found += [
        f"{name} was seen, and could not be seen now: {problem}"
        for name, problem in plan.unseen.items()
        if not isinstance(unseen, dict) or name not in unseen
    ]
    if found:
        raise StalePlanError(found)


def _read(path: Path) -> dict[str, Any]:
    try:
        saved = json.loads(path.read_text('utf-8'))
    except ValueError:
        saved = None
    if not isinstance(saved, dict) or saved.get('format') != showing.FORMAT:
        raise exceptions.ValidationError(
            f"{path} is no plan; 'plan -o FILE' saves one"
        )
    return saved


def _actions(plan: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return a plan's actions; there may be several that are left alone."""
    actions = plan.get('actions')
    found: dict[str, list[dict[str, Any]]] = {}
    for each in actions if isinstance(actions, list) else ():
        if isinstance(each, dict) and isinstance(each.get('id'), str):
            found.setdefault(each['id'], []).append(each)
    return found


def _lasting(actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return actions without what time alone makes another."""
    return [
        {key: value for key, value in each.items() if key != 'reason'}
        for each in actions
    ]


def _differences(
    saved: Mapping[str, list[dict[str, Any]]],
    now: Mapping[str, list[dict[str, Any]]],
) -> Iterator[str]:
    for name, planned in saved.items():
        if name not in now:
            yield f"{name} was planned, and is not to be done"
        elif _lasting(planned) != _lasting(now[name]):
            yield (
                f"{name} is another one: {_said(planned)} then, "
                f"{_said(now[name])} now"
            )
    for name, found in now.items():
        if name not in saved:
            yield f"{name} was not planned: {_said(found)}"


def _said(actions: list[dict[str, Any]]) -> str:
    return '; '.join(
        exceptions.readable(
            ' '.join(
                str(each[key])
                for key in ('reason', 'image_id')
                if each.get(key)
            ),
            300,
        )
        for each in actions
    )
