# SPDX-License-Identifier: Apache-2.0
"""Which faults there are at the moment, and when each of them happens.

Whether a fault befalls a request follows from the seed, the fault and how
many requests before this one it could have befallen. The same requests in
the same order meet the same faults again; faults and threads that have to do
with other requests change nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
import contextlib
import hashlib
import threading

from ims_ext.emulator.fault import Fault

_UNIT = 2**64


class _Armed:
    """A fault that happens at times.

    :ivar met: How many requests it could have befallen.
    :ivar injected: How often it has happened.
    """

    def __init__(self, fault: Fault, index: int, seed: int) -> None:
        self.fault = fault
        self.met = self.injected = 0
        self._salt = f'{seed}/{index}/{fault.text}/'
        self._lock = threading.Lock()

    def draw(self) -> bool:
        """Return whether it happens with the next request."""
        fault = self.fault
        with self._lock:
            number = self.met
            self.met += 1
            happens = (
                number >= fault.after
                and (fault.count is None or self.injected < fault.count)
                and (fault.rate >= 1 or self._chance(number) < fault.rate)
            )
            self.injected += happens
        return happens

    def take_back(self) -> None:
        """Note that it did not happen after all."""
        with self._lock:
            self.injected -= 1

    def _chance(self, number: int) -> float:
        """Return a number from 0 to 1, always the same for the same."""
        text = f'{self._salt}{number}'.encode()
        digest = hashlib.blake2b(text, digest_size=8).digest()
        return int.from_bytes(digest) / _UNIT


class FaultSet:
    """Faults that were switched on together, and how often they happened.

    :param texts: Their text forms.
    :param seed: Decides when they happen.
    :raises: :class:`~ims_ext.emulator.fault.FaultError`
    """

    def __init__(self, texts: Iterable[str] = (), seed: int = 0) -> None:
        self.seed = seed
        self._armed = tuple(
            _Armed(Fault.parse(text), index, seed)
            for index, text in enumerate(texts)
        )

    def __bool__(self) -> bool:
        return bool(self._armed)

    def __iter__(self) -> Iterator[_Armed]:
        return iter(self._armed)

    @property
    def counts(self) -> dict[str, int]:
        """The number of times each fault happened, by its text as given."""
        counts: dict[str, int] = {}
        for each in self._armed:
            text = each.fault.text
            counts[text] = counts.get(text, 0) + each.injected
        return counts

    @property
    def injected(self) -> int:
        """The number of times that any of the faults happened."""
        return sum(each.injected for each in self._armed)


class Faults:
    """The faults of one emulator, which can be changed while it runs.

    ::

        server.faults.set(['status=503,rate=0.1', 'cut=after,rate=0.05'])
        server.faults.clear()
        with server.faults.active('cut=after,method=POST,count=1') as faults:
            ...
            assert faults.injected == 1

    :param texts: The faults at the start.
    :param seed: Decides when they happen.
    :raises: :class:`~ims_ext.emulator.fault.FaultError`
    """

    def __init__(self, texts: Sequence[str] = (), seed: int = 0) -> None:
        self.current = FaultSet(texts, seed)

    def set(self, texts: Sequence[str], seed: int | None = None) -> FaultSet:
        """Replace all faults; all counts begin again.

        :param texts: The text forms of the new ones.
        :param seed: Decides when they happen; the last one where not given.
        :raises: :class:`~ims_ext.emulator.fault.FaultError`; the faults stay
            as they were then.
        """
        self.current = FaultSet(
            texts, self.current.seed if seed is None else seed
        )
        return self.current

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        self.set([])

    @property
    def counts(self) -> dict[str, int]:
        """The number of times each fault happened, by its text as given."""
        return self.current.counts

    @property
    def injected(self) -> int:
        """The number of times that any of the faults happened."""
        return self.current.injected

    @contextlib.contextmanager
    def active(
        self, *texts: str, seed: int | None = None
    ) -> Iterator[FaultSet]:
        """Have these faults, and no others, for the length of a block.

        :param texts: Their text forms.
        :param seed: Decides when they happen; the last one where not given.
        :returns: The faults with their counts, also after the block.
        """
        before = self.current
        faults = self.set(texts, seed)
        try:
            yield faults
        finally:
            self.current = before

    # ====== WHAT HAPPENS NOW ======

    def token_seconds(self) -> float | None:
        """Return after how many seconds the next token ends too early."""
        for each in self.current:
            if each.fault.kind == 'token-seconds' and each.draw():
                return float(each.fault.value)
        return None

    def job(self) -> Fault | None:
        """Return what goes wrong with the next job, if anything does."""
        return self._draw('job')

    def upload(self) -> Fault | None:
        """Return what goes wrong with data just uploaded, if anything."""
        return self._draw('upload')

    def refuses_import(self, under_way: int) -> bool:
        """Return whether a project has too many imports for one more.

        :param under_way: How many it has.
        """
        return any(
            each.fault.kind == 'imports'
            and under_way >= int(each.fault.value)
            and each.draw()
            for each in self.current
        )

    def _draw(self, kind: str) -> Fault | None:
        for each in self.current:
            if each.fault.kind == kind and each.draw():
                return each.fault
        return None
