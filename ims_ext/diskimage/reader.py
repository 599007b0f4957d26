# SPDX-License-Identifier: Apache-2.0
"""The bytes of one image, by offset, and as few of them as it takes.

There is a bound to what is read, so that no content makes looking into an
image take long.
"""

from array import array
from collections.abc import Callable, Iterator
import shlex
import sys
import tempfile
from typing import Protocol

from ims_ext import exceptions

SECTOR = 512

#: Bytes that are read at once.
CHUNK = 64 * 1024
#: Bytes, and pieces, that are read of an image at most.
_MOST_BYTES = 192 * 2**20
_MOST_READS = 70_000

#: Returns ``length`` bytes from ``offset`` on, fewer at the end only.
ReadAt = Callable[[int, int], bytes]


class Readable(Protocol):
    """Anything with a ``read`` method that returns bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        ...


class Reader:
    """An image's bytes.

    :param read_at: Returns some of them.
    :param size: How many there are.
    :param name: What messages call the image; its suffix counts.
    :ivar head: The first sector, as qemu sees it: filled up with zeros.
    """

    def __init__(self, read_at: ReadAt, size: int, name: str) -> None:
        self.size = size
        self.name = name
        self._read_at = read_at
        self._bytes_left = _MOST_BYTES
        self._reads_left = _MOST_READS
        self.head = self._read(0, min(SECTOR, size)).ljust(SECTOR, b'\0')

    @property
    def padded_size(self) -> int:
        """The size that qemu gives the file: whole sectors."""
        return -(-self.size // SECTOR) * SECTOR

    def at(self, offset: int, length: int) -> bytes:
        """Return a region.

        :param offset: Its first byte.
        :param length: Its length in bytes.
        :raises: :class:`~ims_ext.exceptions.DiskImageError` where the image
            ends before it does, or too much has been read of it.
        """
        if offset + length > self.size:
            raise self.cut_off()
        return self._read(offset, length)

    def padded(self, offset: int, length: int) -> bytes:
        """Return a region, zeros for what is behind the end."""
        there = max(0, min(length, self.size - offset))
        return (self._read(offset, there) if there else b'').ljust(
            length, b'\0'
        )

    def header(self, length: int, name: str) -> bytes:
        """Return the first bytes.

        :param length: How many the format's header has.
        :param name: The format.
        """
        if length > self.size:
            raise self.error(
                f"it begins like {name}, but ends within the header; copy or "
                f"download it again"
            )
        return self._read(0, length)

    def pieces(self, offset: int, length: int) -> Iterator[bytes]:
        """Yield a region piece by piece, each a multiple of 16 bytes long.

        The last one may be shorter.
        """
        for start in range(offset, offset + length, CHUNK):
            yield self.at(start, min(CHUNK, offset + length - start))

    def _read(self, offset: int, length: int) -> bytes:
        self._bytes_left -= length
        self._reads_left -= 1
        if self._bytes_left < 0 or self._reads_left < 0:
            raise self.error(
                "its tables are too large to look into; make the image anew "
                "with 'qemu-img convert'"
            )
        data = self._read_at(offset, length)
        if len(data) < length:
            raise self.error(
                f"it ended while it was read, before its {self.size} bytes "
                f"were"
            )
        return data

    @property
    def argument(self) -> str:
        """The file's name as a shell's command takes it."""
        # Nor is a name that begins so an option.
        prefix = './' if self.name.startswith('-') else ''
        return shlex.quote(prefix + self.name)

    def conversion(self, options: str, output: str = 'converted.qcow2') -> str:
        """Return the command that makes another image of this one.

        :param options: The formats, as ``qemu-img convert`` takes them.
        :param output: The file that it writes.
        """
        return f"'qemu-img convert {options} {self.argument} {output}'"

    def error(self, sentence: str) -> exceptions.DiskImageError:
        """Return an exception that names the image."""
        return exceptions.DiskImageError(f"{self.name}: {sentence}")

    def damaged(self, sentence: str) -> exceptions.DiskImageError:
        """Return an exception for a header that cannot be."""
        return self.error(f"its header is damaged, {sentence}")

    def unsafe(self, sentence: str) -> exceptions.UnsafeDiskImageError:
        """Return an exception for an image that refers to other files."""
        return exceptions.UnsafeDiskImageError(
            f"{self.name} is refused as unsafe: {sentence}; an image has to "
            f"be complete in one file, make it so with 'qemu-img convert' "
            f"where you trust it"
        )

    def cut_off(self) -> exceptions.DiskImageError:
        """Return an exception for an image that is shorter than it says."""
        return self.error(
            f"the file is cut off or damaged, it has {self.size} bytes and "
            f"its own header speaks of more; copy or download it again"
        )


class Spool:
    """A stream whose bytes can be read again once they have come.

    What comes is kept in a temporary file, zeros as holes.

    :param stream: The bytes, the first one first.
    """

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
        self._position = 0

    def close(self) -> None:
        """Remove what was kept."""
        self._file.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return some bytes, fewer where the stream ends."""
        while self._position < offset + length:
            piece = self._stream.read(CHUNK)
            if not piece:
                break
            if piece.count(0) < len(piece):
                self._file.seek(self._position)
                self._file.write(piece)
            self._position += len(piece)
        there = max(0, min(length, self._position - offset))
        self._file.seek(offset)
        data = self._file.read(there) if there else b''
        return data.ljust(there, b'\0')


def big_endian(table: bytes, mask: int) -> 'array[int]':
    """Return the 64-bit entries of a table, some of their bits cleared.

    :param table: Whole entries.
    :param mask: The bits that count.
    """
    # At once: a loop takes as long as all the rest together.
    every = int.from_bytes(mask.to_bytes(8, 'big') * (len(table) // 8), 'big')
    masked = int.from_bytes(table, 'big') & every
    entries = array('Q', masked.to_bytes(len(table), 'big'))
    if sys.byteorder == 'little':
        entries.byteswap()
    return entries


def little_endian(table: bytes, entry_size: int) -> 'array[int]':
    """Return the entries of a table.

    :param table: Whole entries.
    :param entry_size: Bytes of one, 4 or 8.
    """
    entries = array('I' if entry_size == 4 else 'Q', table)
    if sys.byteorder == 'big':
        entries.byteswap()
    return entries
