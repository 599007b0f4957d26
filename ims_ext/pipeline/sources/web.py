# SPDX-License-Identifier: Apache-2.0
"""Files of web servers: fetched whole, gone on with after a cut."""

from collections.abc import Callable, Iterator
import contextlib
import dataclasses
import re
import threading
import time
from typing import TYPE_CHECKING

from ims_ext.pipeline.sources import addresses
from ims_ext.pipeline.sources import web_session
from ims_ext.pipeline.sources.errors import PlaceError

if TYPE_CHECKING:
    import requests

_CHUNK = 1024 * 1024
_REDIRECTS = 5
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
#: Answers that may be others in a moment.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
#: A resumed download has got on if it has got that much (bytes).
_PROGRESS = 64 * 1024
#: How often a download begins again because it cannot be gone on with.
_RESTARTS = 2


class ChangedError(Exception):
    """A download that has to begin again: it cannot be gone on with."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """How long a server is waited for.

    :ivar connect: Seconds until it accepts a connection.
    :ivar stall: Seconds in which something has to come.
    :ivar least: Bytes that have to come meanwhile.
    :ivar attempts: Attempts in a row that do not get on.
    :ivar pause: Seconds before the second of them; each other one is twice
        as long.
    :ivar longest_pause: Seconds that a pause has at most, whatever the
        server asks for.
    """

    connect: float = 20.0
    stall: float = 60.0
    least: int = 1024
    attempts: int = 4
    pause: float = 1.0
    longest_pause: float = 30.0


class Web:
    """The web servers.

    Nothing is sent that proves who asks: no users, no cookies, nothing of
    ``.netrc``. Proxies are those of the environment.

    :param patience: How long servers are waited for.
    :param stopped: Whether to end downloads.
    """

    def __init__(
        self,
        patience: Patience | None = None,
        stopped: threading.Event | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._stopped = stopped or threading.Event()
        self._of_thread = threading.local()
        self._sessions: list[requests.Session] = []
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            sessions, self._sessions = self._sessions, []
        for each in sessions:
            each.close()

    def download(self, url: str, most: int) -> 'Download':
        """Return a file that has not been asked for yet.

        :param url: Its URL.
        :param most: Bytes that it may have.
        """
        return Download(self, url, most)

    def text(self, url: str, most: int) -> bytes:
        """Return a short file: a list, a signature, a page.

        :param url: Its URL.
        :param most: Bytes that it may have.
        :raises: :class:`.errors.PlaceError`
        """
        found: list[bytes] = []

        def take(chunks: Iterator[bytes]) -> None:
            found[:] = [b''.join(chunks)]

        whole(self.download(url, most), take)
        return found[0]

    def size(self, url: str) -> int | None:
        """Return a file's bytes, by its server's word.

        :param url: Its URL.
        :returns: ``None`` where the server does not tell.
        :raises: :class:`.errors.PlaceError` where it is not there.
        """
        import requests
        import urllib3

        try:
            with self.asked('HEAD', url) as response:
                if response.status_code in (405, 501):
                    return None
                if response.status_code != 200:
                    raise web_session.refused(url, response)
                return web_session.length(response)
        except (
            requests.RequestException,
            urllib3.exceptions.HTTPError,
            OSError,
        ) as error:
            raise PlaceError(
                f"{addresses.shown(url)}: {web_session.words(error)}"
            ) from error

    @contextlib.contextmanager
    def asked(
        self,
        method: str,
        url: str,
        headers: 'dict[str, str] | None' = None,
    ) -> 'Iterator[requests.Response]':
        """Give an answer, redirects followed; its body is not read.

        :param method: ``GET`` or ``HEAD``.
        :param url: The URL.
        :param headers: Headers beside the usual ones.
        :raises: :class:`.errors.PlaceError` for a redirect that is not
            followed; what the requests library raises.
        """
        addresses.check(url)
        here = url
        for _ in range(_REDIRECTS + 1):
            response = self._session.request(
                method,
                here,
                headers={'Accept-Encoding': 'identity', **(headers or {})},
                stream=True,
                allow_redirects=False,
                timeout=(self.patience.connect, self.patience.stall),
            )
            with contextlib.closing(response):
                location = response.headers.get('Location')
                if response.status_code not in _REDIRECTING or not location:
                    yield response
                    return
            here = addresses.redirected(here, location)
        raise PlaceError(f"{addresses.shown(url)} leads round in circles")

    def wait(self, number: int, told: str | None) -> None:
        """Wait before another attempt.

        :param number: The attempts that there have been.
        :param told: The server's ``Retry-After``, if any.
        :raises: :class:`.errors.PlaceError` where all is to end.
        """
        pause = self.patience.pause * 2 ** (number - 1)
        if told and told.strip().isdigit():
            pause = max(pause, float(told))
        self._stopped.wait(min(pause, self.patience.longest_pause))
        self.check_going()

    def check_going(self) -> None:
        """Raise :class:`.errors.PlaceError` where all is to end."""
        if self._stopped.is_set():
            raise PlaceError("fetching was stopped")

    @property
    def _session(self) -> 'requests.Session':
        """The thread's own session: they are not made for several."""
        found: requests.Session | None
        found = getattr(self._of_thread, 'session', None)
        if found is None:
            found = self._of_thread.session = web_session.new_session()
            with self._lock:
                self._sessions.append(found)
        return found


