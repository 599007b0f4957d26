#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.quota_info``: how many images a project may have."""

DOCUMENTATION = r"""
module: quota_info
short_description: Look the quotas of images up
author: The ims-ext developers (@ims-ext)
description:
  - Returns the project's quotas, and what is used of them.
options: {}
extends_documentation_fragment:
  - ims_ext.cloud.ims
attributes:
  check_mode:
    support: full
    description: Looks only, as without it.
  diff_mode:
    support: none
    description: Changes nothing.
"""

EXAMPLES = r"""
- name: See how many images there may be
  ims_ext.cloud.quota_info:
    cloud: otc
  register: result
"""

RETURN = r"""
quotas:
  description: The quotas.
  returned: success
  type: list
  elements: dict
  contains:
    type:
      description: What is limited, for example C(image).
      type: str
    used:
      description: How many there are.
      type: int
    quota:
      description: How many there may be.
      type: int
    min:
      description: The smallest that the quota can be.
      type: int
    max:
      description: The largest that the quota can be.
      type: int
"""

from typing import Any

from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module

NAMES = ('type', 'used', 'quota', 'min', 'max')


class QuotaInfoModule(Module):
    """The module."""

    def run(self) -> dict[str, Any]:
        """Look the quotas up."""
        return {
            'changed': False,
            'quotas': [
                {name: getattr(each, name) for name in NAMES}
                for each in self.ims.image_quotas()
            ],
        }


def main() -> None:
    """Run the module."""
    QuotaInfoModule.main()


if __name__ == '__main__':
    main()
