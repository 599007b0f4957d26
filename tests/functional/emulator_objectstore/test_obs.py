# SPDX-License-Identifier: Apache-2.0
"""OBS's own protocol, spoken to the emulator's buckets by hand."""

import base64
from email.utils import formatdate
import hmac
import time
from typing import TYPE_CHECKING
from urllib.parse import quote
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
import requests

from ..buckets import KEYS
from ..buckets import REGION
from ..buckets import Key
from ..buckets import read
from ..buckets import s3

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAMESPACE = '{http://obs.myhwclouds.com/doc/2015-06-30/}'


def signature(key: Key, *lines: str) -> str:
    digest = hmac.digest(
        key.secret.encode(), '\n'.join(lines).encode(), 'sha1'
    )
    return base64.b64encode(digest).decode()


def send(
    url: str,
    method: str,
    path: str,
    query: str = '',
    key: Key = KEYS['ALPHA'],
    body: bytes = b'',
    host: str = '',
    **headers: str,
) -> requests.Response:
    """Send a request as OBS documents it.

    :param query: Sub-resources, which are signed.
    :param host: The bucket in the host's name.
    """
    own = {f'x-obs-{n.replace("_", "-")}': v for n, v in headers.items()}
    if key.security_token:
        own['x-obs-security-token'] = key.security_token
    date = formatdate(usegmt=True)
    resource = (f'/{host}' if host else '') + quote(path)
    signed = signature(
        key,
        *(method, '', '', date),
        *(f'{name}:{own[name]}' for name in sorted(own)),
        resource + (f'?{query}' if query else ''),
    )
    sent = {
        **own,
        'Date': date,
        'Authorization': f'OBS {key.access}:{signed}',
    }
    if host:
        sent['Host'] = f'{host}.obs.{REGION}.localhost'
    return requests.request(
        method,
        url + quote(path) + (f'?{query}' if query else ''),
        data=body,
        headers=sent,
        timeout=10,
    )


@pytest.mark.parametrize('key', ['ALPHA', 'TEMP'])
@pytest.mark.parametrize('host', ['', 'images'])
def test_an_object_comes_back_with_its_metadata(
    url: str, key: str, host: str
) -> None:
    path = '/a b/ü%20+' if host else '/images/a b/ü%20+'
    common = {'key': KEYS[key], 'host': host}

    put = send(url, 'PUT', path, body=b'content', meta_origin='test', **common)
    got = send(url, 'GET', path, **common)

    assert put.status_code == 200
    assert got.content == b'content'
    assert got.headers['x-obs-meta-origin'] == 'test'
    assert got.headers['x-obs-request-id']
    assert got.headers['x-obs-id-2']
    assert not [n for n in got.headers if n.lower().startswith('x-amz-')]


def test_documents_are_in_obs_words(url: str) -> None:
    root = ElementTree.fromstring(send(url, 'GET', '/').content)

    assert root.tag == f'{NAMESPACE}ListAllMyBucketsResult'
    assert [
        (
            bucket.findtext(f'{NAMESPACE}Name'),
            bucket.findtext(f'{NAMESPACE}Location'),
        )
        for bucket in root.iter(f'{NAMESPACE}Bucket')
    ] == [('images', REGION)]


def test_a_refusal_is_in_obs_words(url: str) -> None:
    answer = send(url, 'GET', '/images/none')

    root = ElementTree.fromstring(answer.content)
    assert answer.status_code == 404
    assert root.findtext('Code') == 'NoSuchKey'
    assert root.findtext('RequestId') == answer.headers['x-obs-request-id']
    assert root.findtext('HostId') == answer.headers['x-obs-id-2']


def test_the_region_and_the_storage_class_are_told(url: str) -> None:
    send(url, 'PUT', '/cold', storage_class='COLD')
    send(url, 'PUT', '/cold/key', body=b'x')

    bucket = send(url, 'HEAD', '/cold').headers
    location = send(url, 'GET', '/cold', 'location')
    described = send(url, 'HEAD', '/cold/key').headers

    assert bucket['x-obs-bucket-location'] == REGION
    assert bucket['x-obs-storage-class'] == 'COLD'
    assert ElementTree.fromstring(location.content).text == REGION
    assert described['x-obs-storage-class'] == 'COLD'


def test_what_one_protocol_writes_the_other_reads(
    url: str, alpha: 'S3Client'
) -> None:
    send(
        *(url, 'PUT', '/images/key'),
        body=b'content',
        meta_origin='test',
        storage_class='WARM',
    )

    found = alpha.head_object(Bucket='images', Key='key')

    assert found['Metadata'] == {'origin': 'test'}
    assert found['StorageClass'] == 'STANDARD_IA'
    assert read(alpha, 'key') == b'content'


@pytest.mark.parametrize('change', ['', 'x'])
def test_sub_resources_are_signed(url: str, change: str) -> None:
    date = formatdate(usegmt=True)
    signed = signature(
        KEYS['ALPHA'], 'GET', '', '', date, f'/images?acl{change}'
    )

    answer = requests.get(
        f'{url}/images?acl',
        headers={'Date': date, 'Authorization': f'OBS ALPHA:{signed}'},
        timeout=10,
    )

    assert answer.status_code == (403 if change else 200)


