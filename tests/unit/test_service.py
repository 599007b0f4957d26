# SPDX-License-Identifier: Apache-2.0
"""Where the endpoint comes from, how it is switched on, what is mixed in."""

from collections.abc import Callable
from importlib import metadata
import logging
import sys
import types
from typing import Any

from keystoneauth1 import fixture
from openstack import connection
from openstack import exceptions as sdk_exceptions
import pytest
import requests_mock

import ims_ext
from ims_ext import exceptions
from ims_ext import proxy
from ims_ext import service

from .conftest import AUTH_URL

IMS_URL = 'https://ims.example.com'

Connect = Callable[..., connection.Connection]


@pytest.mark.parametrize(
    ('catalog', 'settings', 'root'),
    [
        ({'image': 'https://a'}, {}, 'https://a'),
        ({'image': 'https://a/v2'}, {}, 'https://a'),
        ({'image': 'https://a/v2/'}, {}, 'https://a'),
        ({'image': 'https://a/image/v2.1/p'}, {}, 'https://a/image'),
        ({'image': 'https://v2.a.example'}, {}, 'https://v2.a.example'),
        ({'image': 'https://a', 'ims': 'https://b'}, {}, 'https://b'),
        (
            {'image': 'https://a', 'ims': 'https://b'},
            {'ims_endpoint_override': 'https://c/v2'},
            'https://c',
        ),
        ({}, {'ims_endpoint_override': 'https://c'}, 'https://c'),
        (
            {'image': 'https://a', 'ims': 'https://b'},
            {'image_endpoint_override': 'https://d/v2'},
            'https://d',
        ),
        (
            {},
            {
                'ims_endpoint_override': 'https://c',
                'image_endpoint_override': 'https://d',
            },
            'https://c',
        ),
    ],
)
def test_the_root_comes_from_override_then_ims_then_image(
    connect: Connect,
    catalog: dict[str, str],
    settings: dict[str, str],
    root: str,
) -> None:
    assert connect(catalog, **settings).ims.root_url() == root


def test_a_catalog_without_image_service_is_told_with_the_way_out(
    connect: Connect,
) -> None:
    conn = connect({'compute': 'https://a'})

    with pytest.raises(sdk_exceptions.EndpointNotFound) as caught:
        next(conn.ims.cloud_images())

    assert 'ims_endpoint_override' in str(caught.value)
    assert 'eu-1' in str(caught.value)


@pytest.mark.parametrize(
    'settings', [{'ims_region_name': 'eu-2'}, {'interface': 'internal'}]
)
def test_an_endpoint_that_is_not_there_is_told_with_those_that_are(
    connect: Connect, settings: dict[str, str]
) -> None:
    conn = connect({'ims': 'https://a'}, **settings)

    with pytest.raises(sdk_exceptions.EndpointNotFound) as caught:
        conn.ims.root_url()

    interface = settings.get('interface', 'public')
    region = settings.get('ims_region_name', 'eu-1')
    assert f"interface {interface} in region {region};" in str(caught.value)
    assert "it has it with public in eu-1" in str(caught.value)


