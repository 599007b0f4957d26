# SPDX-License-Identifier: Apache-2.0
"""The board: what workers and those who apply tell each other in Redis."""

from collections.abc import Callable, Iterable, Iterator, Mapping
import contextlib
import json
import secrets
import time
from typing import Any, TypeVar

import ims_ext
from ims_ext import exceptions
from ims_ext.closing import Closing
from ims_ext.pipeline.board import bundle
from ims_ext.pipeline.board import data
from ims_ext.pipeline.board import scripts
from ims_ext.pipeline.board.address import Address
from ims_ext.pipeline.board.errors import BoardError
from ims_ext.pipeline.board.line import Line
from ims_ext.pipeline.engine import jobboard

T = TypeVar('T')

#: Seconds that what is not needed any more is kept.
_DAY = 24 * 3600
_BUNDLES, _ITEMS, _RUNS = 14 * _DAY, 7 * _DAY, 30 * _DAY
#: Events that are kept for those who follow, and of each run.
_MOST_EVENTS, _MOST_OF_RUN = 20_000, 200_000
#: Bytes of what is read in one piece.
_LONGEST = 16 * 1024**2


class Board(Closing):
    """A board, for all threads of a process.

    Each method asks Redis again while it does not answer.

    :param address: Where it is.
    :param say: Is told in words while it does not answer.
    :ivar jobs: What is to be claimed.
    :raises: :class:`.errors.BoardError` where it cannot be used, or is used
        by another version.
    """

    def __init__(
        self,
        address: Address,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.address = address
        self._line = Line(address, say)
        client = self._client = self._line.client
        self.jobs = jobboard.JobBoard(client, f'{address.prefix}:jobs')
        self._begin = client.register_script(scripts.BEGIN)
        self._take = client.register_script(scripts.TAKE)
        self._write = client.register_script(scripts.WRITE)
        self._keep = client.register_script(scripts.KEEP)
        self._enter = client.register_script(scripts.ENTER)
        self._reserve = client.register_script(scripts.RESERVE)
        try:
            self.ask(self._check_version)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self._line.close()

    def ask(self, question: Callable[[], T]) -> T:
        """Return what the board answers, asking until it does.

        :param question: Asks; it may be called several times.
        """
        return self._line.ask(question)

    def key(self, *parts: str) -> str:
        """Return the name of a key.

        :param parts: What it is about.
        """
        return ':'.join((self.address.prefix, *parts))

    # ====== VERSIONS ======

    def _check_version(self) -> None:
        key = self.key('version')
        ours = f'{data.VERSION} {ims_ext.__version__}'
        self._client.set(key, ours, nx=True)
        theirs = _text(self._client.get(key))
        if theirs == ours:
            return
        if self._workers() or self._client.hlen(self.key('jobs', 'listings')):
            found = exceptions.readable(theirs.partition(' ')[2], 40)
            raise BoardError(
                f"the board {self.address} is used by ims-ext {found}, and "
                f"this is ims-ext {ims_ext.__version__}: install the same "
                "version on all machines, or let its workers end first"
            )
        self._client.set(key, ours)

    # ====== ITEMS ======

    def begin(self, task: data.Task, now: float) -> dict[str, str]:
        """Have the items of a task in flight, unless they are.

        :param task: The task.
        :param now: When, in seconds since 1970.
        :returns: The token that is in force, by the action's ID.
        """
        found = {}
        for action, token in task.actions:
            item = self._item(task.pipeline, action.id)
            fields = {
                'pipeline': task.pipeline,
                'id': action.id,
                'action': str(action.kind),
                'image': action.item.image,
                'version': action.item.version,
                'target': action.item.target,
                'run': task.run,
                'since': f'{now:.3f}',
            }
            given = [
                token,
                *(each for pair in fields.items() for each in pair),
            ]
            found[action.id] = _text(
                self.ask(
                    lambda item=item, given=given: self._begin(  # type: ignore[misc]
                        keys=[item], args=given
                    )
                )
            )
            self.ask(
                lambda item=item: self._client.zadd(  # type: ignore[misc]
                    self.key('items'), {item: now}
                )
            )
        return found

    def post(self, task: data.Task) -> None:
        """Post a task, whose items are in flight.

        :param task: The task.
        """
        self.ask(lambda: self.jobs.post(task.name, task.as_json()))

    def names(self) -> set[str]:
        """Return what is on the board, by its names."""
        return {each.name for each in self.ask(self.jobs.jobs)}

    def take(
        self, task: data.Task, job_id: str, worker: str, now: float
    ) -> frozenset[str]:
        """Take a task's items for a job; return the actions that are ours.

        :param task: The task.
        :param job_id: The job that was claimed.
        :param worker: Who has claimed it.
        :param now: When, in seconds since 1970.
        """
        return frozenset(
            action.id
            for action, token in task.actions
            if self.ask(
                lambda action=action, token=token: self._take(  # type: ignore[misc]
                    keys=[self._item(task.pipeline, action.id)],
                    args=[token, job_id, worker, f'{now:.3f}'],
                )
            )
        )

    def write(
        self, pipeline: str, action: str, token: str, **fields: str
    ) -> bool:
        """Write down how far an item is; say whether it is ours to say.

        :param pipeline: The manifest's name.
        :param action: The action's ID.
        :param token: What it was posted under.
        :param fields: What to write: ``state``, ``reason``.
        """
        item = self._item(pipeline, action)
        given = [token, *_flat(fields)]
        done = self.ask(lambda: self._write(keys=[item], args=given))
        if fields.get('state') not in scripts.IN_FLIGHT:
            self.ask(lambda: self._client.expire(item, _ITEMS))
        return bool(done)

    def items(
        self, pipeline: str, actions: Iterable[str]
    ) -> dict[str, dict[str, str]]:
        """Return what is known of items, by the actions' IDs.

        :param pipeline: The manifest's name.
        :param actions: The actions' IDs.
        """
        wanted = list(actions)
        return dict(
            zip(
                wanted,
                self._hashes([self._item(pipeline, e) for e in wanted]),
                strict=True,
            )
        )

    def all_items(self) -> list[dict[str, str]]:
        """Return what is known of all items, the latest first."""
        key = self.key('items')
        self.ask(
            lambda: self._client.zremrangebyscore(
                key, '-inf', time.time() - _ITEMS
            )
        )
        names: list[Any] = self.ask(lambda: self._client.zrevrange(key, 0, -1))
        return [each for each in self._hashes(map(_text, names)) if each]

    def in_flight(self, pipeline: str) -> int:
        """Return how many items of a pipeline somebody is at work on.

        :param pipeline: The manifest's name.
        """
        return sum(
            each.get('pipeline') == pipeline
            and each.get('state') in scripts.IN_FLIGHT
            for each in self.all_items()
        )

    def _hashes(self, names: Iterable[str]) -> list[dict[str, str]]:
        wanted = list(names)

        def asked() -> list[Any]:
            with self._client.pipeline(transaction=False) as many:
                for each in wanted:
                    many.hgetall(each)
                return many.execute()

        return [
            {_text(key): _text(value) for key, value in each.items()}
            for each in (self.ask(asked) if wanted else ())
        ]

    def _item(self, pipeline: str, action: str) -> str:
        return self.key('item', pipeline, action)

    # ====== WAITS ======

    def wait(self, wait: data.Wait) -> None:
        """Have a making waited for by the watcher of its place.

        :param wait: What is waited for.
        """
        task = wait.task
        content = data.write(wait.as_json())

        def asked() -> None:
            with self._client.pipeline() as many:
                many.hset(
                    self.key('waiting', task.place),
                    f'{task.pipeline}:{task.name}',
                    content,
                )
                many.sadd(self.key('places'), task.place)
                many.execute()

        self.ask(asked)

    def places(self) -> list[str]:
        """Return the places where something is waited for."""
        found: Any = self.ask(
            lambda: self._client.smembers(self.key('places'))
        )
        return sorted(_text(each) for each in found)

    def waits(self, place: str) -> dict[str, bytes]:
        """Return what is waited for at a place, by its names.

        :param place: The place.
        """
        key = self.key('waiting', place)
        found: Any = self.ask(lambda: self._client.hgetall(key))
        if not found:
            self.ask(lambda: self._client.srem(self.key('places'), place))
            if self.ask(lambda: self._client.exists(key)):
                # Something has come between the two.
                self.ask(lambda: self._client.sadd(self.key('places'), place))
        return {_text(name): content for name, content in found.items()}

    def is_waiting(self, task: data.Task) -> bool:
        """Whether a task is waited for.

        :param task: The task.
        """
        return bool(
            self.ask(
                lambda: self._client.hexists(
                    self.key('waiting', task.place),
                    f'{task.pipeline}:{task.name}',
                )
            )
        )

    def waited(self, place: str, name: str) -> None:
        """Wait for something no more.

        :param place: The place.
        :param name: Its name there.
        """
        self.ask(lambda: self._client.hdel(self.key('waiting', place), name))

    # ====== WHAT IS KEPT FOR ALL ======

    def keep_bundle(self, content: bytes) -> str:
        """Keep a bundle; return its digest.

        :param content: The bundle.
        """
        digest = bundle.digest(content)
        key = self.key('bundle', digest)
        self.ask(lambda: self._client.set(key, content, ex=_BUNDLES))
        return digest

    def bundle(self, digest: str) -> bytes:
        """Return a bundle.

        :param digest: Its digest.
        :raises: :class:`.data.DataError` where there is none.
        """
        found = self.get('bundle', digest)
        if found is None or bundle.digest(found) != digest:
            raise data.DataError(f"there is no bundle {digest}")
        return found

    def get(self, *parts: str) -> bytes | None:
        """Return the content of a key.

        :param parts: The key.
        """
        found: Any = self.ask(lambda: self._client.get(self.key(*parts)))
        if found is not None and len(found) > _LONGEST:
            raise data.DataError("it is too long")
        return found  # type: ignore[no-any-return]

    def put(self, content: bytes, *parts: str) -> None:
        """Keep the content of a key, for a week.

        :param content: The content.
        :param parts: The key.
        """
        key = self.key(*parts)
        self.ask(lambda: self._client.set(key, content, ex=_ITEMS))

    def drop(self, *parts: str) -> None:
        """Forget a key.

        :param parts: The key.
        """
        self.ask(lambda: self._client.delete(self.key(*parts)))

    # ====== WHO MAY DO WHAT ======

    def hold(self, who: str, seconds: float, *parts: str) -> bool:
        """Take something that one alone may have, or renew it.

        :param who: Who takes it.
        :param seconds: For how long.
        :param parts: What it is.
        :returns: Whether it is ours.
        """
        return bool(
            self.ask(
                lambda: self._keep(
                    keys=[self.key(*parts)], args=[who, int(seconds * 1000)]
                )
            )
        )

    def release(self, who: str, *parts: str) -> None:
        """Give something back that one alone may have.

        :param who: Who gives it.
        :param parts: What it is.
        """
        self.ask(lambda: self._keep(keys=[self.key(*parts)], args=[who, 0]))

    def enter(self, who: str, limit: int, seconds: float, *parts: str) -> bool:
        """Take room that so many have at a time, or renew it.

        :param who: Who takes it.
        :param limit: How many have room.
        :param seconds: For how long.
        :param parts: What the room is for.
        :returns: Whether there was room.
        """
        return bool(
            self.ask(
                lambda: self._enter(
                    keys=[self.key(*parts)],
                    args=[who, limit, int(seconds * 1000)],
                )
            )
        )

    def leave(self, who: str, *parts: str) -> None:
        """Give room back.

        :param who: Who gives it.
        :param parts: What the room is for.
        """
        self.ask(lambda: self._client.zrem(self.key(*parts), who))

    def reserve(self, place: str, rate: float, burst: float) -> float:
        """Reserve a request's time; return the seconds until then.

        :param place: Where the request goes.
        :param rate: Requests a second.
        :param burst: Seconds whose requests may go at once.
        """
        micro: Any = self._reserve(
            keys=[self.key('pace', place)],
            args=[int(1e6 / rate), int(burst * 1e6)],
        )
        return float(micro) / 1e6

    def count(self, *parts: str) -> int:
        """Return how many have room.

        :param parts: What the room is for.
        """
        key = self.key(*parts)
        now = time.time() * 1000
        found: Any = self.ask(lambda: self._client.zcount(key, now, '+inf'))
        return int(found)

    # ====== EVENTS ======

    def tell(self, event: Mapping[str, Any]) -> None:
        """Tell all who follow.

        :param event: What has happened.
        """
        content = data.write(event)
        self.ask(
            lambda: self._client.xadd(
                self.key('events'),
                {'event': content},
                maxlen=_MOST_EVENTS,
                approximate=True,
            )
        )

    def last_event(self) -> str:
        """Return the place after the last event."""
        found: Any = self.ask(
            lambda: self._client.xrevrange(self.key('events'), count=1)
        )
        return _text(found[0][0]) if found else '0-0'

    def events(
        self, after: str, seconds: float
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give the events after a place, with their places.

        :param after: The place.
        :param seconds: How long to wait for the first.
        """
        key = self.key('events')
        found: Any = self.ask(
            lambda: self._client.xread(
                {key: after}, count=500, block=int(seconds * 1000)
            )
        )
        for _, entries in _pairs(found):
            for place, fields in entries:
                with contextlib.suppress(data.DataError):
                    event = data.read((fields or {}).get(b'event', b''))
                    data.check('event', event)
                    yield _text(place), event
                    continue
                yield _text(place), {}

    # ====== WORKERS ======

    def appear(
        self, worker: str, seconds: float, told: Mapping[str, str]
    ) -> None:
        """Have a worker seen by others.

        :param worker: Its name.
        :param seconds: For how long.
        :param told: What is told of it.
        """
        key = self.key('worker', worker)

        def asked() -> None:
            with self._client.pipeline() as many:
                many.set(key, json.dumps(dict(told)), px=int(seconds * 1000))
                many.sadd(self.key('workers'), worker)
                many.execute()

        self.ask(asked)

    def vanish(self, worker: str) -> None:
        """Have a worker seen no more.

        :param worker: Its name.
        """

        def asked() -> None:
            self._client.delete(self.key('worker', worker))
            self._client.srem(self.key('workers'), worker)

        self.ask(asked)

    def workers(self) -> list[dict[str, str]]:
        """Return what is told of the workers that are there."""
        return self.ask(self._workers)

    def _workers(self) -> list[dict[str, str]]:
        names: Any = self._client.smembers(self.key('workers'))
        found = []
        for each in sorted(_text(name) for name in names):
            content: Any = self._client.get(self.key('worker', each))
            if content is None:
                self._client.srem(self.key('workers'), each)
                continue
            with contextlib.suppress(data.DataError):
                told = data.read(content)
                if isinstance(told, dict):
                    found.append(
                        {str(k): str(v) for k, v in told.items()}
                        | {'worker': each}
                    )
        return found

    # ====== RUNS ======

    def keep_event(self, run: str, event: Mapping[str, Any]) -> None:
        """Keep an event of a run, for those who ask for its report.

        :param run: The run's ID.
        :param event: The event.
        """
        key = self.key('run', run)

        def asked() -> None:
            with self._client.pipeline(transaction=False) as many:
                many.rpush(key, data.write(event))
                many.ltrim(key, -_MOST_OF_RUN, -1)
                many.expire(key, _RUNS)
                many.zadd(self.key('runs'), {run: time.time()})
                many.execute()

        self.ask(asked)

    def runs(self) -> list[str]:
        """Return the IDs of the runs, the newest first."""
        key = self.key('runs')
        self.ask(
            lambda: self._client.zremrangebyscore(
                key, '-inf', time.time() - _RUNS
            )
        )
        found: Any = self.ask(lambda: self._client.zrange(key, 0, -1))
        return sorted((_text(each) for each in found), reverse=True)

    def events_of(self, run: str) -> list[dict[str, Any]]:
        """Return the events of a run.

        :param run: The run's ID.
        """
        key = self.key('run', run)
        found: Any = self.ask(lambda: self._client.lrange(key, 0, -1))
        return [data.read(each) for each in found]


def new_token() -> str:
    """Return what an item is posted under."""
    return secrets.token_hex(8)


def _text(found: Any) -> str:
    if isinstance(found, bytes):
        return found.decode('utf-8', 'replace')
    return str(found or '')


def _pairs(found: Any) -> list[Any]:
    """Return the answer to a reading of streams, whatever its form."""
    if isinstance(found, dict):
        # As RESP3 has it: lists of entries, in a list of one.
        return [(key, each[0]) for key, each in found.items()]
    return list(found or ())


def _flat(fields: Mapping[str, str]) -> Iterator[str]:
    for pair in fields.items():
        yield from pair
