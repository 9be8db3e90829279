"""Attacks the repository for as long as you like, and prints what was done and what was found.

Four attacks, one after the other, with an equal share of the time; all but the first on every server that is there:

- interleavings: a few calls request by request, on S3 and DynamoDB in memory (:mod:`tests.interleavings`);
- faults: every fault at every request of every operation (:mod:`tests.repository.bench`), in random order;
- machine: the state machine beside the model (:mod:`tests.repository.machine`), on moto too;
- races: processes with threads, crashes and clocks apart (:mod:`tests.repository.races`), judged from what they wrote.

Exits with 1 when anything was violated, after printing it with the seed that leads there.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
import traceback
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import botocore.endpoint
from botocore.config import Config
from moto import mock_aws

from airflow_provider_versioned.repository import Repository
from tests import isolation
from tests.reliability.attacks import ATTACKS, Count, Target, interleavings
from tests.servers import LOCAL, MOTO, Backends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.servers import PlaceArguments


INTERLEAVINGS = "interleavings"
_ALL = (INTERLEAVINGS, *ATTACKS)


def say(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)  # noqa: T201 -- a program for the terminal


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300, help="for everything together, about (default 300)")
    parser.add_argument("--seed", type=int, default=None, help="to repeat a run; default: another one each time")
    parser.add_argument("--attacks", default=",".join(_ALL), help=f"of {', '.join(_ALL)}")
    parser.add_argument("--backends", default=",".join(LOCAL), help=f"of {', '.join(LOCAL)}")
    parser.add_argument("--processes", type=int, default=3, help="of a race")
    parser.add_argument("--threads", type=int, default=10, help="of each process of a race")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Run the attacks and print the table; return the exit code."""
    options = arguments(given)
    seed = options.seed if options.seed is not None else time.time_ns() % 1_000_000
    with tempfile.TemporaryDirectory(prefix="versioned-reliability-") as home:
        isolation.isolate_environment(Path(home))
        isolation.guard_network()
        botocore.endpoint.time = SimpleNamespace(sleep=lambda _: None)  # type: ignore[attr-defined] # no server here needs the rest
        say(f"seed {seed}, {datetime.now(UTC):%Y-%m-%d %H:%MZ}, Python {platform.python_version()}")
        counts = list(_attack(options, seed))
    _print_table(counts)
    for count in counts:
        if count.undecided:
            say(
                f"{count.undecided} more of {count.attack} on {count.backend} were too wide to judge; use fewer threads"
            )
        for violation in count.violations:
            say(f"\nVIOLATION in {count.attack} on {count.backend}, seed {seed}:\n{violation}")
    return 1 if any(count.violations for count in counts) else 0


def _attack(options: argparse.Namespace, seed: int) -> Iterator[Count]:
    backends = Backends()
    wanted = options.attacks.split(",")
    plan = [(INTERLEAVINGS, "memory")] if INTERLEAVINGS in wanted else []
    plan += [
        (attack, backend)
        for backend in _there(backends, options.backends.split(","))
        for attack in wanted
        if attack in ATTACKS
        if backend != MOTO or attack == "machine"
    ]
    try:
        for number, (attack, backend) in enumerate(plan):
            deadline = time.monotonic() + options.seconds / len(plan)
            sys.stderr.write(f"[{number + 1}/{len(plan)}] {attack} on {backend}\n")
            yield _one(attack, backend, backends, options, seed, deadline)
    finally:
        backends.stop()


def _there(backends: Backends, wanted: Sequence[str]) -> list[str]:
    refusals = {backend: backends.refusal(backend) for backend in wanted}
    for refusal in filter(None, refusals.values()):
        say(refusal)
    return [backend for backend, refusal in refusals.items() if refusal is None]


def _one(
    attack: str, backend: str, backends: Backends, options: argparse.Namespace, seed: int, deadline: float
) -> Count:
    count = Count(attack, backend)
    start = time.monotonic()
    if attack == INTERLEAVINGS:
        interleavings(seed, deadline, count)
        count.seconds = time.monotonic() - start
        return count
    mock = mock_aws()
    if backend == MOTO:
        mock.start()
    try:
        target = _target(backends, backend, options, seed, deadline)
        ATTACKS[attack](target, count)
    except Exception:  # noqa: BLE001 -- whatever it is, it is the finding
        count.violations.append(traceback.format_exc())
    finally:
        if backend == MOTO:
            mock.stop()
    count.seconds = time.monotonic() - start
    return count


def _target(backends: Backends, backend: str, options: argparse.Namespace, seed: int, deadline: float) -> Target:
    aws, unique = backends.aws(backend), f"reliability-{uuid.uuid4().hex[:12]}"
    if backend == MOTO:
        # moto copies the checksum of an upload in parts as if it were that of the whole; the SDK refuses to read that.
        aws = replace(aws, s3=aws.new_s3(Config(response_checksum_validation="when_required")))
    place: PlaceArguments = {
        "s3_bucket": unique,
        "s3_prefix": "artifacts",
        "dynamodb_table_name": unique,
        "suffix": ".bin",
    }
    repository = Repository(**place, s3_client=aws.s3, dynamodb_client=aws.dynamodb)
    repository.bootstrap(**aws.bootstrap_arguments)
    return Target(aws, place, repository, seed, deadline, options.processes, options.threads)


def _print_table(counts: Sequence[Count]) -> None:
    titles = ("attack", "servers", "operations", "requests", "faults", "histories", "violations", "seconds")
    rows = [count.row() for count in counts]
    widths = [max(len(row[column]) for row in (titles, *rows)) for column in range(len(titles))]
    for row in (titles, tuple("-" * width for width in widths), *rows):
        say("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")


if __name__ == "__main__":
    sys.exit(main())
