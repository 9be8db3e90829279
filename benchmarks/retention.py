"""Retention over many artifacts: requests, DynamoDB's units, dollars, memory; beside the library ``versioned``.

The library works on a part of the artifacts, since it sends one request for each version, one after the other; the
table gives both per version that is purged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.process import peak, resident
from benchmarks.report import Table, ratio
from benchmarks.seed import seed
from benchmarks.servers import ours, place, server, theirs
from benchmarks.wire import Traffic, watched

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws

ARTIFACTS, VERSIONS, KEPT = 1000, 100, 10
LIBRARYS_SHARE = 50  # one artifact in so many
FEW = 10
MEBIBYTE = 1024**2


@dataclass(frozen=True)
class Run:
    """What a purge took.

    Attributes:
        peak: Resident bytes at most, beyond what there were before.
    """

    traffic: Traffic
    purged: int
    secs: float
    peak: int

    def per_version(self, value: float) -> float:
        """Return a figure for each version that was purged."""
        return value / self.purged


def measured(purge: Callable[[], int]) -> Run:
    """Run a purge and look at it."""
    before, begun = resident(), time.monotonic()
    with watched() as traffic:
        purged = purge()
    return Run(traffic, purged, time.monotonic() - begun, peak() - before)


def by_operator(aws: Aws, where: Any, **arguments: Any) -> int:
    """Purge all artifacts as a task does; return how many versions went."""
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- slow
    from airflow_provider_versioned.operators import PurgeVersionsOperator  # noqa: PLC0415 -- slow

    rule = {"keep_last_n": KEPT, "older_than": 0, "keep_previous": 0, **arguments}
    operator = PurgeVersionsOperator(task_id="purge", name=None, aws_conn_id=None, **rule, **where)
    operator.hook = VersionedRepositoryHook(**operator.hook_arguments())
    operator.hook.s3_client, operator.hook.dynamodb_client = aws.new_s3(), aws.new_dynamodb()
    result = operator.execute({})
    purged: int = result["purged"]
    return purged


def by_library(repository: Any, names: list[str]) -> int:
    """Purge artifacts one after the other, as the library does; return how many versions went."""
    return sum(len(repository.purge_artifact_versions(name, KEPT, 0)[1]) for name in names)


def run(*, small: bool = False) -> list[Table]:
    """Measure."""
    count = ARTIFACTS // 10 if small else ARTIFACTS
    names = [f"model-{number:04}" for number in range(count)]
    some = names[:: max(1, len(names) * LIBRARYS_SHARE // ARTIFACTS)][: max(2, count // LIBRARYS_SHARE)]
    with server() as aws:
        at = {key: place(f"bench-{key}") for key in ("few", "all", "library")}
        for key in ("few", "all"):
            ours(aws, at[key])
        library = theirs(aws, at["library"])
        seed(aws, at["few"], names[:FEW], VERSIONS)
        seed(aws, at["all"], names, VERSIONS)
        seed(aws, at["library"], some, VERSIONS)
        by_operator(aws, at["few"], dry_run=True)  # loads what is loaded once
        few = measured(lambda: by_operator(aws, at["few"]))
        everything = measured(lambda: by_operator(aws, at["all"]))
        again = measured(lambda: by_operator(aws, at["all"]))
        reference = measured(lambda: by_library(library, some))
    return [_totals(few, everything, again, reference, len(names), len(some)), _costs(everything, reference)]


def _totals(few: Run, everything: Run, again: Run, reference: Run, count: int, some: int) -> Table:
    headings = ("", "artifacts", "versions purged", "requests", "secs", "peak MiB")
    table = Table(headings, title=f"Retention of artifacts with {VERSIONS} versions, keeping {KEPT}")
    for what, artifacts, took in (
        ("`PurgeVersionsOperator`, 8 workers", FEW, few),
        ("`PurgeVersionsOperator`, 8 workers", count, everything),
        ("the same again, nothing left to purge", count, again),
        ("`versioned` 1.0.1, one by one", some, reference),
    ):
        table.rows.append((what, artifacts, took.purged, took.traffic.requests, took.secs, took.peak / MEBIBYTE))
    table.note = "Memory is what the process took beyond what it had: what the first row took, the next ones use again."
    return table


def _costs(everything: Run, reference: Run) -> Table:
    table = Table(("for each version purged", "here", "`versioned` 1.0.1", "ratio"))
    figures: dict[str, Callable[[Run], float]] = {
        "requests": lambda run: run.traffic.requests,
        "read units": lambda run: run.traffic.units.reads,
        "write units": lambda run: run.traffic.units.writes,
        "bytes sent and received": lambda run: run.traffic.bytes_sent + run.traffic.bytes_received,
        "seconds": lambda run: run.secs,
        "dollars for a million versions": lambda run: run.traffic.units.dollars * 1e6,
    }
    for what, of in figures.items():
        here, there = everything.per_version(of(everything)), reference.per_version(of(reference))
        table.rows.append((what, here, there, ratio(here, there)))
    return table
