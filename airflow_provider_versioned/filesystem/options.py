"""The storage options by which a repository is reached. Pure: no AWS library, no Airflow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

_OF_THE_CONNECTION = (
    "expected_bucket_owner",
    "endpoint_url",
    "profile_name",
    "session",
    "s3_client",
    "dynamodb_client",
)


@dataclass(frozen=True)
class StorageOptions:
    """How to reach a repository; :class:`~airflow_provider_versioned.filesystem.versioned.VersionedFileSystem` says."""

    conn_id: str | None = None
    s3_prefix: str | None = None
    dynamodb_table_name: str | None = None
    suffix: str | None = None
    expected_bucket_owner: str | None = None
    endpoint_url: str | None = None
    region_name: str | None = None
    profile_name: str | None = None
    session: boto3.Session | None = None
    s3_client: S3Client | None = None
    dynamodb_client: DynamoDBClient | None = None

    @classmethod
    def read(cls, given: dict[str, Any]) -> StorageOptions:
        """Take options as a caller gave them.

        Raises:
            InvalidInputError: One is unknown, or goes not with a connection.
        """
        allowed = [field.name for field in fields(cls)]
        if unknown := sorted(set(given) - set(allowed)):
            raise InvalidInputError(
                f"Storage options {', '.join(unknown)} are unknown; use {', '.join(allowed)}, route_key, side, pinned."
            )
        options = cls(**given)
        beside = [name for name in _OF_THE_CONNECTION if getattr(options, name) is not None]
        if options.conn_id is not None and beside:
            raise InvalidInputError(
                f"Storage options {', '.join(beside)} do not go with conn_id; say it in the connection instead."
            )
        return options
