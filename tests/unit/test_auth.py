# SPDX-License-Identifier: Apache-2.0
"""Signing with an access key: what is signed, when, and for whom."""

import copy
import io
from pathlib import Path
import pickle
import subprocess
import sys
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl
from urllib.parse import quote
from urllib.parse import urlsplit

from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer as VendorSigner
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from keystoneauth1 import exceptions as keystone_exceptions
from keystoneauth1 import loading
from keystoneauth1.session import Session
import pytest
import requests
import requests_mock

from ims_ext import exceptions
from ims_ext.auth import AccessKey
from ims_ext.auth import AccessKeyLoader
from ims_ext.auth import signer

AUTH_URL = 'https://iam.example.com/v3'
IMAGES = 'https://ims.example.com/v2/images'
ELSEWHERE = 'https://elsewhere.example.org/x'
SECRET = 'planted-secret-key'
TOKEN = 'planted-security-token'
LIMIT = 12 * 1024**2

# ====== AS THE VENDOR SIGNS ======

#: Everything that UTF-8 can spell.
TEXT = st.text(st.characters(exclude_categories=['Cs']), max_size=12)
AWKWARD = st.text('=+~ &%?/#:@!*\'"\\\t;,.-_aä中🙂', max_size=12)
WORDS = TEXT | AWKWARD
#: Dots alone are resolved before a request is sent.
SEGMENTS = WORDS.filter(lambda text: text not in ('.', '..'))


def prepare(plugin: AccessKey, **request: Any) -> requests.PreparedRequest:
    """Return a request as it would be sent."""
    session = requests.Session()
    session.auth = signer.Signer(None)
    headers = {**request.pop('headers', {})}
    headers['Authorization'] = signer.Unsigned(plugin)
    return session.prepare_request(
        requests.Request(headers=headers, **request)
    )


@settings(max_examples=200, deadline=None)
@given(
    method=st.sampled_from(['GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD']),
    host=st.sampled_from(['ims.example.com', 'ims.example.com:8443']),
    segments=st.lists(SEGMENTS, max_size=4),
    query=st.lists(st.tuples(WORDS, WORDS), max_size=5),
    body=st.none() | st.binary(min_size=1) | TEXT.filter(bool),
    content_type=st.none()
    | st.sampled_from(['application/json', 'application/octet-stream']),
    project=st.none() | st.just('a7b3c0ffee'),
    token=st.none() | st.just(TOKEN),
    now=st.integers(0, 2**32),
)
def test_a_request_is_signed_as_the_vendors_own_signer_does(
    method: str,
    host: str,
    segments: list[str],
    query: list[tuple[str, str]],
    body: bytes | str | None,
    content_type: str | None,
    project: str | None,
    token: str | None,
    now: int,
) -> None:
    path = '/' + '/'.join(quote(each, safe='') for each in segments)
    plugin = AccessKey(AUTH_URL, 'AK', SECRET, token, project)
    plugin.clock = lambda: now
    headers = {'content-type': content_type} if content_type else {}
    ours = prepare(
        plugin,
        method=method,
        url=f'https://{host}{path}',
        params=query,
        data=body,
        headers=headers,
    )
    theirs = SdkRequest(
        method=method,
        schema='https',
        host=host,
        resource_path=path,
        query_params=list(query),
        header_params={
            # In lower case: for others than JSON it would not sign the body.
            name.lower(): str(ours.headers[name])
            for name in (
                'Host',
                'Content-Type',
                'X-Sdk-Date',
                'X-Project-Id',
                'X-Security-Token',
            )
            if name in ours.headers
        },
        body=body,
    )
    VendorSigner(SimpleNamespace(ak='AK', sk=SECRET)).sign(theirs)

    assert (
        ours.headers['Authorization']
        == (theirs.header_params['Authorization'])
    )
    sent = urlsplit(str(ours.url))
    assert sent.netloc == host
    # What is sent means what is signed, and keeps its order.
    assert parse_qsl(sent.query, keep_blank_values=True) == query
    assert '+' not in sent.query


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=5000), st.integers(0, 100))
def test_a_file_is_signed_for_what_is_left_to_read_of_it(
    content: bytes, start: int
) -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    plugin.clock = lambda: 1.9e9
    file = io.BytesIO(content)
    file.seek(start)

    from_file = prepare(plugin, method='PUT', url=IMAGES, data=file)

    assert file.tell() == start
    whole = prepare(plugin, method='PUT', url=IMAGES, data=content[start:])
    assert from_file.headers['Authorization'] == whole.headers['Authorization']


