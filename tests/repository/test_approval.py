"""A person's approval in the alias's history, and promotions that are bound to what was approved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.approval import check_approval
from tests.repository.library import Library, our_view

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Alias, Repository
    from tests.repository.store import Store

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
ANN = {"approved_by": "ann", "approved_at": AT.isoformat(), "comment": "looks right"}


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A repository whose alias ``prod`` is at version 1 of three."""
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    repository.put_alias("model", "prod", 1)
    return repository


def answer(now: Alias, version: str = "2", **changes: Any) -> dict[str, Any]:
    """Return what the task answers that asked a person whether the alias may be moved to a version."""
    asked = {"name": now.name, "alias": now.alias, "version": version, "revision": now.revision}
    split = {"secondary_version": None, "secondary_version_weight": None}
    return {"approved": True, **ANN, **asked, **split, **changes}


def test_approval_is_kept_in_the_history_of_that_change_alone(model: Repository) -> None:
    model.put_alias("model", "prod", 2, approval=ANN)
    model.put_alias("model", "prod", 3)

    newest, approved, first = model.list_alias_history("model", "prod")
    assert approved.approval == approved.to_dict()["approval"] == ANN
    assert (newest.approval, first.approval, first.to_dict()["approval"]) == (None, None, None)
    assert hash(approved)


def test_approval_needs_no_comment_and_its_time_is_kept_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=2)))

    assert check_approval({"approved_by": "ann", "approved_at": elsewhere, "comment": ""}) == {**ANN, "comment": None}
    assert check_approval(None) is None


def test_change_that_was_approved_is_made(model: Repository) -> None:
    moved = model.put_alias("model", "prod", 2, approval=answer(model.get_alias("model", "prod")))

    assert moved.version == "2"
    assert next(iter(model.list_alias_history("model", "prod"))).approval == ANN


def test_approved_change_of_an_alias_that_has_moved_since_is_refused(model: Repository, store: Store) -> None:
    approval = answer(model.get_alias("model", "prod"))
    model.put_alias("model", "prod", 3, changed_by="bob")

    with store.unchanged(), pytest.raises(ConflictError, match=r"but bob moved it at .* to version 3 .*decide anew"):
        model.put_alias("model", "prod", 2, approval=approval)


def test_approved_creation_of_an_alias_that_exists_by_now_is_refused(model: Repository, store: Store) -> None:
    absent = answer(model.get_alias("model", "prod"), alias="new", revision=None)
    assert model.put_alias("model", "new", 2, approval=absent).version == "2"

    with store.unchanged(), pytest.raises(ConflictError, match="should have revision absent, but somebody moved it"):
        model.put_alias("model", "new", 3, approval={**absent, "version": "3"})


@pytest.mark.parametrize(
    "other",
    [
        {"version": "3"},
        {"alias": "staging"},
        {"name": "other"},
        {"secondary_version": "1", "secondary_version_weight": 20},
    ],
)
def test_change_other_than_the_approved_one_is_refused(model: Repository, store: Store, other: dict[str, Any]) -> None:
    approval = answer(model.get_alias("model", "prod"), **other)

    with store.unchanged(), pytest.raises(ConflictError, match=r"ann approved version .* have this change approved"):
        model.put_alias("model", "prod", 2, approval=approval)


def test_revision_other_than_the_approved_one_is_refused(model: Repository, store: Store) -> None:
    approval = answer(model.get_alias("model", "prod"))

    with store.unchanged(), pytest.raises(ConflictError, match="ann approved"):
        model.put_alias("model", "prod", 2, if_revision="another", approval=approval)


def test_split_that_was_approved_is_made(model: Repository) -> None:
    split = {"secondary_version": "2", "secondary_version_weight": 20}
    approval = answer(model.get_alias("model", "prod"), "1", **split)

    assert model.put_alias("model", "prod", 1, 2, 20, approval=approval).secondary_version == "2"


def test_approved_change_that_landed_is_found_again_under_its_key(model: Repository) -> None:
    approval = answer(model.get_alias("model", "prod"))
    first = model.put_alias("model", "prod", 2, approval=approval, idempotency_key="task")

    assert model.put_alias("model", "prod", 2, approval=approval, idempotency_key="task") == first


@pytest.mark.parametrize(
    ("approval", "error", "said"),
    [
        ("ann", InvalidTypeError, "must be a mapping"),
        ({**ANN, "signed": 1}, InvalidInputError, "unknown keys signed"),
        ({**ANN, "approved": False}, InvalidInputError, "ann did not approve"),
        ({**ANN, "approved_by": None}, InvalidInputError, "who approved"),
        ({**ANN, "approved_by": 7}, InvalidTypeError, "approved_by must be a string"),
        ({**ANN, "approved_at": "yesterday"}, InvalidInputError, "ISO 8601"),
        ({**ANN, "approved_at": "2026-11-23T10:30:00"}, InvalidInputError, "with its zone"),
        ({**ANN, "comment": 7}, InvalidTypeError, "comment must be a string"),
    ],
)
def test_approval_that_says_nothing_usable_is_refused(
    model: Repository, store: Store, approval: Any, error: type[Exception], said: str
) -> None:
    with store.unchanged(), pytest.raises(error, match=said):
        model.put_alias("model", "prod", 2, approval=approval)


def test_library_reads_an_alias_that_was_moved_with_an_approval_and_moves_it_on(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.put_alias("model", "prod", 2, approval=ANN)

    library = Library(store.aws, store.place, monkeypatch)
    assert our_view(model, "model") == library.view("model")
    library.put_alias("model", "prod", version=3)

    model.put_alias("model", "prod", 1)
    assert [change.approval for change in model.list_alias_history("model", "prod")] == [None, None, ANN, None]
