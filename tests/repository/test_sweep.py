"""Sweeping: what dead processes left goes after the safety age; what is young, live, or not ours stays."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import InvalidInputError, Repository
from tests.repository.interruption import interrupting
from tests.servers import MOTO, TRANSACTIONAL

if TYPE_CHECKING:
    from tests.repository.store import Store

OLD = {"S": "2026-01-01T00:00:00.000000+0000"}


@pytest.fixture
def model(repository: Repository) -> Repository:
    """A repository with version 1 of an artifact."""
    repository.publish_artifact_version("model", content=b"one")
    return repository


def claim(store: Store, number: int, **attributes: Any) -> None:
    """Leave a claim behind, with the object that its publisher had stored already."""
    sk = f"{number:06d}"
    state: dict[str, Any] = {
        "is_deleted": {"BOOL": True},
        "state": {"S": "claimed"},
        "revision": {"S": "claimed-by-the-dead"},
    }
    store.put_version("model", sk, **{**state, "update_at": OLD, **attributes})
    store.put_object(store.key("model", sk), b"half", Metadata={"artifact_name": "model", "artifact_sha256": "0"})
    store.put_item("__model-meta", "counter", highest={"N": str(number)})


def begin_upload(store: Store, key: str) -> None:
    upload = store.aws.s3.create_multipart_upload(Bucket=store.bucket, Key=key)
    store.aws.s3.upload_part(Bucket=store.bucket, Key=key, UploadId=upload["UploadId"], PartNumber=1, Body=b"x")


def uploads(store: Store) -> list[str]:
    answer = store.aws.s3.list_multipart_uploads(Bucket=store.bucket)
    return [upload["Key"] for upload in answer.get("Uploads", [])]


def test_abandoned_claim_goes_with_its_object_and_its_number_is_not_given_again(
    model: Repository, store: Store
) -> None:
    claim(store, 2)
    claim(store, 3, update_at={"S": "2999-01-01T00:00:00.000000+0000"})

    assert model.sweep_artifact("model").claims == ("2",)
    assert [key.rpartition("/")[2][:6] for key in sorted(store.keys())] == ["000001", "000003", "LATEST"]
    assert ("model", "000002") not in store.items()
    assert model.publish_artifact_version("model", content=b"two").version == "4"


def test_highest_claim_leaves_its_item_as_a_tombstone_that_nobody_sees(model: Repository, store: Store) -> None:
    claim(store, 2)

    assert model.sweep_artifact("model", 0).claims == ("2",)
    assert store.item("model", "000002")["state"] == {"S": "purging"}
    assert model.sweep_artifact("model", 0).claims == ()
    assert model.free_artifact_versions("model", 0).decisions == ()
    assert [artifact.version for artifact in model.list_artifact_versions("model")] == ["LATEST", "1"]
    assert model.publish_artifact_version("model", content=b"two").version == "3"


def test_publisher_whose_claim_was_swept_takes_the_next_number(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = store.reopened()
    store_content = slow._objects.put_version
    swept: list[tuple[str, ...]] = []

    def store_after_a_sweep(*arguments: object) -> object:
        if not swept:
            swept.append(model.sweep_artifact("model", 0).claims)
        return store_content(*arguments)  # type: ignore[arg-type] # passed through

    monkeypatch.setattr(slow._objects, "put_version", store_after_a_sweep)
    published = slow.publish_artifact_version("model", content=b"late", idempotency_key="task")

    assert swept == [("2",)]
    assert published.version == "3"
    assert published.get_content() == b"late"
    again = model.publish_artifact_version("model", content=b"late", idempotency_key="task")
    assert again.version == "3"


def test_claim_that_was_finished_while_sweeping_stays(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeping = store.reopened()
    claim(store, 2)
    read = sweeping._remains.items

    def read_then_finish(asked: str, name: str) -> object:
        found = list(read(asked, name))
        store.set_attribute("model", "000002", "state", {"S": "published"})
        store.set_attribute("model", "000002", "is_deleted", {"BOOL": False})
        return iter(found)

    monkeypatch.setattr(sweeping._remains, "items", read_then_finish)
    assert sweeping.sweep_artifact("model").claims == ()
    assert store.content(store.key("model", "000002")) == b"half"
    assert model.get_artifact_version("model", 2).version == "2"


def test_orphan_goes_only_if_it_says_itself_that_it_is_ours(model: Repository, store: Store) -> None:
    ours = store.key("model", "000007")
    foreign = [store.key("model", "000008"), store.key("model", "000009"), store.key("model", "notes")]
    store.put_object(ours, b"orphan", Metadata={"artifact_name": "model"})
    store.put_object(foreign[0], b"a person's")
    store.put_object(foreign[1], b"of another", Metadata={"artifact_name": "other"})
    store.put_object(foreign[2], b"notes", Metadata={"artifact_name": "model"})
    before = store.objects()

    assert model.sweep_artifact("model").orphans == (), "all are young"
    assert store.objects() == before
    assert model.sweep_artifact("model", 0).orphans == (ours,)
    del before[ours]
    assert store.objects() == before
    assert model.publish_artifact_version("model", content=b"x").version == "8"


def test_orphan_whose_number_is_published_meanwhile_stays(
    model: Repository, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(b"same").hexdigest()
    metadata = {"artifact_name": "model", "artifact_sha256": digest}
    store.put_object(store.key("model", "000002"), b"same", Metadata=metadata)
    publishing = store.reopened()
    interrupting(
        monkeypatch,
        model._sweeper,
        "_remove_orphans",
        lambda: publishing.publish_artifact_version("model", content=b"same"),
    )

    assert model.sweep_artifact("model", 0).orphans == ()
    assert model.get_artifact_version("model", 2).get_content() == b"same"


def test_object_of_latest_without_an_item_is_no_orphan(repository: Repository, store: Store) -> None:
    store.put_object(store.key("model", "LATEST"), b"x", Metadata={"artifact_name": "model"})

    with store.unchanged():
        assert repository.sweep_artifact("model", 0).orphans == ()


@pytest.mark.backends(*TRANSACTIONAL)  # moto says of every upload that it was begun in 2010
def test_unfinished_uploads_of_versions_are_given_up_and_others_stay(model: Repository, store: Store) -> None:
    ours, foreign = store.key("model", "000004"), store.key("model", "a-person-s")
    for key in (ours, foreign, store.key("other", "000001")):
        begin_upload(store, key)

    assert model.sweep_artifact("model").uploads == (), "all are young"
    assert model.sweep_artifact("model", 0, dry_run=True).uploads == (ours,)
    assert len(uploads(store)) == 3
    assert model.sweep_artifact("model", 0).uploads == (ours,)
    assert sorted(uploads(store)) == sorted([foreign, store.key("other", "000001")])
    assert model.sweep_artifact("model", 0).uploads == ()


def test_dry_run_says_all_and_writes_nothing(model: Repository, store: Store) -> None:
    claim(store, 2)
    store.put_object(store.key("model", "000007"), b"orphan", Metadata={"artifact_name": "model"})

    with store.unchanged():
        result = model.sweep_artifact("model", 0, dry_run=True)
    assert json.loads(json.dumps(result.to_dict())) == {
        "name": "model",
        "older_than_secs": 0.0,
        "dry_run": True,
        "claims": ["2"],
        "orphans": [store.key("model", "000007")],
        "uploads": [],
    }


@pytest.mark.backends(MOTO)
def test_wrong_age_or_name_is_refused_and_nothing_is_written(model: Repository, store: Store) -> None:
    with store.unchanged(), pytest.raises(InvalidInputError, match="older_than_secs"):
        model.sweep_artifact("model", -1)
    with store.unchanged(), pytest.raises(InvalidInputError):
        model.sweep_artifact("../model", 0)


def test_purge_all_of_a_whole_bucket_spares_foreign_folders(store: Store, repository: Repository) -> None:
    place: dict[str, Any] = {**store.place, "s3_prefix": "", "suffix": "", "dynamodb_table_name": f"{store.table}-2"}
    whole = Repository(**place, s3_client=store.aws.s3, dynamodb_client=store.aws.dynamodb)
    whole.bootstrap(**store.aws.bootstrap_arguments)
    whole.publish_artifact_version("model", content=b"x")
    repository.publish_artifact_version("other", content=b"x")
    store.put_object("dates/202611", b"a person's")
    store.put_object("model/202612", b"a person's")
    store.put_object("model/000004", b"orphan", Metadata={"artifact_name": "model"})
    kept = {key: what for key, what in store.objects().items() if key.startswith(("dates/", "artifacts/", "model/202"))}

    whole.purge_all()
    assert store.objects() == kept
    table = store.aws.dynamodb.scan(TableName=place["dynamodb_table_name"])["Items"]
    assert not [item["pk"]["S"] for item in table if "dates" in item["pk"]["S"]]
    assert whole.publish_artifact_version("model", content=b"y").version == "5"
    assert repository.get_artifact_version("other", 1).get_content() == b"x"
