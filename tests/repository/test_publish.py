"""Publishing: numbers, exactly the caller's bytes, idempotency under retries, and nothing when nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import AccessDeniedError, ArtifactNotFoundError, InvalidInputError
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic


def versions(repository: Repository, name: str = "model") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


def test_publish_freezes_latest_and_leaves_it(repository: Repository) -> None:
    latest = repository.put_artifact("model", b"one")
    version = repository.publish_artifact_version("model", published_by="dag.task")

    assert (version.version, version.sha256, version.size) == ("1", latest.sha256, latest.size)
    assert version.published_by == "dag.task"
    assert repository.get_artifact_version("model") == latest
    assert repository.get_artifact_version("model", 1) == version


def test_publish_without_change_makes_another_version(repository: Repository) -> None:
    repository.put_artifact("model", b"one")

    assert [repository.publish_artifact_version("model").version for _ in range(3)] == ["1", "2", "3"]


@pytest.mark.parametrize("state", ["absent", "deleted", "only numbers"])
def test_publish_without_latest_is_not_found_and_writes_nothing(
    repository: Repository, store: Store, state: str
) -> None:
    if state == "deleted":
        repository.put_artifact("model", b"one")
    if state == "only numbers":
        repository.publish_artifact_version("model", content=b"one")
    repository.delete_artifact_version("model")

    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="put content first, or give the content"):
        repository.publish_artifact_version("model")


def test_publish_with_the_object_of_latest_gone_says_so_and_shows_nothing(repository: Repository, store: Store) -> None:
    repository.put_artifact("model", b"one")
    store.delete_object(store.key("model", "LATEST"))

    with pytest.raises(ArtifactNotFoundError, match="the object of LATEST is missing; put content again"):
        repository.publish_artifact_version("model")
    assert versions(repository) == ["LATEST"]
    repository.put_artifact("model", b"two")
    assert repository.publish_artifact_version("model").get_content() == b"two"


def test_publish_of_content_makes_version_and_latest(repository: Repository) -> None:
    version = repository.publish_artifact_version("model", content=b"one", published_by="dag")
    latest = repository.get_artifact_version("model")

    assert version.get_content() == latest.get_content() == b"one"
    assert (latest.sha256, latest.size, latest.published_by) == (version.sha256, 3, None)
    repository.publish_artifact_version("model", content=b"two")
    assert repository.get_artifact_version("model").get_content() == b"two"
    assert repository.get_artifact_version("model", 1).get_content() == b"one"


def test_publish_of_what_latest_holds_leaves_latest_as_it_is(
    repository: Repository, traffic: Traffic, store: Store
) -> None:
    latest = repository.put_artifact("model", b"one")
    watched = traffic.repository(store.aws, store.place)

    sent = traffic.of(lambda: watched.publish_artifact_version("model", content=b"one"))
    assert "CopyObject" not in sent
    assert repository.get_artifact_version("model") == latest


def test_publish_of_content_brings_deleted_latest_back(repository: Repository) -> None:
    repository.put_artifact("model", b"one")
    repository.delete_artifact_version("model")
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
        assert repository.get_artifact_version("model").get_content() == content
        repository.delete_artifact_version("model")


@pytest.mark.parametrize("first", ["readers", "the same publisher again"])
def test_content_published_by_one_who_died_before_copying_it_is_latest_for_everybody(
    repository: Repository, store: Store, traffic: Traffic, first: str
) -> None:
    traffic.answers = {"CopyObject": (403, "AccessDenied", "no")}
    dying = traffic.repository(store.aws, store.place)
    with pytest.raises(AccessDeniedError):
        dying.publish_artifact_version("model", content=b"one", idempotency_key="task")

    if first != "readers":
        assert repository.publish_artifact_version("model", content=b"one", idempotency_key="task").version == "1"
        assert store.content(store.key("model", "LATEST")) == b"one"
        assert "pending" not in store.item("model", "LATEST")
        return
    assert versions(repository) == ["LATEST", "1"]
    latest = repository.get_artifact_version("model")
    assert (latest.get_content(), latest.s3uri) == (b"one", repository.get_artifact_version("model", 1).s3uri)
    assert repository.put_alias("model", "dev").get_version_content() == b"one"
    assert repository.publish_artifact_version("model").get_content() == b"one"
    assert repository.publish_artifact_version("model", content=b"one", idempotency_key="task").version == "1"
    assert store.content(store.key("model", "LATEST")) == b"one"


# -- idempotency -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freeze", [True, False])
def test_same_key_and_bytes_give_the_same_version_however_late(
    repository: Repository, store: Store, *, freeze: bool
) -> None:
    content = None if freeze else b"one"
    repository.put_artifact("model", b"one")
    first = repository.publish_artifact_version("model", content=content, idempotency_key="dag/run/task")

    other_process = store.reopened()
    for _ in range(2):
        with store.unchanged():
            again = other_process.publish_artifact_version("model", content=content, idempotency_key="dag/run/task")
        assert again == first
    repository.publish_artifact_version("model", content=b"by another")
    repository.put_artifact("model", b"one")
    assert other_process.publish_artifact_version("model", content=content, idempotency_key="dag/run/task") == first
    assert versions(repository) == ["LATEST", "2", "1"]


def test_same_key_and_other_bytes_give_another_version_and_each_stays_known(repository: Repository) -> None:
    def publish(content: bytes) -> str:
        return repository.publish_artifact_version("model", content=content, idempotency_key="task").version

    assert [publish(b"one"), publish(b"two"), publish(b"one"), publish(b"two")] == ["1", "2", "1", "2"]
    assert repository.get_artifact_version("model").get_content() == b"two"


def test_other_keys_and_names_give_other_versions(repository: Repository) -> None:
    def publish(name: str, key: str | None) -> str:
        return repository.publish_artifact_version(name, content=b"one", idempotency_key=key).version

    assert [publish("model", "a"), publish("model", "b"), publish("model", None), publish("other", "a")] == [
        "1", "2", "3", "1",
    ]  # fmt: skip


def test_same_key_after_its_version_was_deleted_gives_one_new_version(repository: Repository) -> None:
    def publish() -> str:
        return repository.publish_artifact_version("model", content=b"one", idempotency_key="task").version

    publish()
    repository.delete_artifact_version("model", 1)
    assert [publish(), publish()] == ["2", "2"]
    repository.restore_artifact_version("model", 1)
    assert publish() == "2"
    assert versions(repository) == ["LATEST", "2", "1"]


def test_same_key_after_the_artifact_was_purged_gives_one_new_version(repository: Repository) -> None:
    def publish() -> str:
        return repository.publish_artifact_version("model", content=b"one", idempotency_key="task").version

    publish()
    repository.purge_artifact("model")
    assert [publish(), publish()] == ["2", "2"]
    assert repository.get_artifact_version("model").get_content() == b"one"


# -- if_changed ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("freeze", [True, False])
def test_if_changed_publishes_nothing_when_the_newest_version_has_the_same_bytes(
    repository: Repository, store: Store, *, freeze: bool
) -> None:
    content = None if freeze else b"one"
    repository.put_artifact("model", b"one")
    first = repository.publish_artifact_version("model", content=content, if_changed=True)

    with store.unchanged():
        assert repository.publish_artifact_version("model", content=content, if_changed=True) == first
    repository.publish_artifact_version("model", content=b"two", if_changed=True)
    repository.put_artifact("model", b"one")
    third = repository.publish_artifact_version("model", content=content, if_changed=True)
    assert third.version == "3"  # the same as before the newest


def test_if_changed_compares_with_the_newest_version_that_is_live(repository: Repository) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    repository.delete_artifact_version("model", 2)

    assert repository.publish_artifact_version("model", content=b"one", if_changed=True).version == "1"
    assert repository.publish_artifact_version("model", content=b"two", if_changed=True).version == "3"


def test_if_changed_remembers_under_its_key_what_it_returned(repository: Repository) -> None:
    repository.publish_artifact_version("model", content=b"one")
    unchanged = repository.publish_artifact_version("model", content=b"one", if_changed=True, idempotency_key="task")
    repository.publish_artifact_version("model", content=b"two")

    again = repository.publish_artifact_version("model", content=b"one", if_changed=True, idempotency_key="task")
    assert again == unchanged
    assert versions(repository) == ["LATEST", "2", "1"]


# -- numbers ---------------------------------------------------------------------------------------------------------


def test_number_of_a_deleted_version_is_not_given_again(repository: Repository) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    repository.delete_artifact_version("model", 2)

    assert repository.publish_artifact_version("model", content=b"three").version == "3"


def test_last_number_can_be_given_and_the_next_publish_is_refused(repository: Repository, store: Store) -> None:
    store.put_version("model", "999998")
    store.put_item("__model-meta", "counter", highest={"N": "999998"})

    assert repository.publish_artifact_version("model", content=b"last").version == "999999"
    with store.unchanged(), pytest.raises(InvalidInputError, match="999999, the last number, has been given"):
        repository.publish_artifact_version("model", content=b"beyond")
    with store.unchanged(), pytest.raises(InvalidInputError, match="publish under a new name"):
        repository.publish_artifact_version("model")
    assert versions(repository) == ["LATEST", "999999", "999998"]


@pytest.mark.backends(MOTO)
def test_counter_lost_or_behind_is_made_up_for_by_the_versions_there_are(repository: Repository, store: Store) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    store.set_attribute("__model-meta", "counter", "highest", {"N": "1"})
    assert repository.publish_artifact_version("model", content=b"three").version == "3"
    store.delete_item("__model-meta", "counter")
    assert repository.publish_artifact_version("model", content=b"four").version == "4"
    assert repository.get_artifact_version("model", 2).get_content() == b"two"
