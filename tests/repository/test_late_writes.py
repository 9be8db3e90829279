"""LATEST while several write, some of them late or dead: what a call has acknowledged stays, and no reader goes back.

Copies on condition of what stands at the target are only made on one of the servers: the others ignore the condition.
"""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

import pytest

from tests.repository.fault_wire import Died
from tests.repository.half_done import die, latest, publish_and_die_before_the_copy, put_and_die
from tests.repository.interruption import interrupting
from tests.servers import DYNAMODB_LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store

    Write = Callable[[Repository], object]


class Rival:
    """Does something in the middle of another's operation, and looks what LATEST is before and after."""

    def __init__(self, repository: Repository, act: Callable[[], object]) -> None:
        self._repository = repository
        self._act = act
        self.saw: list[bytes] = []

    def __call__(self) -> None:
        """Look, act, look."""
        self.saw.append(latest(self._repository))
        self._act()
        self.saw.append(latest(self._repository))


# -- a copy that is late -----------------------------------------------------------------------------------------


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize("content", [b"before", b"other"])
@pytest.mark.parametrize("between", [[], [b"between"]])
def test_put_after_a_publish_was_visible_is_not_undone_by_its_copy(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, content: bytes, between: list[bytes]
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    rival = Rival(other, lambda: [other.put_artifact("m", each) for each in (*between, content)])
    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"published")

    assert [*rival.saw, latest(other)] == [b"published", content, content]
    assert "expected_etags" not in store.item("m", "LATEST")


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_put_after_a_publish_over_a_dead_put_is_not_undone_by_its_copy(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = store.reopened()
    repository.put_artifact("m", b"before")
    put_and_die(other, b"never")
    rival = Rival(other, lambda: other.put_artifact("m", b"other"))
    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"published")

    assert [*rival.saw, latest(other)] == [b"published", b"other", b"other"]


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
    rival = Rival(other, lambda: other.publish_artifact_version("m", content=b"second"))
    interrupting(monkeypatch, repository._objects, "copy", rival)
    repository.publish_artifact_version("m", content=b"first")

    assert [*rival.saw, latest(other)] == [b"first", b"second", b"second"]
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


# -- two purges --------------------------------------------------------------------------------------------------------


def put_these(other: Repository) -> object:
    return other.put_artifact("m", b"these")


def publish_these(other: Repository) -> object:
    return other.publish_artifact_version("m", content=b"these")


@pytest.mark.parametrize("step", ["delete_keys", "delete_if"])
@pytest.mark.parametrize("died_before", [False, True])
@pytest.mark.parametrize("write", [put_these, publish_these])
def test_latest_put_after_another_purge_has_ended_keeps_its_bytes(
    repository: Repository, store: Store, monkeypatch: pytest.MonkeyPatch, write: Write, died_before: bool, step: str
) -> None:
    other = store.reopened()
    repository.publish_artifact_version("m", content=b"these")
    if died_before:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(other._destroyer, "_remove_objects", die)
            with pytest.raises(Died):
                other.purge_artifact("m")

    def rivals() -> None:
        other.purge_artifact("m")  # begins and ends
        write(other)

    interrupting(monkeypatch, repository._objects, step, rivals)
    repository.purge_artifact("m")

    assert list(other.verify("m")) == []
    assert latest(other) == b"these"
