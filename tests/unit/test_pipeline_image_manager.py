# SPDX-License-Identifier: Apache-2.0
"""Manifests that are made of openstack-image-manager's definitions."""

from pathlib import Path
import re

import pytest

from ims_ext import exceptions
from ims_ext.document.reading import DocumentError
from ims_ext.pipeline import Manifest
from ims_ext.pipeline import image_manager
from ims_ext.pipeline.manifest import model

SHA256 = '0a' * 32
SHA512 = '0b' * 64

LINUX = f"""\
---
images:

  - name: Example Linux 5
    enable: true
    shortname: example-5
    format: qcow2
    login: user
    min_disk: 10
    min_ram: 512
    status: active
    visibility: public
    multi: true
    meta:
      architecture: x86_64
      hw_disk_bus: scsi
      hw_rng_model: null
      os_distro: ubuntu
      os_version: '18.04'
      os_purpose: generic
      uuid_validity: last-3
      provided_until: none
    tags: []
    latest_checksum_url:
      https://a.example/5/SHA256SUMS
    latest_url: https://a.example/5/example-FROM\\d+\\.qcow2$TO
    versions:
      - version: '20261101'
        url:
          https://a.example/5/example-20261101.qcow2
        mirror_url: https://b.example/5/20261101.qcow2
        checksum:
          sha256:{SHA256}
        build_date: 2026-11-01
      - build_date: 2026-11-20
        checksum: "sha512:{SHA512}"
        url: https://a.example/5/example-FROM\\d+\\.qcow2$TO
        mirror_url: https://b.example/5/20261120.qcow2
        version: '20261120'
  - name: Old
    enable: false
    format: raw
    login: root
    password: planted
    min_disk: 0
    min_ram: 0
    status: deactivated
    visibility: private
    multi: false
    meta: {{architecture: aarch64, hypervisor_type: qemu}}
    tags: [os=old, one, a.b, 'c=']
    versions:
      - version: 1.10
        url: https://a.example/old$x-1.10.raw.xz
        mirror_url: https://b.example/old-1.10
        checksum: "sha256:{SHA256}"
      - {{version: '1.9', url: 'https://a.example/1', checksum: 'md5:0c0c'}}
"""


def convert(
    folder: Path, text: str, name: str = 'one.yml', **options: object
) -> image_manager.Conversion:
    """Return what becomes of a file of definitions."""
    (folder / name).write_text(text)
    return image_manager.convert(
        folder,
        image_manager.Destination(
            'otc',
            'eu-de',
            'img',
            'de',
            options.pop('projects', ()),  # type: ignore[arg-type]
        ),
        **options,  # type: ignore[arg-type]
    )


def loaded(made: image_manager.Conversion) -> Manifest:
    """Return the manifest that was made."""
    return Manifest.loads(made.text, 'm.yaml', {})


def definition(**others: object) -> str:
    """Return a file with a definition of one image."""
    lines = {
        'name': 'Example',
        'versions': "[{version: '1', url: 'https://a.example/1.qcow2'}]",
        **others,
    }
    inner = '\n    '.join(f'{key}: {value}' for key, value in lines.items())
    return f'images:\n  - {inner}\n'


def test_an_image_is_declared_as_it_was_defined(tmp_path: Path) -> None:
    made = convert(tmp_path, LINUX, projects=['team-a'])

    manifest = loaded(made)
    assert (made.images, made.versions, made.disabled) == (1, 2, ('old',))
    assert manifest.targets['de'] == model.Target(
        'de', 'otc', 'eu-de', bucket='img'
    )
    image = manifest.images['example-5']
    assert image.cloud_name('7') == 'Example Linux 5 7'
    assert image.attributes == {
        'os_version': 'Ubuntu 18.04 server 64bit',
        'architecture': 'x86',
        'min_disk': 10,
        'min_ram': 512,
    }
    assert image.properties == {
        'hw_disk_bus': 'scsi',
        'os_distro': 'ubuntu',
        'os_version': '18.04',
        'os_purpose': 'generic',
        'uuid_validity': 'last-3',
        'provided_until': 'none',
        'image_original_user': 'user',
    }
    assert image.share == ('team-a',)
    assert image.retention.keep == 3
    assert image.channels == (model.Channel('latest', model.NEWEST),)


