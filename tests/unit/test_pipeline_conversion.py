# SPDX-License-Identifier: Apache-2.0
"""Sources of pipelines that are judged, checked and converted."""

import json
from pathlib import Path
import subprocess

import pytest

from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.planning import routes
from ims_ext.pipeline.sources import SourceError

from ..programs import demand
from ..web_server import File
from .upstream import Upstream
from .upstream import of_web
from .upstream import version

BODY = version('{file: disk.qcow2}')
FORMATS = ('qcow2', 'raw', 'vdi', 'vhd', 'vhdx', 'vmdk')
_QEMU = {'vhd': 'vpc'}


def info(path: Path) -> dict[str, object]:
    """Return what qemu-img says of a disk image."""
    done = subprocess.run(
        ['qemu-img', 'info', '--output=json', str(path)],
        capture_output=True,
        check=True,
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize('wanted', FORMATS)
def test_a_source_is_converted(upstream: Upstream, wanted: str) -> None:
    demand('qemu-img')
    body = f'{BODY}\nconvert: {{format: {wanted}}}'
    with upstream.sources(body) as sources:
        disk = upstream.fetched(sources)
        assert disk.disk_format == wanted
        assert disk.virtual_size == 2**30
        assert disk.size == disk.path.stat().st_size
        assert info(disk.path)['format'] == _QEMU.get(wanted, wanted)
        assert disk.path.stat().st_mode & 0o077 == 0
        # The source's own bytes identify it, whatever is made of them.
        plain = upstream.sources(BODY)
        with plain:
            assert upstream.fetched(plain).digest == disk.digest


def test_a_source_is_converted_once_for_all_that_ask(
    upstream: Upstream,
) -> None:
    demand('qemu-img')
    body = f'{BODY}\nconvert: {{format: raw}}'
    with upstream.sources(body) as sources:
        first, second = (upstream.fetched(sources) for _ in range(2))
        assert first.path == second.path


def test_what_no_program_writes_is_sent_in_a_format_that_clouds_take(
    upstream: Upstream,
) -> None:
    body = f'{BODY}\nconvert: {{format: zvhd2}}'
    with upstream.sources(body) as sources:
        assert upstream.fetched(sources).disk_format == 'qcow2'
    assert "no free program writes zvhd2" in upstream.notes[0]


@pytest.mark.parametrize(
    ('name', 'convert', 'sent'),
    [
        ('d.img', 'zvhd2', 'qcow2'),
        ('d.zvhd2', 'zvhd2', 'zvhd2'),
        ('d.img', 'raw', 'raw'),
        ('d.vmdk', None, 'vmdk'),
        ('d.img', None, None),
    ],
)
def test_a_plan_knows_the_format_that_will_be_sent(
    name: str, convert: str | None, sent: str | None
) -> None:
    source = model.FileSource(Path(name))
    image = model.Image('debian', (), convert=convert)
    assert routes.sent_format(image, source) == sent


def test_a_missing_qemu_img_is_named_with_its_package(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('PATH', str(upstream.folder))
    said = upstream.refusal(f'{BODY}\nconvert: {{format: raw}}')
    assert "Debian's qemu-utils" in said


@pytest.mark.parametrize(
    ('check', 'told'),
    [
        ('virtual_size<=1GiB', None),
        ('virtual_size<1GiB', "virtual_size is 1.0 GiB"),
        ('virtual_size>=2GiB', "the manifest wants >= 2.0 GiB"),
        ('size<=1KiB', "size is "),
        ('size>1KiB', None),
        ('format', None),
        ('safe', None),
    ],
)
def test_checks_are_made_before_anything_else(
    upstream: Upstream, check: str, told: str | None
) -> None:
    body = f'{BODY}\nchecks: ["{check}"]'
    if told is None:
        assert upstream.content(body) == upstream.disk
        return
    with (
        upstream.sources(body) as sources,
        pytest.raises(SourceError, match=told),
    ):
        upstream.fetched(sources)


def test_a_disk_image_that_refers_to_other_files_is_refused(
    upstream: Upstream,
) -> None:
    demand('qemu-img')
    path = upstream.folder / 'evil.qcow2'
    subprocess.run(
        [
            *('qemu-img', 'create', '-q', '-f', 'qcow2', '-u'),
            *('-b', '/etc/passwd', '-F', 'raw', str(path), '1G'),
        ],
        check=True,
    )
    assert "backing" in upstream.refusal(version('{file: evil.qcow2}'))


def test_what_is_no_disk_image_is_refused_by_its_own_name(
    upstream: Upstream,
) -> None:
    upstream.server.files['/page.img'] = File(b'<html>sorry</html>' * 100)
    said = upstream.refusal(of_web(upstream, '/page.img'))
    assert "page.img" in said
    assert str(upstream.work) not in said