@pytest.mark.parametrize(
    ('url', 'host'),
    [
        ('https://a.example.com:443/x', 'a.example.com'),
        ('http://a.example.com:80/x', 'a.example.com'),
        ('http://a.example.com:443/x', 'a.example.com:443'),
        ('https://[::1]:8443/x', '[::1]:8443'),
        ('https://name:word@a.example.com/x', 'a.example.com'),
    ],
)
def test_the_signed_host_is_the_one_that_is_sent(url: str, host: str) -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)

    assert prepare(plugin, method='GET', url=url).headers['Host'] == host


# ====== WHAT IS NOT SIGNED ======


def test_a_body_of_12_mib_is_signed() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)

    request = prepare(plugin, method='PUT', url=IMAGES, data=bytes(LIMIT))

    assert 'Signature=' in request.headers['Authorization']


def test_a_larger_body_is_refused_with_the_way_out() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)

    with pytest.raises(exceptions.UnsignableRequestError) as caught:
        prepare(plugin, method='PUT', url=IMAGES, data=bytes(LIMIT + 1))

    assert '12582913 bytes' in str(caught.value)
    assert '12 MiB' in str(caught.value)
    assert 'bucket' in str(caught.value)
    assert 'token' in str(caught.value)


def test_a_larger_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / 'disk.raw'
    with path.open('wb') as file:
        file.truncate(LIMIT + 1)
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)

    with (
        path.open('rb') as file,
        pytest.raises(exceptions.UnsignableRequestError, match='12 MiB'),
    ):
        prepare(plugin, method='PUT', url=IMAGES, data=file)


def test_a_body_that_can_be_read_only_once_is_refused() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)

    with pytest.raises(exceptions.UnsignableRequestError, match='read twice'):
        prepare(plugin, method='PUT', url=IMAGES, data=iter([b'a', b'b']))


# ====== IN A SESSION ======


def test_requests_of_several_plugins_in_one_session_do_not_mix() -> None:
    first = AccessKey(AUTH_URL, 'FIRST', SECRET)
    second = AccessKey(AUTH_URL, 'SECOND', SECRET)
    session = Session(auth=first)
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES)
        session.get(IMAGES)
        session.get(IMAGES, auth=second)
        session.get(IMAGES, authenticated=False)
        session.get(IMAGES)

    sent = [
        each.headers.get('Authorization', '').partition(',')[0]
        for each in mocker.request_history
    ]
    assert sent == [
        'SDK-HMAC-SHA256 Access=FIRST',
        'SDK-HMAC-SHA256 Access=SECOND',
        '',
        'SDK-HMAC-SHA256 Access=FIRST',
    ]


def test_what_a_session_did_for_other_requests_it_still_does() -> None:
    inner = requests.Session()
    inner.auth = ('name', 'word')
    session = Session(auth=AccessKey(AUTH_URL, 'AK', SECRET), session=inner)
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES)
        session.get(IMAGES)
        session.get(IMAGES, authenticated=False)

    schemes = [
        each.headers['Authorization'].split()[0]
        for each in mocker.request_history
    ]
    assert schemes == ['SDK-HMAC-SHA256', 'Basic']


def test_a_repeated_request_is_signed_anew() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    times = iter([1.9e9, 1.9e9 + 600])
    plugin.clock = lambda: next(times)
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES, [{'status_code': 503}, {'status_code': 200}])
        Session(auth=plugin).get(
            IMAGES, status_code_retries=1, status_code_retry_delay=0
        )

    first, second = mocker.request_history
    assert first.headers['X-Sdk-Date'] == '20300317T174640Z'
    assert second.headers['X-Sdk-Date'] == '20300317T175640Z'
    assert first.headers['Authorization'] != second.headers['Authorization']


def test_a_refused_request_is_not_sent_again() -> None:
    session = Session(auth=AccessKey(AUTH_URL, 'AK', SECRET))
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES, status_code=401)
        with pytest.raises(keystone_exceptions.Unauthorized):
            session.get(IMAGES)

    # Five wrong signatures in a row lock an access key.
    assert mocker.call_count == 1


def test_a_redirect_within_the_host_is_signed_for_where_it_leads() -> None:
    session = Session(auth=AccessKey(AUTH_URL, 'AK', SECRET))
    with requests_mock.Mocker() as mocker:
        mocker.get(
            IMAGES, status_code=302, headers={'Location': f'{IMAGES}/new'}
        )
        mocker.get(f'{IMAGES}/new')
        session.get(IMAGES)

    first, second = (
        each.headers['Authorization'] for each in mocker.request_history
    )
    assert first != second


