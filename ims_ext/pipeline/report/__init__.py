# SPDX-License-Identifier: Apache-2.0
"""Reports of runs, from their events alone."""

from ims_ext.pipeline.report.facts import Report as Report
from ims_ext.pipeline.report.gathering import gather as gather
