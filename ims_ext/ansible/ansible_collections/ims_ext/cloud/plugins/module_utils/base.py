# SPDX-License-Identifier: Apache-2.0
"""The base of all modules: a connection, and failures as one message."""

from __future__ import annotations

import contextlib
import traceback
from typing import Any, ClassVar, NoReturn

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.basic import missing_required_lib

try:
    from keystoneauth1 import exceptions as ksa_exceptions
    from openstack import exceptions as sdk_exceptions

    import ims_ext
    from ims_ext import exceptions as ims_exceptions
    from ims_ext.exceptions import secret_text

    MISSING = None
except ImportError:
    MISSING = traceback.format_exc()

#: The options that say which cloud is meant, as openstack.cloud has them.
CLOUD_OPTIONS: dict[str, dict[str, Any]] = {
    'cloud': {'type': 'raw'},
    'auth': {'type': 'dict', 'no_log': True},
    'auth_type': {'type': 'str'},
    'region_name': {'type': 'str'},
    'validate_certs': {'type': 'bool', 'aliases': ['verify']},
    'ca_cert': {'type': 'path', 'aliases': ['cacert']},
    'client_cert': {'type': 'path', 'aliases': ['cert']},
    'client_key': {'type': 'path', 'aliases': ['key'], 'no_log': False},
    'api_timeout': {'type': 'int'},
    'interface': {
        'type': 'str',
        'choices': ['admin', 'internal', 'public'],
        'aliases': ['endpoint_type'],
    },
}

#: Options of modules that start jobs.
WAIT_OPTIONS: dict[str, dict[str, Any]] = {
    'wait': {'type': 'bool', 'default': True},
    'timeout': {'type': 'int', 'default': 3600},
}

#: What openstacksdk calls the options that it has under another name.
_SDK_NAMES = {
    'validate_certs': 'verify',
    'ca_cert': 'cacert',
    'client_cert': 'cert',
    'client_key': 'key',
}


class Module:
    """A module of the collection.

    :cvar options: Its own options.
    :cvar uses_cloud: Whether it has the options of :data:`CLOUD_OPTIONS`.
    :cvar others: What else :class:`AnsibleModule` takes.
    """

    options: ClassVar[dict[str, dict[str, Any]]] = {}
    uses_cloud: ClassVar[bool] = True
    others: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        common = CLOUD_OPTIONS if self.uses_cloud else {}
        self.ansible = AnsibleModule(
            argument_spec={**common, **self.options},
            supports_check_mode=True,
            **self.others,
        )
        if MISSING:
            self.ansible.fail_json(
                msg=missing_required_lib('ims-ext'), exception=MISSING
            )
        self.params = self.ansible.params
        self.is_check = self.ansible.check_mode

    @classmethod
    def main(cls) -> None:
        """Run the module, and end the process with what it returns."""
        module = cls()
        try:
            with contextlib.ExitStack() as stack:
                if cls.uses_cloud:
                    module.conn = stack.enter_context(module._connect())
                result = module.run()
        except (
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
            OSError,
            ValueError,
        ) as error:
            module.fail(error)
        if not module.ansible._diff:
            result.pop('diff', None)
        module.ansible.exit_json(**result)

    conn: Any

    @property
    def ims(self) -> Any:
        """``conn.ims`` of the cloud that is meant."""
        return self.conn.ims

    def run(self) -> dict[str, Any]:
        """Do what the options say; return what the module returns."""
        raise NotImplementedError

    def fail(self, error: BaseException) -> NoReturn:
        """End the process with a failure.

        :param error: What has failed, and in its notes what is left behind.
        """
        lines = [*str(error).splitlines(), *getattr(error, '__notes__', ())]
        self.ansible.fail_json(
            msg='\n'.join(
                ims_exceptions.readable(secret_text.masked(line), 1500)
                for line in lines
            )
            or type(error).__name__,
            error_code=getattr(error, 'error_code', None),
        )
        raise SystemExit(1)

    def _connect(self) -> Any:
        given = {
            _SDK_NAMES.get(name, name): self.params[name]
            for name in CLOUD_OPTIONS
            if self.params[name] is not None
        }
        cloud = given.pop('cloud', None)
        if isinstance(cloud, dict):
            if given:
                raise ValueError(
                    "cloud is a dictionary and says all: leave out "
                    + ', '.join(sorted(given))
                )
            return ims_ext.connect(load_envvars=False, **cloud)
        return ims_ext.connect(cloud, **given)
