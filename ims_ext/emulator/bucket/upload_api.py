# SPDX-License-Identifier: Apache-2.0
"""Operations on uploads in parts: beginning, parts, completing, aborting."""

import contextlib
import hashlib
import itertools

from werkzeug.wrappers import Response

from ims_ext.emulator.bucket import errors
from ims_ext.emulator.bucket import header
from ims_ext.emulator.bucket.blob import CHUNK
from ims_ext.emulator.bucket.blob import Blob
from ims_ext.emulator.bucket.blob import BlobDirectory
from ims_ext.emulator.bucket.call import Call
from ims_ext.emulator.bucket.call import Level
from ims_ext.emulator.bucket.call import empty
from ims_ext.emulator.bucket.call import operation
from ims_ext.emulator.bucket.call import timestamp
from ims_ext.emulator.bucket.contents import Contents
from ims_ext.emulator.bucket.document import Node
from ims_ext.emulator.bucket.document import number
from ims_ext.emulator.bucket.document import parse
from ims_ext.emulator.bucket.document import text
from ims_ext.emulator.bucket.errors import S3Error
from ims_ext.emulator.bucket.listing import LIMIT
from ims_ext.emulator.bucket.listing import grouping
from ims_ext.emulator.bucket.object_api import ObjectsApi
from ims_ext.emulator.bucket.record import ObjectEntry
from ims_ext.emulator.bucket.record import Part
from ims_ext.emulator.bucket.record import Upload

#: The number of the last part that there can be.
MAX_PARTS = 10_000
#: OBS's least size of all parts but the last, in bytes.
MIN_PART = 100 * 1024


class UploadsApi:
    """Uploads in parts.

    :param contents: What there is.
    :param directory: Where the parts' files are.
    :param objects: Gives the sources of parts that are copied.
    """

    def __init__(
        self, contents: Contents, directory: BlobDirectory, objects: ObjectsApi
    ) -> None:
        self._contents = contents
        self._directory = directory
        self._objects = objects

    @operation(
        'InitiateMultipartUpload',
        'POST',
        Level.OBJECT,
        'uploads',
        takes='encoding-type',
    )
    def create_upload(self, call: Call) -> Response:
        """Begin an upload."""
        bucket = self._contents.bucket(call.project_id, call.bucket)
        upload = self._contents.add_upload(
            call.project_id,
            call.bucket,
            call.key,
            header.storage_class(call, bucket.storage_class),
            header.kept(call),
        )
        return call.document(
            'InitiateMultipartUploadResult',
            [
                ('Bucket', call.bucket),
                ('Key', call.encoder()(call.key)),
                ('UploadId', upload.id),
            ],
        )

    @operation('UploadPart', 'PUT', Level.OBJECT, 'partNumber', 'uploadId')
    def upload_part(self, call: Call) -> Response:
        """Add a part, in place of an earlier one of that number."""
        part_number = call.number('partNumber', 0, least=1)
        if part_number > MAX_PARTS:
            raise errors.invalid_argument(
                f"A part's number is {MAX_PARTS} at most."
            )
        upload = self._upload(call)
        if 'copy-source' in call.options:
            wanted = call.options.get('copy-source-range')
            reader, _ = self._objects.open_source(call, wanted)
            with contextlib.closing(reader):
                blob = self._directory.write(
                    iter(lambda: reader.read(CHUNK), b'')
                )
        else:
            blob = call.body.spool(self._directory)
        part = Part(part_number, blob, self._contents.clock())
        with self._objects.written(blob):
            self._contents.put_part(upload, part)
        if 'copy-source' in call.options:
            return call.document(
                'CopyPartResult',
                [
                    ('LastModified', timestamp(part.modified_at)),
                    ('ETag', f'"{blob.etag}"'),
                ],
            )
        response = empty()
        response.headers['ETag'] = f'"{blob.etag}"'
        return response

    @operation(
        'CompleteMultipartUpload',
        'POST',
        Level.OBJECT,
        'uploadId',
        takes='encoding-type',
    )
    def complete_upload(self, call: Call) -> Response:
        """Make an object of the parts that the client names."""
        self._upload(call)
        asked = parse(call.body.xml(), 'CompleteMultipartUpload')
        named = [
            (number(part, 'PartNumber'), text(part, 'ETag').strip('"'))
            for part in asked.findall('Part')
        ]
        with self._contents.transaction():
            upload = self._upload(call)
            blob = _join(named, self._contents.parts(upload))
            self._contents.delete_upload(upload, kept=blob)
            entry = ObjectEntry(
                call.bucket,
                call.key,
                blob,
                self._contents.clock(),
                upload.storage_class,
                upload.headers,
            )
            self._contents.put_object(
                call.project_id,
                entry,
                lambda old: header.check_replacement(call, old),
            )
        host = call.request.headers.get('host', '')
        return call.document(
            'CompleteMultipartUploadResult',
            [
                ('Location', f'http://{host}{call.request.path}'),
                ('Bucket', call.bucket),
                ('Key', call.encoder()(call.key)),
                ('ETag', f'"{blob.etag}"'),
            ],
        )

    @operation('AbortMultipartUpload', 'DELETE', Level.OBJECT, 'uploadId')
    def abort_upload(self, call: Call) -> Response:
        """Give an upload up, and its parts."""
        with self._contents.transaction():
            self._contents.delete_upload(self._upload(call))
        return empty(204)

    @operation(
        'ListParts',
        'GET',
        Level.OBJECT,
        'uploadId',
        takes='max-parts part-number-marker encoding-type',
    )
    def list_parts(self, call: Call) -> Response:
        """Answer with a page of the parts that there are."""
        upload = self._upload(call)
        marker = call.number('part-number-marker', 0)
        limit = min(call.number('max-parts', LIMIT), LIMIT)
        found = [
            part
            for part in self._contents.parts(upload)
            if part.number > marker
        ]
        page = found[:limit]
        parts: list[Node] = [
            (
                'Part',
                [
                    ('PartNumber', part.number),
                    ('LastModified', timestamp(part.modified_at)),
                    ('ETag', f'"{part.blob.etag}"'),
                    ('Size', part.blob.size),
                ],
            )
            for part in page
        ]
        return call.document(
            'ListPartsResult',
            [
                ('Bucket', call.bucket),
                ('Key', call.encoder()(call.key)),
                ('UploadId', upload.id),
                *_owned(call, upload),
                ('PartNumberMarker', marker),
                ('NextPartNumberMarker', page[-1].number if page else 0),
                ('MaxParts', limit),
                ('IsTruncated', len(found) > limit),
                *parts,
            ],
        )

    @operation(
        'ListMultipartUploads',
        'GET',
        Level.BUCKET,
        'uploads',
        takes='prefix delimiter key-marker upload-id-marker max-uploads '
        'encoding-type',
    )
    def list_uploads(self, call: Call) -> Response:
        """Answer with a page of a bucket's unfinished uploads."""
        self._contents.bucket(call.project_id, call.bucket)
        encode = call.encoder()
        prefix = call.params.get('prefix', '')
        delimiter = call.params.get('delimiter', '')
        marker = (
            call.params.get('key-marker', ''),
            call.params.get('upload-id-marker', ''),
        )
        limit = min(call.number('max-uploads', LIMIT, least=1), LIMIT)
        group_of = grouping(prefix, delimiter)
        # A group stands where its first upload does.
        found: dict[tuple[str, str], Upload | None] = {}
        for upload in self._contents.uploads(call.bucket):
            if upload.key.startswith(prefix):
                group = group_of(upload.key)
                position = (group, '') if group else (upload.key, upload.id)
                if _comes_after(position, marker):
                    found[position] = None if group else upload
        page = list(found)[:limit]
        more = len(found) > limit
        nodes: list[Node] = [
            ('Bucket', call.bucket),
            ('Prefix', encode(prefix)),
            ('Delimiter', encode(delimiter) if delimiter else None),
            ('KeyMarker', encode(marker[0])),
            ('UploadIdMarker', marker[1]),
            ('NextKeyMarker', encode(page[-1][0]) if more else None),
            ('NextUploadIdMarker', page[-1][1] if more else None),
            ('MaxUploads', limit),
            ('EncodingType', call.params.get('encoding-type')),
            ('IsTruncated', more),
        ]
        for position in page:
            listed = found[position]
            if listed is None:
                group_node: Node = ('Prefix', encode(position[0]))
                nodes.append(('CommonPrefixes', [group_node]))
                continue
            entry: list[Node] = [
                ('Key', encode(listed.key)),
                ('UploadId', listed.id),
                *_owned(call, listed),
                ('Initiated', timestamp(listed.begun_at)),
            ]
            nodes.append(('Upload', entry))
        return call.document('ListMultipartUploadsResult', nodes)

    def _upload(self, call: Call) -> Upload:
        return self._contents.upload(
            call.project_id, call.bucket, call.key, call.params['uploadId']
        )


