# SPDX-License-Identifier: Apache-2.0
"""The control route: what goes wrong, seen and changed while it runs.

``GET`` shows the faults and how often each has happened, ``PUT`` replaces
them, ``DELETE`` ends them and shows them a last time. Only clients on this
machine are answered, and never wrongly.
"""

from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from werkzeug.wrappers import Response

from ims_ext.emulator import errors
from ims_ext.emulator.control.local import foreign
from ims_ext.emulator.control.local import is_loopback
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.fault import FaultError
from ims_ext.emulator.fault.sets import Faults
from ims_ext.emulator.fault.sets import FaultSet
from ims_ext.emulator.http import Request
from ims_ext.emulator.http import answer

#: Where the faults are seen and changed.
PATH = '/_emulator/faults'


class Controlled:
    """An application with the control route beside it.

    :param application: What answers all other requests.
    :param faults: What is shown and changed.
    """

    def __init__(self, application: WSGIApplication, faults: Faults) -> None:
        self._application = application
        self._faults = faults

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        if environ['PATH_INFO'] != PATH:
            return self._application(environ, start_response)
        try:
            response = self._respond(Request(environ))
        except Exception as error:
            response = errors.render(error, Dialect.KEYSTONE)
        return response(environ, start_response)

    def _respond(self, request: Request) -> Response:
        _check_client(request)
        if request.method == 'PUT':
            return answer(_view(self._replace(request.json_object())))
        shown = self._faults.current
        if request.method == 'DELETE':
            self._faults.clear()
        elif request.method not in ('GET', 'HEAD'):
            raise errors.MethodNotAllowed(
                "Faults are shown by GET, replaced by PUT, ended by DELETE."
            )
        return answer(_view(shown))

    def _replace(self, body: dict[str, Any]) -> FaultSet:
        texts = body.get('faults')
        if not isinstance(texts, list) or not all(
            isinstance(text, str) for text in texts
        ):
            raise errors.BadRequest("faults must be a list of strings.")
        seed = body.get('seed')
        if seed is not None and type(seed) is not int:
            raise errors.BadRequest("seed must be a whole number.")
        unknown = sorted(body.keys() - {'faults', 'seed'})
        if unknown:
            raise errors.BadRequest(
                f"Only faults and seed are taken, not {', '.join(unknown)}."
            )
        try:
            return self._faults.set(texts, seed)
        except FaultError as error:
            raise errors.BadRequest(str(error)) from error


def _check_client(request: Request) -> None:
    """Refuse whoever is not on this machine, or was sent by a web page."""
    if not is_loopback(request.remote_addr or ''):
        raise errors.Forbidden("Faults are controlled from this machine only.")
    reason = foreign(request.environ)
    if reason is not None:
        raise errors.Forbidden(reason)
    if 'Origin' in request.headers:
        raise errors.Forbidden("Faults are not controlled by web pages.")


def _view(faults: FaultSet) -> dict[str, Any]:
    return {
        'seed': faults.seed,
        'faults': [
            {
                'fault': each.fault.text,
                'requests': each.met,
                'injected': each.injected,
            }
            for each in faults
        ],
    }
