"""Rollback, as the history leads; and what an alias was at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import AliasNotFoundError, ArtifactNotFoundError, InvalidInputError
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Alias, Repository
    from tests.repository.store import Store


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A repository with versions 1 to 3 of an artifact."""
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    return repository


def state(alias: Alias) -> tuple[str, str | None, int | None]:
    return alias.version, alias.secondary_version, alias.secondary_version_weight


def test_rollback_with_a_canary_on_drops_it(model: Repository) -> None:
    model.put_alias("model", "prod", 1)
    model.put_alias("model", "prod", 2)
    for weight in (5, 50):
        model.put_alias("model", "prod", 2, 3, weight, rollout="r1")

    rolled = model.rollback_alias("model", "prod", reason="accuracy fell", changed_by="judge")
    assert state(rolled) == ("2", None, None)
    assert (rolled.reason, rolled.changed_by, rolled.rollout) == ("accuracy fell", "judge", None)
    assert state(model.rollback_alias("model", "prod")) == ("1", None, None)


def test_rollback_goes_one_further_back_each_time_and_then_says_there_is_no_more(
    model: Repository, store: Store
) -> None:
    for version in (1, 2, 3):
        model.put_alias("model", "prod", version)

    assert model.rollback_alias("model", "prod").version == "2"
    assert model.rollback_alias("model", "prod").version == "1"
    with store.unchanged(), pytest.raises(InvalidInputError, match="no earlier version than 1; name the version to go"):
        model.rollback_alias("model", "prod")
    rows = [(row.action, row.version, row.restored_sequence) for row in model.list_alias_history("model", "prod")]
    assert rows[:2] == [("rollback", "1", 1), ("rollback", "2", 2)]


def test_rollback_of_a_first_split_leaves_the_stable_version(model: Repository) -> None:
    model.put_alias("model", "prod", 1, 2, 5)

    assert state(model.rollback_alias("model", "prod")) == ("1", None, None)


def test_rollback_to_a_named_version_goes_there_alone(model: Repository) -> None:
    model.put_alias("model", "prod", 1, 2, 5)

    assert state(model.rollback_alias("model", "prod", to_version="000003")) == ("3", None, None)
    assert next(model.list_alias_history("model", "prod")).action == "rollback"


def test_rollback_to_a_deleted_version_is_not_found_and_writes_nothing(model: Repository, store: Store) -> None:
    for version in (1, 2):
        model.put_alias("model", "prod", version)
    model.delete_artifact_version("model", 1)

    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="Rolling back alias 'prod' of 'model' failed"):
        model.rollback_alias("model", "prod")
    with store.unchanged(), pytest.raises(ArtifactNotFoundError):
        model.rollback_alias("model", "prod", to_version=1)
    model.restore_artifact_version("model", 1)
    assert model.rollback_alias("model", "prod").version == "1"


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("mistake", [{"to_version": 0}, {"to_version": "1.5"}, {"reason": ""}, {"if_revision": 7}])
def test_rollback_with_bad_input_is_refused_and_writes_nothing(
    model: Repository, store: Store, mistake: dict[str, Any]
) -> None:
    model.put_alias("model", "prod", 1)

    with store.unchanged(), pytest.raises(InvalidInputError):
        model.rollback_alias("model", "prod", **mistake)


def test_history_has_one_row_per_change_and_replays_to_the_alias(model: Repository) -> None:
    model.put_alias("model", "prod", 1)
    model.put_alias("model", "prod", 1)
    model.put_alias("model", "prod", 1, 2, 5)
    model.rollback_alias("model", "prod")
    alias = model.put_alias("model", "prod", 3, "LATEST", 50)
    model.put_alias("model", "prod.2", 2)

    rows = list(model.list_alias_history("model", "prod"))
    assert [(row.sequence, row.action, row.version) for row in rows] == [
        (4, "put", "3"), (3, "rollback", "1"), (2, "put", "1"), (1, "put", "1"),
    ]  # fmt: skip
    splits = [(row.secondary_version, row.secondary_version_weight) for row in rows]
    assert splits == [("LATEST", 50), (None, None), ("2", 5), (None, None)]
    assert (rows[0].revision, rows[0].changed_at, rows[0].sequence) == (alias.revision, alias.update_at, alias.sequence)
    assert len({row.revision for row in rows}) == 4
    assert list(model.list_alias_history("model", "none")) == []


def test_alias_at_a_time_is_what_was_in_force_then(model: Repository) -> None:
    first = model.put_alias("model", "prod", 1, changed_by="ann")
    second = model.put_alias("model", "prod", 2)
    instant = timedelta(microseconds=1)

    assert model.get_alias_at("model", "prod", first.update_at).changed_by == "ann"
    assert model.get_alias_at("model", "prod", second.update_at - instant).version == "1"
    assert model.get_alias_at("model", "prod", second.update_at).version == "2"
    assert model.get_alias_at("model", "prod", datetime.now(UTC) + timedelta(days=1)).version == "2"
    with pytest.raises(AliasNotFoundError, match=r"did not exist at .*, as far as its history tells"):
        model.get_alias_at("model", "prod", first.update_at - instant)


def test_alias_at_a_time_after_its_deletion_is_not_found(model: Repository) -> None:
    alias = model.put_alias("model", "prod", 1)
    model.delete_alias("model", "prod")

    with pytest.raises(AliasNotFoundError):
        model.get_alias_at("model", "prod", datetime.now(UTC) + timedelta(minutes=1))
    assert model.get_alias_at("model", "prod", alias.update_at).version == "1"


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("at", [datetime(2026, 1, 1), "2026-01-01", None, 0])  # noqa: DTZ001 -- the mistake under test
def test_alias_at_what_is_no_time_with_a_zone_is_refused(model: Repository, at: Any) -> None:
    with pytest.raises(InvalidInputError, match="time"):
        model.get_alias_at("model", "prod", at)
