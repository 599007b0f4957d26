# SPDX-License-Identifier: Apache-2.0
"""Fleets of images: declared in a manifest, planned, applied, resumed.

::

    from ims_ext.pipeline import Manifest
    from ims_ext.pipeline import Run

    with Run(Manifest.load('platform.yaml')) as run:
        print(run.plan().changes)
        outcome = run.apply()

What ``openstack ims pipeline`` does is all here, for programs.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ims_ext.pipeline.manifest import Manifest as Manifest
    from ims_ext.pipeline.manifest import ManifestError as ManifestError
    from ims_ext.pipeline.run import Run as Run

# Loaded when first asked for: each conn.ims knows of pipelines, few run one.
_PLACES = {
    'Manifest': 'ims_ext.pipeline.manifest',
    'ManifestError': 'ims_ext.pipeline.manifest',
    'Run': 'ims_ext.pipeline.run',
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PLACES[name]), name)
