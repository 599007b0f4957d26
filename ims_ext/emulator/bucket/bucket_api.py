# SPDX-License-Identifier: Apache-2.0
"""Operations on buckets: making, deleting, and listing what is in them."""

import base64
import re
from urllib.parse import unquote_plus

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket import listing
from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import Level
from ims_ext.emulator.bucket.call import empty
from ims_ext.emulator.bucket.call import operation
from ims_ext.emulator.bucket.call import timestamp
from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.dialect import OBS
from ims_ext.emulator.bucket.document import Node
from ims_ext.emulator.bucket.document import parse
from ims_ext.emulator.bucket.document import text
from ims_ext.emulator.bucket.header import storage_class
from ims_ext.emulator.bucket.listing import LIMIT
from ims_ext.emulator.bucket.record import ListedObject

_BUCKET = re.compile(r'[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]')


def check_name(bucket: str) -> None:
    """Refuse what cannot be the name of a bucket.

    :raises: :class:`~ims_ext.emulator.bucket.errors.S3Error`
    """
    if not _BUCKET.fullmatch(bucket):
        raise errors.S3Error(
            'InvalidBucketName', "The specified bucket is not valid."
        )


class BucketsApi:
    """Buckets, and the listings of their objects.

    :param contents: What there is.
    """

    def __init__(self, contents: Contents) -> None:
        self._contents = contents

    @operation(
        'ListBuckets',
        'GET',
        Level.SERVICE,
        takes='prefix marker max-keys max-buckets continuation-token '
        'bucket-region',
    )
    def list_buckets(self, call: Call) -> Response:
        """Answer with a page of the project's buckets."""
        name = 'max-keys' if 'max-keys' in call.params else 'max-buckets'
        limit = call.number(name, 10 * LIMIT, least=1)
        after = call.params.get('marker') or call.params.get(
            'continuation-token', ''
        )
        region = call.params.get('bucket-region', call.region)
        found = [
            bucket
            for bucket in self._contents.buckets(call.project_id)
            if bucket.name > after
            and bucket.name.startswith(call.params.get('prefix', ''))
            and bucket.region == region
        ]
        page, rest = found[:limit], found[limit:]
        buckets: list[Node] = [
            (
                'Bucket',
                [
                    ('Name', bucket.name),
                    ('CreationDate', timestamp(bucket.created_at)),
                    ('Location', bucket.region),
                    ('BucketType', 'OBJECT'),
                ],
            )
            for bucket in page
        ]
        more = page[-1].name if rest else None
        nodes: list[Node] = [('Owner', call.owner), ('Buckets', buckets)]
        if call.dialect is OBS:
            nodes += [('IsTruncated', bool(rest)), ('NextMarker', more)]
        else:
            nodes.append(('ContinuationToken', more))
        return call.document('ListAllMyBucketsResult', nodes)

    @operation('CreateBucket', 'PUT', Level.BUCKET)
    def create_bucket(self, call: Call) -> Response:
        """Make a bucket."""
        check_name(call.bucket)
        body = call.body.xml()
        if body.strip():
            asked = parse(body, 'CreateBucketConfiguration')
            region = asked.findtext('Location') or asked.findtext(
                'LocationConstraint'
            )
            if region and region != call.region:
                raise errors.S3Error(
                    'InvalidLocationConstraint',
                    f"The region of this service is {call.region}.",
                )
        self._contents.add_bucket(
            call.project_id, call.bucket, call.region, storage_class(call)
        )
        response = empty()
        response.headers['Location'] = f'/{call.bucket}'
        return response

    @operation('DeleteBucket', 'DELETE', Level.BUCKET)
    def delete_bucket(self, call: Call) -> Response:
        """Delete an empty bucket."""
        self._contents.delete_bucket(call.project_id, call.bucket)
        return empty(204)

    @operation('HeadBucket', 'HEAD', Level.BUCKET)
    def head_bucket(self, call: Call) -> Response:
        """Answer with headers that tell of a bucket."""
        bucket = self._contents.bucket(call.project_id, call.bucket)
        response = empty()
        prefix, words = call.dialect.prefix, call.dialect
        response.headers[prefix + words.region] = bucket.region
        response.headers[words.bucket_class] = words.storage_class(
            bucket.storage_class
        )
        if words is OBS:
            response.headers['x-obs-version'] = '3.0'
        return response

    # ====== LISTINGS ======

    @operation(
        'ListObjects',
        'GET',
        Level.BUCKET,
        takes='prefix delimiter marker max-keys encoding-type',
    )
    def list_objects(self, call: Call) -> Response:
        """Answer with a page of objects that goes on after a marker."""
        page = self._page(call, call.params.get('marker', ''))
        encode = call.encoder()
        nodes = [
            *self._asked(call),
            ('Marker', encode(call.params.get('marker', ''))),
            ('NextMarker', encode(page.last) if page.is_truncated else None),
            ('IsTruncated', page.is_truncated),
            *self._entries(call, page, with_owner=True),
        ]
        return self._listing(call, 'ListBucketResult', nodes)

    @operation(
        'ListObjectsV2',
        'GET',
        Level.BUCKET,
        'list-type',
        takes='prefix delimiter max-keys encoding-type start-after '
        'continuation-token fetch-owner',
    )
    def list_objects_v2(self, call: Call) -> Response:
        """Answer with a page of objects that goes on with a token."""
        if call.params['list-type'] != '2':
            raise errors.invalid_argument("list-type can only be 2.")
        token = call.params.get('continuation-token')
        start = call.params.get('start-after')
        page = self._page(
            call, _key_of(token) if token is not None else start or ''
        )
        encode = call.encoder()
        more = base64.urlsafe_b64encode(page.last.encode()).decode()
        nodes = [
            *self._asked(call),
            ('StartAfter', None if start is None else encode(start)),
            ('ContinuationToken', token),
            ('NextContinuationToken', more if page.is_truncated else None),
            ('KeyCount', page.size),
            ('IsTruncated', page.is_truncated),
            *self._entries(
                call, page, call.params.get('fetch-owner') == 'true'
            ),
        ]
        return self._listing(call, 'ListBucketResult', nodes)

    @operation(
        'ListObjectVersions',
        'GET',
        Level.BUCKET,
        'versions',
        takes='prefix delimiter key-marker version-id-marker max-keys '
        'encoding-type',
    )
    def list_object_versions(self, call: Call) -> Response:
        """Answer with a page of objects, each its only version."""
        marker = call.params.get('key-marker', '')
        page = self._page(call, marker)
        encode = call.encoder()
        nodes = [
            *self._asked(call),
            ('KeyMarker', encode(marker)),
            ('VersionIdMarker', call.params.get('version-id-marker', '')),
            *(
                [
                    ('NextKeyMarker', encode(page.last)),
                    ('NextVersionIdMarker', 'null'),
                ]
                if page.is_truncated
                else []
            ),
            ('IsTruncated', page.is_truncated),
            *self._entries(call, page, with_owner=True, is_version=True),
        ]
        return self._listing(call, 'ListVersionsResult', nodes)

    def _page(self, call: Call, after: str) -> listing.Page:
        self._contents.bucket(call.project_id, call.bucket)
        return listing.page(
            self._contents,
            call.bucket,
            prefix=call.params.get('prefix', ''),
            delimiter=call.params.get('delimiter', ''),
            after=after,
            limit=min(call.number('max-keys', LIMIT), LIMIT),
        )

    def _listing(self, call: Call, root: str, nodes: list[Node]) -> Response:
        response = call.document(root, nodes)
        bucket = self._contents.bucket(call.project_id, call.bucket)
        region = call.dialect.prefix + call.dialect.region
        response.headers[region] = bucket.region
        return response

    def _asked(self, call: Call) -> list[Node]:
        """Return what a listing repeats of the request."""
        encode = call.encoder()
        delimiter = call.params.get('delimiter')
        return [
            ('Name', call.bucket),
            ('Prefix', encode(call.params.get('prefix', ''))),
            ('Delimiter', encode(delimiter) if delimiter else None),
            ('MaxKeys', min(call.number('max-keys', LIMIT), LIMIT)),
            ('EncodingType', call.params.get('encoding-type')),
        ]

    def _entries(
        self,
        call: Call,
        page: listing.Page,
        with_owner: bool,
        is_version: bool = False,
    ) -> list[Node]:
        encode = call.encoder()
        owner = call.owner if with_owner else None
        words = call.dialect

        def nodes(entry: ListedObject) -> list[Node]:
            version: list[Node] = [('VersionId', 'null'), ('IsLatest', True)]
            return [
                ('Key', encode(entry.key)),
                *(version if is_version else []),
                ('LastModified', timestamp(entry.modified_at)),
                ('ETag', f'"{entry.etag}"'),
                ('Size', entry.size),
                ('Owner', owner),
                ('StorageClass', words.storage_class(entry.storage_class)),
            ]

        name = 'Version' if is_version else 'Contents'
        found: list[Node] = [(name, nodes(entry)) for entry in page.objects]
        for prefix in page.prefixes:
            group: Node = ('Prefix', encode(prefix))
            found.append(('CommonPrefixes', [group]))
        return found

    # ====== SEVERAL OBJECTS ======

    @operation('DeleteObjects', 'POST', Level.BUCKET, 'delete')
    def delete_objects(self, call: Call) -> Response:
        """Delete several objects; the response tells of each."""
        self._contents.bucket(call.project_id, call.bucket)
        asked = parse(call.body.xml(), 'Delete')
        encoding = asked.findtext('EncodingType')
        named = [
            (text(each, 'Key'), each.findtext('VersionId'))
            for each in asked.findall('Object')
        ]
        if not 1 <= len(named) <= LIMIT:
            raise errors.malformed_xml()
        quiet = asked.findtext('Quiet') == 'true'
        nodes: list[Node] = [('EncodingType', encoding)]
        for key, version in named:
            if version not in (None, '', 'null'):
                nodes.append(
                    (
                        'Error',
                        [
                            ('Key', key),
                            ('VersionId', version),
                            ('Code', 'NoSuchVersion'),
                            ('Message', "The version does not exist."),
                        ],
                    )
                )
                continue
            self._contents.delete_object(
                call.bucket, unquote_plus(key) if encoding == 'url' else key
            )
            if not quiet:
                nodes.append(
                    ('Deleted', [('Key', key), ('VersionId', version or None)])
                )
        return call.document('DeleteResult', nodes)


def _key_of(token: str) -> str:
    """Return the key that a continuation token stands for."""
    try:
        return base64.b64decode(token, b'-_', validate=True).decode()
    except ValueError:
        raise errors.invalid_argument(
            "The continuation token is not one that was given."
        ) from None
