"""Aliases: moved at once or split, compared and set, and their history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from airflow_provider_versioned.repository import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    ConflictError,
    InvalidInputError,
)
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Alias, Repository
    from tests.repository.store import Store


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A repository with versions 1 to 3 of an artifact, LATEST as 3."""
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    return repository


def state(alias: Alias) -> tuple[str, str | None, int | None]:
    return alias.version, alias.secondary_version, alias.secondary_version_weight


def test_put_alias_points_at_latest_a_version_or_two(model: Repository) -> None:
    splits: list[tuple[Any, ...]] = [(), (1,), ("000002", 1, 0), (1, "LATEST", 99), (None, 3, 5)]
    put = [model.put_alias("model", f"alias{place}", *split) for place, split in enumerate(splits)]

    assert [state(alias) for alias in put] == [
        ("LATEST", None, None), ("1", None, None), ("2", "1", 0), ("1", "LATEST", 99), ("LATEST", "3", 5),
    ]  # fmt: skip
    assert [model.get_alias("model", alias.alias) for alias in put] == put
    assert (put[2].get_version_content(), put[2].get_secondary_version_content()) == (b"two", b"one")


def test_put_alias_keeps_notes_in_record_and_history(model: Repository) -> None:
    alias = model.put_alias("model", "prod", 1, reason="why", changed_by="ann", rollout="r1")

    assert (alias.reason, alias.changed_by, alias.rollout, alias.sequence) == ("why", "ann", "r1", 1)
    (row,) = model.list_alias_history("model", "prod")
    assert (row.action, row.version, row.reason, row.changed_by, row.rollout) == ("put", "1", "why", "ann", "r1")
    assert (row.changed_at, row.revision) == (alias.update_at, alias.revision)


def test_put_alias_to_the_same_state_writes_nothing(model: Repository, store: Store) -> None:
    alias = model.put_alias("model", "prod", 1, 2, 5, reason="why")

    with store.unchanged():
        for again in (
            model.put_alias("model", "prod", 1, 2, 5),
            model.put_alias("model", "prod", "000001", "2", 5, reason="another", changed_by="bob"),
            model.put_alias("model", "prod", 1, 2, 5, if_revision=alias.revision),
        ):
            assert again == alias


@pytest.mark.parametrize("missing", [4, "999999"])
@pytest.mark.parametrize("side", ["primary", "secondary"])
def test_put_alias_to_a_missing_version_is_not_found_and_writes_nothing(
    model: Repository, store: Store, missing: int | str, side: str
) -> None:
    model.put_alias("model", "prod", 1)
    targets = (missing, None, None) if side == "primary" else (2, missing, 5)

    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match=f"version {missing} of 'model' does not exist"):
        model.put_alias("model", "prod", *targets)


def test_put_alias_to_a_deleted_version_is_not_found_and_writes_nothing(model: Repository, store: Store) -> None:
    for version in (2, "LATEST"):
        model.delete_artifact_version("model", version)
        with store.unchanged(), pytest.raises(ArtifactNotFoundError, match=f"version {version} of 'model' is deleted"):
            model.put_alias("model", "prod", 1, version, 5)
    with store.unchanged(), pytest.raises(ArtifactNotFoundError):
        model.put_alias("model", "prod")


def test_put_alias_to_the_same_state_is_not_found_when_the_version_is_gone(model: Repository, store: Store) -> None:
    model.put_alias("model", "prod", 1, 2, 5)
    store.set_attribute("model", "000002", "is_deleted", {"BOOL": True})  # as the library does, which asks no alias

    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="version 2 of 'model' is deleted"):
        model.put_alias("model", "prod", 1, 2, 5)
    assert model.put_alias("model", "prod", 1).version == "1"


