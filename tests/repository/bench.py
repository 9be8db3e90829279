"""The bench on which operations are disturbed: what they are, an artifact to try them on, and what must hold after.

The tests try one fault of each kind at every request; ``make reliability`` tries every fault at every request.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import ArtifactNotFoundError, Repository, StorageUnavailableError
from tests.repository.fault_wire import Died, Wire
from tests.repository.invariants import Ledger, visible
from tests.repository.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws, PlaceArguments

    Operation = Callable[[Repository, str], object]

OPERATIONS: dict[str, Operation] = {
    "put": lambda r, name: r.put_artifact(name, b"new"),
    "put first": lambda r, name: r.put_artifact(f"{name}-fresh", b"new"),
    "put unchanged": lambda r, name: r.put_artifact(name, b"three"),
    "publish LATEST": lambda r, name: r.publish_artifact_version(name, idempotency_key="task"),
    "publish content": lambda r, name: r.publish_artifact_version(name, content=b"new", idempotency_key="task"),
    "publish LATEST without a key": lambda r, name: r.publish_artifact_version(name),
    "publish content without a key": lambda r, name: r.publish_artifact_version(name, content=b"new"),
    "publish same content": lambda r, name: r.publish_artifact_version(name, content=b"three", idempotency_key="task"),
    "publish if changed": lambda r, name: r.publish_artifact_version(
        name, content=b"two", idempotency_key="task", if_changed=True
    ),
    "publish unchanged": lambda r, name: r.publish_artifact_version(
        name, content=b"three", idempotency_key="task", if_changed=True
    ),
    "put_alias": lambda r, name: r.put_alias(name, "prod", 1, 2, 25, idempotency_key="task"),
    "put_alias new": lambda r, name: r.put_alias(name, "next", 2),
    "put_alias to LATEST": lambda r, name: r.put_alias(name, "prod", "LATEST", 3, 1),
    "put_alias unmoved": lambda r, name: r.put_alias(name, "prod", 2, idempotency_key="task"),
    "rollback": lambda r, name: r.rollback_alias(name, "prod", idempotency_key="task"),
    "rollback without a key": lambda r, name: r.rollback_alias(name, "prod"),
    "rollback to a version": lambda r, name: r.rollback_alias(name, "prod", to_version=3),
    "delete_alias": lambda r, name: r.delete_alias(name, "prod"),
    "publish content after content": lambda r, name: r.publish_artifact_version(
        name, content=b"new", idempotency_key="task"
    ),
    "put_alias after a move": lambda r, name: r.put_alias(name, "prod", 1, 2, 25),
    "delete_alias after a move": lambda r, name: r.delete_alias(name, "prod"),
    "delete": lambda r, name: r.delete_artifact_version(name, 3),
    "delete LATEST": lambda r, name: r.delete_artifact_version(name),
    "restore": lambda r, name: r.restore_artifact_version(name, 4),
    "protect": lambda r, name: r.protect(name, 3, "audit"),
    "unprotect": lambda r, name: r.unprotect(name, 1),
    "purge versions": lambda r, name: r.purge_artifact_versions(name, 0, 0),
    "plan and apply": lambda r, name: r.apply_purge(r.plan_purge(name, 0, 0, keep_previous_secs=3600)),
    "free": lambda r, name: r.free_artifact_versions(name, 0),
    "sweep": lambda r, name: r.sweep_artifact(name, 0),
    "purge artifact": lambda r, name: r.purge_artifact(name),
}
READS: dict[str, Operation] = {
    "get": lambda r, name: r.get_artifact_version(name).sha256,
    "get content": lambda r, name: r.get_artifact_version(name, 2).get_content(),
    "list": lambda r, name: [artifact.version for artifact in r.list_artifact_versions(name)],
    "list names": lambda r, name: name in r.list_artifact_names(),
    "get alias": lambda r, name: r.get_alias(name, "prod").version,
    "list aliases": lambda r, name: [alias.version for alias in r.list_aliases(name)],
    "list history": lambda r, name: [row.version for row in r.list_alias_history(name, "prod")],
    "alias content": lambda r, name: r.get_alias(name, "prod").get_version_content(),
    "plan purge": lambda r, name: [decision.version for decision in r.plan_purge(name, 0, 0).to_purge],
    "dry run": lambda r, name: r.free_artifact_versions(name, 0, dry_run=True).to_dict(),
    "verify": lambda r, name: [finding.to_dict() for finding in r.verify(name)],
}
AGAIN_IS_ANOTHER = {name for name in OPERATIONS if name.endswith("without a key")}  # a second call is meant as one
DESTRUCTION = {"purge artifact"}  # goes in steps that a reader may see; it has only to end, and to end when repeated
BEFORE: dict[str, Operation] = {"unprotect": lambda r, name: r.protect(name, 1)}
# By the same process, which therefore does not read before it writes.
BEFORE_BY_THE_SAME: dict[str, Operation] = {
    "publish content after content": lambda r, name: r.publish_artifact_version(name, content=b"four"),
    "put_alias after a move": lambda r, name: r.put_alias(name, "prod", 3),
    "delete_alias after a move": lambda r, name: r.put_alias(name, "prod", 3),
}


def look(repository: Repository, name: str) -> dict[str, Any]:
    """Return everything that a reader can see of an artifact."""
    protected = {artifact.version: artifact.protected for artifact in repository.list_artifact_versions(name)}
    return {**visible(repository, name), "protected": protected}


@dataclass(frozen=True)
class Template:
    """An artifact as it is stored, to be had again under other names without the requests that made it."""

    items: list[dict[str, Any]]
    objects: dict[str, tuple[bytes, dict[str, str]]]

    @classmethod
    def of(cls, store: Store, name: str) -> Template:
        """Read an artifact."""
        partitions = {name: "{}", f"__{name}-alias": "__{}-alias", f"__{name}-meta": "__{}-meta"}
        items = [{**item, "pk": partitions[pk]} for (pk, _), item in store.items().items() if pk in partitions]
        objects = {}
        for sk in ("LATEST", "000001", "000002", "000003", "000004"):
            answer = store.aws.s3.get_object(Bucket=store.bucket, Key=store.key(name, sk))
            objects[sk] = answer["Body"].read(), answer["Metadata"]
        return cls(items, objects)

    def copy(self, store: Store, name: str) -> None:
        """Write it under another name."""
        items: list[Any] = [{"PutRequest": {"Item": {**it, "pk": {"S": it["pk"].format(name)}}}} for it in self.items]
        assert not store.aws.dynamodb.batch_write_item(RequestItems={store.table: items})["UnprocessedItems"]
        for sk, (content, metadata) in self.objects.items():
            store.put_object(store.key(name, sk), content, Metadata={**metadata, "artifact_name": name})


@dataclass
class Bench:
    """A repository behind a wire that fails, and one beside it whose wire is sound.

    Attributes:
        tried: How often an operation was disturbed.
    """

    disturbed: Repository
    sound: Repository
    wire: Wire
    aws: Aws
    store: Store
    names: itertools.count[int] = field(default_factory=itertools.count)
    template: Template | None = None
    tried: int = 0
    requests: int = 0

    @classmethod
    def set_up(cls, aws: Aws, place: PlaceArguments, sound: Repository) -> Bench:
        """Make clients for a bootstrapped place."""
        s3, dynamodb, wire = aws.new_s3(), aws.new_dynamodb(), Wire()
        wire.join(s3, dynamodb)
        disturbed = Repository(**place, s3_client=s3, dynamodb_client=dynamodb)
        disturbed.list_aliases("warm-up")
        return cls(disturbed, sound, wire, aws, Store(aws, place))

    def artifact(self, operation: str = "") -> str:
        """Make an artifact: versions 1, 2, 3 live, 4 deleted, LATEST as 3, alias prod first on 1, then on 2."""
        if self.template is None:
            self.template = self._made("template")
        name = f"model-{next(self.names)}"
        self.template.copy(self.store, name)
        if operation in BEFORE:
            BEFORE[operation](self.sound, name)
        if operation in BEFORE_BY_THE_SAME:
            self.disturb(None, 0)
            BEFORE_BY_THE_SAME[operation](self.disturbed, name)
        return name

    def _made(self, name: str) -> Template:
        for content in (b"one", b"two", b"three"):
            self.sound.put_artifact(name, content)
            self.sound.publish_artifact_version(name)
        self.sound.publish_artifact_version(name)
        self.sound.delete_artifact_version(name, 4)
        self.sound.put_alias(name, "prod", 1)
        self.sound.put_alias(name, "prod", 2)
        return Template.of(self.store, name)

    def disturb(self, fault: Callable[..., object] | None, at: int, times: int = 1) -> None:
        """Have a fault happen at the k-th request from now on."""
        self.requests += self.wire.sent
        self.wire.sent, self.wire.at, self.wire.times = 0, at, times
        self.wire.fault = fault  # type: ignore[assignment] # any of fault_wire's
        self.tried += fault is not None

    def count(self, operation: str) -> int:
        """Count the requests of an operation that nothing disturbs."""
        name = self.artifact(operation)
        self.disturb(None, 0)
        {**OPERATIONS, **READS}[operation](self.disturbed, name)
        return self.wire.sent

    def outcome(self, operation: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a reader sees before and after an operation that nothing disturbs."""
        name = self.artifact(operation)
        before = look(self.sound, name)
        OPERATIONS[operation](self.sound, name)
        return before, look(self.sound, name)

    def die(self, operation: str, fault: Callable[..., object], at: int) -> str:
        """Let an operation die at the k-th request; return the name of the artifact."""
        name = self.artifact(operation)
        self.disturb(fault, at)
        try:
            OPERATIONS[operation](self.disturbed, name)
        except Died:
            return name
        raise AssertionError("it should have died")

    def try_death(self, operation: str, fault: Callable[..., object]) -> None:
        """Die at every request: whole effect or none, all invariants, and repeating it gives the whole effect."""
        before, after = self.outcome(operation)
        for at in range(1, self.count(operation) + 1):
            name = self.die(operation, fault, at)
            ledger = Ledger()
            ledger.check(self.sound, self.aws.dynamodb, name)
            if operation not in DESTRUCTION:
                assert look(self.sound, name) in (before, after), f"torn by death at request {at}"
            self._repeat(operation, name, after, ledger)

    def try_passing(self, operation: str, fault: Callable[..., object], times: int = 1) -> None:
        """Meet a fault that passes, at every request: it goes unnoticed."""
        _, after = self.outcome(operation)
        for at in range(1, self.count(operation) + 1):
            name, ledger = self.artifact(operation), Ledger()
            self.disturb(fault, at, times)
            OPERATIONS[operation](self.disturbed, name)
            ledger.check(self.sound, self.aws.dynamodb, name)
            assert look(self.sound, name) == after, f"{fault.__name__} at request {at}"

    def try_lasting(self, operation: str, fault: Callable[..., object], requests: set[int]) -> None:
        """Meet a fault that lasts, from a request on: an error says so, whole effect or none, repeatable."""
        before, after = self.outcome(operation)
        for at in requests:
            name, ledger = self.artifact(operation), Ledger()
            self.disturb(fault, at, times=1_000_000)
            try:
                OPERATIONS[operation](self.disturbed, name)
            except StorageUnavailableError:
                pass
            else:  # contention, which only writes meet, after the last of them
                assert look(self.sound, name) == after
            if operation not in DESTRUCTION:
                assert look(self.sound, name) in (before, after), f"torn by {fault.__name__} from request {at}"
            self._repeat(operation, name, after, ledger)

    def try_reading(self, operation: str, fault: Callable[..., object], times: int = 1) -> None:
        """Meet a fault at every request of what only reads: the answer is the same, and nothing is written."""
        name = self.artifact()
        expected, before = READS[operation](self.sound, name), look(self.sound, name)
        for at in range(1, self.count(operation) + 1):
            self.disturb(fault, at, times)
            assert READS[operation](self.disturbed, name) == expected
        assert look(self.sound, name) == before

    def _repeat(self, operation: str, name: str, after: dict[str, Any], ledger: Ledger) -> None:
        if operation in AGAIN_IS_ANOTHER:
            self.use_everything(name)
            ledger.check(self.sound, self.aws.dynamodb, name)
            return
        OPERATIONS[operation](self.sound, name)
        ledger.check(self.sound, self.aws.dynamodb, name)
        assert look(self.sound, name) == after, "repeated"
        if operation == "free":
            try:
                self.sound.restore_artifact_version(name, 4)
            except ArtifactNotFoundError:
                return
            raise AssertionError("freed only by half")

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
        restored = repository.restore_artifact_version(name, first.version)
        assert restored == repository.get_artifact_version(name, first.version)
        repository.protect(name, first.version)
        repository.purge_artifact_versions(name, 0, 0)
        repository.unprotect(name, first.version)
        repository.free_artifact_versions(name, 0)
        repository.sweep_artifact(name, 0)
        assert repository.get_alias(name, "prod").get_version_content() == b"noon"
        assert repository.get_artifact_version(name, first.version).get_content() == b"next morning"
