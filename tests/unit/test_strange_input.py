# SPDX-License-Identifier: Apache-2.0
"""Whatever is given to a method, it is refused as such, or goes through.

Refused means: with one of the documented exceptions, before anything is
sent, in a message that can be shown.
"""

import datetime
import decimal
import inspect
from typing import Any
import uuid
import warnings

import hypothesis
from hypothesis import strategies as st
from openstack import exceptions as sdk_exceptions
import pytest

from ims_ext import exceptions
from ims_ext.extension import cloud_image
from ims_ext.extension import job
from ims_ext.extension import tag_rules

from . import strange_cloud
from .strange_cloud import IMAGE_ID
from .strange_cloud import JOB_ID
from .strange_cloud import PROJECT_ID
from .test_strange_answers import check_message
from .test_strange_answers import look_at

OS_VERSION = 'Ubuntu 22.04 server 64bit'


_LOOP: list[Any] = []
_LOOP.append(_LOOP)

#: What is given in place of what is meant.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    -1,
    1.5,
    10**400,
    float('nan'),
    decimal.Decimal('NaN'),
    '',
    ' ',
    '..',
    '../../v1/x',
    'a/b?c#d',
    '%2e%2e',
    'x' * 10_000,
    '\ud800',
    '\0',
    '\x1b[2J',
    '²',
    'nan',
    '7' * 5_000,
    b'\xff',
    [None],
    ['x', 1],
    [['x', 'y', 'z']],
    [{}],
    _LOOP,
    {'': ''},
    {1: 2},
    {'a': None},
    {'\ud800': 'x'},
    {'image_url': 'bucket:key', 'min_disk': 'x'},
    set(),
    iter(()),
    object(),
    object,
    datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC),
    uuid.UUID(int=0),
    cloud_image.CloudImage.new(),
    job.Job.new(),
    tag_rules.Tag('', ''),
)

#: A natural call of each method: what it is given, by name. The names after
#: the natural ones are given only where they are strange.
_NEW = {'description': 'x', 'tags': {'a': 'b'}, 'enterprise_project_id': '0'}
_JOB = {'wait': False, 'timeout': 60.0}
_FILTERS = dict.fromkeys(
    (
        *('name', 'id', 'limit', 'marker', 'tag', 'sort_key', 'sort_dir'),
        *('min_disk', 'created_at', 'is_protected', 'status'),
    )
)
_SEARCH = dict.fromkeys(
    (
        *('tags', 'tags_any', 'not_tags', 'not_tags_any'),
        *('without_any_tag', 'matches'),
    )
)
METHODS: dict[str, dict[str, Any]] = {
    'add_image_members': {'images': IMAGE_ID, 'projects': PROJECT_ID, **_JOB},
    'add_image_tag': {'image': IMAGE_ID, 'key': 'a', 'value': 'b'},
    'cloud_images': _FILTERS,
    'copy_image': {
        'image': IMAGE_ID,
        'name': 'copy',
        'description': 'x',
        'cmk_id': 'x',
        'safe_mode': False,
        **_JOB,
    },
    'copy_image_to_region': {
        'image': IMAGE_ID,
        'name': 'copy',
        'region': 'eu-2',
        'project_name': 'eu-2_p',
        'agency_name': 'agency',
        'vault_id': 'x',
    },
    'count_images_by_tags': _SEARCH,
    'create_data_image_from_object': {
        'object_url': 'bucket:key',
        'name': 'data',
        'min_disk': 40,
        'os_type': 'Linux',
        'cmk_id': 'x',
        **_NEW,
    },
    'create_data_images_from_volumes': {
        'data_images': [{'name': 'data', 'volume_id': IMAGE_ID}],
        'safe_mode': False,
    },
    'create_image_from_file': {
        'path': '/dev/null',
        'name': 'image',
        'bucket': None,
        'object_key': None,
        'disk_format': None,
        'min_disk': None,
        'quick': None,
        'os_version': OS_VERSION,
        **_JOB,
    },
    'create_image_from_object': {
        'object_url': 'bucket:key',
        'name': 'image',
        'min_disk': 40,
        'os_version': OS_VERSION,
        'os_type': 'Linux',
        'type': 'ECS',
        'max_ram': 2048,
        'min_ram': 1024,
        'is_config': True,
        'architecture': 'x86',
        'hw_firmware_type': 'bios',
        'data_images': [{'image_url': 'bucket:key', 'min_disk': 40}],
        'image_tags': None,
        **_NEW,
        **_JOB,
    },
    'create_image_from_server': {
        'server': IMAGE_ID,
        'name': 'image',
        'max_ram': 2048,
        **_NEW,
    },
    'create_image_from_volume': {
        'volume': IMAGE_ID,
        'name': 'image',
        'os_version': OS_VERSION,
        'type': 'ECS',
    },
    'create_image_metadata': {
        'name': 'image',
        'disk_format': 'raw',
        'min_disk': 1,
        'min_ram': 0,
        'os_version': OS_VERSION,
        'tags': {'a': 'b'},
        'is_protected': False,
    },
    'create_image_tags': {'image': IMAGE_ID, 'tags': {'a': 'b'}},
    'create_whole_image': {
        'name': 'image',
        'server': IMAGE_ID,
        'backup': None,
        'vault_id': None,
        'whole_image_type': None,
        **_NEW,
    },
    'delete_image': {'image': IMAGE_ID, 'delete_backup': True, 'store': None},
    'delete_image_tag': {'image': IMAGE_ID, 'key': 'a'},
    'delete_image_tags': {'image': IMAGE_ID, 'tags': ['a']},
    'delete_legacy_image': {'image': IMAGE_ID},
    'export_image': {
        'image': IMAGE_ID,
        'object_url': 'bucket:key',
        'file_format': None,
        'is_quick_export': False,
    },
    'find_cloud_image': {'name_or_id': 'golden', 'status': None},
    'get_api_version': {'version': 'v2'},
    'get_cloud_image': {'image': IMAGE_ID},
    'get_image_member': {'image': IMAGE_ID, 'project': PROJECT_ID},
    'get_job': {'job': JOB_ID},
    'get_job_progress': {'job': JOB_ID},
    'get_legacy_image': {'image': IMAGE_ID},
    'image_members': {'image': IMAGE_ID, 'limit': None, 'marker': None},
    'image_tags': {'image': IMAGE_ID},
    'images_by_tags': {
        'limit': None,
        'offset': None,
        'tags': None,
        'matches': None,
        'without_any_tag': None,
    },
    'legacy_images': {
        'name': None,
        'size_min': None,
        'changes_since': None,
    },
    'os_versions': {'tag': None},
    'quick_import_image': {
        'object_url': 'bucket:key',
        'name': 'image',
        'min_disk': 40,
        'os_version': OS_VERSION,
        'type': 'ECS',
    },
    'register_image': {'image': IMAGE_ID, 'object_url': 'bucket:key'},
    'remove_image_members': {'images': IMAGE_ID, 'projects': PROJECT_ID},
    'set_image_tag': {'image': IMAGE_ID, 'key': 'a', 'value': 'b'},
    'tags': {'page': None, 'limit': None, 'name': None},
    'update_cloud_image': {
        'image': IMAGE_ID,
        'name': 'other',
        'description': 'x',
        'min_ram': 1,
        'max_ram': 2,
        'hw_firmware_type': 'uefi',
        'is_kvm_supported': True,
        'xen_gpu_type': None,
        'enterprise_project_id': '0',
        'properties': {'colour': 'red'},
    },
    'update_image_members': {
        'images': IMAGE_ID,
        'project': PROJECT_ID,
        'status': 'accepted',
        'vault': None,
    },
    'update_image_v20': {'image': IMAGE_ID, 'name': 'other', 'min_ram': 1},
    'update_member': {
        'member': PROJECT_ID,
        'image': IMAGE_ID,
        'status': 'accepted',
        'vault_id': None,
    },
    'wait_for_job': {
        'job': JOB_ID,
        'timeout': 60.0,
        'interval': 0.001,
    },
    'wait_for_jobs': {'jobs': [JOB_ID], 'timeout': 60.0, 'interval': 0.001},
}


