"""Protection: a protected version goes by no way of ours until somebody unprotects it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError, InUseError, InvalidInputError
from tests.repository.interruption import interrupting
from tests.servers import MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A repository with versions 1 to 3 of an artifact, of which 2 is protected."""
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("model", content=content)
    repository.protect("model", 2, "audit 2026")
    return repository


def test_protection_is_in_the_record_until_it_is_lifted(model: Repository) -> None:
    assert model.get_artifact_version("model", 2).protected == "audit 2026"
    assert model.protect("model", 2, "another").protected == "another"
    model.unprotect("model", 2)
    model.unprotect("model", 2)
    assert model.get_artifact_version("model", 2).protected is None
    assert model.get_artifact_version("model", 2).to_dict()["protected"] is None


def test_protected_version_cannot_be_deleted_and_the_refusal_says_why(model: Repository, store: Store) -> None:
    with store.unchanged(), pytest.raises(InUseError, match=r"it is protected \(audit 2026\); unprotect it first"):
        model.delete_artifact_version("model", 2)

    model.unprotect("model", 2)
    model.delete_artifact_version("model", 2)
    assert [artifact.version for artifact in model.list_artifact_versions("model")] == ["LATEST", "3", "1"]


def test_purge_keeps_what_is_protected_and_says_so(model: Repository) -> None:
    plan = model.plan_purge("model", 0, 0)

    assert {decision.version: decision.rule for decision in plan.decisions} == {
        "LATEST": "latest",
        "3": "expired",
        "2": "protected",
        "1": "expired",
    }
    assert [artifact.version for artifact in model.purge_artifact_versions("model", 0, 0)[1]] == ["3", "1"]


def test_version_protected_since_the_plan_is_kept_and_reported(model: Repository) -> None:
    plan = model.plan_purge("model", 0, 0)
    model.protect("model", 1, "found out")

    result = model.apply_purge(plan)
    assert [artifact.version for artifact in result.purged] == ["3"]
    assert [(kept.version, kept.reason) for kept in result.kept] == [("1", "protected: found out")]


def test_version_protected_while_the_plan_is_applied_is_kept_and_reported(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, applying = model.plan_purge("model", 0, 0), store.reopened()
    read = applying._aliases.list

    def read_then_protect(name: str) -> object:
        found = list(read(name))
        model.protect("model", 1, "just now")
        return iter(found)

    monkeypatch.setattr(applying._aliases, "list", read_then_protect)
    result = applying.apply_purge(plan)
    assert [artifact.version for artifact in result.purged] == ["3"]
    assert [(kept.version, kept.rule, kept.reason) for kept in result.kept] == [
        ("1", "protected", "protected: just now")
    ]


def test_artifact_with_a_protected_version_is_not_destroyed_and_nothing_is_touched(
    model: Repository, store: Store
) -> None:
    model.put_alias("model", "prod", 3)
    with store.unchanged(), pytest.raises(InUseError, match=r"protected versions: 2 \(audit 2026\)"):
        model.purge_artifact("model")

    model.unprotect("model", 2)
    model.purge_artifact("model")
    assert model.list_artifact_versions("model") == []


@pytest.mark.backends(*TRANSACTIONAL)
def test_artifact_of_which_a_version_is_protected_while_it_is_destroyed_tells_what_was_removed(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.unprotect("model", 2)
    monkeypatch.setattr("airflow_provider_versioned.repository.removal.MAX_TRANSACTION", 2)  # stands for 100
    interrupting(
        monkeypatch, model._destroyer, "_remove_records", lambda: store.reopened().protect("model", 1, "audit")
    )

    with pytest.raises(InUseError, match=r"1 \(audit\); removed before that: 2 versions; unprotect them first"):
        model.purge_artifact("model")

    left = store.keys()
    assert store.key("model", "000003") not in left
    assert [artifact.version for artifact in model.list_artifact_versions("model")] == ["2", "1"]
    assert model.get_artifact_version("model", 1).get_content() == b"one"
    model.unprotect("model", 1)
    model.purge_artifact("model")
    assert store.keys() == []


def test_artifact_of_which_a_version_is_protected_after_it_was_read_keeps_all(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.unprotect("model", 2)
    model.put_alias("model", "prod", 3)
    interrupting(
        monkeypatch, model._destroyer, "_remove_records", lambda: store.reopened().protect("model", 1, "audit")
    )

    with pytest.raises(InUseError, match="nothing was removed;"):
        model.purge_artifact("model")

    assert len(model.list_artifact_versions("model")) == 4
    assert model.get_alias("model", "prod").version == "3"


def test_purge_of_everything_leaves_only_what_is_protected_and_says_so(model: Repository) -> None:
    for name in ("a", "z"):
        model.publish_artifact_version(name, content=b"x")

    with pytest.raises(InUseError, match=r"left 1 that have protected versions.*'model'"):
        model.purge_all()
    assert [model.list_artifact_versions(name) for name in ("a", "z")] == [[], []]
    assert len(model.list_artifact_versions("model")) == 4


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("version", [None, "LATEST", 0, "x", 1.5])
def test_only_numbers_are_protected(model: Repository, store: Store, version: object) -> None:
    for call in (model.protect, model.unprotect):
        with store.unchanged(), pytest.raises(InvalidInputError):
            call("model", version)  # type: ignore[arg-type] # wrong on purpose


def test_what_is_not_live_cannot_be_protected(model: Repository, store: Store) -> None:
    model.delete_artifact_version("model", 1)

    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="restore it first"):
        model.protect("model", 1)
    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="does not exist"):
        model.protect("model", 9)


def test_protected_version_that_the_library_hid_keeps_its_bytes(model: Repository, store: Store) -> None:
    store.set_attribute("model", "000002", "is_deleted", {"BOOL": True})

    result = model.free_artifact_versions("model", 0)
    assert [(found.version, found.rule) for found in result.decisions] == [("2", "protected")]
    assert model.restore_artifact_version("model", 2).get_content() == b"two"
