# SPDX-License-Identifier: Apache-2.0
"""Packed files, unpacked as they come: bounded, whatever is in them."""

import bz2
from collections.abc import Callable, Iterator
import importlib
import lzma
from typing import Any, Protocol
import zlib

from ims_ext import exceptions
from ims_ext import extras
from ims_ext.pipeline.sources.errors import SourceError

_CHUNK = 1024 * 1024
#: Bytes that a call unpacks without a bound of its own: of those of zstd a
#: few stand for a block of 128 KiB.
_ZSTD_SLICE = 2048
_ZSTD_WINDOW_LOG = 27
_XZ_MEMORY = 512 * 1024**2

#: More than that many times its bytes, nothing is unpacked to ...
MOST_TIMES = 20_000
#: ... unless it is less than this (bytes).
HARMLESS = 4 * 1024**3

_MAGIC = (
    (b'\x1f\x8b\x08', 'gzip'),
    (b'\xfd7zXZ\0', 'xz'),
    (b'\x28\xb5\x2f\xfd', 'zstd'),
    (b'BZh', 'bzip2'),
    (b'PK\x03\x04', 'zip'),
)
#: The magic of bzip2's first block, or of its end: three letters are little.
_BZIP2_BLOCKS = (b'1AY&SY', b'\x17rE8P\x90')

_SUFFIXES = {
    '.tgz': '.tar',
    '.txz': '.tar',
    '.tbz': '.tar',
    '.tbz2': '.tar',
    '.tzst': '.tar',
    '.gz': '',
    '.xz': '',
    '.zst': '',
    '.zstd': '',
    '.bz2': '',
}


class Stream:
    """Bytes that come in pieces, read as from a file.

    :param chunks: The pieces.
    :ivar done: Bytes that have come.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b''
        self.done = 0

    def _more(self) -> bytes:
        # An empty piece is not the end.
        chunk = next((each for each in self._chunks if each), b'')
        self.done += len(chunk)
        return chunk

    def peek(self, count: int) -> bytes:
        """Return the next bytes, which stay the next ones.

        :param count: How many at most; fewer at the end only.
        """
        while len(self._rest) < count and (chunk := self._more()):
            self._rest += chunk
        return self._rest[:count]

    def read(self, count: int = _CHUNK) -> bytes:
        """Return the next bytes; none at the end.

        :param count: How many at most.
        """
        if not self._rest:
            self._rest = self._more()
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def chunks(self) -> Iterator[bytes]:
        """Give all that is left."""
        while chunk := self.read():
            yield chunk


def kind_of(head: bytes) -> str | None:
    """Return how a file is packed, by its first 512 bytes.

    :param head: The bytes.
    :returns: ``gzip``, ``xz``, ``zstd``, ``bzip2``, ``zip``, ``tar``, or
        ``None``.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            if kind == 'bzip2' and not head[4:].startswith(_BZIP2_BLOCKS):
                continue
            return kind
    return 'tar' if head[257:262] == b'ustar' else None


def unpacked_name(name: str) -> str:
    """Return what a packed file is called once it is unpacked.

    :param name: The packed file's name.
    """
    lower = name.lower()
    for suffix, instead in _SUFFIXES.items():
        if lower.endswith(suffix):
            return name[: -len(suffix)] + instead
    return name


def unpack(stream: Stream, kind: str, name: str) -> Iterator[bytes]:
    """Give what a packed file has in it.

    :param stream: The packed file.
    :param kind: How it is packed: of :func:`kind_of`, no archive.
    :param name: What messages call it.
    :raises: :class:`.errors.SourceError` where it is damaged, ends too
        early or is out of all proportion; without the extra ``pipeline``
        for zstd.
    """
    came = 0
    for chunk in _unpacked(stream, kind, name):
        came += len(chunk)
        if came > HARMLESS and came > MOST_TIMES * stream.done:
            raise SourceError(
                f"{name} unpacks to more than {MOST_TIMES} times its size: "
                f"nobody packs a disk image so"
            )
        yield chunk


class _Unpacker(Protocol):
    """Unpacks one of the parts that a file consists of."""

    @property
    def eof(self) -> bool:
        """Whether the part has ended."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Give what some more bytes stand for."""


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def pieces(self, data: bytes) -> Iterator[bytes]:
        while data and not self._inner.eof:
            yield self._inner.decompress(data, _CHUNK)
            data = self._inner.unconsumed_tail


class _Bounded:
    """Of the modules whose unpackers keep what they have not unpacked yet."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, _CHUNK)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b'', _CHUNK)


class _Zstd:
    """Of the package ``zstandard``, whose unpackers know no bound."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._rest = b''

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data) + self._rest

    def pieces(self, data: bytes) -> Iterator[bytes]:
        start = 0
        while start < len(data) and not self._inner.eof:
            piece = data[start : start + _ZSTD_SLICE]
            start += len(piece)
            yield self._inner.decompress(piece)
        self._rest = data[start:]


def _zstd() -> _Unpacker:
    module: Any
    try:
        module = importlib.import_module('compression.zstd')
    except ImportError:
        pass
    else:
        longest = module.DecompressionParameter.window_log_max
        options = {longest: _ZSTD_WINDOW_LOG}
        return _Bounded(module.ZstdDecompressor(options=options))
    try:
        module = importlib.import_module('zstandard')
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        missing = exceptions.MissingExtraError('pipeline', "Unpacking zstd")
        raise SourceError(str(missing)) from error
    made = module.ZstdDecompressor(max_window_size=2**_ZSTD_WINDOW_LOG)
    return _Zstd(made.decompressobj())


_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    'gzip': _Gzip,
    'xz': lambda: _Bounded(
        lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    ),
    'bzip2': lambda: _Bounded(bz2.BZ2Decompressor()),
    'zstd': _zstd,
}


def _unpacked(stream: Stream, kind: str, name: str) -> Iterator[bytes]:
    make = _UNPACKERS[kind]
    unpacker = make()
    data = stream.read()
    while data:
        try:
            yield from unpacker.pieces(data)
        except (zlib.error, lzma.LZMAError, OSError, ValueError) as error:
            raise _damaged(name, error) from error
        except Exception as error:
            if type(error).__name__ != 'ZstdError':
                raise
            raise _damaged(name, error) from error
        data = b''
        if unpacker.eof:
            # What else comes is another part, or fills the last block.
            data = unpacker.unused_data.lstrip(b'\0')
            while not data:
                if not (more := stream.read()):
                    return
                data = more.lstrip(b'\0')
            unpacker = make()
        else:
            data = stream.read()
    raise SourceError(f"{name} ends too early: it is not all of the file")


def _damaged(name: str, error: Exception) -> SourceError:
    return SourceError(f"{name} is damaged, and cannot be unpacked: {error}")
