"""How fast a long job may write, so that it leaves capacity to everybody else.

Decides when the next write may go: never above a given rate, at half the rate from the moment that the server
throttles, and then slowly up again. Pure but for the clock; what counts as a throttle is told by
:mod:`~airflow_provider_versioned.repository.aws`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import InvalidInputError, VersionedError

if TYPE_CHECKING:
    from collections.abc import Callable

_MEASURED_SECS = 10.0  # over which the present rate is measured
_ONE_EVENT_SECS = 1.0  # many workers are throttled in the same moment, and that is one event
_DOUBLES_IN_SECS = 60.0
_LOWEST = 5.0  # writes a second that remain, however often it is throttled, unless a lower rate was asked for


class PaceStoppedError(VersionedError):
    """The job was stopped while it waited for its turn to write; nothing was written."""


class Pace:
    """Tells writers when their turn is; shared by the threads of one job.

    A write counts per item: a transaction of 100 items is 100 writes, which go at once, and then a pause of 100 writes
    follows.

    Args:
        writes_per_second: Items written a second, as an average; None: as fast as the server takes them.
        clock: Monotonic seconds.
        wait: Waits so many seconds, or until the job is stopped, which it tells.

    Raises:
        InvalidInputError: The rate is not positive.
    """

    def __init__(
        self,
        writes_per_second: float | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], bool] | None = None,
    ) -> None:
        if writes_per_second is not None and not 0 < writes_per_second < float("inf"):
            raise InvalidInputError(f"writes_per_second must be a positive number, got {writes_per_second!r}.")
        self._limit = writes_per_second
        self._clock = clock
        self._stopped = threading.Event()
        self._wait = wait or self._stopped.wait
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._slow: tuple[float, float] | None = None  # the rate since the last throttle, and when that was
        self._lately: deque[tuple[float, int]] = deque()
        self.throttles = 0

    def take(self, writes: int) -> None:
        """Wait until so many items may be written.

        Raises:
            PaceStoppedError: The job was stopped meanwhile.
        """
        with self._lock:
            now = turn = self._clock()
            rate = self._rate(now)
            if writes and rate is not None:
                turn = max(now, self._free_at)
                self._free_at = turn + writes / rate
            self._note(turn, writes)
        if self._stopped.is_set() or (turn > now and self._wait(turn - now)):
            raise PaceStoppedError("The job was stopped before this write; repeat it, and it goes on.")

    def throttled(self) -> None:
        """Halve the rate, because the server could not keep up."""
        with self._lock:
            now = self._clock()
            if self._slow is not None and now - self._slow[1] < _ONE_EVENT_SECS:
                return
            self.throttles += 1
            rate = self._rate(now) or self._measured(now)
            lowest = _LOWEST if self._limit is None else min(_LOWEST, self._limit)
            self._slow = max(rate / 2, lowest), now

    def stop(self) -> None:
        """Let nobody write any more, and wake who waits."""
        self._stopped.set()

    @property
    def rate(self) -> float | None:
        """Items that may be written a second at this moment; None: as many as the server takes."""
        with self._lock:
            return self._rate(self._clock())

    def _rate(self, now: float) -> float | None:
        if self._slow is None:
            return self._limit
        rate = float(self._slow[0] * 2 ** ((now - self._slow[1]) / _DOUBLES_IN_SECS))
        if self._limit is not None and rate >= self._limit:
            self._slow = None
            return self._limit
        return rate

    def _note(self, turn: float, writes: int) -> None:
        while self._lately and self._lately[0][0] < turn - _MEASURED_SECS:
            self._lately.popleft()
        self._lately.append((turn, writes))

    def _measured(self, now: float) -> float:
        if not self._lately:
            return 0.0
        return sum(writes for _, writes in self._lately) / max(now - self._lately[0][0], 1.0)
