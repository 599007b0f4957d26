# SPDX-License-Identifier: Apache-2.0
"""The regions of an object store: whose buckets are where."""

from collections.abc import Callable
import dataclasses

from ims_ext.emulator.bucket.auth import AccessKey

#: The key under which a request's environment has the region whose endpoint
#: it was sent to.
REGION = 'ims_ext.region'


@dataclasses.dataclass(frozen=True)
class Regions:
    """The regions of an object store that has several.

    :ivar project: Gives the project that a key acts for in a region.
    :ivar url: Gives the object store's URL in a region.
    """

    project: Callable[[AccessKey, str], str]
    url: Callable[[str], str]
