# SPDX-License-Identifier: Apache-2.0
"""The disk image in an archive; its names are compared, and never opened."""

from collections.abc import Callable, Iterator
import io
import lzma
from pathlib import Path
import tarfile
from typing import IO, Self
import zipfile
import zlib

from ims_ext import exceptions
from ims_ext.pipeline.sources import packing
from ims_ext.pipeline.sources.errors import SourceError

_CHUNK = 1024 * 1024
#: Entries of an archive that are looked at.
_MOST_ENTRIES = 10_000
#: Bytes of a header that is about another one: a long name, say.
_LONGEST_HEADER = 1024 * 1024
_SHOWN = 10

#: What the names of disk images end with.
_IMAGES = (
    *('.qcow2', '.img', '.raw', '.vmdk', '.vhd', '.vhdx', '.vdi', '.iso'),
    *('.zvhd', '.zvhd2', '.qcow2c'),
)

_HEADERS = frozenset(
    (
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
    )
)


class _Choice:
    """Finds the disk image among an archive's entries, as they come.

    :param archive: What messages call the archive.
    :param member: The image's name, where it was named.
    """

    def __init__(self, archive: str, member: str | None) -> None:
        self._archive = archive
        self._member = member and _plain(member)
        self._names: list[str] = []
        self._images: list[str] = []
        self._found = False
        self._count = 0

    def is_wanted(self, name: str, is_file: bool) -> bool:
        """Whether an entry is to be taken, in place of any before it.

        :param name: Its name.
        :param is_file: Whether it is a file, and no link or device.
        """
        plain = _plain(name)
        self._count += 1
        if self._count > _MOST_ENTRIES:
            raise SourceError(
                f"{self._archive} has more than {_MOST_ENTRIES} entries"
            )
        if self._member is not None:
            return self._is_member(plain, is_file)
        if not is_file:
            return False
        self._names.append(plain)
        if packing.unpacked_name(plain).lower().endswith(_IMAGES):
            self._images.append(plain)
            return len(self._images) == 1
        return not self._images and len(self._names) == 1

    def _is_member(self, plain: str, is_file: bool) -> bool:
        if plain != self._member:
            if is_file:
                self._names.append(plain)
            return False
        if not is_file:
            raise SourceError(
                f"{plain!r} in {self._archive} is no file, but a link, a "
                f"folder or a device"
            )
        if self._found:
            raise SourceError(f"{self._archive} has {plain!r} in it twice")
        self._found = True
        return True

    def finish(self) -> None:
        """Make sure that it was one image, and no more.

        :raises: :class:`.errors.SourceError`
        """
        if self._member is not None:
            if not self._found:
                raise SourceError(
                    f"{self._archive} has no {self._member!r} in it; there "
                    f"are {_listed(self._names)}"
                )
            return
        candidates = self._images or self._names
        if not candidates:
            raise SourceError(f"{self._archive} has no file in it")
        if len(candidates) > 1:
            raise SourceError(
                f"{self._archive} has several files in it, and member does "
                f"not say which is the disk image: {_listed(candidates)}"
            )


#: Takes a file of an archive: its name, and its content.
Take = Callable[[str, packing.Stream], object]


def from_tar(
    stream: packing.Stream, archive: str, member: str | None, take: Take
) -> None:
    """Take the disk image out of a tar archive.

    :param stream: The archive.
    :param archive: What messages call it.
    :param member: The image's name, where it was named.
    :param take: Called with the image; a second time where a better one
        comes, which replaces the first.
    :raises: :class:`.errors.SourceError`
    """
    choice = _Choice(archive, member)
    source = io.BufferedReader(_Readable(stream), _CHUNK)
    try:
        with tarfile.open(fileobj=source, mode='r|', tarinfo=_Entry) as opened:
            for each in opened:
                if choice.is_wanted(each.name, each.isreg()):
                    content = opened.extractfile(each)
                    if content is not None:
                        take(
                            _plain(each.name),
                            packing.Stream(_exactly(content, each.size)),
                        )
    except (tarfile.TarError, EOFError) as error:
        raise SourceError(
            f"{archive} is damaged, and cannot be unpacked: {error}"
        ) from error
    choice.finish()


class _Entry(tarfile.TarInfo):
    """An entry whose headers are bounded."""

    @classmethod
    def frombuf(
        cls, buf: bytes | bytearray, encoding: str, errors: str
    ) -> Self:
        found = super().frombuf(buf, encoding, errors)
        if found.type in _HEADERS and found.size > _LONGEST_HEADER:
            raise tarfile.ReadError("a header is too long")
        return found


class _Readable(io.RawIOBase):
    """A stream, as Python's modules want files to be."""

    def __init__(self, stream: packing.Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: 'memoryview') -> int:  # type: ignore[override]
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def from_zip(path: Path, archive: str, member: str | None, take: Take) -> None:
    """Take the disk image out of a zip archive.

    :param path: The archive's file.
    :param archive: What messages call it.
    :param member: The image's name, where it was named.
    :param take: As for :func:`from_tar`.
    :raises: :class:`.errors.SourceError`
    """
    try:
        with zipfile.ZipFile(path) as opened:
            choice = _Choice(archive, member)
            wanted = None
            for each in opened.infolist():
                if each.is_dir() and member is None:
                    continue
                if choice.is_wanted(each.filename, _is_file(each)):
                    wanted = each
            choice.finish()
            if wanted is None:
                return
            if wanted.flag_bits & 1:
                raise SourceError(
                    f"{wanted.filename} in {archive} is encrypted"
                )
            with opened.open(wanted) as content:
                take(
                    _plain(wanted.filename),
                    packing.Stream(
                        _bounded(content, wanted.compress_size, archive)
                    ),
                )
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        ValueError,
    ) as error:
        if isinstance(error, exceptions.ValidationError):
            raise
        raise SourceError(
            f"{archive} is damaged, and cannot be unpacked: {error}"
        ) from error


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Whether an entry is a file; where Unix made it, no link or device."""
    kind = entry.external_attr >> 28
    return not entry.is_dir() and kind in (0, 8)


def _bounded(content: IO[bytes], packed: int, archive: str) -> Iterator[bytes]:
    came = 0
    while chunk := content.read(_CHUNK):
        came += len(chunk)
        if came > packing.HARMLESS and came > packing.MOST_TIMES * packed:
            raise SourceError(f"{archive} unpacks out of all proportion")
        yield chunk


def _exactly(content: IO[bytes], size: int) -> Iterator[bytes]:
    came = 0
    while chunk := content.read(_CHUNK):
        came += len(chunk)
        yield chunk
    if came != size:
        raise tarfile.ReadError("it ends too early")


def _plain(name: str) -> str:
    while name.startswith('./'):
        name = name[2:]
    return name


def _listed(names: list[str]) -> str:
    shown = ', '.join(repr(each) for each in names[:_SHOWN])
    more = len(names) - _SHOWN
    return shown + (f" and {more} more" if more > 0 else '')
