"""Races of several processes at one artifact: starting them, collecting what they wrote down, and judging it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import AliasNotFoundError, ArtifactNotFoundError
from scripts.server_process import ROOT
from tests.repository.invariants import Ledger, targets_of
from tests.repository.linearizability import (
    CONFLICT,
    NOT_FOUND,
    NOTHING,
    REFUSED,
    AliasState,
    Operation,
    VersionState,
    alias_step,
    linearization,
    register_step,
    version_step,
)
from tests.repository.race_worker import Task, decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_versioned.repository import AliasChange, Repository
    from tests.servers import Aws, PlaceArguments

ALIAS_CALLS = {"get": 5, "put": 6, "rollback": 2, "delete": 1}
VERSION_CALLS = {"publish": 3, "freeze": 1, "remove": 2, "restore": 2, "purge": 1, "protect": 1, "unprotect": 1}
HEAD_CALLS = {"write": 3, "read": 5, "freeze": 1}
HEAD_AND_PUBLISH_CALLS = {**HEAD_CALLS, "publish": 1}  # where CopyObject honours its condition on the target
_CHANGES = {"put", "rollback", "delete"}
_GIVING = {"publish", "freeze"}
_ON_ONE_VERSION = {"remove", "restore", "protect", "unprotect"}
PREPARED = tuple(str(number) for number in range(1, 9))
_START_SECS = 6  # for the slowest process to be ready; whoever is later begins later
_LONGEST_SECS = 600


@dataclass
class Race:
    """What the processes of a race wrote down."""

    history: list[Operation] = field(default_factory=list)
    requests: int = 0
    faults: int = 0

    def of(self, *kinds: str) -> list[Operation]:
        """Return the calls of some kinds."""
        return [operation for operation in self.history if operation.kind in kinds]


def run_processes(tasks: Sequence[Task]) -> Race:
    """Run each task in a process of its own, all at once."""
    start = time.monotonic_ns() + _START_SECS * 10**9
    command = [sys.executable, "-m", "tests.repository.race_worker"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in tasks
    ]
    for process, task in zip(processes, tasks, strict=True):
        assert process.stdin
        process.stdin.write(json.dumps(asdict(replace(task, start=start))))
        process.stdin.close()
        process.stdin = None
    race = Race()
    for process in processes:
        lines = process.communicate(timeout=_LONGEST_SECS)[0].splitlines()
        assert process.returncode == 0
        counts = json.loads(lines[0])
        race.requests += counts["sent"]
        race.faults += counts["met"]
        race.history += map(decoded, lines[1:])
    return race


def task(aws: Aws, place: PlaceArguments, process: str, mix: dict[str, int], **arguments: object) -> Task:
    """Return a task on a backend with endpoints; see :class:`Task` for the arguments."""
    assert aws.s3_endpoint
    assert aws.dynamodb_endpoint
    defaults = {"name": "m", "seed": 0, "threads": 8, "calls": 20, **arguments}
    endpoints = (aws.dynamodb_endpoint, aws.s3_endpoint)
    return Task(aws.name, endpoints, place, process=process, mix=mix, **defaults)  # type: ignore[arg-type] # as Task has them


def prepare(repository: Repository, name: str) -> None:
    """Publish the versions of the artifact that are raced for."""
    for number in PREPARED:
        repository.publish_artifact_version(name, content=f"prepared {number}".encode())


def check_everything(race: Race, repository: Repository, aws: Aws, name: str) -> None:
    """Assert that a race kept invariants 1 to 6."""
    check_alias(race, repository, name)
    check_history(race, repository, name)
    check_removal(race)
    check_versions(race, repository, name)
    Ledger().check(repository, aws.dynamodb, name)


def check_alias(race: Race, repository: Repository, name: str) -> None:
    """Assert that the alias was linearizable, up to what a reader finds afterwards.

    What a call did whose answer does not tell, its row of the history tells, which names the call.
    """
    look = _last_look(repository, name)
    rows = {row.changed_by: row for row in repository.list_alias_history(name, "prod")}
    told = [_told(operation, rows.get(operation.process), look.start) for operation in race.of(*_CHANGES, "get")]
    history = [*(operation for operation in told if operation is not None), look]
    assert linearization(history, AliasState(), alias_step) is not None, "alias not linearizable"


def _told(operation: Operation, row: AliasChange | None, end: int) -> Operation | None:
    """Return a call with what it did; None when that was nothing, and nobody was told."""
    if operation.unanswered and operation.kind in _CHANGES:
        if row is None:
            return None
        operation = replace(operation, end=end, answer=(row.sequence, row.revision, targets_of(row)))
    if operation.kind == "delete" and operation.answer not in {CONFLICT, REFUSED}:
        return replace(operation, answer=(row.sequence, None) if row is not None else NOTHING)
    return operation


def _last_look(repository: Repository, name: str) -> Operation:
    start = time.monotonic_ns()
    answer: object = NOT_FOUND
    try:
        alias = repository.get_alias(name, "prod")
        answer = (alias.sequence, alias.revision, targets_of(alias))
    except AliasNotFoundError:
        pass
    return Operation("last look", start, time.monotonic_ns(), "get", (), answer)


def check_history(race: Race, repository: Repository, name: str) -> None:
    """Assert that each change has exactly one history item, and that no revision was moved away from twice."""
    rows = {row.sequence: row for row in repository.list_alias_history(name, "prod")}
    assert sorted(rows) == list(range(1, len(rows) + 1))
    assert len({row.revision for row in rows.values()}) == len(rows)
    changes = race.of(*_CHANGES)
    told = [operation for operation in changes if isinstance(operation.answer, tuple)]
    for operation in told:
        sequence, revision, targets = operation.answer
        assert (rows[sequence].revision, targets_of(rows[sequence])) == (revision, targets)
    silent = [operation for operation in changes if operation.unanswered or operation.kind == "delete"]
    untold = rows.keys() - {operation.answer[0] for operation in told}
    assert len(untold) <= len(silent), "a change that nobody made"
    winners = Counter(if_revision for operation in told if (if_revision := _won_from(operation)))
    assert set(winners.values()) <= {1}, "two compare-and-set changes from one revision"


def check_removal(race: Race) -> None:
    """Assert that each version's removal was linearizable, and that it was live whenever an alias pointed at it."""
    for version in PREPARED:
        history = [told for operation in race.history if (told := _on_version(operation, version))]
        assert linearization(history, VersionState(), version_step) is not None, f"version {version} not linearizable"


