# SPDX-License-Identifier: Apache-2.0
"""The sources of images beside files: servers, volumes and backups."""

from typing import Any, NamedTuple
import uuid

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions
from openstack import resource as sdk_resource

from ims_ext import exceptions
from ims_ext.extension import ambiguity
from ims_ext.extension import job as _job
from ims_ext.transport import response_body
from ims_ext.transport import retry

#: A server, volume or backup: its ID, its object, or its name.
Source = str | sdk_resource.Resource


class _Kind(NamedTuple):
    """A kind of source, and the service that finds it by name.

    :param noun: What the service's proxy calls them: ``find_<noun>``.
    :param service: The attribute of the connection.
    """

    noun: str
    service: str


_SERVER = _Kind('server', 'compute')
_VOLUME = _Kind('volume', 'block_storage')
_BACKUP = _Kind('backup', 'block_storage')


class SourceMixin(_job.JobMixin):
    """``conn.ims``: finding what an image is to be made of.

    An ID or an object is taken as it is: nothing is looked up, and the
    services that know servers and volumes need not be there.
    """

    def _server_id(self, server: Source) -> str:
        return self._source_id(server, _SERVER)

    def _volume_id(self, volume: Source) -> str:
        return self._source_id(volume, _VOLUME)

    def _backup_id(self, backup: Source) -> str:
        return self._source_id(backup, _BACKUP)

    def _source_id(self, source: Any, kind: _Kind) -> str:
        if isinstance(source, sdk_resource.Resource):
            source = source.id
        if not isinstance(source, str) or not source:
            raise exceptions.ValidationError(
                f"{source!r} is no {kind.noun}: its ID, its object or its "
                f"name is"
            )
        if _is_id(source):
            return source
        try:
            with response_body.elsewhere(
                f"Cannot look up the {kind.noun} {source}"
            ):
                service = getattr(self._own_connection, kind.service)
                find = getattr(service, f'find_{kind.noun}')
                found = ambiguity.told(
                    kind.noun,
                    source,
                    lambda: retry.ask(
                        lambda: find(source, ignore_missing=False),
                        self.retry_policy.configured(self),
                        kind.service.replace('_', ' '),
                    ),
                    lambda: getattr(service, f'{kind.noun}s')(name=source),
                )
        except (
            ksa_exceptions.EndpointNotFound,
            sdk_exceptions.ServiceDisabledException,
            sdk_exceptions.ServiceDiscoveryException,
        ) as error:
            raise exceptions.EndpointNotFoundError(
                f"The {kind.noun} {source} cannot be looked up by its name: "
                f"the catalog names no {kind.service.replace('_', ' ')} "
                f"service; give its ID"
            ) from error
        return str(found.id)


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
