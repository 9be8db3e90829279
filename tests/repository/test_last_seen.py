"""A process writes again what it wrote last without reading it first: others may have been there meanwhile."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, Repository
from airflow_provider_versioned.repository.etags import expectation
from airflow_provider_versioned.repository.last_seen import LastSeen
from airflow_provider_versioned.repository.revisions import new_revision
from tests.repository.interruption import interrupting
from tests.repository.invariants import Ledger
from tests.repository.library import Library
from tests.repository.test_races import at_once, sibling
from tests.servers import MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.repository.traffic import Traffic
    from tests.servers import Aws, PlaceArguments


@pytest.fixture
def other(repository: Repository, aws: Aws) -> Repository:
    """Another process on the same repository."""
    return sibling(repository, aws)


def contents(repository: Repository, name: str = "m") -> dict[str, bytes]:
    """Return the bytes of every live version."""
    return {artifact.version: artifact.get_content() for artifact in repository.list_artifact_versions(name)}


def in_turn(*acts: Callable[[Repository], object]) -> Callable[[Repository], None]:
    """Return what does several things, one after the other."""

    def do(other: Repository) -> None:
        for act in acts:
            act(other)

    return do


def purge(other: Repository) -> None:
    """Purge the artifact."""
    other.purge_artifact("m")


def delete_alias(other: Repository) -> None:
    """Delete the alias."""
    other.delete_alias("m", "prod")


MEANWHILE: dict[str, Callable[[Repository], object]] = {
    "nothing": lambda _: None,
    "put": lambda other: other.put_artifact("m", b"theirs"),
    "published": lambda other: other.publish_artifact_version("m", content=b"theirs"),
    "published LATEST": lambda other: other.publish_artifact_version("m"),
    "published and freed": in_turn(
        lambda other: other.publish_artifact_version("m", content=b"theirs"),
        lambda other: other.delete_artifact_version("m", 2),
        lambda other: other.free_artifact_versions("m", grace_secs=0),
    ),
    "deleted LATEST": lambda other: other.delete_artifact_version("m", "LATEST"),
    "purged": purge,
    "purged and put": in_turn(purge, lambda other: other.put_artifact("m", b"theirs")),
    "purged and put the same": in_turn(purge, lambda other: other.put_artifact("m", b"one")),
    "purged all": Repository.purge_all,
}


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("content", [b"one", b"two", b"theirs"])
@pytest.mark.parametrize("what", MEANWHILE)
def test_publish_after_others_is_as_from_a_process_that_knows_nothing(
    repository: Repository, aws: Aws, other: Repository, what: str, content: bytes
) -> None:
    repository.publish_artifact_version("m", content=b"one")
    MEANWHILE[what](other)
    highest = max((int(version) for version in contents(other) if version != "LATEST"), default=0)

    version = repository.publish_artifact_version("m", content=content)

    assert int(version.version) > highest
    found = contents(sibling(repository, aws))
    assert found[version.version] == found["LATEST"] == content
    Ledger().check(repository, aws.dynamodb, "m")
    assert list(repository.verify("m", older_than_secs=0)) == []


def test_publish_under_a_key_that_was_used_meanwhile_is_the_same_version(
    repository: Repository, other: Repository
) -> None:
    repository.publish_artifact_version("m", content=b"one")
    theirs = other.publish_artifact_version("m", content=b"two", idempotency_key="task")
    other.publish_artifact_version("m", content=b"three")

    assert repository.publish_artifact_version("m", content=b"two", idempotency_key="task") == theirs
    assert contents(repository) == {"1": b"one", "2": b"two", "3": b"three", "LATEST": b"three"}


def test_publish_in_a_table_that_was_emptied_counts_from_one(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("m", content=b"one")
    for key in store.items():
        store.delete_item(*key)

    assert repository.publish_artifact_version("m", content=b"two").version == "1"
    assert contents(repository) == {"1": b"two", "LATEST": b"two"}


def test_publish_beside_a_purge_that_has_its_eye_on_latest_wastes_no_number(
    repository: Repository, store: Store
) -> None:
    repository.publish_artifact_version("m", content=b"one")
    expected = expectation(store.item("m", "LATEST")["etag"]["S"], new_revision())
    store.set_attribute("m", "LATEST", "expected_etags", {"SS": [expected]})

    assert repository.publish_artifact_version("m", content=b"two").version == "2"
    assert contents(repository) == {"1": b"one", "2": b"two", "LATEST": b"two"}
    # From here on it is known.
    assert repository.publish_artifact_version("m", content=b"three").version == "3"


@pytest.mark.backends(MINISTACK)
def test_publish_after_the_library_takes_the_next_number(
    repository: Repository, aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(aws, unique_place, monkeypatch)
    repository.publish_artifact_version("m", content=b"one")
    library.publish("m", b"two", b"three")

    assert repository.publish_artifact_version("m", content=b"four").version == "4"
    assert contents(repository) == {"1": b"one", "2": b"two", "3": b"three", "4": b"four", "LATEST": b"four"}


@pytest.mark.backends(*TRANSACTIONAL)
def test_threads_of_one_repository_that_publish_by_turns_lose_nothing(repository: Repository, aws: Aws) -> None:
    for turn in range(4):
        published = [b"%d %d" % (turn, number) for number in range(4)]
        versions = at_once([partial(repository.publish_artifact_version, "m", content=each) for each in published])
        assert [version.get_content() for version in versions] == published
    assert set(contents(repository)) == {"LATEST", *map(str, range(1, 17))}
    Ledger().check(repository, aws.dynamodb, "m")


MOVES: dict[str, Callable[[Repository], object]] = {
    "nothing": lambda _: None,
    "moved": lambda other: other.put_alias("m", "prod", 3, changed_by="other"),
    "moved to the same": lambda other: other.put_alias("m", "prod", 2, changed_by="other"),
    "moved there and back": in_turn(
        lambda other: other.put_alias("m", "prod", 3), lambda other: other.put_alias("m", "prod", 1)
    ),
    "deleted": delete_alias,
    "deleted and made anew": in_turn(delete_alias, lambda other: other.put_alias("m", "prod", 1)),
    "rollout": in_turn(
        lambda other: other.start_rollout("m", "prod", 3, [5], rollout_id="a"),
        lambda other: other.shift_rollout("m", "prod", 5, rollout_id="a"),
    ),
}
OURS: dict[str, Callable[[Repository], object]] = {
    "put": lambda repository: repository.put_alias("m", "prod", 2),
    "put as it was": lambda repository: repository.put_alias("m", "prod", 1),
    "delete": delete_alias,
}


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("ours", OURS)
@pytest.mark.parametrize("what", MOVES)
def test_alias_after_others_is_as_by_a_process_that_knows_nothing(
    repository: Repository, aws: Aws, other: Repository, what: str, ours: str
) -> None:
    for name in ("m", "n"):
        for content in (b"one", b"two", b"three"):
            repository.publish_artifact_version(name, content=content)
    repository.put_alias("m", "prod", 1)
    MOVES[what](other)

    OURS[ours](repository)

    history = list(sibling(repository, aws).list_alias_history("m", "prod"))
    assert history[0].version == {"put": "2", "put as it was": "1", "delete": None}[ours]
    assert history[0].secondary_version is None
    assert [alias.version for alias in other.list_aliases("m")] == ([] if ours == "delete" else [history[0].version])
    Ledger().check(repository, aws.dynamodb, "m")


def test_alias_that_had_to_have_a_revision_is_refused_after_others(repository: Repository, other: Repository) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("m", content=content)
    ours = repository.put_alias("m", "prod", 1)
    other.put_alias("m", "prod", 2, changed_by="ann")

    with pytest.raises(ConflictError, match="ann moved it"):
        repository.put_alias("m", "prod", 1, if_revision=ours.revision)
    with pytest.raises(ConflictError, match="ann moved it"):
        repository.delete_alias("m", "prod", if_revision=ours.revision)
    assert repository.get_alias("m", "prod").version == "2"


@pytest.mark.backends(MINISTACK)
def test_move_by_the_library_is_observed_by_the_next_change(
    repository: Repository, aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = Library(aws, unique_place, monkeypatch)
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1)
    library.put_alias("m", "prod", 2)

    repository.put_alias("m", "prod", 3)

    told = [(change.action, change.version) for change in repository.list_alias_history("m", "prod")]
    assert told == [("put", "3"), ("observed", "2"), ("put", "1")]


def test_writes_of_what_was_written_last_read_nothing_before(
    store: Store, traffic: Traffic, repository: Repository
) -> None:
    watched = traffic.repository(store.aws, store.place)
    watched.publish_artifact_version("m", content=b"one")
    writes: list[tuple[Callable[[], Any], list[str]]] = [
        (
            lambda: watched.publish_artifact_version("m", content=b"two", idempotency_key="task"),
            ["TransactWriteItems", "PutObject", "TransactWriteItems", "CopyObject", "UpdateItem"],
        ),
        (lambda: watched.put_alias("m", "prod", 1), ["BatchGetItem", "TransactWriteItems"]),
        (lambda: watched.put_alias("m", "prod", 1, 2, 5), ["TransactWriteItems"]),
        (lambda: watched.delete_alias("m", "prod"), ["TransactWriteItems"]),
    ]

    assert [traffic.of(write) for write, _ in writes] == [expected for _, expected in writes]
    # A guess that was wrong costs one request, and is not made twice.
    for content in (b"three", b"four"):
        repository.publish_artifact_version("m", content=content)
    sent = traffic.of(lambda: watched.publish_artifact_version("m", content=b"five"))
    assert sent[:3] == ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"]
    assert len(sent) == 7


@pytest.mark.parametrize("fresh", [True, False])
def test_revision_that_is_no_more_is_a_conflict_also_when_the_target_is_gone(
    repository: Repository, other: Repository, store: Store, fresh: bool
) -> None:
    for content in (b"one", b"two", b"three"):
        repository.publish_artifact_version("m", content=content)
    ours = repository.put_alias("m", "prod", 1)
    other.put_alias("m", "prod", 3, changed_by="ann")
    other.delete_artifact_version("m", 2)

    with pytest.raises(ConflictError, match="ann moved it"):
        (store.reopened() if fresh else repository).put_alias("m", "prod", 2, if_revision=ours.revision)


def test_alias_of_latest_that_was_purged_and_made_anew_is_forgotten_by_latest_when_it_goes(
    repository: Repository, other: Repository, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("m", b"one")
    repository.put_alias("m", "prod", "LATEST")
    other.purge_artifact("m")

    def make_anew() -> None:
        other.put_artifact("m", b"two")
        other.put_alias("m", "prod", "LATEST")

    interrupting(monkeypatch, repository._aliases, "_view", make_anew)
    repository.delete_alias("m", "prod")

    Ledger().check(other, aws.dynamodb, "m")
    other.delete_artifact_version("m", "LATEST")


def test_values_are_handed_out_once_and_the_oldest_forgotten() -> None:
    seen: LastSeen[str, int] = LastSeen(max_entries=2)
    for number, key in enumerate("aba"):
        seen.keep(key, number)
    assert (seen.take("a"), seen.take("a"), seen.take("c")) == (2, None, None)
    for number, key in enumerate("acd"):
        seen.keep(key, number)
    assert [seen.take(key) for key in "abcd"] == [None, None, 1, 2]
