"""LATEST where a put died, waits, or lost its answer, or where it is hidden: what was acknowledged is what is read."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ReadTimeoutError

from airflow_provider_versioned.repository import ConflictError, Repository, etags
from tests.repository.fault_wire import Wire
from tests.repository.half_done import (
    Held,
    die,
    latest,
    publish_and_die_before_the_copy,
    put_and_die,
    put_and_die_after_the_object,
    seen_by,
)
from tests.repository.interruption import interrupting
from tests.servers import DYNAMODB_LOCAL, TRANSACTIONAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from tests.repository.store import Store
    from tests.servers import Aws, PlaceArguments

    Write = Callable[[Repository, bytes], object]


def put(repository: Repository, content: bytes) -> object:
    return repository.put_artifact("m", content)


def publish(repository: Repository, content: bytes) -> object:
    return repository.publish_artifact_version("m", content=content)


# -- a put that died ---------------------------------------------------------------------------------------------------


def test_repeated_publish_is_latest_although_a_put_died_before(repository: Repository, store: Store) -> None:
    repository.put_artifact("m", b"before")
    put_and_die_after_the_object(repository, b"dying")
    assert latest(store.reopened()) == b"dying"
    publish_and_die_before_the_copy(repository, b"published", "task")
    assert latest(store.reopened()) == b"published"

    repository.publish_artifact_version("m", content=b"published", idempotency_key="task")

    assert latest(store.reopened()) == b"published"


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_third_publisher_that_commits_right_after_the_first_was_completed_is_not_the_last(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    second, third, reader = store.reopened(), store.reopened(), store.reopened()
    repository.put_artifact("m", b"before")
    publish_and_die_before_the_copy(repository, b"first")
    seen: list[bytes] = []
    held: list[Held] = []
    complete = second._latest.complete

    def complete_and_be_overtaken(*arguments: str) -> None:
        complete(*arguments)
        monkeypatch.setattr(second._latest, "complete", complete)
        held.append(Held(monkeypatch, third._objects, "copy", lambda: publish(third, b"third")))
        seen.append(latest(reader))

    def late() -> None:
        seen.append(latest(reader))
        held[0].end()  # the third copies only now
        seen.append(latest(reader))

    monkeypatch.setattr(second._latest, "complete", complete_and_be_overtaken)
    interrupting(monkeypatch, second._objects, "copy", lambda: interrupting(monkeypatch, second._objects, "copy", late))
    publish(second, b"second")

    assert sorted(seen, reverse=True) == seen
    assert latest(reader) == b"second"


# -- a put that waits --------------------------------------------------------------------------------------------------


@pytest.mark.backends(*TRANSACTIONAL)
@pytest.mark.parametrize(("write", "content"), [(put, b"before"), (publish, b"published")])
def test_put_that_lands_late_and_dies_leaves_no_record_that_lies(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, write: Write, content: bytes
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    monkeypatch.setattr(repository._latest, "say", die)  # when its object has landed
    late = Held(monkeypatch, repository._objects, "put_latest", lambda: put(repository, b"late"))
    other.put_artifact("m", b"before")  # what is there already
    late.end()

    write(other, content)

    assert latest(other) == content


@pytest.mark.backends(*TRANSACTIONAL)
def test_two_puts_that_live_leave_record_and_object_that_agree(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    waiting = Held(monkeypatch, repository._objects, "put_latest", lambda: put(repository, b"other"))
    interrupting(monkeypatch, other._latest, "say", waiting.end)

    other.put_artifact("m", b"before")

    assert latest(store.reopened()) in {b"before", b"other"}
    assert list(other.verify("m")) == []


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize(("write", "step"), [(put, "say"), (publish, "say")])
def test_put_that_looks_late_and_a_write_that_is_quicker_leave_what_agrees(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, write: Write, step: str
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    put_and_die(repository, b"never")
    waiting = Held(monkeypatch, repository._objects, "head", lambda: put(repository, b"first"))
    interrupting(monkeypatch, other._latest, step, waiting.end)

    write(other, b"second")

    assert latest(store.reopened()) in {b"first", b"second"}
    assert list(other.verify("m")) == []


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_of_what_the_record_says_beside_a_publish_is_seen_before_or_after_it_only(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, reader = store.reopened(), store.reopened()
    repository.put_artifact("m", b"before")
    put_and_die_after_the_object(repository, b"dying")
    waiting = Held(monkeypatch, repository._objects, "head", lambda: put(repository, b"before"))
    seen: list[bytes] = []

    def end() -> None:
        waiting.end()
        seen.append(latest(reader))

    interrupting(monkeypatch, other._objects, "copy", end)
    publish(other, b"published")

    assert [*seen, latest(reader)] in ([b"published", b"published"], [b"before", b"before"])


# -- a put whose answer was lost ---------------------------------------------------------------------------------------


@pytest.mark.backends(*TRANSACTIONAL)
@pytest.mark.parametrize(("write", "content"), [(put, b"before"), (put, b"other"), (publish, b"other")])
def test_put_whose_answer_was_lost_undoes_nothing_that_came_after_it_was_seen(
    repository: Repository, store: Store, aws: Aws, unique_place: PlaceArguments, write: Write, content: bytes
) -> None:
    other, s3 = store.reopened(), aws.new_s3()
    mine = Repository(**unique_place, s3_client=s3, dynamodb_client=aws.dynamodb)
    repository.put_artifact("m", b"before")
    seen: list[bytes] = []

    def lose_answer_while_others_act(
        request: AWSPreparedRequest, send: Callable[[AWSPreparedRequest], AWSResponse]
    ) -> AWSResponse:
        send(request)
        seen.append(latest(other))
        write(other, content)
        seen.append(latest(other))
        raise ReadTimeoutError(endpoint_url=request.url)

    Wire(lose_answer_while_others_act).join(s3)
    written = mine.put_artifact("m", b"mine")

    assert [*seen, latest(other)] == [b"mine", content, content]
    assert (written.sha256, written.size) == (hashlib.sha256(b"mine").hexdigest(), 4)


# -- a LATEST that is hidden -------------------------------------------------------------------------------------------


def test_deleted_latest_does_not_come_back_by_the_mark_of_another_put(repository: Repository, store: Store) -> None:
    repository.put_artifact("m", b"before")
    put_and_die_after_the_object(repository, b"dying")
    repository.delete_artifact_version("m", "LATEST")
    assert seen_by(store.reopened()) is None

    put_and_die(repository, b"never")

    assert seen_by(store.reopened()) is None


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_publish_after_a_deletion_is_latest_from_its_commit_on(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("m", b"before")
    put_and_die_after_the_object(repository, b"dying")
    repository.delete_artifact_version("m", "LATEST")
    seen: list[bytes | None] = []
    interrupting(monkeypatch, repository._objects, "copy", lambda: seen.append(seen_by(store.reopened())))

    repository.publish_artifact_version("m", content=b"published")

    assert [*seen, seen_by(store.reopened())] == [b"published", b"published"]


@pytest.mark.parametrize("before", [None, b"before"])
def test_latest_of_a_put_that_died_can_be_restored_after_its_deletion(
    repository: Repository, store: Store, before: bytes | None
) -> None:
    if before is not None:
        repository.put_artifact("m", before)
    put_and_die_after_the_object(repository, b"dying")
    assert latest(store.reopened()) == b"dying"
    repository.delete_artifact_version("m", "LATEST")

    repository.restore_artifact_version("m", "LATEST")

    assert latest(store.reopened()) == b"dying"


def test_deletion_over_a_put_that_has_not_arrived_hides_what_is_there(repository: Repository) -> None:
    put_and_die(repository, b"never")
    repository.delete_artifact_version("m", "LATEST")
    assert seen_by(repository) is None
    repository.put_artifact("m", b"before")
    put_and_die(repository, b"never")

    repository.delete_artifact_version("m", "LATEST")

    assert seen_by(repository) is None
    repository.restore_artifact_version("m", "LATEST")
    assert latest(repository) == b"before"


@pytest.mark.backends(*TRANSACTIONAL)
def test_put_of_deleted_bytes_is_latest_although_another_announced_and_died(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.put_artifact("m", b"same")
    repository.delete_artifact_version("m", "LATEST")
    waiting = Held(monkeypatch, repository._objects, "put_latest", lambda: put(repository, b"same"))
    put_and_die(store.reopened(), b"never")

    waiting.end()

    assert seen_by(store.reopened()) == b"same"


# -- bytes that can have no ETag -----------------------------------------------------------------------------------


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_publish_that_can_have_no_etag_says_so_before_it_is_visible_and_stops_no_other(
    repository: Repository, store: Store
) -> None:
    for content in (b"b", b"c"):
        repository.put_artifact("m", b"a")
        publish_and_die_before_the_copy(repository, content)
    before = [found.version for found in repository.list_artifact_versions("m")]

    with pytest.raises(ConflictError, match="exactly these bytes"):
        store.reopened().publish_artifact_version("m", content=b"a")

    assert [found.version for found in repository.list_artifact_versions("m")] == before
    store.reopened().publish_artifact_version("m", content=b"other")
    assert latest(repository) == b"other"


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_purges_that_live_leave_no_expectation_behind(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    for _ in range(2):
        other.put_artifact("m", b"a")
        interrupting(monkeypatch, repository._objects, "delete_if", lambda: other.put_artifact("m", b"b"))
        repository.purge_artifact("m")
        assert "expected_etags" not in store.item("m", "LATEST")

    other.put_artifact("m", b"a")
    assert latest(repository) == b"a"


def test_copy_of_what_came_in_parts_gets_neither_of_two_expected_etags() -> None:
    digest = hashlib.md5(b"content")  # noqa: S324 -- as S3's ETags have it
    one_part = hashlib.md5(digest.digest()).hexdigest()  # noqa: S324 -- as above
    avoid = frozenset({f'"{digest.hexdigest()}"', f'"{one_part}-1"'})

    with pytest.raises(ConflictError):
        etags.copy_in_one_part("Copying", "m", '"0123456789abcdef0123456789abcdef-9"', avoid)
