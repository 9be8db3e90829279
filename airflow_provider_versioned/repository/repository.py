"""The repository: every operation on artifacts, versions and aliases, in one place to find them.

Checks what the caller passes and hands over; how each operation keeps its promises is told in the module that does it:
:mod:`~airflow_provider_versioned.repository.latest`, :mod:`~airflow_provider_versioned.repository.publish`,
:mod:`~airflow_provider_versioned.repository.versions`, :mod:`~airflow_provider_versioned.repository.aliases`,
:mod:`~airflow_provider_versioned.repository.purge` and :mod:`~airflow_provider_versioned.repository.bootstrap`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_versioned.repository import inputs, retention
from airflow_provider_versioned.repository.alias_change import Change, Targets
from airflow_provider_versioned.repository.aliases import Aliases
from airflow_provider_versioned.repository.bootstrap import Bootstrap, Settings
from airflow_provider_versioned.repository.clients import Clients
from airflow_provider_versioned.repository.content import Content, prepare, write_verified
from airflow_provider_versioned.repository.errors import AliasNotFoundError, InvalidInputError
from airflow_provider_versioned.repository.keys import Place
from airflow_provider_versioned.repository.latest import Latest
from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact
from airflow_provider_versioned.repository.objects import Attributes, Objects
from airflow_provider_versioned.repository.publish import Order, Publisher
from airflow_provider_versioned.repository.purge import Purger
from airflow_provider_versioned.repository.retention import PurgePlan, PurgeResult
from airflow_provider_versioned.repository.table import Table
from airflow_provider_versioned.repository.versions import Versions

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

DEFAULT_PREFIX = "versioned-artifacts"
DEFAULT_TABLE = "versioned-artifacts"


class Repository:
    """Versioned artifacts: content in one S3 bucket, everything known about it in one DynamoDB table.

    Constructing it sends no request. It may be shared between threads; several may live in one process, each with its
    own credentials. Every method may raise :class:`~airflow_provider_versioned.repository.errors.StorageError` (AWS said
    no, or nothing) and :class:`~airflow_provider_versioned.repository.errors.WrongRepositoryError` (the table serves
    another bucket, prefix or suffix).

    Args:
        s3_bucket: Bucket of the content.
        s3_prefix: Key prefix of the content; empty: the whole bucket.
        dynamodb_table_name: Table of the records; one table serves one repository.
        suffix: What every S3 key ends in, such as ``".tar.gz"``.
        session: Makes the clients that are not given; None: boto3's default chain.
        s3_client: Ready client, for another endpoint, credentials or configuration.
        dynamodb_client: Ready client, as above.

    Raises:
        InvalidInputError: Bucket, prefix, table or suffix cannot be names of such things.
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
    ) -> None:
        self._place = Place(*inputs.check_place(s3_bucket, s3_prefix, dynamodb_table_name, suffix))
        self._clients = Clients(session, s3_client, dynamodb_client)
        self._table = Table(self._clients, self._place)
        self._objects = Objects(self._clients, self._place)
        self._latest = Latest(self._table, self._objects)
        self._aliases = Aliases(self._table, self._place, self)
        self._versions = Versions(self._table, self._place, self._latest, self._aliases, self)
        self._publisher = Publisher(self._table, self._objects, self._latest)
        self._purger = Purger(self._table, self._place, self._objects, self._versions, self._aliases)

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
    ) -> None:
        """Make the bucket and the table where they are missing, mark the table as this repository's, and protect both.

        Repeatable. A setting is applied where nothing is set yet; turn one off for a server that lacks it.

        Args:
            dynamodb_write_capacity_units: Provisioned capacity of a new table; None (for both): on demand.
            dynamodb_read_capacity_units: As above.
            block_public_access: Block all public access to the bucket.
            default_encryption: Encrypt the bucket's objects with keys of S3.
            bucket_versioning: Keep what is overwritten or deleted in the bucket; the bytes are then never freed.
            point_in_time_recovery: Back the table up continuously.
            deletion_protection: Refuse to delete the table.

        Raises:
            InvalidInputError: Half a capacity, or a table with another key schema.
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
        )
        Bootstrap(self._clients, self._place, self._table, settings).run()

    # -- artifacts and versions ------------------------------------------------------------------------------------

    def put_artifact(
        self,
        name: str,
        content: Content,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Artifact:
        """Make content LATEST; the same content as now writes nothing, also if the other arguments differ.

        Args:
            content: Bytes, a path, or a binary stream, which is read from where it stands and left open.
            content_type: Media type of the S3 object.
            metadata: User metadata of the S3 object.
            tags: Tags of the S3 object.

        Raises:
            InvalidInputError: An argument is not allowed; nothing was written.
            ConflictError: Others kept overwriting LATEST at the same moment.
        """
        inputs.check_new_name(name)
        attributes = _attributes(content_type, metadata, tags)
        with prepare(content) as prepared:
            return self._versions.artifact(self._latest.put(f"Putting {name!r}", name, prepared, attributes))

    def get_artifact_version(self, name: str, version: int | str | None = None) -> Artifact:
        """Read a version's record; None: LATEST.

        Raises:
            ArtifactNotFoundError: It does not exist or is deleted.
        """
        return self._versions.get(inputs.check_stored_name(name), inputs.check_version(version))

    def list_artifact_versions(self, name: str) -> list[Artifact]:
        """Read the records of all live versions: LATEST first, then numbers from the highest down."""
        return list(self.iter_artifact_versions(name))

    def iter_artifact_versions(self, name: str) -> Iterator[Artifact]:
        """Read as :meth:`list_artifact_versions` does, page by page."""
        return self._versions.list(inputs.check_stored_name(name))

    def publish_artifact_version(
        self,
        name: str,
        *,
        content: Content | None = None,
        content_type: str | None = None,
        metadata: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        if_changed: bool = False,
        published_by: str | None = None,
    ) -> Artifact:
        """Publish the next numbered version, which never changes again.

        Without ``content`` it freezes LATEST, with its metadata, content type and tags. With ``content`` it holds
        exactly those bytes, whatever others put or publish at the same moment, and LATEST follows.

        Args:
            idempotency_key: The caller's identity for this publication. The same key with the same bytes gives the same
                version, however often and however late it is repeated; with other bytes, another version.
            if_changed: When the newest version has the same bytes, publish nothing and return it.
            published_by: Kept in the version's record.

        Raises:
            ArtifactNotFoundError: There is no LATEST to freeze.
            InvalidInputError: An argument is not allowed, or number 999999 has been given; nothing was written.
            ConflictError: Others kept changing the artifact at the same moment.
        """
        inputs.check_new_name(name)
        attributes = _attributes(content_type, metadata, tags)
        if content is None and attributes != Attributes():
            raise InvalidInputError(
                "content_type, metadata and tags go with content; a frozen LATEST keeps those it was put with.", name=name
            )
        key = inputs.check_text("idempotency_key", idempotency_key)
        author = inputs.check_text("published_by", published_by)
        if content is None:
            return self._published(Order(name, None, attributes, key, if_changed, author))
        with prepare(content) as prepared:
            return self._published(Order(name, prepared, attributes, key, if_changed, author))

    def _published(self, order: Order) -> Artifact:
        return self._versions.artifact(self._publisher.publish(order))

    def delete_artifact_version(self, name: str, version: int | str | None = None) -> None:
        """Hide a version (None: LATEST); its bytes stay, and it can be restored. Silent if it does not exist.

        Raises:
            InUseError: An alias points at it.
        """
        self._versions.delete(inputs.check_stored_name(name), inputs.check_version(version))

    def restore_artifact_version(self, name: str, version: int | str | None = None) -> Artifact:
        """Undo the deletion of a version (None: LATEST).

        Raises:
            ArtifactNotFoundError: It never existed, or was purged together with its bytes.
        """
        return self._versions.restore(inputs.check_stored_name(name), inputs.check_version(version))

    def list_artifact_names(self) -> list[str]:
        """List the artifacts that have content in the bucket, also if every version is deleted, in byte order."""
        return list(self._objects.list_names("Listing artifact names"))

    def open_content(self, artifact: Artifact) -> BinaryIO:
        """Open a record's content; see :meth:`Artifact.open_content`."""
        return self._objects.open(f"Reading {artifact.name!r} version {artifact.version}", artifact)

    def download(self, artifact: Artifact, path: Path) -> Path:
        """Write a record's content to a file; see :meth:`Artifact.download`."""
        with self.open_content(artifact) as stream:
            return write_verified(stream, path)

    # -- aliases ---------------------------------------------------------------------------------------------------

    def put_alias(
        self,
        name: str,
        alias: str,
        version: int | str | None = None,
        secondary_version: int | str | None = None,
        secondary_version_weight: int | None = None,
        *,
        if_revision: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
        rollout: str | None = None,
        idempotency_key: str | None = None,
    ) -> Alias:
        """Point an alias at a version (None: LATEST), or at two that share the traffic.

        If it points there already, nothing is written.

        Args:
            secondary_version_weight: Share of ``secondary_version`` in whole percent, 0 to 99.
            if_revision: Move the alias only if it still has this revision.
            reason: Kept in the history.
            changed_by: Kept in the history.
            rollout: Id of the rollout on whose behalf the alias moves.
            idempotency_key: The caller's identity for this change: once it has landed, the same key never applies it
                again, also if the alias has been moved since; the alias is returned as it then is.

        Raises:
            InvalidInputError: An argument is not allowed; nothing was written.
            InvalidTypeError: The weight is missing or not an int; nothing was written.
            ArtifactNotFoundError: A target does not exist or is deleted; nothing was written.
            ConflictError: The alias has another revision; the message says who moved it, when and to what.
            AliasNotFoundError: This key's change has landed, and the alias was deleted since.
        """
        primary, secondary, weight = inputs.check_split(version, secondary_version, secondary_version_weight)
        change = self._change(name, alias, "put", Targets(primary, secondary, weight), if_revision, reason, changed_by)
        return self._applied(change, inputs.check_text("rollout", rollout), idempotency_key)

    def rollback_alias(
        self,
        name: str,
        alias: str,
        *,
        to_version: int | str | None = None,
        if_revision: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
        idempotency_key: str | None = None,
    ) -> Alias:
        """Point an alias at an earlier state of its history.

        With a canary on, that is the last state without one: the canary is dropped. Without, it is the previous state
        with another version; a second rollback goes one further back.

        Args:
            to_version: Go to this version alone instead.
            if_revision: Move the alias only if it still has this revision.
            reason: Kept in the history.
            changed_by: Kept in the history.
            idempotency_key: As in :meth:`put_alias`; without it, a repeated call goes one further back.

        Raises:
            AliasNotFoundError: The alias does not exist.
            InvalidInputError: The history knows no earlier state; name the version.
            ArtifactNotFoundError: That version is deleted; nothing was written.
            ConflictError: The alias has another revision.
        """
        targets = Targets(None if to_version is None else inputs.check_version(to_version))
        change = self._change(name, alias, "rollback", targets, if_revision, reason, changed_by)
        key = inputs.check_text("idempotency_key", idempotency_key)
        return self._aliases.rollback(Change(**{**change.__dict__, "key": key}))

    def get_alias(self, name: str, alias: str) -> Alias:
        """Read an alias.

        Raises:
            AliasNotFoundError: It does not exist.
        """
        return self._aliases.get(inputs.check_stored_name(name), inputs.check_alias(alias))

    def list_aliases(self, name: str) -> list[Alias]:
        """Read all aliases of an artifact, in the order of their names' bytes."""
        return list(self._aliases.list(inputs.check_stored_name(name)))

    def delete_alias(
        self,
        name: str,
        alias: str,
        *,
        if_revision: str | None = None,
        reason: str | None = None,
        changed_by: str | None = None,
    ) -> None:
        """Delete an alias; its history stays. Silent if it does not exist.

        Raises:
            ConflictError: The alias has another revision than ``if_revision``.
        """
        self._aliases.apply(self._change(name, alias, "delete", Targets(None), if_revision, reason, changed_by))

    def list_alias_history(self, name: str, alias: str) -> Iterator[AliasChange]:
        """Read what an alias was, newest change first, page by page; also of an alias that was deleted.

        A change by the library ``versioned`` appears once the alias is changed by this package.
        """
        return self._aliases.history(inputs.check_stored_name(name), inputs.check_alias(alias))

    def get_alias_at(self, name: str, alias: str, at: datetime) -> AliasChange:
        """Find what an alias was at a time.

        Raises:
            AliasNotFoundError: It did not exist then, as far as its history tells.
            InvalidInputError: The time has no time zone.
        """
        if at.tzinfo is None:
            raise InvalidInputError(f"The time {at.isoformat()} has no time zone; give one, such as UTC.", at=at)
        return self._aliases.at(inputs.check_stored_name(name), inputs.check_alias(alias), at)

    def alias_request(self, name: str, alias: str) -> dict[str, Any]:
        """Return the arguments of the one GetItem that reads an alias, for a client of your own (say, an async one)."""
        return self._aliases.request(inputs.check_stored_name(name), inputs.check_alias(alias))

    def alias_from_response(self, name: str, response: Mapping[str, Any]) -> Alias | None:
        """Return the alias in the answer to :meth:`alias_request`; None when it does not exist."""
        return self._aliases.from_raw(name, response["Item"]) if response.get("Item") else None

    def _change(
        self,
        name: str,
        alias: str,
        action: str,
        targets: Targets,
        if_revision: str | None,
        reason: str | None,
        changed_by: str | None,
    ) -> Change:
        return Change(
            inputs.check_stored_name(name),
            inputs.check_alias(alias),
            action,
            targets,
            if_revision=inputs.check_text("if_revision", if_revision),
            reason=inputs.check_text("reason", reason),
            changed_by=inputs.check_text("changed_by", changed_by),
        )

    def _applied(self, change: Change, rollout: str | None, idempotency_key: str | None) -> Alias:
        key = inputs.check_text("idempotency_key", idempotency_key)
        alias = self._aliases.apply(Change(**{**change.__dict__, "rollout": rollout, "key": key}))
        if alias is None:
            raise AliasNotFoundError(
                f"{change.asked} had landed under this idempotency key, but the alias was deleted since; use another key "
                "to create it anew.",
                name=change.name,
                alias=change.alias,
            )
        return alias

    # -- retention -------------------------------------------------------------------------------------------------

    def plan_purge(
        self,
        name: str,
        keep_last_n: int = retention.DEFAULT_KEEP_LAST_N,
        purge_older_than_secs: float | timedelta = retention.DEFAULT_PURGE_OLDER_THAN_SECS,
    ) -> PurgePlan:
        """Say what :meth:`purge_artifact_versions` would do now to each numbered version, and why; writes nothing.

        Raises:
            InvalidInputError: The rule is not allowed.
        """
        return self._plan(name, keep_last_n, purge_older_than_secs)[0]

    def apply_purge(self, plan: PurgePlan) -> PurgeResult:
        """Carry out a plan exactly: nothing goes that it does not name, and nothing that an alias points at by now."""
        name = inputs.check_stored_name(plan.name)
        return self._purger.apply(plan, self.list_artifact_versions(name), self.list_aliases(name))

    def purge_artifact_versions(
        self,
        name: str,
        keep_last_n: int = retention.DEFAULT_KEEP_LAST_N,
        purge_older_than_secs: float | timedelta = retention.DEFAULT_PURGE_OLDER_THAN_SECS,
    ) -> tuple[datetime, list[Artifact]]:
        """Hide the versions that are neither among the newest nor young nor in use by an alias; LATEST never goes.

        Args:
            keep_last_n: How many of the highest live numbers stay in any case, 0 or more.
            purge_older_than_secs: Age by S3's clock from which a version may go, 0 or more.

        Returns:
            The time from which ages were counted, and the versions that went, newest first. They can be restored.

        Raises:
            InvalidInputError: The rule is not allowed; nothing was written.
        """
        plan, artifacts, aliases = self._plan(name, keep_last_n, purge_older_than_secs)
        return plan.planned_at, list(self._purger.apply(plan, artifacts, aliases).purged)

    def _plan(
        self, name: str, keep_last_n: int, purge_older_than_secs: float | timedelta
    ) -> tuple[PurgePlan, list[Artifact], list[Alias]]:
        inputs.check_stored_name(name)
        count, seconds = inputs.check_retention(keep_last_n, purge_older_than_secs)
        now = datetime.now(timezone.utc)
        artifacts, aliases = self.list_artifact_versions(name), self.list_aliases(name)
        plan = retention.plan(name, artifacts, aliases, now=now, keep_last_n=count, purge_older_than_secs=seconds)
        return plan, artifacts, aliases

    def purge_artifact(self, name: str) -> None:
        """Destroy an artifact for good: aliases, versions, bytes. Repeat it if it dies; numbers are not used again.

        The history of its aliases stays.

        Raises:
            InvalidInputError: The name has no S3 folder of its own.
            ConflictError: Others kept pointing aliases at its versions.
        """
        self._purger.destroy(inputs.check_flat_name(name))

    def purge_all(self) -> None:
        """Destroy every artifact of the repository; the bucket, the table and what is not ours in them stay."""
        self._purger.destroy_all()


def _attributes(
    content_type: str | None, metadata: Mapping[str, str] | None, tags: Mapping[str, str] | None
) -> Attributes:
    return Attributes(
        inputs.check_content_type(content_type), inputs.check_metadata(metadata), inputs.check_tags(tags)
    )
