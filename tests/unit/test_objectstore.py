# SPDX-License-Identifier: Apache-2.0
"""Where buckets are, who may open them, and what may not even be sent."""

from collections.abc import Callable, Iterator
import datetime
import email.utils
import logging
import os
from pathlib import Path
import subprocess
import sys
from typing import Any

from botocore import stub
from openstack import connection
import pytest
import requests_mock

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext.objectstore import access
from ims_ext.objectstore import checkpoint

OBS = 'https://obs.example.com'
KEYS_URL = 'https://iam.example.com/v3.0/OS-CREDENTIAL/securitytokens'
SECRET = 'the-secret-half-of-the-key'
SECURITY_TOKEN = 'the-security-token'

Connect = Callable[..., connection.Connection]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(('OS_', 'AWS_')) or name.endswith('_CA_BUNDLE'):
            monkeypatch.delenv(name)


@pytest.fixture
def debug_log(caplog: pytest.LogCaptureFixture) -> Iterator[Any]:
    """Everything that is logged with the root logger at DEBUG."""
    quieted = [
        logging.getLogger(name) for name in ('boto3', 'botocore', 's3transfer')
    ]
    levels = [logger.level for logger in quieted]
    for logger in quieted:
        logger.setLevel(logging.NOTSET)
    with caplog.at_level(logging.DEBUG):
        yield caplog
    for logger, level in zip(quieted, levels, strict=True):
        logger.setLevel(level)


def issued(seconds: int = 900, ends_at: Any = None) -> dict[str, Any]:
    """What the identity service answers to who asks for a key."""
    ends = datetime.datetime.now(datetime.UTC) + datetime.timedelta(
        seconds=seconds
    )
    return {
        'credential': {
            'access': 'TEMPORARY',
            'secret': SECRET,
            'securitytoken': SECURITY_TOKEN,
            'expires_at': ends_at or ends.strftime('%Y-%m-%dT%H:%M:%S.%fZ'),
        }
    }


# ====== ENDPOINT ======


@pytest.mark.parametrize(
    ('catalog', 'settings', 'expected'),
    [
        ({'object': OBS}, {}, OBS),
        ({'object': f'{OBS}/'}, {}, OBS),
        ({'obs': OBS, 'object': 'https://o.example'}, {}, 'https://o.example'),
        ({'obs': OBS, 'object-store': 'https://s.example'}, {}, OBS),
        ({'object-store': f'{OBS}/v1/AUTH_0b1e'}, {}, OBS),
        ({'object-store': f'{OBS}/swift/v1'}, {}, OBS),
        ({'object-store': 'http://a.example/s3'}, {}, 'http://a.example/s3'),
        (
            {'object': OBS},
            {'obs_endpoint_override': 'http://127.0.0.1:9000/'},
            'http://127.0.0.1:9000',
        ),
    ],
)
def test_the_endpoint_comes_from_override_then_catalog(
    connect: Connect,
    catalog: dict[str, str],
    settings: dict[str, str],
    expected: str,
) -> None:
    conn = connect(catalog, **settings)

    assert access.find_endpoint(conn) == expected


def test_without_an_endpoint_the_error_names_the_setting(
    connect: Connect,
) -> None:
    conn = connect({'image': 'https://a'}, ak='a', sk='s')

    with pytest.raises(
        exceptions.ObjectStoreError, match='obs_endpoint_override'
    ):
        objectstore.ObjectStore(conn).check_bucket('images')


def test_an_endpoint_that_is_no_url_is_refused(connect: Connect) -> None:
    conn = connect(obs_endpoint_override='obs.example.com')

    with pytest.raises(exceptions.ObjectStoreError, match=r'obs\.example'):
        access.find_endpoint(conn)


