# SPDX-License-Identifier: Apache-2.0
"""Each documented request is what a natural call sends, to the letter."""

from collections.abc import Callable
import io
from typing import Any
import urllib.parse
import warnings

from openstack import connection
from openstack.image.v2 import image as _image
import pytest
import requests_mock

from ims_ext.extension import cloud_image
from ims_ext.extension import tag

from .conftest import EXAMPLES
from .conftest import IMS_URL

STRINGS = ['aaa.111', 'bbb.333', 'ccc.444']
TAGS = {'key2': 'value2', 'key1': 'value1'}
BATCH = {'key1': 'value1', 'key2': 'value2', 'key3': ''}
FILTERS = {
    'tags': {'key3': ['valueXX']},
    'tags_any': {'key0': ['valueXX']},
    'not_tags': {'key9': ['value9']},
    'not_tags_any': {'key7': ['value7']},
    'matches': {'resource_name': 'test100'},
}

SERVER = '877a2cda-ba63-4e1e-b95f-e67e48b6129a'
VOLUME = 'c5dfbd0c-bf0a-4798-a453-61dc6b54aa30'
TAGGED = '67e17426-359e-49fb-aa12-0bd1756ec240'
SHARED = [
    'd164b5df-1bc3-4c3f-893e-3e471fd16e64',
    '0b680482-acaa-4045-b14c-9a8c7dfe9c70',
]
MEMBERS = [
    '9c61004714024f9586705d090530f9fa',
    'edc89b490d7d4392898e19b2deb34797',
]
PATCHED = '33ad552d-1149-471c-8190-ff6776174a00'


def data_image(number: int, tags: Any) -> Callable[[Any], Any]:
    return lambda ims: ims.create_data_image_from_object(
        'image-test:fedora_data1.qcow2',
        f'fedora-data{number}',
        40,
        description=f'Data disk {number} of Fedora',
        tags=tags,
        os_type='Linux',
    )


def whole_image(tags: Any, **source: Any) -> Callable[[Any], Any]:
    return lambda ims: ims.create_whole_image(
        'instance_whole_image' if 'server' in source else 'backup_whole_image',
        description=(
            'Create an image from an ECS'
            if 'server' in source
            else 'Create a full-ECS image from a CBR backup'
        ),
        tags=tags,
        **source,
    )


def from_server(tags: Any) -> Callable[[Any], Any]:
    return lambda ims: ims.create_image_from_server(
        SERVER,
        'ims_test',
        description='Create a system disk image from an ECS',
        tags=tags,
    )


def from_data_volume(tags: Any) -> Callable[[Any], Any]:
    return lambda ims: ims.create_data_images_from_volumes(
        [
            {
                'name': 'ims_data_image_test',
                'description': 'Create a data disk image from the data disk '
                'of an ECS',
                'volume_id': VOLUME,
                'tags': tags,
            }
        ]
    )


def from_object(
    key: str, description: str, tags: Any, **attrs: Any
) -> Callable[[Any], Any]:
    return lambda ims: ims.create_image_from_object(
        f'ims-image:{key}',
        'ims_test_file',
        40,
        description=description,
        os_version='CentOS 7.0 64bit',
        tags=tags,
        **attrs,
    )


def from_volume(tags: Any) -> Callable[[Any], Any]:
    return lambda ims: ims.create_image_from_volume(
        SERVER,
        'ims_test',
        'CentOS 7.0 64bit',
        description='Create a system disk image from a data disk',
        type='ECS',
        tags=tags,
    )


def quick_import(tags: Any, **attrs: Any) -> Callable[[Any], Any]:
    return lambda ims: ims.quick_import_image(
        'ims-image:centos70.zvhd2',
        'ims_test_file',
        40,
        description='Create an image using a file in an OBS bucket.',
        tags=tags,
        **attrs,
    )


def update(ims: Any) -> Any:
    image = cloud_image.CloudImage.existing(id=PATCHED, name='old')
    return ims.update_cloud_image(image, name='ims_test')


def update_natively(ims: Any) -> Any:
    image = ims.get_image(PATCHED)
    return ims.update_image(image, name='test01')


def upload(ims: Any) -> Any:
    image = _image.Image.existing(id='84ac7f2b-bf19-4efb-86a0-b5be8771b476')
    return image.upload(ims, data=io.BytesIO(b'disk'))


