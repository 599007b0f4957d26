# SPDX-License-Identifier: Apache-2.0
"""The key management service (KMS), as far as images and volumes need it."""

import datetime
import re
from typing import Any

from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import KeyManagementError
from ims_ext.emulator.http import KEY_MANAGEMENT
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Key

#: How many keys a project has at most.
QUOTA = 100
#: After how many days a key can be deleted.
_PENDING_DAYS = range(7, 1096 + 1)

_ALIAS = re.compile(r'[A-Za-z0-9:/_-]{1,255}')
_MAX_DESCRIPTION = 255
_MAX_PAGE = 1000

#: The service's numbers of states.
_ENABLED, _DISABLED, _PENDING = '2', '3', '4'


class KeyManagementApi:
    """Keys: made, listed, shown, switched off and on, and deleted.

    Nothing is encrypted with them.
    """

    mount = KEY_MANAGEMENT
    dialect = Dialect.KEY_MANAGEMENT
    project_version = '/v1.0'

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    # ====== DISCOVERY ======

    @route('GET', '/', anonymous=True)
    def versions(self, request: Request) -> Answer:
        """List the only version."""
        return {'versions': [_version(request)]}

    @route('GET', '/v1.0', anonymous=True)
    @route('GET', '/v1.0/', anonymous=True)
    def version(self, request: Request) -> Answer:
        """Show the only version."""
        return {'version': _version(request)}

    # ====== KEYS ======

    @route('POST', '/v1.0/kms/create-key')
    def create(self, request: Request) -> Answer:
        """Make a key."""
        body = request.json_object()
        alias = self._alias(body)
        with self.state.transaction():
            self._check_free(request, alias)
            if len(self.state.keys.all(request.project_id)) >= QUOTA:
                raise KeyManagementError(
                    'KMS.0304', f"A project has at most {QUOTA} keys."
                )
            key = self.state.keys.add(
                Key(
                    project_id=request.project_id,
                    name=alias,
                    description=_description(body),
                )
            )
        return {
            'key_info': {'key_id': key.id, 'domain_id': self._domain(request)}
        }

    @route('POST', '/v1.0/kms/list-keys')
    def list(self, request: Request) -> Answer:
        """List keys, a page at a time."""
        body = request.json_object()
        state = body.get('key_state')
        keys = [
            key
            for key in self.state.keys.all(request.project_id)
            if state in (None, '') or _state(key) == str(state)
        ]
        start = 0
        marker = body.get('marker')
        if marker not in (None, ''):
            ids = [key.id for key in keys]
            # Either a number of keys to pass over, or the last one's ID.
            if marker in ids:
                start = ids.index(marker) + 1
            else:
                start = _number('marker', marker, range(10**6))
        limit = _number(
            'limit', body.get('limit') or _MAX_PAGE, range(1, _MAX_PAGE + 1)
        )
        shown = keys[start : start + limit]
        more = len(keys) > start + limit
        return {
            'keys': [key.id for key in shown],
            'key_details': [self._view(request, key) for key in shown],
            'next_marker': str(start + limit) if more else '',
            'truncated': str(more).lower(),
            'total': len(keys),
        }

    @route('POST', '/v1.0/kms/describe-key')
    def show(self, request: Request) -> Answer:
        """Show a key."""
        key = self._key(request, request.json_object())
        return {'key_info': self._view(request, key)}

    @route('POST', '/v1.0/kms/enable-key')
    def enable(self, request: Request) -> Answer:
        """Let a key be used."""
        return self._switch(request, True)

    @route('POST', '/v1.0/kms/disable-key')
    def disable(self, request: Request) -> Answer:
        """Let a key not be used."""
        return self._switch(request, False)

    @route('POST', '/v1.0/kms/schedule-key-deletion')
    def delete(self, request: Request) -> Answer:
        """Have a key deleted after some days, and out of use until then."""
        body = request.json_object()
        days = _number('pending_days', body.get('pending_days'), _PENDING_DAYS)
        with self.state.transaction():
            key = self._key(request, body)
            if key.deleted_at is not None:
                raise KeyManagementError(
                    'KMS.0210', "The key is to be deleted already."
                )
            key.deleted_at = self.service.clock() + days * 86400
            self.state.keys.save(key)
        return {'key_id': key.id, 'key_state': _state(key)}

    @route('POST', '/v1.0/kms/cancel-key-deletion')
    def keep(self, request: Request) -> Answer:
        """Have a key not deleted after all; it is switched off then."""
        with self.state.transaction():
            key = self._key(request, request.json_object())
            if key.deleted_at is None:
                raise KeyManagementError(
                    'KMS.0308', "The key is not to be deleted."
                )
            key.deleted_at = None
            key.is_enabled = False
            self.state.keys.save(key)
        return {'key_id': key.id, 'key_state': _state(key)}

    @route('POST', '/v1.0/kms/update-key-alias')
    def rename(self, request: Request) -> Answer:
        """Give a key another alias."""
        body = request.json_object()
        alias = self._alias(body)
        with self.state.transaction():
            key = self._key(request, body)
            if key.name != alias:
                self._check_free(request, alias)
            key.name = alias
            self.state.keys.save(key)
        return {'key_info': {'key_id': key.id, 'key_alias': key.name}}

    @route('POST', '/v1.0/kms/update-key-description')
    def describe(self, request: Request) -> Answer:
        """Give a key another description."""
        body = request.json_object()
        with self.state.transaction():
            key = self._key(request, body)
            key.description = _description(body)
            self.state.keys.save(key)
        return {
            'key_info': {
                'key_id': key.id,
                'key_description': key.description,
            }
        }

    @route('GET', '/v1.0/kms/user-instances')
    def count(self, request: Request) -> Answer:
        """Say how many keys there are."""
        keys = self.state.keys.all(request.project_id)
        return {'instance_num': len(keys)}

    @route('GET', '/v1.0/kms/user-quotas')
    def quotas(self, request: Request) -> Answer:
        """Say how many keys there are, and may be."""
        used = len(self.state.keys.all(request.project_id))
        resource = {'type': 'CMK', 'used': used, 'quota': QUOTA}
        return {'quotas': {'resources': [resource]}}

    # ====== ONE KEY ======

    def _key(self, request: Request, body: dict[str, Any]) -> Key:
        key_id = body.get('key_id')
        if not key_id:
            raise KeyManagementError('KMS.0204', "key_id is missing.")
        key = self.state.keys.get(key_id, request.project_id)
        if key is None:
            raise KeyManagementError('KMS.0205', "There is no such key.")
        return key

    def _alias(self, body: dict[str, Any]) -> str:
        alias = body.get('key_alias')
        if not isinstance(alias, str) or not _ALIAS.fullmatch(alias):
            raise KeyManagementError(
                'KMS.1101',
                "key_alias is 1 to 255 letters, digits and any of :/_-",
            )
        if alias.lower().endswith('/default'):
            raise KeyManagementError(
                'KMS.1101', "Keys ending in /default are the services' own."
            )
        return alias

    def _check_free(self, request: Request, alias: str) -> None:
        for key in self.state.keys.all(request.project_id):
            if key.name == alias:
                raise KeyManagementError(
                    'KMS.1104', f"There is a key {alias} already."
                )

    def _switch(self, request: Request, is_enabled: bool) -> Answer:
        with self.state.transaction():
            key = self._key(request, request.json_object())
            if key.deleted_at is not None:
                raise KeyManagementError(
                    'KMS.0210', "The key is to be deleted."
                )
            key.is_enabled = is_enabled
            self.state.keys.save(key)
        return {'key_info': {'key_id': key.id, 'key_state': _state(key)}}

    def _domain(self, request: Request) -> str:
        project = self.state.projects.get(request.project_id)
        return project.domain_id if project else ''

    def _view(self, request: Request, key: Key) -> dict[str, Any]:
        deleted = key.deleted_at
        return {
            'key_id': key.id,
            'domain_id': self._domain(request),
            'key_alias': key.name,
            'realm': request.region,
            'key_description': key.description,
            'key_spec': 'AES_256',
            'key_usage': 'ENCRYPT_DECRYPT',
            'key_state': _state(key),
            'key_type': '1',
            'default_key_flag': '0',
            'origin': 'kms',
            'creation_date': _milliseconds(key.created_at),
            'scheduled_deletion_date': (
                str(round(deleted * 1000)) if deleted else ''
            ),
            'key_rotation_enabled': 'false',
            'sys_enterprise_project_id': '0',
        }


