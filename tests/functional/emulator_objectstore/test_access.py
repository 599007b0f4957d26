# SPDX-License-Identifier: Apache-2.0
"""Who gets at which buckets of the emulator."""

from typing import TYPE_CHECKING, Any

import pytest
import requests

from ims_ext.emulator.bucket.store import BucketStore

from ..buckets import KEYS
from ..buckets import REGION
from ..buckets import Key
from ..buckets import in_minutes
from ..buckets import read
from ..buckets import refused
from ..buckets import s3
from ..buckets import serving

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# ====== WHOSE REQUEST IT IS ======


def test_a_temporary_key_with_its_token_is_accepted(url: str) -> None:
    found = s3(url, KEYS['TEMP']).list_buckets()['Buckets']

    assert [bucket['Name'] for bucket in found] == ['images']


@pytest.mark.parametrize(
    ('key', 'code'),
    [
        (Key('ALPHA', 'wrong', ''), 'SignatureDoesNotMatch'),
        (Key('UNKNOWN', 'wrong', ''), 'InvalidAccessKeyId'),
        (Key('TEMP', 'secret-of-temp', ''), 'InvalidToken'),
        (Key('TEMP', 'secret-of-temp', '', 'wrong'), 'InvalidToken'),
        (Key('ALPHA', 'secret-of-alpha', '', 'token'), 'InvalidToken'),
        (KEYS['ENDED'], 'ExpiredToken'),
    ],
)
@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_key_that_is_not_valid_is_refused(
    url: str, key: Key, code: str, version: str
) -> None:
    client = s3(url, key, signature_version=version)

    assert refused(client.list_buckets) == code


@pytest.mark.parametrize(
    'path', ['/', '/images', '/images/key', '/moto-api/', '/moto-api/reset']
)
@pytest.mark.parametrize('method', ['GET', 'PUT', 'POST', 'DELETE', 'OPTIONS'])
def test_nothing_answers_to_nobody(url: str, method: str, path: str) -> None:
    answer = requests.request(method, url + path, data=b'x', timeout=10)

    assert answer.status_code == 403
    assert b'<Code>AccessDenied</Code>' in answer.content


@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_signed_url_opens_what_it_was_signed_for(
    url: str, alpha: 'S3Client', version: str
) -> None:
    alpha.put_object(Bucket='images', Key='a b/ü%20+', Body=b'content')
    client = s3(url, KEYS['TEMP'], signature_version=version)

    signed = client.generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'a b/ü%20+'}
    )

    assert requests.get(signed, timeout=10).content == b'content'


@pytest.mark.parametrize('version', ['s3v4', 's3'])
@pytest.mark.parametrize('part', ['images/key', 'Expires='])
def test_a_signed_url_that_was_changed_opens_nothing(
    url: str, alpha: 'S3Client', version: str, part: str
) -> None:
    alpha.put_object(Bucket='images', Key='key1', Body=b'content')
    client = s3(url, KEYS['ALPHA'], signature_version=version)
    signed = client.generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'key'}
    )

    answer = requests.get(signed.replace(part, f'{part}1'), timeout=10)

    assert answer.status_code in (400, 403)


@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_signed_url_ends(url: str, version: str, store: BucketStore) -> None:
    client = s3(url, KEYS['ALPHA'], signature_version=version)
    signed = client.generate_presigned_url(
        'get_object', {'Bucket': 'images', 'Key': 'key'}, ExpiresIn=1
    )
    store.clock.machine = lambda: in_minutes(1).timestamp()

    answer = requests.get(signed, timeout=10)

    assert 'expired' in answer.text


@pytest.mark.parametrize('version', ['s3v4', 's3'])
def test_a_request_from_another_time_is_refused(
    url: str, version: str, store: BucketStore
) -> None:
    store.clock.machine = lambda: in_minutes(20).timestamp()
    client = s3(url, KEYS['ALPHA'], signature_version=version)

    assert refused(client.list_buckets) == 'RequestTimeTooSkewed'


def test_a_bucket_may_be_named_by_the_host(url: str) -> None:
    local = url.replace('127.0.0.1', 'localhost')
    client = s3(local, KEYS['ALPHA'], s3={'addressing_style': 'virtual'})
    signed = client.generate_presigned_url(
        'put_object', {'Bucket': 'images', 'Key': 'a/b'}
    )
    assert signed.startswith('http://images.localhost:')

    answer = requests.put(
        signed.replace('images.localhost', '127.0.0.1'),
        data=b'content',
        headers={'Host': signed.split('/')[2]},
        timeout=10,
    )

    assert answer.status_code == 200
    assert read(s3(url, KEYS['ALPHA']), 'a/b') == b'content'


# ====== TENANTS ======


def test_a_project_lists_its_own_buckets_only(
    alpha: 'S3Client', beta: 'S3Client'
) -> None:
    beta.create_bucket(Bucket='others')

    assert [b['Name'] for b in alpha.list_buckets()['Buckets']] == ['images']
    assert [b['Name'] for b in beta.list_buckets()['Buckets']] == ['others']


def test_a_buckets_name_is_taken_for_all_projects(beta: 'S3Client') -> None:
    code = refused(lambda: beta.create_bucket(Bucket='images'))

    assert code == 'BucketAlreadyExists'


def test_a_projects_own_bucket_may_be_made_again(alpha: 'S3Client') -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')

    alpha.create_bucket(
        Bucket='images',
        CreateBucketConfiguration={'LocationConstraint': REGION},
    )

    assert read(alpha, 'key') == b'content'


@pytest.mark.parametrize(
    ('operation', 'options'),
    [
        ('list_objects_v2', {}),
        ('list_objects', {}),
        ('get_bucket_location', {}),
        ('delete_bucket', {}),
        ('get_object', {'Key': 'key'}),
        ('put_object', {'Key': 'new', 'Body': b'x'}),
        ('delete_object', {'Key': 'key'}),
        ('delete_objects', {'Delete': {'Objects': [{'Key': 'key'}]}}),
        ('create_multipart_upload', {'Key': 'new'}),
        ('list_multipart_uploads', {}),
        (
            'copy_object',
            {'Bucket': 'others', 'Key': 'k', 'CopySource': 'images/key'},
        ),
    ],
)
def test_another_projects_bucket_is_denied(
    alpha: 'S3Client', beta: 'S3Client', operation: str, options: Any
) -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')
    beta.create_bucket(Bucket='others')

    code = refused(
        lambda: getattr(beta, operation)(**{'Bucket': 'images', **options})
    )

    assert code == 'AccessDenied'
    assert [
        entry['Key']
        for entry in alpha.list_objects_v2(Bucket='images')['Contents']
    ] == ['key']


def test_two_stores_of_a_process_know_nothing_of_each_other(
    alpha: 'S3Client',
) -> None:
    other = BucketStore(KEYS)
    with serving(other) as url:
        client = s3(url, KEYS['BETA'])
        client.create_bucket(Bucket='images')
        assert [b['Name'] for b in client.list_buckets()['Buckets']] == [
            'images'
        ]
    other.close()

    assert not alpha.list_objects_v2(Bucket='images').get('Contents')
