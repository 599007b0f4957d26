# SPDX-License-Identifier: Apache-2.0
"""Files on web servers are fetched from where they may be, and only there."""

from collections.abc import Callable, Iterator
import contextlib
import ipaddress
import socket
import threading
from typing import Any

import pytest

from ims_ext.emulator.work import web_source
from ims_ext.emulator.work.web_source import FilteredError
from ims_ext.emulator.work.web_source import WebSourceError
from ims_ext.emulator.work.web_source import WebSources

Serve = Callable[..., int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give a function that answers connections, and returns the port.

    Each answer goes to one connection, which is closed after it.
    """
    with contextlib.ExitStack() as stack:

        def begin(*answers: bytes) -> int:
            listening = stack.enter_context(
                socket.create_server(('127.0.0.1', 0))
            )

            def answer() -> None:
                for each in answers:
                    with contextlib.suppress(OSError):
                        connection, _ = listening.accept()
                        with connection:
                            connection.recv(65536)
                            connection.sendall(each)

            threading.Thread(target=answer, daemon=True).start()
            return int(listening.getsockname()[1])

        yield begin


def ok(data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b' % (size, data)


def to(url: str) -> bytes:
    head = 'HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: '
    return f'{head}{url}\r\n\r\n'.encode()


def read(sources: WebSources, url: str) -> bytes:
    with sources.open(url) as file:
        return b''.join(iter(lambda: file.read(100), b''))


# ====== WHERE ======


@pytest.mark.parametrize(
    ('address', 'is_permitted'),
    [
        ('8.8.8.8', True),
        ('2606:4700::1111', True),
        ('::ffff:8.8.8.8', True),
        ('64:ff9b::8.8.8.8', True),
        ('0.0.0.0', False),
        ('10.0.0.1', False),
        ('100.64.0.1', False),
        ('127.0.0.1', False),
        ('127.255.255.254', False),
        ('169.254.169.254', False),
        ('172.16.0.1', False),
        ('192.168.0.1', False),
        ('224.0.0.1', False),
        ('255.255.255.255', False),
        ('::', False),
        ('::1', False),
        ('::ffff:127.0.0.1', False),
        ('::ffff:10.0.0.1', False),
        ('64:ff9b::127.0.0.1', False),
        ('2002:7f00:1::', False),
        ('fd00::1', False),
        ('fe80::1', False),
        ('ff0e::1', False),
    ],
)
def test_only_addresses_on_the_internet_are_asked(
    monkeypatch: pytest.MonkeyPatch, address: str, is_permitted: bool
) -> None:
    family = ipaddress.ip_address(address).version

    def resolve(*_: Any, **__: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, '', (address, 80))]

    monkeypatch.setattr(web_source.socket, 'getaddrinfo', resolve)
    outcome: Any = contextlib.nullcontext()
    if not is_permitted:
        outcome = pytest.raises(FilteredError)
    with outcome:
        WebSources().check('http://example.org/disk')


@pytest.mark.parametrize(
    'uri',
    [
        None,
        1,
        '',
        'disk',
        '//example.org/',
        'file:///etc/passwd',
        'ftp://8.8.8.8/',
        'http://',
        'http:///disk',
        'http://8.8.8.8:22/',
        'http://8.8.8.8:x/',
        'http://8.8.8.8:99999/',
        'http://user:secret@8.8.8.8/',
        'http://8.8.8.8/a b',
        'http://8.8.8.8/a\r\nX-Header: b',
        'http://8.8.8.8/ä',
        'http://[8.8.8.8/',
    ],
)
def test_what_is_no_address_of_a_file_is_refused(uri: Any) -> None:
    with pytest.raises(FilteredError):
        WebSources().check(uri)


@pytest.mark.parametrize(
    ('host', 'is_permitted'),
    [
        ('127.0.0.1', True),
        ('127.0.0.1:{port}', True),
        ('LOCALHOST', False),
        ('127.0.0.1:1', False),
        ('127.0.0.2', False),
    ],
)
def test_a_host_is_permitted_by_its_name_and_port(
    serve: Serve, host: str, is_permitted: bool
) -> None:
    port = serve(ok(b'data'))
    sources = WebSources([host.format(port=port)])
    url = f'http://127.0.0.1:{port}/'
    if is_permitted:
        assert read(sources, url) == b'data'
    else:
        with pytest.raises(FilteredError):
            read(sources, url)


@pytest.mark.parametrize(
    'text', ['', 'a b', 'http://a', 'a:0', 'a:65536', 'a:x', '[::1', 'u@a']
)
def test_what_is_no_host_is_not_permitted(text: str) -> None:
    with pytest.raises(ValueError, match="no host"):
        web_source.check_host(text)


def test_the_address_that_was_checked_is_the_one_asked(
    monkeypatch: pytest.MonkeyPatch, serve: Serve
) -> None:
    port = serve(ok(b'data'))
    addresses = iter(['127.0.0.1', '127.0.0.9'])

    found = socket.getaddrinfo

    def resolve(host: Any, *others: Any, **more: Any) -> Any:
        known = next(addresses) if host == 'disks.example' else host
        return found(known, *others, **more)

    sources = WebSources(['disks.example'])
    with monkeypatch.context() as patched:
        patched.setattr(web_source.socket, 'getaddrinfo', resolve)
        assert read(sources, f'http://disks.example:{port}/') == b'data'
    assert next(addresses) == '127.0.0.9'


# ====== REDIRECTS ======


def test_a_redirect_is_followed_to_where_it_may_lead(serve: Serve) -> None:
    second = serve(ok(b'data'))
    first = serve(to(f'http://127.0.0.1:{second}/'))
    url = f'http://127.0.0.1:{first}/'
    assert read(WebSources(['127.0.0.1']), url) == b'data'
    third = serve(to(url))
    with pytest.raises(FilteredError):
        read(WebSources([f'127.0.0.1:{third}']), f'http://127.0.0.1:{third}/')


@pytest.mark.parametrize(
    'url', ['http://10.0.0.1/', 'file:///etc/passwd', 'http://[::1]/']
)
def test_a_redirect_to_elsewhere_is_not_followed(
    serve: Serve, url: str
) -> None:
    port = serve(to(url))
    with pytest.raises(FilteredError):
        read(WebSources(['127.0.0.1']), f'http://127.0.0.1:{port}/')


def test_redirects_have_an_end(serve: Serve) -> None:
    port = serve(*[to('/again')] * 20)
    with pytest.raises(WebSourceError, match="too often"):
        read(WebSources(['127.0.0.1']), f'http://127.0.0.1:{port}/')


# ====== WHAT SERVERS ANSWER ======


@pytest.mark.parametrize(
    'answer',
    [
        b'',
        b'no HTTP\r\n\r\n',
        b'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n',
        b'HTTP/1.1 206 Partial\r\nContent-Length: 0\r\n\r\n',
        b'HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n',
        b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 1000 + b'\r\n',
    ],
    ids=range(6),
)
def test_an_answer_that_is_no_file_is_told(
    serve: Serve, answer: bytes
) -> None:
    port = serve(answer)
    with pytest.raises(WebSourceError):
        read(WebSources(['127.0.0.1']), f'http://127.0.0.1:{port}/')


def test_a_server_that_is_not_there_is_told(serve: Serve) -> None:
    with socket.create_server(('127.0.0.1', 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(WebSourceError, match="cannot be asked"):
        read(WebSources(['127.0.0.1']), f'http://127.0.0.1:{port}/')


def test_a_certificate_of_nobodys_is_refused(serve: Serve) -> None:
    port = serve(b'\x15\x03\x01\x00\x02\x02\x28')
    with pytest.raises(WebSourceError, match="cannot be asked"):
        read(WebSources(['127.0.0.1']), f'https://127.0.0.1:{port}/')


def test_a_size_is_told_without_the_file(serve: Serve) -> None:
    port = serve(ok(b'', 12345))
    sources = WebSources(['127.0.0.1'])
    assert sources.size(f'http://127.0.0.1:{port}/') == 12345