@pytest.mark.parametrize(
    ('endpoint', 'style', 'url'),
    [
        (OBS, None, 'https://images.obs.example.com/'),
        (OBS, 'auto', 'https://images.obs.example.com/'),
        (OBS, 'path', 'https://obs.example.com/images'),
        ('http://127.0.0.1:9000', None, 'http://127.0.0.1:9000/images'),
        ('http://[::1]:9000', None, 'http://[::1]:9000/images'),
        ('http://localhost:9000', None, 'http://localhost:9000/images'),
        ('http://obs:9000', None, 'http://obs:9000/images'),
        ('http://obs:9000', 'virtual', 'http://images.obs:9000/'),
    ],
)
def test_the_bucket_is_named_where_the_endpoint_can_take_it(
    connect: Connect, endpoint: str, style: str | None, url: str
) -> None:
    conn = connect(
        obs_endpoint_override=endpoint,
        obs_addressing_style=style,
        ak='a',
        sk='s',
    )
    client = access.make_client(conn)

    signed = client.generate_presigned_url('head_bucket', {'Bucket': 'images'})

    assert signed.partition('?')[0] == url


def test_an_unknown_addressing_style_is_refused(connect: Connect) -> None:
    conn = connect({'object': OBS}, obs_addressing_style='subdomain')

    with pytest.raises(exceptions.ValidationError, match='subdomain'):
        access.make_client(conn)


# ====== CREDENTIALS ======


def credentials(conn: connection.Connection) -> tuple[str | None, ...]:
    frozen = access.find_credentials(conn).get_frozen_credentials()
    return frozen.access_key, frozen.secret_key, frozen.token


