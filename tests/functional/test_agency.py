# SPDX-License-Identifier: Apache-2.0
"""Agencies of the emulator's identity service."""

from collections.abc import Iterator
from typing import Any
import uuid

from openstack import connection
import pytest
import requests

from ims_ext.emulator.openstack.agency import IMAGE_ADMINISTRATOR
from ims_ext.emulator.server import EmulatorServer

from .plain_http import Client
from .plain_http import code

ROLE_ID = str(IMAGE_ADMINISTRATOR['id'])
DAY = 24 * 3600


class Identity:
    """The identity service, as alice in the first region."""

    def __init__(self, server: EmulatorServer) -> None:
        self.server = server
        self.here = Client(server)
        self.there = Client(server, 'alice-eu-nl')
        self._root = server.auth_url.removesuffix('/v3') + '/v3.0'

    def send(self, method: str, path: str, **body: Any) -> requests.Response:
        """Send a request."""
        return requests.request(
            method,
            f'{self._root}/{path}',
            json={'agency': body} if body else None,
            headers={'X-Auth-Token': self.here.token},
            timeout=60,
        )

    def create(self, **body: Any) -> dict[str, Any]:
        """Make an agency; anything given replaces a good value."""
        answer = self.send('POST', 'OS-AGENCY/agencies', **good(**body))
        assert answer.status_code == 201, answer.text
        agency: dict[str, Any] = answer.json()['agency']
        return agency

    def agencies(self, query: str = '') -> list[dict[str, Any]]:
        """List agencies."""
        answer = self.send('GET', f'OS-AGENCY/agencies{query}')
        assert answer.status_code == 200, answer.text
        agencies: list[dict[str, Any]] = answer.json()['agencies']
        return agencies

    def grant(
        self, method: str, agency: dict[str, Any], project_id: str
    ) -> int:
        """Do something with an agency's role in a project."""
        path = f'OS-AGENCY/projects/{project_id}/agencies/{agency["id"]}'
        return self.send(method, f'{path}/roles/{ROLE_ID}').status_code

    def inherit(self, method: str, agency: dict[str, Any]) -> int:
        """Do something with an agency's role in all projects."""
        path = f'OS-INHERIT/domains/default/agencies/{agency["id"]}'
        return self.send(
            method, f'{path}/roles/{ROLE_ID}/inherited_to_projects'
        ).status_code

    def copy(self, agency: str) -> requests.Response:
        """Copy an image to the other region."""
        image_id = self.here.active_image(name='golden')
        return self.here.request(
            'POST',
            f'/v1/cloudimages/{image_id}/cross_region_copy',
            json={
                'name': 'copy',
                'region': 'eu-nl',
                'project_name': 'eu-nl_alpha',
                'agency_name': agency,
            },
        )


def good(**body: Any) -> dict[str, Any]:
    """Return the body of an agency; anything given replaces a good value."""
    return {
        'name': f'agency-{uuid.uuid4().hex}',
        'domain_id': 'default',
        'trust_domain_name': 'op_svc_ims',
        **body,
    }


@pytest.fixture(scope='module')
def server() -> Iterator[EmulatorServer]:
    """Give an emulator of two regions."""
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0) as server:
        yield server


@pytest.fixture
def identity(server: EmulatorServer) -> Identity:
    """Give its identity service."""
    return Identity(server)


def test_there_is_an_agency_from_the_start(identity: Identity) -> None:
    [agency] = identity.agencies('?name=ims_copy_image')

    assert agency['domain_id'] == 'default'
    assert agency['trust_domain_name'] == 'op_svc_ims'
    assert agency['duration'] == 'FOREVER'
    assert agency['expire_time'] is None
    assert identity.inherit('HEAD', agency) == 204


def test_an_agency_is_made_and_shown(identity: Identity) -> None:
    agency = identity.create(description='copies', duration='20')

    path = f'OS-AGENCY/agencies/{agency["id"]}'
    assert identity.send('GET', path).json()['agency'] == agency
    assert agency in identity.agencies('?domain_id=default')
    assert agency['description'] == 'copies'
    assert agency['duration'] == '480'
    assert agency['create_time'] < agency['expire_time']


def test_an_agency_is_changed_and_deleted(identity: Identity) -> None:
    agency = identity.create(duration='ONEDAY')
    path = f'OS-AGENCY/agencies/{agency["id"]}'

    changed = identity.send(
        'PUT', path, trust_domain_name='op_svc_ecs', duration='FOREVER'
    ).json()['agency']
    assert changed['trust_domain_name'] == 'op_svc_ecs'
    assert changed['expire_time'] is None
    assert identity.send('DELETE', path).status_code == 204
    assert identity.send('GET', path).status_code == 404
    assert identity.send('DELETE', path).status_code == 404


