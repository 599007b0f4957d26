# SPDX-License-Identifier: Apache-2.0
"""Connections whose requests are signed with an access key."""

from typing import Any

from openstack import connection


def connect_by_key(url: str, **settings: Any) -> connection.Connection:
    """Return a connection that signs its requests.

    :param url: Of the cloud, whose identity service is below ``/v3``.
    :param settings: Further ones of the cloud's entry.
    """
    return connection.Connection(
        auth_type='v3aksk',
        auth={
            'auth_url': f'{url}/v3',
            'access_key': 'AK',
            'secret_key': 'SK',
            'project_id': 'p',
        },
        region_name='eu-1',
        **settings,
    )
