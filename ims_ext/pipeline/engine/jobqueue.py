# SPDX-License-Identifier: Apache-2.0
"""An index of a board: what may be claimed, the oldest of each queue first.

Who looks for something to claim reads a few entries of it, however much is on
the board. Whether a job is there, and whose it is, the board alone says: an
index that lacks something, or has something that is gone, is mended.
"""

import dataclasses
from typing import Any

# A queue is two sorted sets. FREE has the jobs that may be claimed, by their
# order; LATER has those that may be claimed from a time on, unless that is
# put off: claims that expire, and what was tried in vain. A member is the
# order and the job's key. What has been full says how many have room, and
# the key of the sorted set of those that have it, by when they lose it.

#: Finds what may be claimed. KEYS: names of queues, postings. ARGV: what keys
#: of free jobs, of later ones, and of what has been full begin with, how many
#: of each queue. Gives whether the index has as many jobs as the board, and
#: of each queue its name, how many are put off, and the first of those that
#: may be claimed, no more than have room.
_LOOK = """
local time = redis.call('time')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found, total = {}, 0
for _, name in ipairs(redis.call('smembers', KEYS[1])) do
  local free, later = ARGV[1] .. name, ARGV[2] .. name
  for _, job in ipairs(redis.call('zrangebyscore', later, '-inf', now)) do
    redis.call('zrem', later, job)
    redis.call('zadd', free, string.match(job, '^%d+'), job)
  end
  local waiting = redis.call('zcard', later)
  local number = redis.call('zcard', free)
  if waiting + number == 0 then
    redis.call('srem', KEYS[1], name)
  else
    total = total + waiting + number
    local first, most = {}, tonumber(ARGV[4])
    local full = redis.call('get', ARGV[3] .. name)
    if full then
      local limit, room = string.match(full, '^(%d+) (.*)$')
      most = math.min(most, limit - redis.call('zcount', room, now, '+inf'))
    end
    if most > 0 then first = redis.call('zrange', free, 0, most - 1) end
    found[#found + 1] = {name, waiting, first}
  end
end
local is_whole = redis.call('hlen', KEYS[2]) == total
return {is_whole and 1 or 0, found}
"""

#: Adds a job that is on the board and not in its queue. KEYS: names, free,
#: later, postings. ARGV: the queue, the order, the member, the job's key.
_ADD = """
if redis.call('hexists', KEYS[4], ARGV[4]) == 0 then return end
redis.call('sadd', KEYS[1], ARGV[1])
if not redis.call('zscore', KEYS[3], ARGV[3]) then
  redis.call('zadd', KEYS[2], ARGV[2], ARGV[3])
end
"""

#: Removes a job that is on the board no more. KEYS: free, later, postings.
#: ARGV: the member, the job's key.
_DROP = """
if redis.call('hexists', KEYS[3], ARGV[2]) == 1 then return end
redis.call('zrem', KEYS[1], ARGV[1])
redis.call('zrem', KEYS[2], ARGV[1])
"""

#: Puts a job off that is in its queue. KEYS: free, later. ARGV: the member,
#: milliseconds (0 where it may be claimed at once), the order.
_PUT_OFF = """
if redis.call('zrem', KEYS[1], ARGV[1])
    + redis.call('zrem', KEYS[2], ARGV[1]) == 0 then return end
if ARGV[2] == '0' then
  redis.call('zadd', KEYS[1], ARGV[3], ARGV[1])
else
  local time = redis.call('time')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('zadd', KEYS[2], now + ARGV[2], ARGV[1])
end
"""


@dataclasses.dataclass(frozen=True)
class Queue:
    """What is in a queue.

    :ivar name: Its name.
    :ivar busy: How many jobs may not be claimed now.
    :ivar free: The keys of the oldest that may be claimed.
    """

    name: str
    busy: int
    free: list[bytes]


class JobQueues:
    """The queues of a board.

    :param client: The connection to Redis.
    :param prefix: What their keys begin with.
    :param listings: The key of the postings.
    """

    def __init__(self, client: Any, prefix: str, listings: str) -> None:
        self._client = client
        self._prefix = prefix
        self._listings = listings
        self._look = client.register_script(_LOOK)
        self._add = client.register_script(_ADD)
        self._drop = client.register_script(_DROP)
        self._put_off = client.register_script(_PUT_OFF)

    def look(self, most: int) -> tuple[bool, list[Queue]]:
        """Return whether the index is whole, and the queues.

        :param most: How many jobs of each to give.
        """
        is_whole, found = self._look(
            keys=[self._names, self._listings],
            args=[
                *(self._key(each) for each in ('free', 'later', 'full')),
                most,
            ],
        )
        return bool(is_whole), [
            Queue(
                name.decode('utf-8'),
                busy,
                [each.partition(b' ')[2] for each in free],
            )
            for name, busy, free in found
        ]

    def add(self, queue: str, key: bytes, order: int) -> None:
        """Add a job that was posted, unless it is there.

        :param queue: The queue.
        :param key: The job's key.
        :param order: Its place among all jobs that were ever posted.
        """
        self._add(
            keys=[self._names, *self._keys(queue), self._listings],
            args=[queue, order, _member(key, order), key],
        )

    def put_off(
        self, queue: str, key: bytes, order: int, seconds: float
    ) -> None:
        """Have nobody claim a job for a while.

        :param queue: The queue.
        :param key: The job's key.
        :param order: Its order.
        :param seconds: For how long; 0 where it may be claimed at once.
        """
        self._put_off(
            keys=self._keys(queue),
            args=[_member(key, order), int(seconds * 1000), order],
        )

    def await_room(
        self, queue: str, room: str, limit: int, seconds: float
    ) -> None:
        """Have nothing of a queue claimed while there is no room for it.

        :param queue: The queue.
        :param room: The key of the sorted set of those that have room.
        :param limit: How many have room.
        :param seconds: Until it is tried whether this holds still.
        """
        self._client.set(
            self._key('full', queue),
            f'{limit} {room}',
            px=int(seconds * 1000),
        )

    def drop(self, queue: str, key: bytes, order: int) -> None:
        """Remove a job that is on the board no more.

        :param queue: The queue.
        :param key: The job's key.
        :param order: Its order.
        """
        self._drop_member(queue, _member(key, order))

    def mend(self) -> set[bytes]:
        """Remove what is on the board no more; return what is lacking.

        :returns: The keys of jobs on the board that are in no queue.
        """
        names: Any = self._client.smembers(self._names)
        queued = {
            member.partition(b' ')[2]: (name.decode('utf-8'), member)
            for name in names
            for key in self._keys(name.decode('utf-8'))
            for member in self._client.zrange(key, 0, -1)
        }
        posted = set(self._client.hkeys(self._listings))
        for key in queued.keys() - posted:
            self._drop_member(*queued[key])
        return posted - queued.keys()

    @property
    def _names(self) -> str:
        return f'{self._prefix}:queues'

    def _key(self, which: str, queue: str = '') -> str:
        return f'{self._prefix}:{which}:{queue}'

    def _keys(self, queue: str) -> list[str]:
        return [self._key('free', queue), self._key('later', queue)]

    def _drop_member(self, queue: str, member: bytes) -> None:
        self._drop(
            keys=[*self._keys(queue), self._listings],
            args=[member, member.partition(b' ')[2]],
        )


def _member(key: bytes, order: int) -> bytes:
    return b'%d %b' % (order, key)
