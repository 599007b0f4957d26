# SPDX-License-Identifier: Apache-2.0
"""esdk-obs-python: all that it can do with buckets and objects."""

import os
import pathlib
import tempfile
from typing import Any
from urllib.parse import urlsplit
import urllib.request

from obs import CompleteMultipartUploadRequest
from obs import CompletePart
from obs import CopyObjectHeader
from obs import DeleteObjectsRequest
from obs import GetObjectHeader
from obs import Object
from obs import ObsClient
from obs import Options
from obs import PutObjectHeader
from operations import ACCESS
from operations import MIB
from operations import MODE
from operations import REGION
from operations import SECRET
from operations import URL
from operations import attempt

SIGNATURE, _, PATH = MODE.partition('+')
BUCKET = f'esdk-python-{SIGNATURE}{PATH}'
WORK = pathlib.Path(tempfile.mkdtemp())
BIG = os.urandom(3 * MIB)

client: Any = ObsClient(
    access_key_id=ACCESS,
    secret_access_key=SECRET,
    server=URL,
    signature='obs' if SIGNATURE == 'negotiated' else SIGNATURE,
    is_signature_negotiation=SIGNATURE == 'negotiated',
    region=REGION,
    max_retry_count=0,
)


def done(result: Any, status: int = 300) -> Any:
    assert result.status < status, (
        result.status,
        result.errorCode,
        result.errorMessage,
    )
    assert result.requestId
    return result


def refused(result: Any, code: str) -> None:
    assert result.errorCode == code, (result.status, result.errorCode)
    assert result.errorMessage
    assert result.requestId
    assert result.hostId


def create_bucket() -> None:
    done(client.createBucket(BUCKET, location=REGION))


def list_buckets() -> None:
    found = done(client.listBuckets()).body
    assert BUCKET in [bucket.name for bucket in found.buckets]
    assert {bucket.location for bucket in found.buckets} == {REGION}


def head_bucket() -> None:
    done(client.headBucket(BUCKET))
    assert client.headBucket('there-is-none').status == 404


def bucket_metadata() -> None:
    assert done(client.getBucketMetadata(BUCKET)).body.location == REGION


def bucket_location() -> None:
    assert done(client.getBucketLocation(BUCKET)).body.location == REGION


def bucket_acl() -> None:
    [grant] = done(client.getBucketAcl(BUCKET)).body.grants
    assert grant.permission == 'FULL_CONTROL'
    assert grant.grantee.grantee_id


def bucket_settings() -> None:
    refused(client.getBucketPolicy(BUCKET), 'NoSuchBucketPolicy')
    refused(client.getBucketCors(BUCKET), 'NoSuchCORSConfiguration')
    refused(client.getBucketLifecycle(BUCKET), 'NoSuchLifecycleConfiguration')
    refused(client.getBucketTagging(BUCKET), 'NoSuchTagSet')
    refused(client.getBucketWebsite(BUCKET), 'NoSuchWebsiteConfiguration')
    assert not done(client.getBucketVersioning(BUCKET)).body
    done(client.getBucketLogging(BUCKET))
    done(client.getBucketNotification(BUCKET))


def bucket_quota() -> None:
    assert done(client.getBucketQuota(BUCKET)).body.quota == 0


def put_object() -> None:
    result = done(
        client.putContent(
            BUCKET,
            'a b/ü%20+',
            content='content',
            metadata={'origin': 'test'},
            headers=PutObjectHeader(contentType='text/plain'),
        )
    )
    assert result.body.etag == '"9a0364b9e99bb480dd25e1f0284c8555"'


def put_file() -> None:
    path = WORK / 'big'
    path.write_bytes(BIG)
    done(client.putFile(BUCKET, 'big', str(path)))


def head_object() -> None:
    found = done(client.getObjectMetadata(BUCKET, 'a b/ü%20+'))
    assert found.body.contentLength == 7
    assert found.body.contentType == 'text/plain'
    assert ('origin', 'test') in found.header
    assert client.getObjectMetadata(BUCKET, 'none').status == 404


