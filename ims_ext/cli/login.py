# SPDX-License-Identifier: Apache-2.0
"""The login that ``openstack`` makes before it runs a command."""

import contextlib
from typing import Any

from ims_ext.cli import waiting
from ims_ext.transport import silence

#: What logs in without asking anybody. Where there is none of these, somebody
#: is asked for a password, or sent to a web page: that is no silence.
_PROOFS = frozenset(
    (
        'access_key',
        'application_credential_secret',
        'password',
        'secret_key',
        'token',
    )
)


class Login:
    """Bounds the login, and says where it is waited for.

    ``openstack`` logs in between making a command and running it, and by
    itself waits for the identity service without end.

    :param app: The ``openstack`` command.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._stack = contextlib.ExitStack()
        self._is_limited = False

    def begin(self) -> None:
        """Prepare for it: all that is said until its end is of it."""
        # That of app.cloud has been cleared by osc-lib.
        cloud = self._app.cloud_config.get_one(
            cloud=self._app.options.cloud,
            argparse=self._app.options,
            validate=False,
        )
        limit = cloud.config.get('api_timeout')
        if limit is None:
            self._is_limited = True
            limit = self._app.options.api_timeout = silence.LIMIT
        # Options and variables are beside those of clouds.yaml.
        given = {**cloud.config, **(cloud.config.get('auth') or {})}
        if not any(given.get(name) for name in _PROOFS):
            return
        self._stack.enter_context(waiting.telling())
        # It is asked for its versions, and for a token.
        self._stack.enter_context(
            silence.during("the identity service", 2 * float(limit))
        )

    def end(self) -> None:
        """End what it was prepared by; what follows has limits of its own."""
        self._stack.close()
        if self._is_limited:
            self._is_limited = False
            self._app.options.api_timeout = None
            session = getattr(self._app.client_manager, 'session', None)
            if session is not None:
                session.timeout = None