def call(method: str, given: dict[str, Any]) -> None:
    """Call a method; whatever is refused must not have been sent."""
    conn, cloud = strange_cloud.strange_cloud()
    cloud.prepare(lambda status, body: strange_cloud.Answer())
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        try:
            look_at(getattr(conn.ims, method)(**given))
        except sdk_exceptions.SDKException as error:
            check_message(error)
            if isinstance(error, exceptions.ValidationError):
                changing = [
                    each.method
                    for each in cloud.requests
                    if each.method not in ('GET', 'HEAD')
                ]
                assert changing == []


@pytest.mark.parametrize(
    ('method', 'parameter'),
    [(method, name) for method, names in METHODS.items() for name in names],
)
def test_a_strange_argument_is_refused_or_goes_through(
    method: str, parameter: str
) -> None:
    for strange in STRANGE:
        call(method, {**METHODS[method], parameter: strange})


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=['Cs', 'Cc', 'Cf', 'Lo'])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=5,
)


@pytest.mark.parametrize('method', METHODS)
@strange_cloud.examples(12)
@hypothesis.given(data=st.data())
def test_generated_arguments_are_refused_or_go_through(
    method: str, data: st.DataObject
) -> None:
    names = st.sampled_from(sorted(METHODS[method]))
    strange = data.draw(st.dictionaries(names, JSON, min_size=1, max_size=3))
    call(method, {**METHODS[method], **strange})


def test_every_method_of_this_package_is_tried() -> None:
    conn, _ = strange_cloud.strange_cloud()
    of_openstacksdk = vars(type(conn.image))
    own = {
        name
        for name, method in inspect.getmembers(type(conn.ims))
        if callable(method)
        and not name.startswith('_')
        and method.__module__.startswith('ims_ext.extension')
        and inspect.signature(method).parameters.keys() - {'self'}
    }
    assert own - METHODS.keys() - {*of_openstacksdk} == set()
