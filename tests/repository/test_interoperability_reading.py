"""A repository that the library ``versioned`` wrote, used here: also with what it leaves torn, and with its ghosts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import time_machine

from airflow_provider_versioned.repository import ArtifactNotFoundError, ConflictError, InUseError
from tests.repository.library import Library, missing, our_view
from tests.servers import LOCAL, MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import Store

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def library(store: Store, monkeypatch: pytest.MonkeyPatch) -> Library:
    return Library(store.aws, store.place, monkeypatch)


def versions(repository: Repository, name: str = "app") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


def overwrite(store: Store, content: bytes) -> None:
    """Leave LATEST as a put of the library does that dies before it writes the record."""
    metadata = {"artifact_name": "app", "artifact_sha256": hashlib.sha256(content).hexdigest()}
    store.put_object(store.key("app", "LATEST"), content, Metadata=metadata)


def test_versions_aliases_content_and_names_are_read_as_they_stand(library: Library, repository: Repository) -> None:
    library.publish("app", b"one", b"two")
    library.put_alias("app", "prod", version=1, secondary_version=2, secondary_version_weight=20)
    library.put_alias("app", "dev")
    library.publish("my app", b"odd name")

    for name in ("app", "my app"):
        assert our_view(repository, name) == library.view(name)
    assert repository.list_artifact_names() == library.list_artifact_names() == ["app", "my app"]
    one, prod = repository.get_artifact_version("app", 1), repository.get_alias("app", "prod")
    assert {one.size, one.etag, one.revision, one.published_by, prod.sequence, prod.changed_by, prod.rollout} == {None}
    assert (prod.get_version_content(), prod.get_secondary_version_content()) == (b"one", b"two")


@pytest.mark.backends(*LOCAL)
def test_every_write_here_is_seen_there_on_a_repository_begun_there(library: Library, repository: Repository) -> None:
    library.publish("app", b"one", b"two")
    library.put_alias("app", "prod", version=1)

    for write in (
        lambda: repository.put_artifact("app", b"three"),
        lambda: repository.publish_artifact_version("app"),
        lambda: repository.publish_artifact_version("app", content=b"four"),
        lambda: repository.put_alias("app", "prod", 3, 4, 5),
        lambda: repository.rollback_alias("app", "prod"),
        lambda: repository.delete_artifact_version("app", 2),
        lambda: repository.restore_artifact_version("app", 2),
        lambda: repository.delete_alias("app", "prod"),
    ):
        write()
        assert our_view(repository, "app") == library.view("app")
    assert versions(repository) == ["LATEST", "4", "3", "2", "1"]


def test_alias_moved_by_the_library_appears_in_the_history_as_observed(
    library: Library, repository: Repository
) -> None:
    library.publish("app", b"one", b"two", b"three")
    library.put_alias("app", "prod", version=1)
    repository.put_alias("app", "prod", 2)
    library.put_alias("app", "prod", version=3)
    repository.put_alias("app", "prod", 1, 2, 50)

    history = [(row.sequence, row.action, row.version) for row in repository.list_alias_history("app", "prod")]
    assert history == [(4, "put", "1"), (3, "observed", "3"), (2, "put", "2"), (1, "observed", "1")]
    assert repository.rollback_alias("app", "prod").version == "3"


def test_alias_of_the_library_has_a_revision_that_guards_it(library: Library, repository: Repository) -> None:
    library.publish("app", b"one", b"two")
    library.put_alias("app", "prod", version=1)
    seen = repository.get_alias("app", "prod").revision
    assert repository.get_alias("app", "prod").revision == seen

    library.put_alias("app", "prod", version=2)
    with pytest.raises(ConflictError, match=r"somebody moved it at .* to version 2"):
        repository.put_alias("app", "prod", 1, if_revision=seen)
    now = repository.get_alias("app", "prod").revision
    assert repository.put_alias("app", "prod", 1, if_revision=now).version == "1"


def test_version_that_an_alias_of_the_library_points_at_is_kept(library: Library, repository: Repository) -> None:
    library.publish("app", b"one", b"two", b"three")
    library.put_alias("app", "prod", version=1, secondary_version=2, secondary_version_weight=5)

    for version in (1, 2):
        with pytest.raises(InUseError, match="alias prod"):
            repository.delete_artifact_version("app", version)
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=1)):
        _, purged = repository.purge_artifact_versions("app", keep_last_n=0, purge_older_than_secs=0)
    assert [artifact.version for artifact in purged] == ["3"]
    assert our_view(repository, "app") == library.view("app")


def test_version_that_the_library_deleted_is_missing_and_can_be_restored(
    library: Library, repository: Repository
) -> None:
    library.publish("app", b"one")
    repository.publish_artifact_version("app", content=b"two")
    for version in (1, 2, None):
        library.delete_artifact_version("app", version=version)
        assert missing(repository, "app", version)
    assert versions(repository) == []

    assert repository.restore_artifact_version("app", 1).get_content() == b"one"
    assert repository.restore_artifact_version("app", 2).get_content() == b"two"
    assert repository.restore_artifact_version("app").get_content() == b"two"
    assert our_view(repository, "app") == library.view("app")


@pytest.mark.parametrize("ghost", [1000, 999_999, "latest", "prod", 0, 1, 2])
def test_ghost_of_the_library_does_not_disturb_publishing(
    library: Library, repository: Repository, ghost: int | str
) -> None:
    library.publish("app", b"one")
    expected = ["LATEST", "2", "1"]
    if ghost == 1:  # the one version itself
        expected = ["LATEST", "2"]
    library.delete_artifact_version("app", version=ghost)

    assert repository.publish_artifact_version("app").version == "2"
    assert versions(repository) == expected


@pytest.mark.parametrize("content", [None, b"three"])
def test_ghost_of_the_first_number_does_not_begin_the_numbers_anew(
    library: Library, repository: Repository, store: Store, content: bytes | None
) -> None:
    library.put_artifact("app", b"zero")
    library.delete_artifact_version("app", version=1)
    library.publish("app", b"one", b"two")
    if content is None:
        repository.put_artifact("app", b"three")
    else:
        store.delete_item("app", "LATEST")

    assert repository.publish_artifact_version("app", content=content).version == "4"
    assert versions(repository) == ["LATEST", "4", "3", "2"]


def test_ghost_of_latest_is_no_artifact_and_can_be_put_over(library: Library, repository: Repository) -> None:
    library.delete_artifact_version("app")

    assert versions(repository) == []
    with pytest.raises(ArtifactNotFoundError):
        repository.publish_artifact_version("app")
    with pytest.raises(ArtifactNotFoundError):
        repository.restore_artifact_version("app")
    repository.put_artifact("app", b"one")
    assert our_view(repository, "app") == library.view("app")
    assert versions(repository) == ["LATEST"]


@pytest.mark.backends(*LOCAL)
def test_put_that_died_without_a_record_is_repaired_by_the_same_put(
    library: Library, repository: Repository, store: Store
) -> None:
    library.put_artifact("app", b"one")
    store.delete_item("app", "LATEST")

    assert missing(repository, "app")
    assert repository.put_artifact("app", b"one").get_content() == b"one"
    assert our_view(repository, "app") == library.view("app")


@pytest.mark.backends(*LOCAL)
@pytest.mark.parametrize("content", [b"one", b"two", b"three"])
def test_put_that_died_with_an_older_record_is_repaired_by_any_put(
    library: Library, repository: Repository, store: Store, content: bytes
) -> None:
    library.put_artifact("app", b"one")
    overwrite(store, b"two")

    repository.put_artifact("app", content)
    assert repository.get_artifact_version("app").get_content() == content
    assert our_view(repository, "app") == library.view("app")


@pytest.mark.backends(*LOCAL)
@pytest.mark.parametrize("record", ["none", "of other content", "of other content, deleted"])
def test_object_of_a_put_that_died_does_not_stand_in_for_published_content(
    library: Library, repository: Repository, store: Store, record: str
) -> None:
    if record != "none":
        library.put_artifact("app", b"one")
    if record == "of other content, deleted":
        repository.delete_artifact_version("app")
    overwrite(store, b"two")

    repository.publish_artifact_version("app", content=b"three")
    assert repository.get_artifact_version("app").get_content() == b"three"
    assert our_view(repository, "app") == library.view("app")


@pytest.mark.backends(*LOCAL)
def test_publish_that_died_without_a_record_is_passed(library: Library, repository: Repository, store: Store) -> None:
    library.publish("app", b"one", b"two")
    store.delete_item("app", "000002")  # the object stands already: the library is stuck for ever here

    version = repository.publish_artifact_version("app", content=b"three")
    assert versions(repository) == ["LATEST", version.version, "1"]
    assert version.get_content() == b"three"
    assert library.publish_artifact_version("app").version == "3"
    assert our_view(repository, "app") == library.view("app")


@pytest.mark.backends(*LOCAL)
def test_object_that_the_library_overwrote_without_a_record_is_published_with_its_own_digest(
    library: Library, repository: Repository, store: Store
) -> None:
    library.put_artifact("app", b"one")
    overwrite(store, b"two")

    version = repository.publish_artifact_version("app")
    assert version.get_content() == b"two"
    assert version.sha256 == hashlib.sha256(b"two").hexdigest()


def test_object_without_digest_in_its_metadata_is_published_with_its_own_digest(
    library: Library, repository: Repository, store: Store
) -> None:
    library.put_artifact("app", b"one")
    store.put_object(store.key("app", "LATEST"), b"two")

    version = repository.publish_artifact_version("app")
    assert version.get_content() == b"two"
    assert repository.put_artifact("app", b"three").get_content() == b"three"


def test_odd_aliases_of_the_library_can_be_read_and_removed(library: Library, repository: Repository) -> None:
    library.publish("app", b"one")
    odd = ["a/b", " ", "a#b", "a", "000001", "LATEST", "é"]
    for alias in odd:
        library.put_alias("app", alias, version=1)

    assert our_view(repository, "app") == library.view("app")
    for alias in odd:
        assert repository.get_alias("app", alias).get_version_content() == b"one"
        repository.delete_alias("app", alias)
    assert [row.action for row in repository.list_alias_history("app", "a")] == ["delete", "observed"]
    repository.delete_artifact_version("app", 1)
    assert missing(repository, "app", 1)


def test_alias_without_a_time_is_read_and_guarded(library: Library, repository: Repository, store: Store) -> None:
    library.publish("app", b"one")
    store.put_item("__app-alias", "prod", version={"S": "000001"})
    alias = repository.get_alias("app", "prod")

    with pytest.raises(ConflictError, match="somebody moved it to version 1"):
        repository.put_alias("app", "prod", "LATEST", if_revision="another")
    assert repository.put_alias("app", "prod", "LATEST", if_revision=alias.revision).version == "LATEST"


def test_purge_of_an_artifact_of_the_library_leaves_it_nothing_but_the_last_number(
    library: Library, repository: Repository, store: Store
) -> None:
    library.publish("app", b"one", b"two")
    library.delete_artifact_version("app", version="prod")
    library.put_alias("app", "prod", version=1)
    repository.purge_artifact("app")

    assert library.view("app") == our_view(repository, "app") == {"versions": [], "aliases": []}
    assert store.keys() == []
    assert set(store.items("app")) == {("app", "000002")}
    library.put_artifact("app", b"three")
    assert library.publish_artifact_version("app").version == "3"
    assert repository.publish_artifact_version("app").version == "4"


def test_purge_all_removes_what_the_library_wrote(library: Library, repository: Repository, store: Store) -> None:
    for name in ("app", "my app", "x.y"):
        library.publish(name, b"one")
        library.put_alias(name, "prod", version=1)
    repository.purge_all()

    assert store.keys() == []
    assert all(library.view(name) == {"versions": [], "aliases": []} for name in ("app", "my app", "x.y"))
