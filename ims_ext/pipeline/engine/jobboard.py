# SPDX-License-Identifier: Apache-2.0
"""The board of jobs that workers share: TaskFlow's, in Redis.

Claims expire unless they are renewed, and only their owner renews them.
"""

from collections.abc import Iterator, Mapping
import contextlib
import dataclasses
import importlib
import logging
from typing import TYPE_CHECKING, Any
import warnings

from ims_ext import exceptions

if TYPE_CHECKING:
    import redis

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
    :ivar owner: Who has claimed it, if anybody.
    :ivar order: Its place among all jobs that were ever posted.
    """

    id: str
    name: str
    details: Mapping[str, Any]
    owner: str | None
    order: int
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
        raise exceptions.MissingExtraError('board', "A board") from error
    # It tells of postings that are none, which is done here.
    logging.getLogger('taskflow').setLevel(logging.CRITICAL)


class JobBoard:
    """Jobs that are posted, claimed and done with.

    Each method sends requests to Redis, and raises what redis-py does.

    :param client: The connection to Redis, which answers with bytes.
    :param namespace: What the board's keys begin with.
    """

    def __init__(self, client: 'redis.Redis', namespace: str) -> None:
        from taskflow.jobs.backends import impl_redis

        self._client = client
        self._board = impl_redis.RedisJobBoard(
            'board', {'namespace': namespace}, client=client
        )
        self._renew = client.register_script(_RENEW)
        self._is_connected = False

    def post(self, name: str, details: Mapping[str, Any]) -> str:
        """Post a job; return its ID.

        :param name: What it is called.
        :param details: What is to be done.
        """
        with _redis_errors():
            job = self._connected().post(name, details=dict(details))
        return str(job.uuid)

    def jobs(self) -> list[Posted]:
        """Return the jobs on the board, the oldest first.

        Postings that are none are removed.
        """
        from taskflow.jobs.backends import impl_redis

        board = self._connected()
        found = []
        listed: dict[Any, Any] = self._client.hgetall(board.listings_key)
        for key, content in listed.items():
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
            found.append((data, handle))
        if not found:
            return []
        owners: list[Any] = self._client.mget([e.owner_key for _, e in found])
        posted = [
            Posted(
                data['uuid'],
                data['name'],
                data['details'],
                None if owner is None else owner.decode('utf-8', 'replace'),
                data['sequence'],
                handle,
            )
            for (data, handle), owner in zip(found, owners, strict=True)
        ]
        return sorted(posted, key=lambda each: each.order)

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
        except (errors.UnclaimableJob, errors.NotFound):
            return False
        return True

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
        return bool(
            self._renew(
                keys=[handle.owner_key, handle.board.listings_key],
                args=[who, handle.key, int(expiry * 1000)],
            )
        )

    def abandon(self, job: Posted, who: str) -> None:
        """Let others have a job, if it is ours.

        :param job: The job.
        :param who: Who has claimed it.
        """
        errors = _errors()
        try:
            with _redis_errors():
                self._connected().abandon(job.handle, who)
        except (errors.NotFound, errors.JobFailure):
            return

    def consume(self, job: Posted, who: str) -> bool:
        """Remove a job that is done; say whether it was ours.

        :param job: The job.
        :param who: Who has claimed it.
        """
        errors = _errors()
        try:
            with _redis_errors():
                self._connected().consume(job.handle, who)
        except (errors.NotFound, errors.JobFailure):
            return False
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
