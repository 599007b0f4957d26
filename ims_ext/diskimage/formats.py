# SPDX-License-Identifier: Apache-2.0
"""Which format a disk image has, and whether it is safe: oslo.utils' part.

Its inspectors want an image from the first byte to the last. Here they get
what they need of it, so that a large image takes no longer than a small
one.
"""

from collections.abc import Iterator, Mapping
import contextlib
import contextvars
import logging
import struct
from typing import Any, Protocol

from ims_ext import exceptions

#: Formats that oslo.utils recognizes by their content. Its ``gpt`` stands
#: for any partition table, and so for a raw disk.
RECOGNIZED = (
    'qcow2',
    'vmdk',
    'vhd',
    'vhdx',
    'vdi',
    'iso',
    'qed',
    'luks',
    'gpt',
)

SECTOR = 512

_CHUNK = 64 * 1024
# A VHDX has its metadata behind its log and block table, a VMDK its
# descriptor within the first MiB: what is not settled here is not settled
# by reading on.
_HEAD_LIMIT = 16 * 2**20
# A VMDK's footer; a VHD's is one sector of that.
_TAIL = 3 * SECTOR

_MAGIC = {
    b'QFI\xfb': 'qcow2',
    b'KDMV': 'vmdk',
    b'conectix': 'vhd',
    b'vhdxfile': 'vhdx',
    b'QED\0': 'qed',
    b'LUKS\xba\xbe': 'luks',
}

_quiet: contextvars.ContextVar[bool] = contextvars.ContextVar(
    'quiet', default=False
)


class Readable(Protocol):
    """Anything with a ``read`` method that returns bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""
        ...


class Reader:
    """The bytes of one image, by offset, without reading all of them.

    :param stream: Where they come from.
    :param size: How many there are.
    :param name: What messages call the image.
    :param seekable: Whether ``stream`` can seek. Where it cannot, bytes
        between two regions are read and dropped.
    """

    def __init__(
        self, stream: Any, size: int, name: str, *, seekable: bool
    ) -> None:
        self.size = size
        self.name = name
        self.head = bytearray()
        self._stream = stream
        self._seekable = seekable
        self._position = 0
        self._tail: bytes | None = None

    def next_chunk(self) -> bytes:
        """Read on in the head; only before the first call of :meth:`at`."""
        chunk = self._read(min(_CHUNK, self.size - self._position))
        self.head += chunk
        return chunk

    def at(self, offset: int, length: int) -> bytes | None:
        """Return a region.

        :param offset: Its first byte.
        :param length: Its length in bytes.
        :returns: The region, or ``None`` where it is behind the position of
            a stream that cannot seek.
        :raises: :class:`~ims_ext.exceptions.DiskImageError` where the image
            ends before it does.
        """
        end = offset + length
        if end > self.size:
            raise self.cut_off()
        if end <= len(self.head):
            return bytes(self.head[offset:end])
        if self._seekable:
            self._stream.seek(offset)
            return self._read(length)
        if self._position == len(self.head) and offset < self._position:
            known = bytes(self.head[offset:])
            return known + self._read(length - len(known))
        if offset < self._position:
            return None
        while self._position < offset:
            self._read(min(_CHUNK, offset - self._position))
        return self._read(length)

    def tail(self, length: int) -> bytes:
        """Return the last bytes; only the tail can be read after it.

        :param length: How many, at most what a format keeps at the end.
        """
        if self._tail is None:
            size = min(_TAIL, self.size)
            self._tail = self.at(self.size - size, size) or b''
        return self._tail[-length:]

    def _read(self, length: int) -> bytes:
        parts: list[bytes] = []
        missing = length
        while missing:
            part = self._stream.read(missing)
            if not part:
                raise self.error(
                    f"it ended while it was read, before its {self.size} "
                    f"bytes were"
                )
            parts.append(part)
            missing -= len(part)
        self._position += length
        return b''.join(parts)

    def error(self, sentence: str) -> exceptions.DiskImageError:
        """Return an exception that names the image."""
        return exceptions.DiskImageError(f"{self.name}: {sentence}")

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


def recognize(reader: Reader) -> dict[str, Any]:
    """Let oslo.utils look at the beginning of an image.

    :param reader: The image, nothing of it read yet.
    :returns: The inspectors that recognize it, by format.
    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without
        oslo.utils; :class:`~ims_ext.exceptions.DiskImageError` where the
        image begins like a format and does not go on like it.
    """
    inspectors = _inspectors()
    failed: dict[str, Exception] = {}
    while len(reader.head) < min(_HEAD_LIMIT, reader.size):
        chunk = reader.next_chunk()
        for name, inspector in inspectors.items():
            if name not in failed:
                try:
                    inspector.eat_chunk(chunk)
                # The inspectors stumble over other formats in many ways.
                except Exception as error:
                    failed[name] = error
        if all(
            inspector.complete or name in failed
            for name, inspector in inspectors.items()
        ):
            break
    matches = {
        name: inspector
        for name, inspector in inspectors.items()
        if _matches(inspector)
    }
    for name in matches.keys() & failed.keys():
        raise reader.error(
            f"it begins like {name}, but is damaged ({failed[name]})"
        )
    if not matches:
        for magic, name in _MAGIC.items():
            if reader.head.startswith(magic):
                raise reader.error(
                    f"it begins like {name}, but ends within the header; "
                    f"copy or download it again"
                )
    return matches


def check_safety(reader: Reader, name: str, inspector: Any) -> None:
    """Let oslo.utils judge whether an image refers to other files.

    :param reader: The image.
    :param name: The format.
    :param inspector: What :func:`recognize` returned for it.
    :raises: :class:`~ims_ext.exceptions.UnsafeDiskImageError`;
        :class:`~ims_ext.exceptions.DiskImageError` for an image that ends
        before it can be judged.
    """
    if name == 'vmdk' and inspector.has_region('footer'):
        if not inspector.region('descriptor').complete:
            raise reader.cut_off()
        # The inspector takes whatever comes last for the end of the image,
        # so the part between need not be read for its sake.
        inspector.eat_chunk(reader.tail(_TAIL))
    inspector.finish()
    if not inspector.complete:
        raise reader.cut_off()
    try:
        inspector.safety_check()
    except _format_inspector().SafetyCheckFailed as error:
        raise _unsafe(reader, name, error.failures) from error


def is_fixed_vhd(reader: Reader) -> bool:
    """Whether an image ends in a VHD footer (a fixed one has no header)."""
    return reader.tail(SECTOR).startswith(b'conectix')


def has_partition_table(inspector: Any) -> bool:
    """Whether oslo.utils finds the partition table in order.

    :param inspector: The ``gpt`` inspector that :func:`recognize` returned.
    """
    try:
        inspector.safety_check()
    except _format_inspector().SafetyCheckFailed:
        return False
    return True


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep oslo.utils from logging what is raised here anyway.

    Only in the current thread or task: other users of its inspectors see
    its warnings.

    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without
        oslo.utils.
    """
    logger = logging.getLogger(_format_inspector().__name__)
    logger.addFilter(_not_quiet)
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def _format_inspector() -> Any:
    try:
        from oslo_utils.imageutils import format_inspector
    except ImportError as error:
        raise exceptions.MissingExtraError(
            'obs', "Looking into a disk image"
        ) from error
    return format_inspector