def _owned(call: Call, upload: Upload) -> list[Node]:
    return [
        ('Initiator', call.owner),
        ('Owner', call.owner),
        ('StorageClass', call.dialect.storage_class(upload.storage_class)),
    ]


def _comes_after(position: tuple[str, str], marker: tuple[str, str]) -> bool:
    """Return whether an upload comes after the last one of another page."""
    if marker[1] or not marker[0]:
        return position > marker or not marker[0]
    # Without an ID, all uploads of the marker's key have been there.
    return position[0] > marker[0]


def _join(named: list[tuple[int, str]], parts: list[Part]) -> Blob:
    """Return the files of the parts that the client has named.

    :param named: Number and etag of each part.
    :param parts: The parts that there are.
    """
    if not named:
        raise errors.malformed_xml()
    known = {part.number: part for part in parts}
    numbers = [each for each, _ in named]
    if any(a >= b for a, b in itertools.pairwise(numbers)):
        raise S3Error(
            'InvalidPartOrder', "The parts are not in the numbers' order."
        )
    chosen = []
    for part_number, etag in named:
        part = known.get(part_number)
        if part is None or part.blob.etag != etag:
            raise S3Error(
                'InvalidPart',
                f"There is no part {part_number} with this entity tag.",
            )
        chosen.append(part.blob)
    if any(blob.size < MIN_PART for blob in chosen[:-1]):
        raise S3Error(
            'EntityTooSmall',
            f"All parts but the last have {MIN_PART} bytes at least.",
        )
    md5 = hashlib.md5(usedforsecurity=False)
    for blob in chosen:
        md5.update(bytes.fromhex(blob.etag))
    return Blob(
        tuple(segment for blob in chosen for segment in blob.segments),
        f'{md5.hexdigest()}-{len(chosen)}',
    )
