# SPDX-License-Identifier: Apache-2.0
"""The image service of the Huawei-family clouds, for openstacksdk.

``import ims_ext`` is cheap: it loads nothing, and what is needed only when
it is needed. The ``openstack`` command imports it whatever it is to do.
"""

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from openstack import connection

    from ims_ext.types import Connection

__all__ = ['connect', 'load']

#: The version's only place: setup.cfg reads it from here, importing nothing.
__version__ = '0.1.0'


def load(conn: 'connection.Connection') -> 'Connection':
    """Give a connection the image service, as ``conn.ims``.

    This is the vendor hook: ``vendor_hook: ims_ext:load`` in a cloud's
    clouds.yaml entry calls it for every connection to that cloud. It sends no
    request, and calling it twice does nothing more. Where the cloud's profile
    names a vendor hook of its own, that one runs too.

    openstacksdk puts services on the ``Connection`` class, so connections to
    other clouds get an ``ims`` as well; it does nothing until it is used.

    :param conn: The connection.
    :returns: The same connection, whose ``ims`` type checkers know.
    """
    from ims_ext import service

    service.add_to(conn)
    return cast('Connection', conn)


def connect(cloud: str | None = None, **kwargs: Any) -> 'Connection':
    """Return a connection with the image service switched on.

    :param cloud: The cloud's name in clouds.yaml; the environment decides
        where there is none.
    :param kwargs: Whatever :func:`openstack.connect` takes.
    :returns: A :class:`~openstack.connection.Connection` with ``conn.ims``;
        for type checkers, a :class:`ims_ext.types.Connection`.
    :raises: :class:`~openstack.exceptions.ConfigException` where the cloud's
        configuration is missing or wrong.
    """
    import openstack

    return load(openstack.connect(cloud, **kwargs))
