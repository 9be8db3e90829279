"""Defects of the library ``versioned`` 1.0.1 in put and publish, shown not to exist here.

Each test begins with the id under which the defect was reproduced there. Those not here are shown where their subject
is: p07, p13, c01 to c04 in ``test_content`` and ``test_download``; v01 in ``test_races``; v10, v12, v17 in
``test_publish``; ghosts (v06 to v09, v18) and torn states that the library left in ``test_interoperability_reading``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    ArtifactNotFoundError,
    InvalidInputError,
    Repository,
    StorageError,
)
from tests.repository.interruption import interrupting
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic


pytestmark = pytest.mark.backends(MOTO, MINISTACK)

A, B = b"content A", b"content B"


def versions(repository: Repository, name: str = "model") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# -- put -----------------------------------------------------------------------------------------------------------


def test_p01_put_after_delete_brings_the_same_content_back(repository: Repository) -> None:
    repository.put_artifact("model", A)
    repository.delete_artifact_version("model")
    repository.put_artifact("model", A)

    assert repository.get_artifact_version("model").get_content() == A


@pytest.mark.parametrize("before", [None, A])
@pytest.mark.parametrize("failing", ["PutObject", "UpdateItem"])
def test_p02_put_that_died_is_repaired_by_the_same_put(
    repository: Repository, store: Store, traffic: Traffic, monkeypatch: pytest.MonkeyPatch, failing: str, before: bytes
) -> None:
    if before is not None:
        repository.put_artifact("model", before)
    dying = traffic.repository(store.aws, store.place)
    dying.list_aliases("model")
    deny = {failing: (403, "AccessDenied", "no")}
    if failing == "UpdateItem":  # the second one, which commits
        interrupting(monkeypatch, dying._latest, "say", lambda: traffic.answers.update(deny))
    else:
        traffic.answers = deny
    with pytest.raises(StorageError):
        dying.put_artifact("model", B)

    landed = failing == "UpdateItem"
    assert versions(repository) == (["LATEST"] if landed or before else [])
    if landed or before:
        assert repository.get_artifact_version("model").get_content() == (B if landed else before)
        assert repository.publish_artifact_version("model").get_content() == (B if landed else before)
    repository.put_artifact("model", B)
    assert repository.get_artifact_version("model").get_content() == B


def test_p02b_put_of_the_old_content_is_not_taken_for_unchanged_after_a_put_that_died(
    repository: Repository, store: Store, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("model", A)
    dying = traffic.repository(store.aws, store.place)
    deny = {"UpdateItem": (403, "AccessDenied", "no")}
    interrupting(monkeypatch, dying._latest, "say", lambda: traffic.answers.update(deny))
    with pytest.raises(StorageError):
        dying.put_artifact("model", B)

    assert repository.put_artifact("model", A).get_content() == A
    assert repository.get_artifact_version("model").get_content() == A


def test_p03_latest_without_metadata_is_put_over(repository: Repository, store: Store) -> None:
    store.put_object(store.key("model", "LATEST"), A)

    assert repository.put_artifact("model", A).get_content() == A
    assert repository.put_artifact("model", B).get_content() == B


@pytest.mark.parametrize("key", ["artifact_sha256", "Artifact_Sha256", "artifact_name"])
def test_p04_metadata_cannot_replace_the_repository_s_own(repository: Repository, store: Store, key: str) -> None:
    with store.unchanged(), pytest.raises(InvalidInputError):
        repository.put_artifact("model", A, metadata={key: sha256(B)})


@pytest.mark.parametrize("step", [("_objects", "put_latest"), ("_latest", "say")])
def test_p05_two_puts_that_interleave_leave_record_and_bytes_in_agreement(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, step: tuple[str, str]
) -> None:
    repository.put_artifact("model", b"before")
    other = store.reopened()
    part = repository._latest._objects if step[0] == "_objects" else repository._latest
    interrupting(monkeypatch, part, step[1], lambda: other.put_artifact("model", B))
    repository.put_artifact("model", A)

    latest = repository.get_artifact_version("model")
    assert latest.sha256 == sha256(latest.get_content())
    assert repository.publish_artifact_version("model").get_content() == latest.get_content()
    assert repository.put_artifact("model", B).get_content() == B


def test_p05b_put_that_was_overtaken_and_died_leaves_record_and_bytes_in_agreement(
    repository: Repository, store: Store, traffic: Traffic, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("model", b"before")
    dying, other = traffic.repository(store.aws, store.place), store.reopened()
    deny = {"UpdateItem": (403, "AccessDenied", "no")}
    interrupting(monkeypatch, dying._latest._objects, "put_latest", lambda: other.put_artifact("model", B))
    interrupting(monkeypatch, dying._latest, "say", lambda: traffic.answers.update(deny))
    with pytest.raises(StorageError):
        dying.put_artifact("model", A)

    latest = repository.get_artifact_version("model")
    assert latest.sha256 == sha256(latest.get_content())
    assert repository.put_artifact("model", B).get_content() == B


@pytest.mark.parametrize("name", ["", "/", "a/b", "a//b", "a/b/", "..", "../x", "é", "a\n", "x" * 129, "x" * 3000])
def test_p08_to_p12_names_without_a_folder_of_their_own_are_refused(
    repository: Repository, store: Store, name: str
) -> None:
    repository.publish_artifact_version("model", content=A)
    with store.unchanged():
        with pytest.raises(InvalidInputError):
            repository.put_artifact(name, A)
        if name not in {"é", "x" * 129}:  # which may stand there, and would have a folder of their own
            with pytest.raises(InvalidInputError):
                repository.purge_artifact(name)


def test_p10_purge_spares_the_bytes_of_an_artifact_below(repository: Repository, store: Store) -> None:
    store.put_object("artifacts/a/b/000001.bin", B)
    store.put_version("a/b", "000001", sha256(B))
    repository.publish_artifact_version("a", content=A)
    repository.purge_artifact("a")

    assert repository.get_artifact_version("a/b", 1).get_content() == B


def test_p14_first_put_asks_for_no_object(repository: Repository, store: Store, traffic: Traffic) -> None:
    first = traffic.repository(store.aws, store.place)

    assert "HeadObject" not in traffic.of(lambda: first.put_artifact("model", A))
    assert versions(repository) == ["LATEST"]


# -- publish -------------------------------------------------------------------------------------------------------


def test_v02_v03_latest_overwritten_during_publish_gives_a_version_that_agrees_with_itself(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("model", A)
    other = store.reopened()
    interrupting(monkeypatch, repository._publisher._objects, "copy", lambda: other.put_artifact("model", B))

    version = repository.publish_artifact_version("model")
    assert version.sha256 == sha256(version.get_content())
    assert repository.get_artifact_version("model").get_content() == B


def test_v04_deleted_latest_is_not_published(repository: Repository, store: Store) -> None:
    repository.put_artifact("model", A)
    repository.delete_artifact_version("model")

    with store.unchanged(), pytest.raises(ArtifactNotFoundError):
        repository.publish_artifact_version("model")


@pytest.mark.parametrize("failing", ["CopyObject", "PutItem"])
def test_v05_publish_that_died_blocks_nobody(
    repository: Repository, store: Store, traffic: Traffic, failing: str
) -> None:
    repository.put_artifact("model", A)
    dying = traffic.repository(store.aws, store.place)
    traffic.answers = {failing: (403, "AccessDenied", "no")}
    with pytest.raises(StorageError):
        dying.publish_artifact_version("model")

    assert versions(repository) == ["LATEST"]
    assert [repository.publish_artifact_version("model").version for _ in range(2)] == ["2", "3"]


@pytest.mark.parametrize(
    "version", ["latest", "v1", "prod", 1.0, 0, "", -1, "-00001", True, "0LATEST", "1000000", 10**9]
)
def test_v06_v07_v08_d03_what_is_no_version_is_refused_and_leaves_no_ghost(
    repository: Repository, store: Store, version: Any
) -> None:
    repository.publish_artifact_version("model", content=A)

    with store.unchanged():
        for operation in (
            repository.delete_artifact_version,
            repository.get_artifact_version,
            repository.restore_artifact_version,
        ):
            with pytest.raises(InvalidInputError):
                operation("model", version)
    assert repository.publish_artifact_version("model").version == "2"


def test_v06_d01_delete_of_nothing_leaves_no_ghost(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=A)
    with store.unchanged():
        for name, version in (("model", 1000), ("model", 999_999), ("nothing", None), ("nothing", 1)):
            repository.delete_artifact_version(name, version)
            with pytest.raises(ArtifactNotFoundError):
                repository.restore_artifact_version(name, version)

    assert repository.publish_artifact_version("model").version == "2"


def test_v11_numbers_go_on_after_the_artifact_was_purged(repository: Repository) -> None:
    first = repository.publish_artifact_version("model", content=A)
    repository.purge_artifact("model")

    assert repository.publish_artifact_version("model", content=B).s3uri != first.s3uri
