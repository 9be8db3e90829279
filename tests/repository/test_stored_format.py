"""The stored format, byte by byte: what stands in the table and the bucket after each operation."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ArtifactNotFoundError, StorageError

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.repository.store import RawItem, Store
    from tests.repository.traffic import Traffic

SHA = hashlib.sha256(b"content").hexdigest()
UPDATE_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000")
REFERENCE_ARTIFACT = {"pk": "S", "sk": "S", "update_at": "S", "is_deleted": "BOOL", "sha256": "S"}
REFERENCE_ALIAS = {"pk": "S", "sk": "S", "update_at": "S", "version": "S"}


def types(item: RawItem) -> dict[str, str]:
    """Return the DynamoDB type of each attribute."""
    return {name: next(iter(typed)) for name, typed in item.items()}


def put(repository: Repository) -> None:
    repository.put_artifact(
        "model", b"content", content_type="text/plain", metadata={"foo": "bar"}, tags={"team": "a b", "cost": "1+1=2"}
    )


def described(store: Store, sk: str) -> tuple[bytes, dict[str, str], str, list[Any]]:
    key = store.key("model", sk)
    answer = store.aws.s3.get_object(Bucket=store.bucket, Key=key)
    tags = store.aws.s3.get_object_tagging(Bucket=store.bucket, Key=key)["TagSet"]
    found = sorted((tag["Key"], tag["Value"]) for tag in tags)
    return answer["Body"].read(), answer["Metadata"], answer["ContentType"], found


def test_put_writes_the_item_of_the_format_and_our_attributes(repository: Repository, store: Store) -> None:
    artifact = repository.put_artifact("model", b"content")
    item = store.item("model", "LATEST")

    assert types(item) == {**REFERENCE_ARTIFACT, "etag": "S", "size": "N", "revision": "S"}
    assert item["is_deleted"] == {"BOOL": False}
    assert item["sha256"] == {"S": SHA}
    assert item["size"] == {"N": "7"}
    assert item["etag"] == {"S": artifact.etag}
    assert item["revision"] == {"S": artifact.revision}
    assert str(artifact.etag).strip('"') == hashlib.md5(b"content").hexdigest()  # noqa: S324 -- S3's ETag


def test_put_writes_no_other_item_and_one_object(repository: Repository, store: Store) -> None:
    before = store.items().keys()
    repository.put_artifact("model", b"content")

    assert store.items().keys() - before == {("model", "LATEST")}
    assert store.keys() == ["artifacts/model/LATEST.bin"]


def test_put_writes_the_object_of_the_format(repository: Repository, store: Store) -> None:
    put(repository)

    assert described(store, "LATEST") == (
        b"content",
        {"artifact_name": "model", "artifact_sha256": SHA, "foo": "bar"},
        "text/plain",
        [("cost", "1+1=2"), ("team", "a b")],
    )


def test_publish_writes_the_item_of_the_format_and_our_attributes(repository: Repository, store: Store) -> None:
    put(repository)
    version = repository.publish_artifact_version("model", published_by="dag.task")
    item = store.item("model", "000001")

    ours = {"etag": "S", "size": "N", "revision": "S", "state": "S", "published_by": "S"}
    assert types(item) == REFERENCE_ARTIFACT | ours
    assert (item["is_deleted"], item["state"]) == ({"BOOL": False}, {"S": "published"})
    assert (item["sha256"], item["published_by"]) == ({"S": SHA}, {"S": "dag.task"})
    assert item["revision"] == {"S": version.revision}


@pytest.mark.parametrize("with_content", [False, True])
def test_publish_keeps_metadata_content_type_and_tags_on_version_and_latest(
    repository: Repository, store: Store, *, with_content: bool
) -> None:
    if with_content:
        repository.publish_artifact_version(
            "model", content=b"content", content_type="text/plain", metadata={"foo": "bar"}, tags={"team": "a b"}
        )
    else:
        put(repository)
        repository.publish_artifact_version("model")

    assert described(store, "000001") == described(store, "LATEST")
    assert described(store, "000001")[1:3] == (
        {"artifact_name": "model", "artifact_sha256": SHA, "foo": "bar"},
        "text/plain",
    )
    assert ("team", "a b") in described(store, "000001")[3]


def test_publish_of_content_leaves_latest_as_a_put_would(repository: Repository, store: Store) -> None:
    repository.publish_artifact_version("model", content=b"content")
    item = store.item("model", "LATEST")

    assert types(item) == {**REFERENCE_ARTIFACT, "etag": "S", "size": "N", "revision": "S"}
    assert item["etag"] == {"S": store.objects()[store.key("model", "LATEST")][0]}


def test_update_at_has_the_one_form_that_the_library_reads(repository: Repository, store: Store) -> None:
    put(repository)
    repository.publish_artifact_version("model", idempotency_key="key")
    repository.put_alias("model", "prod", 1, idempotency_key="key")
    repository.delete_artifact_version("model")

    moments = [item["update_at"]["S"] for item in store.items().values() if "update_at" in item]
    assert len(moments) == 3
    assert all(UPDATE_AT.fullmatch(moment) and len(moment) == 31 for moment in moments)


def test_update_at_of_versions_is_the_object_s_time_in_whole_seconds(repository: Repository, store: Store) -> None:
    put(repository)
    version = repository.publish_artifact_version("model")
    written = store.objects()[store.key("model", "000001")][3]

    assert version.update_at == written.replace(microsecond=0)
    assert store.item("model", "000001")["update_at"]["S"].endswith(".000000+0000")


def test_put_alias_writes_the_item_of_the_format_and_our_attributes(repository: Repository, store: Store) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    alias = repository.put_alias("model", "prod", 1, 2, 20, reason="why", changed_by="ann", rollout="r")
    item = store.item("__model-alias", "prod")

    ours = {"revision": "S", "sequence": "N", "changed_by": "S", "reason": "S", "rollout": "S"}
    assert types(item) == REFERENCE_ALIAS | {"secondary_version": "S", "secondary_version_weight": "N"} | ours
    assert (item["version"], item["secondary_version"]) == ({"S": "000001"}, {"S": "000002"})
    assert item["secondary_version_weight"] == {"N": "20"}
    assert (item["revision"], item["sequence"]) == ({"S": alias.revision}, {"N": "1"})


def test_put_alias_without_split_and_notes_writes_no_attribute_for_them(repository: Repository, store: Store) -> None:
    put(repository)
    repository.put_alias("model", "prod")
    item = store.item("__model-alias", "prod")

    assert types(item) == REFERENCE_ALIAS | {"revision": "S", "sequence": "N"}
    assert item["version"] == {"S": "LATEST"}


def test_targets_know_their_aliases_and_forget_them(repository: Repository, store: Store) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content)
    repository.put_alias("model", "prod", 1, 2, 20)
    repository.put_alias("model", "test", 2)

    assert store.item("model", "000001")["aliases"] == {"SS": ["prod"]}
    assert store.item("model", "000002")["aliases"] == {"SS": ["prod", "test"]}
    repository.put_alias("model", "prod", 2)
    repository.delete_alias("model", "test")
    assert "aliases" not in store.item("model", "000001")
    assert store.item("model", "000002")["aliases"] == {"SS": ["prod"]}


def test_delete_changes_the_mark_only_and_leaves_the_object(repository: Repository, store: Store) -> None:
    put(repository)
    repository.publish_artifact_version("model")
    before, objects = store.item("model", "000001"), store.objects()
    repository.delete_artifact_version("model", 1)
    after = store.item("model", "000001")

    assert after["is_deleted"] == {"BOOL": True}
    assert types(after) == {**types(before), "deleted_at": "S"}
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"is_deleted", "revision"}
    assert store.objects() == objects


def test_bookkeeping_stands_in_no_partition_that_the_library_queries(repository: Repository, store: Store) -> None:
    put(repository)
    repository.publish_artifact_version("model", idempotency_key="a")
    repository.publish_artifact_version("model", content=b"two", idempotency_key="b", if_changed=True)
    repository.put_alias("model", "prod", 1, 2, 5, idempotency_key="c")
    repository.rollback_alias("model", "prod", to_version=2, idempotency_key="d")
    repository.delete_alias("model", "prod", reason="why")
    repository.put_alias("model", "next", 1)
    repository.delete_artifact_version("model", 2)

    assert {sk for _, sk in store.items("model")} == {"LATEST", "000001", "000002"}
    assert {sk for _, sk in store.items("__model-alias")} == {"next"}
    assert {pk for pk, _ in store.items()} == {"model", "__model-alias", "__model-meta", "__repository"}


def test_claimed_version_is_invisible_until_its_publisher_comes_back(
    repository: Repository, store: Store, traffic: Traffic
) -> None:
    dying = traffic.repository(store.aws, store.place)
    traffic.answers = {"PutObject": (403, "AccessDenied", "no")}
    with pytest.raises(StorageError):
        dying.publish_artifact_version("model", content=b"content", idempotency_key="task")

    item = store.item("model", "000001")
    assert (item["is_deleted"], item["state"]) == ({"BOOL": True}, {"S": "claimed"})
    assert types(item).items() >= REFERENCE_ARTIFACT.items()
    assert repository.list_artifact_versions("model") == []
    with pytest.raises(ArtifactNotFoundError):
        repository.get_artifact_version("model", 1)
    with pytest.raises(ArtifactNotFoundError):
        repository.put_alias("model", "prod", 1)
    with pytest.raises(ArtifactNotFoundError):
        repository.restore_artifact_version("model", 1)
    repository.delete_artifact_version("model", 1)
    assert store.item("model", "000001") == item

    assert repository.publish_artifact_version("model", content=b"other").version == "2"
    assert repository.publish_artifact_version("model", content=b"content", idempotency_key="task").version == "1"