MISTAKES: list[dict[str, Any]] = [
    {"alias": "pre-prod"},
    {"alias": ""},
    {"name": ""},
    {"name": "__x-alias"},
    {"version": 0},
    {"version": True},
    {"secondary_version": 2},
    {"secondary_version": 2, "secondary_version_weight": 100},
    {"secondary_version": 2, "secondary_version_weight": True},
    {"secondary_version": 1, "secondary_version_weight": 5},
    {"secondary_version_weight": 5},
    {"reason": ""},
    {"reason": "x" * 2001},
    {"changed_by": 7},
    {"rollout": ""},
    {"if_revision": ""},
    {"idempotency_key": ""},
]


@pytest.mark.backends(MOTO)
def test_put_alias_with_bad_input_is_refused_and_writes_nothing(model: Repository, store: Store) -> None:
    good = {"name": "model", "alias": "prod", "version": 1}
    with store.unchanged():
        for mistake in MISTAKES:
            with pytest.raises(InvalidInputError):
                model.put_alias(**{**good, **mistake})


# -- compare and set -----------------------------------------------------------------------------------------------


def test_if_revision_moves_what_is_as_it_was_read(model: Repository) -> None:
    first = model.put_alias("model", "prod", 1)
    second = model.put_alias("model", "prod", 2, if_revision=first.revision)

    assert model.rollback_alias("model", "prod", if_revision=second.revision).version == "1"


CONDITIONAL: dict[str, Callable[[Repository, str], object]] = {
    "Moving": lambda model, revision: model.put_alias("model", "prod", 3, if_revision=revision),
    "Rolling back": lambda model, revision: model.rollback_alias("model", "prod", if_revision=revision),
    "Deleting": lambda model, revision: model.delete_alias("model", "prod", if_revision=revision),
}


@pytest.mark.parametrize("verb", CONDITIONAL)
def test_if_revision_that_is_over_is_a_conflict_that_says_who_when_and_what(
    model: Repository, store: Store, verb: str
) -> None:
    seen = model.put_alias("model", "prod", 1)
    moved = model.put_alias("model", "prod", 1, 2, 25, changed_by="bob")

    with store.unchanged(), pytest.raises(ConflictError) as caught:
        CONDITIONAL[verb](model, str(seen.revision))
    assert str(caught.value) == (
        f"{verb} alias 'prod' of 'model' failed: it should have revision {seen.revision}, but bob moved it at "
        f"{moved.update_at:%Y-%m-%d %H:%M:%SZ} to version 1 with 25 % to 2 (revision {moved.revision}); read it again "
        "and decide anew."
    )
    facts = caught.value.facts
    assert (facts["revision"], facts["changed_by"], facts["update_at"]) == (moved.revision, "bob", moved.update_at)


def test_if_revision_that_is_over_is_a_conflict_also_for_the_state_that_is_there(
    model: Repository, store: Store
) -> None:
    seen = model.put_alias("model", "prod", 1)
    model.put_alias("model", "prod", 2)

    with store.unchanged(), pytest.raises(ConflictError):
        model.put_alias("model", "prod", 2, if_revision=seen.revision)


def test_if_revision_of_an_alias_that_is_gone_is_a_conflict(model: Repository, store: Store) -> None:
    seen = model.put_alias("model", "prod", 1)
    model.delete_alias("model", "prod")

    with store.unchanged(), pytest.raises(ConflictError, match="but it does not exist"):
        model.put_alias("model", "prod", 2, if_revision=seen.revision)


# -- idempotency ---------------------------------------------------------------------------------------------------


def test_key_that_has_landed_is_not_applied_again(model: Repository, store: Store) -> None:
    def promote() -> Alias:
        return store.reopened().put_alias("model", "prod", 2, idempotency_key="task")

    model.put_alias("model", "prod", 1)
    first = promote()
    with store.unchanged():
        assert promote() == first
    moved = model.put_alias("model", "prod", 3)
    with store.unchanged():
        assert promote() == moved
    other = model.put_alias("model", "stage", 1, idempotency_key="task")  # a key counts for one alias
    assert other.version == "1"


def test_key_that_found_nothing_to_do_has_landed(model: Repository) -> None:
    first = model.put_alias("model", "prod", 1)
    assert model.put_alias("model", "prod", 1, idempotency_key="task") == first
    model.put_alias("model", "prod", 2)

    assert model.put_alias("model", "prod", 1, idempotency_key="task").version == "2"


