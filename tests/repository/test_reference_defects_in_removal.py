"""Defects of the library ``versioned`` 1.0.1 in delete, purge and aliases, shown not to exist here.

Each test begins with the id under which the defect was reproduced there. Those not here are shown where their subject
is: n08 in ``test_wrong_repository``; b01, b07 in ``test_bootstrap``; credentials (b02 to b06) in ``test_sessions``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from airflow_provider_versioned.repository import (
    ArtifactNotFoundError,
    InUseError,
    InvalidInputError,
    Repository,
    StorageError,
)
from tests.repository.interruption import interrupting
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic


pytestmark = pytest.mark.backends(MOTO, MINISTACK)

A, B = b"content A", b"content B"


def versions(repository: Repository, name: str = "model") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


# -- delete and purge ----------------------------------------------------------------------------------------------


def test_d02_deleted_version_can_be_recovered(repository: Repository) -> None:
    repository.publish_artifact_version("model", content=A)
    repository.delete_artifact_version("model", 1)

    assert repository.restore_artifact_version("model", 1).get_content() == A


def test_r01_r02_purge_keeps_what_aliases_use_and_counts_numbers_only(repository: Repository) -> None:
    for number in range(5):
        repository.publish_artifact_version("model", content=b"%d" % number)
    repository.put_alias("model", "prod", 1, 2, 5)
    repository.delete_artifact_version("model")

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        repository.purge_artifact_versions("model", keep_last_n=2, purge_older_than_secs=0)
    assert versions(repository) == ["5", "4", "2", "1"]
    assert repository.put_alias("model", "prod", 1, 2, 50).get_secondary_version_content() == b"1"


def test_r03_negative_count_is_refused(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=A)

    for count in (-1, -2):
        with store.unchanged(), pytest.raises(InvalidInputError):
            repository.purge_artifact_versions("model", keep_last_n=count, purge_older_than_secs=0)


def test_r06_alias_put_during_the_purge_wins(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for content in (A, B):
        repository.publish_artifact_version("model", content=content)
    store.set_attribute("model", "000001", "update_at", {"S": "2026-01-01T00:00:00.000000+0000"})
    other = store.reopened()
    interrupting(monkeypatch, repository._purger._table, "write", lambda: other.put_alias("model", "prod", 1))

    assert repository.purge_artifact_versions("model", 1, 0)[1] == []
    assert repository.get_alias("model", "prod").get_version_content() == A


@pytest.mark.parametrize("failing", ["DeleteObjects", "DeleteObject"])
def test_n04_n05_purge_that_died_shows_nothing_and_is_finished_by_the_next(
    repository: Repository, store: Store, traffic: Traffic, failing: str
) -> None:
    repository.publish_artifact_version("model", content=A)
    repository.put_alias("model", "prod", 1)
    dying = traffic.repository(store.aws, store.place)
    traffic.answers = {failing: (503, "SlowDown", "no")}
    with pytest.raises(StorageError):
        dying.purge_artifact("model")

    assert (versions(repository), repository.list_aliases("model")) == ([], [])
    with pytest.raises(ArtifactNotFoundError):
        repository.put_alias("model", "prod", 1)
    repository.put_artifact("model", B)
    assert repository.get_artifact_version("model").get_content() == B
    repository.purge_artifact("model")
    assert store.keys() == []
    assert repository.publish_artifact_version("model", content=B).version == "2"


def test_n07_purge_all_asks_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    place: dict[str, Any] = {**store.place, "s3_prefix": "", "dynamodb_table_name": f"{store.table}-2"}
    repository = Repository(**place, s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb)
    repository.bootstrap(**store.aws.bootstrap_arguments)
    repository.publish_artifact_version("model", content=A)
    store.put_object("logs/2026", b"not ours")
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked on stdin"))
    repository.purge_all()

    assert store.keys() == ["logs/2026"]


def test_n10_suffix_with_a_slash_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInputError):
        Repository(store.bucket, suffix="/x")


# -- aliases -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["delete_artifact_version", "purge_artifact"])
def test_a01_target_deleted_during_the_move_is_not_aliased(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    repository.publish_artifact_version("model", content=A)
    other = store.reopened()
    arguments = ("model", 1) if event == "delete_artifact_version" else ("model",)
    interrupting(monkeypatch, repository._aliases._table, "transact", lambda: getattr(other, event)(*arguments))

    with pytest.raises(ArtifactNotFoundError):
        repository.put_alias("model", "prod", 1)
    assert repository.list_aliases("model") == []


def test_a02_aliased_version_is_not_deleted(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=A)
    repository.put_alias("model", "prod", 1)

    with store.unchanged(), pytest.raises(InUseError):
        repository.delete_artifact_version("model", 1)


@pytest.mark.parametrize(
    ("targets", "error"),
    [
        ((1, 2, None), TypeError),
        ((1, 2, True), TypeError),
        ((1, None, 5000), ValueError),
        ((1, "000001", 5), ValueError),
    ],
)
def test_a05_to_a09_split_that_makes_no_sense_is_refused_in_words(
    repository: Repository, store: Store, targets: Any, error: type[Exception]
) -> None:
    for content in (A, B):
        repository.publish_artifact_version("model", content=content)

    with store.unchanged(), pytest.raises(error, match="secondary_version"):
        repository.put_alias("model", "prod", *targets)


def test_n01_artifact_cannot_stand_in_the_aliases_of_another(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("x", content=A)
    repository.put_alias("x", "prod", 1)

    for operation in (
        lambda: repository.put_artifact("__x-alias", A),
        lambda: repository.purge_artifact("__x-alias"),
        lambda: repository.delete_artifact_version("__x-alias", 1),
    ):
        with store.unchanged(), pytest.raises(InvalidInputError):
            operation()
