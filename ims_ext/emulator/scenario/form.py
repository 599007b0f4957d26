# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of scenarios, which editors complete from, too."""

from importlib import resources
import json
from typing import Any


def text() -> str:
    """Return the JSON Schema, draft 2020-12, as it is shipped."""
    file = resources.files('ims_ext').joinpath('data/scenario.schema.json')
    return file.read_text('utf-8')


def schema() -> dict[str, Any]:
    """Return the JSON Schema."""
    content: dict[str, Any] = json.loads(text())
    return content
