"""Content in memory, from 1 KiB on: publish given bytes beside put and publish, and read beside read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from benchmarks import plots, report
from benchmarks.report import Table
from benchmarks.servers import library_session, ours, place, server, server_of_large_content, theirs
from benchmarks.sides import DELAYS, SMALL_DELAYS, Pair, Row, take_turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sides import Result
    from tests.servers import Aws

KIBIBYTE, MEBIBYTE = 1024, 1024**2
SIZES = (*(KIBIBYTE * 16**power for power in range(5)), 256 * MEBIBYTE, 1024 * MEBIBYTE)
SMALL_SIZES = (KIBIBYTE, MEBIBYTE)
TURNS, FEW_TURNS = 5, 3
MANY_BYTES = 64 * MEBIBYTE  # from here on a few turns, on a server that takes parts at the same time


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    sizes = SMALL_SIZES if small else SIZES
    results: list[Result] = []
    with server() as aws:
        results += _measured(aws, [size for size in sizes if size < MANY_BYTES], TURNS, small=small)
    if many := [size for size in sizes if size >= MANY_BYTES]:
        with server_of_large_content() as aws:
            results += _measured(aws, many, FEW_TURNS, small=small)
    report.keep("sizes", [result.raw() for result in results])
    far = [result for result in results if result.delay_secs == max(DELAYS if not small else SMALL_DELAYS)]
    sides: dict[str, list[float]] = {}
    for result in far:
        what = result.row.what.split(",")[0]
        sides.setdefault(f"{what}, ours", []).append(result.ours.median("secs"))
        if result.theirs is not None:
            sides.setdefault(f"{what}, versioned", []).append(result.theirs.median("secs"))
    plots.lines(
        "sizes", f"By size, {far[0].delay_secs * 1000:.0f} ms a request", ("bytes", list(sizes)), "seconds", sides
    )
    return [_table(results)]


def _measured(aws: Aws, sizes: Sequence[int], turns: int, *, small: bool) -> list[Result]:
    lacking = aws.bootstrap_arguments
    pair = Pair(ours(aws, place("bench-sizes"), **lacking), theirs(aws, place("bench-sizes-library")))
    results: list[Result] = []
    for size in sizes:
        delays = SMALL_DELAYS if small else DELAYS
        rows = _rows(aws, size)
        results += take_turns(
            rows, {"main": pair}, 1 if small else turns, lambda what: sys.stderr.write(f"{what}\n"), delays
        )
        for side in (pair.ours, pair.theirs):
            _empty(aws, side, "")
    return results


def _empty(aws: Aws, repository: Any, below: str) -> None:
    """Remove objects: the server has them in memory."""
    prefix = f"{repository.s3_prefix}/{below}"
    for found in aws.s3.list_objects_v2(Bucket=repository.s3_bucket, Prefix=prefix).get("Contents", []):
        aws.s3.delete_object(Bucket=repository.s3_bucket, Key=found["Key"])


def _rows(aws: Aws, size: int) -> Sequence[Row]:
    body = bytearray(size)

    def given(repository: Any, name: str, turn: int) -> bytes:
        _empty(aws, repository, f"{name}/0")  # numbered versions; nobody will read them
        body[:8] = (turn + 1).to_bytes(8, "big")
        return bytes(body)

    def put_and_publish(repository: Any, name: str, content: bytes) -> None:
        repository.put_artifact(name, content)
        repository.publish_artifact_version(name)

    def there(repository: Any, name: str, turn: int) -> None:
        if turn < 0:
            repository.put_artifact(name, bytes(body))

    def read(repository: Any, name: str, _found: Any) -> None:
        repository.get_artifact_version(name).get_content()

    def read_by_library(repository: Any, name: str, _found: Any) -> None:
        repository.get_artifact_version(name).get_content(library_session(repository.aws_region))

    publish = Row(
        f"publish given bytes,{size}",
        "publish_artifact_version",
        lambda r, n, content: r.publish_artifact_version(n, content=content),
        put_and_publish,
        given,
        target=0.6 if size <= MEBIBYTE else None,
    )
    return (publish, Row(f"get and read,{size}", "read_content", read, read_by_library, there))


def _bytes(result: Result) -> int:
    return int(result.row.what.split(",")[1])


def _table(results: Sequence[Result]) -> Table:
    there = "`versioned`"
    costs = ("requests", there, "CPU ms", there, "peak MiB", there)
    table = Table(("", "size", "ms added", "ms", there, "ratio", *costs), title="Content in memory, by size")
    for result in results:
        if result.theirs is None:
            continue
        pairs: list[float] = []
        for what, unit in (("requests", 1), ("cpu_secs", 0.001), ("peak_bytes", MEBIBYTE)):
            pairs += [side.median(what) / unit for side in (result.ours, result.theirs)]
        secs = [side.median("secs") * 1000 for side in (result.ours, result.theirs)]
        what, size = result.row.what.split(",")
        table.rows.append((what, _size(int(size)), result.delay_secs * 1000, *secs, result.ratio, *pairs))
    table.note = "`versioned` reads without looking whether the bytes are those of the record."
    return table


def _size(size: int) -> str:
    return f"{size // MEBIBYTE} MiB" if size >= MEBIBYTE else f"{size // KIBIBYTE} KiB"
