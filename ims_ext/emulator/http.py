# SPDX-License-Identifier: Apache-2.0
"""Requests, answers and routes: what all of the emulator's services share.

A capability is one module with a class, here of jobs::

    from ims_ext.emulator.errors import Dialect, ImsError
    from ims_ext.emulator.service import Service
    from ims_ext.emulator.http import Answer, Request, route

    class JobsApi:
        def __init__(self, service: Service) -> None:
            self.service = service

        @route('GET', '/v1/<project_id>/jobs/<job_id>')
        def show(
            self, request: Request, project_id: str, job_id: str
        ) -> Answer:
            job = self.service.state.jobs.get(job_id)
            if job is None or job.project_id != request.caller.project_id:
                raise ImsError('IMG.0027', status=404)
            return {'job_id': job.id, 'status': job.status}

and is listed in :data:`ims_ext.emulator.capabilities.CAPABILITIES`. Optional
methods ``start()`` and ``stop()`` are called when all capabilities have been
made, and before the state is closed. Another capability's object is
``self.service.capability(JobsApi)``.

Paths are those of the reference, seen from the root of the service that the
class belongs to: the image service, unless a class attribute
``mount = IDENTITY`` says otherwise. A slash at their end does not matter,
unless ``strict_slashes = True`` says that it does. With ``project_version =
'/v3'`` the paths below that version are also answered with the caller's
project ID behind it, ``/v3/<project_id>/…``. A handler returns a JSON value
(status 200), ``(status, JSON value or None)``, or a :class:`Response`.
What it raises is rendered by :mod:`ims_ext.emulator.errors`.
"""

from collections.abc import Callable, Iterable, Mapping
import dataclasses
import json
from typing import Any, TypeAlias, TypeVar
from wsgiref.types import StartResponse
from wsgiref.types import WSGIEnvironment

from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WerkzeugMethodNotAllowed
from werkzeug.routing import BaseConverter
from werkzeug.routing import Map
from werkzeug.routing import RequestRedirect
from werkzeug.routing import Rule
from werkzeug.wrappers import Request as WerkzeugRequest
from werkzeug.wrappers import Response

from ims_ext.emulator import errors
from ims_ext.emulator import request_record
from ims_ext.emulator.bucket.region import REGION
from ims_ext.emulator.errors import Dialect
from ims_ext.emulator.operation_name import documented_path
from ims_ext.emulator.operation_name import operation_name
from ims_ext.emulator.profile import ALL_CLOUDS
from ims_ext.emulator.profile import Profile

#: The services that capabilities belong to.
IMAGE = 'image'
IDENTITY = 'identity'
COMPUTE = 'compute'
BLOCK_STORAGE = 'block-storage'
KEY_MANAGEMENT = 'key-management'
BACKUP = 'backup'

#: The key under which a request's environment has the URL that clients know
#: its service by, where that is not what the request says.
ROOT = 'ims_ext.root'

#: The largest JSON body that is read, in bytes.
JSON_LIMIT = 12 * 1024**2

_ID = '[0-9a-f]{32}'
#: The argument that has the project's ID out of a path.
_PROJECT = 'path_project_id'

Json: TypeAlias = Mapping[str, Any] | list[Any]
Answer: TypeAlias = Response | Json | tuple[int, Json | None]


@dataclasses.dataclass(frozen=True)
class Caller:
    """The sender of a request, as the token says.

    :ivar project_id: ``None`` where the token is not scoped to a project;
        the image service refuses such tokens before a handler sees them.
    :ivar domain_id: The domain the token is scoped to, or ``None``.
    :ivar region: The project's region, or ``None``.
    """

    user_id: str
    user_name: str
    project_id: str | None
    project_name: str | None
    domain_id: str | None = None
    region: str | None = None
    roles: tuple[str, ...] = ()
    is_admin: bool = False


