# SPDX-License-Identifier: Apache-2.0
"""A connection to a cloud whose answers are prepared."""

from typing import Any

from openstack import connection
from openstack.config import loader

import ims_ext

AUTH_URL = 'https://iam.example.com/v3'
IMS_URL = 'https://ims.example.com'


def connect(project_id: str, **settings: Any) -> connection.Connection:
    """Return a connection of ``alice``, whatever the environment says.

    :param project_id: Her project.
    :param settings: What else a clouds.yaml entry would have.
    """
    config = loader.OpenStackConfig(load_yaml_config=False, load_envvars=False)
    region = config.get_one(
        auth={
            'auth_url': AUTH_URL,
            'username': 'alice',
            'password': 'secret',
            'project_id': project_id,
            'user_domain_id': 'default',
        },
        region_name='eu-1',
        **settings,
    )
    conn = connection.Connection(config=region)
    ims_ext.load(conn)
    return conn
