"""What the library ``versioned`` tests of itself, step by step, with our constructor: its users find the same here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from airflow_provider_versioned.repository import AliasNotFoundError, ArtifactNotFoundError
from tests.servers import DYNAMODB_LOCAL, MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store


def test_empty_repository_finds_nothing_and_deletes_silently(repository: Repository, store: Store) -> None:
    with store.unchanged():
        with pytest.raises(ArtifactNotFoundError):
            repository.publish_artifact_version("app")
        for version in (None, 1):
            with pytest.raises(ArtifactNotFoundError):
                repository.get_artifact_version("app", version)
            repository.delete_artifact_version("app", version)
        assert repository.list_artifact_versions("app") == []


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"version": 999}, ArtifactNotFoundError),
        ({"version": 1, "secondary_version": 2}, TypeError),
        ({"version": 1, "secondary_version": 2, "secondary_version_weight": 0.5}, TypeError),
        ({"version": 1, "secondary_version": 2, "secondary_version_weight": -100}, ValueError),
        ({"version": 1, "secondary_version": 2, "secondary_version_weight": 999}, ValueError),
        ({"version": 1, "secondary_version": 1, "secondary_version_weight": 20}, ValueError),
        ({}, ArtifactNotFoundError),
        ({"secondary_version": 2, "secondary_version_weight": 20}, ArtifactNotFoundError),
    ],
)
def test_put_alias_refuses_arguments_before_it_looks_for_versions(
    repository: Repository, store: Store, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with store.unchanged(), pytest.raises(error):
        repository.put_alias("app", "prod", **arguments)


def test_missing_alias_is_not_found_and_not_listed(repository: Repository) -> None:
    with pytest.raises(AliasNotFoundError):
        repository.get_alias("app", "prod")
    assert repository.list_aliases("app") == []


def test_put_same_content_again_gives_the_same_record_everywhere(repository: Repository) -> None:
    first = repository.put_artifact("app", b"v1", content_type="text/plain", metadata={"foo": "bar"})
    again = repository.put_artifact("app", b"v1", content_type="text/plain", metadata={"foo": "bar"})

    assert first.version == "LATEST"
    assert first.s3uri.endswith("LATEST.bin")
    assert first.update_at.tzinfo is not None
    got, listed = repository.get_artifact_version("app"), repository.list_artifact_versions("app")
    assert again.update_at == got.update_at == first.update_at
    assert [artifact.update_at for artifact in listed] == [first.update_at]
    assert got.get_content() == b"v1"


def test_publish_counts_from_one_and_keeps_metadata(repository: Repository, store: Store) -> None:
    repository.put_artifact("app", b"v1", content_type="text/plain", metadata={"foo": "bar"})
    one = repository.publish_artifact_version("app")
    repository.put_artifact("app", b"v2")
    two = repository.publish_artifact_version("app")

    assert (one.version, two.version) == ("1", "2")
    assert one.s3uri.endswith("/app/000001.bin")
    assert store.objects()[store.key("app", "000001")][2]["foo"] == "bar"
    assert (one.get_content(), two.get_content()) == (b"v1", b"v2")
    assert [artifact.version for artifact in repository.list_artifact_versions("app")] == ["LATEST", "2", "1"]


def test_alias_put_is_got_and_listed_and_moves_forward_in_time(repository: Repository) -> None:
    for content in (b"v1", b"v2"):
        repository.put_artifact("app", content)
        repository.publish_artifact_version("app")

    alias = repository.put_alias("app", "prod")
    assert (alias.version, alias.secondary_version, alias.secondary_version_weight) == ("LATEST", None, None)
    assert alias.version_s3uri.endswith("/app/LATEST.bin")
    assert alias.secondary_version_s3uri is None
    assert repository.get_alias("app", "prod") == alias
    assert repository.list_aliases("app") == [alias]

    split = repository.put_alias("app", "prod", 1, 2, 20)
    assert (split.version, split.secondary_version, split.secondary_version_weight) == ("1", "2", 20)
    assert split.update_at > alias.update_at
    assert repository.get_alias("app", "prod") == split
    assert (split.get_version_content(), split.get_secondary_version_content()) == (b"v1", b"v2")


def test_deleted_things_are_gone_but_their_bytes_stay(repository: Repository, store: Store) -> None:
    for content in (b"v1", b"v2"):
        repository.put_artifact("app", content)
        repository.publish_artifact_version("app")
    repository.put_alias("app", "prod", 1)

    repository.delete_alias("app", "prod")
    with pytest.raises(AliasNotFoundError):
        repository.get_alias("app", "prod")
    assert repository.list_aliases("app") == []
    repository.delete_artifact_version("app")
    assert [artifact.version for artifact in repository.list_artifact_versions("app")] == ["2", "1"]
    repository.delete_artifact_version("app", 1)
    for version in (None, 1):
        with pytest.raises(ArtifactNotFoundError):
            repository.get_artifact_version("app", version)
    assert [artifact.version for artifact in repository.list_artifact_versions("app")] == ["2"]
    assert len(store.keys()) == 3

    with pytest.raises(ArtifactNotFoundError):
        repository.put_alias("app", "prod", 1)
    assert repository.put_alias("app", "prod", 2).version == "2"
    repository.purge_artifact("app")
    assert store.keys() == []
    assert repository.list_artifact_versions("app") == []
    assert repository.list_aliases("app") == []


def test_purge_keeps_the_last_n_numbers_and_latest(repository: Repository) -> None:
    for number in range(1, 6):
        repository.publish_artifact_version("app", content=b"v%d" % number)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        _, purged = repository.purge_artifact_versions("app", keep_last_n=3, purge_older_than_secs=0)

    assert [artifact.version for artifact in purged] == ["2", "1"]
    left = [artifact.version for artifact in repository.list_artifact_versions("app")]
    assert left == ["LATEST", "5", "4", "3"]


@pytest.mark.backends(MOTO)  # its objects can be given an age
def test_purge_deletes_exactly_what_is_older_than_asked(repository: Repository) -> None:
    start = datetime.now(UTC).replace(microsecond=0)
    for second in range(5):
        with time_machine.travel(start + timedelta(seconds=second)):
            repository.publish_artifact_version("app", content=b"v%d" % second)

    with time_machine.travel(start + timedelta(seconds=5)):
        purge_time, purged = repository.purge_artifact_versions("app", keep_last_n=0, purge_older_than_secs=3)

    assert purge_time >= start + timedelta(seconds=5)
    age = timedelta(seconds=3)
    kept = [artifact for artifact in repository.list_artifact_versions("app") if artifact.version != "LATEST"]
    assert purged
    assert kept
    assert all(purge_time - artifact.update_at > age for artifact in purged)
    assert all(purge_time - artifact.update_at <= age for artifact in kept)


def test_artifact_names_are_those_with_content(repository: Repository, store: Store) -> None:
    repository.put_artifact("a", b"a")
    assert repository.list_artifact_names() == ["a"]
    repository.put_artifact("b", b"b")
    assert repository.list_artifact_names() == ["a", "b"]

    repository.purge_all()
    assert store.keys() == []
    if store.aws.name != DYNAMODB_LOCAL:  # SeaweedFS, beside it, removes empty folders only some time later
        assert repository.list_artifact_names() == []
