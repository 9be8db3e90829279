"""A repository written here, used by the library ``versioned``: it sees exactly the live versions and aliases."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError, InUseError, StorageError
from tests.repository.library import Library, missing, our_view
from tests.servers import LOCAL, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store
    from tests.repository.traffic import Traffic

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def library(store: Store, monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(store.aws, store.place, monkeypatch)


@pytest.mark.backends(*LOCAL)
def test_every_operation_here_is_seen_there_as_here(library: Library, repository: Repository) -> None:
    operations: list[Callable[[], object]] = [
        lambda: repository.put_artifact("app", b"one", "text/plain", {"k": "v"}, {"t": "v"}),
        lambda: repository.put_artifact("app", b"one"),
        lambda: repository.publish_artifact_version("app", idempotency_key="a", published_by="dag"),
        lambda: repository.publish_artifact_version("app", content=b"two", idempotency_key="b"),
        lambda: repository.publish_artifact_version("app", content=b"three", if_changed=True),
        lambda: repository.put_alias("app", "prod"),
        lambda: repository.put_alias("app", "prod", 1, reason="why", changed_by="ann"),
        lambda: repository.put_alias("app", "prod", 1, 2, 0, rollout="r", idempotency_key="c"),
        lambda: repository.put_alias("app", "_next.1", 3, "LATEST", 99),
        lambda: repository.rollback_alias("app", "prod", idempotency_key="d"),
        lambda: repository.delete_artifact_version("app", 2),
        lambda: repository.restore_artifact_version("app", 2),
        lambda: repository.delete_alias("app", "_next.1"),
        lambda: repository.delete_artifact_version("app"),
        lambda: repository.restore_artifact_version("app"),
        lambda: repository.purge_artifact_versions("app", 1, 0),
        lambda: repository.purge_artifact("app"),
        lambda: repository.publish_artifact_version("app", content=b"four"),
        repository.purge_all,
    ]
    for operation in operations:
        operation()
        assert library.view("app") == our_view(repository, "app")


def test_library_goes_on_with_the_next_number_and_we_with_the_one_after(
    library: Library, repository: Repository
) -> None:
    repository.publish_artifact_version("app", content=b"one")
    assert library.publish_artifact_version("app").version == "2"
    assert repository.publish_artifact_version("app", content=b"three").version == "3"
    library.publish("app", b"four", b"five")
    assert repository.publish_artifact_version("app").version == "6"
    assert [library.content("app", number) for number in (1, 2, 3, 4, 5, 6)] == [
        b"one", b"one", b"three", b"four", b"five", b"five",
    ]  # fmt: skip
    assert library.view("app") == our_view(repository, "app")


def test_library_passes_a_claimed_version_and_never_sees_it(
    library: Library, repository: Repository, store: Store, traffic: Traffic
) -> None:
    repository.publish_artifact_version("app", content=b"one")
    dying = traffic.repository(store.aws, store.place)
    traffic.answers = {"PutObject": (403, "AccessDenied", "no")}
    with pytest.raises(StorageError):
        dying.publish_artifact_version("app", content=b"two", idempotency_key="task")

    assert library.view("app") == our_view(repository, "app")
    assert library.publish_artifact_version("app").version == "3"
    resumed = repository.publish_artifact_version("app", content=b"two", idempotency_key="task")
    assert resumed.version == "2"
    assert library.view("app") == our_view(repository, "app")


@pytest.mark.backends(*LOCAL)
def test_library_put_drops_our_attributes_and_nothing_breaks(
    library: Library, repository: Repository, store: Store
) -> None:
    repository.publish_artifact_version("app", content=b"one")
    repository.put_alias("app", "dev")
    library.put_artifact("app", b"two")
    assert "etag" not in store.item("app", "LATEST")
    assert "aliases" not in store.item("app", "LATEST")

    assert repository.get_artifact_version("app").get_content() == b"two"
    with pytest.raises(InUseError, match="alias dev"):
        repository.delete_artifact_version("app")
    repository.put_alias("app", "dev", 1)
    repository.delete_artifact_version("app")
    assert missing(repository, "app")
    assert repository.put_artifact("app", b"three").get_content() == b"three"
    assert library.view("app") == our_view(repository, "app")


def test_library_alias_drops_our_attributes_and_the_version_left_can_be_deleted(
    library: Library, repository: Repository, store: Store
) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("app", content=content)
    repository.put_alias("app", "prod", 1)
    library.put_alias("app", "prod", version=2)
    assert store.item("app", "000001")["aliases"] == {"SS": ["prod"]}  # which is true no more

    with pytest.raises(InUseError):
        repository.delete_artifact_version("app", 2)
    repository.delete_artifact_version("app", 1)
    assert missing(repository, "app", 1)
    repository.put_alias("app", "prod", "LATEST")
    repository.delete_artifact_version("app", 2)
    assert library.view("app") == our_view(repository, "app")


def test_library_alias_deletion_is_seen_and_the_version_left_can_be_purged(
    library: Library, repository: Repository
) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("app", content=content)
    repository.put_alias("app", "prod", 1, 2, 5)
    library.delete_alias("app", "prod")

    assert repository.list_aliases("app") == []
    plan = repository.plan_purge("app", 0, 0)
    assert [decision.reason for decision in plan.decisions if "alias prod" in decision.reason] == []
    repository.delete_artifact_version("app", 1)
    assert repository.put_alias("app", "prod", 2).sequence == 3
    actions = [row.action for row in repository.list_alias_history("app", "prod")]
    assert actions == ["put", "observed", "put"]


def test_library_purge_of_old_versions_is_seen_here(library: Library, repository: Repository) -> None:
    for number in range(4):
        repository.publish_artifact_version("app", content=b"%d" % number)
    library.purge_artifact_versions("app", keep_last_n=2, purge_older_than_secs=-60)

    assert library.view("app") == our_view(repository, "app")
    assert [artifact.version for artifact in repository.list_artifact_versions("app")] == ["LATEST", "4", "3"]


@pytest.mark.parametrize("purge", ["purge_artifact", "purge_all"])
def test_library_purge_of_the_artifact_leaves_one_that_can_be_begun_anew(
    library: Library, repository: Repository, purge: str
) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("app", content=content, idempotency_key="task")
    repository.put_alias("app", "prod", 1)
    getattr(library, purge)(*(["app"] if purge == "purge_artifact" else []))

    assert our_view(repository, "app") == library.view("app") == {"versions": [], "aliases": []}
    with pytest.raises(ArtifactNotFoundError):
        repository.publish_artifact_version("app")
    again = repository.publish_artifact_version("app", content=b"two", idempotency_key="task")
    assert again.version == ("3" if purge == "purge_artifact" else "1")  # purge_all takes the counter away as well
    repository.put_alias("app", "prod", again.version)
    assert library.view("app") == our_view(repository, "app")


@pytest.mark.parametrize("seed", range(2))
def test_both_taking_turns_see_the_same_and_never_give_a_number_twice(
    library: Library, repository: Repository, seed: int
) -> None:
    rng = random.Random(seed)  # noqa: S311 -- a repeatable test
    contents: dict[str, bytes] = {}
    for turn in range(20):
        content = b"%d" % turn
        side: Any = rng.choice([library, repository])
        operation = rng.choice(["put", "publish", "publish", "alias", "split", "delete", "delete alias"])
        if operation == "put" or not contents:
            side.put_artifact("app", content)
        if operation == "publish" or not contents:
            version = side.publish_artifact_version("app").version
            assert version not in contents
            assert int(version) == len(contents) + 1
            contents[version] = repository.get_artifact_version("app").get_content()
        live = [artifact.version for artifact in repository.list_artifact_versions("app")]
        if operation == "alias":
            side.put_alias("app", "prod", version=rng.choice(live))
        if operation == "split" and len(live) > 1:
            primary, secondary = rng.sample(live, 2)
            side.put_alias(
                "app", "next", version=primary, secondary_version=secondary, secondary_version_weight=rng.randrange(100)
            )
        if operation == "delete alias":
            side.delete_alias("app", rng.choice(["prod", "next"]))
        pointed = {alias.version for alias in repository.list_aliases("app")}
        pointed |= {str(alias.secondary_version) for alias in repository.list_aliases("app")}
        if operation == "delete" and (free := sorted(set(live) - pointed - {"LATEST"})):
            side.delete_artifact_version("app", version=rng.choice(free))
        assert library.view("app") == our_view(repository, "app")
    for artifact in repository.list_artifact_versions("app"):
        assert artifact.get_content() == contents.get(artifact.version, artifact.get_content())
