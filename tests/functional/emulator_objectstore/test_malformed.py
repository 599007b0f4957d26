# SPDX-License-Identifier: Apache-2.0
"""What the emulator's buckets answer to requests that make no sense."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import pytest
import requests

from ..buckets import KEYS
from ..buckets import REGION
from ..buckets import files
from ..buckets import read
from ..buckets import refused
from ..buckets import s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def alpha(url: str) -> 'S3Client':
    client = s3(url, KEYS['ALPHA'], parameter_validation=False)
    client.put_object(Bucket='images', Key='key', Body=b'content')
    return client


def send(method: str, url: str, body: bytes) -> requests.Response:
    """Send a request that is signed, whatever else it is."""
    request = AWSRequest(method, url, data=body)
    key = KEYS['ALPHA']
    S3SigV4Auth(Credentials(key.access, key.secret), 's3', REGION).add_auth(
        request
    )
    return requests.request(
        method, url, data=body, headers=dict(request.headers), timeout=10
    )


@pytest.mark.parametrize(
    ('operation', 'options', 'code'),
    [
        ('list_objects_v2', {'MaxKeys': -1}, 'InvalidArgument'),
        ('list_objects_v2', {'ContinuationToken': 'zz'}, 'InvalidArgument'),
        ('get_object', {'Key': 'key', 'PartNumber': 7}, 'InvalidRange'),
        ('get_object_retention', {'Key': 'key'}, 'NotImplemented'),
        ('get_object_legal_hold', {'Key': 'key'}, 'NotImplemented'),
        ('get_object_torrent', {'Key': 'key'}, 'NotImplemented'),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(
    alpha: 'S3Client', operation: str, options: dict[str, Any], code: str
) -> None:
    call = getattr(alpha, operation)

    assert refused(lambda: call(Bucket='images', **options)) == code


@pytest.mark.parametrize(
    'document',
    [
        b'<a/>',
        b'<Delete></Delete>',
        b'<Delete><Object></Object></Delete>',
        b'<Delete><Object><Key>key</Key></Object><Object/></Delete>',
    ],
)
def test_a_malformed_list_of_objects_deletes_none(
    alpha: 'S3Client', url: str, document: bytes
) -> None:
    answer = send('POST', f'{url}/images?delete=', document)

    assert answer.status_code == 400
    assert '<Code>MalformedXML</Code>' in answer.text
    assert read(alpha, 'key') == b'content'


@pytest.mark.parametrize(
    'part',
    [
        b'<Part/>',
        b'<Part><PartNumber>1</PartNumber></Part>',
        b'<Part><PartNumber>x</PartNumber><ETag>x</ETag></Part>',
    ],
)
def test_a_malformed_list_of_parts_completes_nothing(
    alpha: 'S3Client', url: str, part: bytes
) -> None:
    begun = alpha.create_multipart_upload(Bucket='images', Key='big')

    answer = send(
        'POST',
        f'{url}/images/big?uploadId={begun["UploadId"]}',
        b'<CompleteMultipartUpload>' + part + b'</CompleteMultipartUpload>',
    )

    assert answer.status_code == 400
    assert '<Code>MalformedXML</Code>' in answer.text
    assert alpha.list_multipart_uploads(Bucket='images').get('Uploads')


@pytest.mark.parametrize('query', ['partNumber=1', 'uploadId=x'])
def test_half_of_what_names_a_part_stores_no_object(
    url: str, tmp_path: Path, query: str
) -> None:
    answer = send('PUT', f'{url}/images/key?{query}', b'content')

    assert answer.status_code == 400
    assert '<Code>InvalidArgument</Code>' in answer.text
    assert files(tmp_path) == []
