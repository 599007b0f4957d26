# SPDX-License-Identifier: Apache-2.0
"""``openstack ims quota``: how many images a project may have."""

import argparse
from typing import Any

from ims_ext.cli import command

_COLUMNS = ('Type', 'Used', 'Quota', 'Min', 'Max')
_ATTRIBUTES = ('type', 'used', 'quota', 'min', 'max')


class ShowQuota(command.Lister):
    """Show the project's quotas and what is used of them.

    Columns: Type, Used, Quota, Min and Max (what the quota can be set to).
    """

    def take_action(self, parsed_args: argparse.Namespace) -> Any:
        return _COLUMNS, (
            command.format_values(quota, _ATTRIBUTES)
            for quota in self.client.image_quotas()
        )