class Request(WerkzeugRequest):
    """A request, with its caller and its JSON body."""

    #: Set before a handler that is not anonymous runs.
    caller: Caller

    @property
    def project_id(self) -> str:
        """The caller's project; every image request has one."""
        project_id = self.caller.project_id
        if project_id is None:
            raise errors.Forbidden("The token has no project scope.")
        return project_id

    @property
    def region(self) -> str:
        """The region of the caller's project."""
        region = self.caller.region
        if region is None:
            raise errors.Forbidden("The token has no project scope.")
        return region

    @property
    def root(self) -> str:
        """The service's absolute URL as clients know it, no slash."""
        root = self.environ.get(ROOT) or self.root_url
        return str(root).rstrip('/')

    def json_value(self) -> Any:
        """Return the body's JSON value, ``None`` where there is no body.

        :raises: :class:`~ims_ext.emulator.errors.BadRequest` for a body
            that is not JSON, ``TooLarge`` for one above 12 MiB.
        """
        length = self.content_length
        if length is not None and length > JSON_LIMIT:
            raise errors.TooLarge("The request body is too large.")
        body = self.stream.read(JSON_LIMIT + 1)
        if len(body) > JSON_LIMIT:
            raise errors.TooLarge("The request body is too large.")
        if not body:
            return None
        try:
            # Bytes would let UTF-16 and halves of characters pass.
            text = body.decode('utf-8')
            value = json.loads(text)
            # Half of a character, which an escape can smuggle in, could
            # neither be kept nor sent back.
            if '\\u' in text:
                json.dumps(value, ensure_ascii=False).encode()
            return value
        except (ValueError, RecursionError) as error:
            raise errors.BadRequest(
                "The request body is not valid JSON."
            ) from error

    def json_object(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object.

        :raises: :class:`~ims_ext.emulator.errors.BadRequest` for anything
            else, an empty body included.
        """
        value = self.json_value()
        if not isinstance(value, dict):
            raise errors.BadRequest("The request body is no JSON object.")
        return value


Handler = TypeVar('Handler', bound=Callable[..., Answer])


@dataclasses.dataclass(frozen=True)
class Operation:
    """The method and path of a handler, and its shape of errors."""

    method: str
    path: str
    dialect: Dialect | None
    anonymous: bool


def route(
    method: str,
    path: str,
    *,
    dialect: Dialect | None = None,
    anonymous: bool = False,
) -> Callable[[Handler], Handler]:
    """Declare a method of a capability as the handler of an operation.

    May be repeated for several paths. ``GET`` answers ``HEAD`` too.

    :param method: The HTTP method.
    :param path: A werkzeug rule: ``/v2/images/<image_id>``.
    :param dialect: The shape of errors; the class attribute ``dialect``
        where not given, and the extension operations' without one.
    :param anonymous: Whether the operation needs no token.
    """

    def declare(handler: Handler) -> Handler:
        operations = getattr(handler, 'operations', ())
        operation = Operation(method, path, dialect, anonymous)
        handler.operations = (*operations, operation)  # type: ignore[attr-defined]
        return handler

    return declare


@dataclasses.dataclass(frozen=True)
class _Endpoint:
    handler: Callable[..., Answer]
    dialect: Dialect
    anonymous: bool
    operation: tuple[str, str]
    service: str
    name: str
    path: str


def answer(value: Answer) -> Response:
    """Return the response that a handler's result stands for."""
    if isinstance(value, Response):
        return value
    status = 200
    body: Json | None
    if isinstance(value, tuple):
        status, body = value
    else:
        body = value
    if body is None:
        response = Response(status=status)
        del response.headers['Content-Type']
        return response
    return JsonResponse(
        json.dumps(body, ensure_ascii=False),
        status=status,
        content_type='application/json; charset=UTF-8',
    )


class JsonResponse(Response):
    """A small answer, whose head is complete as it is."""

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Send it."""
        if self.is_streamed or not 200 <= self.status_code < 300:
            return super().__call__(environ, start_response)
        content = self.get_data()
        self.headers['Content-Length'] = str(len(content))
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ['REQUEST_METHOD'] == 'HEAD' else (content,)


class RegexConverter(BaseConverter):
    """A part of a path that matches a regular expression."""

    def __init__(self, map: Map, regex: str) -> None:
        super().__init__(map)
        self.regex = regex


class Router:
    """The operations of one service, as found on its capabilities.

    :param capabilities: The capability objects.
    :param authenticate: Gives the caller of a request, or ``None`` where
        it has no valid token.
    :param dialect: The shape of errors outside any operation.
    :param needs_project: Whether tokens without a project are refused.
    :param profile: The cloud to be like.
    """

    def __init__(
        self,
        capabilities: Iterable[object],
        authenticate: Callable[[Request], Caller | None],
        dialect: Dialect,
        needs_project: bool = True,
        profile: Profile = ALL_CLOUDS,
    ) -> None:
        self._profile = profile
        self._authenticate = authenticate
        self._dialect = dialect
        self._needs_project = needs_project
        self._map = Map(
            [rule for each in capabilities for rule in _rules(each)],
            strict_slashes=False,
            merge_slashes=False,
            converters={'regex': RegexConverter},
        )
        # Paths alone decide: hosts have been looked at before.
        self._adapter = self._map.bind('localhost')

    def respond(self, environ: WSGIEnvironment) -> Response:
        """Return the answer to a request; never raises."""
        dialect = self._dialect
        try:
            endpoint, arguments = self._match(environ)
            dialect = endpoint.dialect
            record = request_record.of(environ)
            record.service = endpoint.service
            record.operation, record.route = endpoint.name, endpoint.path
            request = Request(environ)
            self._check_is_there(endpoint)
            project_id = arguments.pop(_PROJECT, None)
            if not endpoint.anonymous:
                request.caller = self._caller(request, dialect)
                record.user = request.caller.user_name
                record.project_id = request.caller.project_id
                _check_project(project_id, request.caller)
            return answer(endpoint.handler(request, **arguments))
        except Exception as error:
            return errors.render(error, dialect, self._profile.flat_errors)

    def _check_is_there(self, endpoint: _Endpoint) -> None:
        """Refuse, as the gateway does, what the cloud does not have."""
        if endpoint.operation in self._profile.missing:
            raise errors.GatewayError(
                'APIGW.0101',
                "The API does not exist or has not been published in the "
                "environment",
                404,
            )

    def _match(
        self, environ: WSGIEnvironment
    ) -> tuple[_Endpoint, dict[str, Any]]:
        # WSGI has paths' bytes as Latin-1.
        path = environ['PATH_INFO']
        if not path.isascii():
            path = path.encode('latin-1').decode('utf-8', 'replace')
        try:
            endpoint, arguments = self._adapter.match(
                path, environ['REQUEST_METHOD']
            )
        except RequestRedirect as error:
            raise errors.NotFound(
                "The resource could not be found."
            ) from error
        except WerkzeugMethodNotAllowed as error:
            raise errors.MethodNotAllowed(
                "The method is not allowed for this resource."
            ) from error
        except HTTPException as error:
            raise errors.NotFound(
                "The resource could not be found."
            ) from error
        return endpoint, dict(arguments)

    def _caller(self, request: Request, dialect: Dialect) -> Caller:
        caller = self._authenticate(request)
        if caller is None:
            if dialect is Dialect.EXTENSION:
                raise errors.GatewayError(
                    'APIGW.0301',
                    "Incorrect IAM authentication information: the token is "
                    "missing, wrong or expired",
                )
            raise errors.Unauthorized(
                "The request you have made requires authentication."
            )
        if self._needs_project:
            _check_scope(request, caller, dialect)
        return caller


def _check_scope(request: Request, caller: Caller, dialect: Dialect) -> None:
    """Refuse a token without a project, or of one in another region."""
    if caller.project_id is None:
        raise errors.Forbidden("The token has no project scope.")
    region = request.environ.get(REGION, caller.region)
    if region == caller.region:
        return
    reason = (
        f"the project {caller.project_name} is in the region "
        f"{caller.region}, and not in {region}"
    )
    if dialect is Dialect.EXTENSION:
        raise errors.GatewayError(
            'APIGW.0301',
            f"Incorrect IAM authentication information: {reason}",
        )
    raise errors.Unauthorized(
        f"The request you have made requires authentication: {reason}."
    )


def _check_project(project_id: str | None, caller: Caller) -> None:
    """Refuse a path with the ID of a project that is not the caller's."""
    if project_id is not None and project_id != caller.project_id:
        raise errors.BadRequest(
            f"Malformed request URL: URL's project_id '{project_id}' doesn't "
            f"match Context's project_id '{caller.project_id}'"
        )


def _rules(capability: object) -> Iterable[Rule]:
    default = getattr(capability, 'dialect', Dialect.EXTENSION)
    strict = getattr(capability, 'strict_slashes', False)
    version = getattr(capability, 'project_version', None)
    service = getattr(capability, 'mount', IMAGE)
    for name in dir(type(capability)):
        operations = getattr(
            getattr(type(capability), name, None), 'operations', ()
        )
        for operation in operations:
            handler = getattr(capability, name)
            endpoint = _Endpoint(
                handler=handler,
                dialect=operation.dialect or default,
                anonymous=operation.anonymous,
                operation=(operation.method, operation.path),
                service=service,
                name=operation_name(
                    service, operation.method, operation.path, handler
                ),
                path=documented_path(operation.path),
            )
            for path in _paths(operation.path, version):
                yield Rule(
                    path,
                    methods=[operation.method],
                    strict_slashes=strict,
                    endpoint=endpoint,
                )


def _paths(path: str, version: str | None) -> Iterable[str]:
    """Return an operation's path, and the one that has the project's ID."""
    yield path
    if version and path.startswith(f'{version}/'):
        rest = path.removeprefix(version)
        yield f'{version}/<regex("{_ID}"):{_PROJECT}>{rest}'