def test_the_key_of_the_configuration_comes_first(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OS_ACCESS_KEY', 'other')
    monkeypatch.setenv('OS_SECRET_KEY', 'other')
    conn = connect(ak='a', sk='s', security_token='t')

    assert credentials(conn) == ('a', 's', 't')


def test_the_key_of_the_environment_comes_second(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('OS_ACCESS_KEY', 'a')
    monkeypatch.setenv('OS_SECRET_KEY', 's')

    assert credentials(connect()) == ('a', 's', None)


def test_without_a_key_the_identity_service_issues_one(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    asked = answers.post(KEYS_URL, json=issued(), status_code=201)

    assert credentials(connect()) == ('TEMPORARY', SECRET, SECURITY_TOKEN)
    assert asked.last_request is not None
    assert asked.last_request.headers['X-Auth-Token'] == 'secret-token'
    assert asked.last_request.json() == {
        'auth': {
            'identity': {
                'methods': ['token'],
                'token': {'duration_seconds': 900},
            }
        }
    }


def test_the_identity_service_of_the_catalog_is_the_one_asked(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    answers.post(
        'https://other.example/identity/v3.0/OS-CREDENTIAL/securitytokens',
        json=issued(),
    )
    conn = connect({'identity': 'https://other.example/identity/v3'})

    assert credentials(conn)[0] == 'TEMPORARY'


def test_a_temporary_key_is_used_while_it_has_time_left(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    asked = answers.post(KEYS_URL, json=issued(900))
    found = access.find_credentials(connect())

    found.get_frozen_credentials()
    found.get_frozen_credentials()

    assert asked.call_count == 1


def test_a_temporary_key_is_renewed_before_it_ends(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    asked = answers.post(KEYS_URL, [{'json': issued(s)} for s in (200, 900)])
    found = access.find_credentials(connect())

    found.get_frozen_credentials()

    assert asked.call_count == 2


@pytest.mark.parametrize('hours', [-2, 2])
def test_a_key_lasts_as_long_by_a_clock_that_is_wrong(
    connect: Connect, answers: requests_mock.Mocker, hours: int
) -> None:
    there = datetime.datetime.now(datetime.UTC) + datetime.timedelta(
        hours=hours
    )
    asked = answers.post(
        KEYS_URL,
        json=issued(hours * 3600 + 900),
        headers={'Date': email.utils.format_datetime(there, usegmt=True)},
    )
    found = access.find_credentials(connect())

    found.get_frozen_credentials()
    left = found._expiry_time - datetime.datetime.now(datetime.UTC)

    assert asked.call_count == 1
    assert left < datetime.timedelta(minutes=16)


@pytest.mark.parametrize(
    ('settings', 'missing'),
    [({'ak': 'a'}, 'sk'), ({'sk': SECRET}, 'ak')],
)
def test_half_a_key_in_the_configuration_is_refused(
    connect: Connect, settings: dict[str, str], missing: str
) -> None:
    with pytest.raises(
        exceptions.BucketCredentialsError, match=f'not {missing}$'
    ):
        access.find_credentials(connect(**settings))


@pytest.mark.parametrize(
    ('given', 'missing'),
    [
        ('OS_ACCESS_KEY', 'OS_SECRET_KEY'),
        ('OS_SECRET_KEY', 'OS_ACCESS_KEY'),
    ],
)
def test_half_a_key_in_the_environment_is_refused(
    connect: Connect,
    monkeypatch: pytest.MonkeyPatch,
    given: str,
    missing: str,
) -> None:
    monkeypatch.setenv(given, SECRET)

    with pytest.raises(
        exceptions.BucketCredentialsError, match=f'not {missing}$'
    ):
        access.find_credentials(connect())


@pytest.mark.parametrize(
    'answer',
    [
        {'status_code': 403, 'json': {'error': {'message': 'no'}}},
        {'status_code': 401},
        {'status_code': 201, 'json': {'credential': {'secret': SECRET}}},
        {'status_code': 200, 'text': SECRET},
        {'status_code': 201, 'json': issued(ends_at='soon')},
        {'status_code': 201, 'json': issued(ends_at=[SECRET])},
    ],
)
def test_where_no_key_is_issued_the_error_tells_the_three_ways(
    connect: Connect, answers: requests_mock.Mocker, answer: dict[str, Any]
) -> None:
    answers.post(KEYS_URL, **answer)

    with pytest.raises(exceptions.BucketCredentialsError) as caught:
        access.find_credentials(connect())

    assert 'ak and sk' in str(caught.value)
    assert 'OS_ACCESS_KEY and OS_SECRET_KEY' in str(caught.value)
    assert 'temporary' in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_temporary_key_is_not_logged(
    connect: Connect,
    answers: requests_mock.Mocker,
    debug_log: pytest.LogCaptureFixture,
) -> None:
    answers.post(KEYS_URL, json=issued())

    access.find_credentials(connect())

    assert debug_log.messages
    assert SECRET not in debug_log.text
    assert SECURITY_TOKEN not in debug_log.text


def test_signing_a_request_logs_nothing_secret(
    connect: Connect,
    answers: requests_mock.Mocker,
    debug_log: pytest.LogCaptureFixture,
) -> None:
    conn = connect(
        {'object': OBS}, ak='a', sk=SECRET, security_token=SECURITY_TOKEN
    )

    url = access.make_client(conn).generate_presigned_url(
        'head_bucket', {'Bucket': 'images'}
    )

    assert SECURITY_TOKEN in url
    assert SECURITY_TOKEN not in debug_log.text
    assert 'Signature' not in debug_log.text


def test_a_level_that_the_user_chose_for_botocore_stays(
    connect: Connect, debug_log: pytest.LogCaptureFixture
) -> None:
    logging.getLogger('botocore').setLevel(logging.ERROR)

    access.make_client(connect({'object': OBS}, ak='a', sk='s'))

    assert logging.getLogger('botocore').level == logging.ERROR


# ====== CLIENT ======


def verification(client: Any) -> bool | str:
    """Return what a client checks the server's certificate with."""
    found: bool | str = client._endpoint.http_session._verify
    return found


def test_what_is_set_up_for_aws_does_not_count(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = tmp_path / 'aws'
    settings.write_text('[default]\nregion = us-gov-west-1\n', 'utf-8')
    monkeypatch.setenv('AWS_CONFIG_FILE', str(settings))
    monkeypatch.setenv('AWS_PROFILE', 'does-not-exist')
    monkeypatch.setenv('AWS_ENDPOINT_URL', 'https://aws.example.com')
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'other')

    client = access.make_client(connect({'object': OBS}, ak='mine', sk='s'))

    url = client.generate_presigned_url('head_bucket', {'Bucket': 'images'})
    assert url.startswith('https://images.obs.example.com/')
    assert 'Credential=mine%2F' in url
    assert '%2Feu-1%2Fs3%2F' in url


@pytest.mark.parametrize(
    ('settings', 'verify'),
    [({}, True), ({'verify': False}, False), ({'cacert': __file__}, __file__)],
)
def test_certificates_are_checked_as_the_connection_says(
    connect: Connect, settings: dict[str, Any], verify: bool | str
) -> None:
    conn = connect({'object': OBS}, ak='a', sk='s', **settings)

    client = access.make_client(conn)

    assert verification(client) == verify


def test_a_ca_bundle_of_the_environment_counts_as_for_other_services(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('REQUESTS_CA_BUNDLE', __file__)

    client = access.make_client(connect({'object': OBS}, ak='a', sk='s'))

    assert verification(client) == __file__


def test_importing_the_module_imports_no_boto3() -> None:
    subprocess.run(
        [
            sys.executable,
            '-c',
            "import sys, ims_ext.objectstore; "
            "sys.exit(bool({'boto3', 'botocore'} & set(sys.modules)))",
        ],
        check=True,
    )


def test_without_boto3_the_extra_is_named(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, 'boto3', None)

    with pytest.raises(exceptions.MissingExtraError, match=r'ims-ext\[obs\]'):
        objectstore.ObjectStore(connect({'object': OBS}))


def test_making_an_object_store_sends_nothing(
    connect: Connect, answers: requests_mock.Mocker
) -> None:
    objectstore.ObjectStore(connect({'object': OBS}))

    assert not answers.called


# ====== WHAT IS NOT EVEN SENT ======


@pytest.mark.parametrize(
    ('bucket', 'key'),
    [
        ('ab', 'k'),
        ('a' * 64, 'k'),
        ('Images', 'k'),
        ('im_ages', 'k'),
        ('-images', 'k'),
        ('images', ''),
        ('images', 'my image.qcow2'),
        ('images', 'tab\there'),
        ('images', 'line\nhere'),
        ('images', 'k' * 1025),
        ('images', 'ü' * 513),
    ],
)
def test_a_name_that_the_services_refuse_is_not_sent(
    connect: Connect, tmp_path: Path, bucket: str, key: str
) -> None:
    file = tmp_path / 'disk.raw'
    file.write_bytes(b'x')
    store = objectstore.ObjectStore(connect({'object': OBS}))

    with pytest.raises(exceptions.ValidationError):
        store.upload(file, bucket, key)


@pytest.mark.parametrize('kind', ['missing', 'directory'])
def test_what_is_no_file_is_not_uploaded(
    connect: Connect, tmp_path: Path, kind: str
) -> None:
    path = tmp_path if kind == 'directory' else tmp_path / 'missing'
    store = objectstore.ObjectStore(connect({'object': OBS}))

    with pytest.raises(exceptions.ValidationError, match=str(path)):
        store.upload(path, 'images', 'k')


def test_an_objects_address_has_bucket_and_key(connect: Connect) -> None:
    store = objectstore.ObjectStore(connect({'object': OBS}))

    assert store.object_url('images', 'a/b.raw') == 'images:a/b.raw'


def told_age(connect: Connect, date: str | None) -> float | None:
    """Return the age of an object of the year 2031, at the store's time."""
    store = objectstore.ObjectStore(connect({'object': OBS}, ak='a', sk='b'))
    told = {
        'LastModified': datetime.datetime(2031, 5, 4, 3, tzinfo=datetime.UTC),
        'ResponseMetadata': {
            'HTTPStatusCode': 200,
            'HTTPHeaders': {} if date is None else {'date': date},
        },
    }
    with stub.Stubber(store._client) as stubber:
        stubber.add_response(
            'head_object', told, {'Bucket': 'images', 'Key': 'a.raw'}
        )
        return store.age('images', 'a.raw')


def test_an_objects_age_goes_by_the_stores_clock(connect: Connect) -> None:
    assert told_age(connect, 'Sun, 04 May 2031 03:02:01 GMT') == 121


@pytest.mark.parametrize(
    'date', [None, '', 'soon', 'Sun, 04 May 2031 03:02:01 -0000']
)
def test_without_the_stores_time_an_object_has_no_age(
    connect: Connect, date: str | None
) -> None:
    with pytest.raises(exceptions.ObjectStoreError, match='how old images:a'):
        told_age(connect, date)


@pytest.mark.parametrize('size', [0, 1, 1024**3, 1024**4, 48 * 1024**4 // 10])
def test_a_file_of_any_size_fits_into_the_parts_that_are_allowed(
    size: int,
) -> None:
    part = checkpoint.part_size(size)

    assert 5 * 1024**2 <= part <= 5 * 1024**3
    assert -(-size // part) <= 10_000
