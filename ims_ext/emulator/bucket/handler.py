# SPDX-License-Identifier: Apache-2.0
"""moto's handler of one S3 request, over one project's buckets.

Importing moto takes most of a second: import this module late.
"""

from typing import Any

from moto.core.responses import ActionResult
from moto.s3.responses import S3Response

from ims_ext.emulator.bucket.backend import ACCOUNT
from ims_ext.emulator.bucket.backend import ProjectBackend
from ims_ext.emulator.bucket.backend import StoredMultipart
from ims_ext.emulator.bucket.blob import Blob

#: Uploads that an answer lists at most.
_PAGE = 1000


class Handler(S3Response):
    """moto's handler, told which buckets there are and what was sent.

    :param backend: The buckets of the project that asks.
    :param body: The request's body, already read.
    """

    def __init__(self, backend: ProjectBackend, body: Blob | bytes) -> None:
        super().__init__()
        self._project = backend
        self._received = body

    @property
    def backend(self) -> ProjectBackend:
        """The buckets, by the name that moto has for them."""
        return self._project

    def get_current_account(self) -> str:
        """Return the label that moto needs."""
        return ACCOUNT

    @staticmethod
    def subdomain_based_buckets(request: Any) -> bool:
        """Return no: requests come with the bucket in the path."""
        return False

    def setup_class(self, *args: Any, **kwargs: Any) -> None:
        """Take the body that has been read in the request's place."""
        super().setup_class(*args, **kwargs)
        self.body = self._received

    def list_multipart_uploads(self) -> Any:
        """Answer with a page of the unfinished uploads; moto has only one."""
        prefix = self._text('prefix')
        # Without a key, the ID alone means nothing.
        marker = self._text('key-marker'), self._text('upload-id-marker')
        limit = min(self._get_int_param('max-uploads', _PAGE), _PAGE)
        if limit < 1:
            raise ValueError("max-uploads is from 1 on")
        found = sorted(
            (
                upload
                for upload in self.backend.list_multipart_uploads(
                    self.bucket_name
                ).values()
                if isinstance(upload, StoredMultipart)
                and upload.key_name.startswith(prefix)
                and _comes_after(upload, *marker)
            ),
            key=_position,
        )
        page = found[:limit]
        result = {
            'Bucket': self.bucket_name,
            'Prefix': prefix,
            'KeyMarker': marker[0],
            'UploadIdMarker': marker[1],
            'MaxUploads': limit,
            'IsTruncated': len(found) > limit,
            'Uploads': [_entry(upload) for upload in page],
        }
        if len(found) > limit:
            result['NextKeyMarker'] = page[-1].key_name
            result['NextUploadIdMarker'] = page[-1].id
        self.data['Action'] = 'ListMultipartUploads'
        return self.serialized(ActionResult(result))

    def _text(self, name: str) -> str:
        return str(self.querystring.get(name, [''])[0])


def _position(upload: StoredMultipart) -> tuple[str, str]:
    return upload.key_name, upload.id


def _comes_after(upload: StoredMultipart, key: str, upload_id: str) -> bool:
    """Whether an upload comes after the last one of an earlier page."""
    if not key:
        return True
    if upload_id:
        return _position(upload) > (key, upload_id)
    return upload.key_name > key


def _entry(upload: StoredMultipart) -> dict[str, Any]:
    owner = {'ID': ACCOUNT, 'DisplayName': ACCOUNT}
    return {
        'Key': upload.key_name,
        'UploadId': upload.id,
        'Initiator': owner,
        'Owner': owner,
        'StorageClass': 'STANDARD',
        'Initiated': upload.begun.strftime('%Y-%m-%dT%H:%M:%S.000Z'),
    }
