"""The two AWS clients of one repository, made on first use from what the caller gave.

boto3 clients are safe to share between threads, sessions are not
(https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html), so making a client is locked.
Nothing here is kept for the process: two repositories with different credentials know nothing of each other.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import boto3

from airflow_provider_versioned.repository.aws import translated
from airflow_provider_versioned.repository.owner import owned

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client


class Clients:
    """Hands out the S3 and the DynamoDB client.

    Args:
        session: Makes the clients that were not given; None: a new session over boto3's default chain.
        expected_bucket_owner: Account that the bucket must belong to; None: any.
    """

    def __init__(
        self,
        session: boto3.Session | None,
        s3_client: S3Client | None,
        dynamodb_client: DynamoDBClient | None,
        expected_bucket_owner: str | None = None,
    ) -> None:
        self._session = session
        self.expected_bucket_owner = expected_bucket_owner
        self._owned: S3Client | None = None
        self._made: dict[str, Any] = {"s3": s3_client, "dynamodb": dynamodb_client}
        self._lock = threading.Lock()

    @property
    def s3(self) -> S3Client:
        """The S3 client; each of its requests names the expected owner of the bucket, if there is one."""
        if self._owned is None:
            client: S3Client = self._client("s3")
            self._owned = client if self.expected_bucket_owner is None else owned(client, self.expected_bucket_owner)
        return self._owned

    @property
    def dynamodb(self) -> DynamoDBClient:
        """The DynamoDB client."""
        client: DynamoDBClient = self._client("dynamodb")
        return client

    def _client(self, service: str) -> Any:
        if self._made[service] is None:
            with self._lock, translated(f"Connecting to {service}", f"service {service}"):
                if self._session is None:
                    self._session = boto3.Session()
                if self._made[service] is None:
                    # One overload per service name exists in the stubs; the name is a variable here.
                    self._made[service] = self._session.client(service)  # type: ignore[call-overload]
        return self._made[service]
