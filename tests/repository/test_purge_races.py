"""Destroying an artifact while others write the very bytes that are being destroyed: S3 names both alike."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import InUseError, Repository, destroy
from tests.repository.fault_wire import Died, Wire, die_after
from tests.repository.interruption import interrupting
from tests.repository.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws, PlaceArguments

    Write = Callable[[Repository], object]

BYTES = b"these very bytes"


@pytest.fixture
def store(aws: Aws, unique_place: PlaceArguments, repository: Repository) -> Store:
    """A repository with versions 1 and 2 of an artifact, and LATEST as version 2."""
    repository.publish_artifact_version("m", content=b"others")
    repository.publish_artifact_version("m", content=BYTES)
    return Store(aws, unique_place)


def stored_with(content: bytes) -> dict[str, str]:
    return {"artifact_name": "m", "artifact_sha256": hashlib.sha256(content).hexdigest()}


def put(other: Repository) -> object:
    return other.put_artifact("m", BYTES, metadata={"put": "again"})


def put_others_between(other: Repository) -> object:
    other.put_artifact("m", BYTES)
    other.put_artifact("m", b"others")
    return other.put_artifact("m", BYTES)


def publish(other: Repository) -> object:
    return other.publish_artifact_version("m", content=BYTES)


def publish_after_others(other: Repository) -> object:
    other.put_artifact("m", b"others")
    return other.publish_artifact_version("m", content=BYTES)


WRITES: list[Write] = [put, put_others_between, publish, publish_after_others]


@pytest.mark.parametrize("write", WRITES)
def test_latest_written_anew_right_before_its_object_is_destroyed_keeps_its_bytes(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, write: Write
) -> None:
    other = store.reopened()
    interrupting(monkeypatch, repository._objects, "delete_if", lambda: write(other))

    repository.purge_artifact("m")

    assert repository.get_artifact_version("m").get_content() == BYTES
    assert list(repository.verify("m")) == []
    repository.purge_artifact("m")
    assert store.keys() == []


def test_latest_whose_item_does_not_know_the_object_that_is_destroyed_keeps_its_bytes(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"others")
    store.put_object(store.key("m", "LATEST"), BYTES, Metadata=stored_with(BYTES))  # by one who died before the item
    interrupting(monkeypatch, repository._objects, "delete_if", lambda: put(other))

    repository.purge_artifact("m")

    assert repository.get_artifact_version("m").get_content() == BYTES
    assert list(repository.verify("m")) == []


@pytest.mark.parametrize("at", range(1, 7))
def test_latest_written_anew_by_one_who_died_and_by_another_keeps_its_bytes(
    repository: Repository,
    store: Store,
    aws: Aws,
    unique_place: PlaceArguments,
    monkeypatch: pytest.MonkeyPatch,
    at: int,
) -> None:
    other, wire, s3, dynamodb = store.reopened(), Wire(die_after, at), aws.new_s3(), aws.new_dynamodb()
    wire.join(s3, dynamodb)
    dying = Repository(**unique_place, s3_client=s3, dynamodb_client=dynamodb)

    def die_and_write() -> None:
        with pytest.raises(Died):
            put(dying)
        put(other)

    interrupting(monkeypatch, repository._objects, "delete_if", die_and_write)

    repository.purge_artifact("m")

    assert repository.get_artifact_version("m").get_content() == BYTES
    assert list(repository.verify("m")) == []


def test_latest_of_a_publisher_that_began_before_its_object_was_doomed_keeps_its_bytes(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, destroyer, objects = store.reopened(), repository._destroyer, repository._objects
    remove, delete = destroyer._remove_objects, objects.delete_if
    waiting: list[Any] = []
    late: list[Any] = []
    repository.delete_artifact_version("m")  # so that the publisher brings LATEST back, whose object is there still

    def send_late(*deletion: str) -> None:
        late.append(deletion)
        raise Died

    def go_on() -> None:
        with pytest.raises(Died):
            remove(*waiting[0])

    monkeypatch.setattr(destroyer, "_remove_objects", lambda *arguments: waiting.append(arguments))
    monkeypatch.setattr(objects, "delete_if", send_late)
    interrupting(monkeypatch, other._publisher, "_claim", lambda: repository.purge_artifact("m"))
    interrupting(monkeypatch, other._publisher, "_commit", go_on)

    published = other.publish_artifact_version("m", content=BYTES)
    delete(*late[0])

    assert repository.get_artifact_version("m").get_content() == published.get_content() == BYTES
    assert list(repository.verify("m")) == []


def test_numbers_are_reserved_also_when_a_purge_died_after_all_was_marked(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in store.items("__m-meta"):
        store.delete_item(*key)  # as of the library, which has no counter

    def die(*_arguments: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr(repository._remains, "reserve", lambda *_arguments: None)
        patched.setattr(repository._destroyer, "_remove_objects", die)
        with pytest.raises(Died):
            repository.purge_artifact("m")
    repository.purge_artifact("m")

    assert store.keys() == []
    assert repository.publish_artifact_version("m", content=BYTES).version == "3"


def test_purge_forgets_latest_under_its_own_mark_only(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, remains, waiting = store.reopened(), repository._remains, list[Any]()
    forget = remains.write_what_still_holds
    store.delete_object(store.key("m", "LATEST"))  # so that this purge expects none

    def wait(*arguments: Any) -> list[Any]:
        waiting.append(arguments)
        return []

    monkeypatch.setattr(remains, "write_what_still_holds", wait)
    repository.purge_artifact("m")
    other.put_artifact("m", b"others")
    interrupting(monkeypatch, other._destroyer, "_fence", lambda: forget(*waiting[0]))

    other.purge_artifact("m")

    assert store.keys() == []


def purge_and_publish(other: Repository) -> object:
    other.purge_artifact("m")
    return publish(other)


CHANGES: dict[str, Write] = {
    "put": put,
    "published": publish,
    "aliased": lambda other: other.put_alias("m", "prod", 1),
    "deleted": lambda other: other.delete_artifact_version("m"),
    "published again": publish_after_others,
    "purged and published": purge_and_publish,
}


@pytest.mark.parametrize("change", CHANGES)
def test_purge_of_everything_takes_an_artifact_as_it_has_become_since_it_was_read(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    other = store.reopened()
    interrupting(monkeypatch, repository._emptier, "_remove_records", lambda: CHANGES[change](other))

    repository.purge_all()

    assert store.keys() == []
    assert (repository.list_artifact_versions("m"), repository.list_aliases("m")) == ([], [])
    assert list(repository.verify("m")) == []


def test_purge_of_everything_leaves_what_was_protected_since_it_was_read(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    interrupting(monkeypatch, repository._emptier, "_remove_records", lambda: other.protect("m", 1, "audit"))

    with pytest.raises(InUseError, match="left 1 that have protected versions"):
        repository.purge_all()

    assert [found.version for found in repository.list_artifact_versions("m")] == ["LATEST", "2", "1"]
    assert repository.get_artifact_version("m").get_content() == BYTES


def test_version_published_between_the_readings_of_a_purge_goes_with_the_others(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, query = store.reopened(), repository._table.query

    def query_then_publish(asked: str, pk: str, **arguments: Any) -> Any:
        found = list(query(asked, pk, **arguments))
        monkeypatch.setattr(repository._table, "query", query)
        publish(other)
        return found

    # The versions are read first, the counter after the publication, which leaves LATEST as it is.
    monkeypatch.setattr(destroy, "at_once", lambda *calls: [call() for call in calls])
    monkeypatch.setattr(repository._table, "query", query_then_publish)

    repository.purge_artifact("m")

    assert store.keys() == []
    assert repository.list_artifact_versions("m") == []


def test_version_published_while_the_table_is_read_goes_with_the_others(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, scan = store.reopened(), repository._table.scan_within

    def scan_while_publishing(asked: str, answers: int) -> list[Any]:
        before = scan(asked, answers) or []
        publish(other)
        after = scan(asked, answers) or []
        return [raw for raw in before if raw["pk"]["S"] == "m"] + [raw for raw in after if raw["pk"]["S"] != "m"]

    monkeypatch.setattr(repository._table, "scan_within", scan_while_publishing)

    repository.purge_all()

    assert store.keys() == []
    assert repository.list_artifact_versions("m") == []
