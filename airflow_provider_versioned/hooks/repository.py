"""From an Airflow AWS connection to a repository.

Decides which connection, which clients and which place; everything about artifacts and aliases is the repository's.
The amazon provider turns the connection into clients, with all that it knows of roles, endpoints and regions. Unlike
it, a connection that does not exist is an error here, never a silent fall to the credentials of the machine.
"""

from __future__ import annotations

import hashlib
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook
from asgiref.sync import sync_to_async

from airflow_provider_versioned.hooks.alias_reader import AliasReader
from airflow_provider_versioned.hooks.outcomes import OutcomeReports
from airflow_provider_versioned.repository import Alias, Repository
from airflow_provider_versioned.repository.aws import translated
from airflow_provider_versioned.repository.errors import (
    AliasNotFoundError,
    InvalidInputError,
    InvalidTypeError,
    NotFoundError,
    VersionedError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import boto3
    from airflow.sdk import Connection
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

PLACE = ("s3_bucket", "s3_prefix", "dynamodb_table_name", "suffix")
IN_CONNECTION = (*PLACE, "expected_bucket_owner")


class VersionedRepositoryHook(OutcomeReports, BaseHook):
    """The repository that an AWS connection leads to.

    What is None of the four arguments that name the repository's place is taken from the connection's extra
    ``{"service_config": {"versioned": {"s3_bucket": …, "s3_prefix": …, "dynamodb_table_name": …, "suffix": …}}}``, and
    what is not there either has the default of :class:`~airflow_provider_versioned.repository.Repository`. The same
    entry may name the ``expected_bucket_owner``, the AWS account that must own the bucket. Other entries of
    ``service_config``, such as ``s3`` and ``dynamodb`` with their ``endpoint_url``, keep their meaning.

    Args:
        aws_conn_id: Connection of type ``aws``. None: boto3's own chain of credentials, on purpose.
        region_name: AWS region; None: the connection's.
        verify: Whether TLS certificates are checked, or the path of a CA bundle; None: as the connection says.
        botocore_config: Arguments of ``botocore.config.Config``.
    """

    conn_name_attr = "aws_conn_id"
    default_conn_name = "aws_default"
    conn_type = "aws"
    hook_name = "Versioned Repository"

    def __init__(
        self,
        aws_conn_id: str | None = default_conn_name,
        s3_bucket: str | None = None,
        s3_prefix: str | None = None,
        dynamodb_table_name: str | None = None,
        suffix: str | None = None,
        *,
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.aws_conn_id = aws_conn_id
        self._given = dict(zip(PLACE, (s3_bucket, s3_prefix, dynamodb_table_name, suffix), strict=True))
        self._region_name = region_name
        self._verify = verify
        self._botocore_config = botocore_config

    @cached_property
    def repository(self) -> Repository:
        """The repository, its clients made on first use, each once.

        Raises:
            NotFoundError: There is no such connection.
            InvalidInputError: The connection and the arguments name no bucket, or something that cannot be.
        """
        return Repository(**self.place, session=cast("boto3.Session", _Session(self)))

    def get_conn(self) -> Repository:
        """Return the repository."""
        return self.repository

    @cached_property
    def place(self) -> dict[str, Any]:
        """Bucket, prefix, table and suffix, as far as the arguments or the connection name them.

        Raises:
            NotFoundError: There is no such connection.
            InvalidInputError: There is no bucket, or the connection's entry has unknown keys or values of a wrong type.
        """
        given = {key: value for key, value in self._given.items() if value is not None}
        place = {**self._place_in_connection(), **given}
        if "s3_bucket" not in place:
            where = f'set service_config["versioned"]["s3_bucket"] in the extra of connection {self.aws_conn_id!r}, or '
            raise InvalidInputError(
                f"No S3 bucket is known for the repository; {where if self.aws_conn_id else ''}pass s3_bucket."
            )
        return place

    @cached_property
    def s3_client(self) -> S3Client:
        """The boto3 S3 client of the connection."""
        client: S3Client = self.aws_hook("s3").conn
        return client

    @cached_property
    def dynamodb_client(self) -> DynamoDBClient:
        """The boto3 DynamoDB client of the connection."""
        client: DynamoDBClient = self.aws_hook("dynamodb").conn
        return client

    def find_alias(self, name: str, alias: str) -> Alias | None:
        """Return an alias, or None when it does not exist."""
        try:
            return self.repository.get_alias(name, alias)
        except AliasNotFoundError:
            return None

    async def afind_alias(self, name: str, alias: str) -> Alias | None:
        """Return an alias, or None when it does not exist; one client for one answer."""
        async with self.aread_aliases() as reader:
            return await reader.find(name, alias)

    @asynccontextmanager
    async def aread_aliases(self) -> AsyncIterator[AliasReader]:
        """Open one aiobotocore DynamoDB client and hand out what reads aliases through it.

        The requests and their decoding are those of :meth:`find_alias`; what blocks (reading the connection, loading
        the service's description) runs in a thread.
        """
        repository = await sync_to_async(lambda: self.repository)()
        dynamodb = await sync_to_async(self.aws_hook)("dynamodb")
        async with await dynamodb.get_async_conn() as client:  # type: ignore[no-untyped-call] # amazon has no types
            yield AliasReader(repository, client)

    @property
    def identity(self) -> str:
        """A digest that differs when the repository, the credentials or the AWS parameters do.

        Raises:
            NotFoundError: There is no such connection.
        """
        stored = self._connection
        facts = (stored.login, stored.password, stored.host, stored.extra) if stored else ()
        given = (self.aws_conn_id, self._given, self._region_name, self._verify, self._botocore_config)
        return hashlib.sha256(repr((facts, given)).encode()).hexdigest()

    def test_connection(self) -> tuple[bool, str]:
        """Ask the bucket and the table of the repository for an answer.

        Returns:
            Whether both answered, and a sentence that says what was found.
        """
        try:
            place = self.place
            owner = place.get("expected_bucket_owner")
            owned = {"ExpectedBucketOwner": owner} if owner else {}
            with translated("Testing the connection", f"bucket {place['s3_bucket']!r}", owner):
                self.s3_client.head_bucket(Bucket=place["s3_bucket"], **owned)
            self.find_alias("connection", "test")
        except VersionedError as error:
            return False, str(error)
        table = self.repository.alias_request("connection", "test")["TableName"]
        return True, f"Bucket {place['s3_bucket']!r} and table {table!r} answer."

    def aws_hook(self, service: str) -> AwsBaseHook:
        """Return the amazon provider's hook for one service of the connection.

        Raises:
            NotFoundError: There is no such connection.
        """
        self._demand_connection()
        return AwsBaseHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self._region_name,
            verify=self._verify,
            config=self._botocore_config,
            client_type=service,
        )

    def _place_in_connection(self) -> dict[str, str]:
        extra = self._demand_connection()
        stored = extra.get("service_config", {})
        stored = stored.get("versioned", {}) if isinstance(stored, dict) else stored
        what = f'service_config["versioned"] of connection {self.aws_conn_id!r}'
        allowed = ", ".join(IN_CONNECTION)
        if not isinstance(stored, dict):
            raise InvalidTypeError(f"{what} must be a JSON object of strings with the keys {allowed}.")
        if unknown := sorted(set(stored) - set(IN_CONNECTION)):
            raise InvalidInputError(f"{what} has unknown keys {', '.join(unknown)}; allowed are {allowed}.")
        for key, value in stored.items():
            if not isinstance(value, str):
                raise InvalidTypeError(
                    f"{what} must be a JSON object of strings, but {key!r} is {_json_type(value)}; write it in quotes. "
                    f"Allowed keys are {allowed}."
                )
        return stored

    def _demand_connection(self) -> dict[str, Any]:
        """Return the connection's extra, or raise; nothing for the explicit None."""
        extra: dict[str, Any] = self._connection.extra_dejson if self._connection else {}
        return extra

    @cached_property
    def _connection(self) -> Connection | None:
        if self.aws_conn_id is None:
            return None
        try:
            return self.get_connection(self.aws_conn_id)
        except AirflowNotFoundException as error:
            raise NotFoundError(
                f"Connection {self.aws_conn_id!r} does not exist; create it with type 'aws', or pass aws_conn_id=None "
                "to use boto3's own chain of credentials."
            ) from error


def _json_type(value: object) -> str:
    """Name the type of a value of JSON, and not the value: what somebody put in the wrong place may be a secret."""
    names = {dict: "an object", list: "a list", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


class _Session:
    """Stands in for a boto3 session: makes a client when the repository first needs it, as the connection says."""

    def __init__(self, hook: VersionedRepositoryHook) -> None:
        self._hook = hook

    def client(self, service: str) -> Any:
        return getattr(self._hook, f"{service}_client")
