"""Putting, reading, listing, deleting and restoring versions: each promise of those methods, kept."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError, InUseError, InvalidInputError, Repository
from tests.servers import DYNAMODB_LOCAL, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.repository.store import Store
    from tests.servers import Aws, PlaceArguments


def versions(repository: Repository, name: str = "model") -> list[str]:
    return [artifact.version for artifact in repository.list_artifact_versions(name)]


def test_put_new_content_replaces_latest(repository: Repository) -> None:
    first = repository.put_artifact("model", b"one")
    second = repository.put_artifact("model", b"two")

    assert repository.get_artifact_version("model") == second
    assert second.get_content() == b"two"
    assert second.revision != first.revision
    assert versions(repository) == ["LATEST"]


def test_put_same_content_writes_nothing_also_if_other_arguments_differ(repository: Repository, store: Store) -> None:
    first = repository.put_artifact("model", b"one", metadata={"k": "v"})

    with store.unchanged():
        again = repository.put_artifact("model", b"one", "text/plain", {"other": "x"}, {"tag": "x"})
    assert again == first


def test_put_earlier_content_again_replaces_latest(repository: Repository) -> None:
    for content in (b"one", b"two", b"one"):
        assert repository.put_artifact("model", content).get_content() == content
    assert repository.get_artifact_version("model").get_content() == b"one"


BAD_PUTS: dict[str, Callable[[Repository], object]] = {
    "name": lambda repository: repository.put_artifact("a/b", b"x"),
    "empty name": lambda repository: repository.put_artifact("", b"x"),
    "content": lambda repository: repository.put_artifact("model", "x"),  # type: ignore[arg-type] # the mistake under test
    "metadata": lambda repository: repository.put_artifact("model", b"x", metadata={"artifact_sha256": "0"}),
    "tags": lambda repository: repository.put_artifact("model", b"x", tags={"": ""}),
    "content type": lambda repository: repository.put_artifact("model", b"x", "a\nb"),
    "publish name": lambda repository: repository.publish_artifact_version("__x", content=b"x"),
    "publish key": lambda repository: repository.publish_artifact_version("model", content=b"x", idempotency_key=""),
    "publish by": lambda repository: repository.publish_artifact_version("model", published_by="x" * 2001),
    "publish tags": lambda repository: repository.publish_artifact_version("model", tags={"k": "v"}),
    "publish type": lambda repository: repository.publish_artifact_version("model", content_type="text/plain"),
    "publish text": lambda repository: repository.publish_artifact_version("model", content=io.StringIO("x")),  # type: ignore[arg-type] # as above
    "version 0": lambda repository: repository.delete_artifact_version("model", 0),
    "version -1": lambda repository: repository.delete_artifact_version("model", -1),
    "version 1.5": lambda repository: repository.restore_artifact_version("model", "1.5"),
    "version True": lambda repository: repository.get_artifact_version("model", True),  # noqa: FBT003 -- the mistake under test
}


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("mistake", BAD_PUTS)
def test_bad_input_is_refused_and_writes_nothing(repository: Repository, store: Store, mistake: str) -> None:
    repository.publish_artifact_version("model", content=b"one")

    with store.unchanged(), pytest.raises(InvalidInputError):
        BAD_PUTS[mistake](repository)


@pytest.mark.parametrize("version", [1, "1", "000001"])
def test_version_is_found_in_each_form_of_its_number(repository: Repository, version: int | str) -> None:
    published = repository.publish_artifact_version("model", content=b"one")

    assert repository.get_artifact_version("model", version) == published


def test_versions_are_listed_from_latest_and_the_highest_number_down(repository: Repository) -> None:
    for number in range(11):
        repository.publish_artifact_version("model", content=b"%d" % number)
    repository.publish_artifact_version("model-2", content=b"other")

    assert versions(repository) == ["LATEST", *(str(number) for number in range(11, 0, -1))]
    listed = repository.list_artifact_versions("model")
    assert listed == [repository.get_artifact_version("model", artifact.version) for artifact in listed]
    assert list(repository.iter_artifact_versions("model")) == listed


@pytest.mark.backends(DYNAMODB_LOCAL)  # pages as AWS does, at 1 MB
def test_versions_are_listed_over_several_pages(repository: Repository, store: Store) -> None:
    for number in range(1, 41):
        store.put_version("model", f"{number:06d}", published_by={"S": "x" * 60_000})

    assert versions(repository) == [str(number) for number in range(40, 0, -1)]
    assert next(iter(repository.iter_artifact_versions("model"))).version == "40"
    assert len(repository.plan_purge("model", 0, 0).to_purge) == 40


def test_missing_and_deleted_versions_are_told_apart_in_words(repository: Repository) -> None:
    repository.publish_artifact_version("model", content=b"one")
    repository.delete_artifact_version("model", 1)

    with pytest.raises(ArtifactNotFoundError, match="Version 1 of artifact 'model' is deleted; list_artifact_versions"):
        repository.get_artifact_version("model", 1)
    with pytest.raises(ArtifactNotFoundError, match="Version 2 of artifact 'model' does not exist"):
        repository.get_artifact_version("model", 2)
    with pytest.raises(LookupError) as caught:
        repository.get_artifact_version("nothing")
    assert caught.value.facts == {"name": "nothing", "version": "LATEST"}  # type: ignore[attr-defined] # ours


@pytest.mark.parametrize("version", ["1", "LATEST"])
def test_deleted_version_is_gone_its_bytes_stay_and_restore_brings_it_back(
    repository: Repository, store: Store, version: str
) -> None:
    repository.publish_artifact_version("model", content=b"one")
    before, objects = repository.get_artifact_version("model", version), store.objects()

    repository.delete_artifact_version("model", version)
    assert version not in versions(repository)
    assert store.objects() == objects
    with store.unchanged():
        repository.delete_artifact_version("model", version)  # gone already
    restored = repository.restore_artifact_version("model", version)
    assert restored.get_content() == b"one"
    assert (restored.update_at, restored.sha256) == (before.update_at, before.sha256)
    assert repository.get_artifact_version("model", version) == restored
    with store.unchanged():
        assert repository.restore_artifact_version("model", version) == restored  # live already


def test_delete_of_what_never_was_is_silent_and_writes_nothing(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=b"one")

    with store.unchanged():
        for version in (2, 999_999):
            repository.delete_artifact_version("model", version)
        repository.delete_artifact_version("nothing")


@pytest.mark.parametrize("version", [1, 2, "LATEST"])
def test_version_in_use_is_not_deleted(repository: Repository, store: Store, version: int | str) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    repository.put_alias("model", "prod", 1, 2, 5)
    repository.put_alias("model", "dev")

    alias = "dev" if version == "LATEST" else "prod"
    with store.unchanged(), pytest.raises(InUseError, match=f"alias {alias}.* points at it; move or delete") as caught:
        repository.delete_artifact_version("model", version)
    assert caught.value.facts["version"] == str(version)
    repository.delete_alias("model", alias)
    repository.delete_artifact_version("model", version)
    assert str(version) not in versions(repository)


@pytest.mark.parametrize("version", ["1", "LATEST"])
def test_restore_of_what_never_was_or_is_purged_is_not_found(
    repository: Repository, store: Store, version: str
) -> None:
    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="it does not exist; publish"):
        repository.restore_artifact_version("model", version)
    repository.publish_artifact_version("model", content=b"one")
    repository.purge_artifact("model")
    with store.unchanged(), pytest.raises(ArtifactNotFoundError, match="publish the content again"):
        repository.restore_artifact_version("model", version)


def test_put_after_delete_brings_latest_back_also_with_the_same_content(repository: Repository) -> None:
    for content in (b"one", b"one", b"two"):
        repository.put_artifact("model", content)
        assert repository.get_artifact_version("model").get_content() == content
        repository.delete_artifact_version("model")
    with pytest.raises(ArtifactNotFoundError):
        repository.publish_artifact_version("model")


def test_numbered_version_does_not_change_with_latest(repository: Repository) -> None:
    one = repository.publish_artifact_version("model", content=b"one")
    repository.put_artifact("model", b"two")
    repository.delete_artifact_version("model")
    repository.put_artifact("model", b"three")

    assert repository.get_artifact_version("model", 1) == one
    assert one.get_content() == b"one"


def test_names_are_listed_in_byte_order_also_with_every_version_deleted(repository: Repository, store: Store) -> None:
    for name in ("b", "a", "B", "a.b", "a-b"):
        repository.put_artifact(name, b"x")
    repository.delete_artifact_version("a")
    store.put_object("elsewhere/c/LATEST.bin", b"x")

    assert repository.list_artifact_names() == ["B", "a", "a-b", "a.b", "b"]


@pytest.mark.parametrize(("prefix", "suffix"), [("", ""), ("", ".tar.gz"), ("deep/er/prefix", ""), ("pré fix", "-x")])
def test_any_prefix_and_suffix_serve(aws: Aws, unique_place: PlaceArguments, prefix: str, suffix: str) -> None:
    place: dict[str, Any] = {**unique_place, "s3_prefix": prefix, "suffix": suffix}
    repository = Repository(**place, s3_client=aws.s3, dynamodb_client=aws.dynamodb)
    repository.bootstrap(**aws.bootstrap_arguments)

    repository.put_artifact("model", b"one")
    one = repository.publish_artifact_version("model")
    repository.put_alias("model", "prod", 1)
    folder = f"{prefix}/" if prefix else ""
    assert one.s3uri == f"s3://{place['s3_bucket']}/{folder}model/000001{suffix}"
    assert repository.get_alias("model", "prod").get_version_content() == b"one"
    assert repository.list_artifact_names() == ["model"]
    repository.purge_all()
    assert aws.s3.list_objects_v2(Bucket=place["s3_bucket"])["KeyCount"] == 0


def test_repository_shows_its_place_and_no_credentials(repository: Repository, store: Store) -> None:
    assert store.bucket in repr(repository)
    assert "client" not in repr(repository)
    found = (repository.s3_bucket, repository.s3_prefix, repository.dynamodb_table_name, repository.suffix)
    assert found == (store.bucket, "artifacts", store.table, ".bin")
