"""One process of a race: a few threads that use a repository at random, and write down what they asked and were told.

``python -m tests.repository.race_worker`` reads a :class:`Task` as JSON from its standard input and writes one JSON
line per call to its standard output. Times are those of the machine's monotonic clock, which all processes share; what
the package takes for the time of day may be off by hours.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import botocore.endpoint
import time_machine

from airflow_provider_versioned.repository import (
    Alias,
    Artifact,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    Repository,
    StorageUnavailableError,
    VersionedError,
)
from tests.repository import fault_wire
from tests.repository.fault_wire import Died, Wire
from tests.repository.linearizability import REFUSED, Operation
from tests.servers import connect

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.servers import PlaceArguments

FAULTS = (fault_wire.die_before, fault_wire.die_after, fault_wire.lose_answer, fault_wire.contend, fault_wire.throttle)


@dataclass(frozen=True)
class Task:
    """What a process does.

    Attributes:
        process: Name of the process; also seeds its choices.
        mix: Which calls, in which proportion: method of :class:`Racer` to weight.
        fault_percent: How many requests in a hundred meet a fault.
        skew_secs: By how much the process's clock is off.
        start: When to begin, by the monotonic clock, in nanoseconds.
    """

    backend: str
    endpoints: tuple[str, ...]
    place: PlaceArguments
    name: str
    process: str
    seed: int
    threads: int
    calls: int
    mix: dict[str, int]
    fault_percent: float = 0
    skew_secs: float = 0
    start: int = 0


class RandomWire(Wire):
    """A wire that meets faults at random."""

    percent: float
    dice: random.Random
    met: int = 0

    def send(self, request: Any, send: Any) -> Any:
        """Pass a request on, or not."""
        self.sent += 1
        if self.dice.random() * 100 >= self.percent:
            return send(request)
        self.met += 1
        return self.dice.choice(FAULTS)(request, send)


class Racer:
    """One thread, with clients of its own; each method makes one call and returns how it is to be recorded."""

    def __init__(self, task: Task, number: int) -> None:
        self.dice = random.Random(f"{task.seed} {task.process} {number}")  # noqa: S311 -- choices to repeat, no secret
        self.wire, self.name = RandomWire(), task.name
        self.wire.percent, self.wire.dice = task.fault_percent, self.dice
        aws = connect(task.backend, task.endpoints)
        s3, dynamodb = aws.new_s3(), aws.new_dynamodb()
        self.wire.join(s3, dynamodb)
        self.repository = Repository(**task.place, s3_client=s3, dynamodb_client=dynamodb)
        self.label = f"{task.process}.{number}"
        self._seen: Alias | None = None
        self._count = 0

    def run(self, task: Task) -> list[Operation]:
        """Make all calls."""
        kinds = self.dice.choices(list(task.mix), list(task.mix.values()), k=task.calls)
        return [self._record(kind) for kind in kinds]

    def _record(self, kind: str) -> Operation:
        self._count += 1
        arguments = getattr(self, f"ask_{kind}")()
        start = time.monotonic_ns()
        try:
            answer = _plain(getattr(self, f"do_{kind}")(*arguments))
        except (Died, StorageUnavailableError):
            return Operation(self._mark, start, None, kind, arguments)
        except VersionedError as error:
            answer = _name(error)
        return Operation(self._mark, start, time.monotonic_ns(), kind, arguments, answer)

    @property
    def _mark(self) -> str:
        """What the history tells this call by."""
        return f"{self.label}.{self._count}"

    # -- an alias ----------------------------------------------------------------------------------------------------

    def ask_get(self) -> tuple[Any, ...]:
        return ()

    def do_get(self) -> Alias:
        self._seen = None
        self._seen = self.repository.get_alias(self.name, "prod")
        return self._seen

    def ask_put(self) -> tuple[Any, ...]:
        first, second = self.dice.sample(range(1, 7), 2)
        split = self.dice.random() < 0.3
        targets = (str(first), str(second), self.dice.randint(0, 99)) if split else (str(first), None, None)
        return targets, self._revision()

    def _revision(self) -> str | None:
        """Return the revision last seen, in half of the cases."""
        return self._seen.revision if self._seen and self.dice.random() < 0.6 else None

    def do_put(self, targets: tuple[Any, ...], if_revision: str | None) -> Alias:
        return self.repository.put_alias(self.name, "prod", *targets, if_revision=if_revision, changed_by=self._mark)

    def ask_rollback(self) -> tuple[Any, ...]:
        return (self._revision(),)

    def do_rollback(self, if_revision: str | None) -> Alias:
        return self.repository.rollback_alias(self.name, "prod", if_revision=if_revision, changed_by=self._mark)

    def ask_delete(self) -> tuple[Any, ...]:
        return (self._revision(),)

    def do_delete(self, if_revision: str | None) -> None:
        self.repository.delete_alias(self.name, "prod", if_revision=if_revision, changed_by=self._mark)

    # -- versions ----------------------------------------------------------------------------------------------------

    def _content(self) -> bytes:
        return f"{self.label} {self._count}".encode()

    def ask_publish(self) -> tuple[Any, ...]:
        return (hashlib.sha256(self._content()).hexdigest(),)

    def do_publish(self, _digest: str) -> Artifact:
        return self.repository.publish_artifact_version(self.name, content=self._content(), published_by=self.label)

    def ask_freeze(self) -> tuple[Any, ...]:
        return ()

    def do_freeze(self) -> Artifact:
        return self.repository.publish_artifact_version(self.name)

    ask_write = ask_publish

    def do_write(self, _digest: str) -> Artifact:
        return self.repository.put_artifact(self.name, self._content())

    def ask_read(self) -> tuple[Any, ...]:
        return ()

    def do_read(self) -> Artifact:
        return self.repository.get_artifact_version(self.name)

    def ask_remove(self) -> tuple[Any, ...]:
        return (str(self.dice.randint(1, 8)),)

    def do_remove(self, version: str) -> None:
        self.repository.delete_artifact_version(self.name, version)

    ask_restore = ask_remove

    def do_restore(self, version: str) -> Artifact:
        return self.repository.restore_artifact_version(self.name, version)

    def ask_purge(self) -> tuple[Any, ...]:
        return (self.dice.randint(4, 8),)

    def do_purge(self, keep: int) -> list[str]:
        return [artifact.version for artifact in self.repository.purge_artifact_versions(self.name, keep, 0)[1]]

    ask_protect = ask_unprotect = ask_remove

    def do_protect(self, version: str) -> Artifact:
        return self.repository.protect(self.name, version, self.label)

    def do_unprotect(self, version: str) -> None:
        self.repository.unprotect(self.name, version)


def _plain(answer: Alias | Artifact | list[str] | None) -> Any:
    if isinstance(answer, list):
        return tuple(answer)
    if isinstance(answer, Alias):
        targets = answer.version, answer.secondary_version, answer.secondary_version_weight
        return answer.sequence, answer.revision, targets
    return (answer.version, answer.sha256) if answer is not None else None


def _name(error: VersionedError) -> str:
    expected = (ConflictError, NotFoundError, InvalidInputError)
    name = type(error).__name__
    return name if isinstance(error, expected) and name != "ArtifactNotFoundError" else REFUSED


def run(task: Task) -> tuple[list[Operation], int, int]:
    """Run the threads of a process; return their history, and the requests and faults there were."""
    racers = [Racer(task, number) for number in range(task.threads)]
    histories: list[list[Operation]] = [[] for _ in racers]

    def race(number: int) -> None:
        histories[number] = racers[number].run(task)

    threads = [threading.Thread(target=race, args=(number,)) for number in range(task.threads)]
    while time.monotonic_ns() < task.start:
        time.sleep(0.001)
    moved = datetime.now(UTC) + timedelta(seconds=task.skew_secs)
    with time_machine.travel(moved) if task.skew_secs else nullcontext():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    history = [operation for one in histories for operation in one]
    return history, sum(racer.wire.sent for racer in racers), sum(racer.wire.met for racer in racers)


def encoded(operations: Iterable[Operation]) -> list[str]:
    """Return operations as JSON lines."""
    return [json.dumps(asdict(operation)) for operation in operations]


def decoded(line: str) -> Operation:
    """Return the operation of a JSON line."""
    return Operation(**{key: _tuples(value) for key, value in json.loads(line).items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def main() -> None:
    """Do the task on standard input."""
    botocore.endpoint.time = SimpleNamespace(sleep=lambda _: None)  # type: ignore[attr-defined] # no local server needs the rest
    task = Task(**json.load(sys.stdin))
    history, sent, met = run(task)
    print(json.dumps({"sent": sent, "met": met}), *encoded(history), sep="\n")  # noqa: T201 -- the result


if __name__ == "__main__":
    main()
