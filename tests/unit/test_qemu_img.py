# SPDX-License-Identifier: Apache-2.0
"""qemu-img is run such that no content makes it open another file.

What is converted here has not been judged before: the belts hold alone.
"""

from pathlib import Path
import subprocess

import pytest

from ims_ext.diskimage import qemu_img

from ..programs import demand

MIB = 2**20
SECRET = b'the secret of this machine'.ljust(512, b'!') * 2048
LIMITS = qemu_img.Limits(output=64 * MIB)


@pytest.fixture(autouse=True)
def _needs_qemu_img() -> None:
    """Make these tests depend on the program, also where it is run inside."""
    demand('qemu-img')


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / 'secret'
    path.write_bytes(SECRET)
    return path


def make(path: Path, *options: str) -> bytearray:
    """Return an image of an empty disk of 1 MiB, made by qemu-img."""
    command = ['qemu-img', 'create', '-q', *options, str(path), '1M']
    subprocess.run(command, check=True)
    return bytearray(path.read_bytes())


def converted(
    path: Path, disk_format: str, limits: qemu_img.Limits = LIMITS
) -> bytes:
    target = path.with_name('target')
    with path.open('rb') as source:
        qemu_img.convert(source, disk_format, target, 'raw', limits)
    return target.read_bytes()


@pytest.mark.parametrize('disk_format', ['qcow2', 'vdi', 'vhd', 'vhdx'])
@pytest.mark.parametrize('target_format', ['qcow2', 'raw', 'vhd', 'vmdk'])
def test_an_image_is_converted(
    secret: Path, disk_format: str, target_format: str
) -> None:
    path, target = secret.with_name('image'), secret.with_name('target')
    driver = 'vpc' if disk_format == 'vhd' else disk_format
    command = ['qemu-img', 'convert', '-f', 'raw', '-O', driver]
    subprocess.run([*command, secret, path], check=True)
    with path.open('rb') as source:
        qemu_img.convert(source, disk_format, target, target_format, LIMITS)
    assert target.stat().st_mode & 0o077 == 0
    with target.open('rb') as source:
        back = secret.with_name('back')
        qemu_img.convert(source, target_format, back, 'raw', LIMITS)
    assert back.read_bytes().startswith(SECRET)
    assert sorted(each.name for each in secret.parent.iterdir()) == [
        *('back', 'image', 'secret', 'target'),
    ]


def test_a_backing_file_is_not_opened(secret: Path) -> None:
    path = secret.with_name('x.qcow2')
    make(path, '-f', 'qcow2', '-b', str(secret), '-F', 'raw')
    assert converted(path, 'qcow2') == bytes(MIB)


@pytest.mark.parametrize('hint', ['{}', 'json:{{"filename":"{}"}}'])
def test_the_parent_of_a_vmdk_is_not_opened(secret: Path, hint: str) -> None:
    path = secret.with_name('x.vmdk')
    content = make(path, '-f', 'vmdk')
    text = b'\n# parentFileNameHint="%s"\n' % hint.format(secret).encode()
    end = content.index(b'\0', 512)
    content[end : end + len(text)] = text
    path.write_bytes(content)
    assert converted(path, 'vmdk') == bytes(MIB)


@pytest.mark.parametrize('padding', [0, 512])
def test_the_extents_of_a_vmdk_are_not_opened(
    secret: Path, padding: int
) -> None:
    path = secret.with_name('x.vmdk')
    path.write_bytes(
        b'# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\n'
        b'createType="monolithicFlat"\nRW 2048 FLAT "%s" 0\n'
        % str(secret).encode()
        + bytes(padding)
    )
    with pytest.raises(qemu_img.QemuImgError, match="in other files"):
        converted(path, 'vmdk')


def test_a_header_that_stands_for_a_descriptor_is_refused(
    secret: Path,
) -> None:
    path = secret.with_name('x.vmdk')
    content = make(path, '-f', 'vmdk')
    content[12:20] = bytes(8)
    content[28:36] = b'\2'.ljust(8, b'\0')
    text = (
        b'version=1\nCID=1\nparentCID=ffffffff\ncreateType="vmfs"\n'
        b'RW 2048 FLAT "%s" 0\n' % str(secret).encode()
    )
    content[1024 : 1024 + len(text) + 1] = text + b'\0'
    path.write_bytes(content)
    # So it is where nobody sees to it.
    shown = subprocess.run(
        ['qemu-img', 'info', '-f', 'vmdk', path], capture_output=True
    ).stdout
    assert str(secret) in shown.decode()

    with pytest.raises(qemu_img.QemuImgError, match="in other files"):
        converted(path, 'vmdk')


def test_the_data_file_of_a_qcow2_is_not_opened(secret: Path) -> None:
    path = secret.with_name('x.qcow2')
    data = secret.with_name('data')
    make(path, '-f', 'qcow2', '-o', f'data_file={data},data_file_raw=on')
    with pytest.raises(qemu_img.QemuImgError, match="in another file"):
        converted(path, 'qcow2')


def test_a_raw_disk_stays_one_whatever_is_in_it(secret: Path) -> None:
    path = secret.with_name('x.raw')
    content = (
        b'# Disk DescriptorFile\nversion=1\nRW 2 FLAT "%s" 0\n'
        % str(secret).encode()
    ).ljust(1024, b'\0')
    path.write_bytes(content)
    assert converted(path, 'raw') == content


@pytest.mark.parametrize(
    'limits',
    [
        qemu_img.Limits(output=MIB // 2),
        qemu_img.Limits(output=64 * MIB, memory=MIB),
        qemu_img.Limits(output=64 * MIB, files=4),
        qemu_img.Limits(output=64 * MIB, time=-1.0),
    ],
)
def test_a_limit_ends_a_conversion_and_leaves_nothing(
    secret: Path, limits: qemu_img.Limits
) -> None:
    with pytest.raises(qemu_img.QemuImgError):
        converted(secret, 'raw', limits)
    assert list(secret.parent.iterdir()) == [secret]


def test_what_is_called_meanwhile_can_end_a_conversion(secret: Path) -> None:
    def end() -> None:
        raise KeyError("enough")

    target = secret.with_name('target')
    with secret.open('rb') as source, pytest.raises(KeyError, match="enough"):
        qemu_img.convert(source, 'raw', target, 'qcow2', LIMITS, end)
    assert list(secret.parent.iterdir()) == [secret]
