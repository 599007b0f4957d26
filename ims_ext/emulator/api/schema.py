# SPDX-License-Identifier: Apache-2.0
"""JSON schemas of what the native image operations answer."""

from typing import Any

from ims_ext.emulator.api.image_attributes import CONTAINER_FORMATS
from ims_ext.emulator.api.image_attributes import DISK_FORMATS
from ims_ext.emulator.api.image_attributes import READ_ONLY
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service

_UUID = (
    '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}'
    '-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$'
)


def _string(description: str, **others: Any) -> dict[str, Any]:
    return {'type': 'string', 'description': description, **others}


def _optional(type_name: str, description: str) -> dict[str, Any]:
    return {'type': ['null', type_name], 'description': description}


def _flag(description: str) -> dict[str, Any]:
    """Return a boolean that travels as a string."""
    return _string(description, enum=['true', 'false', 'True', 'False'])


_IMAGE: dict[str, Any] = {
    'id': _string("Identifies the image", pattern=_UUID),
    'name': {
        'type': ['null', 'string'],
        'description': "What its owner calls the image",
        'maxLength': 255,
    },
    'owner': _string("The project that the image belongs to"),
    'status': _string(
        "How far the image is",
        enum=['queued', 'saving', 'active', 'killed', 'deleted'],
    ),
    'visibility': _string(
        "Who can see the image", enum=['public', 'private', 'shared']
    ),
    'protected': {
        'type': 'boolean',
        'description': "Whether the image cannot be deleted",
    },
    'os_hidden': {
        'type': 'boolean',
        'description': "Whether lists leave the image out",
    },
    'checksum': _optional('string', "MD5 of the image's data"),
    'os_hash_algo': _optional('string', "How os_hash_value was made"),
    'os_hash_value': _optional('string', "A digest of the image's data"),
    'size': _optional('integer', "Size of the image's data in bytes"),
    'virtual_size': _optional('integer', "Size of the disk in bytes"),
    'container_format': _string(
        "What the disk is wrapped in", enum=list(CONTAINER_FORMATS)
    ),
    'disk_format': _string(
        "The format of the image's data", enum=list(DISK_FORMATS)
    ),
    'min_disk': {
        'type': 'integer',
        'description': "Size in GB of the smallest disk that the image fits",
    },
    'min_ram': {
        'type': 'integer',
        'description': "Memory in MB that the image needs",
    },
    'max_ram': _string("Memory in MB that the image can use"),
    'created_at': _string("When the image was made, UTC"),
    'updated_at': _string("When the image was last changed, UTC"),
    'active_at': _string("When the image became active, UTC"),
    'tags': {
        'type': 'array',
        'description': "The image's tags, key=value",
        'items': {'type': 'string', 'maxLength': 255},
    },
    'self': _string("Path of the image"),
    'file': _string("Path of the image's data"),
    'schema': _string("Path of this schema"),
    'virtual_env_type': _string(
        "What the image is for",
        enum=['FusionCompute', 'Ironic', 'DataImage', 'IsoImage'],
    ),
    'hw_firmware_type': _string(
        "How servers boot from the image", enum=['bios', 'uefi']
    ),
    'hw_vif_multiqueue_enabled': _flag("Whether NICs have several queues"),
    'enterprise_project_id': _string(
        "The enterprise project that the image belongs to"
    ),
    '__os_version': _string("The operating system with its version"),
    '__os_type': _string(
        "The kind of operating system", enum=['Linux', 'Windows', 'Other']
    ),
    '__os_bit': _string("The system's word size", enum=['32', '64']),
    '__platform': _string("The family of the operating system"),
    '__os_feature_list': _string("Features of the system, as JSON"),
    '__description': _string("What its owner says about the image"),
    '__imagetype': _string(
        "Whether the image is public, one's own, another's, or for sale",
        enum=['gold', 'private', 'shared', 'market'],
    ),
    '__image_size': _string("Size of the image's data in bytes"),
    '__image_source_type': _string("Where the data is kept", enum=['uds']),
    '__image_location': _string("Where exactly the data is kept"),
    '__isregistered': _flag("Whether the image is registered"),
    '__originalimagename': _string("The image that this one comes from"),
    '__backup_id': _string("The backup that the image comes from"),
    '__data_origin': _optional('string', "What the image comes from"),
    '__root_origin': _string("Says 'file' for images made from one"),
    '__sequence_num': _string("The slot of the system disk"),
    '__lazyloading': _flag("Whether servers start before all is copied"),
    '__whole_image': _flag("Whether the image holds all disks of a server"),
    '__is_config_init': _flag("Whether the image is set up"),
    '__system__cmkid': _string("The key that the image is encrypted with"),
    '__support_amd': _flag("Whether servers with AMD processors can use it"),
    '__support_fc_inject': _flag(
        "Whether Cloud-Init can NOT set passwords and keys"
    ),
    **{
        f'__support_{name}': _string(f"Whether {what} can use the image")
        for name, what in {
            'kvm': "servers on KVM",
            'xen': "servers on Xen",
            'largememory': "servers with large memory",
            'diskintensive': "servers with many disks",
            'highperformance': "servers for computing",
            'xen_gpu_type': "Xen servers with these GPUs",
            'kvm_gpu_type': "KVM servers with these GPUs",
            'xen_hana': "Xen servers for HANA",
            'kvm_infiniband': "KVM servers with InfiniBand",
            'kvm_hi1822_hisriov': "servers with SR-IOV",
            'kvm_hi1822_hivirtionet': "servers with Virtio-Net",
        }.items()
    },
}

