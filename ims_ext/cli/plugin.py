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


#: Secrets that a cloud's entry or the command line may hold; what the
#: command itself hides of its debug output are not all of them.
_SECRETS = re.compile(
    # {'secret_key': 'x'} and Namespace(secret_key='x').
    r"""((?:['"](?:sk|secret_key|security_token)['"]:\s"""
    r"""|\b(?:secret_key|security_token)=)(['"])).*?(?<!\\)\2"""
    # --os-password x; where x ends, its spaces do not say.
    r"""|(--os-[\w-]*(?:pass|secret|token)[\w-]*[ =]).*?(?=\s--|$)""",
    re.DOTALL,
)


class _SecretFilter(logging.Filter):
    """Keeps secrets out of what the command logs of its configuration."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno <= logging.INFO:
            message = record.getMessage()
            hidden = _SECRETS.sub(_hidden, message)
            if hidden != message:
                record.msg = hidden
                record.args = ()
        return True


def _hidden(found: re.Match[str]) -> str:
    return f'{found[1]}***{found[2]}' if found[1] else f'{found[3]}***'


def _hide_secrets() -> None:
    """Filter the loggers that tell the configuration, each once."""
    for name in (
        'openstackclient.shell',
        'osc_lib.cli.client_config',
        'osc_lib.clientmanager',
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
