# SPDX-License-Identifier: Apache-2.0
"""Servers made, changed and deleted by the clouds' own operations.

These start jobs, which have ended when they are answered: only a new server
takes its time until it runs.
"""

import datetime
from typing import Any

from ims_ext.emulator.errors import BadRequest
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.errors import NotFound
from ims_ext.emulator.http import COMPUTE
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route
from ims_ext.emulator.openstack import nova_style
from ims_ext.emulator.openstack.compute import ComputeApi
from ims_ext.emulator.openstack.compute import action_name
from ims_ext.emulator.openstack.server_creation import ServerCreationApi
from ims_ext.emulator.service import Service
from ims_ext.emulator.state import Job

#: The service's names of jobs, by what they do.
_JOBS = {
    'create': 'createServer',
    'delete': 'deleteServer',
    'os-start': 'startServer',
    'os-stop': 'stopServer',
    'reboot': 'rebootServer',
}


class CloudServerChangesApi:
    """Creating, starting, stopping, rebooting and deleting servers."""

    mount = COMPUTE
    project_version = '/v1'
    dialect = Dialect.COMPUTE

    def __init__(self, service: Service) -> None:
        self.service = service
        self.state = service.state

    @route('POST', '/v1/cloudservers')
    def create(self, request: Request) -> Answer:
        """Make servers of an image."""
        body = nova_style.part(request, 'server')
        servers = self.service.capability(ServerCreationApi)
        with self.state.transaction():
            made = servers.make(
                request,
                {
                    'name': body.get('name'),
                    'flavorRef': body.get('flavorRef'),
                    'max_count': body.get('count') or 1,
                    'metadata': body.get('metadata'),
                    'block_device_mapping_v2': _disks(body),
                },
            )
            ids = [server.id for server in made]
            return self._ended(request, 'create', ids) | {'serverIds': ids}

    @route('POST', '/v1/cloudservers/action')
    def act(self, request: Request) -> Answer:
        """Start, stop or reboot servers."""
        body = request.json_object()
        name = action_name(body)
        servers = self.service.capability(ComputeApi)
        with self.state.transaction():
            ids = _server_ids(nova_style.member(body, name))
            for server_id in ids:
                servers.carry_out(name, servers.find(request, server_id))
            return self._ended(request, name, ids)

    @route('POST', '/v1/cloudservers/delete')
    def delete(self, request: Request) -> Answer:
        """Delete servers, and their disks where that is said."""
        body = request.json_object()
        servers = self.service.capability(ComputeApi)
        with self.state.transaction():
            ids = _server_ids(body)
            for server_id in ids:
                servers.remove(
                    servers.find(request, server_id),
                    all_disks=body.get('delete_volume') is True,
                )
            return self._ended(request, 'delete', ids)

    @route('GET', '/v1/jobs/<job_id>')
    def job(self, request: Request, job_id: str) -> Answer:
        """Show a job."""
        job = self.state.jobs.get(job_id)
        if (
            job is None
            or job.project_id != request.project_id
            or job.type not in _JOBS.values()
        ):
            raise NotFound(f"Job {job_id} could not be found.")
        return {
            'job_id': job.id,
            'job_type': job.type,
            'status': job.status,
            'begin_time': _time(job.begin_time),
            'end_time': _time(job.end_time or job.begin_time),
            'error_code': None,
            'fail_reason': None,
            'entities': job.entities,
        }

    def _ended(
        self, request: Request, what: str, server_ids: list[str]
    ) -> dict[str, Any]:
        """Keep a job that has ended, and return what says so."""
        now = self.service.clock()
        job = Job(
            _JOBS[what], request.project_id, now, 0, 'SUCCESS', end_time=now
        )
        job.entities = {
            'sub_jobs_total': len(server_ids),
            'sub_jobs': [
                {
                    'status': 'SUCCESS',
                    'job_type': _JOBS[what],
                    'entities': {'server_id': server_id},
                }
                for server_id in server_ids
            ],
        }
        self.state.jobs.add(job)
        return {'job_id': job.id}


def _disks(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the disks that a body asks for, as Nova calls them."""
    root = nova_style.member(body, 'root_volume')
    data = body.get('data_volumes') or []
    if not isinstance(data, list) or not all(
        isinstance(each, dict) for each in data
    ):
        raise BadRequest("data_volumes is a list of objects.")
    return [
        {
            'boot_index': 0,
            'source_type': 'image',
            'uuid': body.get('imageRef'),
            'volume_size': root.get('size'),
            'delete_on_termination': True,
        },
        *(
            {
                'source_type': 'blank',
                'volume_size': each.get('size'),
                'delete_on_termination': False,
            }
            for each in data
        ),
    ]


def _server_ids(body: dict[str, Any]) -> list[str]:
    servers = body.get('servers')
    if not isinstance(servers, list) or not servers:
        raise BadRequest("servers is a list of servers.")
    ids = [
        each.get('id') if isinstance(each, dict) else None for each in servers
    ]
    if not all(isinstance(each, str) for each in ids):
        raise BadRequest("Each of the servers has an id.")
    return [str(each) for each in ids]


def _time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime('%Y-%m-%dT%H:%M:%S.%f')[:-3] + 'Z'