def _on_version(operation: Operation, version: str) -> Operation | None:
    """Return what a call means for one version; None: nothing."""
    answer = operation.answer
    if operation.kind in _ON_ONE_VERSION:
        if operation.arguments != (version,):
            return None
        return operation if answer == REFUSED else replace(operation, answer=None)  # it may have changed nothing
    if operation.kind == "purge":
        return replace(operation, kind="hide") if operation.unanswered or version in answer else None
    if operation.kind in {*_CHANGES, "get"} and isinstance(answer, tuple) and version in answer[2][:2]:
        return replace(operation, kind="aim")
    return None


def _won_from(operation: Operation) -> str | None:
    """Return the revision that a call demanded and moved away from."""
    if_revision: str | None = operation.arguments[-1]
    return if_revision if if_revision != operation.answer[1] else None


def check_versions(race: Race, repository: Repository, name: str) -> None:
    """Assert that no number was given twice, and that each version holds what its publisher was told, for good."""
    given = [operation for operation in race.of(*_GIVING) if isinstance(operation.answer, tuple)]
    numbers = [operation.answer[0] for operation in given]
    assert len(numbers) == len(set(numbers)), "a number was given twice"
    for operation in given:
        version, sha256 = operation.answer
        assert operation.arguments in ((), (sha256,))
        repository.restore_artifact_version(name, version)
        artifact = repository.get_artifact_version(name, version)
        artifact.get_content()  # verifies
        assert artifact.sha256 == sha256
    lost = sum(1 for operation in race.of(*_GIVING) if operation.unanswered)
    live = {artifact.version for artifact in repository.list_artifact_versions(name)} - {"LATEST"}
    assert len(live - set(numbers) - set(PREPARED)) <= lost, "a version that nobody published"


def check_latest(race: Race, repository: Repository, name: str, first: bytes) -> None:
    """Assert that LATEST was a linearizable register, up to what a reader finds afterwards."""
    start = time.monotonic_ns()
    try:
        found = repository.get_artifact_version(name).sha256
    except ArtifactNotFoundError:
        found = ""
    look = Operation("last look", start, time.monotonic_ns(), "read", (), found)
    history = [register for operation in race.history if (register := _on_register(operation))]
    assert linearization([*history, look], hashlib.sha256(first).hexdigest(), register_step) is not None, (
        "LATEST not linearizable"
    )


def _on_register(operation: Operation) -> Operation | None:
    """Return what a call means for LATEST; None: nothing."""
    if operation.kind in {"write", "publish"}:
        return replace(operation, kind="write", answer=None)
    if operation.unanswered:
        return None
    seen = "" if operation.answer == REFUSED else operation.answer[1]
    return replace(operation, kind="read", answer=seen)