def _inspectors() -> dict[str, Any]:
    classes = {
        name: _format_inspector().get_inspector(name) for name in RECOGNIZED
    }
    return {name: cls() for name, cls in classes.items() if cls is not None}


def _not_quiet(record: logging.LogRecord) -> bool:
    return not _quiet.get()


def _matches(inspector: Any) -> bool:
    try:
        return bool(inspector.format_match)
    # A property that needs what the inspector never got to.
    except (AttributeError, KeyError, struct.error):
        return False


def _unsafe(
    reader: Reader, name: str, failures: Mapping[str, Exception]
) -> exceptions.DiskImageError:
    if 'footer' in failures:
        return reader.cut_off()
    if 'banned' in failures:
        return reader.error(
            f"{name} images are not taken, since whether they refer to other "
            f"files cannot be checked; convert it with 'qemu-img convert -O "
            f"qcow2'"
        )
    if name == 'qcow2' and reader.head[4:8] == b'\0\0\0\x01':
        return reader.error(
            "this is qcow version 1, which cannot be checked for references "
            "to other files; convert it with 'qemu-img convert -O qcow2'"
        )
    reasons = {
        'backing_file': "it has a backing file",
        'data_file': "its data is in another file",
        'unknown_features': "it uses features that are not known",
        'descriptor': (
            f"its VMDK descriptor may refer to other files "
            f"({failures.get('descriptor')})"
        ),
    }
    return reader.unsafe(
        '; '.join(
            reasons.get(check, f"{name}: {failure}")
            for check, failure in failures.items()
        )
    )
