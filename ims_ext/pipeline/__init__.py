# SPDX-License-Identifier: Apache-2.0
"""Fleets of images: declared in a manifest, planned, applied, resumed.

::

    from ims_ext.pipeline import Manifest
    from ims_ext.pipeline.run import Run

    with Run(Manifest.load('platform.yaml')) as run:
        print(run.plan().changes)
        outcome = run.apply()

What ``openstack ims pipeline`` does is all here, for programs.
"""

from ims_ext.pipeline.manifest import Manifest as Manifest
from ims_ext.pipeline.manifest import ManifestError as ManifestError