FROM_BUCKET = 'Create an image from a file in an OBS bucket'
FROM_ISO = 'Create an image from an ISO file'
SYSTEM = {'os_version': 'CentOS 7.0 64bit', 'type': 'ECS'}
DATA = {'os_type': 'Linux', 'type': 'DataImage'}
VAULT = 'de9fcf45-11b2-432c-8562-5c5428574600'
BACKUP = '9b27efab-4a17-4c06-bfa2-3e0cf021d3c3'

#: The natural call for each example, by the example's number.
CALLS: dict[int, Callable[[Any], Any]] = {
    1: data_image(1, ['aaa.111', 'bbb.222']),
    2: data_image(2, {'aaa': '111', 'bbb': '222'}),
    3: whole_image(STRINGS, server=SERVER, vault_id=VAULT),
    4: whole_image(TAGS, server=SERVER, vault_id=VAULT),
    5: whole_image(STRINGS, backup=BACKUP, whole_image_type='CBR'),
    6: whole_image(TAGS, backup=BACKUP, whole_image_type='CBR'),
    7: from_server(STRINGS),
    8: from_data_volume(STRINGS),
    9: from_object('centos70.qcow2', FROM_BUCKET, STRINGS),
    10: from_server(TAGS),
    11: from_data_volume(TAGS),
    12: from_object('centos70.qcow2', FROM_BUCKET, TAGS),
    13: from_object('centos70.iso', FROM_ISO, STRINGS, type='IsoImage'),
    14: from_object('centos70.iso', FROM_ISO, TAGS, type='IsoImage'),
    15: from_volume(STRINGS),
    16: from_volume([tag.Tag(*pair) for pair in TAGS.items()]),
    17: lambda ims: ims.export_image(
        SHARED[0], 'ims-image:centos7_5.qcow2', file_format='qcow2'
    ),
    18: quick_import(STRINGS, **SYSTEM),
    19: quick_import(TAGS, **SYSTEM),
    20: quick_import(STRINGS, **DATA),
    21: quick_import(TAGS, **DATA),
    22: lambda ims: next(
        ims.cloud_images(image_type='gold', sort_key='name', limit=1)
    ),
    23: lambda ims: ims.register_image(
        '4ca46bf1-5c61-48ff-b4f3-0ad4e5e3ba86',
        'bucketname:Centos6.5-disk1.vmdk',
    ),
    24: update,
    25: lambda ims: ims.get_job('ff8080814dbd65d7014dbe0d84db0013'),
    26: lambda ims: list(ims.image_quotas()),
    27: lambda ims: ims.copy_image(
        '465076de-dc36-4aec-80f5-ef9d8009428f',
        'ims_encrypted_copy3',
        description='test copy',
        cmk_id='bd66288c-9081-460a-8227-4cbd0c814cb4',
    ),
    28: lambda ims: ims.add_image_members(SHARED, MEMBERS),
    29: lambda ims: ims.remove_image_members(SHARED, MEMBERS),
    30: lambda ims: ims.update_image_members(SHARED, MEMBERS[1], 'accepted'),
    31: lambda ims: ims.update_image_members(
        SHARED,
        MEMBERS[1],
        'accepted',
        vault='d14r5tef-1bc3-4c4f-823e-3e471rg65e65',
    ),
    32: lambda ims: ims.add_image_tag(TAGGED, 'key1', 'value1'),
    33: lambda ims: ims.create_image_tags(TAGGED, BATCH),
    34: lambda ims: ims.delete_image_tags(TAGGED, BATCH),
    35: lambda ims: ims.set_image_tag(
        '62a15f6c-9197-44d2-89c7-708981c1bec1', tag='aaaa.1111'
    ),
    36: lambda ims: ims.set_image_tag(
        '67437ebd-2563-46e0-887e-ad1923977fa1', 'key1', 'value1'
    ),
    37: lambda ims: ims.delete_image_tag(TAGGED, 'key1'),
    38: lambda ims: list(ims.project_tags()),
    39: lambda ims: ims.count_images_by_tags(**FILTERS),
    40: lambda ims: next(ims.images_by_tags(**FILTERS, limit=1), None),
    41: lambda ims: next(ims.tags(limit=5, page=1), None),
    42: lambda ims: list(ims.image_tags(TAGGED)),
    43: lambda ims: ims.get_api_version('v2.0'),
    44: lambda ims: list(ims.api_versions()),
    45: lambda ims: ims.create_image_metadata(
        'test',
        disk_format='vhd',
        min_disk=100,
        min_ram=1024,
        os_version='Ubuntu 14.04 server 64bit',
        tags={'test': 'testvalue', 'image': 'imagevalue'},
        is_protected=False,
    ),
    46: lambda ims: ims.delete_image(
        '4ca46bf1-5c61-48ff-b4f3-0ad4e5e3ba90', delete_backup=True
    ),
    47: lambda ims: ims.delete_legacy_image(
        '3c3d1d01-b48a-4639-8a88-08be3b9b5d78'
    ),
    48: update_natively,
    49: lambda ims: ims.update_image_v20(PATCHED, name='test01'),
    50: lambda ims: ims.get_image(PATCHED),
    51: lambda ims: next(ims.legacy_images(disk_format='qcow2'), None),
    52: lambda ims: ims.get_legacy_image(
        '3c3d1d01-b48a-4639-8a88-08be3b9b5d78'
    ),
    53: lambda ims: next(ims.images(limit=None), None),
    54: upload,
    55: lambda ims: ims.get_members_schema(),
    56: lambda ims: ims.get_member_schema(),
    57: lambda ims: ims.get_images_schema(),
    58: lambda ims: ims.get_image_schema(),
    59: lambda ims: ims.add_member(SHARED[0], member_id=MEMBERS[1]),
    60: lambda ims: ims.remove_member(MEMBERS[1], image=SHARED[0]),
    61: lambda ims: ims.get_member(MEMBERS[1], image=SHARED[0]),
    62: lambda ims: list(ims.members(SHARED[0])),
    63: lambda ims: ims.update_member(
        MEMBERS[1], SHARED[0], status='accepted'
    ),
    64: lambda ims: ims.update_member(
        MEMBERS[1],
        SHARED[0],
        status='accepted',
        vault_id='6yhtb5df-1bc3-4c3f-893e-3e4716yhgt61',
    ),
    65: lambda ims: ims.add_tag(
        '4ca46bf1-5c61-48ff-b4f3-0ad4e5e3ba90', 'aaaa'
    ),
    66: lambda ims: ims.remove_tag(
        '4ca46bf1-5c61-48ff-b4f3-0ad4e5e3ba90', 'aaaa'
    ),
}

