"""Purging by rule: planned first, with a reason for each version, and never what an alias uses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import InvalidInputError, PurgePlan
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
