# SPDX-License-Identifier: Apache-2.0
"""Response bodies, read and unpacked up to a bound.

An image's data, which are streamed, have none.
"""

from collections.abc import Iterable, Iterator
from typing import Any
import zlib

import requests
import urllib3

from ims_ext import exceptions

#: Bytes of a response's body at most, packed and unpacked: ten times as much
#: as a page of a thousand images.
LARGEST = 16 * 1024**2

_BLOCK = 64 * 1024
#: Members of a gzip body at most: each takes its time, even an empty one.
_MOST_MEMBERS = 1024

#: zlib's windows for what a server may have packed a body with.
_GZIP, _ZLIB, _DEFLATE = 31, 15, -15
_PACKED = {'gzip': _GZIP, 'x-gzip': _GZIP, 'deflate': _ZLIB}
_PLAIN = frozenset(('', 'identity'))


def read(response: requests.Response) -> None:
    """Read a response's body, and leave it to the response.

    :param response: The response, just received.
    :raises: :class:`~ims_ext.exceptions.LargeAnswerError` for a body beyond
        the bound; the connection is closed.
    :raises: What requests raises for one that cannot be read to its end.
    """
    if response._content is not False:
        return
    try:
        content = b''.join(_unpacked(response))
    except exceptions.LargeAnswerError:
        response.close()
        raise _beyond(response) from None
    except urllib3.exceptions.ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from error
    except (urllib3.exceptions.DecodeError, zlib.error) as error:
        raise requests.exceptions.ContentDecodingError(error) from error
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.exceptions.ConnectionError(error) from error
    except urllib3.exceptions.SSLError as error:
        raise requests.exceptions.SSLError(error) from error
    response._content = content
    response._content_consumed = True


def _beyond(response: requests.Response) -> exceptions.LargeAnswerError:
    from ims_ext.transport import redirect

    request = response.request
    return exceptions.LargeAnswerError(
        f"The response to {request.method} "
        f"{redirect.path(request.url or '')} (HTTP {response.status_code}) "
        f"has more than {LARGEST >> 20} MiB, which is not read to its end"
    )


def _unpacked(response: requests.Response) -> Iterator[bytes]:
    raw: Any = response.raw
    told = response.headers.get('Content-Encoding') or ''
    encodings = [each.strip().lower() for each in told.split(',')]
    packed = [each for each in encodings if each not in _PLAIN]
    if not hasattr(raw, 'stream'):
        # What stands in for a connection.
        yield from _bounded(iter(lambda: raw.read(_BLOCK), b''))
        return
    if any(each not in _PACKED for each in packed):
        # Not asked for. urllib3 gives it in blocks of bounded size.
        yield from _bounded(raw.stream(_BLOCK, decode_content=True))
        return
    blocks = _bounded(raw.stream(_BLOCK, decode_content=False))
    for each in reversed(packed):
        blocks = _bounded(_unpack(blocks, _PACKED[each]))
    yield from blocks


def _bounded(blocks: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for block in blocks:
        size += len(block)
        if size > LARGEST:
            raise exceptions.LargeAnswerError
        yield block


def _unpack(blocks: Iterator[bytes], window: int) -> Iterator[bytes]:
    """Unpack a body, in blocks of bounded size."""
    data = b''
    for block in blocks:
        data += block
        if len(data) > 1:
            break
    if window == _ZLIB and not _has_zlib_header(data):
        # Some servers take deflate for what it is called.
        window = _DEFLATE
    unpacker = zlib.decompressobj(window)
    members = 1
    while data:
        try:
            unpacked = unpacker.decompress(data, _BLOCK)
        except zlib.error:
            if members == 1:
                raise
            return  # What follows the last of its members is no more of it.
        if unpacked:
            yield unpacked
        data = unpacker.unconsumed_tail
        if unpacker.eof:
            if window != _GZIP:
                return
            data = unpacker.unused_data
            unpacker = zlib.decompressobj(window)
            members += 1
            if members > _MOST_MEMBERS:
                raise exceptions.LargeAnswerError
        if not data:
            data = next(blocks, b'')


def _has_zlib_header(data: bytes) -> bool:
    return (
        len(data) > 1
        and data[0] & 0x8F == 8
        and int.from_bytes(data[:2], 'big') % 31 == 0
    )
