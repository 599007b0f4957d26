# SPDX-License-Identifier: Apache-2.0
"""The control route of jobs: seen, ended, held and released."""

from typing import Any

from ims_ext.emulator import errors
from ims_ext.emulator.control import query
from ims_ext.emulator.control.jobs import FAILURE
from ims_ext.emulator.control.jobs import JobView
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Answer
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import route

#: What can be done to jobs.
ACTIONS = ('finish', 'fail', 'hold', 'release')


class JobControl:
    """``jobs``."""

    mount = 'control'
    dialect = Dialect.KEYSTONE

    def __init__(self, emulator: Steered) -> None:
        self._emulator = emulator

    @route('GET', '/_emulator/jobs', anonymous=True)
    def select(self, request: Request) -> Answer:
        """Show jobs, the newest first, and what is held."""
        names = ('job', 'operation', 'status', 'project_id', 'limit')
        given = query.parameters(request, names)
        status = given.get('status')
        return self._view(
            self._emulator.jobs.select(
                given.get('job') or given.get('operation'),
                status=status and status.upper(),
                project_id=given.get('project_id'),
                limit=query.number(given, 'limit', 1000),
            )
        )

    @route('GET', '/_emulator/jobs/<job_id>', anonymous=True)
    def show(self, request: Request, job_id: str) -> Answer:
        """Show a job."""
        try:
            return self._emulator.jobs.get(job_id).as_dict()
        except LookupError as error:
            raise errors.NotFound(f"{error.args[0]}.") from error

    @route('POST', '/_emulator/jobs', anonymous=True)
    def change(self, request: Request) -> Answer:
        """Finish, fail, hold or release jobs."""
        names = ('action', 'job', 'operation', 'code', 'reason')
        given = query.members(request, names)
        about = query.text(given, 'job') or query.text(given, 'operation')
        action = given.get('action')
        if action not in ACTIONS:
            raise errors.BadRequest(
                f"action must be one of {', '.join(ACTIONS)}."
            )
        if 'job' in given and 'operation' in given:
            raise errors.BadRequest("Name a job or an operation, not both.")
        if action != 'fail' and given.keys() & {'code', 'reason'}:
            raise errors.BadRequest("Only what fails has a code or a reason.")
        try:
            return self._view(self._act(action, about, given))
        except LookupError as error:
            raise errors.NotFound(f"{error.args[0]}.") from error

    def _act(
        self, action: str, about: str | None, given: dict[str, Any]
    ) -> list[JobView]:
        jobs = self._emulator.jobs
        if action == 'finish':
            return jobs.finish(about)
        if action == 'release':
            return jobs.release(about)
        if action == 'fail':
            code = query.text(given, 'code') or FAILURE
            return jobs.fail(about, code, query.text(given, 'reason'))
        if about is None:
            raise errors.BadRequest("What is held is a job or an operation.")
        return jobs.hold(about)

    def _view(self, jobs: list[JobView]) -> dict[str, Any]:
        return {
            'jobs': [each.as_dict() for each in jobs],
            'held': [*self._emulator.jobs.held],
        }
