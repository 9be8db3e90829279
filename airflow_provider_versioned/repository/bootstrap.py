"""Making the bucket and the table, with what a careful operator sets; repeatable, and never undoing a person's choice.

A setting is applied where nothing is set yet. A table with other keys, or one that serves another repository, is
refused before anything is made.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from airflow_provider_versioned.repository.aws import code_of, translate, translated
from airflow_provider_versioned.repository.encryption import (
    bucket_configuration,
    bucket_lacks,
    table_lacks,
    table_specification,
)
from airflow_provider_versioned.repository.errors import (
    InvalidInputError,
    StorageUnavailableError,
)
from airflow_provider_versioned.repository.items import MarkerItem
from airflow_provider_versioned.repository.keys import MARKER_KEY, Place
from airflow_provider_versioned.repository.table import Refused, Table, put

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_provider_versioned.repository.clients import Clients

ASKED = "Bootstrapping the repository"
_KEYS = {"HASH": ("pk", "S"), "RANGE": ("sk", "S")}
# AWS is not done yet with what was made a moment ago, or another process changes the same thing: it passes.
_BUSY = frozenset({"ContinuousBackupsUnavailableException", "OperationAborted", "ResourceInUseException"})
_TRIES = 12
_NOT_SET = frozenset({"NoSuchPublicAccessBlockConfiguration", "ServerSideEncryptionConfigurationNotFoundError"})


@dataclass(frozen=True)
class Settings:
    """What to set; each can be turned off because some servers lack it."""

    write_capacity_units: int | None
    read_capacity_units: int | None
    block_public_access: bool
    default_encryption: bool
    bucket_versioning: bool
    point_in_time_recovery: bool
    deletion_protection: bool
    kms_key_id: str | None = None

    def check(self) -> None:
        """Refuse half a capacity, and a key for what shall not be encrypted.

        Raises:
            InvalidInputError: Only one of the two is given, or one is below 1; or a key goes with no encryption.
        """
        if self.kms_key_id is not None and not self.default_encryption:
            raise InvalidInputError("kms_key_id goes with default_encryption=True; leave one of the two out.")
        units = (self.write_capacity_units, self.read_capacity_units)
        if (units[0] is None) != (units[1] is None):
            raise InvalidInputError(f"Write and read capacity units go together, got {units}; give both or neither.")
        if any(
            unit is not None and (isinstance(unit, bool) or not isinstance(unit, int) or unit < 1) for unit in units
        ):
            raise InvalidInputError(f"Capacity units must be ints of 1 or more, got {units}.")


class Bootstrap:
    """Makes one repository's bucket and table."""

    def __init__(
        self,
        clients: Clients,
        place: Place,
        table: Table,
        settings: Settings,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._place = place
        self._table = table
        self._settings = settings
        self._sleep = sleep
        self._bucket = f"bucket {place.s3_bucket!r}"

    def run(self) -> None:
        """Make and set what is missing; the table first, because it tells whether it is ours.

        Raises:
            InvalidInputError: The table has another key schema.
            WrongRepositoryError: The table serves another repository.
            StorageError: AWS refused; the message names the argument that turns the setting off, if one does.
        """
        self._settings.check()
        self._make_table()
        self._mark_table()
        self._make_bucket()
        if self._settings.deletion_protection:
            self._optional("deletion_protection=False", self._table.resource, self._protect_table)
        if self._settings.kms_key_id is not None:
            self._optional("kms_key_id=None", self._table.resource, self._encrypt_table)
        if self._settings.point_in_time_recovery:
            self._optional("point_in_time_recovery=False", self._table.resource, self._recover_to_a_point)
        if self._settings.block_public_access:
            self._optional("block_public_access=False", self._bucket, self._block_public_access)
        if self._settings.default_encryption:
            self._optional("default_encryption=False", self._bucket, self._encrypt)
        if self._settings.bucket_versioning:
            self._optional("bucket_versioning=False", self._bucket, self._version_bucket)

    # -- table -----------------------------------------------------------------------------------------------------

    def _make_table(self) -> None:
        described = self._describe()
        if described is None:
            self._create_table()
            described = self._await_table()
        elif described["TableStatus"] != "ACTIVE":
            described = self._await_table()
        types = {entry["AttributeName"]: entry["AttributeType"] for entry in described["AttributeDefinitions"]}
        keys = {key["KeyType"]: (key["AttributeName"], types[key["AttributeName"]]) for key in described["KeySchema"]}
        if keys != _KEYS:
            raise InvalidInputError(
                f"{ASKED} failed: {self._table.resource} exists with keys {keys}, but a repository needs {_KEYS}; name "
                "another table.",
                keys=keys,
            )
        table_lacks(described, self._settings.kms_key_id, self._table.resource)

    def _describe(self) -> dict[str, Any] | None:
        try:
            answer = self._clients.dynamodb.describe_table(TableName=self._place.dynamodb_table_name)
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return None
            raise translate(error, ASKED, self._table.resource) from error
        except BotoCoreError as error:
            raise translate(error, ASKED, self._table.resource) from error
        return dict(answer["Table"])

    def _create_table(self) -> None:
        billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
        if self._settings.write_capacity_units is not None:
            units = {
                "ReadCapacityUnits": self._settings.read_capacity_units,
                "WriteCapacityUnits": self._settings.write_capacity_units,
            }
            billing = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
        if self._settings.kms_key_id is not None:
            billing["SSESpecification"] = table_specification(self._settings.kms_key_id)
        with translated(ASKED, self._table.resource):
            try:
                self._clients.dynamodb.create_table(
                    TableName=self._place.dynamodb_table_name,
                    KeySchema=[
                        {"AttributeName": name, "KeyType": kind}  # type: ignore[typeddict-item] # the stubs want literals
                        for kind, (name, _) in _KEYS.items()
                    ],
                    AttributeDefinitions=[
                        {"AttributeName": name, "AttributeType": kind}  # type: ignore[typeddict-item] # as above
                        for name, kind in _KEYS.values()
                    ],
                    **billing,
                )
            except ClientError as error:
                if code_of(error) != "ResourceInUseException":  # another process was quicker
                    raise

    def _await_table(self) -> dict[str, Any]:
        waiter = self._clients.dynamodb.get_waiter("table_exists")
        try:
            waiter.wait(TableName=self._place.dynamodb_table_name, WaiterConfig={"Delay": 1, "MaxAttempts": 180})
        except WaiterError as error:
            raise StorageUnavailableError(
                f"{ASKED} failed: {self._table.resource} did not become active within three minutes; repeat the call.",
                operation="DescribeTable",
                code="NotActive",
                resource=self._table.resource,
            ) from error
        return self._describe() or {}

    def _mark_table(self) -> None:
        place = self._place
        marker = MarkerItem(*MARKER_KEY, s3_bucket=place.s3_bucket, s3_prefix=place.s3_prefix, suffix=place.suffix)
        with suppress(Refused):  # it is marked already
            self._table.write(ASKED, put(marker, MarkerItem.pk.does_not_exist()))
        self._table.ensure_ours(ASKED)

    def _protect_table(self) -> None:
        described = self._describe() or {}
        if not described.get("DeletionProtectionEnabled"):
            name = self._place.dynamodb_table_name
            self._clients.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=True)
            self._await_table()

    def _encrypt_table(self) -> None:
        key, name = self._settings.kms_key_id, self._place.dynamodb_table_name
        if key is not None and table_lacks(self._describe() or {}, key, self._table.resource):
            specification: Any = table_specification(key)
            self._clients.dynamodb.update_table(TableName=name, SSESpecification=specification)
            self._await_table()

    def _recover_to_a_point(self) -> None:
        name = self._place.dynamodb_table_name
        backups = self._clients.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        status = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
        if status != "ENABLED":
            self._clients.dynamodb.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )

    # -- bucket ----------------------------------------------------------------------------------------------------

    def _make_bucket(self) -> None:
        client, bucket = self._clients.s3, self._place.s3_bucket
        with translated(ASKED, self._bucket, self._clients.expected_bucket_owner):
            try:
                client.head_bucket(Bucket=bucket)
            except ClientError as error:
                if code_of(error) not in {"404", "NoSuchBucket"}:
                    raise
            else:
                return
            region = client.meta.region_name
            # us-east-1 is the one region that must not be named:
            # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
            where: dict[str, Any] = {}
            if region not in {None, "us-east-1", "aws-global"}:
                where = {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self._patiently(lambda: self._create_bucket(where))
            if self._clients.expected_bucket_owner is not None:  # a new bucket is ours, whoever we are
                self._patiently(lambda: client.head_bucket(Bucket=bucket))

    def _create_bucket(self, where: Mapping[str, Any]) -> None:
        try:
            self._clients.s3.create_bucket(Bucket=self._place.s3_bucket, **where)
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":  # another process was quicker
                raise

    def _block_public_access(self) -> None:
        client, bucket = self._clients.s3, self._place.s3_bucket
        if self._unset(lambda: client.get_public_access_block(Bucket=bucket)):
            client.put_public_access_block(
                Bucket=bucket,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                },
            )

    def _encrypt(self) -> None:
        client, bucket, key = self._clients.s3, self._place.s3_bucket, self._settings.kms_key_id
        rules: list[Any] = []

        def read() -> None:
            rules.extend(client.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"])

        if self._unset(read) or bucket_lacks(rules, key, self._bucket):
            configuration: Any = bucket_configuration(key)
            client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=configuration)

    def _version_bucket(self) -> None:
        client, bucket = self._clients.s3, self._place.s3_bucket
        if client.get_bucket_versioning(Bucket=bucket).get("Status") != "Enabled":
            client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    # -- settings --------------------------------------------------------------------------------------------------

    @staticmethod
    def _unset(read: Callable[[], object]) -> bool:
        try:
            read()
        except ClientError as error:
            if code_of(error) not in _NOT_SET:
                raise
            return True
        return False

    def _optional(self, without: str, resource: str, apply: Callable[[], object]) -> None:
        """Apply a setting; when AWS refuses, say which argument leaves it out."""
        try:
            self._patiently(apply)
        except (ClientError, BotoCoreError) as error:
            owner = self._clients.expected_bucket_owner if resource == self._bucket else None
            plain = translate(error, ASKED, resource, owner)
            raise type(plain)(
                f"{plain.message} If the server lacks this setting, pass {without}.", **plain.facts
            ) from error

    def _patiently(self, apply: Callable[[], object]) -> None:
        for attempt in range(_TRIES):
            try:
                apply()
            except ClientError as error:
                if code_of(error) not in _BUSY or attempt == _TRIES - 1:
                    raise
            else:
                return
            self._sleep(min(10.0, 0.25 * 2**attempt))
