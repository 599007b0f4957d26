# SPDX-License-Identifier: Apache-2.0
"""Fleets of images: declared in a manifest, planned, applied, resumed."""

from ims_ext.pipeline.manifest import Manifest as Manifest
from ims_ext.pipeline.manifest import ManifestError as ManifestError
