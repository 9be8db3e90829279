"""The policies of the roles: enough for every operation in every state, and nothing beyond."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    Repository,
    VersionedError,
    uploads,
)
from airflow_provider_versioned.repository.permissions import OPERATIONS, ROLES, Where, policy
from tests.repository.iam import Gate, Need, allows
from tests.repository.interruption import interrupting
from tests.repository.operations import CALLS, EVERYWHERE, STATES, TAGS, Stage
from tests.repository.store import Store
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.servers import Aws, PlaceArguments

PART = 5 * 1024**2  # the smallest that S3 takes
_NO_REQUEST_OF_ITS_OWN = {
    "alias_from_response",
    "alias_request",
    "outcome",
    "paced",
    "s3_bucket",
    "s3_prefix",
    "dynamodb_table_name",
    "suffix",
}


def gated(store: Store, gate: Gate) -> Repository:
    """Return a new repository behind a gate."""
    s3, dynamodb = store.aws.new_s3(), store.aws.new_dynamodb()
    gate.guard(s3, dynamodb)
    return Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb)


def gate_of(store: Store, allowed: dict[str, Any] | None = None) -> Gate:
    """Return a gate that looks at tags past itself."""

    def is_tagged(bucket: str, key: str) -> bool:
        with suppress(store.aws.s3.exceptions.ClientError):
            return bool(store.aws.s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"])
        return False

    return Gate(is_tagged, allowed)


def where_of(store: Store) -> Where:
    """Return the place of a store, in the region and account that the gate supposes."""
    return Where(**store.place, region="us-east-1", account="123456789012")


def drive(store: Store, gate: Gate, operation: str, states: Iterable[str] = STATES) -> None:
    """Call an operation in every state."""
    stage = Stage.set_up(store)
    s3, dynamodb = store.aws.new_s3(), store.aws.new_dynamodb()
    gate.guard(s3, dynamodb)
    for state in states:
        name = f"{operation}-{state}".replace(" ", "-")
        STATES[state](stage, name)
        repository = Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb)
        again = CALLS[operation] if state == "published" else ()  # a repository's first request is another than later
        for call in (*CALLS[operation], *again):
            with suppress(VersionedError):  # which the state is good for
                call(repository, name)
    if operation in EVERYWHERE and states is STATES:
        EVERYWHERE[operation](Repository(**store.place, s3_client=s3, dynamodb_client=dynamodb))


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("operation", CALLS)
def test_table_names_what_an_operation_calls_and_policies_allow_it(
    store: Store, operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = gate_of(store)
    drive(store, gate, operation)
    if operation == "publish_artifact_version":
        publish_in_parts(gated(store, gate), tmp_path, monkeypatch)

    assert sorted({need.action for need in gate.used}) == sorted(OPERATIONS[operation])
    for name, role in ROLES.items():
        if operation in role.operations:
            allowed = policy(name, where_of(store))
            assert [need for need in gate.used if not allows(allowed, need) and need.action not in role.without] == []


@pytest.mark.backends(MOTO)
def test_table_names_what_bootstrap_calls(aws: Aws, unique_place: PlaceArguments) -> None:
    store, gate = Store(aws, unique_place), Gate(lambda _bucket, _key: False)
    repository = gated(store, gate)
    repository.bootstrap(bucket_versioning=True)
    repository.bootstrap(bucket_versioning=True)

    assert sorted({need.action for need in gate.used}) == sorted(OPERATIONS["bootstrap"])
    assert [need for need in gate.used if not allows(policy("operator", where_of(store)), need)] == []


def test_table_names_every_operation() -> None:
    public = {name for name, _ in inspect.getmembers(Repository) if not name.startswith("_")}
    assert set(OPERATIONS) == public - _NO_REQUEST_OF_ITS_OWN
    assert set(CALLS) == set(OPERATIONS) - {"bootstrap"}


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("role", ROLES)
def test_role_does_all_its_operations_and_is_granted_nothing_unused(role: str, store: Store) -> None:
    allowed = policy(role, where_of(store))
    gate = gate_of(store, allowed)
    for operation in ROLES[role].operations:
        if operation != "bootstrap":
            drive(store, gate, operation, ["published"])

    assert gate.refused == []
    granted = {action for statement in allowed["Statement"] for action in statement["Action"]}
    assert granted == ROLES[role].actions


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize(
    ("role", "operation"),
    [
        ("reader", "put_artifact"),
        ("reader", "put_alias"),
        ("reader", "protect"),
        ("consumer", "publish_artifact_version"),
        ("publisher", "sweep_artifact"),
        ("promoter", "put_artifact"),
        ("retention", "purge_all"),
    ],
)
def test_role_is_refused_what_is_not_its_own(role: str, operation: str, store: Store) -> None:
    stage = Stage.set_up(store)
    STATES["published"](stage, "model")
    repository = gated(store, gate_of(store, policy(role, where_of(store))))
    with pytest.raises(AccessDeniedError):
        CALLS[operation][0](repository, "model")


@pytest.mark.backends(MINISTACK)
def test_promoter_is_refused_only_what_a_dead_publisher_left_of_latest(store: Store) -> None:
    stage = Stage.set_up(store)
    STATES["first publish committed and aliased"](stage, "model")
    gate = gate_of(store, policy("promoter", where_of(store)))
    repository = gated(store, gate)

    with pytest.raises(AccessDeniedError):
        repository.put_alias("model", "prod", "LATEST")
    assert {need.action for need in gate.refused} <= ROLES["promoter"].without

    stage.repository.put_artifact("model", b"next")
    assert repository.put_alias("model", "prod", "LATEST").version == "LATEST"


def test_gate_refuses_and_hides_what_a_policy_does_not_name(store: Store) -> None:
    key = store.key("model", "LATEST")
    denied = gated(store, gate_of(store, {"Statement": []}))
    with pytest.raises(AccessDeniedError):
        denied.put_artifact("model", b"one")
    allowed = policy("reader", where_of(store))
    without_listing = {"Statement": [entry for entry in allowed["Statement"] if entry["Sid"] != "Bucket"]}
    s3 = store.aws.new_s3()
    gate_of(store, without_listing).guard(s3)
    with pytest.raises(s3.exceptions.ClientError, match="403"):
        s3.head_object(Bucket=store.bucket, Key=key)


@pytest.mark.parametrize("role", ROLES)
def test_policy_stops_at_the_repository(role: str) -> None:
    made = policy(role, Where("bucket", "models", "table", ".bin", region="eu-west-1", account="123456789012"))
    table = "arn:aws:dynamodb:eu-west-1:123456789012:table"

    assert allows(made, Need("s3:GetObject", "arn:aws:s3:::bucket/models/churn/000001.bin"))
    for beside in ("bucket/other/churn/000001.bin", "bucket/models/churn/000001.txt", "bucket2/models/churn/1.bin"):
        assert not allows(made, Need("s3:GetObject", f"arn:aws:s3:::{beside}"))
    assert allows(made, Need("dynamodb:GetItem", f"{table}/table"))
    assert not allows(made, Need("dynamodb:GetItem", f"{table}/table2"))
    assert not allows(made, Need("dynamodb:GetItem", f"{table.replace('eu-', 'us-')}/table"))
    assert not any("*" in action for statement in made["Statement"] for action in statement["Action"])


def test_policy_without_prefix_serves_the_whole_bucket() -> None:
    made = policy("reader", Where("bucket", "", "table", partition="aws-cn"))
    assert [statement["Resource"] for statement in made["Statement"]] == [
        "arn:aws-cn:dynamodb:*:*:table/table",
        "arn:aws-cn:s3:::bucket",
        "arn:aws-cn:s3:::bucket/*",
    ]


def test_policy_of_no_role_or_no_place_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="reader, consumer"):
        policy("admin", Where("bucket"))
    with pytest.raises(InvalidInputError, match="account"):
        policy("reader", Where("bucket", account="*:table/*"))


def publish_in_parts(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Publish what needs several requests, once well and once while somebody writes to the file."""
    monkeypatch.setattr(uploads, "PARALLEL_FROM", PART)
    path = tmp_path / "content"
    path.write_bytes(b"x" * (PART + 1))
    repository.publish_artifact_version("large", content=path, tags=TAGS)
    path.write_bytes(b"y" * (PART + 1))
    interrupting(monkeypatch, repository._publisher, "_store", lambda: path.write_bytes(b"z" * (PART + 1)))
    with pytest.raises(ConflictError):
        repository.publish_artifact_version("large", content=path)
