# SPDX-License-Identifier: Apache-2.0
"""``openstack ims image create`` on a cloud that shows new images late."""

from pathlib import Path
import time
import types
from typing import Any

from openstack import connection
import pytest
import requests_mock

from ims_ext.cli import creation

from .conftest import IMS_URL

NATIVE = f'{IMS_URL}/v2/images'
IMAGE = {'id': 'i1', 'name': 'golden', 'status': 'queued'}


@pytest.fixture
def create(
    conn: connection.Connection,
    answers: requests_mock.Mocker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """Give what makes an image of a file, and returns its columns."""
    monkeypatch.setattr(time, 'sleep', lambda seconds: None)
    manager = types.SimpleNamespace(ims=conn.ims, sdk_connection=conn)
    app: Any = types.SimpleNamespace(client_manager=manager)
    disk = tmp_path / 'disk.raw'
    disk.write_bytes(bytes(510) + b'\x55\xaa' + bytes(2**20 - 512))
    answers.post(NATIVE, status_code=201, json=IMAGE)
    answers.put(f'{NATIVE}/i1/file', status_code=204)

    def run(*arguments: str) -> dict[str, Any]:
        command = creation.CreateImage(app, None)
        parser = command.get_parser('create')
        return dict(
            zip(
                *command.take_action(
                    parser.parse_args(
                        ['golden', '--file', str(disk), *arguments]
                    )
                ),
                strict=True,
            )
        )

    return run


@pytest.mark.parametrize('options', [(), ('--property', 'a=b')], ids=str)
@pytest.mark.parametrize('late', [1, 3])
def test_an_image_that_is_shown_late_is_shown(
    create: Any,
    answers: requests_mock.Mocker,
    options: tuple[str, ...],
    late: int,
) -> None:
    # Once for the upload's own look.
    shown = [{'json': IMAGE}, *[{'status_code': 404}] * late, {'json': IMAGE}]
    answers.get(f'{NATIVE}/i1', shown)
    answers.get(f'{IMS_URL}/v2/cloudimages', json={'images': []})
    answers.patch(f'{NATIVE}/i1', json={**IMAGE, 'a': 'b'})

    assert create(*options)['id'] == 'i1'