#: Answers good enough for a call to come to its end.
BODY = {
    'id': PATCHED,
    'name': 'old',
    'status': 'active',
    'job_id': 'j1',
    'images': [{'id': PATCHED}],
    'members': [],
    'tags': [],
    'resources': [],
    'total_count': 0,
    'versions': [{'id': 'v2.0', 'status': 'SUPPORTED', 'links': []}],
    'quotas': {'resources': []},
}


def test_there_is_a_call_for_each_documented_request() -> None:
    assert set(CALLS) == {example['n'] for example in EXAMPLES['requests']}


@pytest.mark.parametrize(
    'example',
    EXAMPLES['requests'],
    ids=[f'{each["n"]}-{each["method"]}' for each in EXAMPLES['requests']],
)
def test_a_natural_call_sends_the_documented_request(
    conn: connection.Connection,
    cloud: requests_mock.Mocker,
    example: dict[str, Any],
) -> None:
    url = urllib.parse.urlsplit(IMS_URL + example['path'])
    cloud.get(requests_mock.ANY, json=BODY)
    prepared = cloud.request_history  # authentication comes on top
    cloud.register_uri(
        example['method'],
        urllib.parse.urlunsplit(url._replace(query='')),
        json=BODY,
        status_code=example['status'] or 200,
    )
    cloud.get('https://iam.example.com/v3', json=discovery())

    with warnings.catch_warnings():
        # The abandoned operations say that they are.
        warnings.simplefilter('ignore')
        CALLS[example['n']](conn.ims)

    sent = [
        request
        for request in prepared
        if request.method == example['method'] and request.path == url.path
    ]
    assert len(sent) == 1
    assert urllib.parse.parse_qs(sent[0].query) == urllib.parse.parse_qs(
        url.query
    )
    body = None if sent[0].text in (None, '') else sent[0]
    if example['body'] is None:
        assert body is None or example['n'] == 54
    else:
        assert sent[0].json() == example['body']


def discovery() -> dict[str, Any]:
    link = {'href': 'https://iam.example.com/v3', 'rel': 'self'}
    version = {'id': 'v3.14', 'status': 'stable', 'links': [link]}
    return {'version': version}
