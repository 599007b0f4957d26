# SPDX-License-Identifier: Apache-2.0
"""Manifests: what they declare, and what is said of those that are wrong."""

import copy
import datetime
import itertools
from pathlib import Path
import random
import re
from typing import Any

import pytest
import yaml

from ims_ext.pipeline import Manifest
from ims_ext.pipeline import ManifestError
from ims_ext.pipeline.manifest import json_schema
from ims_ext.pipeline.manifest import model

DIGEST = 'ab' * 64

TEXT = f"""\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
variables: {{MIRROR: https://mirror.example, STAGE: null}}
targets:
  de: {{cloud: otc, region: eu-de, bucket: img-de}}
  nl: {{cloud: otc, region: eu-nl, copy_from: de, agency: ims_copy_image}}
groups:
  pilots: {{projects: [team-a, team-b]}}
  consumers: {{projects_file: consumers.txt, projects: [team-c]}}
accept:
  team-a: {{cloud: otc-team-a}}
defaults:
  targets: [de, nl]
  convert: {{format: zvhd2, via: qemu-img}}
  checks: [format, safe, virtual_size<=40GiB]
  tags: {{team: platform}}
  retention: {{keep: 3, deprecate_after: 30d, delete_after: 90d}}
  channels:
    dev: {{version: newest, share: [pilots]}}
    prod: {{version: promoted, share: [consumers, team-a], soak: 7d}}
images:
  ubuntu-24.04:
    os_version: Ubuntu 24.04 server 64bit
    min_disk: 40
    description: For ${{STAGE}}, at $$5
    versions_from:
      url: ${{MIRROR}}/{{version}}/noble.img
      checksums: https://sums.example/{{version}}/SHA256SUMS
      signature: {{gpg: 'https://s.example/{{version}}', keyring: keys.gpg}}
    promoted: "20261113"
  debian-13:
    os_version: Debian GNU/Linux 13.0 64bit
    tags: {{cost: none}}
    versions:
      "20261101":
        source: [{{object: 'img-de:debian-13.qcow2'}}, {{file: debian.qcow2}}]
        checksum: sha512:{DIGEST}
    promoted: "20261101"
  golden-app:
    targets: [de]
    convert: none
    versions:
      "7": {{source: {{server: build-42, target: de}}}}
    channels: {{prod: {{version: "7"}}}}
    share: [team-a]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the files that the manifest names."""
    (tmp_path / 'consumers.txt').write_text('team-d  # late\n\n# x\nteam-c\n')
    (tmp_path / 'keys.gpg').touch()
    (tmp_path / 'debian.qcow2').touch()
    return tmp_path


def load(text: str, folder: Path, **variables: str) -> Manifest:
    """Read a text as the manifest of a folder."""
    given = {'STAGE': 'all', **variables}
    return Manifest.loads(text, folder / 'm.yaml', given)


def common(one: str, other: str) -> str:
    """Return what two texts begin with."""
    pairs = itertools.takewhile(
        lambda pair: pair[0] == pair[1], zip(one, other, strict=False)
    )
    return ''.join(each for each, _ in pairs)


def faults(text: str, folder: Path, **variables: str) -> list[str]:
    """Return what is said of a manifest, without the folder."""
    with pytest.raises(ManifestError) as refused:
        load(text, folder, **variables)
    return str(refused.value).replace(f'{folder}/', '').splitlines()


def test_a_manifest_declares_targets_and_images(folder: Path) -> None:
    manifest = load(TEXT, folder)

    assert manifest.name == 'platform'
    assert manifest.targets['nl'].copy_from == 'de'
    assert manifest.targets['de'].limits == model.Limits()
    assert manifest.accept['team-a'].cloud == 'otc-team-a'
    assert list(manifest.images) == ['ubuntu-24.04', 'debian-13', 'golden-app']
    assert manifest.images['golden-app'].targets == ('de',)


def test_an_image_has_the_defaults_unless_it_says_otherwise(
    folder: Path,
) -> None:
    images = load(TEXT, folder).images
    debian, golden = images['debian-13'], images['golden-app']

    assert debian.tags == {'team': 'platform', 'cost': 'none'}
    assert debian.convert == 'zvhd2'
    assert golden.convert is None
    assert debian.retention.keep == 3
    assert debian.retention.delete_after == datetime.timedelta(days=90)
    assert debian.checks[-1] == model.Check('virtual_size', '<=', 40 * 2**30)
    assert [each.name for each in golden.channels] == ['dev', 'prod']
    assert golden.channels[1].version == '7'


