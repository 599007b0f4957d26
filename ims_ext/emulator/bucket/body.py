# SPDX-License-Identifier: Apache-2.0
"""The body of a request: unpacked, checked, and written to a file."""

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping
import hashlib
import hmac
import re
from typing import BinaryIO, Protocol
import zlib

from ims_ext.emulator.bucket.auth import Authenticated
from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.spool import NamelessFile

#: The largest XML body that is read, in bytes; 10,000 parts fit.
XML_LIMIT = 4 * 1024**2

_HEX_SHA256 = re.compile(r'[0-9a-f]{64}')
#: Where the request is signed in a way without it, it is empty.
_PAYLOAD = re.compile(
    r'|UNSIGNED-PAYLOAD|STREAMING-UNSIGNED-PAYLOAD-TRAILER|'
    r'STREAMING-AWS4-HMAC-SHA256-PAYLOAD(-TRAILER)?|[0-9a-f]{64}'
)


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


_CHECKSUMS: dict[str, Callable[[], _Digest]] = {
    'checksum-crc32': _Crc32,
    'checksum-sha1': lambda: hashlib.sha1(usedforsecurity=False),
    'checksum-sha256': hashlib.sha256,
}


class Body:
    """The body of one request.

    :param stream: The body.
    :param headers: The request's headers, their names in lower case.
    :param caller: Who sends it, and what was signed.
    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error` for a body of
        a kind that is not known.
    """

    def __init__(
        self,
        stream: BinaryIO,
        headers: Mapping[str, str],
        caller: Authenticated,
    ) -> None:
        self._input = stream
        self._headers = headers
        self._options = caller.options
        self._payload = caller.payload
        self._sign = caller.sign_chunk
        self._trailers: dict[str, str] = {}
        self._left = int(headers.get('content-length') or 0)
        if not _PAYLOAD.fullmatch(self._payload):
            raise S3Error(
                'InvalidArgument',
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, the name of "
                "a kind of chunks that S3 knows, or a SHA-256.",
            )

    def spool(self, directory: BlobDirectory) -> Blob:
        """Write the body to a file, checking what the client said of it.

        One that is in a file already, and not packed, is not written again.

        :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
        """
        if isinstance(self._input, NamelessFile) and not self._is_packed:
            return directory.take(self._input, self._checked())
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
        announced = {
            name.strip().removeprefix('x-amz-')
            for name in self._options.get('trailer', '').lower().split(',')
        }
        digests: dict[str, _Digest] = {
            name: make()
            for name, make in _CHECKSUMS.items()
            if name in self._options or name in announced
        }
        if _HEX_SHA256.fullmatch(self._payload):
            digests['content-sha256'] = hashlib.sha256()
        if 'content-md5' in self._headers:
            digests['content-md5'] = hashlib.md5(usedforsecurity=False)
        return digests

    def _compare(self, name: str, digest: bytes) -> None:
        if name == 'content-sha256':
            if digest.hex() != self._payload:
                raise S3Error(
                    'XAmzContentSHA256Mismatch',
                    "The body does not match the x-amz-content-sha256 header.",
                )
            return
        if name == 'content-md5':
            given = self._headers[name]
        else:
            given = self._options.get(name) or self._trailers.get(
                f'x-amz-{name}', ''
            )
        if base64.b64encode(digest).decode() != given:
            raise S3Error('BadDigest', f"The body does not match its {name}.")

    @property
    def _is_packed(self) -> bool:
        return self._payload.startswith('STREAMING-')

    def _unpacked(self) -> Iterable[bytes]:
        return self._aws_chunked() if self._is_packed else self._plain()

    def _plain(self) -> Iterator[bytes]:
        while self._left:
            yield self._read(min(CHUNK, self._left))

    def _read(self, size: int) -> bytes:
        chunk = self._input.read(min(size, self._left))
        if not chunk and size:
            raise _incomplete("The request's body ends too early.")
        self._left -= len(chunk)
        return chunk

    def _read_line(self) -> bytes:
        line = self._input.readline(min(self._left, 8192))
        if not line.endswith(b'\n'):
            raise _incomplete("The request's body ends too early.")
        self._left -= len(line)
        return line.strip()

    def _aws_chunked(self) -> Iterator[bytes]:
        """Yield the data of the chunks, whose signatures are checked."""
        announced = self._options.get('decoded-content-length', '')
        size = 0
        length = -1
        while length:
            length, given = self._chunk_head()
            left = length
            size += length
            digest = hashlib.sha256()
            while left:
                data = self._read(min(CHUNK, left))
                left -= len(data)
                digest.update(data)
                yield data
            if self._sign is not None:
                _compare_signatures(self._sign(digest.digest(), False), given)
            if length:
                self._read_line()
        self._read_trailers()
        if str(size) != announced:
            raise _incomplete(
                "The request's body is not as long as announced."
            )

    def _read_trailers(self) -> None:
        signed = hashlib.sha256()
        while self._left:
            line = self._read_line()
            name, _, value = line.decode('latin-1').partition(':')
            name, value = name.strip().lower(), value.strip()
            if name and name != 'x-amz-trailer-signature':
                signed.update(f'{name}:{value}\n'.encode('latin-1'))
            if name:
                self._trailers[name] = value
        if self._sign is not None and self._payload.endswith('-TRAILER'):
            _compare_signatures(
                self._sign(signed.digest(), True),
                self._trailers.get('x-amz-trailer-signature', ''),
            )

    def _chunk_head(self) -> tuple[int, str]:
        """Return the length of the next chunk, and its signature."""
        line, _, extension = self._read_line().partition(b';')
        try:
            length = int(line, 16)
        except ValueError:
            length = -1
        if length < 0:
            raise _incomplete("A chunk's size is malformed.")
        name, _, given = extension.decode('latin-1').partition('=')
        return length, given if name.strip() == 'chunk-signature' else ''


def _compare_signatures(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode('latin-1')):
        raise S3Error(
            'SignatureDoesNotMatch',
            "A chunk's signature does not match the one calculated.",
            403,
        )


def _incomplete(message: str) -> S3Error:
    return S3Error('IncompleteBody', message)
