# SPDX-License-Identifier: Apache-2.0
"""Tells the ``openstack`` command of the image service.

Every ``openstack`` command loads this module, whatever it does: so it imports
next to nothing, and the package itself only when a client is asked for.
"""

import argparse
import os
from typing import Any

DEFAULT_API_VERSION = '2'
API_VERSION_OPTION = 'os_ims_api_version'
API_NAME = 'ims'
API_VERSIONS = ('2',)


def make_client(instance: Any) -> Any:
    """Return ``conn.ims`` of the command's connection.

    :param instance: The command's client manager. Its cloud needs no
        ``vendor_hook`` in its configuration.
    """
    import ims_ext

    ims_ext.load(instance.sdk_connection)
    return instance.sdk_connection.ims


def build_option_parser(
    parser: argparse.ArgumentParser,
) -> argparse.ArgumentParser:
    """Add the service's global option to the ``openstack`` command."""
    parser.add_argument(
        '--os-ims-api-version',
        metavar='<ims-api-version>',
        default=os.environ.get('OS_IMS_API_VERSION', ''),
        help=(
            f"IMS API version, default={DEFAULT_API_VERSION} "
            f"(Env: OS_IMS_API_VERSION)"
        ),
    )
    return parser