def test_groups_are_their_projects_once_each(folder: Path) -> None:
    _, prod = load(TEXT, folder).images['debian-13'].channels

    assert prod.share == ('team-c', 'team-d', 'team-a')
    assert prod.soak == datetime.timedelta(days=7)


def test_variables_are_filled_in(folder: Path) -> None:
    ubuntu = load(TEXT, folder, STAGE='staging').images['ubuntu-24.04']

    assert ubuntu.description == 'For staging, at $5'
    assert ubuntu.versions_from
    assert ubuntu.versions_from.urls == (
        'https://mirror.example/{version}/noble.img',
    )


def test_sources_are_tried_in_the_order_that_is_written(folder: Path) -> None:
    (version,) = load(TEXT, folder).images['debian-13'].versions

    assert version.sources == (
        model.ObjectSource('img-de', 'debian-13.qcow2'),
        model.FileSource(folder / 'debian.qcow2'),
    )
    assert version.checksum == model.Checksum('sha512', DIGEST)


def test_a_manifest_is_read_from_its_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / 'platform.yaml').write_text(TEXT)
    monkeypatch.setenv('STAGE', 'production')

    manifest = Manifest.load(folder / 'platform.yaml')

    assert manifest.images['ubuntu-24.04'].description
    assert 'production' in manifest.images['ubuntu-24.04'].description


def test_the_name_in_the_cloud_has_image_and_version(folder: Path) -> None:
    image = load(TEXT, folder).images['debian-13']

    assert image.cloud_name('20261101') == 'debian-13-20261101'


@pytest.mark.parametrize(
    ('old', 'new', 'said'),
    [
        ('keep: 3', 'kep: 3', "'kep' is not known here; did you mean"),
        ('min_disk: 40', 'min_disk: x', 'min_disk is a whole number'),
        ('min_disk: 40', 'min_disk: 0', 'min_disk is at least 1'),
        (
            '"20261113"',
            '20261113',
            "promoted is text: write '20261113'",
        ),
        ('7d', '7 days', 'soak is a number and a unit'),
        ('virtual_size<=40GiB', 'virtual_size=4', 'item 3 of checks'),
        ('kind: ImagePipeline', 'kind: Image', 'kind is not'),
        ('  targets: [de, nl]', '  targets: [de, no1]', 'there is no'),
        ('copy_from: de', 'copy_from: nl', 'nl copies from itself'),
        (', agency: ims_copy_image', '', 'de is in another region'),
        ('consumers.txt', 'missing.txt', 'missing.txt cannot be read'),
        ('team: platform', 'ims-digest: x', 'the tag ims-digest'),
        ('${STAGE}', '${STAEG}', 'the variable STAEG is not named'),
        ('${STAGE}', '${STAGE', '${STAGE, at $$5 is no variable'),
        (
            'Ubuntu 24.04 server 64bit',
            'centos 7.6 64-BIT',
            "'centos 7.6 64-BIT' is written 'CentOS 7.6 64bit'",
        ),
        ('keys.gpg', 'no.gpg', 'there is no file no.gpg'),
        ('target: de}', 'target: dee}', "there is no target 'dee'"),
        ('file: debian.qcow2', 'url: ftp://x/y', 'url is a URL of http'),
        (
            'promoted: "20261101"',
            'promoted: "1"',
            'there is no version',
        ),
        ('{version: "7"}', '{version: "8"}', 'there is no version'),
        ('{version}/noble', 'x/noble', 'the URL has no {version}'),
        (f'sha512:{DIGEST}', 'sha512:abc', 'checksum is sha256: with'),
        ('{server: build-42, target: de}', '{}', 'a source is one of'),
        ('server: build-42, ', 'server: a, volume: b, ', 'a source is'),
        ('server: build-42, target: de', 'server: a', 'a server is at'),
        (
            'delete_after: 90d',
            'delete_after: 9d',
            'versions are deleted',
        ),
        ('name: platform', 'name: a b', 'name is of 1 to 42'),
        ('images:\n  ubuntu-24.04:', 'images:\n  u@:', 'the name'),
        (
            'tags: {cost: none}',
            'properties: {__support_kvm: "true"}',
            '__support_kvm is an attribute that the service documents, no '
            'property; a manifest does not set it',
        ),
        (
            'tags: {cost: none}',
            'properties: {__os_version: Debian}',
            '__os_version is an attribute that the service documents, no '
            'property; os_version, beside properties, sets it',
        ),
    ],
)
def test_a_fault_is_told_with_its_place(
    folder: Path, old: str, new: str, said: str
) -> None:
    before, found_old, after = TEXT.partition(old)
    assert found_old

    found = faults(before + new + after, folder)

    start = before + common(old, new)
    line = start.count('\n') + 1
    place = rf'm\.yaml:{line}:\d+: {re.escape(said)}'
    assert any(re.match(place, each) for each in found), found


