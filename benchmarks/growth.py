"""What stays the same however many versions an artifact has, and what grows: 10, 1,000 and 100,000 of them.

Artifacts are filled directly with records as publishing would have left them. Listing is measured in processes of their
own, one for each, so that the memory of one is not used again by the next.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks import plots, report
from benchmarks.report import Table, ratio
from benchmarks.rows import content
from benchmarks.seed import seed
from benchmarks.servers import ours, place, server, theirs
from benchmarks.sides import DELAYS, SMALL_DELAYS, Figures, Pair, Row, measure, take_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sides import Result
    from tests.servers import Aws

COUNTS, SMALL_COUNTS = (10, 1000, 100_000), (10, 40)
TURNS = 5
MEBIBYTE = 1024**2
SIDES = {"ours": "bench-growth", "versioned": "bench-growth-library"}
LISTINGS = {
    "stream": ("`iter_artifact_versions`, ours", "ours"),
    "list": ("`list_artifact_versions`, ours", "ours"),
    "library": ("`list_artifact_versions`, `versioned`", "versioned"),
}
WORDS = {"get": "get a version", "publish": "publish given bytes", "promote": "put an alias, split"}


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    counts = SMALL_COUNTS if small else COUNTS
    with server() as aws:
        pair = Pair(ours(aws, place(SIDES["ours"])), theirs(aws, place(SIDES["versioned"])))
        for where in SIDES.values():
            for count in counts:
                sys.stderr.write(f"filling {where} with {count} versions\n")
                seed(aws, place(where), [f"of-{count:06}"], count)
        rows = [row for what in WORDS for count in counts for row in _rows(what, count)]
        delays = (SMALL_DELAYS if small else DELAYS)[:1]
        results = take_turns(
            rows, {"main": pair}, 1 if small else TURNS, lambda what: sys.stderr.write(f"{what}\n"), delays
        )
        listed_counts = counts[1:] if small else counts
        listed = {(kind, count): listing(aws, kind, count) for count in listed_counts for kind in LISTINGS}
    report.keep(
        "growth",
        {
            "operations": [result.raw() for result in results],
            "listings": [{"what": kind, "versions": count, **took.raw()} for (kind, count), took in listed.items()],
        },
    )
    peaks = {
        words: [max(0.1, listed[kind, count].peak_bytes[0] / MEBIBYTE) for count in listed_counts]
        for kind, (words, _) in LISTINGS.items()
    }
    plots.lines(
        "growth", "Memory to list an artifact's versions", ("versions", listed_counts), "peak MiB beyond idle", peaks
    )
    return [_same(results, counts, delays[0]), _listings(listed)]


def _rows(what: str, count: int) -> Sequence[Row]:
    name = f"of-{count:06}"

    def get(repository: Any, _name: str, _turn: int) -> None:
        repository.get_artifact_version(name, 5)

    def promote(repository: Any, _name: str, turn: int) -> None:
        repository.put_alias(name, "prod", 5 + turn % 2, 6 - turn % 2, 20)

    def publish(repository: Any, _name: str, turn: int) -> None:
        repository.publish_artifact_version(name, content=content(turn))

    def put_and_publish(repository: Any, _name: str, turn: int) -> None:
        repository.put_artifact(name, content(turn))
        repository.publish_artifact_version(name)

    def number(_repository: Any, _name: str, turn: int) -> int:
        return turn

    calls = {
        "get": Row(f"{what} {count}", "get_artifact_version", get, get, number),
        "publish": Row(f"{what} {count}", "publish_artifact_version", publish, put_and_publish, number),
        "promote": Row(f"{what} {count}", "put_alias", promote, promote, number),
    }
    return [calls[what]]


def _same(results: Sequence[Result], counts: Sequence[int], delay_secs: float) -> Table:
    there = "`versioned`"
    headings = ("", "versions", "ms", there, "ratio", "requests", there, "bytes", there, f"as at {counts[0]}")
    table = Table(
        headings, title=f"The same at any number of versions, {delay_secs * 1000:.0f} ms added to each request"
    )
    first: dict[str, tuple[float, float]] = {}
    for result in results:
        if result.theirs is None:
            continue
        what, count = result.row.what.split()
        sent = (result.ours.median("requests"), result.ours.median("bytes"))
        same = first.setdefault(what, sent) == sent
        pairs = [side.median(of) for of in ("requests", "bytes") for side in (result.ours, result.theirs)]
        secs = [side.median("secs") * 1000 for side in (result.ours, result.theirs)]
        table.rows.append(
            (
                WORDS[what],
                f"{int(count):,}",
                *secs,
                result.ratio,
                *pairs,
                "yes" if same else _difference(first[what], sent),
            )
        )
    table.note = (
        "The last column says whether ours sent the same requests and bytes as with the fewest versions; some bytes "
        "more are the digits of a higher number."
    )
    return table


def _difference(first: tuple[float, float], sent: tuple[float, float]) -> str:
    return f"{sent[0] - first[0]:+.0f} requests, {sent[1] - first[1]:+.0f} bytes"


def listing(aws: Aws, kind: str, count: int) -> Figures:
    """List an artifact in a process of its own."""
    sys.stderr.write(f"listing {count}: {kind}\n")
    order = json.dumps({"kind": kind, "count": count, "endpoint": aws.s3_endpoint})
    command = [sys.executable, "-m", "benchmarks.growth", order]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 -- ourselves
    raw = json.loads(answer.stdout.splitlines()[-1])
    return Figures(**raw)


def _listings(listed: dict[tuple[str, int], Figures]) -> Table:
    headings = ("", "versions", "requests", "bytes", "peak MiB", "bytes of memory a version", "CPU secs")
    table = Table(headings, title="Listing")
    for (kind, count), took in listed.items():
        table.rows.append(
            (
                LISTINGS[kind][0],
                f"{count:,}",
                *(took.median("requests"), took.median("bytes")),
                *(
                    took.median("peak_bytes") / MEBIBYTE,
                    ratio(took.median("peak_bytes"), count),
                    took.median("cpu_secs"),
                ),
            )
        )
    table.note = (
        "Memory beyond the idle process, which had listed the smallest artifact before. A page of DynamoDB is one "
        "megabyte at most, which is what a stream holds."
    )
    return table


def _main(order: dict[str, Any]) -> None:
    from tests.servers import MINISTACK, connect  # noqa: PLC0415 -- slow

    aws = connect(MINISTACK, (order["endpoint"],))
    where = place(SIDES[LISTINGS[order["kind"]][1]])
    repository = theirs(aws, where) if order["kind"] == "library" else ours(aws, where)

    def listed(name: str) -> int:
        if order["kind"] == "stream":
            return sum(1 for _ in repository.iter_artifact_versions(name))
        return len(repository.list_artifact_versions(name))

    listed(f"of-{10:06}")
    figures = Figures()
    measure(figures, lambda: listed(f"of-{order['count']:06}"), 0.0)
    sys.stdout.write(f"{json.dumps(figures.raw())}\n")


if __name__ == "__main__":
    _main(json.loads(sys.argv[1]))
