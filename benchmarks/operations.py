"""Every operation of a repository, where the library ``versioned`` has it beside that, at 0 and 20 ms a request."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks import plots, report
from benchmarks.report import Table
from benchmarks.rows import of_both
from benchmarks.rows_alone import of_ours_alone
from benchmarks.servers import ours, place, server, theirs
from benchmarks.sides import DELAYS, SMALL_DELAYS, Pair, Result, take_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

TURNS = 9
MEBIBYTE = 1024**2


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    with server() as aws:
        at = {key: (place(f"bench-ours-{key}"), place(f"bench-theirs-{key}")) for key in ("main", "three", "all")}
        pairs = {key: Pair(ours(aws, one), theirs(aws, other)) for key, (one, other) in at.items()}
        rows = [*of_both(aws, small=small), *of_ours_alone()]
        delays = SMALL_DELAYS if small else DELAYS
        results = take_turns(rows, pairs, 1 if small else TURNS, lambda what: sys.stderr.write(f"{what}\n"), delays)
    beside = [result for result in results if result.theirs is not None]
    alone = [result for result in results if result.theirs is None]
    report.keep("operations", [result.raw() for result in results])
    far = [result for result in beside if result.delay_secs == delays[0]]
    plots.ratios("operations", far, f"Time beside `versioned` 1.0.1, {delays[0] * 1000:.0f} ms a request")
    return [*(_beside(beside, delay) for delay in delays), _alone(alone, delays)]


def _beside(results: Sequence[Result], delay_secs: float) -> Table:
    there, far = "`versioned`", delay_secs > 0
    costs = ("requests", there, "bytes", there, "CPU ms", there, "peak MiB", there)
    headings = ("", "ms", there, "ratio", *(("asked", "met") if far else ()), *costs)
    table = Table(headings, title=f"Beside `versioned` 1.0.1, {delay_secs * 1000:.0f} ms added to each request")
    for result in results:
        if result.theirs is None or result.delay_secs != delay_secs:
            continue
        pairs: list[float] = []
        for what, unit in (("requests", 1), ("bytes", 1), ("cpu_secs", 0.001), ("peak_bytes", MEBIBYTE)):
            pairs += [side.median(what) / unit for side in (result.ours, result.theirs)]
        secs = [side.median("secs") * 1000 for side in (result.ours, result.theirs)]
        met = (f"≤ {result.row.target or 1:g}", "yes" if result.met else "**no**") if far else ()
        table.rows.append((result.row.what, *secs, result.ratio, *met, *pairs))
    return table


def _alone(results: Sequence[Result], delays: Sequence[float]) -> Table:
    headings = (
        "",
        "method",
        *(f"ms at {delay * 1000:.0f} ms" for delay in delays),
        "requests",
        "bytes",
        "CPU ms",
        "peak MiB",
    )
    table = Table(headings, title="What `versioned` does not have")
    for row in {result.row.what: result.row for result in results}.values():
        found = {result.delay_secs: result.ours for result in results if result.row is row}
        last = found[delays[0]]
        table.rows.append(
            (
                row.what,
                f"`{row.method}`",
                *(found[delay].median("secs") * 1000 for delay in delays),
                *(last.median(what) for what in ("requests", "bytes")),
                last.median("cpu_secs") * 1000,
                last.median("peak_bytes") / MEBIBYTE,
            )
        )
    return table
