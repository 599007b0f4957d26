# SPDX-License-Identifier: Apache-2.0
"""Headers that nobody has signed do not count."""

from typing import TYPE_CHECKING

import pytest
import requests

from ..buckets import KEYS
from ..buckets import read
from ..buckets import refused
from ..buckets import s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.mark.parametrize('version', ['s3v4', 's3'])
@pytest.mark.parametrize(
    'name',
    ['x-amz-copy-source', 'x-obs-copy-source', 'x-amz-meta-a', 'x-amz-acl'],
)
def test_a_signed_url_is_for_no_other_request(
    url: str, alpha: 'S3Client', version: str, name: str
) -> None:
    alpha.put_object(Bucket='images', Key='secret', Body=b'secret')
    signed = s3(url, KEYS['ALPHA'], signature_version=version)
    target = signed.generate_presigned_url(
        'put_object', {'Bucket': 'images', 'Key': 'key'}
    )

    requests.put(target, data=b'', headers={name: 'images/secret'}, timeout=10)

    listed = alpha.list_objects_v2(Bucket='images')['Contents']
    assert [entry['Key'] for entry in listed if entry['Size']] == ['secret']


def test_a_signed_url_of_version_2_ends_as_one_of_version_4_does(
    url: str, alpha: 'S3Client'
) -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')
    signed = s3(url, KEYS['ALPHA'], signature_version='s3')

    statuses = [
        requests.get(
            signed.generate_presigned_url(
                'get_object',
                {'Bucket': 'images', 'Key': 'key'},
                ExpiresIn=days * 24 * 3600 - 60,
            ),
            timeout=10,
        ).status_code
        for days in (7, 8)
    ]

    assert statuses == [200, 403]


def test_an_object_is_put_only_where_its_conditions_are_met(
    alpha: 'S3Client',
) -> None:
    put = alpha.put_object
    first = put(Bucket='images', Key='key', Body=b'1', IfNoneMatch='*')

    codes = [
        refused(lambda: put(Bucket='images', Key='key', IfNoneMatch='*')),
        refused(lambda: put(Bucket='images', Key='key', IfMatch='"other"')),
        refused(lambda: put(Bucket='images', Key='none', IfMatch='"x"')),
    ]
    put(Bucket='images', Key='key', Body=b'2', IfMatch=first['ETag'])

    assert codes == ['PreconditionFailed', 'PreconditionFailed', 'NoSuchKey']
    assert read(alpha, 'key') == b'2'
