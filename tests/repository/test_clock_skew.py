"""Workers whose clocks are apart: what they agree on all the same, and by how much the rest is off.

Each worker lives under a clock of its own (everything it does, signing its requests included, happens under
``time_machine``); the servers keep theirs. Workers in processes of their own, all at once, are in
``test_linearizability.py``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from airflow_provider_versioned.repository import (
    AccessDeniedError,
    AliasNotFoundError,
    ArtifactNotFoundError,
    ConflictError,
    Repository,
)
from tests.repository.fault_wire import Wire
from tests.repository.invariants import Ledger
from tests.servers import DYNAMODB_LOCAL, MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.repository.traffic import Traffic
    from tests.servers import Aws

FAR, NEAR = timedelta(hours=5), timedelta(minutes=10)  # SeaweedFS checks signatures, as S3 does, which live 15 minutes
pytestmark = pytest.mark.backends(*TRANSACTIONAL)


class Worker:
    """A repository whose every call happens at another time of day."""

    def __init__(self, repository: Repository, off: timedelta) -> None:
        self._repository = repository
        self._off = off

    def __getattr__(self, method: str) -> Callable[..., Any]:
        """Return a method of the repository."""

        def call(*arguments: Any, **keywords: Any) -> Any:
            with time_machine.travel(datetime.now(UTC) + self._off):
                return getattr(self._repository, method)(*arguments, **keywords)

        return call


@pytest.fixture
def apart(aws: Aws) -> timedelta:
    """How far each worker's clock is off."""
    return NEAR if aws.name == DYNAMODB_LOCAL else FAR


@pytest.fixture
def fast(store: Store, repository: Repository, apart: timedelta) -> Worker:
    """A worker that is ahead of its time."""
    return Worker(store.reopened(), apart)


@pytest.fixture
def slow(store: Store, repository: Repository, apart: timedelta) -> Worker:
    """A worker that is behind its time."""
    return Worker(store.reopened(), -apart)


def test_history_of_workers_apart_is_in_the_order_in_which_things_happened(
    repository: Repository, aws: Aws, fast: Worker, slow: Worker
) -> None:
    for content in (b"one", b"two", b"three"):
        slow.publish_artifact_version("m", content=content)
    fast.put_alias("m", "prod", 1)
    slow.put_alias("m", "prod", 2, 3, 5)
    repository.put_alias("m", "prod", 2)
    slow.rollback_alias("m", "prod")
    fast.delete_alias("m", "prod")
    last = slow.put_alias("m", "prod", 3)

    rows = list(slow.list_alias_history("m", "prod"))[::-1]
    actions = [(row.action, row.version) for row in rows]
    assert actions == [
        ("put", "1"), ("put", "2"), ("put", "2"), ("rollback", "1"), ("delete", None), ("put", "3"),
    ]  # fmt: skip
    moments = [row.changed_at for row in rows]
    assert moments == sorted(set(moments))
    assert (last.update_at, last.sequence) == (moments[-1], 6)
    Ledger().check(repository, aws.dynamodb, "m")


def test_alias_at_a_time_of_the_history_is_the_same_for_workers_apart(
    repository: Repository, fast: Worker, slow: Worker, apart: timedelta
) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("m", content=content)
    first = slow.put_alias("m", "prod", 1)
    second = fast.put_alias("m", "prod", 2)
    third = slow.put_alias("m", "prod", 1)
    instant = timedelta(microseconds=1)

    for worker in (repository, fast, slow):
        with pytest.raises(AliasNotFoundError):
            worker.get_alias_at("m", "prod", first.update_at - instant)
        assert worker.get_alias_at("m", "prod", second.update_at - instant).version == "1"
        assert worker.get_alias_at("m", "prod", second.update_at).version == "2"
        assert worker.get_alias_at("m", "prod", third.update_at).version == "1"
    # The history has the time of whoever moved the alias: what a fast clock dated ahead is not in force "now" yet.
    assert repository.get_alias_at("m", "prod", datetime.now(UTC)).sequence == 1
    assert repository.get_alias_at("m", "prod", datetime.now(UTC) + apart + timedelta(minutes=1)).sequence == 3


def test_compare_and_set_by_workers_apart_has_one_winner(repository: Repository, fast: Worker, slow: Worker) -> None:
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("m", content=content)
    revision = fast.put_alias("m", "prod", 1).revision
    won = slow.put_alias("m", "prod", 2, if_revision=revision, changed_by="slow")
    with pytest.raises(ConflictError, match=r"slow moved it at .* to version 2"):
        fast.put_alias("m", "prod", 3, if_revision=revision)
    assert repository.get_alias("m", "prod") == won


def test_content_is_dated_by_the_clock_of_s3(repository: Repository, fast: Worker, slow: Worker) -> None:
    artifacts = [
        fast.put_artifact("m", b"put"),
        fast.publish_artifact_version("m", content=b"one"),
        slow.publish_artifact_version("m", content=b"two"),
        fast.publish_artifact_version("m"),
    ]
    moments = [artifact.update_at for artifact in artifacts]
    assert moments == sorted(moments)
    assert moments[-1] - moments[0] < NEAR
    assert [artifact.version for artifact in artifacts] == ["LATEST", "1", "2", "3"]
    assert fast.get_artifact_version("m", 2) == slow.get_artifact_version("m", 2)