def _version(request: Request) -> dict[str, Any]:
    return {
        'id': 'v1.0',
        'status': 'CURRENT',
        'version': '',
        'min_version': '',
        'updated': '2016-10-29T02:00:00Z',
        'links': [{'rel': 'self', 'href': f'{request.root}/v1.0/'}],
    }


def _state(key: Key) -> str:
    if key.deleted_at is not None:
        return _PENDING
    return _ENABLED if key.is_enabled else _DISABLED


def _milliseconds(time: str) -> str:
    """Return a record's time as milliseconds since 1970."""
    moment = datetime.datetime.fromisoformat(time)
    return str(round(moment.timestamp() * 1000))


def _description(body: dict[str, Any]) -> str:
    value = body.get('key_description') or ''
    if not isinstance(value, str) or len(value) > _MAX_DESCRIPTION:
        raise KeyManagementError(
            'KMS.0308',
            f"key_description is a text of at most {_MAX_DESCRIPTION} "
            f"characters.",
        )
    return value


def _number(name: str, value: Any, permitted: range) -> int:
    """Return a number, which clients write as a text, too."""
    text = str(value)
    number = int(text) if text.isdecimal() and len(text) < 9 else -1
    if isinstance(value, bool) or number not in permitted:
        raise KeyManagementError(
            'KMS.0308',
            f"{name} must be from {permitted[0]} to {permitted[-1]}.",
        )
    return number
