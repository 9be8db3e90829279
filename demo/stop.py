"""Stopping at any moment: Ctrl-C, ``kill`` and a closed terminal end the demo tidily.

A signal only raises a flag; the demo notices it wherever it waits. So nothing is ever interrupted between
starting a process and writing down that it has to be stopped.
"""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SLICE_SECS = 0.1


class Stopped(Exception):  # noqa: N818 -- a wish, no error
    """The user, or the system, asked the demo to end."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signum).name}"


class StopFlag:
    """Remembers the first signal; every wait of the demo goes through it."""

    def __init__(self) -> None:
        self._signum: int | None = None

    def _remember(self, signum: int, _frame: FrameType | None) -> None:
        if self._signum is None:
            self._signum = signum

    @contextmanager
    def listening(self) -> Iterator[StopFlag]:
        """Catch the signals that end a program, until the block is left."""
        wanted = [signum for signum in SIGNALS if not _left_to_nohup(signum)]
        before = {signum: signal.signal(signum, self._remember) for signum in wanted}
        try:
            yield self
        finally:
            for signum, handler in before.items():
                signal.signal(signum, handler)

    def check(self) -> None:
        """Raise `Stopped` when a signal came."""
        if self._signum is not None:
            raise Stopped(self._signum)

    def sleep(self, secs: float) -> None:
        """Sleep, but notice a signal within a tenth of a second."""
        end = time.monotonic() + secs
        self.check()
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_SECS))
            self.check()

    def wait_until(self, condition: Callable[[], bool], timeout_secs: float, poll_secs: float = 0.25) -> bool:
        """Poll `condition` until it holds; False when the time is over first."""
        end = time.monotonic() + timeout_secs
        while not condition():
            if time.monotonic() > end:
                return False
            self.sleep(poll_secs)
        return True

    def until_signalled(self) -> None:
        """Sleep until a signal comes."""
        while self._signum is None:
            time.sleep(SLICE_SECS)


def _left_to_nohup(signum: signal.Signals) -> bool:
    return signum == signal.SIGHUP and signal.getsignal(signum) == signal.SIG_IGN
