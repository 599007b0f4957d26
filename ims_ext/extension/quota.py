# SPDX-License-Identifier: Apache-2.0
"""Quotas: how many images a project may have, and how many it has."""

from ims_ext import lazy
from ims_ext import proxy
from ims_ext import resource
from ims_ext.transport import decode


class Quota(resource.Resource):
    """A quota of a project, and how much of it is used.

    Operation 26: ``GET /v1/cloudimages/quota``.
    """

    base_path = '/v1/cloudimages/quota'

    type: str | None = resource.Body('type')
    """What is limited: ``image`` (private images), ``image_shared`` (shared
    ones, O) or ``image_member`` (members of an image, O)."""
    used: int | None = resource.Body('used', type=resource.FlexibleInt)
    """How many there are. *Type: int*"""
    quota: int | None = resource.Body('quota', type=resource.FlexibleInt)
    """How many there may be. *Type: int*"""
    min: int | None = resource.Body('min', type=resource.FlexibleInt)
    """The smallest that the quota can be. *Type: int*"""
    max: int | None = resource.Body('max', type=resource.FlexibleInt)
    """The largest that the quota can be. *Type: int*"""


class QuotaMixin(proxy.Proxy):
    """``conn.ims``: quotas."""

    def image_quotas(self) -> list[Quota]:
        """Return the project's quotas in the region (operation 26).

        ``GET /v1/cloudimages/quota``

        :returns: A list of :class:`Quota`, one for each type.
        """
        found = decode.read_list(
            self.get(Quota.base_path),
            "Cannot look up the quotas",
            'quotas',
            'resources',
        )
        builder = lazy.Builder(Quota, self._get_connection())
        return [builder.defer(item) for item in found]
