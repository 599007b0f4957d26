# SPDX-License-Identifier: Apache-2.0
"""Uses ``conn.ims`` with an openstacksdk that has renamed a private name.

Prints what came of it. Without a name, openstacksdk is as it is.
"""

from collections.abc import Sequence
import importlib.abc
import importlib.machinery
import json
import re
import sys
import types
from typing import Any
import warnings

_IMAGE = {
    'id': 'i1',
    'name': 'golden',
    'status': 'active',
    'min_disk': 40,
    'protected': False,
    'owner': 'p1',
    '__os_version': 'Ubuntu 22.04 server 64bit',
    '__isregistered': 'true',
    'tags': ['stage.live'],
    'colour': 'red',
    'self': '/v2/images/i1',
}
_URL = 'https://ims.example.com'
_OTHER = 'f' * 32


class _Renaming(importlib.abc.MetaPathFinder):
    """Has openstacksdk's modules read another name in place of one."""

    def __init__(self, name: str) -> None:
        self._name = re.compile(rf'\b{re.escape(name)}\b')
        self._other = f'_renamed{name}'

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: types.ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if not fullname.startswith('openstack.'):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        loader = spec and spec.loader
        if not isinstance(loader, importlib.machinery.SourceFileLoader):
            return spec
        source = loader.get_source(fullname) or ''
        if self._name.search(source):
            renamed = self._name.sub(self._other, source)
            loader.get_code = lambda _: compile(  # type: ignore[method-assign]
                renamed, loader.path, 'exec', dont_inherit=True
            )
        return spec


def _connect(answers: Any) -> Any:
    from keystoneauth1 import fixture
    from openstack import connection
    from openstack.config import loader

    import ims_ext

    auth_url = 'https://iam.example.com/v3'
    token = fixture.V3Token(project_id='p1')
    token.add_service('image').add_standard_endpoints(public=_URL)
    answers.get(auth_url, json={'version': fixture.V3Discovery(auth_url)})
    answers.post(
        f'{auth_url}/auth/tokens',
        json=token,
        headers={'X-Subject-Token': 'secret-token'},
    )
    region = loader.OpenStackConfig(
        load_yaml_config=False, load_envvars=False
    ).get_one(
        auth={
            'auth_url': auth_url,
            'username': 'alice',
            'password': 'secret',
            'project_id': 'p1',
            'user_domain_id': 'default',
        },
    )
    conn = connection.Connection(config=region)
    ims_ext.load(conn)
    return conn


def _prepare(answers: Any) -> None:
    images = {
        'images': [_IMAGE, {**_IMAGE, 'id': 'i2', 'name': None}],
        'total': 2,
    }
    member = {'member_id': _OTHER, 'status': 'pending', 'image_id': 'i1'}
    for path in ('/v2/images', '/v2/cloudimages'):
        answers.get(f'{_URL}{path}', json=images)
        answers.get(f'{_URL}{path}/i1', json=_IMAGE)
        answers.patch(f'{_URL}{path}/i1', json={**_IMAGE, 'name': 'new'})
    answers.get(f'{_URL}/v2/images/golden', status_code=404)
    answers.get(
        f'{_URL}/v1/p1/cloudimages/i1/members', json={'members': [member]}
    )
    answers.get(f'{_URL}/v1/p1/cloudimages/i1/members/{_OTHER}', json=member)
    answers.get(
        f'{_URL}/v1/p1/jobs/j1', json={'job_id': 'j1', 'status': 'SUCCESS'}
    )
    answers.get(f'{_URL}/v2/cloudimages?id=i1', json={'images': [_IMAGE]})


def _use(ims: Any, answers: Any) -> list[Any]:
    native, cloud = list(ims.images()), list(ims.cloud_images())
    found = [
        *native,
        *cloud,
        ims.get_image('i1'),
        ims.find_image('golden', ignore_missing=False),
        ims.get_cloud_image('i1'),
        *ims.image_members('i1'),
        ims.get_image_member('i1', _OTHER),
        ims.get_job('j1'),
        ims.update_image(native[0], name='new'),
        answers.last_request.json(),
        ims.update_cloud_image(cloud[0], name='new', description='x'),
        answers.last_request.json(),
    ]
    return [
        [found[0].properties, cloud[0].properties, cloud[0].is_registered],
        [
            each.to_dict() if hasattr(each, 'to_dict') else each
            for each in found
        ],
    ]


def main(name: str = '') -> None:
    """Print what comes of lists, gets and updates."""
    if name:
        sys.meta_path.insert(0, _Renaming(name))
    warnings.simplefilter('ignore')
    import requests_mock

    with requests_mock.Mocker() as answers:
        conn = _connect(answers)
        _prepare(answers)
        print(json.dumps(_use(conn.ims, answers), default=repr))


if __name__ == '__main__':
    main(*sys.argv[1:])
