#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.pipeline``: fleets of images, as a manifest says."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pipeline
short_description: Plan and apply a pipeline of images
author: The ims-ext developers (@ims-ext)
description:
  - Makes the clouds as a manifest names them, or shows what that would do.
  - The manifest names its clouds itself, as entries of C(clouds.yaml).
  - Needs the extra C(pipeline) of ims-ext.
options:
  manifest:
    description:
      - Path of the manifest.
    type: path
    required: true
  state:
    description:
      - Whether the manifest is applied, or only planned, which changes
        nothing.
    type: str
    choices: [applied, planned]
    default: applied
  targets:
    description:
      - Names of the only targets that are looked at.
    type: list
    elements: str
  images:
    description:
      - Names of the only images that anything is done with.
    type: list
    elements: str
  adopt:
    description:
      - Images of the same name that are taken over although they have no
        tags of a pipeline, as C(image@version).
    type: list
    elements: str
    default: []
  variables:
    description:
      - Values of the manifest's variables, before those of the environment.
    type: dict
    default: {}
  timeout:
    description:
      - Seconds in which a job of the cloud has to end.
    type: int
    default: 3600
requirements:
  - python >= 3.11
  - ims-ext[pipeline]
attributes:
  check_mode:
    support: full
    description: Plans only.
  diff_mode:
    support: full
    description: Shows the plan.
"""

EXAMPLES = r"""
- name: Keep the platform's images
  ims_ext.cloud.pipeline:
    manifest: platform.yaml
  register: result

- name: See what there would be to do
  ims_ext.cloud.pipeline:
    manifest: platform.yaml
    state: planned
"""

RETURN = r"""
plan:
  description: The plan, as C(openstack ims pipeline plan -f json) has it.
  returned: success
  type: dict
lines:
  description: The plan, as people read it.
  returned: success
  type: list
  elements: str
run:
  description: ID of the run, for C(openstack ims pipeline show).
  returned: when the manifest was applied
  type: str
done:
  description: What was done.
  returned: when the manifest was applied
  type: list
  elements: str
failed:
  description: What failed, with the reason.
  returned: when the manifest was applied
  type: list
  elements: str
skipped:
  description: What was left out, with the reason.
  returned: when the manifest was applied
  type: list
  elements: str
"""

import os
from pathlib import Path
from typing import Any

try:
    from ims_ext import pipeline
    from ims_ext.pipeline.lock import RunLockedError
    from ims_ext.pipeline.planning import showing
except ImportError as error:
    MISSING: ImportError | None = error
else:
    MISSING = None

from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module


class PipelineModule(Module):
    """The module."""

    uses_cloud = False
    options = {
        'manifest': {'type': 'path', 'required': True},
        'state': {'choices': ['applied', 'planned'], 'default': 'applied'},
        'targets': {'type': 'list', 'elements': 'str'},
        'images': {'type': 'list', 'elements': 'str'},
        'adopt': {'type': 'list', 'elements': 'str', 'default': []},
        'variables': {'type': 'dict', 'default': {}},
        'timeout': {'type': 'int', 'default': 3600},
    }

    def run(self) -> dict[str, Any]:
        """Do what the options say."""
        if MISSING:
            raise ValueError(
                f"Pipelines need more: pip install 'ims-ext[pipeline]' "
                f"({MISSING})"
            )
        variables = {k: str(v) for k, v in self.params['variables'].items()}
        manifest = pipeline.Manifest.load(
            Path(self.params['manifest']), {**os.environ, **variables}
        )
        self._check_names('targets', manifest.targets)
        self._check_names('images', manifest.images)
        with pipeline.Run(
            manifest,
            targets=self.params['targets'],
            images=self.params['images'],
            adopt=self.params['adopt'],
            patience=self.params['timeout'],
        ) as run:
            if self.params['state'] == 'planned' or self.is_check:
                plan = run.plan()
                is_change = self.params['state'] == 'applied'
                changes = is_change and bool(plan.changes)
                return {'changed': changes, **_told(plan)}
            return self._apply(run)

    def _apply(self, run: Any) -> dict[str, Any]:
        plans: list[Any] = []

        def keep(plan: Any) -> bool:
            plans.append(plan)
            return True

        try:
            outcome = run.apply(confirm=keep)
        except RunLockedError as error:
            raise ValueError(str(error)) from error
        told = {
            'changed': bool(outcome.done),
            **_told(plans[0]),
            'run': run.id,
            'done': [f'{e.kind} {e.item}' for e in outcome.done],
            'failed': _reasons(outcome.failed),
            'skipped': _reasons(outcome.skipped),
        }
        if outcome.exit_code:
            left = [*showing.left(outcome.plan)] if outcome.plan else []
            words = [*told['failed'], *(line.strip() for line in left)]
            if outcome.is_interrupted:
                words.append("interrupted: run it again to go on")
            self.ansible.fail_json(msg='\n'.join(words), **told)
        return told

    def _check_names(self, option: str, known: Any) -> None:
        for name in self.params[option] or ():
            if name not in known:
                raise ValueError(
                    f"{option}: the manifest has no {name}; there are "
                    + ', '.join(known)
                )


def _told(plan: Any) -> dict[str, Any]:
    lines = list(showing.lines(plan))
    return {
        'plan': showing.as_json(plan),
        'lines': lines,
        'diff': {'prepared': '\n'.join(lines) + '\n'},
    }


def _reasons(actions: Any) -> list[str]:
    return [f'{e.kind} {e.item}: {reason}' for e, reason in actions]


def main() -> None:
    """Run the module."""
    PipelineModule.main()


if __name__ == '__main__':
    main()