def test_all_faults_are_told_at_once(folder: Path) -> None:
    text = TEXT.replace('min_disk: 40', 'min_disk: x')
    text = text.replace('[de, nl]', '[de, xx]').replace('kep', 'keep')
    text = text.replace('${STAGE}', '${OTHER}').replace('keys.gpg', 'no.gpg')

    found = faults(text, folder)

    assert [each.split(':')[1] for each in found] == ['14', '25', '26', '30']


def test_a_variable_without_a_value_is_told(folder: Path) -> None:
    with pytest.raises(ManifestError, match='--var STAGE=VALUE'):
        Manifest.loads(TEXT, folder / 'm.yaml', {})


def test_copies_in_a_circle_are_told(folder: Path) -> None:
    circle = (
        '  nl: {cloud: otc, region: x, copy_from: fr, agency: a}\n'
        '  fr: {cloud: otc, region: y, copy_from: nl, agency: a}\n'
    )
    text = re.sub(r'  nl: .*\n', circle, TEXT)

    found = faults(text, folder)

    assert 'nl copies from itself, by way of fr' in found[0]
    assert 'fr copies from itself, by way of nl' in found[1]


def test_two_images_of_one_name_in_the_cloud_are_told(folder: Path) -> None:
    text = TEXT.replace(
        '    targets: [de]\n', "    targets: [de]\n    name: 'x{version}'\n"
    )
    text += '  other:\n    name: x{version}\n'
    text += '    versions: {"7": {source: {file: debian.qcow2}}}\n'

    (said,) = faults(text, folder)
    assert 'other@7 would be named' in said
    assert 'golden-app@7 is' in said


def _spots(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    return [path] + [
        spot for key, each in inner for spot in _spots(each, (*path, key))
    ]


def _broken(seed: int) -> str:
    """Return a manifest with a few values that are something else."""
    chance = random.Random(seed)
    data = copy.deepcopy(yaml.safe_load(TEXT))
    others = (None, 0, -1, 1.5, True, '', 'x', [], {}, ['x'], {'x': 'y'}, [[]])
    for _ in range(chance.randint(1, 4)):
        path = chance.choice(_spots(data)[1:])
        holder = data
        for key in path[:-1]:
            holder = holder[key]
        if chance.random() < 0.3 and isinstance(holder, dict):
            holder[f'{path[-1]}x'] = holder.pop(path[-1])
        else:
            holder[path[-1]] = chance.choice(others)
    return yaml.safe_dump(data, sort_keys=False)


@pytest.mark.parametrize('seed', range(300))
def test_any_broken_manifest_has_readable_faults(
    folder: Path, seed: int
) -> None:
    try:
        load(_broken(seed), folder)
    except ManifestError as error:
        lines = str(error).splitlines()
        assert lines
        for line in lines:
            place = line.removeprefix(f'{folder}/')
            assert re.match(r'm\.yaml:\d+:\d+: \S', place)
            assert line.isprintable()
            assert 'None' not in line


def test_every_part_of_the_schema_is_described() -> None:
    def look(part: Any, path: str) -> None:
        for name, each in part.get('properties', {}).items():
            told = each.get('description') or each.get('$ref')
            assert told or 'const' in each or 'properties' in each, path + name
            look(each, f'{path}{name}.')

    schema = json_schema()
    look(schema, '')
    for name, each in schema['$defs'].items():
        look(each, f'{name}.')
