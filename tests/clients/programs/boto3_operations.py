# SPDX-License-Identifier: Apache-2.0
"""boto3: all that it can do with buckets and objects here."""

import io
import os
from typing import Any
import urllib.request

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import ClientError
from operations import ACCESS
from operations import MIB
from operations import MODE
from operations import REGION
from operations import SECRET
from operations import URL
from operations import attempt

SIGNATURE, _, ADDRESSING = MODE.partition(' ')
BUCKET = f'boto3-{SIGNATURE}-{ADDRESSING}'
BIG = os.urandom(12 * MIB)

client: Any = boto3.client(
    's3',
    endpoint_url=URL,
    region_name=REGION,
    aws_access_key_id=ACCESS,
    aws_secret_access_key=SECRET,
    aws_session_token=os.environ.get('BUCKET_SECURITY_TOKEN') or None,
    config=Config(
        signature_version=SIGNATURE,
        s3={'addressing_style': ADDRESSING},
        retries={'total_max_attempts': 1},
    ),
)


def refused(code: str, call: Any, **options: Any) -> None:
    found = None
    try:
        call(Bucket=BUCKET, **options)
    except ClientError as error:
        found = error.response['Error']['Code']
    assert found == code, f'{found} in place of {code}'


def read(key: str, **options: Any) -> bytes:
    found = client.get_object(Bucket=BUCKET, Key=key, **options)
    content: bytes = found['Body'].read()
    return content


def create_bucket() -> None:
    client.create_bucket(
        Bucket=BUCKET,
        CreateBucketConfiguration={'LocationConstraint': REGION},
    )


def list_buckets() -> None:
    assert BUCKET in [b['Name'] for b in client.list_buckets()['Buckets']]


def head_bucket() -> None:
    assert client.head_bucket(Bucket=BUCKET)['BucketRegion'] == REGION


def bucket_location() -> None:
    found = client.get_bucket_location(Bucket=BUCKET)
    assert found['LocationConstraint'] == REGION


def bucket_acl() -> None:
    [grant] = client.get_bucket_acl(Bucket=BUCKET)['Grants']
    assert grant['Permission'] == 'FULL_CONTROL'
    assert grant['Grantee']['Type'] == 'CanonicalUser'


def bucket_settings() -> None:
    refused('NoSuchBucketPolicy', client.get_bucket_policy)
    refused('NoSuchCORSConfiguration', client.get_bucket_cors)
    refused(
        'NoSuchLifecycleConfiguration',
        client.get_bucket_lifecycle_configuration,
    )
    refused('NoSuchTagSet', client.get_bucket_tagging)
    refused('NoSuchWebsiteConfiguration', client.get_bucket_website)
    assert 'Status' not in client.get_bucket_versioning(Bucket=BUCKET)
    found = client.get_bucket_request_payment(Bucket=BUCKET)
    assert found['Payer'] == 'BucketOwner'


def put_object() -> None:
    client.put_object(
        Bucket=BUCKET,
        Key='a b/ü%20+',
        Body=b'content',
        ContentType='text/plain',
        CacheControl='no-store',
        Metadata={'origin': 'test'},
    )


def get_object() -> None:
    found = client.get_object(Bucket=BUCKET, Key='a b/ü%20+')
    assert found['Body'].read() == b'content'
    assert found['ContentType'] == 'text/plain'
    assert found['CacheControl'] == 'no-store'
    assert found['Metadata'] == {'origin': 'test'}
    refused('NoSuchKey', client.get_object, Key='none')


def head_object() -> None:
    found = client.head_object(Bucket=BUCKET, Key='a b/ü%20+')
    assert found['ContentLength'] == 7
    assert found['Metadata'] == {'origin': 'test'}
    refused('404', client.head_object, Key='none')


def get_range() -> None:
    assert read('a b/ü%20+', Range='bytes=1-3') == b'ont'
    assert read('a b/ü%20+', Range='bytes=-2') == b'nt'
    refused(
        'InvalidRange', client.get_object, Key='a b/ü%20+', Range='bytes=7-'
    )


def conditions() -> None:
    found = client.head_object(Bucket=BUCKET, Key='a b/ü%20+')
    which = {'Key': 'a b/ü%20+'}
    refused('304', client.get_object, **which, IfNoneMatch=found['ETag'])
    refused('PreconditionFailed', client.get_object, **which, IfMatch='"x"')
    refused('PreconditionFailed', client.put_object, **which, IfNoneMatch='*')


def object_settings() -> None:
    which = {'Bucket': BUCKET, 'Key': 'a b/ü%20+'}
    assert client.get_object_acl(**which)['Grants']
    assert client.get_object_tagging(**which)['TagSet'] == []


