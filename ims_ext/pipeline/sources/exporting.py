# SPDX-License-Identifier: Apache-2.0
"""Images of other targets and clouds, fetched by way of a bucket there."""

from collections.abc import Iterator
import contextlib
from pathlib import Path
import secrets
from typing import Any

from openstack import exceptions as sdk_exceptions

from ims_ext import objectstore
from ims_ext.pipeline import home
from ims_ext.pipeline import identity
from ims_ext.pipeline.clouds import Clouds
from ims_ext.pipeline.manifest import Manifest
from ims_ext.pipeline.manifest import model
from ims_ext.pipeline.sources.errors import PlaceError
from ims_ext.pipeline.sources.errors import SourceError
from ims_ext.pipeline.sources.errors import Take

_FORMAT = 'qcow2'


class ImagePlace:
    """An image that is exported to a bucket, and fetched from there.

    :param source: The source.
    :param manifest: The manifest, whose targets say which bucket.
    :param clouds: The connections.
    """

    def __init__(
        self, source: model.ImageSource, manifest: Manifest, clouds: Clouds
    ) -> None:
        self._source = source
        self._manifest = manifest
        self._clouds = clouds
        self.name = str(source)
        self.file_name = f'{source.image}.{_FORMAT}'
        self.member: str | None = None
        self.path: Path | None = None
        self.total: int | None = None
        # Each export may have other bytes of the same image.
        self.digest: str | None = identity.digest(str(source).encode())

    def size(self) -> int | None:
        """Return nothing: the size of an export is not known before."""
        return None

    def fetch(self, take: Take) -> None:
        """Have it exported and downloaded; the object is deleted then."""
        bucket = self._bucket()
        key = (
            f'ims-pipeline/{self._manifest.name}/{home.machine()}/'
            f'source-{secrets.token_hex(8)}.{_FORMAT}'
        )
        try:
            conn: Any = self._connection()
            store = objectstore.ObjectStore(conn)
            image = conn.ims.find_cloud_image(
                self._source.image, ignore_missing=False
            )
            with _deleted(store, bucket, key):
                conn.ims.export_image(
                    image, f'{bucket}:{key}', file_format=_FORMAT, wait=True
                )
                found = store.read(bucket, key)
                self.total = found.size
                take(found.chunks())
        except SourceError:
            raise
        except (sdk_exceptions.SDKException, OSError) as error:
            raise PlaceError(f"{self.name}: {error}") from error

    def _connection(self) -> Any:
        if self._source.target is not None:
            return self._clouds.target(self._source.target)
        return self._clouds.cloud(str(self._source.cloud))

    def _bucket(self) -> str:
        """Return the bucket that is used there."""
        targets = self._manifest.targets
        if self._source.target is not None:
            found = [targets[self._source.target]]
        else:
            found = [
                each
                for each in targets.values()
                if each.cloud == self._source.cloud
            ]
        for each in found:
            if each.bucket is not None:
                return each.bucket
        raise PlaceError(
            f"{self.name} has to be exported to a bucket, and the manifest "
            f"names none there: give a target of that cloud a bucket"
        )


@contextlib.contextmanager
def _deleted(
    store: objectstore.ObjectStore, bucket: str, key: str
) -> Iterator[None]:
    """Delete an object in the end."""
    try:
        yield
    except BaseException as error:
        try:
            store.delete(bucket, key)
        except sdk_exceptions.SDKException:
            error.add_note(
                f"Left behind: perhaps the object {bucket}:{key}; "
                f"{objectstore.deleting_words(bucket, key)}"
            )
        raise
    store.delete(bucket, key)
