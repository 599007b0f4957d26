# SPDX-License-Identifier: Apache-2.0
"""Recognising the images that a request has made, though its answer is lost.

An image is taken for the request's if it has the name that was asked for,
belongs to the project, was created since the request was sent, by the
server's clock, and does not tell of another source. One that another attempt
of this process has made is not. Where several are left, nobody can know.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
import contextlib
import dataclasses
import datetime
import re
import shlex
import threading
import time
from typing import Any

from openstack.image.v2 import image as _image
import requests

from ims_ext import exceptions
from ims_ext import page_end
from ims_ext import reconcile
from ims_ext import resource
from ims_ext import sdk
from ims_ext.extension import image_job
from ims_ext.extension import job as _job
from ims_ext.transport import decode

#: Names that a filter takes as they are.
_PLAIN_NAME = re.compile(r'[\w .-]+')
_ID = re.compile(r'[\w.-]{1,255}')
_PAGE = 100
#: IDs that a message has at most.
_MOST_SHOWN = 10
#: Pages of images of the same name, the newest first, that are looked at.
_MOST_PAGES = 20

#: What ``__data_origin`` begins with, as far as it has been seen.
_ORIGINS = frozenset(
    {'file', 'image', 'instance', 'server_backup', 'snapshot', 'volume'}
)

#: Attempts of this process that are remembered.
_MOST_REMEMBERED = 10_000


@dataclasses.dataclass(frozen=True)
class Wanted:
    """An image that a request asks for.

    :ivar name: Its name.
    :ivar origins: What ``__data_origin`` may say, where the cloud tells it:
        ``file,bucket:key``, ``instance,ID``, ``volume,ID``, ``image,ID``,
        ``server_backup,ID``; without ID for any. None for any source.
    """

    name: str
    origins: tuple[str, ...] = ()

    def may_be(self, record: Mapping[str, Any]) -> bool:
        """Whether nothing that an image tells speaks against it."""
        if record.get('name') != self.name:
            return False
        told = record.get('__data_origin')
        if not self.origins or not isinstance(told, str):
            return True
        kind, _, source = told.partition(',')
        if kind not in _ORIGINS or not source:
            return True
        return any(_is_origin(told, origin) for origin in self.origins)


def _is_origin(told: str, wanted: str) -> bool:
    kind, _, source = wanted.partition(',')
    # What comes between, a region for example, does not matter.
    return told.startswith(f'{kind},') and (
        not source or told.endswith(f',{source}')
    )


class ImageTraces(reconcile.Trace[reconcile.Result]):
    """The trace of a request that makes images, in the list of images.

    :param wanted: The images that it asks for.
    """

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        self.wanted = tuple(wanted)
        self.names = tuple(dict.fromkeys(each.name for each in self.wanted))
        several = len(self.names) > 1
        self.what = (
            f"the image{'s' * several} {', '.join(map(repr, self.names))}"
        )
        self.advice = '; '.join(
            f'openstack image list --name {shlex.quote(name)}'
            for name in self.names
        )

    def alone(self) -> contextlib.AbstractContextManager[Any]:
        """Keep other attempts at the same names waiting."""
        return _LOCKS.hold(self.names)

    def find_records(
        self, proxy: Any, moment: reconcile.Moment
    ) -> list[dict[str, Any]] | None:
        """Return what the cloud tells of the images that were asked for.

        :returns: ``None`` where not all of them are there.
        :raises: :class:`~ims_ext.exceptions.OutcomeUnknownError`
        """
        found: list[dict[str, Any]] = []
        for name in self.names:
            wanted = [each for each in self.wanted if each.name == name]
            candidates, doubtful = self._candidates(
                proxy, name, wanted, moment
            )
            if not candidates:
                return None
            if len(candidates) > len(wanted) or doubtful:
                ids = [each['id'] for each in candidates]
                raise self.unknown(
                    f"The answer was lost, and these images may be what was "
                    f"asked for, or another's of the same name: "
                    f"{_shown(ids)}",
                    ids,
                )
            if len(candidates) < len(wanted):
                return None
            found += candidates
        return found

    def _candidates(
        self,
        proxy: Any,
        name: str,
        wanted: Sequence[Wanted],
        moment: reconcile.Moment,
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return images that may be those wanted, and if that is doubtful.

        It is where it is not known when they were created.
        """
        since, records = _newest(proxy, name, moment)
        candidates = [
            record
            for record in records
            if any(each.may_be(record) for each in wanted)
            and self.may_be(record)
        ]
        all_known = True
        if candidates:
            others, all_known = _OWN.images(proxy, name, moment)
            candidates = [
                record for record in candidates if record['id'] not in others
            ]
        doubtful = (
            since is None
            or not all_known
            or any(
                resource.parse_time(record.get('created_at')) is None
                for record in candidates
            )
        )
        return candidates, doubtful

    def may_be(self, record: Mapping[str, Any]) -> bool:
        """Whether an image can be one that the request has made."""
        return True


