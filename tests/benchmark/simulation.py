# SPDX-License-Identifier: Apache-2.0
"""A model of a board: ``python -m tests.benchmark.simulation``.

What takes time is modelled as what has room for so many at once: a process
(which runs one thread of Python at a time), Redis, the requests that a target
takes in a second, the images that it may make at a time, uploads at a time.
What each of them takes of an item was measured by ``pipeline-workers``.
"""

import argparse
from collections.abc import Generator, Sequence
import dataclasses
import heapq
import itertools
import sys

#: Steps of a process: seconds to pass, or room to be entered.
Steps = Generator['float | Room', None, None]


@dataclasses.dataclass
class Costs:
    """What an item takes, as measured by ``pipeline-workers``.

    :ivar worker: Processor time of its worker, in seconds.
    :ivar warm: That of a worker once, before its first item.
    :ivar apply: That of who posts it.
    :ivar redis: That of Redis.
    :ivar idle: That of Redis, of a worker and a second.
    :ivar begin: Requests to the image service until the cloud is at it.
    :ivar finish: Requests after that.
    :ivar cloud: Processor time of the emulator; none of a real cloud.
    """

    worker: float = 0.037
    warm: float = 1.8
    apply: float = 0.020
    redis: float = 0.0035
    idle: float = 0.00015
    begin: int = 6
    finish: int = 5
    cloud: float = 0.0


@dataclasses.dataclass
class Setting:
    """Workers, and what they make.

    :ivar workers: Processes.
    :ivar items: Images, at all targets together.
    :ivar targets: Targets, each in a region of its own.
    :ivar rate: Requests a second that a target takes.
    :ivar imports: Images that a target makes at a time.
    :ivar uploads: Uploads to a target at a time.
    :ivar job: Seconds that the cloud takes for an image.
    :ivar upload: Seconds that a worker uploads for an image; 0 for what is
        in a bucket already.
    :ivar answer: Seconds until a request is answered.
    :ivar cores: Processors that all share; none where each process has one.
    :ivar threads: Tasks of a worker at a time.
    """

    workers: int
    items: int
    targets: int
    rate: float = 20.0
    imports: int = 5
    uploads: int = 2
    job: float = 120.0
    upload: float = 0.0
    answer: float = 0.2
    cores: int | None = None
    threads: int = 8


#: Items that are posted beyond those that a target makes at a time; seconds
#: between two looks at a job, at first and at most, and how they grow; seconds
#: for which a job has ended before that is seen; between two looks at the
#: board of a worker that is at work.
_AHEAD = 16
_FIRST_LOOK, _LONGEST_LOOK, _GROWTH = 1.0, 15.0, 1.3
_LATE, _CLAIM = 0.24, 0.1
#: Seconds whose requests may go at once after a pause.
_BURST = 1.0


class Room:
    """Something that so many have at a time, the others in a row.

    :param clock: The clock.
    :param number: How many.
    :ivar busy: Seconds that it was had, all together.
    """

    def __init__(self, clock: 'Clock', number: int = 1) -> None:
        self._clock = clock
        self.number = number
        self._free = number
        self._waiting: list[Steps] = []
        self._next = 0
        self.busy = 0.0

    def enter(self, process: Steps) -> None:
        """Have a process go on when there is room."""
        if self._free:
            self._free -= 1
            self._clock.after(0.0, process)
        else:
            self._waiting.append(process)

    def leave(self) -> None:
        """Give room back."""
        if self._next < len(self._waiting):
            self._clock.after(0.0, self._waiting[self._next])
            self._next += 1
        else:
            self._free += 1

    def use(self, seconds: float) -> Steps:
        """Have room for some seconds."""
        yield self
        yield seconds
        self.busy += seconds
        self.leave()


