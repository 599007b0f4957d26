# SPDX-License-Identifier: Apache-2.0
"""Faults put into practice: what stands between clients and the services."""

from collections.abc import Callable, Iterable, Iterator
import json
import threading
from types import TracebackType
from typing import Any, TypeAlias
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment

from waitress.channel import ClientDisconnected

from ims_ext.emulator import request_record
from ims_ext.emulator.fault import Fault
from ims_ext.emulator.fault import answer as fault_answer
from ims_ext.emulator.fault.sets import Faults

#: Gives the service that a request is for, and the path within it.
Target: TypeAlias = Callable[[WSGIEnvironment], tuple[str, str]]
_ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType]
    | tuple[None, None, None]
)

#: How many requests can wait at the same time.
_THREADS = 64

#: Kinds of which only one can happen to a request.
_EXCLUSIVE = ('status', 'cut', 'body')


class Misbehaving:
    """An application with which things go wrong, as the faults say.

    :param application: The one that answers otherwise.
    :param faults: What goes wrong.
    :param target: Says of a request which service it is for.
    :param stopping: Set when the emulator stops, and nobody waits any more.
    """

    def __init__(
        self,
        application: WSGIApplication,
        faults: Faults,
        target: Target,
        stopping: threading.Event,
    ) -> None:
        self._application = application
        self._faults = faults
        self._target = target
        self._stopping = stopping

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request, or do what goes wrong with it."""
        if not self._faults.current:
            return self._application(environ, start_response)
        target = self._target(environ)
        delays, broken = self._draw(environ, target)
        record = request_record.of(environ)
        _note(record, target, [*delays, *([broken.fault] if broken else [])])
        self._wait(delays, environ, has_effect=False)
        if broken is not None and not broken.fault.has_effect:
            if broken.fault.kind == 'cut':
                _cut()
            return fault_answer.refuse(
                broken.fault, target[0], environ, start_response
            )
        answer = _Answer(self._application, environ)
        self._wait(delays, environ, has_effect=True)
        if broken is not None and answer.is_small(broken.fault):
            broken.take_back()
            _note(record, target, delays)
            broken = None
        if broken is None:
            if answer.is_refusal:
                self._identify(answer, environ, target)
            return answer.send(start_response)
        fault = broken.fault
        if fault.kind == 'cut':
            return answer.send_cut(start_response, fault.value, environ)
        if fault.kind == 'status':
            answer.close()
            return fault_answer.refuse(
                fault, target[0], environ, start_response
            )
        if not answer.damage(fault):
            broken.take_back()
        return answer.send(start_response)

    def _identify(
        self,
        answer: '_Answer',
        environ: WSGIEnvironment,
        target: tuple[str, str],
    ) -> None:
        """Have a refusal's body tell the request's ID, where a fault asks."""
        service, path = target
        query = environ.get('QUERY_STRING', '')
        for each in self._faults.current:
            fault = each.fault
            if (
                fault.kind == 'request-id'
                and fault.befalls(
                    service, environ['REQUEST_METHOD'], path, query
                )
                and each.draw()
                and not answer.identify(fault.value, environ)
            ):
                each.take_back()

    def _draw(
        self, environ: WSGIEnvironment, target: tuple[str, str]
    ) -> tuple[list[Fault], Any]:
        """Return the delays of a request, and what else goes wrong."""
        service, path = target
        method = environ['REQUEST_METHOD']
        query = environ.get('QUERY_STRING', '')
        delays: list[Fault] = []
        broken = None
        # Those that the answer's size decides hide no others.
        for each in sorted(
            self._faults.current, key=lambda one: one.fault.above is not None
        ):
            fault = each.fault
            if fault.kind not in (*_EXCLUSIVE, 'slow'):
                continue
            if not fault.befalls(service, method, path, query):
                continue
            if not each.draw():
                continue
            if fault.kind == 'slow':
                delays.append(fault)
            elif broken is None:
                broken = each
            else:
                # The first one that happens hides the others.
                each.take_back()
        return delays, broken

    def _wait(
        self, delays: list[Fault], environ: WSGIEnvironment, has_effect: bool
    ) -> None:
        for fault in delays:
            if fault.has_effect == has_effect:
                # Those who wait must not keep others from being answered.
                server = environ['ims_ext.channel'].server
                server.task_dispatcher.set_thread_count(_THREADS)
                self._stopping.wait(float(fault.value))


def _note(
    record: request_record.RequestRecord,
    target: tuple[str, str],
    befallen: Iterable[Fault],
) -> None:
    """Write down what befalls a request."""
    record.fault = ' '.join(each.text for each in befallen) or None
    if record.fault:
        record.service = target[0]


def _cut() -> None:
    # waitress takes it for a client that went away: it closes the
    # connection, and writes nothing that has not been written before.
    raise ClientDisconnected


class _Answer:
    """An application's answer, kept back until its fate is known."""

    def __init__(
        self, application: WSGIApplication, environ: WSGIEnvironment
    ) -> None:
        self._status = ''
        self._headers: list[tuple[str, str]] = []
        self._body: Iterable[bytes] = application(environ, self._start)
        self._is_head = environ['REQUEST_METHOD'] == 'HEAD'

    def _start(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: _ExcInfo | None = None,
    ) -> Callable[[bytes], object]:
        self._status, self._headers = status, headers
        return _refuse_to_write

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        """Send the answer."""
        start_response(self._status, self._headers)
        return self._body

    def send_cut(
        self,
        start_response: StartResponse,
        where: str,
        environ: WSGIEnvironment,
    ) -> Iterable[bytes]:
        """Send the half or nothing of the answer, and end the connection."""
        if where == 'after':
            self.close()
            _cut()
        length = self._length()
        if not length:
            # An answer that is headers only cannot be cut in two visibly but
            # in its first line: clients take the end for the last header's.
            self.close()
            environ['ims_ext.channel'].write_soon(b'HTTP/1.1 ')
            _cut()
        start_response(self._status, self._headers)
        return _Half(self._body, length // 2)

    @property
    def is_refusal(self) -> bool:
        """Whether the application has refused the request."""
        return self._status[:1] in ('4', '5')

    def is_small(self, fault: Fault) -> bool:
        """Whether a fault of larger answers does not befall this one."""
        return fault.above is not None and self._length() <= fault.above

    def identify(self, name: str, environ: WSGIEnvironment) -> bool:
        """Have the body tell the request's ID; return whether it can."""
        body = b''.join(self._body)
        self.close()
        self._body = [body]
        try:
            value = json.loads(body)
        except ValueError:
            return False
        if not isinstance(value, dict):
            return False
        request_id = request_record.identify(
            self._headers, request_record.of(environ)
        )
        self._replace(json.dumps({**value, name: request_id}).encode())
        return True

    def _replace(self, body: bytes, *others: str) -> None:
        """Send another body, without headers that were the old one's."""
        names = {'content-length', 'content-encoding', *others}
        self._headers = [
            (name, value)
            for name, value in self._headers
            if name.lower() not in names
        ]
        self._headers.append(('Content-Length', str(len(body))))
        self._body = [body]

    def damage(self, fault: Fault) -> bool:
        """Replace the body; return whether there was one to replace."""
        assert fault.body is not None  # noqa: S101
        if self._status[:3] in ('204', '304') or self._is_head:
            return False
        body = b''.join(self._body)
        self.close()
        if fault.above is not None and fault.body == 'truncated':
            # What a gateway lets pass, and nothing after it.
            damaged = body[: fault.above]
        else:
            damaged = fault_answer.damage(
                body, fault.body, int(self._status[:3])
            )
        if damaged == body:
            return False
        if fault.body == 'html':
            self._replace(damaged, 'content-type')
            self._headers.append(('Content-Type', 'text/html'))
        else:
            self._replace(damaged)
        return True

    def close(self) -> None:
        """End what the application has open for the answer."""
        close = getattr(self._body, 'close', None)
        if close is not None:
            close()

    def _length(self) -> int:
        """Return how many bytes the body has; a header always says so."""
        if self._is_head or self._status[:3] in ('204', '304'):
            return 0
        for name, value in self._headers:
            if name.lower() == 'content-length':
                return int(value)
        body = b''.join(self._body)
        self.close()
        self._body = [body]
        self._headers.append(('Content-Length', str(len(body))))
        return len(body)


class _Half:
    """The beginning of a body, after which the connection ends."""

    def __init__(self, body: Iterable[bytes], length: int) -> None:
        self._body = body
        self._length = length

    def __iter__(self) -> Iterator[bytes]:
        left = self._length
        for chunk in self._body:
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                break
        _cut()

    def close(self) -> None:
        """End what the application has open for the answer."""
        close = getattr(self._body, 'close', None)
        if close is not None:
            close()


def _refuse_to_write(data: bytes) -> object:
    raise NotImplementedError("No service here writes by itself.")