def test_key_gives_one_version_to_workers_apart(fast: Worker, slow: Worker) -> None:
    versions = [
        worker.publish_artifact_version("m", content=b"one", idempotency_key="task").version
        for worker in (fast, slow, fast)
    ]
    assert versions == ["1", "1", "1"]


def test_grace_of_a_deletion_is_off_by_no_more_than_the_clocks_are(
    repository: Repository, aws: Aws, fast: Worker, slow: Worker, apart: timedelta
) -> None:
    for content in (b"one", b"two", b"three", b"newest"):
        repository.publish_artifact_version("m", content=content)
    slow.delete_artifact_version("m", 1)  # long ago, for all others
    fast.delete_artifact_version("m", 2)  # in their future

    late = timedelta(minutes=1)
    fast.free_artifact_versions("m", 2 * apart + late)
    repository.free_artifact_versions("m", apart + late)
    assert repository.restore_artifact_version("m", 1).get_content() == b"one"
    slow.delete_artifact_version("m", 1)
    repository.free_artifact_versions("m", apart - late)
    with pytest.raises(ArtifactNotFoundError):
        repository.restore_artifact_version("m", 1)
    repository.free_artifact_versions("m", 0)
    assert repository.restore_artifact_version("m", 2).get_content() == b"two"
    Ledger().check(repository, aws.dynamodb, "m")


def test_retention_by_a_fast_clock_hides_at_most_what_can_be_restored(
    repository: Repository, aws: Aws, fast: Worker, slow: Worker, apart: timedelta
) -> None:
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1)
    age = apart / 2
    assert slow.purge_artifact_versions("m", 0, 0)[1] == []  # everything is from its future
    assert repository.purge_artifact_versions("m", 0, age)[1] == []
    assert [artifact.version for artifact in fast.purge_artifact_versions("m", 1, age)[1]] == ["2"]
    assert slow.restore_artifact_version("m", 2).get_content() == b"two"
    Ledger().check(repository, aws.dynamodb, "m")


@pytest.mark.parametrize("at", range(1, 6))
def test_claim_of_a_slow_publisher_swept_under_way_costs_a_number_and_nothing_else(
    repository: Repository, aws: Aws, apart: timedelta, at: int
) -> None:
    repository.publish_artifact_version("m", content=b"before")
    s3, dynamodb, wire = aws.new_s3(), aws.new_dynamodb(), Wire(at=at)
    wire.join(s3, dynamodb)
    place = (repository.s3_bucket, repository.s3_prefix, repository.dynamodb_table_name, repository.suffix)
    publisher = Repository(*place, s3_client=s3, dynamodb_client=dynamodb)

    def sweep(request: Any, send: Callable[[Any], Any]) -> Any:
        with time_machine.travel(datetime.now(UTC) + apart):
            repository.sweep_artifact("m", apart / 2)
        return send(request)

    wire.fault = sweep
    published = Worker(publisher, -apart).publish_artifact_version("m", content=b"mine", idempotency_key="task")
    assert published.version in {"2", "3"}
    assert repository.get_artifact_version("m", published.version).get_content() == b"mine"
    assert repository.get_artifact_version("m").get_content() == b"mine"
    again = repository.publish_artifact_version("m", content=b"mine", idempotency_key="task")
    assert again.version == published.version
    Ledger().check(repository, aws.dynamodb, "m")


def test_claim_from_the_future_is_in_nobodys_way(repository: Repository, aws: Aws, fast: Worker) -> None:
    fast.publish_artifact_version("m", content=b"one")
    repository.sweep_artifact("m", 0)
    assert repository.publish_artifact_version("m", content=b"two").version == "2"
    Ledger().check(repository, aws.dynamodb, "m")


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize(("off", "said"), [(FAR, "300 minutes fast"), (-FAR, "300 minutes slow")])
def test_clock_too_far_off_for_s3_is_told_as_such_and_shows_nothing(
    repository: Repository, store: Store, off: timedelta, said: str
) -> None:
    repository.publish_artifact_version("m", content=b"one")
    worker = Worker(store.reopened(), off)
    calls: list[tuple[str, tuple[object, ...]]] = [
        ("put_artifact", ("m", b"two")),
        ("publish_artifact_version", ("m",)),
        ("get_artifact_version", ("m",)),
        ("list_artifact_names", ()),
    ]
    for method, arguments in calls:
        with pytest.raises(AccessDeniedError, match=f"this machine's clock is {said}; set the clock"):
            getattr(worker, method)(*arguments)
    versions = {artifact.version: artifact.get_content() for artifact in repository.list_artifact_versions("m")}
    assert versions == {"LATEST": b"one", "1": b"one"}


@pytest.mark.backends(MINISTACK)
def test_clock_too_far_off_for_dynamodb_is_told_as_such(traffic: Traffic, store: Store, aws: Aws) -> None:
    repository = traffic.repository(aws, store.place)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    traffic.answers["*"] = (400, "InvalidSignatureException", "Signature not yet current")
    traffic.date = f"{hour_ago:%a, %d %b %Y %H:%M:%S} GMT"
    with store.unchanged(), pytest.raises(AccessDeniedError, match="clock is 60 minutes fast; set the clock"):
        repository.put_alias("m", "prod", 1)
    traffic.date = "none"
    with pytest.raises(AccessDeniedError, match="Signature not yet current"):
        repository.get_alias("m", "prod")
