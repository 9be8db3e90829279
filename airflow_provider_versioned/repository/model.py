"""What the repository hands out: plain frozen values, safe to compare, log and pickle.

They hold facts read from DynamoDB. Content is fetched only when asked for, through the repository that made the value;
a value that was built by hand or unpickled has none and says so.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.routing import Side, bucket_of, check_side, side_of

if TYPE_CHECKING:
    from collections.abc import Mapping


class ContentSource(Protocol):
    """What a value needs from its repository to fetch content."""

    def open_content(self, artifact: Artifact) -> BinaryIO:
        """Open the content of exactly that record."""

    def read_content(self, artifact: Artifact) -> bytes:
        """Read the content of exactly that record."""

    def download(self, artifact: Artifact, path: Path) -> Path:
        """Write the content of exactly that record to a file."""

    def get_artifact_version(self, name: str, version: str) -> Artifact:
        """Read a version's record."""


class _Bound:
    """A value that can drop its repository, for pickling."""

    _source: ContentSource | None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the repository behind: it holds connections and credentials."""
        return {**self.__dict__, "_source": None}

    def _bound_source(self) -> ContentSource:
        if self._source is None:
            raise InvalidInputError(
                f"{type(self).__name__} was built by hand or unpickled, so it cannot fetch content; "
                "read it again with Repository."
            )
        return self._source


@dataclass(frozen=True)
class Artifact(_Bound):
    """One version of an artifact as its record says.

    Attributes:
        version: ``"LATEST"`` or a number as a string.
        s3uri: Where the content stands; that of a version for LATEST that was published but not copied yet.
        update_at: When the content was written, by the clock of S3, in UTC with whole seconds.
        sha256: Hex digest of the content; None only for a damaged record of the library ``versioned``.
        size: Bytes of content; None when the library ``versioned`` wrote the record.
        etag: ETag of the S3 object, with its quotes; None as above.
        revision: Opaque id of the write that made the record; None as above.
        published_by: Who published the version, as the publisher said.
        protected: Why nobody may delete the version; None when it is not protected.
    """

    name: str
    version: str
    update_at: datetime
    s3uri: str
    sha256: str
    size: int | None = None
    etag: str | None = None
    revision: str | None = None
    published_by: str | None = None
    protected: str | None = None
    _source: ContentSource | None = field(default=None, repr=False, compare=False)

    def get_content(self) -> bytes:
        """Return the whole content, verified against ``sha256``.

        Raises:
            IntegrityError: The bytes in S3 are missing or do not match the record.
            ConflictError: This is LATEST, and it was overwritten since the record was read; read it again.
        """
        return self._bound_source().read_content(self)

    def open_content(self) -> BinaryIO:
        """Open the content as a binary stream that raises IntegrityError at its end when ``sha256`` does not match.

        Raises:
            IntegrityError: The bytes in S3 are missing or do not match the record.
            ConflictError: This is LATEST, and it was overwritten since the record was read; read it again.
        """
        return self._bound_source().open_content(self)

    def download(self, path: str | Path) -> Path:
        """Write the content to ``path``, whose folder must exist; the file appears whole and verified, or not at all.

        That holds however the process ends. Nothing is forced to the disk: after a loss of power, download again.

        Raises:
            IntegrityError: The bytes in S3 are missing or do not match the record.
            ConflictError: This is LATEST, and it was overwritten since the record was read; read it again.
        """
        return self._bound_source().download(self, Path(path))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able values; ``update_at`` in ISO 8601."""
        return _plain(self)


