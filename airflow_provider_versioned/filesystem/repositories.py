"""From storage options to a repository: by an Airflow connection, by ready clients, or by boto3's own chain."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config

from airflow_provider_versioned.repository import Repository
from airflow_provider_versioned.repository.aws import translated
from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
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

    def open(self, bucket: str) -> Repository:
        """Return the repository in a bucket; sends no request.

        Raises:
            InvalidInputError: The bucket, or what the options name, cannot be.
            NotFoundError: There is no such connection.
        """
        place = {name: getattr(self, name) for name in ("s3_prefix", "dynamodb_table_name", "suffix")}
        if self.conn_id is not None:
            from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- needs Airflow

            return VersionedRepositoryHook(self.conn_id, bucket, **place, region_name=self.region_name).repository
        s3, dynamodb = self.s3_client, self.dynamodb_client
        return Repository(
            bucket,
            **{name: value for name, value in place.items() if value is not None},
            s3_client=s3 or cast("S3Client", self._client("s3")),
            dynamodb_client=dynamodb or cast("DynamoDBClient", self._client("dynamodb")),
            expected_bucket_owner=self.expected_bucket_owner,
        )

    def _client(self, service: str) -> Any:
        session = self.session or boto3.Session(profile_name=self.profile_name, region_name=self.region_name)
        # Servers other than AWS seldom have a DNS name per bucket.
        config = Config(s3={"addressing_style": "path"}) if self.endpoint_url else None
        with translated(f"Connecting to {service}", f"service {service}"):
            # One overload per service name exists in the stubs; the name is a variable here.
            return session.client(service, endpoint_url=self.endpoint_url, config=config)  # type: ignore[call-overload]