@pytest.mark.parametrize(
    'target', [ELSEWHERE, IMAGES.replace('https', 'http')]
)
def test_a_redirect_out_of_the_cloud_carries_no_credentials(
    target: str,
) -> None:
    session = Session(
        auth=AccessKey(AUTH_URL, 'AK', SECRET, TOKEN, project_id='p')
    )
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES, status_code=307, headers={'Location': target})
        mocker.get(target)
        session.get(IMAGES)

    headers = mocker.request_history[1].headers
    assert not {
        'Authorization',
        'X-Security-Token',
        'X-Sdk-Date',
        'X-Project-Id',
    } & set(headers)


def test_a_request_that_names_a_project_is_signed_for_that_one() -> None:
    session = Session(auth=AccessKey(AUTH_URL, 'AK', SECRET, project_id='p'))
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES)
        session.get(IMAGES, headers={'X-Project-Id': 'q'})

    assert mocker.last_request.headers['X-Project-Id'] == 'q'


# ====== CLOCKS ======


@pytest.mark.parametrize(
    'answer',
    [
        {'headers': {'Date': 'Sun, 17 Mar 2030 18:17:10 GMT'}},
        {
            'json': {
                'error_msg': 'calc aksk signature fail:signature expired, '
                'signature time:20300317T174640Z,'
                'server time:20300317T181710Z',
                'error_code': 'APIGW.0301',
            }
        },
    ],
    ids=['date', 'words'],
)
def test_a_wrong_clock_is_named_with_both_times(
    answer: dict[str, Any],
) -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    plugin.clock = lambda: 1.9e9
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES, status_code=401, **answer)
        with pytest.raises(exceptions.ClockSkewError) as caught:
            Session(auth=plugin).get(IMAGES)

    words = str(caught.value)
    assert '2030-03-17 17:46:40 UTC by this machine' in words
    assert '2030-03-17 18:17:10 UTC by the service' in words
    assert 'clock' in words
    assert str(pickle.loads(pickle.dumps(caught.value))) == words


@pytest.mark.parametrize('date', [None, 'nonsense', '17 Mar 2030 17:46:40'])
def test_a_refusal_at_an_unknown_time_stays_a_refusal(
    date: str | None,
) -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    with requests_mock.Mocker() as mocker:
        mocker.get(
            IMAGES, status_code=401, headers={'Date': date} if date else {}
        )
        with pytest.raises(keystone_exceptions.Unauthorized):
            Session(auth=plugin).get(IMAGES)


def test_a_refusal_that_has_a_timestamp_is_not_about_the_time() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    with requests_mock.Mocker() as mocker:
        mocker.get(
            IMAGES,
            status_code=403,
            json={'timestamp': '2030-03-17T17:46:40', 'error': 'Forbidden'},
        )
        with pytest.raises(keystone_exceptions.Forbidden):
            Session(auth=plugin).get(IMAGES)


def test_a_gateway_that_repeats_the_security_token_is_not_quoted() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET, TOKEN)
    with requests_mock.Mocker() as mocker:
        mocker.get(
            IMAGES,
            status_code=401,
            json={
                'error_msg': f'canonicalRequest:GET|x-security-token:{TOKEN}'
            },
        )
        response = Session(auth=plugin).get(IMAGES, raise_exc=False)

    assert TOKEN not in response.text
    assert 'canonicalRequest' in response.text


# ====== THE IDENTITY SERVICE'S ANSWERS ======


@pytest.mark.parametrize(
    'answer',
    [
        {'text': '<html>nonsense</html>'},
        {'json': []},
        {'json': {'catalog': None}},
        {'json': {'catalog': {'a': 1}}},
        {'content': b'\xff\xfe'},
    ],
)
def test_a_strange_catalog_is_an_invalid_answer(
    answer: dict[str, Any],
) -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    session = Session(auth=plugin)
    with requests_mock.Mocker() as mocker:
        mocker.get(f'{AUTH_URL}/auth/catalog', **answer)
        with pytest.raises(exceptions.InvalidAnswerError, match='auth_url'):
            plugin.get_access(session)


def test_strange_entries_of_a_catalog_are_left_out() -> None:
    catalog = [
        None,
        7,
        {'type': 'image'},
        {'type': 'image', 'endpoints': None},
        {'type': 'image', 'endpoints': [None, {'url': 3}]},
        {
            'type': 'image',
            'endpoints': [{'interface': 'public', 'url': IMAGES}],
        },
    ]
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    with requests_mock.Mocker() as mocker:
        mocker.get(f'{AUTH_URL}/auth/catalog', json={'catalog': catalog})
        url = plugin.get_endpoint(
            Session(auth=plugin), service_type='image', skip_discovery=True
        )

    assert url == IMAGES


