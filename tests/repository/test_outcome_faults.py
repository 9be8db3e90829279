"""Reporting and looking on a wire that fails, at every request: nothing is counted twice, nothing half."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import Repository, StorageUnavailableError
from airflow_provider_versioned.repository.keys import outcome_prefix
from tests.repository import fault_wire
from tests.repository.fault_wire import Died, Wire
from tests.servers import MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws

Operation = tuple[str, dict[str, Any]]
OPERATIONS: dict[str, Operation] = {
    "record": ("record_outcome", {"version": 2, "success": True, "idempotency_key": "task"}),
    "record with metrics": (
        "record_outcome",
        {"version": 2, "success": False, "metrics": {"a": 1.5, "b": [1, 2]}, "idempotency_key": "task"},
    ),
    "look": ("look_at_outcomes", {"stable": 1, "canary": 2}),
    "delete": ("delete_outcomes", {}),
}
WITHOUT_KEY = {"record": ("record_outcome", {"version": 2, "success": True, "metrics": {"a": 1.5}})}


@dataclass
class Bench:
    """A repository behind a wire that fails, and one beside it whose wire is sound."""

    disturbed: Repository
    sound: Repository
    wire: Wire
    rollouts: itertools.count[int]

    def rollout(self) -> str:
        """Begin a rollout of which 4 outcomes are counted and one look was made."""
        rollout = f"rollout {next(self.rollouts)}"
        for version, success in itertools.product((1, 2), (True, False)):
            self.sound.record_outcome(
                "m", "prod", version, success=success, rollout=rollout, weight=5, metrics={"a": 1}
            )
        self.sound.look_at_outcomes("m", "prod", stable=1, canary=2, rollout=rollout, weight=5)
        for version in (1, 2):
            self.sound.record_outcome("m", "prod", version, success=True, rollout=rollout, weight=5)
        return rollout

    def disturb(self, fault: Callable[..., object] | None, at: int, times: int = 1) -> None:
        """Have a fault happen at the k-th request from now on."""
        self.wire.sent, self.wire.at, self.wire.times = 0, at, times
        self.wire.fault = fault  # type: ignore[assignment] # any of fault_wire's

    def run(self, repository: Repository, operation: Operation, rollout: str) -> object:
        """Run an operation."""
        method, arguments = operation
        return getattr(repository, method)("m", "prod", **arguments, rollout=rollout)

    def requests(self, operation: Operation) -> range:
        """Count the requests of an operation that nothing disturbs."""
        rollout = self.rollout()
        self.disturb(None, 0)
        self.run(self.disturbed, operation, rollout)
        return range(1, self.wire.sent + 1)

    def seen(self, rollout: str) -> tuple[object, object]:
        """Return what was counted, and the blocks that a look in the future begins with."""
        counted = self.sound.get_outcomes("m", "prod", rollout=rollout)
        by_weight = {
            weight: {version: (part.counts, _metrics(part)) for version, part in versions.items()}
            for weight, versions in counted.by_weight.items()
        }
        raws = self.sound._table.query(
            *("Testing", "__m-meta"),
            sk_condition="begins_with(sk, :prefix)",
            sk_values={":prefix": {"S": outcome_prefix("prod", rollout)}},
        )
        return by_weight, [raw["blocks"] for raw in raws if "blocks" in raw]


def _metrics(part: Any) -> dict[str, Any]:
    return {name: (facts.count, facts.total, sorted(facts.sample)) for name, facts in part.metrics.items()}


@pytest.fixture
def bench(aws: Aws, repository: Repository) -> Bench:
    dynamodb, wire = aws.new_dynamodb(), Wire()
    wire.join(dynamodb)
    disturbed = Repository(
        repository.s3_bucket,
        repository.s3_prefix,
        repository.dynamodb_table_name,
        repository.suffix,
        s3_client=aws.s3,
        dynamodb_client=dynamodb,
    )
    disturbed.list_aliases("warm-up")
    return Bench(disturbed, repository, wire, itertools.count())


@pytest.mark.backends(*TRANSACTIONAL)
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("fault", [fault_wire.die_before, fault_wire.die_after], ids=lambda fault: fault.__name__)
def test_operation_dies_at_any_request_all_or_nothing_and_repeatable(
    bench: Bench, name: str, fault: Callable[..., object]
) -> None:
    operation, rollout = OPERATIONS[name], bench.rollout()
    before = bench.seen(rollout)
    bench.run(bench.sound, operation, rollout)
    after = bench.seen(rollout)
    for at in bench.requests(operation):
        rollout = bench.rollout()
        bench.disturb(fault, at)
        with pytest.raises(Died):
            bench.run(bench.disturbed, operation, rollout)
        assert bench.seen(rollout) in (before, after), f"torn by death at request {at}"
        bench.run(bench.sound, operation, rollout)
        assert bench.seen(rollout) == after, f"repeated after death at request {at}"


@pytest.mark.backends(*TRANSACTIONAL)
@pytest.mark.parametrize("operation", [*OPERATIONS.values(), *WITHOUT_KEY.values()], ids=[*OPERATIONS, "without key"])
@pytest.mark.parametrize(
    "fault", [fault_wire.lose_answer, fault_wire.contend, fault_wire.throttle], ids=lambda fault: fault.__name__
)
def test_operation_passing_fault_at_any_request_is_not_noticed(
    bench: Bench, operation: Operation, fault: Callable[..., object]
) -> None:
    rollout = bench.rollout()
    answer = bench.run(bench.sound, operation, rollout)
    after = bench.seen(rollout)
    for at in bench.requests(operation):
        rollout = bench.rollout()
        bench.disturb(fault, at)
        again = bench.run(bench.disturbed, operation, rollout)
        assert bench.seen(rollout) == after, f"fault at request {at}"
        assert isinstance(again, type(answer))
        assert not isinstance(answer, bool) or again is answer is True, "counted by this call, so it says so"


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_server_fails_for_ever_says_so_and_is_repeatable(bench: Bench, name: str) -> None:
    operation, rollout = OPERATIONS[name], bench.rollout()
    before = bench.seen(rollout)
    bench.disturb(fault_wire.fail, 1, times=10_000)
    with pytest.raises(StorageUnavailableError, match="try again later"):
        bench.run(bench.disturbed, operation, rollout)
    assert bench.seen(rollout) == before