@dataclass(frozen=True)
class Alias(_Bound):
    """An alias as its record says: one version, or two that share the traffic.

    Attributes:
        update_at: When the alias was last moved, by the clock of whoever moved it, in UTC.
        secondary_version_weight: Share of ``secondary_version`` in whole percent, 0 to 99.
        revision: Opaque id of the last change, for ``if_revision``.
        sequence: Number of the last change in the alias's history; None when the library ``versioned`` moved it.
        rollout: Id of the rollout that is moving the alias, if any.
    """

    name: str
    alias: str
    update_at: datetime
    version: str
    secondary_version: str | None
    secondary_version_weight: int | None
    version_s3uri: str
    secondary_version_s3uri: str | None
    revision: str | None = None
    sequence: int | None = None
    changed_by: str | None = None
    reason: str | None = None
    rollout: str | None = None
    _source: ContentSource | None = field(default=None, repr=False, compare=False)

    @property
    def counted_under(self) -> str:
        """Id under which outcomes of this alias are counted: its rollout or, without one, its revision."""
        return self.rollout or self.revision or ""

    def choose_version(self, rng: random.Random | None = None) -> str:
        """Draw a version by weight; every call draws anew.

        Args:
            rng: Source of randomness, for a repeatable draw.
        """
        if self.secondary_version is None or not self.secondary_version_weight:
            return self.version
        draw = (rng or random).randrange(100)
        return self.secondary_version if draw < self.secondary_version_weight else self.version

    def random_artifact(self) -> str:
        """Draw a version by weight and return the S3 URI of its content."""
        chosen_secondary = self.choose_version() != self.version
        return self.secondary_version_s3uri if chosen_secondary and self.secondary_version_s3uri else self.version_s3uri

    def route(self, key: str | bytes, *, side: Side | None = None) -> str:
        """Return the version that a key belongs to: the same each time, until the alias is moved.

        A higher weight only brings more keys to the secondary version. Sends no request.

        Args:
            key: What shall stay on one side, such as a customer's id.
            side: Take this side instead, whatever the key and the weight say, say, to try a canary by hand.

        Raises:
            InvalidInputError: The key is empty or no text or bytes, ``side`` is none, or the alias has no such side.
        """
        bucket = bucket_of(self.name, self.alias, key)
        chosen = side_of(bucket, self.secondary_version_weight) if side is None else check_side(side)
        if chosen == "primary" or (side is None and self.secondary_version is None):
            return self.version
        return self._demand_secondary()

    def route_s3uri(self, key: str | bytes, *, side: Side | None = None) -> str:
        """Return the S3 URI of the content of the version that a key belongs to; as :meth:`route`."""
        primary = self.route(key, side=side) == self.version
        return self.version_s3uri if primary else self.secondary_version_s3uri or self.version_s3uri

    def route_artifact(self, key: str | bytes, *, side: Side | None = None) -> Artifact:
        """Read the record of the version that a key belongs to, with its content at hand; as :meth:`route`.

        Raises:
            InvalidInputError: As in :meth:`route`.
            ArtifactNotFoundError: The version was deleted since.
        """
        return self._bound_source().get_artifact_version(self.name, self.route(key, side=side))

    def get_version_content(self) -> bytes:
        """Return the content of the primary version, verified.

        Raises:
            ArtifactNotFoundError: The version was deleted since.
            IntegrityError: The bytes in S3 are missing or do not match the version's record.
        """
        return self._bound_source().get_artifact_version(self.name, self.version).get_content()

    def get_secondary_version_content(self) -> bytes:
        """Return the content of the secondary version, verified.

        Raises:
            InvalidInputError: The alias has no secondary version.
            ArtifactNotFoundError: The version was deleted since.
            IntegrityError: The bytes in S3 are missing or do not match the version's record.
        """
        return self._bound_source().get_artifact_version(self.name, self._demand_secondary()).get_content()

    def _demand_secondary(self) -> str:
        if self.secondary_version is None:
            raise InvalidInputError(
                f"Alias {self.alias!r} of {self.name!r} has no secondary version; use its version {self.version}.",
                name=self.name,
                alias=self.alias,
            )
        return self.secondary_version

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able values; ``update_at`` in ISO 8601."""
        return _plain(self)


@dataclass(frozen=True)
class AliasChange:
    """One row of an alias's history: what the alias was from then on.

    Attributes:
        sequence: 1 for the first change, then without gaps, also across deletion.
        action: ``put``, ``rollback``, ``delete``, or ``observed`` (a state that another tool had written, recorded when
            it was first seen).
        changed_at: By the clock of whoever made the change, in UTC, never before the change before it.
        version: None after a deletion.
        restored_sequence: For a rollback: the change whose state came back; None when it was none of them.
        approval: ``approved_by``, ``approved_at`` (ISO 8601) and ``comment``; None when nobody was asked.
    """

    name: str
    alias: str
    sequence: int
    action: str
    changed_at: datetime
    version: str | None
    secondary_version: str | None
    secondary_version_weight: int | None
    revision: str
    changed_by: str | None = None
    reason: str | None = None
    rollout: str | None = None
    restored_sequence: int | None = None
    approval: Mapping[str, Any] | None = field(default=None, hash=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-able values; ``changed_at`` in ISO 8601."""
        return _plain(self)


def _plain(value: Any) -> dict[str, Any]:
    return {
        key: entry.isoformat() if isinstance(entry, datetime) else entry
        for key, entry in value.__dict__.items()
        if not key.startswith("_")
    }