class ImageTrace(ImageTraces[_image.Image]):
    """The trace of the creation of an image without data.

    :param wanted: The image that it asks for, one.
    :param status: The status that it has then; ``None`` for any.
    """

    def __init__(
        self, wanted: Iterable[Wanted], status: str | None = None
    ) -> None:
        super().__init__(wanted)
        self._status = status

    def may_be(self, record: Mapping[str, Any]) -> bool:
        """Whether an image has the status, if one is known."""
        return self._status in (None, record.get('status'))

    def find(
        self, proxy: Any, moment: reconcile.Moment
    ) -> _image.Image | None:
        """Look for the image."""
        records = self.find_records(proxy, moment)
        if records is None:
            return None
        found: _image.Image = resource.native(_image.Image).existing(
            connection=sdk.connection_of(proxy),
            **{key: each for key, each in records[0].items() if key != 'self'},
        )
        return self.taken(found, again=True)

    def taken(self, result: _image.Image, *, again: bool) -> _image.Image:
        """Remember whose the image is."""
        _OWN.claim([str(result.id)])
        return result


class ImageJobTrace(ImageTraces[_job.Job]):
    """The trace of a request whose answer would have named a job."""

    makes_images = True

    def find(self, proxy: Any, moment: reconcile.Moment) -> _job.Job | None:
        """Look for the images; the job is one that follows them."""
        records = self.find_records(proxy, moment)
        if records is None:
            return None
        _OWN.claim([str(record['id']) for record in records])
        return image_job.ImageJob.of(
            *records, connection=sdk.connection_of(proxy)
        )

    def taken(self, result: _job.Job, *, again: bool) -> _job.Job:
        """Remember which job makes images of these names."""
        _OWN.started(self.names, result)
        return result


def _newest(
    proxy: Any, name: str, moment: reconcile.Moment
) -> tuple[datetime.datetime | None, list[dict[str, Any]]]:
    """Return the project's images of a name that are new enough.

    Natively, since that list has the images too that are not registered.

    :returns: Since when, by the server's clock, if known; and the images.
    """
    owner = proxy.get_project_id()
    query: dict[str, Any] = {
        'owner': owner,
        'sort_key': 'created_at',
        'sort_dir': 'desc',
        'limit': _PAGE,
    }
    if _PLAIN_NAME.fullmatch(name):
        query['name'] = name
    since: datetime.datetime | None = None
    found: dict[str, dict[str, Any]] = {}
    for number in range(_MOST_PAGES):
        response: requests.Response = proxy.get('/images', params=query)
        page = decode.read_list(
            response, "Looking for the image", 'images', of=dict
        )
        if not number:
            since = tolerant(moment.on_clock_of(response))
        if not all(_is_id(record.get('id')) for record in page):
            raise exceptions.InvalidAnswerError(
                "The cloud lists images without ID"
            )
        before = len(found)
        found |= {
            record['id']: record
            for record in page
            if record.get('owner') in (None, owner)
        }
        is_last = page_end.is_last(
            len(page), _PAGE, taken=len(found), query=query
        )
        if is_last or len(found) == before or _is_older(page[-1], since):
            break
        query['marker'] = page[-1].get('id')
    return since, [
        record for record in found.values() if not _is_older(record, since)
    ]


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _shown(ids: Sequence[str]) -> str:
    more = len(ids) - _MOST_SHOWN
    return ', '.join(ids[:_MOST_SHOWN]) + (f" and {more} more" * (more > 0))


