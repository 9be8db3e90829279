"""The repository: construct it, bootstrap it; its methods by subject stand in the five modules that it is made of.

They check what the caller passes and hand over. How each operation keeps its promises is told in the module that does
it: :mod:`~airflow_provider_versioned.repository.latest`, :mod:`~airflow_provider_versioned.repository.publish`,
:mod:`~airflow_provider_versioned.repository.versions`, :mod:`~airflow_provider_versioned.repository.aliases`,
:mod:`~airflow_provider_versioned.repository.purge`, :mod:`~airflow_provider_versioned.repository.outcomes.store`,
:mod:`~airflow_provider_versioned.repository.doctor.doctor` and :mod:`~airflow_provider_versioned.repository.bootstrap`.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository import inputs
from airflow_provider_versioned.repository.alias_methods import AliasMethods
from airflow_provider_versioned.repository.artifact_methods import ArtifactMethods
from airflow_provider_versioned.repository.bootstrap import Bootstrap, Settings
from airflow_provider_versioned.repository.browse_methods import BrowseMethods
from airflow_provider_versioned.repository.clients import Clients
from airflow_provider_versioned.repository.doctor_methods import DoctorMethods
from airflow_provider_versioned.repository.keys import Place
from airflow_provider_versioned.repository.outcome_methods import OutcomeMethods
from airflow_provider_versioned.repository.parts import Parts
from airflow_provider_versioned.repository.retention_methods import RetentionMethods
from airflow_provider_versioned.repository.rollout_methods import RolloutMethods

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from airflow_provider_versioned.repository.pace import Pace

DEFAULT_PREFIX = "versioned-artifacts"
DEFAULT_TABLE = "versioned-artifacts"


class Repository(
    ArtifactMethods,
    AliasMethods,
    RolloutMethods,
    RetentionMethods,
    OutcomeMethods,
    BrowseMethods,
    DoctorMethods,
):
    """Versioned artifacts: content in one S3 bucket, everything known about it in one DynamoDB table.

    Constructing it sends no request. It may be shared between threads; several may live in one process, each with its
    own credentials. Every method may raise :class:`~airflow_provider_versioned.repository.errors.StorageError` (AWS
    said no, or nothing) and its sibling ``WrongRepositoryError`` (the table serves another bucket, prefix or suffix).

    Args:
        s3_bucket: Bucket of the content.
        s3_prefix: Key prefix of the content; empty: the whole bucket.
        dynamodb_table_name: Table of the records; one table serves one repository.
        suffix: What every S3 key ends in, such as ``".tar.gz"``.
        session: Makes the clients that are not given; None: boto3's default chain.
        s3_client: Ready client, for another endpoint, credentials or configuration.
        dynamodb_client: Ready client, as above.
        expected_bucket_owner: AWS account, twelve digits, that must own the bucket; S3 refuses every request if another
            does. None: not checked.

    Raises:
        InvalidInputError: Bucket, prefix, table, suffix or account cannot be names of such things.
    """

    def __init__(
        self,
        s3_bucket: str,
        s3_prefix: str = DEFAULT_PREFIX,
        dynamodb_table_name: str = DEFAULT_TABLE,
        suffix: str = "",
        *,
        session: boto3.Session | None = None,
        s3_client: S3Client | None = None,
        dynamodb_client: DynamoDBClient | None = None,
        expected_bucket_owner: str | None = None,
    ) -> None:
        place = Place(*inputs.check_place(s3_bucket, s3_prefix, dynamodb_table_name, suffix))
        owner = inputs.check_account("expected_bucket_owner", expected_bucket_owner)
        super().__init__(Clients(session, s3_client, dynamodb_client, owner), place, self)

    def __repr__(self) -> str:
        """Show the place, never credentials."""
        return f"Repository({self._place})"

    @property
    def s3_bucket(self) -> str:
        """Bucket of the content."""
        return self._place.s3_bucket

    @property
    def s3_prefix(self) -> str:
        """Key prefix of the content, without outer slashes."""
        return self._place.s3_prefix

    @property
    def dynamodb_table_name(self) -> str:
        """Table of the records."""
        return self._place.dynamodb_table_name

    @property
    def suffix(self) -> str:
        """What every S3 key ends in."""
        return self._place.suffix

    def paced(self, pace: Pace) -> Repository:
        """Return this repository, on the same clients, for a long job: what it writes to the table keeps to a pace.

        A request that is throttled slows the pace down and is sent again, up to 12 times.
        """
        repository = copy.copy(self)
        Parts.__init__(repository, self._clients, self._place, repository, pace)
        return repository

    def bootstrap(
        self,
        dynamodb_write_capacity_units: int | None = None,
        dynamodb_read_capacity_units: int | None = None,
        *,
        block_public_access: bool = True,
        default_encryption: bool = True,
        bucket_versioning: bool = False,
        point_in_time_recovery: bool = True,
        deletion_protection: bool = True,
        kms_key_id: str | None = None,
    ) -> None:
        """Make the bucket and the table where they are missing, mark the table as this repository's, and protect both.

        Repeatable. A setting is applied where nothing is set yet; turn one off for a server that lacks it.

        Args:
            dynamodb_write_capacity_units: Provisioned capacity of a new table; None (for both): on demand.
            dynamodb_read_capacity_units: As above.
            block_public_access: Block all public access to the bucket.
            default_encryption: Encrypt the bucket's objects, with keys of S3 unless ``kms_key_id`` names one.
            bucket_versioning: Keep what is overwritten or deleted in the bucket; the bytes are then never freed.
            point_in_time_recovery: Back the table up continuously.
            deletion_protection: Refuse to delete the table.
            kms_key_id: KMS key, by ARN, id or alias, that encrypts what comes into the bucket from now on (with a
                bucket key) and the table. What stands in the bucket already keeps its encryption.

        Raises:
            InvalidInputError: Half a capacity, a table with another key schema, or bucket or table are encrypted with
                another KMS key, which stays.
            WrongRepositoryError: The table serves another repository; nothing was made or set.
        """
        settings = Settings(
            dynamodb_write_capacity_units,
            dynamodb_read_capacity_units,
            block_public_access,
            default_encryption,
            bucket_versioning,
            point_in_time_recovery,
            deletion_protection,
            inputs.check_kms_key(kms_key_id),
        )
        Bootstrap(self._clients, self._place, self._table, settings).run()
