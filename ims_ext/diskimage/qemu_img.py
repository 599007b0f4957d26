# SPDX-License-Identifier: Apache-2.0
"""Conversions by ``qemu-img``, which follows nothing that an image names.

The image is judged before. These are the belts beside the braces: they hold
whatever the content is.

- The format is said, so none is guessed, and no backing file is permitted.
  A VMDK without data of its own and a qcow2 image whose data are elsewhere,
  the two that would have other files opened all the same, are refused.
- The program gets descriptors and our own names, no name from outside; an
  empty environment, a folder of its own, and limits.
"""

from collections.abc import Callable
import contextlib
import dataclasses
import json
import os
from pathlib import Path
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from typing import BinaryIO

from ims_ext import local_file

#: Formats by the names that ``qemu-img`` has for them: those that it reads.
_READABLE = {
    'qcow2': 'qcow2',
    'raw': 'raw',
    'vdi': 'vdi',
    'vhd': 'vpc',
    'vhdx': 'vhdx',
    'vmdk': 'vmdk',
}
#: Its options for those that it writes. Without its own a vhd's disk would
#: be larger than the image's.
_WRITABLE = {
    'qcow2': ('-O', 'qcow2'),
    'raw': ('-O', 'raw'),
    'vdi': ('-O', 'vdi'),
    'vhd': ('-O', 'vpc', '-o', 'force_size=on'),
    'vhdx': ('-O', 'vhdx'),
    'vmdk': ('-O', 'vmdk'),
}

#: Formats that it writes.
FORMATS = frozenset(_WRITABLE)

_OUTPUT = 'converted'
#: Seconds between two calls of ``while_running``.
_LOOK = 0.2
_DATA_FILE = 4

#: Takes the limits on and becomes the program. It is one of its own, since
#: in a process with several threads nothing can be done between fork and
#: exec.
_LAUNCHER = """
import json, os, resource, signal, sys
for name, wanted in json.loads(sys.argv[1]).items():
    kind = getattr(resource, name)
    _, most = resource.getrlimit(kind)
    if most != resource.RLIM_INFINITY:
        wanted = min(wanted, most)
    resource.setrlimit(kind, (wanted, wanted))
for each in signal.SIGPIPE, signal.SIGXFSZ:
    signal.signal(each, signal.SIG_DFL)
os.execv(sys.argv[2], sys.argv[2:])
"""


class QemuImgError(Exception):
    """A conversion that cannot be, or has failed."""


class MissingError(QemuImgError):
    """The machine has no ``qemu-img``."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of one conversion.

    :ivar output: The largest file that it writes, in bytes.
    :ivar memory: Its address space, in bytes.
    :ivar processor: Seconds of processor time.
    :ivar time: Seconds until it is ended.
    :ivar files: Files that are open at once.
    """

    output: int
    memory: int = 2 * 2**30
    processor: int = 3600
    time: float = 7200.0
    files: int = 64

    @property
    def resources(self) -> dict[str, int]:
        """The limits by their names in :mod:`resource`."""
        return {
            'RLIMIT_FSIZE': self.output,
            'RLIMIT_AS': self.memory,
            'RLIMIT_CPU': self.processor,
            'RLIMIT_NOFILE': self.files,
            'RLIMIT_CORE': 0,
        }


def can_read(disk_format: str) -> bool:
    """Whether there is a driver for a format.

    :param disk_format: The format.
    """
    return disk_format in _READABLE


def is_there() -> bool:
    """Whether this machine has the program."""
    return shutil.which('qemu-img') is not None


def convert(
    source: BinaryIO,
    disk_format: str,
    target: Path,
    target_format: str,
    limits: Limits,
    while_running: Callable[[], None] = lambda: None,
) -> None:
    """Convert an image to another format.

    :param source: The image's open file; that is read, whatever becomes of
        its name.
    :param disk_format: Its format, as it was judged.
    :param target: Where the new image is put, once it is complete; its
        owner's only.
    :param target_format: The new image's format, one of
        :data:`FORMATS`.
    :param limits: What ``qemu-img`` may use.
    :param while_running: Called now and then; what it raises ends the
        conversion, and is raised here.
    :raises: :class:`MissingError` without ``qemu-img``;
        :class:`QemuImgError`, with what the program said, which may name
        files of this machine.
    """
    program = shutil.which('qemu-img')
    if program is None:
        raise MissingError("there is no qemu-img")
    descriptor = source.fileno()
    _refuse_followers(descriptor, _READABLE[disk_format])
    with tempfile.TemporaryDirectory(
        prefix='.qemu-img-', dir=target.parent
    ) as folder:
        _run(
            [
                *(sys.executable, '-I', '-S', '-c', _LAUNCHER),
                *(json.dumps(limits.resources), program, 'convert', '-q'),
                *_WRITABLE[target_format],
                _source(descriptor, _READABLE[disk_format]),
                _OUTPUT,
            ],
            descriptor,
            folder,
            limits.time,
            while_running,
        )
        os.replace(os.path.join(folder, _OUTPUT), target)


def _source(descriptor: int, driver: str) -> str:
    """Return what ``qemu-img`` is to open, and how."""
    options = {
        'driver': driver,
        'read-only': True,
        # No backing file, whatever the image says.
        'backing': None,
        'file': {
            'driver': 'file',
            'filename': f'/dev/fd/{descriptor}',
            # The descriptor's file is not locked: others may read it, too.
            'locking': 'off',
        },
    }
    return f'json:{json.dumps(options)}'


def _refuse_followers(descriptor: int, driver: str) -> None:
    """Refuse what would have other files opened besides a backing file.

    These are the only two drivers and places, by qemu's source: a VMDK's
    extents, where there is a text or a header without a capacity, and the
    data file of qcow2.
    """
    head = local_file.read_at(descriptor, 80, 0).ljust(80, b'\0')
    if driver == 'vmdk' and (
        not head.startswith(b'KDMV') or not any(head[12:20])
    ):
        raise QemuImgError("this VMDK only describes data in other files")
    if driver == 'qcow2':
        (version,) = struct.unpack('>I', head[4:8])
        (features,) = struct.unpack('>Q', head[72:80])
        if version != 2 and features & _DATA_FILE:
            raise QemuImgError("the data of this qcow2 is in another file")


def _run(
    command: list[str],
    descriptor: int,
    folder: str,
    seconds: float,
    while_running: Callable[[], None],
) -> None:
    deadline = time.monotonic() + seconds
    with subprocess.Popen(  # noqa: S603
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(descriptor,),
        cwd=folder,
        env={},
        umask=0o077,
    ) as process:
        try:
            while True:
                while_running()
                if time.monotonic() > deadline:
                    raise QemuImgError("qemu-img takes too long")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    _, complaint = process.communicate(timeout=_LOOK)
                    break
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise QemuImgError(
            f"qemu-img ended with {process.returncode}: "
            f"{complaint.decode(errors='replace')}"
        )
