#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.image_export``: images as objects in buckets."""

DOCUMENTATION = r"""
module: image_export
short_description: Write an image to an object in a bucket
author: The ims-ext developers (@ims-ext)
description:
  - Exports an image. Does nothing where the bucket has such an object
    already, whatever is in it.
  - Needs the extra C(obs) of ims-ext, to look into the bucket.
options:
  image:
    description:
      - Name or ID of the image.
    type: str
    required: true
  object:
    description:
      - Object to write, C(bucket:key).
    type: str
    required: true
  file_format:
    description:
      - Format of the object. The cloud takes V(vhd) where nothing is said.
    type: str
    choices: [qcow2, raw, vhd, vmdk, zvhd]
  quick:
    description:
      - Whether to export without conversion, as C(zvhd2).
    type: bool
    default: false
extends_documentation_fragment:
  - ims_ext.cloud.ims
  - ims_ext.cloud.ims.wait
attributes:
  check_mode:
    support: full
    description: Looks, and sends nothing that changes anything.
  diff_mode:
    support: full
    description: Shows what differs.
"""

EXAMPLES = r"""
- name: Keep an image in a bucket
  ims_ext.cloud.image_export:
    cloud: otc
    image: golden
    object: archive:golden.qcow2
    file_format: qcow2
"""

RETURN = r"""
object:
  description: The object, C(bucket:key).
  returned: success
  type: str
  sample: archive:golden.qcow2
job_id:
  description: ID of the job that exports the image.
  returned: when one was started
  type: str
"""

from typing import Any

try:
    from ims_ext import objectstore
    from ims_ext import validation
except ImportError:
    # The base of the modules tells of it.
    pass

from ansible_collections.ims_ext.cloud.plugins.module_utils import images
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import (
    WAIT_OPTIONS,
)
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module


class ImageExportModule(Module):
    """The module."""

    options = {
        'image': {'required': True},
        'object': {'required': True},
        'file_format': {'choices': ['qcow2', 'raw', 'vhd', 'vmdk', 'zvhd']},
        'quick': {'type': 'bool', 'default': False},
        **WAIT_OPTIONS,
    }
    others = {'mutually_exclusive': [('file_format', 'quick')]}

    def run(self) -> dict[str, Any]:
        """Do what the options say."""
        address = validation.check_object_url(self.params['object'])
        bucket, key = address.split(':', 1)
        store = objectstore.ObjectStore(self.conn)
        told: dict[str, Any] = {'changed': False, 'object': address}
        if store.exists(bucket, key):
            return told
        image = images.find_any(self.ims, self.params['image'])
        told['changed'] = True
        told['diff'] = {'before': {}, 'after': {'object': address}}
        if not self.is_check:
            job = self.ims.export_image(
                image,
                address,
                file_format=self.params['file_format'],
                is_quick_export=self.params['quick'],
                wait=self.params['wait'],
                timeout=self.params['timeout'],
            )
            told['job_id'] = job.id
        return told


def main() -> None:
    """Run the module."""
    ImageExportModule.main()


if __name__ == '__main__':
    main()
