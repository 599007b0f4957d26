#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
"""``ims_ext.cloud.image``: images that are there, as wanted, or are not."""

DOCUMENTATION = r"""
module: image
short_description: Create, change and delete images of the image service
author: The ims-ext developers (@ims-ext)
description:
  - Creates an image from a file, an object in a bucket, a server, a volume or
    a backup, changes what differs of one that is there, and deletes it.
  - The data of an image that is there is not compared with its source.
options:
  name:
    description:
      - Name of the image, or its ID where it is there already.
      - Only images of the project's own are looked at by name.
    type: str
    required: true
    aliases: [id]
  state:
    description:
      - Whether the image is to be there.
    type: str
    choices: [absent, present]
    default: present
  file:
    description:
      - Path of a disk image's file on the machine that the module runs on.
      - Smaller than 2 GiB without O(bucket).
    type: path
    aliases: [filename]
  bucket:
    description:
      - Bucket that O(file) is uploaded to and imported from.
      - Needs the extra C(obs) of ims-ext.
    type: str
  object:
    description:
      - Object to import, C(bucket:key).
    type: str
  server:
    description:
      - Name or ID of a stopped server, whose system disk becomes the image.
    type: str
  volume:
    description:
      - Name or ID of a data disk that becomes a system disk image.
    type: str
  backup:
    description:
      - ID of a server's backup that becomes a full-server image.
    type: str
  disk_format:
    description:
      - Format of O(file), for what its content does not tell.
    type: str
  os_version:
    description:
      - Operating system with its version.
    type: str
  min_disk:
    description:
      - GiB of the smallest disk that the image fits on.
      - Needed with O(object).
    type: int
  min_ram:
    description:
      - MiB of memory that a server from the image needs.
    type: int
  max_ram:
    description:
      - MiB of memory that a server from the image can have.
    type: int
  description:
    description:
      - Description of the image.
    type: str
  hw_firmware_type:
    description:
      - How servers boot.
    type: str
    choices: [bios, uefi]
  enterprise_project_id:
    description:
      - ID of the enterprise project that the image belongs to.
    type: str
  is_protected:
    description:
      - Whether the image is protected from deletion.
    type: bool
    aliases: [protected]
  properties:
    description:
      - Properties of the image's own, or attributes under the names that the
        cloud has for them. Others stay as they are.
    type: dict
  tags:
    description:
      - Tags, keys with their values.
    type: dict
  purge_tags:
    description:
      - Whether tags that O(tags) does not name are removed.
    type: bool
    default: false
  members:
    description:
      - Names or IDs of the projects that the image is shared with.
    type: list
    elements: str
  purge_members:
    description:
      - Whether the image is shared no more with projects that O(members)
        does not name.
    type: bool
    default: false
notes:
  - Without O(wait), what a creation does not take with it is not set until
    the next run, among that O(is_protected), O(properties) and O(members).
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
- name: An image from a file
  ims_ext.cloud.image:
    cloud: otc
    name: golden
    file: golden.qcow2
    bucket: images
    os_version: Ubuntu 18.04 server 64bit
    tags:
      team: platform

- name: An image from a stopped server, shared and protected
  ims_ext.cloud.image:
    cloud: otc
    name: build-42
    server: build
    members: [team-a]
    is_protected: true

- name: No image any more
  ims_ext.cloud.image:
    cloud: otc
    name: golden
    state: absent
"""

RETURN = r"""
image:
  description: The image, as it is after the module.
  returned: when there is an image
  type: dict
  sample:
    id: 2a6d0a5c-6a8b-4e9a-9a57-5f5d4a3e3a11
    name: golden
    status: active
    min_disk: 40
    tags: {team: platform}
    properties: {}
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
job_id:
  description: ID of the job that makes the image.
  returned: when one was started
  type: str
left_object:
  description: Uploaded object that stays in the bucket.
  returned: when there is one
  type: str
"""

from typing import Any

from ansible_collections.ims_ext.cloud.plugins.module_utils import images
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import (
    WAIT_OPTIONS,
)
from ansible_collections.ims_ext.cloud.plugins.module_utils.base import Module

SOURCES = ('file', 'object', 'server', 'volume', 'backup')
#: What the creation takes with it, by the source.
GENERAL = ('description', 'tags', 'enterprise_project_id')
MEMORY = ('min_ram', 'max_ram')
IMPORT = (*GENERAL, *MEMORY, 'os_version', 'hw_firmware_type')
TAKEN = {
    'file': IMPORT,
    'object': IMPORT,
    'server': (*GENERAL, *MEMORY),
    'volume': (*GENERAL, *MEMORY),
    'backup': (*GENERAL, *MEMORY),
}
#: What an image without a bucket takes with it.
NATIVE = ('os_version', 'min_ram', 'tags')


