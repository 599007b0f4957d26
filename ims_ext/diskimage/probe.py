# SPDX-License-Identifier: Apache-2.0
"""The format that qemu takes a file for when nobody says which it has.

qemu looks at the first 512 bytes and at the name. Its drivers are asked one
after the other; ``raw`` is what remains. Whoever opens a file without
saying its format gets what is found here, and so what is called a raw disk
has to be one by these rules as well.
"""

from collections.abc import Callable
import struct

from ims_ext.diskimage.reader import SECTOR

_BOCHS = (b'Bochs Virtual HD Image', b'Redolog', b'Growing')
_CLOOP = (
    b'#!/bin/sh\n#V2.0 Format\n'
    b'modprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n'
)
_VMDK_VERSIONS = (b'version=1', b'version=2', b'version=3')


def probe(head: bytes, name: str) -> str:
    """Return the format that qemu would find.

    :param head: The first 512 bytes; zeros where a file has fewer.
    :param name: The file's name.
    :returns: The name of a driver of qemu's.
    """
    for driver, is_format in _CONTENTS.items():
        if is_format(head):
            return driver
    if len(name) > 4 and name.endswith('.dmg'):
        return 'dmg'
    return 'raw'


def _is_qcow(head: bytes) -> bool:
    return head.startswith(b'QFI\xfb\0\0\0\1')


def _is_qcow2(head: bytes) -> bool:
    return head.startswith(b'QFI\xfb') and head[4:8] >= b'\0\0\0\2'


def _is_luks(head: bytes) -> bool:
    return head.startswith(b'LUKS\xba\xbe\0\1')


def _is_vdi(head: bytes) -> bool:
    return head[64:68] == b'\x7f\x10\xda\xbe'


def _is_parallels(head: bytes) -> bool:
    return (
        head.startswith((b'WithoutFreeSpace', b'WithouFreSpacExt'))
        and head[16:20] == b'\2\0\0\0'
    )


def _is_bochs(head: bytes) -> bool:
    fields = head[:32], head[32:48], head[48:64]
    (version,) = struct.unpack('<I', head[64:68])
    return (
        version in (0x10000, 0x20000)
        and tuple(field.partition(b'\0')[0] for field in fields) == _BOCHS
    )


def is_descriptor(head: bytes) -> bool:
    """Whether a file begins with the text that describes a VMDK.

    Comments may come first, and lines of blanks, but no empty ones.

    :param head: The first 512 bytes.
    """
    position = 0
    while position < SECTOR:
        line, _, _ = head[position:].partition(b'\n')
        if line.startswith(b'#') or (
            line.startswith(b' ') and _is_blank(head[position:])
        ):
            position += len(line) + 1
        else:
            ends = head[position + 9 : position + 11]
            return line[:9] in _VMDK_VERSIONS and (
                ends[:1] == b'\n' or ends == b'\r\n'
            )
    return False


def _is_blank(rest: bytes) -> bool:
    after = rest.lstrip(b' ')
    return after != rest and after.removeprefix(b'\r').startswith(b'\n')


_CONTENTS: dict[str, Callable[[bytes], bool]] = {
    'qcow2': _is_qcow2,
    'qcow': _is_qcow,
    'qed': lambda head: head.startswith(b'QED\0'),
    'vmdk': lambda head: (
        head.startswith((b'KDMV', b'COWD')) or is_descriptor(head)
    ),
    'vpc': lambda head: head.startswith(b'conectix'),
    'vhdx': lambda head: head.startswith(b'vhdxfile'),
    'vdi': _is_vdi,
    'luks': _is_luks,
    'parallels': _is_parallels,
    'bochs': _is_bochs,
    # These two have a lower score, and so come last.
    'cloop': lambda head: head.startswith(_CLOOP),
}
