"""Purging by rule: planned first, with a reason for each version, and never what an alias uses."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import InvalidInputError, PurgePlan, StorageUnavailableError
from tests.repository.interruption import interrupting
from tests.servers import DYNAMODB_LOCAL, MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store


@pytest.fixture
def model(repository: Repository, store: Store) -> Repository:
    """A repository with versions 1 to 5 of an artifact, all of them old, and aliases on 1 and 2."""
    for number in range(1, 6):
        repository.publish_artifact_version("model", content=b"%d" % number)
        store.set_attribute("model", f"{number:06d}", "update_at", {"S": "2026-01-01T00:00:00.000000+0000"})
    repository.put_alias("model", "prod", 1, 2, 5)
    return repository


def versions(repository: Repository, name: str = "model") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


def test_plan_gives_a_reason_for_each_version_and_writes_nothing(model: Repository, store: Store) -> None:
    with store.unchanged():
        plan = model.plan_purge("model", keep_last_n=1, purge_older_than_secs=timedelta(days=1))

    assert [(decision.version, decision.purge, decision.reason) for decision in plan.decisions] == [
        ("LATEST", False, "LATEST is never purged"),
        ("5", False, "one of the newest 1"),
        ("4", True, "written 2026-01-01 00:00:00Z, not among the newest 1, no alias"),
        ("3", True, "written 2026-01-01 00:00:00Z, not among the newest 1, no alias"),
        ("2", False, "alias prod (secondary)"),
        ("1", False, "alias prod"),
    ]
    assert (plan.name, plan.keep_last_n, plan.purge_older_than_secs) == ("model", 1, 86_400)
    assert datetime.now(UTC) - plan.planned_at < timedelta(minutes=5)


def test_plan_of_nothing_is_empty(repository: Repository, store: Store) -> None:
    with store.unchanged():
        plan = repository.plan_purge("nothing")
        assert plan.decisions == ()
        assert repository.apply_purge(plan).purged == ()
    assert (plan.keep_last_n, plan.purge_older_than_secs) == (10, 7_776_000)


def test_purge_does_what_the_plan_said_and_can_be_undone(model: Repository, store: Store) -> None:
    objects = store.objects()
    before, purged = model.purge_artifact_versions("model", 1, 0)

    assert [artifact.version for artifact in purged] == ["4", "3"]
    assert before.tzinfo is not None
    assert versions(model) == ["LATEST", "5", "2", "1"]
    assert store.objects() == objects
    assert model.restore_artifact_version("model", 3).get_content() == b"3"


def test_purge_never_takes_latest_nor_the_versions_of_aliases(model: Repository) -> None:
    model.purge_artifact_versions("model", keep_last_n=0, purge_older_than_secs=0)

    assert versions(model) == ["LATEST", "2", "1"]
    assert model.get_alias("model", "prod").get_secondary_version_content() == b"2"


def test_purge_leaves_young_versions(model: Repository, store: Store) -> None:
    store.set_attribute("model", "000003", "update_at", {"S": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000000+0000}"})

    _, purged = model.purge_artifact_versions("model", keep_last_n=0, purge_older_than_secs=3600)
    assert [artifact.version for artifact in purged] == ["5", "4"]


def test_plan_stored_and_applied_later_does_the_same(model: Repository, store: Store) -> None:
    stored = json.loads(json.dumps(model.plan_purge("model", 1, 0).to_dict()))
    model.publish_artifact_version("model", content=b"newer")

    result = store.reopened().apply_purge(PurgePlan.from_dict(stored))
    assert [artifact.version for artifact in result.purged] == ["4", "3"]
    assert result.kept == ()
    assert versions(model) == ["LATEST", "6", "5", "2", "1"]
    again = model.apply_purge(PurgePlan.from_dict(stored))
    assert again.purged == ()
    assert [(kept.version, kept.reason) for kept in again.kept] == [("4", "deleted already"), ("3", "deleted already")]


MEANWHILE: dict[str, tuple[Callable[[Repository], object], str]] = {
    "alias moved": (lambda model: model.put_alias("model", "prod", 3), "alias prod"),
    "alias made": (lambda model: model.put_alias("model", "next", 5, 3, 0), "alias next (secondary)"),
    "deleted": (lambda model: model.delete_artifact_version("model", 3), "deleted already"),
}


@pytest.mark.parametrize("event", MEANWHILE)
def test_version_that_came_to_be_used_or_deleted_since_the_plan_is_kept_and_reported(
    model: Repository, event: str
) -> None:
    happen, reason = MEANWHILE[event]
    plan = model.plan_purge("model", 1, 0)
    happen(model)

    result = model.apply_purge(plan)
    assert [artifact.version for artifact in result.purged] == ["4"]
    assert [(kept.version, kept.purge, kept.reason) for kept in result.kept] == [("3", False, reason)]
    assert [(kept["version"], kept["reason"]) for kept in result.to_dict()["kept"]] == [("3", reason)]
    assert ("3" in versions(model)) is (event != "deleted")


@pytest.mark.parametrize("event", MEANWHILE)
def test_version_that_came_to_be_used_while_the_plan_is_applied_is_kept_and_reported(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, event: str
) -> None:
    happen, reason = MEANWHILE[event]
    plan = model.plan_purge("model", 1, 0)
    applying = store.reopened()
    read = applying._aliases.list

    def read_then_happen(name: str) -> Any:
        found = list(read(name))
        monkeypatch.undo()  # once
        happen(model)
        return iter(found)

    monkeypatch.setattr(applying._aliases, "list", read_then_happen)
    result = applying.apply_purge(plan)
    assert [artifact.version for artifact in result.purged] == ["4"]
    assert [(kept.version, kept.reason) for kept in result.kept] == [("3", reason)]


def test_version_that_was_restored_since_the_plan_is_kept_and_reported(model: Repository) -> None:
    plan = model.plan_purge("model", 1, 0)
    model.delete_artifact_version("model", 3)
    model.restore_artifact_version("model", 3)

    result = model.apply_purge(plan)
    assert [artifact.version for artifact in result.purged] == ["4"]
    assert [(kept.version, kept.rule) for kept in result.kept] == [("3", "changed")]


@pytest.mark.backends(MINISTACK, DYNAMODB_LOCAL)
def test_purge_of_more_than_one_transaction_takes_all_but_what_is_used(repository: Repository, store: Store) -> None:
    for number in range(1, 131):
        store.put_version("model", f"{number:06d}")
    repository.put_alias("model", "prod", 7)
    repository.put_alias("model", "next", 50)
    plan = repository.plan_purge("model", keep_last_n=10, purge_older_than_secs=0)
    repository.put_alias("model", "next", 60, 61, 5)

    result = repository.apply_purge(plan)
    assert len(result.purged) == 116  # of 130, without the newest 10, the aliased 7 and 50, and then 60 and 61
    assert [kept.version for kept in result.kept] == ["61", "60"]
    assert set(versions(repository)) == {str(number) for number in [*range(121, 131), 7, 50, 60, 61]}


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    "rule", [(-1, 0), (-2, 0), (0, -1), (True, 0), ("1", 0), (1, "1"), (1, float("nan")), (1.0, 0), (None, 0)]
)
def test_purge_with_a_rule_that_makes_no_sense_is_refused_and_writes_nothing(
    model: Repository, store: Store, rule: Any
) -> None:
    for purge in (model.plan_purge, model.purge_artifact_versions):
        with store.unchanged(), pytest.raises(InvalidInputError):
            purge("model", *rule)


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("version", ["LATEST", "0", "abc"])
def test_plan_that_names_what_is_never_purged_is_refused_and_writes_nothing(
    model: Repository, store: Store, version: str
) -> None:
    stored = model.plan_purge("model", 1, 0).to_dict()
    stored["decisions"].append({"version": version, "purge": True, "reason": "by hand"})

    with store.unchanged(), pytest.raises(InvalidInputError):
        model.apply_purge(PurgePlan.from_dict(stored))
    with store.unchanged(), pytest.raises(InvalidInputError, match="from_dict"):
        model.apply_purge(stored)  # type: ignore[arg-type] # the mistake under test


# -- whole artifacts -----------------------------------------------------------------------------------------------


def test_purge_artifact_leaves_no_byte_no_version_no_alias_and_gives_no_number_again(
    model: Repository, store: Store
) -> None:
    model.delete_artifact_version("model", 4)
    model.purge_artifact("model")

    assert store.keys() == []
    assert (versions(model), model.list_aliases("model")) == ([], [])
    assert set(store.items("model")) == {("model", "000005")}  # invisible; keeps the library from beginning anew
    actions = [(row.action, row.reason) for row in model.list_alias_history("model", "prod")]
    assert actions == [("delete", "artifact purged"), ("put", None)]
    with store.unchanged():
        model.purge_artifact("nothing")
    model.purge_artifact("model")
    assert model.publish_artifact_version("model", content=b"new").version == "6"


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("name", ["a/b", "", "/", "..", "__model-alias"])
def test_purge_artifact_without_a_folder_of_its_own_is_refused_and_writes_nothing(
    model: Repository, store: Store, name: str
) -> None:
    with store.unchanged(), pytest.raises(InvalidInputError):
        model.purge_artifact(name)


def test_purge_artifact_leaves_its_neighbours_alone(model: Repository, store: Store) -> None:
    for name in ("model2", "model-2", "MODEL", "m"):
        model.publish_artifact_version(name, content=b"x")
        model.put_alias(name, "prod", 1)
    for key in ("other/model/000001.bin", "artifacts/model/sub/000001.bin", "model/000001.bin"):
        store.put_object(key, b"x")
    model.purge_artifact("model")

    assert model.list_artifact_names() == ["MODEL", "m", "model", "model-2", "model2"]  # the folder "sub" is left
    for name in ("model2", "model-2", "MODEL", "m"):
        assert model.get_alias(name, "prod").get_version_content() == b"x"
    assert len(store.keys()) == 8 + 3


def test_purge_artifact_of_versions_without_objects_and_counter_gives_no_number_again(
    repository: Repository, store: Store
) -> None:
    for number in (1, 2, 3):
        store.put_version("model", f"{number:06d}")
    repository.purge_artifact("model")

    assert repository.publish_artifact_version("model", content=b"x").version == "4"


def test_purge_artifact_leaves_what_is_no_version_of_its_own(model: Repository, store: Store) -> None:
    others = [
        "artifacts/model/000001.zip",
        "artifacts/model/LATEST.zip",
        "artifacts/model/notes",
        "artifacts/model/1.bin",
    ]
    for key in others:
        store.put_object(key, b"another repository's, or a person's")
    model.purge_artifact("model")

    assert sorted(store.keys()) == sorted(others)


@pytest.mark.parametrize("in_one_answer", [True, False])
def test_purge_all_destroys_every_artifact_and_nothing_else(
    model: Repository,
    store: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    in_one_answer: bool,
) -> None:
    if not in_one_answer:
        monkeypatch.setattr(model._objects, "list_at_once", lambda _asked: None)
    model.publish_artifact_version("other", content=b"x")
    model.delete_artifact_version("other")
    foreign = [("customer", "profile"), ("__jobs", "1"), ("model", "#note")]
    for pk, sk in foreign:
        store.put_item(pk, sk, owner={"S": "somebody"})
    store.put_object("elsewhere/000001.bin", b"x")
    store.put_object("artifacts/a/b/000001.bin", b"x")
    store.put_version("a/b", "000001")
    with caplog.at_level(logging.WARNING):
        model.purge_all()

    left = {key for key in store.items() if not key[0].endswith("-meta")}
    kept = {("model", "000005"), ("other", "000001"), ("__repository", "marker"), ("a/b", "000001")}
    assert left == kept | set(foreign)
    assert store.keys() == ["artifacts/a/b/000001.bin", "elsewhere/000001.bin"]
    assert "leaves one out: Artifact name 'a/b' has no S3 folder of its own" in caplog.text
    assert model.publish_artifact_version("model", content=b"x").version == "6"


def notes_of_a_megabyte(store: Store) -> None:
    for number in range(4):
        store.put_item("notes", str(number), text={"S": "." * 350_000})


def objects_of_others(store: Store) -> None:
    for number in range(1001):
        store.put_object(f"artifacts/deep/er/{number}", b"")


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("fill", [notes_of_a_megabyte, objects_of_others])
def test_purge_all_of_what_comes_in_several_answers_reads_each_artifact_in_its_turn(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, fill: Callable[[Store], None]
) -> None:
    destroyer, read = model._destroyer, list[str]()
    reading = destroyer._read

    def noted(asked: str, name: str) -> Any:
        read.append(name)
        return reading(asked, name)

    monkeypatch.setattr(destroyer, "_read", noted)
    model.publish_artifact_version("zoo", content=b"x")
    fill(store)
    model.purge_all()

    assert {"model", "zoo"} <= set(read)
    assert [key for key in store.objects() if not key.startswith("artifacts/deep/er/")] == []


def test_purge_all_raises_what_stops_one_artifact_and_goes_on_when_repeated(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "z"):
        model.publish_artifact_version(name, content=b"x")
    remove = model._destroyer._remove_objects

    def fail_for_one(asked: str, name: str, *rest: Any) -> None:
        if name == "a":
            raise StorageUnavailableError(f"{asked} failed: nobody is there.")
        remove(asked, name, *rest)

    with monkeypatch.context() as patched:
        patched.setattr(model._destroyer, "_remove_objects", fail_for_one)
        with pytest.raises(StorageUnavailableError, match="Purging artifact 'a' failed: nobody is there"):
            model.purge_all()
    model.purge_all()

    assert store.keys() == []


def test_version_that_an_alias_left_lately_is_kept_for_a_rollback(model: Repository, store: Store) -> None:
    model.put_alias("model", "prod", 1)
    model.put_alias("model", "prod", 5)
    model.put_alias("model", "next", 3)
    model.delete_alias("model", "next")

    plan = model.plan_purge("model", 0, 0, keep_previous_secs=3600)
    assert {decision.version: decision.rule for decision in plan.decisions} == {
        "LATEST": "latest",
        "5": "alias",
        "4": "expired",
        "3": "previous",
        "2": "previous",
        "1": "previous",
    }
    assert {decision.rule for decision in model.plan_purge("model", 0, 0).decisions} == {"latest", "alias", "expired"}
    assert [artifact.version for artifact in model.apply_purge(plan).purged] == ["4"]
    assert model.rollback_alias("model", "prod").version == "1"


def test_version_that_an_alias_came_to_and_left_since_the_plan_is_kept_and_reported(model: Repository) -> None:
    plan = model.plan_purge("model", 1, 0, keep_previous_secs=timedelta(hours=1))
    model.put_alias("model", "prod", 3)
    model.put_alias("model", "prod", 5)

    result = model.apply_purge(plan)
    assert [artifact.version for artifact in result.purged] == ["4"]
    assert [(kept.version, kept.rule) for kept in result.kept] == [("3", "previous")]


def test_latest_that_lives_on_a_numbers_bytes_outlives_the_purge_of_it(model: Repository, store: Store) -> None:
    store.set_attribute("model", "LATEST", "pending", {"S": "of-a-publisher-that-died"})
    store.set_attribute("model", "LATEST", "pending_version", {"S": "000003"})
    assert model.get_artifact_version("model").get_content() == b"3"

    assert [artifact.version for artifact in model.purge_artifact_versions("model", 0, 0)[1]] == ["5", "4", "3"]
    assert model.get_artifact_version("model").get_content() == b"3"


def test_latest_that_was_put_again_while_its_artifact_is_destroyed_keeps_its_bytes(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    putting = store.reopened()
    interrupting(monkeypatch, model._destroyer, "_fence", lambda: putting.put_artifact("model", b"5"))

    model.purge_artifact("model")
    assert model.get_artifact_version("model").get_content() == b"5"
    assert versions(model) == ["LATEST"]


@pytest.mark.backends(MINISTACK, DYNAMODB_LOCAL)  # moto takes back what others wrote when it refuses a transaction
def test_purge_in_several_transactions_keeps_what_came_into_use_meanwhile_in_any_of_them(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 252):
        store.put_version("m", f"{number:06d}")
    other, used = store.reopened(), ["20", "120", "220"]

    def use() -> None:
        for version in used:
            other.put_alias("m", f"use_{version}", version)

    interrupting(monkeypatch, repository._purger, "_complete_latest", use)

    result = repository.apply_purge(repository.plan_purge("m", 1, 0))

    assert [(kept.version, kept.rule) for kept in result.kept] == [(version, "alias") for version in reversed(used)]
    assert len(result.purged) == 247
    assert versions(repository, "m") == ["251", *reversed(used)]