class ImageModule(Module):
    """The module."""

    options = {
        'name': {'required': True, 'aliases': ['id']},
        'state': {'choices': ['absent', 'present'], 'default': 'present'},
        'file': {'type': 'path', 'aliases': ['filename']},
        'bucket': {},
        'object': {},
        'server': {},
        'volume': {},
        'backup': {},
        'disk_format': {},
        'os_version': {},
        'min_disk': {'type': 'int'},
        'min_ram': {'type': 'int'},
        'max_ram': {'type': 'int'},
        'description': {},
        'hw_firmware_type': {'choices': ['bios', 'uefi']},
        'enterprise_project_id': {},
        'is_protected': {'type': 'bool', 'aliases': ['protected']},
        'properties': {'type': 'dict'},
        'tags': {'type': 'dict'},
        'purge_tags': {'type': 'bool', 'default': False},
        'members': {'type': 'list', 'elements': 'str'},
        'purge_members': {'type': 'bool', 'default': False},
        **WAIT_OPTIONS,
    }
    others = {
        'mutually_exclusive': [SOURCES],
        'required_by': {'bucket': 'file', 'disk_format': 'file'},
    }

    def run(self) -> dict[str, Any]:
        """Do what the options say."""
        image = images.find_own(self.ims, self.params['name'])
        if self.params['state'] == 'absent':
            return self._absent(image)
        if image is None:
            return self._create()
        if image.status != 'active' and self.params['wait']:
            image = self._active(image)
        change = self._change(image)
        if change and not self.is_check:
            self._make(change)
            image = self.ims.get_cloud_image(image.id)
        return {
            'changed': bool(change),
            'image': images.shown(image),
            'diff': change.diff,
        }

    def _absent(self, image: Any) -> dict[str, Any]:
        if image is None:
            return {'changed': False}
        if not self.is_check:
            self.ims.delete_image(image.id, ignore_missing=True)
            if self.params['wait']:
                self.ims.wait_for_delete(
                    image, interval=1, wait=self.params['timeout']
                )
        before = {'id': image.id, 'name': image.name}
        return {'changed': True, 'diff': {'before': before, 'after': {}}}

    def _create(self) -> dict[str, Any]:
        source = next((e for e in SOURCES if self.params[e]), None)
        if source is None:
            raise ValueError(
                f"There is no image {self.params['name']} of the project's "
                "own: name one of " + ', '.join(SOURCES) + " to make it from"
            )
        if source == 'object' and self.params['min_disk'] is None:
            raise ValueError("An image from an object needs min_disk")
        if source == 'volume' and not self.params['os_version']:
            raise ValueError("An image from a volume needs os_version")
        wanted = {
            name: self.params[name]
            for name in ('name', source, 'tags', 'members', 'properties')
            if self.params[name]
        }
        for name in (*images.ATTRIBUTES, *images.NATIVE):
            if self.params[name] is not None:
                wanted[name] = self.params[name]
        told: dict[str, Any] = {
            'changed': True,
            'diff': {'before': {}, 'after': wanted},
        }
        if self.is_check:
            return told
        job = self._start(source)
        if job.id:
            told['job_id'] = job.id
        if job.left_object:
            told['left_object'] = job.left_object
        if not self.params['wait']:
            return told
        image = self._active(self.ims.get_image(job.image_id))
        change = self._change(image)
        if change:
            self._make(change)
            image = self.ims.get_cloud_image(image.id)
        return {**told, 'image': images.shown(image)}

    def _start(self, source: str) -> Any:
        params = self.params
        taken = TAKEN[source]
        if source == 'file' and not params['bucket']:
            taken = NATIVE
        attrs = {
            name: params[name] for name in taken if params[name] is not None
        }
        if 'tags' in attrs:
            attrs['tags'] = {k: str(v) for k, v in attrs['tags'].items()}
        attrs.update(wait=params['wait'], timeout=params['timeout'])
        name = params['name']
        if source == 'file':
            return self.ims.create_image_from_file(
                params['file'],
                name,
                bucket=params['bucket'],
                disk_format=params['disk_format'],
                min_disk=params['min_disk'],
                **attrs,
            )
        if source == 'object':
            return self.ims.create_image_from_object(
                params['object'], name, params['min_disk'], **attrs
            )
        if source == 'server':
            return self.ims.create_image_from_server(
                params['server'], name, **attrs
            )
        if source == 'volume':
            return self.ims.create_image_from_volume(
                params['volume'], name, params['os_version'], **attrs
            )
        return self.ims.create_whole_image(
            name, backup=params['backup'], **attrs
        )

    def _active(self, image: Any) -> Any:
        self.ims.wait_for_status(
            image,
            'active',
            failures=['killed', 'deleted'],
            interval=1,
            wait=self.params['timeout'],
        )
        return self.ims.get_cloud_image(image.id)

    def _change(self, image: Any) -> images.Change:
        change = images.Change(self.ims, image)
        change.attributes(self.params)
        change.properties(self.params['properties'] or {})
        if self.params['tags'] is not None:
            change.tags(self.params['tags'], purge=self.params['purge_tags'])
        if self.params['members'] is not None:
            change.members(
                self.conn,
                self.params['members'],
                is_shared=True,
                purge=self.params['purge_members'],
            )
        return change

    def _make(self, change: images.Change) -> None:
        change.make(wait=self.params['wait'], timeout=self.params['timeout'])


def main() -> None:
    """Run the module."""
    ImageModule.main()


if __name__ == '__main__':
    main()
