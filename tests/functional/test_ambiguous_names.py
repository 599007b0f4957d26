# SPDX-License-Identifier: Apache-2.0
"""Names that several things have: a command tells all of their IDs."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from .openstack_command import Run
from .own_cloud import Cloud

PROJECT = 'f' * 32


def images(cloud: Cloud, name: str) -> list[str]:
    """Make two images of a name; return their IDs."""
    return [
        str(
            cloud.conn.ims.create_image(
                name,
                disk_format='qcow2',
                container_format='bare',
                allow_duplicates=True,
                validate_checksum=False,
            ).id
        )
        for _ in range(2)
    ]


def servers(cloud: Cloud, name: str) -> list[str]:
    """Give two servers a name; return their IDs."""
    found = list(cloud.conn.compute.servers())[:2]
    for server in found:
        cloud.conn.compute.update_server(server, name=name)
    return [str(server.id) for server in found]


def volumes(cloud: Cloud, name: str) -> list[str]:
    """Give two volumes a name; return their IDs."""
    found = list(cloud.conn.block_storage.volumes())[:2]
    for volume in found:
        cloud.conn.block_storage.update_volume(volume, name=name)
    return [str(volume.id) for volume in found]


@pytest.mark.parametrize(
    ('make', 'noun', 'command'),
    [
        (images, 'image', 'show twice'),
        (images, 'image', 'set twice --name once'),
        (images, 'image', 'unset twice --description'),
        (images, 'image', 'delete twice'),
        (images, 'image', 'copy twice once'),
        (images, 'image', 'export twice --object images:a.vhd'),
        (images, 'image', 'register twice --object images:a.vhd'),
        (images, 'image', 'list --marker twice'),
        (images, 'image', 'tag add twice env=prod'),
        (images, 'image', 'tag list twice'),
        (images, 'image', 'tag remove twice env'),
        (images, 'image', f'member add twice --project {PROJECT}'),
        (images, 'image', f'member remove twice --project {PROJECT}'),
        (images, 'image', 'member list twice'),
        (images, 'image', f'member show twice {PROJECT}'),
        (servers, 'server', 'create --server twice once'),
        (servers, 'server', 'create --server twice --whole once'),
        (volumes, 'volume', 'create --volume twice --data-disk once'),
    ],
)
def test_the_ids_of_all_that_have_a_name_are_told(
    run: Run,
    cloud: Cloud,
    tmp_path: Path,
    make: Callable[[Cloud, str], list[str]],
    noun: str,
    command: str,
) -> None:
    file = tmp_path / 'own.yaml'
    file.write_text(yaml.safe_dump(cloud.server.clouds()), 'utf-8')
    ids = make(cloud, 'twice')

    done = run(
        *('ims', 'image', *command.split()),
        cloud=cloud.user,
        OS_CLIENT_CONFIG_FILE=str(file),
    )

    assert done.returncode == 1
    assert f"2 {noun}s have the name 'twice'" in done.stderr
    assert {each for each in ids if each in done.stderr} == {*ids}
    assert done.stdout == ''
