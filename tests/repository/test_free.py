"""Freeing: bytes of deleted versions go after the grace period, not before, and never those that somebody needs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError, InvalidInputError
from tests.servers import MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import FreeResult, Repository
    from tests.repository.store import Store

LONG_AGO = {"S": "2026-01-01T00:00:00.000000+0000"}


@pytest.fixture
def model(repository: Repository, store: Store) -> Repository:
    """Versions 1 to 5 of an artifact: 1 deleted long ago, 2 just now, 3 and 5 live, 4 by the library, undated."""
    for number in range(1, 6):
        repository.publish_artifact_version("model", content=b"%d" % number)
    for number in (1, 2):
        repository.delete_artifact_version("model", number)
    store.set_attribute("model", "000001", "deleted_at", LONG_AGO)
    store.set_attribute("model", "000004", "is_deleted", {"BOOL": True})
    return repository


def rules(result: FreeResult) -> dict[str, tuple[bool, str]]:
    return {found.version: (found.free, found.rule) for found in result.decisions}


def numbers(store: Store) -> list[str]:
    return [key.rpartition("/")[2][:6] for key in sorted(store.keys())]


def test_only_what_was_deleted_long_enough_ago_loses_its_bytes(model: Repository, store: Store) -> None:
    result = model.free_artifact_versions("model", timedelta(days=7))

    assert rules(result) == {"4": (False, "grace"), "2": (False, "grace"), "1": (True, "expired")}
    assert (result.freed, result.freed_bytes, result.dry_run) == (("1",), 1, False)
    assert numbers(store) == ["000002", "000003", "000004", "000005", "LATEST"]
    assert ("model", "000001") not in store.items()
    with pytest.raises(ArtifactNotFoundError, match="does not exist"):
        model.restore_artifact_version("model", 1)
    assert model.restore_artifact_version("model", 2).get_content() == b"2"
    assert model.restore_artifact_version("model", 4).get_content() == b"4"


def test_dry_run_says_the_same_and_writes_nothing(model: Repository, store: Store) -> None:
    with store.unchanged():
        planned = model.free_artifact_versions("model", timedelta(days=7), dry_run=True)

    assert planned.dry_run
    assert planned.freed == ("1",)
    assert json.loads(json.dumps(planned.to_dict()))["decisions"][2] == {
        "version": "1",
        "free": True,
        "rule": "expired",
        "reason": "deleted 2026-01-01 00:00:00Z",
        "deleted_at": "2026-01-01T00:00:00+00:00",
        "size": 1,
    }
    assert rules(model.free_artifact_versions("model", timedelta(days=7))) == rules(planned)


def test_deletion_by_the_library_counts_from_when_it_was_first_seen(model: Repository, store: Store) -> None:
    model.free_artifact_versions("model", 1000)
    seen = store.item("model", "000004")["deleted_at"]
    model.free_artifact_versions("model", 1000)
    assert store.item("model", "000004")["deleted_at"] == seen

    store.set_attribute("model", "000004", "deleted_at", LONG_AGO)
    assert model.free_artifact_versions("model", 1000).freed == ("4",)


def test_grace_of_nothing_frees_all_that_is_deleted_and_no_number_comes_back(model: Repository, store: Store) -> None:
    model.delete_artifact_version("model", 5)

    assert model.free_artifact_versions("model", 0).freed == ("5", "4", "2", "1")
    assert numbers(store) == ["000003", "LATEST"]
    assert sorted(sk for _, sk in store.items("model")) == ["000003", "000005", "LATEST"], "the highest stays"
    assert rules(model.free_artifact_versions("model", 0)) == {}, "there is nothing left to do"
    assert model.publish_artifact_version("model", content=b"new").version == "6"
    assert model.get_artifact_version("model", 3).get_content() == b"3"


@pytest.mark.parametrize("deleted_again", [False, True])
def test_version_restored_while_it_is_being_freed_is_kept_and_reported(
    model: Repository,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    deleted_again: bool,
) -> None:
    freeing = store.reopened()
    read = freeing._remains.items

    def read_then_restore(asked: str, name: str) -> object:
        found = list(read(asked, name))
        model.restore_artifact_version("model", 2)
        if deleted_again:
            model.delete_artifact_version("model", 2)
        return iter(found)

    monkeypatch.setattr(freeing._remains, "items", read_then_restore)
    result = freeing.free_artifact_versions("model", 0)

    assert rules(result) == {"4": (True, "expired"), "2": (False, "changed"), "1": (True, "expired")}
    assert model.restore_artifact_version("model", 2).get_content() == b"2"
    assert numbers(store) == ["000002", "000003", "000005", "LATEST"]


def test_run_that_died_after_marking_is_taken_up_whatever_the_grace(model: Repository, store: Store) -> None:
    store.set_attribute("model", "000002", "state", {"S": "purging"})

    with pytest.raises(ArtifactNotFoundError, match="purged"):
        model.restore_artifact_version("model", 2)
    assert rules(model.free_artifact_versions("model", timedelta(days=9999)))["2"] == (True, "begun")
    assert "000002" not in numbers(store)


def test_latest_that_lives_on_a_numbers_bytes_gets_its_own_before_they_go(model: Repository, store: Store) -> None:
    store.set_attribute("model", "LATEST", "pending", {"S": "of-a-publisher-that-died"})
    store.set_attribute("model", "LATEST", "pending_version", {"S": "000003"})
    assert model.get_artifact_version("model").get_content() == b"3"

    model.delete_artifact_version("model", 3)
    model.free_artifact_versions("model", 0)
    assert model.get_artifact_version("model").get_content() == b"3"
    assert numbers(store) == ["000005", "LATEST"]


def test_same_key_publishes_anew_after_its_version_was_freed(repository: Repository) -> None:
    def publish() -> str:
        return repository.publish_artifact_version("model", content=b"x", idempotency_key="task").version

    assert [publish(), publish()] == ["1", "1"]
    repository.delete_artifact_version("model", 1)
    repository.free_artifact_versions("model", 0)
    assert [publish(), publish()] == ["2", "2"]


def test_ghosts_claims_live_versions_and_latest_are_left_alone(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=b"x")
    repository.delete_artifact_version("model")
    store.put_item("model", "000002", is_deleted={"BOOL": True})
    store.put_version("model", "000003", is_deleted={"BOOL": True}, state={"S": "claimed"}, revision={"S": "r"})

    with store.unchanged():
        assert repository.free_artifact_versions("model", 0).decisions == ()


def test_ghost_above_all_numbers_does_not_let_the_highest_be_forgotten(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=b"x")
    repository.delete_artifact_version("model", 1)
    store.put_item("model", "000900", is_deleted={"BOOL": True})

    assert repository.free_artifact_versions("model", 0).freed == ("1",)
    assert store.item("model", "000001")["state"] == {"S": "purging"}


@pytest.mark.backends(*TRANSACTIONAL)
def test_many_versions_are_freed_in_few_requests(repository: Repository, store: Store) -> None:
    for number in range(1, 231):
        store.put_version("model", f"{number:06d}", is_deleted={"BOOL": True}, deleted_at=LONG_AGO)
        if number > 225:
            store.put_object(store.key("model", f"{number:06d}"), b"x")

    assert len(repository.free_artifact_versions("model").freed) == 230
    assert store.keys() == []
    assert list(store.items("model")) == [("model", "000230")]


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("grace", [-1, "1", None, float("nan")])
def test_wrong_grace_is_refused_and_nothing_is_written(model: Repository, store: Store, grace: object) -> None:
    with store.unchanged(), pytest.raises(InvalidInputError, match="grace_secs"):
        model.free_artifact_versions("model", grace)  # type: ignore[arg-type] # wrong on purpose