class Download:
    """A file that is fetched.

    :param web: Fetches it.
    :param url: Its URL.
    :param most: Bytes that it may have.
    :ivar name: What messages call it.
    :ivar size: Its bytes, once they are known.
    :ivar done: Bytes that have come.
    """

    def __init__(self, web: Web, url: str, most: int) -> None:
        self._web = web
        self._url = url
        self._most = most
        self.name = addresses.shown(url)
        self._begin()

    def _begin(self) -> None:
        self.size: int | None = None
        self.done = 0
        self._validator: str | None = None

    def chunks(self) -> Iterator[bytes]:
        """Give the file, a piece at a time.

        :raises: :class:`ChangedError` where all of it is to be fetched
            again, by another call; :class:`.errors.PlaceError`
        """
        import requests
        import urllib3

        self._begin()
        failures = 0
        while True:
            before = self.done
            told, reason = None, ''
            try:
                yield from self._piece()
                return
            except _PassingError as error:
                told, reason = error.retry_after, str(error)
            except (
                requests.RequestException,
                urllib3.exceptions.HTTPError,
                OSError,
            ) as error:
                reason = web_session.words(error)
            if self.done - before >= _PROGRESS:
                failures = 0
            failures += 1
            if failures >= self._web.patience.attempts:
                raise PlaceError(
                    f"{self.name}: {reason}{self._so_far()}, in "
                    f"{failures} attempts"
                )
            self._web.wait(failures, told)

    def _so_far(self) -> str:
        if not self.done:
            return ''
        of = '' if self.size is None else f" of {self.size}"
        return f" after {self.done}{of} bytes"

    def _piece(self) -> Iterator[bytes]:
        """Give what comes in one answer, to the file's end."""
        headers = {}
        if self.done:
            if not self._validator:
                raise ChangedError
            headers = {
                'Range': f'bytes={self.done}-',
                'If-Range': self._validator,
            }
        with self._web.asked('GET', self._url, headers) as response:
            self._look_at(response)
            if self.size is not None and self.size > self._most:
                raise PlaceError(
                    f"{self.name} has {self.size} bytes; {self._most} are "
                    f"permitted"
                )
            for chunk in _read(response, self._web):
                self.done += len(chunk)
                if self.done > self._most:
                    raise PlaceError(
                        f"{self.name} has more than the permitted "
                        f"{self._most} bytes"
                    )
                yield chunk
        if self.size is not None and self.done != self.size:
            raise _PassingError(f"the connection ended{self._so_far()}", None)

    def _look_at(self, response: 'requests.Response') -> None:
        """Take what an answer says of the file it has a part of."""
        status = response.status_code
        if status in _PASSING:
            raise _PassingError(
                f"the server answers {status}",
                response.headers.get('Retry-After'),
            )
        if self.done and status in (200, 416):
            raise ChangedError
        if status != (206 if self.done else 200):
            raise web_session.refused(self._url, response)
        if self.done:
            self._look_at_range(response.headers.get('Content-Range', ''))
            return
        self.size = web_session.length(response)
        encoding = response.headers.get('Content-Encoding', 'identity')
        if encoding.lower() not in ('identity', 'gzip', 'x-gzip'):
            raise PlaceError(
                f"{self.name} comes encoded as {encoding}, which was not "
                f"asked for"
            )
        etag = response.headers.get('ETag', '')
        if etag.startswith('"'):
            self._validator = etag
        else:
            self._validator = response.headers.get('Last-Modified')

    def _look_at_range(self, told: str) -> None:
        found = re.fullmatch(r'bytes (\d+)-(\d+)/(\d+|\*)', told, re.ASCII)
        if not found or int(found[1]) != self.done:
            raise ChangedError
        if found[3] == '*':
            return
        if self.size is not None and int(found[3]) != self.size:
            raise ChangedError
        self.size = int(found[3])


def whole(download: Download, take: Callable[[Iterator[bytes]], None]) -> None:
    """Fetch a file, from its beginning as often as that has to be.

    :param download: The file.
    :param take: Called with its bytes, again where it begins again.
    :raises: :class:`.errors.PlaceError`
    """
    for _ in range(_RESTARTS + 1):
        try:
            take(download.chunks())
        except ChangedError:
            continue
        return
    raise PlaceError(
        f"{download.name}: the connection is cut again and again, and the "
        f"server does not go on where it was"
    )


class _PassingError(Exception):
    """A failure that may not be there in a moment."""

    def __init__(self, message: str, retry_after: str | None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def _read(response: 'requests.Response', web: Web) -> Iterator[bytes]:
    """Give an answer's bytes as they come, undecoded."""
    # A call that asks for so many bytes waits for all of them, however
    # slowly they come.
    began, came = time.monotonic(), 0
    while chunk := response.raw.read1(_CHUNK, decode_content=False):
        web.check_going()
        yield chunk
        came += len(chunk)
        now = time.monotonic()
        if now - began >= web.patience.stall:
            if came < web.patience.least:
                raise _PassingError(
                    f"only {came} bytes in {now - began:.0f} seconds", None
                )
            began, came = now, 0
