"""LATEST follows a publish of content, whatever others did before its commit; and is deleted and restored as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository.following import Following, Replaced
from airflow_provider_versioned.repository.objects import Stored
from airflow_provider_versioned.repository.revisions import new_revision
from tests.repository.half_done import latest, publish_and_die_before_the_copy
from tests.repository.interruption import interrupting

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store

    Write = Callable[[Repository], object]


def rival_put(other: Repository) -> None:
    other.put_artifact("m", b"other")


def rival_delete(other: Repository) -> None:
    other.delete_artifact_version("m", "LATEST")


@pytest.mark.parametrize("step", ["_claim", "_store", "_commit"])
@pytest.mark.parametrize("rival", [rival_put, rival_delete])
def test_latest_follows_a_publish_of_the_bytes_that_it_had_when_it_began(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, step: str, rival: Write
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"same")
    interrupting(monkeypatch, repository._publisher, step, lambda: rival(other))

    repository.publish_artifact_version("m", content=b"same")

    assert latest(other) == b"same"


def test_latest_follows_a_publish_after_a_put_that_ended_before_the_commit(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    interrupting(monkeypatch, repository._publisher, "_commit", lambda: rival_put(other))

    repository.publish_artifact_version("m", content=b"published")

    assert latest(other) == b"published"


@pytest.mark.parametrize(
    ("etag", "secs", "known", "replaced"),
    [
        ("expected", 1, True, True),
        ("other", 1, True, False),
        ("other", 0, True, False),  # S3 tells whole seconds: it may be a put that was announced before
        ("other", -1, True, True),  # of another tool
        ("other", 1, False, False),
        ("other", 0, False, True),  # its item was lost
        ("other", -1, False, True),
    ],
)
def test_copy_replaces_what_was_expected_and_what_is_older_than_the_version(
    etag: str, secs: int, known: bool, replaced: bool
) -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    seen = "expected" if known else None
    expected = Replaced(known, seen, frozenset(), frozenset(), frozenset(), frozenset())
    found = Stored(etag, "sha256", 1, at + timedelta(seconds=secs))

    following = Following("000001", expected, new_revision())

    assert following.replaces(found, Stored("version", "another", 1, at)) is replaced


def test_latest_follows_over_an_object_whose_item_is_lost(repository: Repository, store: Store) -> None:
    repository.put_artifact("m", b"before")
    store.delete_item("m", "LATEST")

    store.reopened().publish_artifact_version("m", content=b"published")

    assert latest(repository) == b"published"
    assert list(repository.verify("m")) == []


def test_restoring_latest_gives_what_was_deleted(repository: Repository) -> None:
    repository.put_artifact("m", b"before")
    publish_and_die_before_the_copy(repository, b"published")
    repository.delete_artifact_version("m", "LATEST")

    repository.restore_artifact_version("m", "LATEST")

    assert latest(repository) == b"published"


def test_latest_that_followed_a_version_which_another_tool_deleted_can_be_deleted(
    repository: Repository, store: Store
) -> None:
    publish_and_die_before_the_copy(repository, b"published")
    store.set_attribute("m", "000001", "is_deleted", {"BOOL": True})

    repository.delete_artifact_version("m", "LATEST")

    assert list(repository.list_artifact_versions("m")) == []
