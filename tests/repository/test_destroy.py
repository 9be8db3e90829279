"""Purging whole artifacts: nothing of theirs is left, nothing else is touched, and no number is given again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    InUseError,
    InvalidInputError,
    StorageUnavailableError,
    emptying,
    inventory,
)
from tests.repository.interruption import interrupting
from tests.servers import MOTO, WITH_ENDPOINT

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A repository with versions 1 to 5 of an artifact and an alias that splits its traffic."""
    for number in range(1, 6):
        repository.publish_artifact_version("model", content=b"%d" % number)
    repository.put_alias("model", "prod", 1, 2, 5)
    return repository


def versions(repository: Repository, name: str = "model") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


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
        monkeypatch.setattr(model._objects, "list_within", lambda _asked, _answers: None)
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
    monkeypatch.setattr(inventory, "MAX_ANSWERS", 1)
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


def test_purge_all_raises_what_stops_it_and_goes_on_when_repeated(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "z"):
        model.publish_artifact_version(name, content=b"x")

    def fail(asked: str, _artifacts: Any) -> None:
        raise StorageUnavailableError(f"{asked} failed: nobody is there.")

    with monkeypatch.context() as patched:
        patched.setattr(model._emptier, "_remove_bytes", fail)
        with pytest.raises(StorageUnavailableError, match="Purging artifacts 'a' to 'z' failed: nobody is there"):
            model.purge_all()
    assert store.keys() != []
    model.purge_all()

    assert store.keys() == []


@pytest.mark.backends(*WITH_ENDPOINT)  # moto deletes many objects whatever their ETags are
def test_purge_all_of_more_than_goes_together_leaves_nothing(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emptying, "MAX_TRANSACTION", 12)
    monkeypatch.setattr(emptying, "_TRANSACTIONS_AT_ONCE", 2)
    for number in range(9):
        for content in (b"1", b"2"):
            model.publish_artifact_version(f"m{number}", content=content)
    model.protect("m4", 1, "audit")
    library = store.reopened()

    def alias_of_the_library() -> None:
        store.put_item("__m0-alias", "blind", version={"S": "000001"}, is_deleted={"BOOL": False})
        library.put_artifact("m5", b"new")

    interrupting(monkeypatch, model._emptier, "_remove_bytes", alias_of_the_library)
    with pytest.raises(InUseError, match=r"left 1 that have protected versions.*'m4'"):
        model.purge_all()

    left = store.keys()
    assert {key.split("/")[1] for key in left} == {"m4", "m5"}
    assert (model.list_aliases("m0"), model.get_artifact_version("m5").get_content()) == ([], b"new")
    assert versions(model, "m4") == ["LATEST", "2", "1"]
    assert [found for number in range(9) for found in model.verify(f"m{number}", older_than_secs=0)] == []


def test_purge_all_of_what_is_purged_already_writes_nothing_and_visits_no_artifact(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.publish_artifact_version("other", content=b"x")
    model.purge_all()
    monkeypatch.setattr(model._destroyer, "destroy", None)

    with store.unchanged():
        model.purge_all()


def test_purge_takes_what_was_put_after_it_looked(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    putting = store.reopened()
    interrupting(monkeypatch, model._destroyer, "_remove_records", lambda: putting.put_artifact("model", b"new"))

    model.purge_artifact("model")

    assert store.keys() == []
    assert set(store.items("model")) == {("model", "000005")}


def test_latest_that_was_put_again_while_its_artifact_is_destroyed_keeps_its_bytes(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    putting = store.reopened()
    interrupting(monkeypatch, model._destroyer, "delete_latest", lambda: putting.put_artifact("model", b"5"))

    model.purge_artifact("model")
    assert model.get_artifact_version("model").get_content() == b"5"
    assert versions(model) == ["LATEST"]


def test_alias_of_what_was_put_after_its_artifact_was_purged_outlives_the_purge_of_the_others(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emptying, "MAX_TRANSACTION", 6)
    monkeypatch.setattr(emptying, "_TRANSACTIONS_AT_ONCE", 1)
    for name in "abc":
        repository.publish_artifact_version(name, content=b"old")
    other = store.reopened()

    def put_and_point() -> None:
        other.put_artifact("a", b"new")
        other.put_alias("a", "prod", "LATEST")

    interrupting(monkeypatch, repository._emptier, "_aliases", put_and_point)
    repository.purge_all()

    assert repository.get_alias("a", "prod").version == "LATEST"
    assert repository.get_artifact_version("a").get_content() == b"new"
    assert list(repository.verify("a", older_than_secs=0)) == []


@pytest.mark.backends(*WITH_ENDPOINT)  # as above
@pytest.mark.parametrize("everything", [False, True])
def test_version_that_takes_the_number_of_a_ghost_while_its_artifact_is_purged_keeps_its_bytes(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    store.put_item("model", "000006", is_deleted={"BOOL": True})  # as the library deletes what is not there
    other = store.reopened()
    part, step = (model._emptier, "_remove_bytes") if everything else (model._remains, "remove_objects")
    interrupting(monkeypatch, part, step, lambda: other.publish_artifact_version("model", content=b"new"))

    if everything:
        model.purge_all()
    else:
        model.purge_artifact("model")

    assert model.get_artifact_version("model", 6).get_content() == b"new"
    assert model.get_artifact_version("model").get_content() == b"new"


@pytest.mark.parametrize("everything", [False, True])
def test_object_of_latest_goes_last_so_that_no_late_copy_brings_it_back(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    left: list[str] = []
    part, step = (model._objects, "delete_each_if") if everything else (model._destroyer, "delete_latest")
    interrupting(monkeypatch, part, step, lambda: left.extend(store.keys()))

    if everything:
        model.purge_all()
    else:
        model.purge_artifact("model")

    assert left == ["artifacts/model/LATEST.bin"]
    assert store.keys() == []