def test_the_mirror_comes_first_and_the_checksum_proves_both(
    tmp_path: Path,
) -> None:
    older, newer = (
        loaded(convert(tmp_path, LINUX)).images['example-5'].versions
    )

    assert older.sources == (
        model.UrlSource('https://b.example/5/20261101.qcow2'),
        model.UrlSource('https://a.example/5/example-20261101.qcow2'),
    )
    assert older.checksum == model.Checksum('sha256', SHA256)
    # A pattern is no address.
    assert newer.sources == (
        model.UrlSource('https://b.example/5/20261120.qcow2'),
    )
    assert newer.checksum == model.Checksum('sha512', SHA512)


def test_a_disabled_image_is_a_comment_that_can_be_taken_in(
    tmp_path: Path,
) -> None:
    made = convert(tmp_path, LINUX)
    _, begun, disabled = made.text.partition('#  old:\n')
    text = made.text.replace(
        begun + disabled, re.sub('(?m)^#', '', begun + disabled)
    )

    image = Manifest.loads(text, 'm.yaml', {}).images['old']

    asked = loaded(convert(tmp_path, LINUX, with_disabled=True))
    assert image == asked.images['old']
    assert image.attributes == {
        'os_version': 'Other Linux(64 bit)',
        'architecture': 'arm',
        'hw_firmware_type': 'uefi',
    }
    assert image.tags == {'os': 'old', 'one': '', 'c': ''}
    first, second = image.versions
    # The checksum is that of the packed file; a dollar sign is one.
    assert first.name == '1.10'
    assert first.sources == (
        model.UrlSource('https://a.example/old$x-1.10.raw.xz'),
    )
    assert (second.name, second.checksum) == ('1.9', None)


def test_what_has_no_counterpart_is_told_with_its_place(
    tmp_path: Path,
) -> None:
    made = convert(tmp_path, LINUX)

    told = '\n'.join(image_manager.told(made.warnings))
    for line, said in (
        ('12:5', "public images are no project's: name projects"),
        ('13:5', "no version has the image's plain name"),
        ('24:5', 'latest_checksum_url is kept as a comment'),
        ('26:5', 'latest_url is kept as a comment'),
        ('37:9', 'it is no address but a pattern'),
        ('41:5', 'an image that is not enabled is written as a comment'),
        ('44:5', 'a password is in no manifest'),
        ('47:5', 'deactivated images have no counterpart'),
        ('51:25', "no tag can be 'a.b'"),
        ('55:9', 'the mirror has the file packed in another way'),
        ('57:54', 'md5 proves nothing'),
    ):
        assert f'one.yml:{line}: {said}' in told, told
    assert 'planted' not in made.text + told


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('visibility', 'community', 'name projects'),
        ('visibility', 'shared', 'with whom it is shared is not defined'),
        ('hidden', 'true', 'retention hides old versions'),
        ('format', 'iso', "the format iso is no disk image's"),
        ('separator', '" / "', 'a blank is written'),
        ('shortname', 'a b', "'a b' becomes a-b"),
        ('colour', 'red', 'colour has no counterpart'),
        ('uuid_validity', '2027-01-01', 'validity 2027-01-01 is not acted on'),
        ('meta', '{os_distro: plan9}', 'the clouds document no plan9'),
        ('meta', '{architecture: risc-v}', 'no images of risc-v'),
        ('meta', '{hw_firmware_type: coreboot}', 'boots by coreboot'),
        (
            'versions',
            f'[{{version: "1", url: "https://a/1", checksum: "sha256:{SHA256}"'
            ', checksums_url: "https://a/2"}]',
            'the checksum counts, and no list',
        ),
        ('meta', '{A: b}', 'no image can have the property A'),
        ('meta', '{image_description: a<b}', 'it is shortened'),
        ('tags', '[a, b, c, d, e, f, g, h]', 'h is left out'),
        ('versions', '[{version: "1", url: "ftp://a/1"}]', 'fetched by ftp'),
        ('versions', '[{version: "1", url: "file:no"}]', 'there is no file'),
        ('versions', '[{version: "1", url: "https://"}]', 'no address'),
        (
            'versions',
            '[{version: "1", url: "https://a/1", checksum_url: "ftp://a/2"}]',
            'no address of a list',
        ),
        ('versions', '[]', 'example has no version'),
    ],
)
def test_other_values_are_told_too(
    tmp_path: Path, key: str, value: str, said: str
) -> None:
    text = definition(**{key: value})
    # Another image is there in any case.
    other = definition(name='Other').partition('\n')[2]

    made = convert(tmp_path, text + other)

    assert any(said in each.message for each in made.warnings), made.warnings
    assert 'other' in loaded(made).images