def test_without_a_catalog_configured_endpoints_still_count() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    session = Session(auth=plugin)
    with requests_mock.Mocker() as mocker:
        mocker.get(f'{AUTH_URL}/auth/catalog', status_code=403)
        with pytest.raises(keystone_exceptions.EndpointNotFound):
            session.get('/x', endpoint_filter={'service_type': 'image'})
        mocker.get(f'{IMAGES}/x')
        response = session.get('/x', endpoint_override=IMAGES)

    assert response.ok


@pytest.mark.parametrize(
    'auth_url',
    [
        'https://iam.example.com',
        'https://iam.example.com/',
        AUTH_URL,
        f'{AUTH_URL}/',
    ],
)
def test_the_catalog_is_found_below_any_spelling_of_auth_url(
    auth_url: str,
) -> None:
    plugin = AccessKey(auth_url, 'AK', SECRET)
    with requests_mock.Mocker() as mocker:
        mocker.get(f'{AUTH_URL}/auth/catalog', json={'catalog': []})
        plugin.get_access(Session(auth=plugin))
        plugin.get_auth_ref(Session(auth=plugin))

    assert mocker.call_count == 1


def test_a_project_without_name_or_id_is_left_to_the_cloud() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET)
    session = Session(auth=plugin)
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES)
        session.get(IMAGES)

    assert session.get_project_id() is None
    assert 'X-Project-Id' not in mocker.last_request.headers


# ====== THE LOADER ======


def test_keystoneauth_knows_the_plugin_by_its_name() -> None:
    loader = loading.get_plugin_loader('v3aksk')

    assert isinstance(loader, AccessKeyLoader)
    assert [each.dest for each in loader.get_options() if each.secret] == [
        'secret_key',
        'security_token',
    ]


def test_what_is_missing_is_named() -> None:
    with pytest.raises(
        keystone_exceptions.MissingRequiredOptions, match='secret_key'
    ):
        AccessKeyLoader().load_from_options(auth_url=AUTH_URL, access_key='AK')


def test_another_way_of_logging_in_does_not_get_in_the_way() -> None:
    plugin = AccessKeyLoader().load_from_options(
        auth_url=AUTH_URL,
        access_key='AK',
        secret_key=SECRET,
        username='alice',
        password='x',
        user_domain_name='Default',
    )

    assert plugin.get_token(Session(auth=plugin)) is None


# ====== SECRETS ======


def test_a_plugin_and_its_session_show_no_key() -> None:
    plugin = AccessKey(AUTH_URL, 'AK', SECRET, TOKEN)
    session = Session(auth=plugin)
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES)
        response = session.get(IMAGES)
    shown = ' '.join(
        repr(each)
        for each in (
            plugin,
            vars(plugin),
            vars(session),
            session.session.__getstate__(),
            plugin.get_headers(session),
            response,
        )
    )

    assert SECRET not in shown
    assert TOKEN not in shown


@pytest.mark.parametrize('write', [pickle.dumps, copy.deepcopy])
def test_a_plugin_is_not_written_down(write: Any) -> None:
    with pytest.raises(TypeError):
        write(AccessKey(AUTH_URL, 'AK', SECRET))


def test_a_session_of_the_requests_library_can_be_pickled_unsigned() -> None:
    session = Session(auth=AccessKey(AUTH_URL, 'AK', SECRET, TOKEN))
    with requests_mock.Mocker() as mocker:
        mocker.get(IMAGES)
        session.get(IMAGES)

    written = pickle.dumps(session.session)
    assert SECRET.encode() not in written
    assert TOKEN.encode() not in written


def test_the_plugin_loads_nothing_that_openstacksdk_has_not() -> None:
    code = (
        'import sys, openstack.connection, keystoneauth1.loading\n'
        'before = set(sys.modules)\n'
        'import ims_ext\n'
        'package = set(sys.modules)\n'
        'import ims_ext.auth\n'
        'print(*sorted(set(sys.modules) - package))'
    )
    loaded = subprocess.run(
        [sys.executable, '-c', code],
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout.split() == [
        'ims_ext.auth',
        'ims_ext.auth.signer',
        'ims_ext.signature',
        'ims_ext.transport',
        'ims_ext.transport.origin',
    ]