def test_key_that_has_landed_on_an_alias_deleted_since_says_so(model: Repository, store: Store) -> None:
    model.put_alias("model", "prod", 1, idempotency_key="task")
    model.delete_alias("model", "prod")

    with store.unchanged(), pytest.raises(AliasNotFoundError, match="had landed under this key, but the alias was del"):
        model.put_alias("model", "prod", 1, idempotency_key="task")
    assert model.put_alias("model", "prod", 1, idempotency_key="another").version == "1"


def test_rollback_repeated_under_its_key_goes_back_once(model: Repository) -> None:
    for version in (1, 2, 3):
        model.put_alias("model", "prod", version)

    for _ in range(2):
        assert model.rollback_alias("model", "prod", idempotency_key="task").version == "2"
    assert model.rollback_alias("model", "prod", idempotency_key="next task").version == "1"


# -- read, list, delete --------------------------------------------------------------------------------------------


def test_aliases_are_listed_in_byte_order_of_one_artifact_only(model: Repository) -> None:
    model.publish_artifact_version("model-2", content=b"x")
    model.put_alias("model-2", "other", 1)
    put = [model.put_alias("model", alias, 1) for alias in ("b", "_a", "a", "B", "1", "a.b")]

    assert [alias.alias for alias in model.list_aliases("model")] == ["1", "B", "_a", "a", "a.b", "b"]
    assert {alias.alias: alias for alias in model.list_aliases("model")} == {alias.alias: alias for alias in put}


def test_missing_alias_is_not_found_with_the_way_out(model: Repository) -> None:
    with pytest.raises(AliasNotFoundError, match="has no alias 'prod'; create it with put_alias") as caught:
        model.get_alias("model", "prod")
    assert caught.value.facts == {"name": "model", "alias": "prod"}
    with pytest.raises(AliasNotFoundError):
        model.rollback_alias("model", "prod")


def test_deleted_alias_is_gone_and_its_history_stays(model: Repository, store: Store) -> None:
    model.put_alias("model", "prod", 1)
    model.delete_alias("model", "prod", reason="over", changed_by="ann")

    with pytest.raises(AliasNotFoundError):
        model.get_alias("model", "prod")
    with store.unchanged():
        model.delete_alias("model", "prod")
        model.delete_alias("nothing", "prod", if_revision="any")
    assert model.put_alias("model", "prod", 2).sequence == 3
    history = [(row.action, row.version, row.reason) for row in model.list_alias_history("model", "prod")]
    assert history == [("put", "2", None), ("delete", None, "over"), ("put", "1", None)]


def test_alias_request_reads_the_alias_with_any_client(model: Repository, store: Store) -> None:
    alias = model.put_alias("model", "prod", 1, 2, 5)
    client = store.aws.new_dynamodb()

    answer = client.get_item(**model.alias_request("model", "prod"))
    assert model.alias_from_response("model", answer) == alias
    assert model.alias_request("model", "prod")["ConsistentRead"] is True
    assert model.alias_from_response("model", client.get_item(**model.alias_request("model", "none"))) is None


def test_alias_of_a_version_deleted_since_gives_no_content(model: Repository, store: Store) -> None:
    alias = model.put_alias("model", "prod", 1)
    store.set_attribute("model", "000001", "is_deleted", {"BOOL": True})  # as the library does, which asks no alias

    with pytest.raises(ArtifactNotFoundError):
        alias.get_version_content()


# -- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.backends(MOTO)
def test_alias_moves_forward_in_time_also_when_the_clock_does_not(model: Repository) -> None:
    first = model.put_alias("model", "prod", 1)
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=1)):
        second = model.put_alias("model", "prod", 2)
        model.delete_alias("model", "prod")
        third = model.put_alias("model", "prod", 1)

    assert first.update_at < second.update_at < third.update_at
    moments = [row.changed_at for row in model.list_alias_history("model", "prod")]
    assert moments == sorted(set(moments), reverse=True)