@pytest.mark.parametrize(
    ('body', 'status'),
    [
        ({'name': 'ims_copy_image'}, 409),
        ({'name': ''}, 400),
        ({'name': 'n' * 65}, 400),
        ({'name': 7}, 400),
        ({'description': 'd' * 256}, 400),
        ({'duration': 'soon'}, 400),
        ({'duration': '-1'}, 400),
        ({'duration': ['1']}, 400),
        ({'domain_id': 'another'}, 403),
        ({'trust_domain_name': None}, 400),
        ({'trust_domain_name': 'nobody'}, 404),
    ],
)
def test_a_bad_agency_is_refused(
    identity: Identity, body: dict[str, Any], status: int
) -> None:
    answer = identity.send('POST', 'OS-AGENCY/agencies', **good(**body))

    assert answer.status_code == status
    assert answer.json()['error']['code'] == status


def test_agencies_need_a_token(server: EmulatorServer) -> None:
    root = server.auth_url.removesuffix('/v3')
    answer = requests.get(f'{root}/v3.0/OS-AGENCY/agencies', timeout=60)
    assert answer.status_code == 401


# ====== ROLES ======


def test_an_agency_without_the_role_copies_nothing(
    identity: Identity,
) -> None:
    agency = identity.create()
    assert code(identity.copy(agency['name'])) == 'IMG.0151'


def test_an_agency_needs_the_role_in_both_projects(
    identity: Identity,
) -> None:
    agency = identity.create()
    assert identity.grant('PUT', agency, identity.here.project_id) == 204
    assert code(identity.copy(agency['name'])) == 'IMG.0151'

    assert identity.grant('PUT', agency, identity.there.project_id) == 204
    identity.here.finish(identity.copy(agency['name']))

    assert identity.grant('HEAD', agency, identity.there.project_id) == 204
    assert identity.grant('DELETE', agency, identity.there.project_id) == 204
    assert identity.grant('HEAD', agency, identity.there.project_id) == 404
    assert code(identity.copy(agency['name'])) == 'IMG.0151'


def test_the_role_in_all_projects_is_enough(identity: Identity) -> None:
    agency = identity.create()
    assert identity.inherit('PUT', agency) == 204
    identity.here.finish(identity.copy(agency['name']))


def test_the_roles_of_an_agency_are_listed(identity: Identity) -> None:
    agency = identity.create()
    path = (
        f'OS-AGENCY/projects/{identity.here.project_id}/agencies/'
        f'{agency["id"]}/roles'
    )
    assert identity.send('GET', path).json()['roles'] == []
    identity.grant('PUT', agency, identity.here.project_id)

    [role] = identity.send('GET', path).json()['roles']
    assert role['name'] == 'ims_adm'
    assert role['display_name'] == 'IMS Administrator'


def test_the_role_that_agencies_need_is_found_by_its_name(
    server: EmulatorServer,
) -> None:
    with connection.Connection(**server.clouds()['clouds']['bob']) as conn:
        role = conn.identity.find_role('ims_adm', ignore_missing=False)
        assert role.id == ROLE_ID


@pytest.mark.parametrize(
    'path',
    [
        'OS-AGENCY/projects/nobody/agencies/{agency}/roles/{role}',
        'OS-AGENCY/domains/nobody/agencies/{agency}/roles/{role}',
        'OS-AGENCY/projects/{project}/agencies/nobody/roles/{role}',
        'OS-AGENCY/projects/{project}/agencies/{agency}/roles/nobody',
    ],
)
def test_a_role_is_of_something_that_exists(
    identity: Identity, path: str
) -> None:
    agency = identity.create()
    answer = identity.send(
        'PUT',
        path.format(
            project=identity.here.project_id,
            agency=agency['id'],
            role=ROLE_ID,
        ),
    )
    assert answer.status_code == 404


def test_an_agency_for_another_service_copies_nothing(
    identity: Identity,
) -> None:
    agency = identity.create(trust_domain_name='op_svc_ecs')
    identity.inherit('PUT', agency)
    assert code(identity.copy(agency['name'])) == 'IMG.0151'


def test_an_agency_ends() -> None:
    with EmulatorServer(regions=['eu-de', 'eu-nl'], job_seconds=0) as server:
        identity = Identity(server)
        agency = identity.create(duration='2')
        identity.inherit('PUT', agency)
        image_id = identity.here.active_image(name='golden')
        server.clock.advance(2 * DAY)
        fresh = Client(server)
        ended = fresh.request(
            'POST',
            f'/v1/cloudimages/{image_id}/cross_region_copy',
            json={
                'name': 'copy',
                'region': 'eu-nl',
                'project_name': 'eu-nl_alpha',
                'agency_name': agency['name'],
            },
        )

    assert code(ended) == 'IMG.0151'
