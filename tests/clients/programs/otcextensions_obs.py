# SPDX-License-Identifier: Apache-2.0
"""otcextensions: all that its ``conn.obs`` can do."""

import os
import pathlib
import tempfile

import openstack
from openstack import exceptions
from operations import ACCESS
from operations import MIB
from operations import MODE
from operations import SECRET
from operations import URL
from operations import attempt

BUCKET = 'otcextensions'
WORK = pathlib.Path(tempfile.mkdtemp())
BIG = os.urandom(12 * MIB)

# Otherwise it takes the name that the catalog has.
settings = {'object_endpoint_override': URL} if MODE == 'override' else {}

conn = openstack.connect(
    load_yaml_config=False,
    auth_url=os.environ['AUTH_URL'],
    username=os.environ['USER_NAME'],
    password=os.environ['USER_PASSWORD'],
    project_name=os.environ['PROJECT_NAME'],
    user_domain_id='default',
    project_domain_id='default',
    region_name=os.environ['BUCKET_REGION'],
    identity_api_version='3',
    vendor_hook='otcextensions.sdk:load',
    ak=ACCESS,
    sk=SECRET,
    **settings,
)
obs = conn.obs


def create_container() -> None:
    obs.create_container(name=BUCKET, storage_class='STANDARD')


def containers() -> None:
    assert BUCKET in [container.name for container in obs.containers()]


def get_container() -> None:
    assert obs.get_container(BUCKET)
    try:
        obs.get_container('there-is-none')
    except exceptions.NotFoundException:
        pass
    else:
        raise AssertionError('a bucket that is not there was found')


def create_object() -> None:
    obs.create_object(BUCKET, 'small', data="content")
    obs.create_object(BUCKET, 'dir/1', data="x")


def upload_file() -> None:
    path = WORK / 'big'
    path.write_bytes(BIG)
    obs.create_object(BUCKET, 'big', filename=str(path))


def upload_large_file() -> None:
    path = WORK / 'big'
    path.write_bytes(BIG)
    obs.create_object(
        BUCKET, 'large', filename=str(path), segment_size=5 * MIB
    )
    assert obs.get_object_metadata('large', BUCKET).etag.endswith('-3"')


def objects() -> None:
    found = {each.name: each for each in obs.objects(BUCKET)}
    assert sorted(found) == ['big', 'dir/1', 'large', 'small']
    assert found['big'].content_length == len(BIG)
    filtered = obs.objects(BUCKET, prefix='dir/', limit=2)
    assert [each.name for each in filtered] == ['dir/1']


def get_object_metadata() -> None:
    found = obs.get_object_metadata('small', BUCKET)
    assert found.etag == '"9a0364b9e99bb480dd25e1f0284c8555"'
    assert found.request_id


def download_object() -> None:
    path = WORK / 'down'
    obs.download_object('big', BUCKET, file=str(path))
    assert path.read_bytes() == BIG


def delete_object() -> None:
    for name in ('big', 'dir/1', 'large', 'small'):
        obs.delete_object(name, container=BUCKET)
    assert list(obs.objects(BUCKET)) == []


def delete_container() -> None:
    obs.delete_container(BUCKET)
    assert BUCKET not in [container.name for container in obs.containers()]


for each in (
    create_container,
    containers,
    get_container,
    create_object,
    upload_file,
    upload_large_file,
    objects,
    get_object_metadata,
    download_object,
    delete_object,
    delete_container,
):
    attempt(each.__name__, each)
