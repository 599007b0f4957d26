# SPDX-License-Identifier: Apache-2.0
"""Manifests that are wrong: by hand, and made of a good one by chance."""

from collections.abc import Iterator
import copy
import random
import re
from typing import Any

import yaml

GOOD = """\
apiVersion: ims-ext/v1
kind: ImagePipeline
name: platform
targets:
  de: {cloud: alice, region: eu-de, bucket: images}
  nl: {cloud: alice, region: eu-nl, copy_from: de, agency: ims_copy_image}
groups:
  pilots: {projects: [team-a, team-b]}
accept:
  team-a: {cloud: bob}
defaults:
  targets: [de, nl]
  convert: {format: zvhd2}
  checks: [format, safe, virtual_size<=40GiB]
  tags: {team: platform}
  retention: {keep: 3, deprecate_after: 30d, delete_after: 90d}
  channels:
    dev: {version: newest, share: [pilots]}
    prod: {version: promoted, soak: 7d}
images:
  found:
    os_version: Ubuntu 18.04 server 64bit
    versions_from: {url: 'https://a.example/{version}/a.img', newest: 2}
    promoted: "20261113"
  named:
    min_disk: 40
    versions:
      "1": {source: {url: 'https://a.example/1.qcow2'}}
      "2": {source: [{object: 'images:a'}]}
    promoted: "1"
"""
BY_HAND = (
    '',
    '# nothing\n',
    'null\n',
    '[]\n',
    'text\n',
    '1\n',
    '---\n---\n',
    GOOD + '---\n' + GOOD,
    '%YAML 9.9\n---\n' + GOOD,
    '\tname: a\n',
    'a: &a [*a]\n',
    'a: *b\n',
    GOOD + 'images: {}\n',
    GOOD.replace('40', '1e999'),
    GOOD.replace('40', '0x'),
    GOOD.replace('named:', '"":'),
    GOOD.replace('dev: {version: newest, share: [pilots]}', '" ": 1'),
    GOOD.replace('40', '.nan'),
    GOOD.replace('40', '!!python/object/apply:os.system ["true"]'),
    GOOD.replace('40', '!!binary "x"'),
    GOOD.replace('"1"', '1'),
    GOOD.replace('dev:', '<<: {a: b}\n    dev:'),
    GOOD.replace('dev:', '? [a]\n    : b\n    dev:'),
    GOOD.replace('keep: 3', 'keep: 3, keep: 4'),
    GOOD.replace('[de, nl]', '&x [de, *x]'),
    'a: ' + '[' * 5000 + '\n',
    'a: ' + '{a: ' * 5000 + '\n',
    ''.join(
        f'a{n}: &a{n} [{f"*a{n - 1}, " * 9}]\n' for n in range(1, 12)
    ).replace('*a0, ', 'x, '),
    GOOD.replace('platform', 'plat\x00form'),
    GOOD.replace('platform', 'plat\x1b[31mform'),
    GOOD.replace('platform', '${PLATFORM}'),
    GOOD.replace('platform', '"\\uD800"'),
    GOOD.replace('platform', 'x' * 10_000),
    GOOD.replace('copy_from: de', 'copy_from: nl'),
    GOOD.replace('https://', 'file://'),
)

_VALUES = (
    *(None, 0, -1, 1.5, 10**30, True, '', ' ', 'x', '${X}', '$', [], {}),
    *(['x'], {'x': 'y'}, [[]], [None], {'': ''}, 'a\nb', '\u202e', 'newest'),
)


def malformed(count: int) -> Iterator[tuple[str, bytes]]:
    """Give names and contents of manifests that are wrong.

    :param count: How many, those by hand first.
    """
    for number in range(count):
        if number < len(BY_HAND):
            text = BY_HAND[number].encode('utf-8', 'surrogatepass')
        else:
            text = _made(random.Random(number))
        yield f'{number:03}.yaml', text


def _made(chance: random.Random) -> bytes:
    how = chance.choice((_changed, _changed, _cut, _noise, _lines))
    return how(chance)


def _changed(chance: random.Random) -> bytes:
    """Return a manifest with a few values that are something else."""
    data = copy.deepcopy(yaml.safe_load(GOOD))
    for _ in range(chance.randint(1, 5)):
        path = chance.choice(list(_spots(data))[1:])
        holder = data
        for key in path[:-1]:
            holder = holder[key]
        if chance.random() < 0.3 and isinstance(holder, dict):
            holder[f'{path[-1]}x'] = holder.pop(path[-1])
        else:
            holder[path[-1]] = copy.deepcopy(chance.choice(_VALUES))
    # Whatever has become of the others, this is wrong.
    data[f'wrong{chance.randint(0, 9)}'] = chance.choice(_VALUES)
    return yaml.safe_dump(data, sort_keys=False).encode()


def _cut(chance: random.Random) -> bytes:
    """Return a manifest that breaks off within a bracket."""
    places = [match.end() for match in re.finditer(r'[{\[]', GOOD)]
    return GOOD[: chance.choice(places)].encode()


def _noise(chance: random.Random) -> bytes:
    """Return a manifest with bytes in it that are no text."""
    place = chance.randrange(len(GOOD))
    noise = bytes(chance.choices((0, 7, 27, 128, 192, 255), k=3))
    return GOOD[:place].encode() + noise + GOOD[place:].encode()


def _lines(chance: random.Random) -> bytes:
    """Return a manifest whose lines are in another order."""
    lines = GOOD.splitlines()
    chance.shuffle(lines)
    return '\n'.join([*lines, 'kind: ImagePipeline', '']).encode()


def _spots(
    value: Any, path: tuple[Any, ...] = ()
) -> Iterator[tuple[Any, ...]]:
    yield path
    inner: Any = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, each in inner:
        yield from _spots(each, (*path, key))
