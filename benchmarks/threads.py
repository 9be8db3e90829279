"""One repository, used by 1 and by 16 threads at once: each on artifacts of its own."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from benchmarks import plots, report
from benchmarks.report import Table
from benchmarks.rows import content, versions
from benchmarks.servers import ours, place, server, theirs
from benchmarks.sides import DELAYS, SMALL_DELAYS, Pair, Row, take_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.sides import Result

THREADS, SMALL_THREADS = (1, 16), (1, 2)
CALLS = 4  # by each thread in a turn
TURNS = 5


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    with server() as aws:
        pair = Pair(ours(aws, place("bench-threads")), theirs(aws, place("bench-threads-library")))
        rows = list(_rows(SMALL_THREADS, 1) if small else _rows(THREADS, CALLS))
        turns, delays = 1 if small else TURNS, SMALL_DELAYS if small else DELAYS
        results = take_turns(rows, {"main": pair}, turns, lambda what: sys.stderr.write(f"{what}\n"), delays)
    report.keep("threads", [result.raw() for result in results])
    far = [result for result in results if result.delay_secs == delays[0] and result.theirs is not None]
    sides = {
        "ours": [_rate(result, result.ours.median("secs"), small=small) for result in far],
        "versioned": [_rate(result, result.theirs.median("secs"), small=small) for result in far if result.theirs],
    }
    title = f"Operations a second, {delays[0] * 1000:.0f} ms a request"
    plots.bars("threads", title, "a second", [result.row.what for result in far], sides)
    return [_table(results, small=small)]


def _rows(threads: Sequence[int], calls: int) -> Iterator[Row]:
    for count in threads:
        executor = ThreadPoolExecutor(count)  # whose threads stay, with the clients that the library makes for each
        words = f"{count} thread{'s' if count > 1 else ''}"
        for what, method, one, other in _calls():
            yield Row(
                f"{what}, {words}",
                method,
                _at_once(executor, count, calls, one),
                _at_once(executor, count, calls, other),
                _prepared(count),
            )


def _calls() -> Sequence[tuple[str, str, Callable[..., object], Callable[..., object]]]:
    def put_and_publish(repository: Any, name: str, turn: int) -> None:
        repository.put_artifact(name, content(turn))
        repository.publish_artifact_version(name)

    def promote(repository: Any, name: str, turn: int) -> None:
        repository.put_alias(name, "prod", 1 + turn % 2, 2 - turn % 2, 20)

    return (
        (
            "get",
            "get_artifact_version",
            lambda r, n, _: r.get_artifact_version(n, 1),
            lambda r, n, _: r.get_artifact_version(n, 1),
        ),
        (
            "publish given bytes",
            "publish_artifact_version",
            lambda r, n, turn: r.publish_artifact_version(n, content=content(turn)),
            put_and_publish,
        ),
        ("put an alias", "put_alias", promote, promote),
    )


def _prepared(count: int) -> Callable[[Any, str, int], int]:
    def before(repository: Any, name: str, turn: int) -> int:
        if turn < 0:
            for number in range(count):
                versions(repository, f"{name}-{number}", 2)
        return turn

    return before


def _at_once(
    executor: ThreadPoolExecutor, count: int, calls: int, one: Callable[[Any, str, int], object]
) -> Callable[[Any, str, int], object]:
    def work(repository: Any, name: str, turn: int) -> None:
        for number in range(calls):
            one(repository, name, (turn + 2) * calls + number)

    def call(repository: Any, name: str, turn: int) -> None:
        under_way = [executor.submit(work, repository, f"{name}-{number}", turn) for number in range(count)]
        for future in under_way:
            future.result()

    return call


def _rate(result: Result, secs: float, *, small: bool) -> float:
    threads = int(result.row.what.split(", ")[1].split()[0])
    return threads * (1 if small else CALLS) / secs


def _table(results: Sequence[Result], *, small: bool) -> Table:
    there = "`versioned`"
    headings = (
        "",
        "ms added",
        "a second",
        there,
        "ratio of times",
        "requests",
        there,
        "CPU ms",
        there,
        "peak MiB",
        there,
    )
    table = Table(headings, title="Threads at once, each on artifacts of its own")
    for result in results:
        if result.theirs is None:
            continue
        rates = [_rate(result, side.median("secs"), small=small) for side in (result.ours, result.theirs)]
        pairs: list[float] = []
        for what, unit in (("requests", 1), ("cpu_secs", 0.001), ("peak_bytes", 1024**2)):
            pairs += [side.median(what) / unit for side in (result.ours, result.theirs)]
        table.rows.append((result.row.what, result.delay_secs * 1000, *rates, result.ratio, *pairs))
    table.note = "Requests, CPU and memory are those of all threads together."
    return table
