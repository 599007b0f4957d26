# SPDX-License-Identifier: Apache-2.0
"""Quotas: what a project may have, and has, in the emulated cloud."""

import json

from openstack import connection

from ims_ext.emulator.server import EmulatorServer

from .conftest import IMAGE_QUOTA
from .openstack_command import Run
from .plain_http import Client


def quota(client: Client) -> dict[str, int]:
    """Return what operation 26 answers of private images."""
    body = client.get('/v1/cloudimages/quota').json()
    [found] = body['quotas']['resources']
    assert found.pop('type') == 'image'
    return dict(found)


def test_a_project_has_used_as_much_as_it_has_images() -> None:
    with EmulatorServer(job_seconds=0) as server:
        alice, bob = Client(server, 'alice'), Client(server, 'bob')
        before = quota(alice)
        alice.create_metadata(name='golden')

        assert before['used'] == 0
        assert quota(alice)['used'] == 1
        assert quota(bob)['used'] == 0


def test_the_quota_is_the_one_that_creation_keeps_to(
    alice: connection.Connection,
) -> None:
    [image] = alice.ims.image_quotas()

    assert image.quota == IMAGE_QUOTA
    assert image.min <= image.quota <= image.max


def test_a_command_shows_the_quota(run: Run) -> None:
    done = run('ims', 'quota', 'show', '-f', 'json')

    [image] = json.loads(done.stdout)
    assert image['Type'] == 'image'
    assert image['Quota'] == IMAGE_QUOTA
    assert list(image) == ['Type', 'Used', 'Quota', 'Min', 'Max']
