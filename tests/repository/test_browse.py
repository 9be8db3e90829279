"""Pages of versions and histories: nothing twice, nothing left out, nothing shown that nobody may see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import InvalidInputError
from tests.repository.operations import STATES, Stage
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from airflow_provider_versioned.repository.browse import VersionRecord
    from tests.repository.store import Store

pytestmark = pytest.mark.backends(MOTO)


def all_pages(repository: Repository, limit: int) -> list[VersionRecord]:
    """Follow the pages to the end."""
    found: list[VersionRecord] = []
    below = None
    while True:
        page = repository.page_artifact_versions("model", limit, below=below)
        assert len(page.records) <= limit
        found += page.records
        if page.below is None:
            return found
        below = page.below


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
def test_pages_hold_every_version_once_from_the_highest_down_with_deleted_ones(
    repository: Repository, limit: int
) -> None:
    for content in (b"one", b"two", b"three", b"four"):
        repository.publish_artifact_version("model", content=content)
    repository.delete_artifact_version("model", 3)
    repository.publish_artifact_version("model2", content=b"another")

    found = all_pages(repository, limit)

    assert [(record.artifact.version, record.live) for record in found] == [
        ("4", True),
        ("3", False),
        ("2", True),
        ("1", True),
    ]
    assert [record.artifact for record in found if record.live] == repository.list_artifact_versions("model")[1:]
    assert [record.deleted_at is not None for record in found] == [False, True, False, False]


@pytest.mark.parametrize("state", ["absent", "publish claimed and overtaken", "destruction begun", "by the library"])
def test_pages_show_what_the_list_of_live_versions_shows(store: Store, state: str) -> None:
    stage = Stage.set_up(store)
    STATES[state](stage, "model")

    found = all_pages(stage.repository, 1)

    listed = [artifact for artifact in stage.repository.list_artifact_versions("model") if artifact.version != "LATEST"]
    assert [record.artifact for record in found if record.live] == listed
    assert all(record.artifact.sha256 for record in found)


def test_history_pages_go_back_from_the_newest_change_to_the_first(repository: Repository) -> None:
    repository.publish_artifact_version("model", content=b"one")
    repository.publish_artifact_version("model", content=b"two")
    for weight in range(5):
        repository.put_alias("model", "prod", 1, 2, weight)
    repository.put_alias("model", "prod2", 1)
    whole = list(repository.list_alias_history("model", "prod"))

    first = repository.page_alias_history("model", "prod", 3)
    rest = repository.page_alias_history("model", "prod", 3, below=first[-1].sequence)

    assert first + rest == whole
    assert repository.page_alias_history("model", "prod", below=1) == []


def test_traces_tell_of_aliases_that_were_deleted(repository: Repository) -> None:
    repository.publish_artifact_version("model", content=b"one")
    for alias in ("prod", "gone"):
        repository.put_alias("model", alias, 1)
    repository.delete_alias("model", "gone")

    traces = repository.list_alias_traces("model")

    assert [(trace.alias, trace.changes, trace.deleted) for trace in traces] == [("gone", 2, True), ("prod", 1, False)]
    assert traces[0].changed_at == next(repository.list_alias_history("model", "gone")).changed_at


def test_page_that_cannot_be_is_refused(repository: Repository) -> None:
    for limit in (0, 1001, True, "5"):
        with pytest.raises(InvalidInputError, match="limit"):
            repository.page_artifact_versions("model", limit)  # type: ignore[arg-type] # what is refused
    for below in ("LATEST", 0, -1):
        with pytest.raises(InvalidInputError):
            repository.page_artifact_versions("model", below=below)
