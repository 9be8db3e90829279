"""A repository's raw side, seen past the code under test: every item of the table, every object of the bucket."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Aws, PlaceArguments

RawItem = dict[str, Any]


@dataclass(frozen=True)
class Store:
    """One repository's bucket and table."""

    aws: Aws
    place: PlaceArguments

    @property
    def table(self) -> str:
        """Name of the table."""
        return self.place["dynamodb_table_name"]

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.place["s3_bucket"]

    def reopened(self) -> Repository:
        """Return another Repository object on the same place, as another process would have it."""
        return Repository(**self.place, s3_client=self.aws.s3, dynamodb_client=self.aws.dynamodb)

    # -- table -----------------------------------------------------------------------------------------------------

    def items(self, pk: str | None = None) -> dict[tuple[str, str], RawItem]:
        """Return all raw items by key, or those of one partition."""
        pages = self.aws.dynamodb.get_paginator("scan").paginate(TableName=self.table, ConsistentRead=True)
        items = [item for page in pages for item in page["Items"]]
        return {
            (item["pk"]["S"], item["sk"]["S"]): _comparable(item)
            for item in items
            if pk is None or item["pk"]["S"] == pk
        }

    def item(self, pk: str, sk: str) -> RawItem:
        """Return one raw item."""
        return self.items(pk)[pk, sk]

    def put_item(self, pk: str, sk: str, **attributes: Any) -> None:
        """Write a raw item past the code under test; attributes in DynamoDB's typed form."""
        self.aws.dynamodb.put_item(TableName=self.table, Item={"pk": {"S": pk}, "sk": {"S": sk}, **attributes})

    def put_version(self, name: str, sk: str, sha256: str = "0" * 64, **attributes: Any) -> None:
        """Write a version's item as the library ``versioned`` writes it."""
        self.put_item(
            name,
            sk,
            **{
                "update_at": {"S": "2026-11-22T10:20:44.000000+0000"},
                "is_deleted": {"BOOL": False},
                "sha256": {"S": sha256},
                **attributes,
            },
        )

    def set_attribute(self, pk: str, sk: str, name: str, value: RawItem) -> None:
        """Change one attribute of an item past the code under test."""
        self.aws.dynamodb.update_item(
            TableName=self.table,
            Key={"pk": {"S": pk}, "sk": {"S": sk}},
            UpdateExpression="SET #name = :value",
            ExpressionAttributeNames={"#name": name},
            ExpressionAttributeValues={":value": value},
        )

    def delete_item(self, pk: str, sk: str) -> None:
        """Remove an item past the code under test."""
        self.aws.dynamodb.delete_item(TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    # -- bucket ----------------------------------------------------------------------------------------------------

    def key(self, name: str, sk: str) -> str:
        """Return the S3 key of a version's content."""
        return f"{self.place['s3_prefix']}/{name}/{sk}{self.place['suffix']}"

    def keys(self) -> list[str]:
        """Return all S3 keys of the bucket."""
        pages = self.aws.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def content(self, key: str) -> bytes:
        """Return an object's bytes."""
        return self.aws.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()

    def put_object(self, key: str, content: bytes, **arguments: Any) -> None:
        """Write an object past the code under test."""
        self.aws.s3.put_object(Bucket=self.bucket, Key=key, Body=content, **arguments)

    def delete_object(self, key: str) -> None:
        """Remove an object past the code under test."""
        self.aws.s3.delete_object(Bucket=self.bucket, Key=key)

    def objects(self) -> dict[str, tuple[str, bytes, dict[str, str], Any]]:
        """Return everything about every object that a write would change."""
        found = {}
        for key in self.keys():
            answer = self.aws.s3.get_object(Bucket=self.bucket, Key=key)
            found[key] = (answer["ETag"], answer["Body"].read(), answer["Metadata"], answer["LastModified"])
        return found

    # -- both ------------------------------------------------------------------------------------------------------

    def dump(self) -> tuple[dict[tuple[str, str], RawItem], dict[str, Any]]:
        """Return the whole state, comparable."""
        return self.items(), self.objects()

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Assert that the block writes nothing at all."""
        before = self.dump()
        yield
        assert self.dump() == before


def _comparable(item: RawItem) -> RawItem:
    """Put sets in order; DynamoDB gives them in none."""
    return {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in typed.items()}
        for name, typed in item.items()
    }