def copy_object() -> None:
    source = {'Bucket': BUCKET, 'Key': 'a b/ü%20+'}
    client.copy_object(Bucket=BUCKET, Key='copy', CopySource=source)
    assert read('copy') == b'content'
    client.copy_object(
        Bucket=BUCKET,
        Key='copy',
        CopySource={'Bucket': BUCKET, 'Key': 'copy'},
        Metadata={'copied': 'yes'},
        MetadataDirective='REPLACE',
    )
    found = client.head_object(Bucket=BUCKET, Key='copy')
    assert found['Metadata'] == {'copied': 'yes'}


def upload_file() -> None:
    config = TransferConfig(
        multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB
    )
    client.upload_fileobj(io.BytesIO(BIG), BUCKET, 'big', Config=config)
    target = io.BytesIO()
    client.download_fileobj(BUCKET, 'big', target, Config=config)
    assert target.getvalue() == BIG
    client.copy(
        {'Bucket': BUCKET, 'Key': 'big'}, BUCKET, 'big copy', Config=config
    )
    assert read('big copy') == BIG


def multipart() -> None:
    which = {'Key': 'parts'}
    begun = client.create_multipart_upload(Bucket=BUCKET, **which)
    which['UploadId'] = begun['UploadId']
    client.upload_part(Bucket=BUCKET, **which, PartNumber=1, Body=b'part')
    client.upload_part_copy(
        Bucket=BUCKET,
        **which,
        PartNumber=2,
        CopySource={'Bucket': BUCKET, 'Key': 'big'},
        CopySourceRange='bytes=0-9',
    )
    found = client.list_parts(Bucket=BUCKET, **which)['Parts']
    assert [part['Size'] for part in found] == [4, 10]
    uploads = client.list_multipart_uploads(Bucket=BUCKET)['Uploads']
    assert [each['UploadId'] for each in uploads] == [begun['UploadId']]
    client.abort_multipart_upload(Bucket=BUCKET, **which)
    refused('NoSuchUpload', client.list_parts, **which)


def list_objects() -> None:
    for key in ('dir/1', 'dir/2', 'dir/sub/3'):
        client.put_object(Bucket=BUCKET, Key=key, Body=b'x')
    for name in ('list_objects', 'list_objects_v2'):
        pages = client.get_paginator(name).paginate(
            Bucket=BUCKET, PaginationConfig={'PageSize': 2}
        )
        keys = [e['Key'] for page in pages for e in page['Contents']]
        assert keys == [
            'a b/ü%20+', 'big', 'big copy', 'copy', 'dir/1', 'dir/2',
            'dir/sub/3',
        ]  # fmt: skip
        pages = client.get_paginator(name).paginate(
            Bucket=BUCKET, Delimiter='/', PaginationConfig={'PageSize': 1}
        )
        groups = [
            each['Prefix']
            for page in pages
            for each in page.get('CommonPrefixes', [])
        ]
        assert groups == ['a b/', 'dir/']


def list_versions() -> None:
    found = client.list_object_versions(Bucket=BUCKET)['Versions']
    assert {v['VersionId'] for v in found} == {'null'}


def signed_url() -> None:
    which = {'Bucket': BUCKET, 'Key': 'a b/ü%20+'}
    signed = client.generate_presigned_url('get_object', which)
    with urllib.request.urlopen(signed) as answer:
        assert answer.read() == b'content'
    which = {'Bucket': BUCKET, 'Key': 'by url'}
    signed = client.generate_presigned_url('put_object', which)
    request = urllib.request.Request(signed, b'by url', method='PUT')
    # What urllib says otherwise, nobody has signed.
    request.add_header('Content-Type', '')
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    assert read('by url') == b'by url'


def not_there() -> None:
    refused('NotImplemented', client.put_bucket_policy, Policy='{}')
    refused('NotImplemented', client.get_bucket_replication)
    refused('NotImplemented', client.get_object_torrent, Key='big')


def delete_objects() -> None:
    refused('BucketNotEmpty', client.delete_bucket)
    listed = client.list_objects_v2(Bucket=BUCKET)['Contents']
    client.delete_object(Bucket=BUCKET, Key=listed[0]['Key'])
    named = [{'Key': entry['Key']} for entry in listed]
    found = client.delete_objects(Bucket=BUCKET, Delete={'Objects': named})
    assert len(found['Deleted']) == len(named)


def delete_bucket() -> None:
    client.delete_bucket(Bucket=BUCKET)
    refused('NoSuchBucket', client.list_objects_v2)


for each in (
    create_bucket,
    list_buckets,
    head_bucket,
    bucket_location,
    bucket_acl,
    bucket_settings,
    put_object,
    get_object,
    head_object,
    get_range,
    conditions,
    object_settings,
    copy_object,
    upload_file,
    multipart,
    list_objects,
    list_versions,
    signed_url,
    not_there,
    delete_objects,
    delete_bucket,
):
    attempt(each.__name__, each)