#: What a member looks like.
MEMBER: dict[str, Any] = {
    'image_id': _string("The image that is shared", pattern=_UUID),
    'member_id': _string("The project that it is shared with"),
    'status': _string(
        "What that project answered",
        enum=['pending', 'accepted', 'rejected'],
    ),
    'created_at': _string("When the image was shared, UTC"),
    'updated_at': _string("When the status last changed, UTC"),
    'schema': _string("Path of this schema", readOnly=True),
}


def _image_schema() -> dict[str, Any]:
    return {
        'name': 'image',
        'properties': {
            name: {**value, 'readOnly': True}
            # Whoever creates an image may choose its ID.
            if name in READ_ONLY and name != 'id'
            else value
            for name, value in _IMAGE.items()
        },
        'additionalProperties': {'type': 'string'},
        'links': [
            {'rel': 'self', 'href': '{self}'},
            {'rel': 'enclosure', 'href': '{file}'},
            {'rel': 'describedby', 'href': '{schema}'},
        ],
    }


def _member_schema() -> dict[str, Any]:
    return {'name': 'member', 'properties': MEMBER}


def list_schema(name: str, item: dict[str, Any]) -> dict[str, Any]:
    """Return what a list looks like.

    :param name: The list's name in the answer.
    :param item: What is listed looks like that.
    """
    return {
        'name': name,
        'properties': {
            name: {'type': 'array', 'items': item},
            'schema': {'type': 'string'},
        },
        'links': [{'rel': 'describedby', 'href': '{schema}'}],
    }


class SchemasApi:
    """The native operations on schemas."""

    dialect = Dialect.GLANCE

    def __init__(self, service: Service) -> None:
        pass

    def image_schema(self) -> dict[str, Any]:
        """Return what an image looks like."""
        return _image_schema()

    @route('GET', '/v2/schemas/image')
    def image(self, request: Request) -> Answer:
        """Show what an image looks like."""
        return self.image_schema()

    @route('GET', '/v2/schemas/images')
    def images(self, request: Request) -> Answer:
        """Show what a list of images looks like."""
        schema = list_schema('images', self.image_schema())
        schema['properties'] |= {
            'first': {'type': 'string'},
            'next': {'type': 'string'},
        }
        schema['links'] += [
            {'rel': 'first', 'href': '{first}'},
            {'rel': 'next', 'href': '{next}'},
        ]
        return schema

    @route('GET', '/v2/schemas/member')
    def member(self, request: Request) -> Answer:
        """Show what a member looks like."""
        return _member_schema()

    @route('GET', '/v2/schemas/members')
    def members(self, request: Request) -> Answer:
        """Show what a list of members looks like."""
        return list_schema('members', _member_schema())
