#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.image_info``: images, as the service knows them."""

DOCUMENTATION = r"""
module: image_info
short_description: Look images up
author: The ims-ext developers (@ims-ext)
description:
  - Returns one image, or all that filters find.
options:
  image:
    description:
      - Name or ID of the image, the project's own before those of others.
        Where there is none, none is returned.
    type: str
    aliases: [name]
  filters:
    description:
      - Filters of the image service, for example C(image_type), C(tag) or
        C(status).
    type: dict
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
- name: The project's own images
  ims_ext.cloud.image_info:
    cloud: otc
    filters:
      image_type: private
  register: own
"""

RETURN = r"""
images:
  description: The images.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: ID of the image.
      type: str
    name:
      description: Name of the image.
      type: str
    status:
      description: Status of the image.
      type: str
    tags:
      description: Tags, keys with their values.
      type: dict
    properties:
      description: Properties of the image's own.
      type: dict
"""

from typing import Any

from ansible_collections.ims_ext.cloud.plugins.module_utils import images
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module


class ImageInfoModule(Module):
    """The module."""

    options = {'image': {'aliases': ['name']}, 'filters': {'type': 'dict'}}
    others = {'mutually_exclusive': [('image', 'filters')]}

    def run(self) -> dict[str, Any]:
        """Look the images up."""
        name = self.params['image']
        if name:
            found = images.find_own(self.ims, name)
            found = found or self.ims.find_cloud_image(name)
            listed = [found] if found else []
        else:
            listed = self.ims.cloud_images(**(self.params['filters'] or {}))
        return {
            'changed': False,
            'images': [images.shown(each) for each in listed],
        }


def main() -> None:
    """Run the module."""
    ImageInfoModule.main()


if __name__ == '__main__':
    main()
