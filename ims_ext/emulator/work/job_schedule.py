# SPDX-License-Identifier: Apache-2.0
"""The schedule by which jobs end, each when its duration is over."""

from collections.abc import Callable
import heapq
import logging
import threading

from ims_ext.emulator.clock import Clock
from ims_ext.emulator.state import Job

LOG = logging.getLogger(__name__)

#: The longest that an advance of the clock waits for the jobs to end.
CATCH_UP_SECONDS = 30.0


class JobSchedule:
    """One thread that ends jobs when their time has come.

    :param clock: Gives the time; when it is advanced, what is due then ends
        at once.
    :param finish: Called with the ID of the job.
    """

    def __init__(self, clock: Clock, finish: Callable[[str], None]) -> None:
        self._clock = clock
        self._finish = finish
        self._changed = threading.Condition()
        self._heap: list[tuple[float, str]] = []
        self._ending = False
        self._thread: threading.Thread | None = None
        self._end_listening: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to end jobs."""
        self._thread = threading.Thread(
            target=self._run, name='ims-job-end', daemon=True
        )
        self._thread.start()
        self._end_listening = self._clock.on_change(self.catch_up)

    def stop(self) -> None:
        """End no job any more, and forget all that wait."""
        self._end_listening()
        with self._changed:
            thread, self._thread = self._thread, None
            self._heap.clear()
            self._changed.notify_all()
        if thread is not None:
            thread.join()

    def add(self, job: Job) -> None:
        """Have a job ended when its duration is over."""
        with self._changed:
            heapq.heappush(self._heap, (job.begin_time + job.duration, job.id))
            self._changed.notify_all()

    def catch_up(self) -> None:
        """Wait until all jobs have ended that are due by now."""
        with self._changed:
            self._changed.notify_all()
            self._changed.wait_for(self._is_up_to_date, CATCH_UP_SECONDS)

    def _is_up_to_date(self) -> bool:
        if self._thread is None:
            return True
        is_due = bool(self._heap) and self._heap[0][0] <= self._clock()
        return not self._ending and not is_due

    def _run(self) -> None:
        while True:
            with self._changed:
                self._ending = False
                self._changed.notify_all()
                if self._thread is not threading.current_thread():
                    return
                job_id = self._next_due()
                if job_id is None:
                    continue
            try:
                self._finish(job_id)
            except Exception:
                LOG.exception("Job %s could not be ended", job_id)

    def _next_due(self) -> str | None:
        """Return a job whose time has come, or ``None`` after a while."""
        if not self._heap:
            self._changed.wait()
            return None
        missing = self._heap[0][0] - self._clock()
        if missing > 0:
            self._changed.wait(missing)
            return None
        self._ending = True
        return heapq.heappop(self._heap)[1]
