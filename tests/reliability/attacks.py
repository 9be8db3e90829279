"""The attacks; each goes on until its time is over, does one round at least, and counts what it did."""

from __future__ import annotations

import itertools
import random
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.interleavings.explorer import explore, shrunk
from tests.interleavings.trial import Laboratory
from tests.repository import fault_wire, races
from tests.repository.bench import OPERATIONS, READS, Bench
from tests.repository.invariants import Ledger
from tests.repository.linearizability import UndecidedError
from tests.repository.machine_rules import Everything, machine
from tests.repository.races import ALIAS_CALLS, HEAD_AND_PUBLISH_CALLS, HEAD_CALLS, VERSION_CALLS, run_processes, task
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

PASSING = (
    fault_wire.lose_answer,
    fault_wire.lose_answer_and_token,
    fault_wire.time_out,
    fault_wire.fail_after,
    fault_wire.reset,
    fault_wire.throttle,
    fault_wire.contend,
    fault_wire.fail,
    fault_wire.be_busy,
)
DEATHS = (fault_wire.die_before, fault_wire.die_after)


@dataclass(frozen=True)
class Target:
    """A bootstrapped repository, and how hard to attack it.

    Attributes:
        deadline: When to stop, by the monotonic clock; what has begun is finished.
    """

    aws: Aws
    place: PlaceArguments
    repository: Repository
    seed: int
    deadline: float
    processes: int
    threads: int

    @property
    def time_is_over(self) -> bool:
        """Whether to stop."""
        return time.monotonic() >= self.deadline


@dataclass
class Count:
    """What an attack did.

    Attributes:
        histories: Recorded histories judged, or artifacts whose invariants were checked.
        undecided: Histories in which too many orders had to be tried.
    """

    attack: str
    backend: str
    operations: int = 0
    requests: int = 0
    faults: int = 0
    histories: int = 0
    undecided: int = 0
    seconds: float = 0
    violations: list[str] = field(default_factory=list)

    def row(self) -> tuple[str, ...]:
        """Return the row of the table."""
        numbers = (self.operations, self.requests, self.faults, self.histories, len(self.violations))
        return (self.attack, self.backend, *(f"{number:,}" for number in numbers), f"{self.seconds:.0f}")


def faults(target: Target, count: Count) -> None:
    """Disturb operations at every request, until time is over or everything has been tried."""
    bench = Bench.set_up(target.aws, target.place, target.repository)
    trials: list[tuple[str, Callable[[], object]]] = [
        *(_trial(bench.try_death, operation, fault) for operation in OPERATIONS for fault in DEATHS),
        *(_trial(bench.try_passing, operation, fault) for operation in OPERATIONS for fault in PASSING),
        *(_trial(bench.try_reading, operation, fault) for operation in READS for fault in PASSING),
        *(_trial(_go_on_after, bench, operation, fault) for operation in OPERATIONS for fault in DEATHS),
    ]
    random.Random(target.seed).shuffle(trials)  # noqa: S311 -- an order to repeat, no secret
    for what, trial in trials:
        try:
            trial()
        except Exception:  # noqa: BLE001 -- whatever it is, it is the finding
            count.violations.append(f"{what}\n{traceback.format_exc()}")
        if target.time_is_over:
            break
    count.operations = count.histories = bench.tried
    count.requests, count.faults = bench.requests, bench.tried


def _trial(trial: Callable[..., object], *arguments: object) -> tuple[str, Callable[[], object]]:
    words = [getattr(argument, "__name__", argument) for argument in arguments if not isinstance(argument, Bench)]
    return f"{trial.__name__}: {', '.join(map(str, words))}", lambda: trial(*arguments)


def _go_on_after(bench: Bench, operation: str, fault: Callable[..., object]) -> None:
    for at in range(1, bench.count(operation) + 1):
        name = bench.die(operation, fault, at)
        bench.use_everything(name)
        Ledger().check(bench.sound, bench.aws.dynamodb, name)


def state_machine(target: Target, count: Count) -> None:
    """Drive the state machine, a batch of examples after the other."""
    bound = machine(Everything, target.aws, target.place, target.repository)
    profile = settings(
        max_examples=10,
        stateful_step_count=40,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    for batch in itertools.count():
        # Hypothesis takes its seed from the class.
        seed(f"{target.seed} {batch}")(bound)
        try:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(run_state_machine_as_test, bound, settings=profile).result()
        except Exception as error:  # noqa: BLE001 -- as above
            notes = "\n".join(getattr(error, "__notes__", ()))
            count.violations.append(f"{traceback.format_exc()}\n{notes}")
        if target.time_is_over or count.violations:
            break
    tally = bound.tally
    count.operations, count.requests, count.histories = tally.calls, tally.requests, tally.examples
    count.faults = tally.faults + tally.interleaved


def race(target: Target, count: Count) -> None:
    """Run races, each with another artifact and other dice."""
    for number in itertools.count():
        try:
            _race_for_an_alias(target, count, f"race-{number}", target.seed + number)
            _race_for_latest(target, count, f"head-{number}", target.seed + number)
        except UndecidedError:
            count.undecided += 1
        except Exception:  # noqa: BLE001 -- as above
            count.violations.append(f"race {number}\n{traceback.format_exc()}")
        if target.time_is_over:
            break


def _race_for_an_alias(target: Target, count: Count, name: str, dice: int) -> None:
    races.prepare(target.repository, name)
    mixes = [ALIAS_CALLS, ALIAS_CALLS, {**VERSION_CALLS, "put": 2}]
    tasks = [
        task(
            target.aws,
            target.place,
            f"process {number}",
            mixes[number % 3],
            name=name,
            seed=dice,
            threads=target.threads,
            calls=30,
            fault_percent=3 * (number % 2),
            skew_secs=300 * (number % 3 - 1),
        )
        for number in range(target.processes)
    ]
    run = run_processes(tasks)
    count.operations += len(run.history)
    count.requests += run.requests
    count.faults += run.faults
    races.check_everything(run, target.repository, target.aws, name)
    count.histories += 1


def _race_for_latest(target: Target, count: Count, name: str, dice: int) -> None:
    target.repository.put_artifact(name, b"first")
    mix = HEAD_CALLS if target.aws.name == MINISTACK else HEAD_AND_PUBLISH_CALLS
    tasks = [
        task(target.aws, target.place, f"p{number}", mix, name=name, seed=dice, threads=2, calls=30)
        for number in range(target.processes)
    ]
    run = run_processes(tasks)
    count.operations += len(run.history)
    count.requests += run.requests
    races.check_latest(run, target.repository, name, first=b"first")
    races.check_versions(run, target.repository, name)
    count.histories += 1


def interleavings(seed: int, deadline: float, count: Count) -> None:
    """Try interleavings of a few calls, in memory; the first that goes wrong ends it, made small."""
    with Laboratory.open() as laboratory:
        for tried in explore(laboratory, seed):
            count.histories += 1
            count.operations += len(tried.trial.calls)
            count.requests += sum(map(len, tried.outcome.requests))
            count.faults += len(tried.trial.dead) + (tried.trial.lost is not None)
            if tried.outcome.problems:
                count.violations.append(str(shrunk(laboratory, tried)))
            if count.violations or time.monotonic() >= deadline:
                break


ATTACKS: dict[str, Callable[[Target, Count], None]] = {"faults": faults, "machine": state_machine, "races": race}
