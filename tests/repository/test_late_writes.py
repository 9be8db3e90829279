"""LATEST while several write, some of them late or dead: what a call has acknowledged stays, and no reader goes back.

Copies on condition of what stands at the target are only made on one of the servers: the others ignore the condition.
"""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, Repository, etags
from airflow_provider_versioned.repository.etags import expectation
from airflow_provider_versioned.repository.following import Following, Replaced
from airflow_provider_versioned.repository.objects import Stored
from airflow_provider_versioned.repository.revisions import new_revision
from tests.repository.fault_wire import Died, Wire, lose_answer_and_token
from tests.repository.interruption import interrupting
from tests.servers import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.servers import Aws, PlaceArguments

    Write = Callable[[Repository], object]

AN_HOUR_AGO = f"{0:012x}{'0' * 20}"


def latest(repository: Repository) -> bytes:
    return repository.get_artifact_version("m").get_content()


def die(*_arguments: object, **_keywords: object) -> None:
    raise Died


def publish_and_die_before_the_copy(repository: Repository, content: bytes, key: str | None = None) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repository._objects, "copy", die)
        with pytest.raises(Died):
            repository.publish_artifact_version("m", content=content, idempotency_key=key)


def put_and_die(repository: Repository, content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(repository._objects, "put_latest", die)
        with pytest.raises(Died):
            repository.put_artifact("m", content)


def expected_by(etag: str, revision: str) -> dict[str, list[str]]:
    return {"SS": [expectation(etag, revision)]}


# -- a copy that is late -----------------------------------------------------------------------------------------


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize("content", [b"before", b"other"])
@pytest.mark.parametrize("between", [[], [b"between"]])
def test_put_after_a_publish_was_visible_is_not_undone_by_its_copy(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, content: bytes, between: list[bytes]
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    seen: list[bytes] = []

    def rival() -> None:
        seen.append(latest(other))
        for each in (*between, content):
            other.put_artifact("m", each)
        seen.append(latest(other))

    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"published")

    assert seen == [b"published", content]
    assert latest(other) == content
    assert "expected_etags" not in store.item("m", "LATEST")


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_after_a_publish_over_a_dead_put_is_not_undone_by_its_copy(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    put_and_die(other, b"never")
    seen: list[bytes] = []

    def rival() -> None:
        seen.append(latest(other))
        other.put_artifact("m", b"other")
        seen.append(latest(other))

    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"published")

    assert seen == [b"published", b"other"]
    assert latest(other) == b"other"


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_between_the_two_looks_of_a_copy_that_lost_is_not_undone(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    seen: list[bytes] = []
    stored_with = {"artifact_name": "m", "artifact_sha256": hashlib.sha256(b"dying").hexdigest()}

    def rival() -> None:
        other.put_artifact("m", b"other")
        seen.append(latest(other))

    def landing() -> None:  # of the object of the dying put: so the copy loses, and looks what stands there
        seen.append(latest(other))
        store.put_object(store.key("m", "LATEST"), b"dying", Metadata=stored_with)
        interrupting(monkeypatch, repository._objects, "head", rival)

    interrupting(monkeypatch, repository._publisher, "_commit", lambda: put_and_die(other, b"dying"))
    interrupting(monkeypatch, repository._objects, "copy", landing)
    repository.publish_artifact_version("m", content=b"published")

    assert seen == [b"published", b"other"]
    assert latest(other) == b"other"


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize("content", [b"before", b"other"])
def test_put_beside_one_who_finishes_a_dead_publish_is_not_undone(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    publish_and_die_before_the_copy(repository, b"published")
    assert latest(other) == b"published"
    interrupting(monkeypatch, repository._objects, "copy", lambda: other.put_artifact("m", content))

    repository.delete_artifact_version("m", 1)  # finishes what died, as LATEST needs the number's bytes

    assert latest(other) == content


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_second_of_two_publishers_stays_latest_although_the_first_copies_last(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    seen: list[bytes] = []

    def rival() -> None:
        seen.append(latest(other))
        other.publish_artifact_version("m", content=b"second")
        seen.append(latest(other))

    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"first")

    assert [*seen, latest(other)] == [b"first", b"second", b"second"]
    assert "expected_etags" not in store.item("m", "LATEST")


class Stalled:
    """A publish that waits before its copy, until it is let go."""

    def __init__(self, repository: Repository, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
        self._committed, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=lambda: repository.publish_artifact_version("m", content=content))
        interrupting(monkeypatch, repository._objects, "copy", self._wait)
        self._thread.start()
        assert self._committed.wait(20)

    def _wait(self) -> None:
        self._committed.set()
        self._go.wait(20)

    def end(self) -> None:
        """Let it copy, and wait until it has returned."""
        self._go.set()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_second_of_two_publishers_stays_latest_although_the_first_copies_right_before_it(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    first = Stalled(repository, monkeypatch, b"first")
    interrupting(monkeypatch, other._objects, "copy", first.end)

    other.publish_artifact_version("m", content=b"second")

    assert latest(other) == b"second"


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_is_not_undone_by_the_late_copy_of_one_who_helped_a_publisher(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    helping, other = store.reopened(), store.reopened()
    repository.put_artifact("m", b"before")
    helped = Stalled(repository, monkeypatch, b"published")

    def rival() -> None:
        helped.end()
        other.put_artifact("m", b"before")

    interrupting(monkeypatch, helping._objects, "copy", rival)
    helping.delete_artifact_version("m", 1)

    assert latest(other) == b"before"


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_after_a_purge_is_not_undone_by_a_copy_from_before_it(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")

    def rival() -> None:
        other.purge_artifact("m")
        assert list(other.list_artifact_versions("m")) == []
        assert list(other.verify("m", older_than_secs=0)) == []
        other.put_artifact("m", b"before")

    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"published")

    assert latest(other) == b"before"
    other.purge_artifact("m")
    assert store.items("m").keys() == {("m", "000001")}  # the tombstone by which no number is given twice


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_that_was_announced_before_a_publish_and_landed_after_is_not_undone(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    announced, committed = threading.Event(), threading.Event()
    seen: list[bytes] = []
    put = threading.Thread(target=lambda: other.put_artifact("m", b"other"))

    def wait() -> None:
        announced.set()
        committed.wait(20)

    def begin() -> None:
        put.start()
        announced.wait(20)

    def end() -> None:
        seen.append(latest(repository))
        committed.set()
        put.join(20)
        seen.append(latest(repository))  # the put has returned

    interrupting(monkeypatch, other._objects, "put_latest", wait)
    interrupting(monkeypatch, repository._publisher, "_commit", begin)
    interrupting(monkeypatch, repository._objects, "copy", end)
    repository.publish_artifact_version("m", content=b"published")

    assert seen == [b"published", b"other"]
    assert latest(repository) == b"other"


def test_put_that_landed_after_a_dead_publish_is_not_undone_by_its_repetition(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")

    def die_beside() -> None:  # when the other has announced its put
        publish_and_die_before_the_copy(repository, b"published", "task")

    interrupting(monkeypatch, other._objects, "put_latest", die_beside)
    other.put_artifact("m", b"other")
    assert latest(other) == b"other"

    repository.publish_artifact_version("m", content=b"published", idempotency_key="task")

    assert latest(other) == b"other"


# -- LATEST follows --------------------------------------------------------------------------------------------------


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
    expected = Replaced(known, "expected" if known else None, frozenset(), frozenset(), frozenset())
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


# -- two purges --------------------------------------------------------------------------------------------------------


def put_these(other: Repository) -> object:
    return other.put_artifact("m", b"these")


def publish_these(other: Repository) -> object:
    return other.publish_artifact_version("m", content=b"these")


@pytest.mark.parametrize("step", ["list", "delete_if"])
@pytest.mark.parametrize("died_before", [False, True])
@pytest.mark.parametrize("write", [put_these, publish_these])
def test_latest_put_after_another_purge_has_ended_keeps_its_bytes(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, write: Write, died_before: bool, step: str
) -> None:
    other = store.reopened()
    repository.publish_artifact_version("m", content=b"these")
    if died_before:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(other._destroyer, "_remove", die)
            with pytest.raises(Died):
                other.purge_artifact("m")

    def rivals() -> None:
        other.purge_artifact("m")  # begins and ends
        write(other)

    interrupting(monkeypatch, repository._objects, step, rivals)
    repository.purge_artifact("m")

    assert list(other.verify("m")) == []
    assert latest(other) == b"these"


# -- what the item says ------------------------------------------------------------------------------------------------


def test_put_gives_its_object_no_etag_that_somebody_still_expects(repository: Repository, store: Store) -> None:
    first = repository.put_artifact("m", b"one").etag
    repository.put_artifact("m", b"two")
    store.set_attribute("m", "LATEST", "expected_etags", expected_by(str(first), new_revision()))

    second = repository.put_artifact("m", b"one", content_type="text/plain").etag

    assert second != first
    assert latest(repository) == b"one"
    assert store.aws.s3.head_object(Bucket=store.bucket, Key=store.key("m", "LATEST"))["ContentType"] == "text/plain"


def test_put_of_bytes_that_have_both_etags_expected_says_so_and_changes_nothing(
    repository: Repository, store: Store
) -> None:
    first = str(repository.put_artifact("m", b"one").etag)
    both = [first]
    for _ in range(2):
        repository.put_artifact("m", b"two")
        said = [expectation(etag, new_revision()) for etag in both]
        store.set_attribute("m", "LATEST", "expected_etags", {"SS": said})
        if len(both) == 1:
            both.append(str(repository.put_artifact("m", b"one").etag))

    with pytest.raises(ConflictError, match=r"exactly these bytes; put other content, or try again after 1:00:00"):
        repository.put_artifact("m", b"one")

    assert latest(repository) == b"two"


@pytest.mark.parametrize("since", [AN_HOUR_AGO, "of another tool"])
def test_expectation_of_one_who_has_not_come_back_for_an_hour_is_dropped(
    repository: Repository, store: Store, since: str
) -> None:
    first = str(repository.put_artifact("m", b"one").etag)
    repository.put_artifact("m", b"two")
    store.set_attribute("m", "LATEST", "expected_etags", expected_by(first, since))

    assert repository.put_artifact("m", b"one").etag == first
    store.reopened().publish_artifact_version("m", content=b"three")

    assert "expected_etags" not in store.item("m", "LATEST")


def test_publish_whose_commit_was_answered_too_late_expects_nothing_any_more(
    repository: Repository, store: Store, aws: Aws, unique_place: PlaceArguments
) -> None:
    repository.put_artifact("m", b"before")
    s3, dynamodb, wire = aws.new_s3(), aws.new_dynamodb(), Wire(lose_answer_and_token, 4)
    wire.join(s3, dynamodb)
    publishing = Repository(**unique_place, s3_client=s3, dynamodb_client=dynamodb)

    publishing.publish_artifact_version("m", content=b"published")

    assert wire.sent == 7
    assert not {"expected_etags", "pending", "pending_version"} & store.item("m", "LATEST").keys()
    assert latest(repository) == b"published"


def test_publish_beside_one_who_has_just_said_what_it_expects_reads_again(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = str(repository.put_artifact("m", b"one").etag)
    repository.put_artifact("m", b"two")
    said: dict[str, Any] = expected_by(first, new_revision())
    interrupting(
        monkeypatch, repository._table, "transact", lambda: store.set_attribute("m", "LATEST", "expected_etags", said)
    )

    repository.publish_artifact_version("m", content=b"one")

    assert latest(repository) == b"one"
    assert store.item("m", "LATEST")["etag"]["S"] != first
    assert store.item("m", "LATEST")["expected_etags"] == said


@pytest.mark.parametrize(
    ("source", "avoid", "in_one_part"),
    [
        ('"0123456789abcdef0123456789abcdef"', {'"0123456789abcdef0123456789abcdef"'}, True),
        ('"0123456789abcdef0123456789abcdef"', {'"fedcba9876543210fedcba9876543210"'}, False),
        ('"0123456789abcdef0123456789abcdef-2"', {'"fedcba9876543210fedcba9876543210"'}, True),
        ('"0123456789abcdef0123456789abcdef-2"', {'"fedcba9876543210fedcba9876543210-1"'}, False),
    ],
)
def test_copy_goes_in_one_part_if_it_could_get_an_expected_etag(
    source: str, avoid: set[str], in_one_part: bool
) -> None:
    assert etags.copy_in_one_part("Copying", "m", source, frozenset(avoid)) is in_one_part
