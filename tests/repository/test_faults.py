"""Every operation, disturbed at every request it sends: nothing is torn, nothing is stuck, repeating it converges."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import Repository, StorageUnavailableError
from tests.repository import fault_wire
from tests.repository.fault_wire import Died, Wire
from tests.repository.invariants import Ledger, visible
from tests.servers import MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws

on_all = pytest.mark.backends(*TRANSACTIONAL)
on_one = pytest.mark.backends(MINISTACK)  # the quicker of the two; where the server's own way to refuse plays no part

OPERATIONS: dict[str, Callable[[Repository, str], object]] = {
    "put": lambda repository, name: repository.put_artifact(name, b"new"),
    "put first": lambda repository, name: repository.put_artifact(f"{name}-fresh", b"new"),
    "put unchanged": lambda repository, name: repository.put_artifact(name, b"three"),
    "publish LATEST": lambda repository, name: repository.publish_artifact_version(name, idempotency_key="task"),
    "publish content": lambda repository, name: repository.publish_artifact_version(
        name, content=b"new", idempotency_key="task"
    ),
    "publish if changed": lambda repository, name: repository.publish_artifact_version(
        name, content=b"two", idempotency_key="task", if_changed=True
    ),
    "put_alias": lambda repository, name: repository.put_alias(name, "prod", 1, 2, 25, idempotency_key="task"),
    "put_alias new": lambda repository, name: repository.put_alias(name, "next", 2),
    "rollback": lambda repository, name: repository.rollback_alias(name, "prod", idempotency_key="task"),
    "delete_alias": lambda repository, name: repository.delete_alias(name, "prod"),
    "delete": lambda repository, name: repository.delete_artifact_version(name, 3),
    "delete LATEST": lambda repository, name: repository.delete_artifact_version(name),
    "restore": lambda repository, name: repository.restore_artifact_version(name, 4),
    "purge versions": lambda repository, name: repository.purge_artifact_versions(name, 0, 0),
    "purge artifact": lambda repository, name: repository.purge_artifact(name),
}
DESTRUCTION = {"purge artifact"}  # goes in steps that a reader may see; it has only to end, and to end when repeated


@dataclass
class Bench:
    """A repository behind a wire that fails, and one beside it whose wire is sound."""

    disturbed: Repository
    sound: Repository
    wire: Wire
    aws: Aws
    names: itertools.count[int]

    def artifact(self) -> str:
        """Make an artifact: versions 1, 2, 3 live, 4 deleted, LATEST as 3, alias prod first on 1, then on 2."""
        name = f"model-{next(self.names)}"
        for content in (b"one", b"two", b"three"):
            self.sound.put_artifact(name, content)
            self.sound.publish_artifact_version(name)
        self.sound.publish_artifact_version(name)
        self.sound.delete_artifact_version(name, 4)
        self.sound.put_alias(name, "prod", 1)
        self.sound.put_alias(name, "prod", 2)
        return name

    def disturb(self, fault: Callable[..., object] | None, at: int, times: int = 1) -> None:
        """Have a fault happen at the k-th request from now on."""
        self.wire.sent, self.wire.at, self.wire.times = 0, at, times
        self.wire.fault = fault  # type: ignore[assignment] # any of fault_wire's

    def count(self, operation: str) -> int:
        """Count the requests of an operation that nothing disturbs."""
        name = self.artifact()
        self.disturb(None, 0)
        OPERATIONS[operation](self.disturbed, name)
        return self.wire.sent

    def outcome(self, operation: str) -> tuple[dict[str, object], dict[str, object]]:
        """Return what a reader sees before and after an operation that nothing disturbs."""
        name = self.artifact()
        before = visible(self.sound, name)
        OPERATIONS[operation](self.sound, name)
        return before, visible(self.sound, name)

    def use_everything(self, name: str) -> None:
        """Use every other operation, as people do the next morning."""
        repository = self.sound
        repository.put_artifact(name, b"next morning")
        assert repository.get_artifact_version(name).get_content() == b"next morning"
        first = repository.publish_artifact_version(name)
        second = repository.publish_artifact_version(name, content=b"noon")
        assert (first.get_content(), second.get_content()) == (b"next morning", b"noon")
        assert int(second.version) > int(first.version)
        repository.put_alias(name, "prod", first.version, second.version, 10)
        repository.rollback_alias(name, "prod", to_version=second.version)
        repository.delete_artifact_version(name, first.version)
        assert repository.restore_artifact_version(name, first.version) == repository.get_artifact_version(
            name, first.version
        )
        repository.purge_artifact_versions(name, 0, 0)
        assert repository.get_alias(name, "prod").get_version_content() == b"noon"


@pytest.fixture
def bench(aws: Aws, repository: Repository) -> Bench:
    s3, dynamodb, wire = aws.new_s3(), aws.new_dynamodb(), Wire()
    wire.join(s3, dynamodb)
    disturbed = Repository(
        repository.s3_bucket,
        repository.s3_prefix,
        repository.dynamodb_table_name,
        repository.suffix,
        s3_client=s3,
        dynamodb_client=dynamodb,
    )
    disturbed.list_aliases("warm-up")
    return Bench(disturbed, repository, wire, aws, itertools.count())


@on_all
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", [fault_wire.die_before, fault_wire.die_after], ids=lambda fault: fault.__name__)
def test_operation_dies_at_any_request_all_or_nothing_and_repeatable(
    bench: Bench, operation: str, fault: Callable[..., object]
) -> None:
    before, after = bench.outcome(operation)
    for at in range(1, bench.count(operation) + 1):
        name, ledger = bench.artifact(), Ledger()
        bench.disturb(fault, at)
        with pytest.raises(Died):
            OPERATIONS[operation](bench.disturbed, name)
        ledger.check(bench.sound, bench.aws.dynamodb, name)
        if operation not in DESTRUCTION:
            assert visible(bench.sound, name) in (before, after), f"torn by death at request {at}"
        OPERATIONS[operation](bench.sound, name)
        ledger.check(bench.sound, bench.aws.dynamodb, name)
        assert visible(bench.sound, name) == after, f"repeated after death at request {at}"


@on_one
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_dies_at_any_request_others_go_on_at_once(bench: Bench, operation: str) -> None:
    for at in range(1, bench.count(operation) + 1):
        name, ledger = bench.artifact(), Ledger()
        bench.disturb(fault_wire.die_after, at)
        with pytest.raises(Died):
            OPERATIONS[operation](bench.disturbed, name)
        bench.use_everything(name)
        ledger.check(bench.sound, bench.aws.dynamodb, name)


@on_one
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "fault", [fault_wire.lose_answer, fault_wire.contend, fault_wire.throttle], ids=lambda fault: fault.__name__
)
def test_operation_passing_fault_at_any_request_is_not_noticed(
    bench: Bench, operation: str, fault: Callable[..., object]
) -> None:
    _, after = bench.outcome(operation)
    for at in range(1, bench.count(operation) + 1):
        name, ledger = bench.artifact(), Ledger()
        bench.disturb(fault, at)
        OPERATIONS[operation](bench.disturbed, name)
        ledger.check(bench.sound, bench.aws.dynamodb, name)
        assert visible(bench.sound, name) == after, f"fault at request {at}"


@on_one
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_server_fails_for_ever_says_so_and_is_repeatable(bench: Bench, operation: str) -> None:
    before, after = bench.outcome(operation)
    requests = bench.count(operation)
    for at in sorted({1, (requests + 1) // 2, requests}):
        name, ledger = bench.artifact(), Ledger()
        bench.disturb(fault_wire.fail, at, times=10_000)
        with pytest.raises(StorageUnavailableError, match="try again later"):
            OPERATIONS[operation](bench.disturbed, name)
        if operation not in DESTRUCTION:
            assert visible(bench.sound, name) in (before, after)
        OPERATIONS[operation](bench.sound, name)
        ledger.check(bench.sound, bench.aws.dynamodb, name)
        assert visible(bench.sound, name) == after
