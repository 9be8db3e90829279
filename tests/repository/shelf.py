"""The items and objects of a repository as they lie there, read and written past the code under test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.keys import MARKER_KEY

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws

_MAX_BATCH_WRITE = 25


@dataclass(frozen=True)
class Stored:
    """Items and objects, as their servers' APIs write them."""

    items: list[Any]
    objects: list[dict[str, Any]]


class Shelf:
    """The table and the bucket of a repository; small ones, which one page lists."""

    def __init__(self, repository: Repository, aws: Aws) -> None:
        self._aws = aws
        self._table, self._bucket = repository.dynamodb_table_name, repository.s3_bucket

    def take(self) -> Stored:
        """Return everything but the repository's marker."""
        objects = []
        for key in self._keys():
            found = self._aws.s3.get_object(Bucket=self._bucket, Key=key)
            objects.append({"Key": key, "Body": found["Body"].read(), "Metadata": found["Metadata"]})
        return Stored(self._items(), objects)

    def put_back(self, stored: Stored) -> None:
        """Write it again."""
        self._write([{"PutRequest": {"Item": item}} for item in stored.items])
        for one in stored.objects:
            self._aws.s3.put_object(Bucket=self._bucket, **one)

    def clear(self) -> None:
        """Remove everything but the marker."""
        self._write([{"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}} for item in self._items()])
        keys = [{"Key": key} for key in self._keys()]
        if keys:
            self._aws.s3.delete_objects(Bucket=self._bucket, Delete={"Objects": keys})  # type: ignore[typeddict-item] # a key alone is enough

    def _items(self) -> list[Any]:
        found = self._aws.dynamodb.scan(TableName=self._table, ConsistentRead=True)["Items"]
        return [item for item in found if item["pk"]["S"] != MARKER_KEY[0]]

    def _keys(self) -> list[str]:
        found = self._aws.s3.list_objects_v2(Bucket=self._bucket).get("Contents", [])
        return [entry["Key"] for entry in found]

    def _write(self, writes: list[Any]) -> None:
        for start in range(0, len(writes), _MAX_BATCH_WRITE):
            batch = writes[start : start + _MAX_BATCH_WRITE]
            self._aws.dynamodb.batch_write_item(RequestItems={self._table: batch})
