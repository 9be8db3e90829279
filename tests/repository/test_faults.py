"""Every operation, disturbed at every request it sends: nothing is torn, nothing is stuck, repeating it converges.

What is tried on whom stands in :mod:`tests.repository.bench`. Faults that look alike to the code under test take turns
here, from operation to operation; ``make reliability`` tries each of them on each.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import bucket, content
from tests.repository import fault_wire
from tests.repository.bench import OPERATIONS, READS, Bench
from tests.repository.invariants import Ledger
from tests.servers import MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

    Fault = Callable[..., object]

on_all = pytest.mark.backends(*TRANSACTIONAL)
on_one = pytest.mark.backends(MINISTACK)  # the quicker of the two; where the server's own way to refuse plays no part

LANDED = (fault_wire.lose_answer, fault_wire.time_out, fault_wire.fail_after)
NOT_LANDED = (fault_wire.throttle, fault_wire.reset, fault_wire.fail, fault_wire.be_busy)
LASTING = (*NOT_LANDED, *LANDED, fault_wire.contend)
# What a second call would do once more, or would be refused: only the writer's own mark tells that it has landed.
IN_TRANSACTIONS = (
    "publish LATEST without a key",
    "publish content without a key",
    "publish content",
    "put_alias",
    "put_alias new",
    "put_alias to LATEST",
    "rollback without a key",
    "rollback",
    "delete_alias",
)


def turn(operation: str, faults: Sequence[Fault]) -> Fault:
    """Return the fault whose turn it is."""
    return faults[[*OPERATIONS, *READS].index(operation) % len(faults)]


@pytest.fixture
def bench(aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Bench:
    bench = Bench.set_up(aws, unique_place, repository)
    monkeypatch.setattr(bench.disturbed._table, "_sleep", lambda _: None)
    for module in (bucket, content):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda _: None))
    return bench


@on_all
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", [fault_wire.die_before, fault_wire.die_after], ids=lambda fault: fault.__name__)
def test_operation_dies_at_any_request_all_or_nothing_and_repeatable(
    bench: Bench, operation: str, fault: Fault
) -> None:
    bench.try_death(operation, fault)


@on_one
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_dies_at_any_request_others_go_on_at_once(bench: Bench, operation: str) -> None:
    for at in range(1, bench.count(operation) + 1):
        name = bench.die(operation, fault_wire.die_after, at)
        bench.use_everything(name)
        Ledger().check(bench.sound, bench.aws.dynamodb, name)


@on_one
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("faults", "times"), [(LANDED, 1), (NOT_LANDED, 2), ((fault_wire.contend,), 3)], ids=["landed", "not", "contend"]
)
def test_operation_passing_fault_at_any_request_is_not_noticed(
    bench: Bench, operation: str, faults: Sequence[Fault], times: int
) -> None:
    bench.try_passing(operation, turn(operation, faults), times)


@on_one
@pytest.mark.parametrize("operation", IN_TRANSACTIONS)
def test_operation_whose_answer_and_token_are_lost_recognises_its_own_write(bench: Bench, operation: str) -> None:
    bench.try_passing(operation, fault_wire.lose_answer_and_token)


@on_one
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_fault_that_lasts_says_so_and_is_repeatable(bench: Bench, operation: str) -> None:
    requests = bench.count(operation)
    bench.try_lasting(operation, turn(operation, LASTING), {1, (requests + 1) // 2, requests})
    bench.try_lasting(operation, fault_wire.fail, {requests})


@on_one
@pytest.mark.parametrize("operation", READS)
def test_reading_passing_fault_at_any_request_is_not_noticed(bench: Bench, operation: str) -> None:
    bench.try_reading(operation, turn(operation, LANDED))
    bench.try_reading(operation, turn(operation, NOT_LANDED), times=2)
