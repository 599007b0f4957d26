# SPDX-License-Identifier: Apache-2.0
"""A plan's changes as a saved plan has them."""

from collections.abc import Mapping
import datetime
import json
from pathlib import Path
from typing import Any

from ims_ext import exceptions
from ims_ext.pipeline.planning import showing
from ims_ext.pipeline.planning.model import Action
from ims_ext.pipeline.planning.model import Item
from ims_ext.pipeline.planning.model import Kind
from ims_ext.pipeline.planning.model import Plan

#: Bytes of a plan that are read.
_LONGEST = 64 * 1024 * 1024


def read(path: Path) -> Plan | None:
    """Return the plan that a file has, ``None`` where it is no JSON.

    :param path: The file.
    :raises: :class:`OSError`; :class:`~ims_ext.exceptions.ValidationError`
        for JSON that is no plan.
    """
    with path.open('rb') as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise exceptions.ValidationError(f"{path} is too long for a plan")
    try:
        saved = json.loads(content)
    except (ValueError, RecursionError):
        return None
    try:
        if saved['format'] != showing.FORMAT:
            raise ValueError(saved['format'])
        return Plan(
            str(saved['pipeline']),
            datetime.datetime.fromisoformat(saved['at']),
            tuple(_action(each) for each in saved['actions']),
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        raise exceptions.ValidationError(
            f"{path} is no plan that 'plan -o FILE' has saved"
        ) from None


def _action(saved: Mapping[str, Any]) -> Action:
    return Action(
        Kind(saved['action']),
        _item(saved),
        str(saved['reason']),
        saved['image_id'],
        tuple(_item(each) for each in saved['after']),
        dict(saved['details']),
    )


def _item(saved: Mapping[str, Any]) -> Item:
    return Item(
        str(saved['image']), str(saved['version']), str(saved['target'])
    )
