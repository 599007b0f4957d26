# SPDX-License-Identifier: Apache-2.0
"""Recognising what became of registrations, exports, and distant copies."""

import datetime
import shlex
from typing import Any

from keystoneauth1 import exceptions as ksa_exceptions
from openstack import exceptions as sdk_exceptions

from ims_ext import exceptions
from ims_ext import objectstore
from ims_ext import reconcile
from ims_ext import resource
from ims_ext import sdk
from ims_ext.extension import image_job
from ims_ext.extension import job as _job
from ims_ext.reconcile import image as image_trace
from ims_ext.transport import decode

#: The object is there already; the image is being exported already.
_TAKEN, _UNDER_WAY = 'IMG.0070', 'IMG.0148'


class RegistrationTrace(reconcile.Trace[_job.Job]):
    """An image that waits for its data no longer (operation 11).

    The service takes an object for a queued image only: a second request
    that comes after the first has no effect.

    :param image_id: The image's ID.
    :param image_url: The object, ``bucket:key``.
    """

    is_repeatable = True

    def __init__(self, image_id: str, image_url: str) -> None:
        self._image_id = image_id
        self._origin = f'file,{image_url}'
        self.what = f"the data of the image {image_id}"
        self.advice = f'openstack image show {image_id}'

    def find(self, proxy: Any, moment: reconcile.Moment) -> _job.Job | None:
        """Look at the image's status."""
        record, since = self._record(proxy, moment)
        if record is None or record.get('status') == 'queued':
            return None
        changed = resource.parse_time(record.get('updated_at'))
        if changed is not None and since is not None and changed < since:
            return None
        wanted = image_trace.Wanted(str(record.get('name')), (self._origin,))
        if not wanted.may_be({**record, 'name': wanted.name}):
            return None
        return image_job.ImageJob.of(
            {**record, 'id': self._image_id},
            connection=sdk.connection_of(proxy),
        )

    def accepted(
        self, proxy: Any, moment: reconcile.Moment
    ) -> _job.Job | None:
        """Return a job that follows the image."""
        record, _ = self._record(proxy, moment)
        if record is None:
            return None
        return image_job.ImageJob.of(
            {**record, 'id': self._image_id},
            connection=sdk.connection_of(proxy),
        )

    def _record(
        self, proxy: Any, moment: reconcile.Moment
    ) -> tuple[dict[str, Any] | None, datetime.datetime | None]:
        response = proxy.get(f'/images/{self._image_id}')
        if response.status_code == 404:
            # Let the service refuse it in its own words.
            return None, None
        record = decode.read(response, "Looking for the image")
        if not isinstance(record, dict):
            raise exceptions.InvalidAnswerError(
                f"The cloud does not tell the image {self._image_id}"
            )
        return record, image_trace.tolerant(moment.on_clock_of(response))


class ExportTrace(reconcile.Trace[_job.Job]):
    """An object that an image is exported to (operation 12).

    The service refuses a second export of an image while one is under way
    (IMG.0148), and one to an object that is there (IMG.0070).

    :param image_id: The image's ID.
    :param bucket_url: The object, ``bucket:key``.
    """

    is_repeatable = True

    def __init__(self, image_id: str, bucket_url: str) -> None:
        self._image_id = image_id
        self._bucket, _, self._key = bucket_url.partition(':')
        self._store: objectstore.ObjectStore | None = None
        self._is_older = False
        self.what = f"the object {bucket_url}"
        self.advice = (
            f"any S3 client, for {shlex.quote(self._key)} in the bucket "
            f"{self._bucket}"
        )

    def find(self, proxy: Any, moment: reconcile.Moment) -> _job.Job | None:
        """Look for the object, where the bucket can be looked into."""
        try:
            if self._store is None:
                self._store = objectstore.ObjectStore(
                    sdk.connection_of(proxy), proxy.retry_policy.briefly()
                )
            age = self._store.age(self._bucket, self._key)
        except (
            ImportError,
            sdk_exceptions.SDKException,
            ksa_exceptions.ClientException,
        ):
            # No keys, another's bucket, no S3 client: the export needs none.
            self._store = None
            return None
        if age is None:
            return None
        self._is_older = age > moment.elapsed + reconcile.TOLERANCE
        if self._is_older:
            return None
        return image_job.ObservedJob.ended(
            self.what,
            {'image_id': self._image_id},
            sdk.connection_of(proxy),
        )

    def accepted(
        self, proxy: Any, moment: reconcile.Moment
    ) -> _job.Job | None:
        """Return a job that is over when the object is there."""
        if self._store is None:
            return None
        return image_job.ObservedJob.watching(
            self.what, lambda ims: self.find(ims, moment)
        )

    def refused(self, error: Exception) -> None:
        """Say that the export that is under way may be the one asked for."""
        code = getattr(error, 'code', None)
        if code == _UNDER_WAY or (code == _TAKEN and not self._is_older):
            raise exceptions.OutcomeUnknownError(
                f"The answer to the export was lost, and when it was asked "
                f"for again, the service refused ({code}): it is most likely "
                f"under way, or done. Whether {self.what} is its result is "
                f"not known; look with: {self.advice}"
            ) from error


class RegionCopyTrace(reconcile.Trace[_job.Job]):
    """A copy in another region, which cannot be seen from here (14).

    :param name: The copy's name.
    :param region: The other region.
    :param project: The project's name there.
    """

    can_look = False

    def __init__(self, name: str, region: str, project: str) -> None:
        self.what = f"the image {name!r} in the region {region}"
        self.advice = (
            f'openstack --os-region-name {shlex.quote(region)} '
            f'--os-project-name {shlex.quote(project)} '
            f'image list --name {shlex.quote(name)}'
        )