@pytest.mark.parametrize(
    ('seconds', 'status'), [(60, 200), (-60, 403), (8 * 24 * 3600, 403)]
)
@pytest.mark.parametrize('key', ['ALPHA', 'TEMP'])
def test_a_signed_url_is_valid_for_its_time(
    url: str, alpha: 'S3Client', seconds: int, status: int, key: str
) -> None:
    alpha.put_object(Bucket='images', Key='key', Body=b'content')
    ends = str(int(time.time()) + seconds)
    known = KEYS[key]
    token = known.security_token
    query = {'x-obs-security-token': token} if token else {}
    resource = '/images/key' + (f'?{urlencode(query)}' if query else '')
    query |= {
        'AccessKeyId': known.access,
        'Expires': ends,
        'Signature': signature(known, 'GET', '', '', ends, resource),
    }

    answer = requests.get(f'{url}/images/key?{urlencode(query)}', timeout=10)

    assert answer.status_code == status


def test_headers_of_the_other_protocol_do_not_count(
    url: str, alpha: 'S3Client'
) -> None:
    alpha.put_object(Bucket='images', Key='secret', Body=b'secret')
    ends = str(int(time.time()) + 60)
    query = {
        'AccessKeyId': 'ALPHA',
        'Expires': ends,
        'Signature': signature(
            KEYS['ALPHA'], 'PUT', '', '', ends, '/images/key'
        ),
    }

    answer = requests.put(
        f'{url}/images/key?{urlencode(query)}',
        headers={'x-amz-copy-source': 'images/secret'},
        data=b'content',
        timeout=10,
    )

    assert answer.status_code == 200
    assert read(alpha, 'key') == b'content'


@pytest.mark.parametrize(
    ('path', 'status'), [('/', 200), ('/images', 200), ('/none', 404)]
)
def test_clients_that_ask_are_told_obs_protocol(
    url: str, path: str, status: int
) -> None:
    answer = requests.head(f'{url}{path}?apiversion', timeout=10)

    assert answer.status_code == status
    assert (answer.headers.get('x-obs-api') == '3.0') == (status == 200)


@pytest.mark.parametrize(
    ('directive', 'content_type', 'metadata'),
    [
        ('REPLACE', 'binary/octet-stream', {'b': '2'}),
        ('REPLACE_NEW', 'text/plain', {'a': '1', 'b': '2'}),
    ],
)
def test_metadata_can_be_changed(
    url: str,
    alpha: 'S3Client',
    directive: str,
    content_type: str,
    metadata: dict[str, str],
) -> None:
    alpha.put_object(
        Bucket='images',
        Key='key',
        Body=b'content',
        ContentType='text/plain',
        Metadata={'a': '1'},
    )

    answer = send(
        *(url, 'PUT', '/images/key', 'metadata'),
        metadata_directive=directive,
        meta_b='2',
    )

    found = alpha.head_object(Bucket='images', Key='key')
    assert answer.status_code == 200
    assert found['ContentType'] == content_type
    assert found['Metadata'] == metadata
    assert read(alpha, 'key') == b'content'


@pytest.mark.parametrize(
    ('method', 'path', 'query', 'headers'),
    [
        ('GET', '/images', 'inventory', {}),
        ('GET', '/images', 'replication', {}),
        ('PUT', '/images', 'policy', {}),
        ('DELETE', '/images', 'lifecycle', {}),
        ('POST', '/images/key', 'append', {}),
        ('GET', '/images/key', 'torrent', {}),
        ('PUT', '/images/key', '', {'server_side_encryption': 'kms'}),
        ('PUT', '/images/key', '', {'expires': '3'}),
        ('PUT', '/images/key', '', {'tagging': 'a=b'}),
        ('PUT', '/images/key', '', {'acl': 'public-read'}),
        ('PUT', '/other', '', {'fs_file_interface': 'Enabled'}),
    ],
)
def test_what_is_not_there_is_refused_by_its_name(
    url: str, method: str, path: str, query: str, headers: dict[str, str]
) -> None:
    answer = send(url, method, path, query, **headers)

    name = query or max(headers).replace('_', '-')
    assert answer.status_code == 501
    assert '<Code>NotImplemented</Code>' in answer.text
    assert name in answer.text


def test_a_form_is_refused(url: str) -> None:
    answer = requests.post(
        f'{url}/images', files={'file': b'content'}, timeout=10
    )

    assert answer.status_code == 501


def test_s3_speaks_of_no_obs_header(url: str) -> None:
    client = s3(url, KEYS['ALPHA'])
    client.put_object(Bucket='images', Key='key', Body=b'content')

    found = client.head_object(Bucket='images', Key='key', VersionId='null')

    headers = found['ResponseMetadata']['HTTPHeaders']
    own = {name for name in headers if name.startswith(('x-amz-', 'x-obs-'))}
    assert own == {'x-amz-request-id', 'x-amz-id-2'}