def tolerant(moment: datetime.datetime | None) -> datetime.datetime | None:
    """Return a moment as early as several clocks could have told it."""
    if moment is None:
        return None
    return moment - datetime.timedelta(seconds=reconcile.TOLERANCE)


def _is_older(
    record: Mapping[str, Any], since: datetime.datetime | None
) -> bool:
    created = resource.parse_time(record.get('created_at'))
    return since is not None and created is not None and created < since


# ====== OTHER ATTEMPTS OF THIS PROCESS ======


class _Locks:
    """A lock for each name that is in use."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @contextlib.contextmanager
    def hold(self, names: Iterable[str]) -> Iterator[None]:
        """Hold the locks of some names."""
        with contextlib.ExitStack() as stack:
            # In one order everywhere, so that no two wait for each other.
            for name in sorted(set(names)):
                stack.enter_context(self._hold(name))
            yield

    @contextlib.contextmanager
    def _hold(self, name: str) -> Iterator[None]:
        with self._guard:
            lock, users = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = lock, users + 1
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, users = self._locks.pop(name)
                if users > 1:
                    self._locks[name] = lock, users - 1


class _Own:
    """Images that attempts of this process have made, and were told of."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        #: When each was claimed, on the steady clock.
        self._images: dict[str, float] = {}
        #: Jobs by their IDs, with the project that they belong to and the
        #: names of the images that they make.
        self._jobs: dict[str, tuple[str, tuple[str, ...]]] = {}

    def claim(self, image_ids: Iterable[str]) -> None:
        """Remember images that belong to an attempt."""
        with self._guard:
            self._images.update(dict.fromkeys(image_ids, time.monotonic()))
            _forget(self._images)

    def started(self, names: tuple[str, ...], job: _job.Job) -> None:
        """Remember a job that makes images."""
        with self._guard:
            self._jobs[str(job.id)] = str(job.project_id), names
            _forget(self._jobs)

    def images(
        self, proxy: Any, name: str, moment: reconcile.Moment
    ) -> tuple[set[str], bool]:
        """Return the images of a name that belong to other attempts.

        Those that were claimed long before cannot be what was made since: it
        is another cloud that has such an ID, an emulator in another test.

        :param proxy: ``conn.ims``, which is asked for the jobs' images.
        :param moment: When the request was first sent.
        :returns: The images, and whether all jobs have told theirs.
        """
        project = str(proxy.get_project_id())
        with self._guard:
            jobs = [
                job_id
                for job_id, (owner, names) in self._jobs.items()
                if owner == project and name in names
            ]
        told = [self._resolve(proxy, job_id) for job_id in jobs]
        with self._guard:
            longest = moment.elapsed + 2 * reconcile.TOLERANCE
            now = time.monotonic()
            others = {
                image_id
                for image_id, claimed in self._images.items()
                if now - claimed <= longest
            }
            return others, all(told)

    def _resolve(self, proxy: Any, job_id: str) -> bool:
        """Find out which images a job makes; return whether it tells."""
        try:
            job: _job.Job = proxy.get_job(job_id)
        except (exceptions.BadRequestError, exceptions.NotFoundError):
            # Another cloud's; it makes no images here.
            return True
        found = job.image_ids
        self.claim(found)
        if job.is_finished:
            with self._guard:
                self._jobs.pop(job_id, None)
        return bool(found) or job.is_finished


def _forget(remembered: dict[str, Any]) -> None:
    """Forget the oldest of what has become too much."""
    for key in list(remembered)[:-_MOST_REMEMBERED]:
        del remembered[key]


_LOCKS = _Locks()
_OWN = _Own()
