# SPDX-License-Identifier: Apache-2.0
"""The board of jobs that workers share: TaskFlow's, in Redis.

Claims expire unless they are renewed, and only their owner renews them.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
import contextlib
import dataclasses
import importlib
import logging
import time
from typing import TYPE_CHECKING, Any
import warnings

from ims_ext import exceptions
from ims_ext import extras
from ims_ext.pipeline.engine.jobqueue import JobQueues
from ims_ext.pipeline.engine.jobqueue import Queue

if TYPE_CHECKING:
    import redis

#: Seconds for which the index of what may be claimed has to lack something,
#: or to have something that is gone, before it is mended.
_MEND = 2.0
#: Seconds until somebody may try again to claim what another one has.
_TAKEN = 1.0

#: More jobs are never posted: whole numbers that are exact in Redis end here.
_MOST_POSTED = 2**53

#: Renews a claim; takes one that has expired anew where nobody else has.
_RENEW = """
local owner = redis.call('get', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
if redis.call('hexists', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('set', KEYS[1], ARGV[1], 'px', ARGV[3])
return 1
"""


@dataclasses.dataclass(frozen=True)
class Posted:
    """A job on the board.

    :ivar id: Its ID.
    :ivar name: What it was posted as.
    :ivar details: What is to be done, as JSON has it. It may have been
        written by anybody.
    :ivar order: Its place among all jobs that were ever posted.
    :ivar queue: The queue that it is in.
    """

    id: str
    name: str
    details: Mapping[str, Any]
    order: int
    queue: str
    handle: Any = dataclasses.field(repr=False, compare=False, default=None)


def load() -> None:
    """Load what the board needs.

    :raises: :class:`~ims_ext.exceptions.MissingExtraError` without the
        ``pipeline`` extra.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', DeprecationWarning)
            importlib.import_module('redis')
            importlib.import_module('taskflow.jobs.backends.impl_redis')
    except ImportError as error:
        if not extras.is_missing(error):
            raise
        raise exceptions.MissingExtraError('board', "A board") from error
    # It tells of postings that are none, which is done here.
    logging.getLogger('taskflow').setLevel(logging.CRITICAL)


class JobBoard:
    """Jobs that are posted, claimed and done with.

    Each method sends requests to Redis, and raises what redis-py does.

    :param client: The connection to Redis, which answers with bytes.
    :param namespace: What the board's keys begin with.
    :param queue_of: Gives the queue that a job is in, by its details.
    """

    def __init__(
        self,
        client: 'redis.Redis',
        namespace: str,
        queue_of: Callable[[Mapping[str, Any]], str],
    ) -> None:
        from taskflow.jobs.backends import impl_redis

        self._client = client
        self._queue_of = queue_of
        self._board = impl_redis.RedisJobBoard(
            'board', {'namespace': namespace}, client=client
        )
        self._renew = client.register_script(_RENEW)
        self._queues = JobQueues(client, namespace, self._board.listings_key)
        self._whole_at = time.monotonic()
        self._is_connected = False

    def post(self, name: str, details: Mapping[str, Any]) -> str:
        """Post a job; return its ID.

        :param name: What it is called.
        :param details: What is to be done.
        """
        with _redis_errors():
            job = self._connected().post(name, details=dict(details))
        self._queues.add(self._queue_of(details), job.key, job.sequence)
        return str(job.uuid)

    def queues(self, most: int) -> list[Queue]:
        """Return what may be claimed, by queues.

        :param most: How many jobs of a queue to give, the oldest first.
        """
        is_whole, found = self._queues.look(most)
        now = time.monotonic()
        if is_whole:
            self._whole_at = now
        elif now - self._whole_at > _MEND:
            # Not just between a posting and its place in a queue.
            for job in self.read(self._queues.mend()):
                self._queues.add(job.queue, job.handle.key, job.order)
            self._whole_at = now
        return found

    def read(self, keys: Collection[bytes]) -> list[Posted]:
        """Return jobs that are on the board, in the order of their keys.

        Postings that are none are removed.

        :param keys: The jobs' keys.
        """
        from taskflow.jobs.backends import impl_redis

        if not keys:
            return []
        board = self._connected()
        found = []
        listed: Any = self._client.hmget(board.listings_key, list(keys))
        for key, content in zip(keys, listed, strict=True):
            if content is None:
                continue
            try:
                data = _read(content)
                handle = impl_redis.RedisJob(
                    board,
                    data['name'],
                    data['sequence'],
                    key,
                    uuid=data['uuid'],
                    details=data['details'],
                )
            except (ValueError, TypeError, KeyError):
                self._client.hdel(board.listings_key, key)
                continue
            found.append(
                Posted(
                    data['uuid'],
                    data['name'],
                    data['details'],
                    data['sequence'],
                    self._queue_of(data['details']),
                    handle,
                )
            )
        return found

    def has(self, job_id: str) -> bool:
        """Whether a job is on the board.

        :param job_id: Its ID.
        """
        board = self._connected()
        return bool(self._client.hexists(board.listings_key, job_id))

    def claim(self, job: Posted, who: str, expiry: float) -> bool:
        """Claim a job; say whether it is ours now.

        :param job: The job.
        :param who: Who claims it.
        :param expiry: Seconds until somebody else may, unless it is renewed.
        """
        errors = _errors()
        try:
            with _redis_errors():
                self._connected().claim(job.handle, who, expiry=expiry)
        except errors.UnclaimableJob:
            # The queue may not know of it.
            self.put_off(job, _TAKEN)
            return False
        except errors.NotFound:
            self._drop(job)
            return False
        self.put_off(job, expiry)
        return True

    def put_off(self, job: Posted, seconds: float) -> None:
        """Have nobody try to claim a job for a while.

        :param job: The job.
        :param seconds: For how long; 0 where it may be claimed at once.
        """
        self._queues.put_off(job.queue, job.handle.key, job.order, seconds)

    def await_room(
        self, queue: str, room: str, limit: int, seconds: float
    ) -> None:
        """Have nothing of a queue claimed while there is no room for it.

        :param queue: The queue.
        :param room: The key of the sorted set of those that have room.
        :param limit: How many have room.
        :param seconds: Until it is tried whether this holds still.
        """
        self._queues.await_room(queue, room, limit, seconds)

    def _drop(self, job: Posted) -> None:
        self._queues.drop(job.queue, job.handle.key, job.order)

    def is_owner(self, job: Posted, who: str) -> bool:
        """Whether a job is claimed by somebody.

        :param job: The job.
        :param who: Who.
        """
        owner: Any = self._client.get(job.handle.owner_key)
        return owner is not None and bool(owner.decode() == who)

    def renew(self, job: Posted, who: str, expiry: float) -> bool:
        """Renew a claim; say whether it is ours still.

        :param job: The job.
        :param who: Who has claimed it.
        :param expiry: Seconds until somebody else may.
        """
        handle = job.handle
        # The claim comes last: nothing is waited for after it.
        self.put_off(job, expiry)
        return bool(
            self._renew(
                keys=[handle.owner_key, handle.board.listings_key],
                args=[who, handle.key, int(expiry * 1000)],
            )
        )

    def abandon(self, job: Posted, who: str) -> None:
        """Let others have a job at once, if it is ours.

        :param job: The job.
        :param who: Who has claimed it.
        """
        errors = _errors()
        try:
            with _redis_errors():
                self._connected().abandon(job.handle, who)
        except (errors.NotFound, errors.JobFailure):
            return
        self.put_off(job, 0)

    def consume(self, job: Posted, who: str) -> bool:
        """Remove a job that is done; say whether it was ours.

        :param job: The job.
        :param who: Who has claimed it.
        """
        errors = _errors()
        try:
            with _redis_errors():
                self._connected().consume(job.handle, who)
        except errors.NotFound:
            self._drop(job)
            return False
        except errors.JobFailure:
            return False
        self._drop(job)
        return True

    def _connected(self) -> Any:
        if not self._is_connected:
            with _redis_errors():
                self._board.connect()
            self._is_connected = True
        return self._board


def _read(content: bytes) -> dict[str, Any]:
    """Return a posting as it is on the board: data, and nothing else.

    :raises: :class:`ValueError` where it is none.
    """
    from taskflow.utils import misc

    data: dict[str, Any] = misc.decode_msgpack(content)
    kinds = {'uuid': str, 'name': str, 'sequence': int, 'details': dict}
    if not all(isinstance(data.get(key), kinds[key]) for key in kinds):
        raise ValueError("no posting")
    if not 0 <= data['sequence'] < _MOST_POSTED:
        raise ValueError("no posting")
    return data


@contextlib.contextmanager
def _redis_errors() -> Iterator[None]:
    """Raise what redis-py has raised, in place of what tells it."""
    import redis

    try:
        yield
    except _errors().TaskFlowException as error:
        if isinstance(error.__cause__, redis.RedisError):
            raise error.__cause__ from None
        raise


def _errors() -> Any:
    from taskflow import exceptions as errors

    return errors
