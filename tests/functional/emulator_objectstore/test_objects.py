# SPDX-License-Identifier: Apache-2.0
"""The emulator's buckets, as any S3 client sees them."""

import base64
from collections.abc import Callable
import hashlib
import hmac
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
import zlib

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import pytest
import requests

from ..buckets import KEYS
from ..buckets import MIB
from ..buckets import REGION
from ..buckets import files
from ..buckets import read
from ..buckets import refused
from ..buckets import upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# ====== OBJECTS ======


@pytest.mark.parametrize('size', [0, 1, 3 * MIB])
def test_an_object_comes_back_as_it_went_in(
    alpha: 'S3Client', size: int
) -> None:
    data = os.urandom(size)

    alpha.put_object(
        Bucket='images',
        Key='a b/ü%20+',
        Body=data,
        ContentType='application/x-www-form-urlencoded',
        Metadata={'origin': 'test'},
    )

    answer = alpha.get_object(Bucket='images', Key='a b/ü%20+')
    assert answer['Body'].read() == data
    assert answer['ContentType'] == 'application/x-www-form-urlencoded'
    headers = answer['ResponseMetadata']['HTTPHeaders']
    assert headers['x-amz-meta-origin'] == 'test'


def test_an_upload_in_parts_comes_back_as_it_went_in(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    data = os.urandom(12 * MIB)

    upload(alpha, data, 'big')

    assert read(alpha, 'big') == data
    head = alpha.head_object(Bucket='images', Key='big')
    assert head['ContentLength'] == len(data)
    assert head['ETag'].endswith('-3"')


@pytest.mark.parametrize(
    ('wanted', 'start', 'end'),
    [
        ('bytes=0-0', 0, 1),
        (f'bytes={5 * MIB - 2}-{5 * MIB + 1}', 5 * MIB - 2, 5 * MIB + 2),
        (f'bytes={10 * MIB}-', 10 * MIB, None),
        ('bytes=-5', -5, None),
    ],
)
def test_a_range_of_an_object_is_read_across_its_parts(
    alpha: 'S3Client', wanted: str, start: int, end: int | None
) -> None:
    data = os.urandom(12 * MIB)
    upload(alpha, data, 'big')

    assert read(alpha, 'big', Range=wanted) == data[start:end]


def test_an_object_is_replaced_and_its_old_file_goes(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    upload(alpha, os.urandom(12 * MIB), 'key')

    alpha.put_object(Bucket='images', Key='key', Body=b'new')

    assert read(alpha, 'key') == b'new'
    assert len(files(tmp_path)) == 1


def test_a_copy_lives_on_without_its_source(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    data = os.urandom(12 * MIB)
    upload(alpha, data, 'source')

    alpha.copy_object(Bucket='images', Key='whole', CopySource='images/source')
    parts = alpha.create_multipart_upload(Bucket='images', Key='parts')
    part = alpha.upload_part_copy(
        Bucket='images',
        Key='parts',
        UploadId=parts['UploadId'],
        PartNumber=1,
        CopySource='images/source',
        CopySourceRange=f'bytes=1-{11 * MIB}',
    )
    alpha.delete_object(Bucket='images', Key='source')
    alpha.complete_multipart_upload(
        Bucket='images',
        Key='parts',
        UploadId=parts['UploadId'],
        MultipartUpload={
            'Parts': [
                {'ETag': part['CopyPartResult']['ETag'], 'PartNumber': 1}
            ]
        },
    )

    assert read(alpha, 'whole') == data
    assert read(alpha, 'parts') == data[1 : 11 * MIB + 1]
    assert len(files(tmp_path)) == 2


def test_deleted_objects_are_gone_with_their_files(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    for key in 'abc':
        alpha.put_object(Bucket='images', Key=key, Body=b'content')

    alpha.delete_object(Bucket='images', Key='a')
    alpha.delete_objects(
        Bucket='images', Delete={'Objects': [{'Key': 'b'}, {'Key': 'c'}]}
    )

    assert not alpha.list_objects_v2(Bucket='images').get('Contents')
    assert files(tmp_path) == []


def test_a_bucket_is_emptied_by_way_of_its_versions(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    for key in 'ab':
        alpha.put_object(Bucket='images', Key=key, Body=b'content')

    listed = alpha.list_object_versions(Bucket='images')['Versions']
    assert [(v['Key'], v['Size']) for v in listed] == [('a', 7), ('b', 7)]
    assert len(files(tmp_path)) == 2
    which: Any = [
        {'Key': version['Key'], 'VersionId': version['VersionId']}
        for version in listed
    ]
    alpha.delete_objects(Bucket='images', Delete={'Objects': which})
    alpha.delete_bucket(Bucket='images')

    assert files(tmp_path) == []


def test_an_aborted_upload_leaves_no_file(
    alpha: 'S3Client', tmp_path: Path
) -> None:
    begun = alpha.create_multipart_upload(Bucket='images', Key='key')
    which: Any = {
        'Bucket': 'images',
        'Key': 'key',
        'UploadId': begun['UploadId'],
    }
    alpha.upload_part(**which, PartNumber=1, Body=b'part')
    assert len(files(tmp_path)) == 1

    alpha.abort_multipart_upload(**which)

    assert files(tmp_path) == []
    assert not alpha.list_multipart_uploads(Bucket='images').get('Uploads')


def test_unfinished_uploads_and_their_parts_are_listed_in_pages(
    alpha: 'S3Client',
) -> None:
    ids = [
        alpha.create_multipart_upload(Bucket='images', Key=key)['UploadId']
        for key in ('b', 'a', 'b', 'c/d')
    ]
    for number in (7, 2, 9):
        alpha.upload_part(
            Bucket='images',
            Key='a',
            UploadId=ids[1],
            PartNumber=number,
            Body=b'part',
        )

    pages = alpha.get_paginator('list_multipart_uploads').paginate(
        Bucket='images', PaginationConfig={'PageSize': 1}
    )
    part_pages = alpha.get_paginator('list_parts').paginate(
        Bucket='images',
        Key='a',
        UploadId=ids[1],
        PaginationConfig={'PageSize': 2},
    )

    assert [
        [(upload['Key'], upload['UploadId']) for upload in page['Uploads']]
        for page in pages
    ] == [
        [('a', ids[1])],
        *([('b', upload_id)] for upload_id in sorted([ids[0], ids[2]])),
        [('c/d', ids[3])],
    ]
    assert [
        [part['PartNumber'] for part in page['Parts']] for page in part_pages
    ] == [[2, 7], [9]]
    assert [
        upload['Key']
        for upload in alpha.list_multipart_uploads(
            Bucket='images', Prefix='c/'
        )['Uploads']
    ] == ['c/d']


@pytest.mark.parametrize(
    ('parts', 'code'),
    [
        ([(1, 'x'), (2, None)], 'InvalidPart'),
        ([(1, None), (2, None)], 'EntityTooSmall'),
        ([(3, 'x')], 'InvalidPart'),
        ([(2, None), (1, None)], 'InvalidPartOrder'),
    ],
)
def test_parts_that_make_no_object_are_refused(
    alpha: 'S3Client', parts: list[tuple[int, str | None]], code: str
) -> None:
    begun = alpha.create_multipart_upload(Bucket='images', Key='key')
    which: Any = {
        'Bucket': 'images',
        'Key': 'key',
        'UploadId': begun['UploadId'],
    }
    etags = {
        number: alpha.upload_part(**which, PartNumber=number, Body=b'part')[
            'ETag'
        ]
        for number in (1, 2)
    }

    named: Any = [
        {'PartNumber': number, 'ETag': etag or etags[number]}
        for number, etag in parts
    ]

    assert (
        refused(
            lambda: alpha.complete_multipart_upload(
                **which, MultipartUpload={'Parts': named}
            )
        )
        == code
    )


def test_a_bucket_with_objects_is_not_deleted(alpha: 'S3Client') -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')

    code = refused(lambda: alpha.delete_bucket(Bucket='images'))

    assert code == 'BucketNotEmpty'


@pytest.mark.parametrize(
    ('operation', 'options', 'code'),
    [
        ('get_object', {'Key': 'none'}, 'NoSuchKey'),
        ('get_object', {'Bucket': 'nothing', 'Key': 'none'}, 'NoSuchBucket'),
        ('list_objects_v2', {'Bucket': 'nothing'}, 'NoSuchBucket'),
        ('put_object', {'Bucket': 'nothing', 'Key': 'k'}, 'NoSuchBucket'),
        (
            'upload_part',
            {'Key': 'k', 'UploadId': 'none', 'PartNumber': 1, 'Body': b'x'},
            'NoSuchUpload',
        ),
        ('create_bucket', {'Bucket': 'Under_Score'}, 'InvalidBucketName'),
        (
            'put_bucket_versioning',
            {'VersioningConfiguration': {'Status': 'Enabled'}},
            'NotImplemented',
        ),
        ('put_bucket_policy', {'Policy': '{}'}, 'NotImplemented'),
        (
            'put_object',
            {'Key': 'k', 'Body': b'x', 'Tagging': 'a=b'},
            'NotImplemented',
        ),
        (
            'put_object',
            {'Key': 'k', 'Body': b'x', 'ACL': 'public-read'},
            'NotImplemented',
        ),
        (
            'put_object',
            {
                'Key': 'k',
                'Body': b'x',
                'ContentMD5': 'XUFAKrxLKna5cZ2REBfFkg==',
            },
            'BadDigest',
        ),
        (
            'put_object',
            {'Key': 'k', 'Body': b'x', 'ChecksumCRC32': 'AAAAAA=='},
            'BadDigest',
        ),
    ],
)
def test_what_cannot_be_done_has_a_code_and_leaves_no_file(
    alpha: 'S3Client',
    tmp_path: Path,
    operation: str,
    options: dict[str, Any],
    code: str,
) -> None:
    call = getattr(alpha, operation)

    assert refused(lambda: call(**{'Bucket': 'images', **options})) == code
    assert files(tmp_path) == []


# ====== BODIES IN SIGNED PIECES ======


def put_streaming(
    url: str,
    body: bytes | Callable[[str, str], bytes],
    payload: str,
    **headers: str,
) -> requests.Response:
    """Put an object as the SDKs do that sign before they know the body.

    :param body: The body, or what makes it of the time and the signature.
    """

    class Signer(S3SigV4Auth):
        def payload(self, request: AWSRequest) -> str:
            return payload

    request = AWSRequest(
        'PUT',
        f'{url}/images/streamed',
        {
            'Content-Encoding': 'aws-chunked',
            **{n.replace('_', '-'): value for n, value in headers.items()},
        },
    )
    key = KEYS['ALPHA']
    Signer(Credentials(key.access, key.secret), 's3', REGION).add_auth(request)
    if callable(body):
        signature = request.headers['Authorization'].rpartition('=')[2]
        body = body(request.headers['X-Amz-Date'], signature)
    return requests.put(
        f'{url}/images/streamed',
        data=body,
        headers=dict(request.headers),
        timeout=10,
    )


def crc32(data: bytes) -> bytes:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, 'big'))


def test_a_body_in_chunks_with_a_trailer_is_unpacked(
    url: str, alpha: 'S3Client'
) -> None:
    body = (
        b'5\r\nHello\r\n7\r\n, world\r\n0\r\n'
        b'x-amz-checksum-crc32:' + crc32(b'Hello, world') + b'\r\n\r\n'
    )

    answer = put_streaming(
        url,
        body,
        'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        x_amz_decoded_content_length='12',
        x_amz_trailer='x-amz-checksum-crc32',
    )

    assert answer.status_code == 200
    assert read(alpha, 'streamed') == b'Hello, world'
    head = alpha.head_object(Bucket='images', Key='streamed')
    assert 'ContentEncoding' not in head


def put_signed_chunks(
    url: str, chunks: list[bytes], payload: str, trailer: bytes = b''
) -> requests.Response:
    """Put an object in chunks, each with a signature of its own."""
    name = f'STREAMING-AWS4-HMAC-SHA256-PAYLOAD{payload}'
    headers = {'x_amz_decoded_content_length': str(len(b''.join(chunks)))}
    if trailer:
        headers['x_amz_trailer'] = 'x-amz-checksum-crc32'

    def body(stamp: str, seed: str) -> bytes:
        key = b'AWS4' + KEYS['ALPHA'].secret.encode()
        for part in (stamp[:8], REGION, 's3', 'aws4_request'):
            key = hmac.digest(key, part.encode(), 'sha256')
        scope = f'{stamp}\n{stamp[:8]}/{REGION}/s3/aws4_request\n'
        empty = hashlib.sha256().hexdigest()
        framed = b''
        for chunk in [*chunks, b'']:
            digest = hashlib.sha256(chunk).hexdigest()
            text = f'{scope}{seed}\n{empty}\n{digest}'
            seed = hmac.digest(
                key, f'AWS4-HMAC-SHA256-PAYLOAD\n{text}'.encode(), 'sha256'
            ).hex()
            framed += b'%x;chunk-signature=%s\r\n' % (
                len(chunk),
                seed.encode(),
            )
            framed += chunk + b'\r\n' if chunk else b''
        if trailer:
            digest = hashlib.sha256(trailer + b'\n').hexdigest()
            text = f'AWS4-HMAC-SHA256-TRAILER\n{scope}{seed}\n{digest}'
            seed = hmac.digest(key, text.encode(), 'sha256').hex()
            framed += trailer + b'\r\nx-amz-trailer-signature:'
            framed += seed.encode() + b'\r\n'
        return framed + b'\r\n'

    return put_streaming(url, body, name, **headers)


@pytest.mark.parametrize('payload', ['', '-TRAILER'])
def test_a_body_in_signed_chunks_is_unpacked(
    url: str, alpha: 'S3Client', payload: str
) -> None:
    trailer = b'x-amz-checksum-crc32:' + crc32(b'Hello, world')

    answer = put_signed_chunks(
        url, [b'Hello', b', world'], payload, trailer if payload else b''
    )

    assert answer.status_code == 200
    assert read(alpha, 'streamed') == b'Hello, world'


def test_a_chunk_whose_signature_is_wrong_is_refused(
    url: str, tmp_path: Path
) -> None:
    mark = b';chunk-signature=' + b'0' * 64

    answer = put_streaming(
        url,
        b'5' + mark + b'\r\nHello\r\n0' + mark + b'\r\n\r\n',
        'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        x_amz_decoded_content_length='5',
    )

    assert answer.status_code == 403
    assert '<Code>SignatureDoesNotMatch</Code>' in answer.text
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ('body', 'length', 'code'),
    [
        (b'1\r\nx\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n', '1', 'BadDigest'),
        (b'5\r\nHello\r\n0\r\n\r\n', '5', 'BadDigest'),
        (b'5\r\nHello\r\n0\r\n\r\n', '6', 'IncompleteBody'),
        (b'5\r\nHel', '5', 'IncompleteBody'),
        (b'zz\r\nHello\r\n0\r\n\r\n', '5', 'IncompleteBody'),
    ],
)
def test_a_body_in_broken_chunks_is_refused(
    url: str, tmp_path: Path, body: bytes, length: str, code: str
) -> None:
    answer = put_streaming(
        url,
        body,
        'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
        x_amz_decoded_content_length=length,
        x_amz_trailer='x-amz-checksum-crc32',
    )

    assert answer.status_code == 400
    assert f'<Code>{code}</Code>' in answer.text
    assert files(tmp_path) == []


def test_a_body_that_is_not_the_one_signed_is_refused(
    url: str, tmp_path: Path
) -> None:
    answer = put_streaming(url, b'content', '0' * 64)

    assert '<Code>XAmzContentSHA256Mismatch</Code>' in answer.text
    assert files(tmp_path) == []
