"""Two sides in turns: the same thing done by ours and by what a user would take instead, in one run.

Each takes its turn right after the other, so that whatever else the machine does meets both; what is given are medians
and their ratio. Time is wall time, CPU that of this process with all its threads, memory the most that was resident
beyond what was before.
"""

from __future__ import annotations

import gc
import statistics
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.process import peak, resident
from benchmarks.wire import watched

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OURS, THEIRS = "ours", "versioned"
DELAYS = (0.02, 0.0)  # seconds added to each request
SMALL_DELAYS = (0.001,)
NOISE = 1.05  # with the same requests, a side is now a little faster, now a little slower


def nothing(_repository: Any, _name: str, _turn: int) -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Row:
    """Something to measure.

    Attributes:
        what: In words.
        method: The public method of ``Repository`` that it is about.
        ours: Does it: repository, name of an artifact, what ``before`` returned.
        theirs: Does the same with the library ``versioned``; None: it cannot.
        before: Brings the artifact into the state that it needs, unmeasured: repository, name, number of the turn.
        theirs_before: The same for the library, where it differs.
        target: The most that ours may take of the other's time; None: no more than it, but for noise.
        turns: How often at most.
        place: Repositories of a place of its own, where it is about all artifacts.
    """

    what: str
    method: str
    ours: Callable[[Any, str, Any], object]
    theirs: Callable[[Any, str, Any], object] | None = None
    before: Callable[[Any, str, int], Any] = nothing
    theirs_before: Callable[[Any, str, int], Any] | None = None
    target: float | None = None
    turns: int = 1000
    place: str = "main"


@dataclass
class Figures:
    """What one side took, turn by turn."""

    secs: list[float] = field(default_factory=list)
    cpu_secs: list[float] = field(default_factory=list)
    requests: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)

    def median(self, what: str) -> float:
        """Return the median of one of the lists."""
        return float(statistics.median(getattr(self, what)))

    def raw(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "secs": [round(value, 6) for value in self.secs],
            "cpu_secs": [round(value, 6) for value in self.cpu_secs],
            "requests": self.requests,
            "bytes": self.bytes,
            "peak_bytes": self.peak_bytes,
            "operations": self.operations,
        }


@dataclass
class Result:
    """What a row took on both sides, at one delay."""

    row: Row
    delay_secs: float
    ours: Figures = field(default_factory=Figures)
    theirs: Figures | None = None

    @property
    def ratio(self) -> float | None:
        """Our median time as a share of theirs."""
        return None if self.theirs is None else self.ours.median("secs") / self.theirs.median("secs")

    @property
    def met(self) -> bool | None:
        """Whether the target is met."""
        return None if self.ratio is None else self.ratio <= (self.row.target or NOISE)

    def raw(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "what": self.row.what,
            "method": self.row.method,
            "added_ms": self.delay_secs * 1000,
            "ratio": self.ratio,
            "target": self.row.target or 1.0,
            "ours": self.ours.raw(),
            "versioned": None if self.theirs is None else self.theirs.raw(),
        }


@dataclass(frozen=True)
class Pair:
    """A repository of each side, on the same server, each at a place of its own."""

    ours: Any
    theirs: Any


def measure(figures: Figures, action: Callable[[], object], delay_secs: float) -> None:
    """Do it once and note what it took."""
    gc.collect()  # nothing of what came before is left to do
    before = resident()
    with watched(delay_secs, with_units=False) as traffic:
        cpu, begun = time.process_time(), time.perf_counter()
        action()
        figures.secs.append(time.perf_counter() - begun)
        figures.cpu_secs.append(time.process_time() - cpu)
    figures.peak_bytes.append(max(0, peak() - before))
    figures.requests.append(traffic.requests)
    figures.bytes.append(traffic.transferred)
    figures.operations = dict(sorted(traffic.operations.items()))


def take_turns(
    rows: Sequence[Row],
    pairs: dict[str, Pair],
    turns: int,
    say: Callable[[str], object],
    delays: Sequence[float] = DELAYS,
) -> list[Result]:
    """Measure all rows; each is done once before, so that what is loaded once is loaded."""
    results = []
    gc.freeze()  # what is loaded stays, and need not be looked at before each turn
    for number, row in enumerate(rows):
        say(row.what)
        pair, label = pairs[row.place], f"row-{number:03}"
        _one(row, pair, label, -1, 0.0, None)
        for delay_secs in delays:
            result = Result(row, delay_secs, theirs=None if row.theirs is None else Figures())
            for turn in range(min(turns, row.turns)):
                _one(row, pair, label, turn + int(delay_secs * 1e6), delay_secs, result)
            results.append(result)
    return results


def _one(row: Row, pair: Pair, label: str, turn: int, delay_secs: float, result: Result | None) -> None:
    """Let both sides do it, either first in every second turn."""
    sides: list[tuple[Any, Any, Any, Figures]] = [
        (pair.ours, row.before, row.ours, result.ours if result else Figures()),
    ]
    if row.theirs is not None:
        figures = result.theirs if result and result.theirs is not None else Figures()
        sides.append((pair.theirs, row.theirs_before or row.before, row.theirs, figures))
    for repository, before, call, figures in sides if turn % 2 else reversed(sides):
        found = before(repository, label, turn)
        measure(figures, lambda: call(repository, label, found), delay_secs)  # noqa: B023 -- called at once