@pytest.mark.parametrize(
    'more',
    ['hidden: true', 'meta: {}', 'source: private', 'colour: red'],
)
def test_a_versions_own_values_are_told(tmp_path: Path, more: str) -> None:
    given = f"[{{version: '1', url: 'https://a/1', {more}}}]"

    made = convert(tmp_path, definition(versions=given))

    key = more.partition(':')[0]
    assert f"a version's {key} has no counterpart" in [
        each.message for each in made.warnings
    ]


def test_a_list_of_checksums_is_one(tmp_path: Path) -> None:
    given = (
        "[{version: latest, url: 'https://a/1', "
        "checksums_url: 'https://a/SHA256SUMS'}]"
    )

    made = convert(tmp_path, definition(versions=given))

    (version,) = loaded(made).images['example'].versions
    assert version.checksums == 'https://a/SHA256SUMS'


def test_a_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / 'a b.img').touch()
    given = "[{version: '1', url: 'file:a%20b.img'}]"

    made = convert(
        tmp_path, definition(versions=given), path=tmp_path / 'm.yaml'
    )

    manifest = Manifest.loads(made.text, tmp_path / 'm.yaml', {})
    (version,) = manifest.images['example'].versions
    assert version.sources == (model.FileSource(tmp_path / 'a b.img'),)


def test_images_and_versions_of_one_name_are_told(tmp_path: Path) -> None:
    version = "{version: '1', url: 'https://a/1'}"
    (tmp_path / 'b.yml').write_text(definition())

    made = convert(
        tmp_path, definition(versions=f'[{version}, {version}]'), 'a.yml'
    )

    assert (made.images, made.versions) == (1, 1)
    first, second = made.warnings[0], made.warnings[-1]
    said = sorted(each.message for each in made.warnings)
    assert 'a second image named example, which is left out' in said
    assert 'example@1 is left out: the version is there twice' in said
    assert {first.place.file[-5:], second.place.file[-5:]} == {
        'a.yml',
        'b.yml',
    }


def test_two_images_of_one_name_have_two_in_the_cloud(tmp_path: Path) -> None:
    other = definition(shortname='b').partition('\n')[2]

    made = convert(tmp_path, definition(shortname='a') + other)

    images = loaded(made).images
    assert images['a'].cloud_name('1') == 'Example 1'
    assert images['b'].cloud_name('1') == 'b-1'
    assert any(
        'another image has this name' in w.message for w in made.warnings
    )


@pytest.mark.parametrize(
    ('text', 'place', 'said'),
    [
        (definition(name='" "'), '2:11', 'name has a character'),
        (definition(min_disk='4096'), '4:15', 'min_disk is at most 2048'),
        ('images: {}', '1:9', 'images is a list'),
        ('- a', '1:1', 'the document is a mapping'),
        ('images:\n- versions: []', '2:3', 'item 1 of images has no name'),
        ('images:\n- {name: a, versions: [x]}', '2:24', 'is a mapping'),
        ('images:\n- {name: a, versions: [{url: b}]}', '2:24', 'no version'),
        (definition(min_disk='x'), '4:15', 'min_disk is a whole number'),
        (definition(enable='maybe'), '4:13', 'enable is true or false'),
        (definition(meta='[a]'), '4:11', 'meta is a mapping'),
        ('a:\n\tb', '2:1', 'a tab'),
    ],
)
def test_faults_of_definitions_are_told_at_once(
    tmp_path: Path, text: str, place: str, said: str
) -> None:
    (tmp_path / 'other.yml').write_text('images: 1')

    with pytest.raises(DocumentError) as refused:
        convert(tmp_path, text)

    lines = str(refused.value).splitlines()
    assert lines[0].startswith(f'{tmp_path / "one.yml"}:{place}: '), lines
    assert said in lines[0]
    assert 'other.yml:1:9: images is a list' in lines[-1]


def test_a_folder_without_definitions_is_refused(tmp_path: Path) -> None:
    (tmp_path / 'README').touch()

    with pytest.raises(exceptions.ValidationError, match='no file that ends'):
        image_manager.convert(tmp_path, image_manager.Destination('otc'))


def test_definitions_that_are_all_disabled_make_no_manifest(
    tmp_path: Path,
) -> None:
    with pytest.raises(exceptions.ValidationError, match='that is enabled'):
        convert(tmp_path, definition(enable='false'))


def test_an_attribute_of_the_service_becomes_no_property(
    tmp_path: Path,
) -> None:
    text = definition(meta='{__support_kvm: "true", os_distro: debian}')

    made = convert(tmp_path, text)

    assert '__support_kvm is an attribute' in str(made.warnings)
    (image,) = loaded(made).images.values()
    assert image.properties == {'os_distro': 'debian'}
