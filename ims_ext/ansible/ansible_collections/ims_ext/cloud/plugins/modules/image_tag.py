#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.image_tag``: tags of an image."""

DOCUMENTATION = r"""
module: image_tag
short_description: Add tags to an image, and remove them
author: The ims-ext developers (@ims-ext)
description:
  - Adds, changes and removes tags of an image of the project's own.
options:
  image:
    description:
      - Name or ID of the image.
    type: str
    required: true
  tags:
    description:
      - Tags, keys with their values. With O(state=absent), a tag whose value
        is null is removed whatever its value.
    type: dict
    required: true
  state:
    description:
      - Whether the image is to have the tags.
    type: str
    choices: [absent, present]
    default: present
  purge:
    description:
      - Whether tags that O(tags) does not name are removed.
    type: bool
    default: false
extends_documentation_fragment:
  - ims_ext.cloud.ims
attributes:
  check_mode:
    support: full
    description: Looks, and sends nothing that changes anything.
  diff_mode:
    support: full
    description: Shows what differs.
"""

EXAMPLES = r"""
- name: Tell who keeps the image
  ims_ext.cloud.image_tag:
    cloud: otc
    image: golden
    tags:
      team: platform
"""

RETURN = r"""
tags:
  description: The image's tags, keys with their values.
  returned: success
  type: dict
  sample: {team: platform}
"""

from typing import Any

from ansible_collections.ims_ext.cloud.plugins.module_utils import images
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module


class ImageTagModule(Module):
    """The module."""

    options = {
        'image': {'required': True},
        'tags': {'type': 'dict', 'required': True},
        'state': {'choices': ['absent', 'present'], 'default': 'present'},
        'purge': {'type': 'bool', 'default': False},
    }

    def run(self) -> dict[str, Any]:
        """Do what the options say."""
        image = images.find_any(self.ims, self.params['image'])
        change = images.Change(self.ims, image)
        if self.params['state'] == 'present':
            change.tags(self.params['tags'], purge=self.params['purge'])
        else:
            change.no_tags(self.params['tags'])
        if change and not self.is_check:
            change.make(wait=True, timeout=3600)
        return {
            'changed': bool(change),
            'tags': change.after.get('tags', dict(image.tag_map)),
            'diff': change.diff,
        }


def main() -> None:
    """Run the module."""
    ImageTagModule.main()


if __name__ == '__main__':
    main()