def get_object() -> None:
    found = done(
        client.getObject(BUCKET, 'a b/ü%20+', loadStreamInMemory=True)
    )
    assert found.body.buffer == b'content'
    refused(client.getObject(BUCKET, 'none'), 'NoSuchKey')
    path = WORK / 'down'
    done(client.getObject(BUCKET, 'big', downloadPath=str(path)))
    assert path.read_bytes() == BIG


def get_range() -> None:
    found = done(
        client.getObject(
            BUCKET,
            'big',
            loadStreamInMemory=True,
            headers=GetObjectHeader(range='1-9'),
        )
    )
    assert found.status == 206
    assert found.body.buffer == BIG[1:10]


def conditions() -> None:
    etag = client.getObjectMetadata(BUCKET, 'big').body.etag.strip('"')
    same = client.getObject(
        BUCKET, 'big', headers=GetObjectHeader(if_none_match=etag)
    )
    assert same.status == 304
    other = client.getObject(
        BUCKET, 'big', headers=GetObjectHeader(if_match='other')
    )
    refused(other, 'PreconditionFailed')


def set_metadata() -> None:
    done(client.setObjectMetadata(BUCKET, 'big', metadata={'purpose': 'x'}))
    found = done(client.getObjectMetadata(BUCKET, 'big'))
    assert ('purpose', 'x') in found.header


def object_acl() -> None:
    done(client.getObjectAcl(BUCKET, 'big'))


def copy_object() -> None:
    done(client.copyObject(BUCKET, 'a b/ü%20+', BUCKET, 'copy ü'))
    found = done(client.getObject(BUCKET, 'copy ü', loadStreamInMemory=True))
    assert found.body.buffer == b'content'
    done(
        client.copyObject(
            BUCKET,
            'copy ü',
            BUCKET,
            'copy ü',
            metadata={'copied': 'yes'},
            headers=CopyObjectHeader(directive='REPLACE'),
        )
    )
    header = done(client.getObjectMetadata(BUCKET, 'copy ü')).header
    assert ('copied', 'yes') in header


def list_objects() -> None:
    for name in ('dir/1', 'dir/2', 'dir/sub/3'):
        done(client.putContent(BUCKET, name, content='x'))
    found = done(client.listObjects(BUCKET, prefix='dir/', delimiter='/'))
    assert [c.key for c in found.body.contents] == ['dir/1', 'dir/2']
    assert [c.size for c in found.body.contents] == [1, 1]
    assert [p.prefix for p in found.body.commonPrefixs] == ['dir/sub/']
    assert found.body.location == REGION
    keys, marker = [], None
    while True:
        page = done(client.listObjects(BUCKET, marker=marker, max_keys=2))
        keys += [entry.key for entry in page.body.contents]
        if not page.body.is_truncated:
            break
        marker = page.body.next_marker
    assert keys == sorted(
        ['a b/ü%20+', 'big', 'copy ü', 'dir/1', 'dir/2', 'dir/sub/3']
    )


def list_versions() -> None:
    found = done(client.listVersions(BUCKET)).body
    assert [(v.versionId, v.isLatest) for v in found.versions[:1]] == [
        ('null', True)
    ]


def multipart() -> None:
    begun = done(client.initiateMultipartUpload(BUCKET, 'parts')).body
    halves = [BIG[:MIB], BIG[MIB:]]
    parts = []
    for number, half in enumerate(halves, 1):
        result = done(
            client.uploadPart(
                BUCKET, 'parts', number, begun.uploadId, content=half
            )
        )
        parts.append(CompletePart(partNum=number, etag=result.body.etag))
    copied = done(
        client.copyPart(
            BUCKET,
            'parts',
            3,
            begun.uploadId,
            f'{BUCKET}/big',
            copySourceRange='0-99',
        )
    )
    parts.append(CompletePart(partNum=3, etag=copied.body.etag))
    listed = done(client.listParts(BUCKET, 'parts', begun.uploadId)).body
    assert [p.partNumber for p in listed.parts] == [1, 2, 3]
    uploads = done(client.listMultipartUploads(BUCKET)).body.upload
    assert [u.uploadId for u in uploads] == [begun.uploadId]
    done(
        client.completeMultipartUpload(
            BUCKET,
            'parts',
            begun.uploadId,
            CompleteMultipartUploadRequest(parts=parts),
        )
    )
    found = done(client.getObject(BUCKET, 'parts', loadStreamInMemory=True))
    assert found.body.buffer == BIG + BIG[:100]


