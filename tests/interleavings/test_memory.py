"""S3 and DynamoDB in memory answer as servers do, as far as the repository asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from airflow_provider_versioned.repository import Repository
from airflow_provider_versioned.repository.bucket import quoted
from tests.interleavings.expressions import updated
from tests.interleavings.memory_dynamodb import MemoryDynamoDB
from tests.interleavings.memory_s3 import MemoryS3
from tests.repository.store import Store
from tests.servers import DYNAMODB_LOCAL, MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws, PlaceArguments

KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
Requests = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def store(aws: Aws, unique_place: PlaceArguments, repository: Repository) -> Store:
    """The raw side of ``repository``."""
    return Store(aws, unique_place)


def _condition(expression: str, **values: Any) -> dict[str, Any]:
    return {
        "ConditionExpression": expression,
        "ExpressionAttributeNames": {"#set": "set", "#n": "n", "#text": "text"},
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }


ITEM = {**KEY, "text": {"S": "abc"}, "n": {"N": "5"}, "set": {"SS": ["a", "b"]}}
CONDITIONS = {
    "a set is equal in any order": _condition(
        "#set = :v AND #n > :n AND #text <> :t", v={"SS": ["b", "a"]}, n={"N": "4"}, t={"S": "x"}
    ),
    "a set contains": _condition(
        "contains(#set, :v) AND #n <= :n AND #text = :t", v={"S": "b"}, n={"N": "5.0"}, t={"S": "abc"}
    ),
    "a set does not contain": _condition(
        "NOT (contains(#set, :v)) OR #n < :n OR #text = :t", v={"S": "b"}, n={"N": "5"}, t={"S": ""}
    ),
    "there is no such attribute": _condition(
        "attribute_not_exists(pk) OR (#n IN (:a, :b) AND begins_with(#text, :t) AND attribute_exists(#set))",
        a={"N": "1"},
        b={"N": "5"},
        t={"S": "ab"},
    ),
    "another type is not less": _condition("#text < :v OR #n = :n OR #set = :n", v={"N": "9"}, n={"S": "5"}),
}
UPDATES = {
    "sets and removals": (
        "SET #n = :n, #text = if_not_exists(#text, :t) REMOVE beside ADD #set :s",
        {"n": {"N": "6"}, "t": {"S": "t"}, "s": {"SS": ["c", "a"]}},
    ),
    "the last members": (
        "SET #n = if_not_exists(beside, #n), #text = :t DELETE #set :s",
        {"t": {"S": "t"}, "s": {"SS": ["b", "a", "z"]}},
    ),
}


def _outcome(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """Return what tells: the code of an error with what stood there, or the essence of an answer."""
    try:
        answer = getattr(client, operation)(**request)
    except ClientError as error:
        found: dict[str, Any] = {**error.response}
        reasons = found.get("CancellationReasons", ())
        return (
            found["Error"]["Code"],
            _sorted(found.get("Item")),
            [(reason["Code"], _sorted(reason.get("Item"))) for reason in reasons],
        )
    keys = ("Item", "Items", "Attributes", "ETag", "ContentLength", "Metadata", "LastEvaluatedKey")
    essence = {key: answer[key] for key in keys if key in answer}
    essence |= {"copied": quoted(answer["CopyObjectResult"]["ETag"])} if "CopyObjectResult" in answer else {}
    if "Items" in essence:
        essence["Items"] = [_sorted(item) for item in essence["Items"]]
    return {key: _sorted(value) if key in {"Item", "Attributes"} else value for key, value in essence.items()}


def _sorted(item: dict[str, Any] | None) -> dict[str, Any] | None:
    if item is None:
        return None
    return {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in typed.items()}
        for name, typed in item.items()
    }


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize("condition", CONDITIONS.values(), ids=CONDITIONS)
@pytest.mark.parametrize("there", [True, False])
def test_conditions_are_judged_as_by_dynamodb(store: Store, condition: dict[str, Any], there: bool) -> None:
    request = {"Key": KEY, "UpdateExpression": "SET done = :done", "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    request |= {
        **condition,
        "ExpressionAttributeValues": condition["ExpressionAttributeValues"] | {":done": {"S": "y"}},
    }
    requests: Requests = [("put_item", {"Item": ITEM})] if there else []
    _assert_same(
        store, [*requests, ("update_item", {**request, "ReturnValues": "ALL_OLD"}), ("get_item", {"Key": KEY})]
    )


@pytest.mark.backends(DYNAMODB_LOCAL)
@pytest.mark.parametrize("update", UPDATES.values(), ids=UPDATES)
def test_updates_are_made_as_by_dynamodb(store: Store, update: tuple[str, dict[str, Any]]) -> None:
    expression, values = update
    names = {name: name[1:] for name in ("#n", "#text", "#set") if name in expression}
    request = {
        "Key": KEY,
        "UpdateExpression": expression,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {f":{name}": value for name, value in values.items()},
    }
    _assert_same(store, [("put_item", {"Item": ITEM}), ("update_item", request), ("get_item", {"Key": KEY})])


def test_two_actions_about_one_attribute_are_refused_as_by_dynamodb() -> None:
    request = {
        "UpdateExpression": "ADD s :a DELETE s :b",
        "ExpressionAttributeValues": {":a": {"SS": ["a"]}, ":b": {"SS": ["b"]}},
    }

    with pytest.raises(ValueError, match="two actions are about s"):
        updated(request, {})


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_transactions_pages_and_tokens_are_those_of_dynamodb(store: Store) -> None:
    def put(sk: str, token: str, *more: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        new = {
            "Item": {**ITEM, "sk": {"S": sk}},
            "ConditionExpression": "attribute_not_exists(pk)",
            "TableName": store.table,
        }
        new["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return "transact_write_items", {"TransactItems": [{"Put": new}, *more], "ClientRequestToken": token}

    beside = {"Delete": {"TableName": store.table, "Key": {**KEY, "sk": {"S": "s"}}}}
    query = {"KeyConditionExpression": "pk = :pk AND sk BETWEEN :a AND :b", "ScanIndexForward": False, "Limit": 2}
    values = {":pk": {"S": "p"}, ":a": {"S": "a"}, ":b": {"S": "d"}}
    requests: Requests = [
        put("a", "1"),
        put("a", "1"),
        put("a", "2", beside),
        *(put(sk, sk) for sk in "bcde"),
        ("query", {**query, "ExpressionAttributeValues": values}),
        ("query", {**query, "ExpressionAttributeValues": values, "ExclusiveStartKey": {**KEY, "sk": {"S": "c"}}}),
        ("delete_item", {"Key": {**KEY, "sk": {"S": "a"}}, "ReturnValues": "ALL_OLD"}),
        ("get_item", {"Key": {**KEY, "sk": {"S": "a"}}}),
    ]
    _assert_same(store, requests)


def _assert_same(store: Store, requests: Requests) -> None:
    memory = MemoryDynamoDB()
    for operation, request in requests:
        named = request if operation == "transact_write_items" else {"TableName": store.table, **request}
        assert _outcome(memory, operation, named) == _outcome(store.aws.dynamodb, operation, named), operation


@pytest.mark.backends(DYNAMODB_LOCAL)
def test_objects_and_conditions_are_those_of_s3(store: Store) -> None:
    memory = MemoryS3()
    one, other = "o/one", "o/other"
    put = {"Body": b"one", "Metadata": {"a": "b"}}

    def same(operation: str, key: str, **request: Any) -> Any:
        answers = [
            _outcome(client, operation, {"Bucket": store.bucket, "Key": key, **request})
            for client in (memory, store.aws.s3)
        ]
        assert answers[0] == answers[1], (operation, key, request)
        return answers[0]

    etag = same("put_object", one, **put, IfNoneMatch="*")["ETag"]
    same("put_object", one, **put, IfNoneMatch="*")
    same("put_object", one, Body=b"two", IfMatch='"0"')
    same("copy_object", other, CopySource={"Bucket": store.bucket, "Key": one}, CopySourceIfMatch='"0"')
    same("copy_object", other, CopySource={"Bucket": store.bucket, "Key": one}, CopySourceIfMatch=etag)
    same("copy_object", other, CopySource={"Bucket": store.bucket, "Key": one}, IfNoneMatch="*")
    same("copy_object", other, CopySource={"Bucket": store.bucket, "Key": one}, IfMatch='"0"')
    same("head_object", other)
    same("head_object", "o/none")
    same("delete_object", other, IfMatch='"0"')
    same("delete_object", other, IfMatch=etag)
    same("delete_object", other)
    same("get_object", other)
    for key in (one, other):
        same("put_object", key, Body=b"three")
    doomed: Any = [{"Key": one, "ETag": '"0"'}, {"Key": other, "ETag": same("head_object", other)["ETag"]}]
    for client in (memory, store.aws.s3):
        answer: Any = client.delete_objects(Bucket=store.bucket, Delete={"Objects": doomed, "Quiet": True})
        assert [(error["Key"], error["Code"]) for error in answer["Errors"]] == [(one, "PreconditionFailed")]
    for key in (one, other):
        same("head_object", key)


@pytest.mark.backends(MINISTACK, DYNAMODB_LOCAL)
def test_upload_in_one_part_has_the_etag_that_s3_gives(store: Store) -> None:
    def upload(s3: Any) -> str:
        address = {"Bucket": store.bucket, "Key": "o/parts"}
        upload_id = s3.create_multipart_upload(**address, Metadata={"a": "b"})["UploadId"]
        part = s3.upload_part(**address, UploadId=upload_id, PartNumber=1, Body=b"content")["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
        made = s3.complete_multipart_upload(**address, UploadId=upload_id, MultipartUpload=parts, IfNoneMatch="*")
        assert s3.head_object(**address)["Metadata"] == {"a": "b"}
        return str(made["ETag"])

    assert upload(MemoryS3()).strip('"') == upload(store.aws.s3).strip('"')


@pytest.mark.backends(MINISTACK, DYNAMODB_LOCAL)
def test_repository_comes_to_the_same_in_memory(unique_place: PlaceArguments, repository: Repository) -> None:
    in_memory = Repository(**unique_place, s3_client=MemoryS3(), dynamodb_client=MemoryDynamoDB())  # type: ignore[arg-type] # that is the point

    assert _story(in_memory) == _story(repository)


def _story(repository: Repository) -> list[object]:
    said: list[object] = []

    def tell(call: Callable[[], object]) -> None:
        call()
        versions = repository.list_artifact_versions("m")
        said.append([(found.version, found.get_content(), found.etag) for found in versions])

    tell(lambda: repository.put_artifact("m", b"a"))
    tell(lambda: repository.publish_artifact_version("m", content=b"b", idempotency_key="k"))
    tell(lambda: repository.publish_artifact_version("m", content=b"b", idempotency_key="k"))
    tell(lambda: repository.publish_artifact_version("m"))
    tell(lambda: repository.put_alias("m", "prod", 1))
    tell(lambda: repository.delete_artifact_version("m", "LATEST"))
    tell(lambda: repository.put_artifact("m", b"b"))
    tell(lambda: repository.purge_artifact_versions("m", keep_last_n=0, purge_older_than_secs=0))
    tell(lambda: repository.purge_artifact("m"))
    tell(lambda: repository.publish_artifact_version("m", content=b"c"))
    return said
