"""Large content beside boto3's own ``upload_file`` and ``download_file``: speed, requests, CPU, memory.

Each transfer runs in a process of its own, both sides in turns. The bytes stand in SeaweedFS, which keeps them on disk;
a size has a server of its own, because what was deleted there takes room for a while.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import plots, report
from benchmarks.report import Table
from benchmarks.servers import ours, place, server_of_large_content
from benchmarks.sides import Figures
from benchmarks.transfer import BOTO3, DOWNLOAD, OURS, PIPE, PUBLISH, PUT, Order
from benchmarks.transfer import run as transferred

if TYPE_CHECKING:
    from collections.abc import Sequence

MEBIBYTE, GIBIBYTE = 1024**2, 1024**3
SPEED, MEMORY = 0.85, 150  # asked: this share of boto3's speed at least, so many MiB at most
WORDS = {
    PUT: ("put from a file", "`upload_file`"),
    DOWNLOAD: ("get and download, verified", "`download_file`"),
    PIPE: ("put from a pipe", "`upload_fileobj`"),
    PUBLISH: ("publish from a file", "`upload_file`, `copy`"),
}


@dataclass(frozen=True)
class Job:
    """Transfers of one size.

    Attributes:
        delays: Seconds added to each request, one after the other.
    """

    size: int
    kinds: Sequence[str]
    delays: Sequence[float]
    turns: int


JOBS = (
    Job(64 * MEBIBYTE, (PUT, DOWNLOAD, PIPE, PUBLISH), (0.02, 0.0), 7),
    Job(GIBIBYTE, (PUT, DOWNLOAD, PIPE, PUBLISH), (0.02,), 4),
)
SMALL_JOBS = (Job(9 * MEBIBYTE, (PUT, DOWNLOAD), (0.001,), 1),)

Found = tuple[Job, str, float, dict[str, Figures]]


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    return measured("content", "Large content", SMALL_JOBS if small else JOBS)


def measured(name: str, title: str, jobs: Sequence[Job]) -> list[Table]:
    """Do jobs one after the other, and write down what was found."""
    found: list[Found] = []
    for job in jobs:
        found += _job(job)
    report.keep(name, [_raw(*each) for each in found])
    _plot(name, title, found)
    return [_table(title, found)]


def _job(job: Job) -> list[Found]:
    with tempfile.TemporaryDirectory() as folder, server_of_large_content() as aws:
        file = Path(folder) / "content"
        write_random(file, job.size)
        order = Order("", "", "", "bench-content", str(aws.s3_endpoint), str(aws.dynamodb_endpoint), 0.0)
        ours(aws, place(order.place), **aws.bootstrap_arguments)
        found = []
        for delay_secs in job.delays:
            for what in job.kinds:
                sys.stderr.write(f"{job.size // MEBIBYTE} MiB, {what}, {delay_secs * 1000:.0f} ms\n")
                found.append((job, what, delay_secs, _turns(job, what, delay_secs, file, order)))
        return found


def _turns(job: Job, what: str, delay_secs: float, file: Path, order: Order) -> dict[str, Figures]:
    sides = {OURS: Figures(), BOTO3: Figures()}
    for turn in range(job.turns):
        for side, figures in sides.items() if turn % 2 else reversed(sides.items()):
            target = file if what != DOWNLOAD else file.with_name(f"{side}.download")
            if what != DOWNLOAD:
                _mark(file, f"{side} {what} {turn} {delay_secs}")
            os.sync()  # or one side would wait for the disk to take what the other one and the server wrote
            took = transferred(_order(order, side, what, target, delay_secs))
            for name in ("secs", "cpu_secs", "requests", "bytes", "peak_bytes"):
                getattr(figures, name).extend(took[name])
            figures.operations = took["operations"]
            if what == DOWNLOAD:
                target.unlink()
    return sides


def _order(order: Order, side: str, what: str, file: Path, delay_secs: float) -> Order:
    return Order(side, what, str(file), order.place, order.s3_endpoint, order.dynamodb_endpoint, delay_secs)


def write_random(path: Path, size: int) -> None:
    """Write bytes that nobody can compress."""
    chance = random.Random(size)  # noqa: S311 -- no secret
    with path.open("wb") as file:
        while size:
            chunk = chance.randbytes(min(size, MEBIBYTE))
            size -= file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def _mark(path: Path, text: str) -> None:
    """Make the content another, so that it is not what is there already."""
    with path.open("r+b") as file:
        file.write(text.encode())


def _table(title: str, found: Sequence[Found]) -> Table:
    headings = ("", "beside", "size", "ms added", "secs", "boto3", "speed", "asked", "met")
    costs = ("requests", "boto3", "CPU secs", "boto3", "peak MiB", "boto3", "asked", "met")
    table = Table((*headings, *costs), title=title)
    for job, what, delay_secs, sides in found:
        one, other = sides[OURS], sides[BOTO3]
        speed, peak = other.median("secs") / one.median("secs"), max(one.peak_bytes) / MEBIBYTE
        table.rows.append(
            (
                *WORDS[what],
                _size(job.size),
                delay_secs * 1000,
                *(one.median("secs"), other.median("secs"), speed),
                *(("", "") if what == PIPE else (f"≥ {SPEED}", "yes" if speed >= SPEED else "**no**")),
                *(one.median("requests"), other.median("requests")),
                *(one.median("cpu_secs"), other.median("cpu_secs")),
                *(peak, max(other.peak_bytes) / MEBIBYTE),
                *(f"≤ {MEMORY}", "yes" if peak <= MEMORY else "**no**"),
            )
        )
    table.note = "Speed is boto3's median time by ours. Ours hashes what goes in and verifies what comes out."
    return table


def _size(size: int) -> str:
    return f"{size // GIBIBYTE} GiB" if size >= GIBIBYTE else f"{size // MEBIBYTE} MiB"


def _plot(name: str, title: str, found: Sequence[Found]) -> None:
    groups = [f"{what} {_size(job.size)}, {delay_secs * 1000:.0f} ms" for job, what, delay_secs, _ in found]
    sides: dict[str, list[float]] = {
        side: [job.size / MEBIBYTE / took[side].median("secs") for job, _, _, took in found] for side in (OURS, BOTO3)
    }
    plots.bars(name, f"{title} beside boto3", "MiB a second", groups, sides)


def _raw(job: Job, what: str, delay_secs: float, sides: dict[str, Figures]) -> dict[str, Any]:
    raw = {side: figures.raw() for side, figures in sides.items()}
    return {"what": what, "size": job.size, "added_ms": delay_secs * 1000, **raw}
