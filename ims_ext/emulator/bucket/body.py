# SPDX-License-Identifier: Apache-2.0
"""The body of a request: unpacked, checked, and written to a file."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
import hashlib
import re
from typing import BinaryIO, Protocol
from wsgiref.types import WSGIEnvironment
import zlib

from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.errors import S3Error

#: The largest XML body that is read, in bytes; 10,000 parts fit.
XML_LIMIT = 4 * 1024**2

_HEX_SHA256 = re.compile(r'[0-9a-f]{64}')
_CHECKSUM = 'x-amz-checksum-'


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 with the interface of a hash."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, 'big')


class Body:
    """The body of one request.

    :ivar trailers: What follows an ``aws-chunked`` body, once it is read.
    """

    def __init__(
        self, environ: WSGIEnvironment, headers: Mapping[str, str]
    ) -> None:
        self.trailers: dict[str, str] = {}
        self._input: BinaryIO = environ['wsgi.input']
        self._headers = headers
        self._sha256 = headers.get('x-amz-content-sha256', '')
        self._left = int(headers.get('content-length') or 0)

    def spool(self, directory: BlobDirectory) -> Blob:
        """Write the body to a file, checking what the client said of it.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        return directory.write(self._checked())

    def xml(self) -> bytes:
        """Return a body that is a document.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        if self._left > XML_LIMIT:
            raise S3Error(
                'MaxMessageLengthExceeded', "The request is too large."
            )
        return b''.join(self._checked())

    def _checked(self) -> Iterator[bytes]:
        """Yield the unpacked body, and compare the checksums at its end."""
        digests = self._digests()
        for chunk in self._unpacked():
            for digest in digests.values():
                digest.update(chunk)
            yield chunk
        for name, digest in digests.items():
            self._compare(name, digest.digest())

    def _digests(self) -> dict[str, _Digest]:
        known: dict[str, Callable[[], _Digest]] = {
            f'{_CHECKSUM}crc32': _Crc32,
            f'{_CHECKSUM}sha1': lambda: hashlib.sha1(usedforsecurity=False),
            f'{_CHECKSUM}sha256': hashlib.sha256,
        }
        trailers = self._headers.get('x-amz-trailer', '').lower()
        named = {name.strip() for name in trailers.split(',')}
        digests: dict[str, _Digest] = {
            name: make()
            for name, make in known.items()
            if name in self._headers or name in named
        }
        if _HEX_SHA256.fullmatch(self._sha256):
            digests['x-amz-content-sha256'] = hashlib.sha256()
        if 'content-md5' in self._headers:
            digests['content-md5'] = hashlib.md5(usedforsecurity=False)
        return digests

    def _compare(self, name: str, digest: bytes) -> None:
        if name == 'x-amz-content-sha256':
            if digest.hex() != self._sha256:
                raise S3Error(
                    'XAmzContentSHA256Mismatch',
                    "The body does not match the x-amz-content-sha256 header.",
                )
            return
        given = self._headers.get(name) or self.trailers.get(name, '')
        if base64.b64encode(digest).decode() != given:
            raise S3Error(
                'BadDigest', f"The body does not match its {name} checksum."
            )

    def _unpacked(self) -> Iterable[bytes]:
        if not self._sha256.startswith('STREAMING-'):
            return self._plain()
        return self._aws_chunked()

    def _plain(self) -> Iterator[bytes]:
        while self._left:
            yield self._read(min(CHUNK, self._left))

    def _read(self, size: int) -> bytes:
        chunk = self._input.read(min(size, self._left))
        if not chunk and size:
            raise S3Error(
                'IncompleteBody', "The request's body ends too early."
            )
        self._left -= len(chunk)
        return chunk

    def _read_line(self) -> bytes:
        line = self._input.readline(min(self._left, 8192))
        if not line.endswith(b'\n'):
            raise S3Error(
                'IncompleteBody', "The request's body ends too early."
            )
        self._left -= len(line)
        return line.strip()

    def _aws_chunked(self) -> Iterator[bytes]:
        """Yield the chunks' data; their own signatures are not checked."""
        announced = self._headers.get('x-amz-decoded-content-length', '')
        size = 0
        while length := self._chunk_length():
            size += length
            while length:
                data = self._read(min(CHUNK, length))
                length -= len(data)
                yield data
            self._read_line()
        while self._left:
            name, _, value = self._read_line().decode('latin-1').partition(':')
            if name:
                self.trailers[name.strip().lower()] = value.strip()
        if str(size) != announced:
            raise S3Error(
                'IncompleteBody',
                "The request's body is not as long as announced.",
            )

    def _chunk_length(self) -> int:
        line = self._read_line().partition(b';')[0]
        try:
            length = int(line, 16)
        except ValueError:
            length = -1
        if length < 0:
            raise S3Error('IncompleteBody', "A chunk's size is malformed.")
        return length
