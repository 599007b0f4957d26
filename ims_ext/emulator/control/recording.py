# SPDX-License-Identifier: Apache-2.0
"""What stands before all services, and writes down what they are asked."""

from collections.abc import Callable, Iterable, Iterator
import email.utils
import json
import re
import time
from types import TracebackType
from typing import Any, TypeAlias
from urllib.parse import unquote_plus
from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication
from wsgiref.types import WSGIEnvironment
from xml.sax.saxutils import unescape

from ims_ext.emulator import request_record
from ims_ext.emulator.clock import Clock
from ims_ext.emulator.control.request_log import RequestLog
from ims_ext.emulator.request_record import RequestRecord

_Headers: TypeAlias = list[tuple[str, str]]
_ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType]
    | tuple[None, None, None]
)

#: Parameters of a query whose values are good for getting in.
_SECRET = re.compile(
    r'(x-(amz|obs)-)?(signature|security-?token)|x-auth-token|token'
    r'|password|secret.*|sk'
)
#: Characters that are kept of what a client sends.
_LONGEST_PATH = 2000
_LONGEST_HEADER = 300
#: Bytes of a refusal that are looked into.
_LONGEST_REFUSAL = 64 * 1024


class Recorded:
    """An application whose requests are written down.

    Its answers have IDs, and the emulator's time once that is another one
    than the machine's.

    :param application: What answers the requests.
    :param log: Where they are written down.
    :param clock: Gives the time.
    """

    def __init__(
        self, application: WSGIApplication, log: RequestLog, clock: Clock
    ) -> None:
        self._application = application
        self._log = log
        self._clock = clock

    def __call__(
        self, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Answer a request."""
        begun = time.perf_counter()
        record = _record(environ, self._clock())
        environ[request_record.KEY] = record
        self._log.add(record)

        def end(is_cut: bool) -> None:
            record.seconds = time.perf_counter() - begun
            record.is_cut = is_cut
            self._log.end(record)

        environ[request_record.ENDED] = end

        def start(
            status: str, headers: _Headers, exc_info: _ExcInfo | None = None
        ) -> Callable[[bytes], object]:
            record.status = int(status[:3])
            record.request_id = request_record.identify(headers, record)
            record.seconds = time.perf_counter() - begun
            if self._clock.advanced:
                headers.append(
                    (
                        'Date',
                        email.utils.formatdate(self._clock(), usegmt=True),
                    )
                )
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        token = request_record.current.set(record)
        try:
            body = self._application(environ, start)
        finally:
            request_record.current.reset(token)
        if record.status is not None and record.status >= 400:
            return _reading_refusal(record, body)
        return body


def _record(environ: WSGIEnvironment, now: float) -> RequestRecord:
    path = environ.get('REQUEST_URI') or environ.get('PATH_INFO', '')
    path, _, query = path.partition('?')
    query = masked(environ.get('QUERY_STRING', '') or query)
    path = f'{path}?{query}' if query else path
    return RequestRecord(
        time=now,
        address=environ.get('REMOTE_ADDR', ''),
        user_agent=_text(environ.get('HTTP_USER_AGENT', '')),
        host=_text(environ.get('HTTP_HOST', '')),
        method=environ['REQUEST_METHOD'][:_LONGEST_HEADER],
        path=path[:_LONGEST_PATH],
    )


def _text(header: str) -> str:
    """Return a header's text, which WSGI passes on as Latin-1."""
    text = header[:_LONGEST_HEADER]
    if text.isascii():
        return text
    return text.encode('latin-1', 'replace').decode('utf-8', 'replace')


def masked(query: str) -> str:
    """Return a query without what is good for getting in.

    :param query: The query as it stands in the URL.
    """
    if not query:
        return query
    parts = []
    for part in query.split('&'):
        name, equals, value = part.partition('=')
        if value and _SECRET.fullmatch(unquote_plus(name).strip().lower()):
            value = '***'
        parts.append(f'{name}{equals}{value}')
    return '&'.join(parts)


def _reading_refusal(
    record: RequestRecord, body: Iterable[bytes]
) -> Iterator[bytes]:
    """Pass a refusal's body on; note its code and its words before the end."""
    seen = held = b''
    failure: Exception | None = None
    chunks = iter(body)
    try:
        while True:
            try:
                chunk = next(chunks, None)
            except Exception as error:
                # The connection is to end, after what has come.
                chunk, failure = None, error
            if chunk is None:
                break
            if held:
                yield held
            held = chunk
            seen += chunk[: _LONGEST_REFUSAL - len(seen)]
        record.error_code, record.error = refusal(seen)
        yield held
        if failure is not None:
            raise failure
    finally:
        close = getattr(body, 'close', None)
        if close is not None:
            close()


def refusal(content: bytes) -> tuple[str | None, str | None]:
    """Return the code and the message of a refusal of any service.

    :param content: The body.
    """
    text = content.decode('utf-8', 'replace')
    if text.startswith('<?xml'):
        return _element(text, 'Code'), _element(text, 'Message')
    if text.lstrip().startswith('<'):
        words = re.sub(r'<(head|title).*?</\1>|<[^>]*>', ' ', text, flags=re.S)
        return None, ' '.join(words.split()) or None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None, None
    return _of_json(value)


def _of_json(value: Any) -> tuple[str | None, str | None]:
    if not isinstance(value, dict):
        return None, None
    for level in (value, *value.values()):
        if not isinstance(level, dict):
            continue
        message = level.get('error_msg') or level.get('message')
        if isinstance(message, str):
            code = level.get('error_code') or level.get('code')
            # Some have the status there.
            return code if isinstance(code, str) else None, message
    return None, None


def _element(text: str, name: str) -> str | None:
    found = re.search(rf'<{name}>([^<]*)</{name}>', text)
    return unescape(found[1]) if found else None