def test_a_token_of_a_domain_is_told_as_such(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    conn = connect({})
    token = fixture.V3Token(domain_id='d1', domain_name='customers')
    token.add_service('identity').add_standard_endpoints(public=AUTH_URL)
    answers.post(
        f'{AUTH_URL}/auth/tokens',
        json=token,
        headers={'X-Subject-Token': 'secret-token'},
    )

    with pytest.raises(sdk_exceptions.EndpointNotFound) as caught:
        conn.ims.root_url()

    assert "the token is for a domain" in str(caught.value)
    assert "project_name" in str(caught.value)


@pytest.mark.parametrize(
    ('path', 'url'),
    [
        ('/v1/cloudimages/quota', 'https://a/v1/cloudimages/quota'),
        ('v2/cloudimages', 'https://a/v2/cloudimages'),
        ('/v2.1/cloudimages/action', 'https://a/v2.1/cloudimages/action'),
        ('/v2', 'https://a/v2'),
        ('/images', 'https://a/v2/images'),
        ('images/x/file', 'https://a/v2/images/x/file'),
        ('/vendors', 'https://a/v2/vendors'),
    ],
)
def test_a_path_with_version_is_below_the_root_and_others_below_v2(
    connect: Connect,
    answers: requests_mock.Mocker,
    path: str,
    url: str,
) -> None:
    conn = connect({'image': 'https://a/v2'})
    answers.get(url, json={})

    conn.ims.get(path)

    assert answers.last_request.url == url


def test_no_request_is_sent_before_the_first_call(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    conn = connect()

    assert conn.ims.service_type == 'ims'

    assert answers.call_count == 0


def test_loading_twice_does_nothing_more(
    conn: connection.Connection,
) -> None:
    before = conn.ims

    ims_ext.load(conn)

    assert conn.ims is before


def test_a_connection_that_was_never_loaded_has_a_lazy_ims(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    connect()
    other = connection.Connection(config=connect().config)

    assert isinstance(other.ims, proxy.Proxy)
    assert answers.call_count == 0


def test_the_image_proxy_stays_as_it_was(
    conn: connection.Connection, answers: requests_mock.Mocker
) -> None:
    link = {'rel': 'self', 'href': f'{IMS_URL}/v2/'}
    version = {'id': 'v2.9', 'status': 'CURRENT', 'links': [link]}
    answers.get(f'{IMS_URL}/', json={'versions': [version]})

    assert not isinstance(conn.image, proxy.Proxy)


def test_nothing_inherited_changes_its_signature() -> None:
    import inspect

    from openstack.image.v2 import _proxy

    #: What the clouds add to an inherited operation, as a keyword.
    added = {'delete_image': ['delete_backup']}

    def signature(method: Any, without: list[str]) -> list[Any]:
        # Older versions of openstacksdk have no annotations to compare.
        return [
            (each.name, each.kind, each.default)
            for each in inspect.signature(method).parameters.values()
            if each.name not in without
        ]

    changed = [
        name
        for name, method in inspect.getmembers(
            _proxy.Proxy, inspect.isfunction
        )
        if not name.startswith('_')
        and name not in ('request', 'get_endpoint')
        and signature(method, [])
        != signature(getattr(service.proxy_class(), name), added.get(name, []))
    ]

    assert changed == []


@pytest.fixture
def vendor_hook(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A vendor's package with a hook; returns whom it was called with."""
    called: list[Any] = []
    module = types.ModuleType('a_vendor')
    module.load = called.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, 'a_vendor', module)
    monkeypatch.setattr(
        'openstack.config.vendors._VENDOR_DEFAULTS',
        {'a-cloud': {'vendor_hook': 'a_vendor:load'}},
    )
    return called


def test_the_profiles_own_hook_runs_too(
    connect: Connect, vendor_hook: list[Any]
) -> None:
    conn = connect(profile='a-cloud', vendor_hook='ims_ext:load')

    assert vendor_hook == [conn]


def test_the_profiles_hook_is_not_run_a_second_time(
    connect: Connect, vendor_hook: list[Any]
) -> None:
    # The entry has no hook of its own: openstacksdk runs the profile's.
    conn = connect(profile='a-cloud')

    assert vendor_hook == [conn]


def test_a_profiles_hook_that_is_missing_is_named_and_not_fatal(
    connect: Connect,
    vendor_hook: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delitem(sys.modules, 'a_vendor')

    conn = connect(profile='a-cloud', vendor_hook='ims_ext:load')

    assert 'a_vendor:load' in caplog.text
    assert conn.ims


class First:
    def paint(self) -> str:
        return 'first'


class Second:
    def paint(self) -> str:
        return 'second'


class Third(First):
    def frame(self) -> str:
        return 'third'


def test_another_packages_capability_is_mixed_in() -> None:
    assembled = service.assemble({'first': First})

    assert issubclass(assembled, proxy.Proxy)
    assert assembled.paint(None) == 'first'  # type: ignore[attr-defined]


def test_two_capabilities_with_the_same_method_are_refused_by_name() -> None:
    with pytest.raises(exceptions.ExtensionConflictError) as caught:
        service.assemble({'first': First, 'second': Second})

    for name in ('first', 'second', 'paint'):
        assert name in str(caught.value)


def _capability(*bases: type, **names: Any) -> type:
    return type('Mixin', bases or (proxy.Proxy,), names)


@pytest.mark.parametrize('name', ['_path', '_PATH', '_Row'])
def test_two_capabilities_with_the_same_private_name_are_refused(
    name: str,
) -> None:
    first = _capability(**{name: 1})
    base = _capability(**{name: 2})

    with pytest.raises(exceptions.ExtensionConflictError) as caught:
        service.assemble({'first': first, 'second': _capability(base)})

    for each in ('first', 'second', name):
        assert each in str(caught.value)


def test_what_builds_on_another_may_have_its_own_helper() -> None:
    first = _capability(_path=1)

    assembled = service.assemble(
        {'first': first, 'second': _capability(first, _path=2)}
    )

    assert vars(assembled.__mro__[1])['_path'] == 2


def test_a_capability_may_build_on_another() -> None:
    assembled = service.assemble({'first': First, 'third': Third})

    assert {'paint', 'frame'} <= set(dir(assembled))


def test_a_capability_that_fails_to_load_is_named_and_left_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entry_point = metadata.EntryPoint(
        'broken', 'no_such_package:Thing', service.EXTENSION_GROUP
    )
    with caplog.at_level(logging.WARNING):
        service._log_load_failure(None, entry_point, ImportError('gone'))

    assert 'broken' in caplog.text
    assert 'no_such_package:Thing' in caplog.text
