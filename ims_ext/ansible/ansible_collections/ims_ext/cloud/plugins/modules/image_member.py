#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.image_member``: whom an image is shared with."""

DOCUMENTATION = r"""
module: image_member
short_description: Share an image, and answer to one that is shared
author: The ims-ext developers (@ims-ext)
description:
  - Shares an image of the project's own with other projects, or no more.
  - With O(status), answers for the project to an image that another one
    shares.
options:
  image:
    description:
      - Name or ID of the image.
    type: str
    required: true
  projects:
    description:
      - Names or IDs of the projects.
    type: list
    elements: str
    aliases: [project]
  state:
    description:
      - Whether the image is to be shared with O(projects).
    type: str
    choices: [absent, present]
    default: present
  purge:
    description:
      - Whether the image is shared no more with projects that O(projects)
        does not name.
    type: bool
    default: false
  status:
    description:
      - Answer of the project to an image that another project shares.
    type: str
    choices: [accepted, pending, rejected]
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
- name: Share an image
  ims_ext.cloud.image_member:
    cloud: otc
    image: golden
    projects: [team-a, team-b]

- name: Accept it
  ims_ext.cloud.image_member:
    cloud: otc-team-a
    image: golden
    status: accepted
"""

RETURN = r"""
members:
  description: IDs of the projects that the image is shared with.
  returned: without O(status)
  type: list
  elements: str
status:
  description: Answer of the project.
  returned: with O(status)
  type: str
  sample: accepted
"""

from typing import Any

from ansible_collections.ims_ext.cloud.plugins.module_utils import images
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import (
    WAIT_OPTIONS,
)
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module


class ImageMemberModule(Module):
    """The module."""

    options = {
        'image': {'required': True},
        'projects': {
            'type': 'list',
            'elements': 'str',
            'aliases': ['project'],
        },
        'state': {'choices': ['absent', 'present'], 'default': 'present'},
        'purge': {'type': 'bool', 'default': False},
        'status': {'choices': ['accepted', 'pending', 'rejected']},
        **WAIT_OPTIONS,
    }
    others = {
        'mutually_exclusive': [('projects', 'status')],
        'required_one_of': [('projects', 'status')],
    }

    def run(self) -> dict[str, Any]:
        """Do what the options say."""
        if self.params['status']:
            return self._answer(self.params['status'])
        image = images.find_any(self.ims, self.params['image'])
        change = images.Change(self.ims, image)
        change.members(
            self.conn,
            self.params['projects'],
            is_shared=self.params['state'] == 'present',
            purge=self.params['purge'],
        )
        members = change.after.get('members')
        if members is None:
            found = self.ims.members(image.id)
            members = sorted(each.member_id for each in found)
        if change and not self.is_check:
            change.make(
                wait=self.params['wait'], timeout=self.params['timeout']
            )
        return {
            'changed': bool(change),
            'members': members,
            'diff': change.diff,
        }

    def _answer(self, wanted: str) -> dict[str, Any]:
        image = self.ims.find_cloud_image(
            self.params['image'],
            ignore_missing=False,
            visibility='shared',
            member_status='all',
        )
        project = self.ims.get_project_id()
        current = self.ims.get_member(project, image.id).status
        if current != wanted and not self.is_check:
            self.ims.update_member(project, image.id, status=wanted)
        return {
            'changed': current != wanted,
            'status': wanted,
            'diff': {
                'before': {'status': current},
                'after': {'status': wanted},
            },
        }


def main() -> None:
    """Run the module."""
    ImageMemberModule.main()


if __name__ == '__main__':
    main()