def abort_multipart() -> None:
    begun = done(client.initiateMultipartUpload(BUCKET, 'no')).body
    done(client.abortMultipartUpload(BUCKET, 'no', begun.uploadId))
    refused(client.listParts(BUCKET, 'no', begun.uploadId), 'NoSuchUpload')


def upload_file() -> None:
    path = WORK / 'resumed'
    path.write_bytes(BIG)
    done(
        client.uploadFile(
            BUCKET, 'resumed', str(path), partSize=MIB, enableCheckpoint=True
        )
    )
    down = WORK / 'resumed-down'
    done(
        client.downloadFile(
            BUCKET,
            'resumed',
            str(down),
            partSize=MIB,
            enableCheckpoint=True,
        )
    )
    assert down.read_bytes() == BIG


def signed_url() -> None:
    signed = client.createSignedUrl('GET', BUCKET, 'a b/ü%20+', expires=60)
    with urllib.request.urlopen(signed.signedUrl) as answer:
        assert answer.read() == b'content'
    signed = client.createSignedUrl(
        'PUT', BUCKET, 'by url', headers={'Content-Type': 'text/plain'}
    )
    request = urllib.request.Request(
        signed.signedUrl,
        b'by url',
        signed.actualSignedRequestHeaders,
        method='PUT',
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200
    found = client.getObject(BUCKET, 'by url', loadStreamInMemory=True)
    assert found.body.buffer == b'by url'


def options() -> None:
    assert (
        client.optionsBucket(
            BUCKET,
            Options(
                origin='http://example.com',
                accessControlRequestMethods=['GET'],
            ),
        ).status
        == 403
    )


def storage_info() -> None:
    found = done(client.getBucketStorageInfo(BUCKET)).body
    assert found.objectNumber == len(client.listObjects(BUCKET).body.contents)
    assert found.size > len(BIG)


def not_there() -> None:
    refused(client.setBucketPolicy(BUCKET, '{}'), 'NotImplemented')


def delete_objects() -> None:
    keys = [entry.key for entry in client.listObjects(BUCKET).body.contents]
    done(client.deleteObject(BUCKET, keys[0]))
    refused(client.deleteBucket(BUCKET), 'BucketNotEmpty')
    result = done(
        client.deleteObjects(
            BUCKET,
            DeleteObjectsRequest(
                quiet=False, objects=[Object(key=key) for key in keys]
            ),
        )
    )
    assert [each.key for each in result.body.deleted] == keys
    assert not client.listObjects(BUCKET).body.contents


def delete_bucket() -> None:
    done(client.deleteBucket(BUCKET))
    refused(client.listObjects(BUCKET), 'NoSuchBucket')


if urlsplit(URL).hostname == 'localhost':
    assert not client.path_style
for each in (
    create_bucket,
    list_buckets,
    head_bucket,
    bucket_metadata,
    bucket_location,
    bucket_acl,
    bucket_settings,
    bucket_quota,
    put_object,
    put_file,
    head_object,
    get_object,
    get_range,
    conditions,
    set_metadata,
    object_acl,
    copy_object,
    list_objects,
    list_versions,
    multipart,
    abort_multipart,
    upload_file,
    signed_url,
    options,
    storage_info,
    not_there,
    delete_objects,
    delete_bucket,
):
    attempt(each.__name__, each)