class Clock:
    """Time that passes from event to event.

    :ivar now: Seconds since the beginning.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Steps]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, process: Steps) -> None:
        """Have a process go on after some seconds."""
        event = self.now + seconds, next(self._numbers), process
        heapq.heappush(self._events, event)

    def run(self) -> None:
        """Have all come to its end."""
        while self._events:
            self.now, _, process = heapq.heappop(self._events)
            try:
                step = next(process)
            except StopIteration:
                continue
            if isinstance(step, Room):
                step.enter(process)
            else:
                self.after(step, process)


class Pace:
    """Requests to a target, so many a second.

    :param clock: The clock.
    :param rate: How many.
    :ivar busy: Seconds that the requests are worth.
    """

    number = 1

    def __init__(self, clock: Clock, rate: float) -> None:
        self._clock = clock
        self._step = 1 / rate
        self._next = 0.0
        self.busy = 0.0

    def wait(self) -> float:
        """Return the seconds until a request may be sent."""
        now = self._clock.now
        # What was not used for a second is lost.
        self._next = max(self._next, now - _BURST) + self._step
        self.busy += self._step
        return max(0.0, self._next - now)


@dataclasses.dataclass
class Found:
    """How a simulation went.

    :ivar seconds: Until all is done.
    :ivar busy: How much of the time each was busy that has room for so many.
    """

    seconds: float
    busy: dict[str, float]

    @property
    def bottleneck(self) -> str:
        """What was busy most."""
        return max(self.busy, key=lambda each: self.busy[each])


class Model:
    """Workers, Redis, an apply and targets.

    :param setting: What there is.
    :param costs: What an item takes.
    """

    def __init__(self, setting: Setting, costs: Costs) -> None:
        self._setting = setting
        self._costs = costs
        self._clock = Clock()
        self._cores = (
            Room(self._clock, setting.cores) if setting.cores else None
        )
        self._apply = Room(self._clock)
        self._redis = Room(self._clock)
        self._cloud = Room(self._clock)
        targets = range(setting.targets)
        number = setting.workers
        self._processes = [Room(self._clock) for _ in range(number)]
        self._threads = Room(self._clock, number * setting.threads)
        self._rates = [Pace(self._clock, setting.rate) for _ in targets]
        self._imports = [Room(self._clock, setting.imports) for _ in targets]
        self._uploads = [Room(self._clock, setting.uploads) for _ in targets]
        self._posted = [
            Room(self._clock, setting.imports + _AHEAD) for _ in targets
        ]
        self._warm: set[int] = set()
        self._made = 0
        self._ended = 0.0

    def run(self) -> Found:
        """Make all images."""
        for number in range(self._setting.items):
            self._clock.after(0.0, self._item(number))
        self._clock.after(0.0, self._looks())
        self._clock.run()
        seconds = self._ended
        rooms: dict[str, Sequence[Room | Pace]] = {
            "a target's request rate": self._rates,
            "imports at a time": self._imports,
            "uploads at a time": self._uploads,
            "workers' processors": self._processes,
            "workers' threads": [self._threads],
            "the apply's processor": [self._apply],
            "Redis' processor": [self._redis],
            "the emulator's processor": [self._cloud],
            "this machine's processors": (
                [self._cores] if self._cores else []
            ),
        }
        return Found(
            seconds,
            {
                name: sum(each.busy for each in some)
                / (seconds * sum(each.number for each in some))
                for name, some in rooms.items()
                if some
            },
        )

    def _item(self, number: int) -> Steps:
        """Make an image."""
        setting, costs = self._setting, self._costs
        target = number % setting.targets
        worker = number // setting.targets % setting.workers
        yield self._posted[target]
        yield from self._compute(self._apply, costs.apply)
        yield _CLAIM / 2
        yield self._imports[target]
        yield self._threads
        began = self._clock.now
        if worker not in self._warm:
            self._warm.add(worker)
            yield from self._compute(self._processes[worker], costs.warm)
        yield from self._compute(self._redis, costs.redis / 2)
        if setting.upload:
            yield from self._uploads[target].use(setting.upload)
        yield from self._ask(target, worker, costs.begin, costs.worker / 2)
        self._threads.busy += self._clock.now - began
        self._threads.leave()
        pause, left = _FIRST_LOOK, setting.job
        while left > 0:
            # Jobs tell their progress: looks aim at the end.
            pause = min(pause, left + _LATE)
            yield pause
            left -= pause
            yield self._rates[target].wait()
            pause = min(pause * _GROWTH, _LONGEST_LOOK)
        # One worker waits at a target, and does what follows.
        watcher = target % setting.workers
        yield from self._ask(target, watcher, costs.finish, costs.worker / 2)
        yield from self._compute(self._redis, costs.redis / 2)
        self._imports[target].busy += self._clock.now - began
        self._imports[target].leave()
        self._posted[target].leave()
        self._made += 1
        self._ended = self._clock.now

    def _ask(
        self, target: int, worker: int, requests: int, seconds: float
    ) -> Steps:
        """Have a worker send requests, and compute between them."""
        cloud = self._costs.cloud / (self._costs.begin + self._costs.finish)
        for _ in range(requests):
            yield self._rates[target].wait()
            yield from self._compute(
                self._processes[worker], seconds / requests
            )
            yield from self._compute(self._cloud, cloud)
            yield self._setting.answer

    def _looks(self) -> Steps:
        """Have idle workers look at the board."""
        while self._made < self._setting.items:
            yield from self._compute(
                self._redis, self._costs.idle * self._setting.workers
            )
            yield 1.0

    def _compute(self, process: Room, seconds: float) -> Steps:
        """Have a process compute, on a processor where these are few."""
        if not seconds:
            return
        yield process
        if self._cores is not None:
            yield from self._cores.use(seconds)
        else:
            yield seconds
        process.busy += seconds
        process.leave()


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell how many items a second there would be, and what limits them."""
    parser = argparse.ArgumentParser(
        prog='python -m tests.benchmark.simulation', description=__doc__
    )
    parser.add_argument(
        '--workers', type=int, nargs='+', default=[1, 2, 4, 8, 20, 100]
    )
    for name, default in (('items', 10_000), ('targets', 10)):
        parser.add_argument(f'--{name}', type=int, default=default)
    for name in ('imports', 'uploads', 'cores', 'threads'):
        default = getattr(Setting, name)
        parser.add_argument(f'--{name}', type=int, default=default)
    for name in ('rate', 'job', 'upload', 'answer'):
        default = getattr(Setting, name)
        parser.add_argument(f'--{name}', type=float, default=default)
    for field in dataclasses.fields(Costs):
        parser.add_argument(
            f'--cost-{field.name}',
            type=type(field.default),
            default=field.default,
        )
    told = vars(parser.parse_args(arguments))
    costs = Costs(
        **{
            e.name: told.pop(f'cost_{e.name}')
            for e in dataclasses.fields(Costs)
        }
    )
    print('workers  items/s  hours  busy')
    for number in told.pop('workers'):
        setting = Setting(workers=number, **told)
        found = Model(setting, costs).run()
        most = sorted(found.busy.items(), key=lambda each: -each[1])[:3]
        shown = ', '.join(f'{name} {100 * busy:.0f} %' for name, busy in most)
        rate = setting.items / found.seconds
        print(f'{number:7}  {rate:7.2f}  {found.seconds / 3600:5.2f}  {shown}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
