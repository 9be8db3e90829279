"""A thousand deferred sensors in one process: ours beside the amazon provider's ``DynamoDBValueSensor``.

Each kind runs in a process of its own, in one event loop as in the triggerer, over the same number of looks; then one
alias is moved, and the time until each trigger that waits for it fires is taken.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

from benchmarks.process import peak, resident
from benchmarks.report import Table, ratio
from benchmarks.servers import ours, place, server
from benchmarks.wire import watched

if TYPE_CHECKING:
    from collections.abc import Callable

TRIGGERS = 1000
INTERVAL_SECS, WAIT_SECS = 20.0, 20.0
ALIASES = (1, 100)
MOVED = "prod0"
KINDS = {
    "shared": "`AliasVersionTrigger`, all for 1 alias",
    "spread": "`AliasVersionTrigger`, for 100 aliases",
    "amazon": "`DynamoDBValueSensorTrigger`",
}
MEBIBYTE = 1024**2


def triggers(kind: str, count: int, where: Any, interval_secs: float) -> list[Any]:
    """Make the triggers of a kind; each waits until its alias is at version 2."""
    if kind == "amazon":
        from airflow.providers.amazon.aws.triggers.dynamodb import DynamoDBValueSensorTrigger  # noqa: PLC0415 -- only here

        return [
            DynamoDBValueSensorTrigger(
                where["dynamodb_table_name"],
                partition_key_name="pk",
                partition_key_value="__model-alias",
                sort_key_name="sk",
                sort_key_value=MOVED,
                attribute_name="version",
                attribute_value="000002",
                waiter_delay=int(interval_secs),
            )
            for _ in range(count)
        ]
    from airflow_provider_versioned.repository.alias_wait import AliasCondition  # noqa: PLC0415 -- only here
    from airflow_provider_versioned.triggers import AliasVersionTrigger  # noqa: PLC0415 -- only here

    condition, many = AliasCondition(version="2").to_dict(), ALIASES[kind == "spread"]
    return [
        AliasVersionTrigger(
            name="model", alias=f"prod{number % many}", condition=condition, poke_interval=interval_secs, **where
        )
        for number in range(count)
    ]


async def wait_for_all(waiting: list[Any], wait_secs: float, move: Callable[[], object]) -> dict[str, float]:
    """Run triggers, move what they wait for, and tell what that took."""
    fired: list[float] = []

    async def first_event(trigger: Any) -> None:
        async for _ in trigger.run():
            fired.append(time.monotonic())
            return

    tasks = [asyncio.create_task(first_event(trigger)) for trigger in waiting]
    concerned = [
        task for trigger, task in zip(waiting, tasks, strict=True) if getattr(trigger, "alias", MOVED) == MOVED
    ]
    await asyncio.sleep(wait_secs)
    with watched() as traffic:
        cpu = _cpu()
        await asyncio.sleep(wait_secs)
        spent = _cpu() - cpu
    most = peak()
    await asyncio.to_thread(move)
    moved = time.monotonic()
    await asyncio.gather(*concerned)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    late = sorted(at - moved for at in fired)
    return {
        "requests": traffic.requests / wait_secs * 60,
        "units": traffic.units.reads / wait_secs * 60,
        "cpu": spent / wait_secs,
        "peak": most,
        "median": late[len(late) // 2],
        "last": late[-1],
    }


def _waits_for_the_move(trigger: Any) -> bool:
    return getattr(trigger, "alias", MOVED) == MOVED


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(kind: str, count: int, where: Any, wait_secs: float) -> dict[str, float]:
    """Measure one kind, in this process."""
    import boto3  # noqa: PLC0415 -- its own process

    waiting = triggers(kind, count, where, INTERVAL_SECS)
    repository = _repository(where, boto3)
    before = resident()

    found = asyncio.run(wait_for_all(waiting, wait_secs, lambda: repository.put_alias("model", MOVED, 2)))
    return {**found, "peak": found["peak"] - before}


def _repository(where: Any, boto3: Any) -> Any:
    from airflow_provider_versioned.repository import Repository  # noqa: PLC0415 -- its own process

    return Repository(**where, session=boto3.Session())


def in_a_process(kind: str, count: int, where: Any, wait_secs: float) -> dict[str, float]:
    """Measure one kind, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.triggerer", kind, str(count), json.dumps(where), str(wait_secs)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 -- ourselves
    found: dict[str, float] = json.loads(answer.stdout.splitlines()[-1])
    return found


def run(*, small: bool = False) -> list[Table]:
    """Measure all kinds."""
    count, wait_secs = (TRIGGERS // 10, INTERVAL_SECS) if small else (TRIGGERS, WAIT_SECS)
    found: dict[str, dict[str, float]] = {}
    with server() as aws:
        for kind in KINDS:
            where = place(f"bench-{kind}")
            repository = ours(aws, where)
            for content in (b"one", b"two"):
                repository.publish_artifact_version("model", content=content)
            for number in range(ALIASES[kind == "spread"]):
                repository.put_alias("model", f"prod{number}", 1)
            os.environ["AIRFLOW_CONN_AWS_DEFAULT"] = aws.connection_json()
            found[kind] = in_a_process(kind, count, where, wait_secs)
    return [_table(found, count)]


def _table(found: dict[str, dict[str, float]], count: int) -> Table:
    headings = ("", *KINDS.values(), "ratio of the first to the last")
    table = Table(headings, title=f"{count:,} deferred sensors in one process, looking every {INTERVAL_SECS:g} s")
    for key, what, scale in (
        ("requests", "requests a minute", 1),
        ("units", "read units a minute", 1),
        ("cpu", "CPU, share of one core", 1),
        ("peak", "memory, MiB", MEBIBYTE),
        ("median", "seconds from promotion to the event, median", 1),
        ("last", "the same, last of all", 1),
    ):
        values = [found[kind][key] / scale for kind in KINDS]
        table.rows.append((what, *values, ratio(values[0], values[-1])))
    table.note = (
        "The amazon provider's trigger opens a client for each look and reads eventually consistently. The last column "
        "compares with all sensors waiting for one alias, which is what the amazon provider's wait for, too."
    )
    return table


if __name__ == "__main__":
    kind_, count_, where_, wait_ = sys.argv[1:]
    sys.stdout.write(f"\n{json.dumps(measure(kind_, int(count_), json.loads(where_), float(wait_)))}\n")
