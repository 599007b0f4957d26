# SPDX-License-Identifier: Apache-2.0
"""Tells the ``openstack`` command of the image service.

Every ``openstack`` command loads this module, whatever it does: so it imports
next to nothing, and the package itself only when a client is asked for.
"""

import argparse
import logging
import os
import re
from typing import Any

DEFAULT_API_VERSION = '2'
API_VERSION_OPTION = 'os_ims_api_version'
API_NAME = 'ims'
API_VERSIONS = ('2',)


#: Secrets that a cloud's entry may hold for buckets; the command's own
#: debug output knows of passwords only.
_SECRETS = re.compile(r"(['\"](?:sk|security_token)['\"]: )(['\"]).*?\2")


class _SecretFilter(logging.Filter):
    """Keeps bucket keys out of what the command logs of its configuration."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.DEBUG:
            message = record.getMessage()
            if "'sk'" in message or "'security_token'" in message:
                record.msg = _SECRETS.sub(r"\1\2***\2", message)
                record.args = ()
        return True


def _hide_secrets() -> None:
    """Filter the loggers that tell the configuration, each once."""
    for name in (
        'openstackclient.shell',
        'osc_lib.cli.client_config',
        'osc_lib.shell',
    ):
        logger = logging.getLogger(name)
        if not any(isinstance(f, _SecretFilter) for f in logger.filters):
            logger.addFilter(_SecretFilter())


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
    _hide_secrets()
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
