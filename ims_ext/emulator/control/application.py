# SPDX-License-Identifier: Apache-2.0
"""The control routes, and the page for people, beside the services.

Only clients on this machine are answered, and no web pages but the
emulator's own; never wrongly, and nothing of it is written down.
"""

from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from ims_ext.emulator import errors
from ims_ext.emulator.control.fault import FaultControl
from ims_ext.emulator.control.health import HealthControl
from ims_ext.emulator.control.job_route import JobControl
from ims_ext.emulator.control.local import foreign
from ims_ext.emulator.control.local import is_loopback
from ims_ext.emulator.control.openapi import OpenApiControl
from ims_ext.emulator.control.overview import OverviewControl
from ims_ext.emulator.control.page import PageControl
from ims_ext.emulator.control.seen import SeenControl
from ims_ext.emulator.control.steered import Steered
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.http import Router

#: What all control routes begin with.
PREFIX = '/_emulator'

_CONTROLS: tuple[Callable[[Steered], object], ...] = (
    HealthControl,
    SeenControl,
    JobControl,
    FaultControl,
    OpenApiControl,
    OverviewControl,
    PageControl,
)


class Controlled:
    """An application with the control routes beside it.

    :param application: What answers all other requests.
    :param emulator: What is seen and steered.
    :param is_own_port: Whether a port is there for the control routes only.
    """

    def __init__(
        self,
        application: WSGIApplication,
        emulator: Steered,
        is_own_port: Callable[[str], bool] = lambda port: False,
    ) -> None:
        self._application = application
        self._is_own_port = is_own_port
        self._router = Router(
            [control(emulator) for control in _CONTROLS],
            lambda request: None,
            Dialect.KEYSTONE,
        )

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        path = environ.get('PATH_INFO', '')
        is_own = self._is_own_port(environ.get('SERVER_PORT', ''))
        if not is_own and path != PREFIX and not path.startswith(f'{PREFIX}/'):
            return self._application(environ, start_response)
        reason = _refusal(environ, is_own)
        if reason is not None:
            return errors.forbid(reason, environ, start_response)
        response = self._router.respond(environ)
        response.headers['Cache-Control'] = 'no-store'
        return response(environ, start_response)


def _refusal(environ: WSGIEnvironment, is_own_port: bool) -> str | None:
    """Return why a request is not answered, ``None`` where it is."""
    if not is_loopback(environ.get('REMOTE_ADDR', '')):
        return "The emulator is controlled from this machine only."
    reason = foreign(environ)
    if reason is not None:
        return reason
    origin = environ.get('HTTP_ORIGIN')
    if origin is not None:
        scheme = environ.get('wsgi.url_scheme', 'http')
        own = f'{scheme}://{environ.get("HTTP_HOST", "")}'
        if not is_own_port or origin.lower() != own.lower():
            return "The emulator is not controlled by web pages."
    # Browsers that send no Origin with a GET say where it comes from.
    site = environ.get('HTTP_SEC_FETCH_SITE', 'none')
    is_page = environ.get('HTTP_SEC_FETCH_MODE') == 'navigate'
    if site not in ('none', 'same-origin') and not is_page:
        return "The emulator is not controlled by web pages."
    return None
