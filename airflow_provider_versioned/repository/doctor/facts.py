"""What the doctor has read of one artifact, as plain values: the input of its rules.

Pure. How the values are read from raw items stands in :mod:`~airflow_provider_versioned.repository.doctor.reading`, the
requests in :mod:`~airflow_provider_versioned.repository.doctor.examination`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.inputs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

LIVE, DELETED, CLAIMED, PURGING, GHOST = "live", "deleted", "claimed", "purging", "ghost"
NAMED = 3  # keys that a summary names


@dataclass(frozen=True)
class ObjectFacts:
    """The object that stands under a version's key.

    Attributes:
        described: Whether its metadata was asked for; the next two are only known then.
        content_sha256: Digest of its bytes, if they were read.
    """

    key: str
    etag: str
    size: int
    written_at: datetime
    described: bool = False
    sha256: str | None = None
    artifact_name: str | None = None
    content_sha256: str | None = None


@dataclass(frozen=True)
class Record:
    """An item that stands for a version, or for LATEST.

    Attributes:
        sk: Stored form of the version; a ghost may have any.
        state: One of ``live``, ``deleted``, ``claimed``, ``purging``, ``ghost``.
        visible: Whether readers here see it, and aliases may point at it.
        lacking: What a record must have and this one has not, or not in the form that the library ``versioned`` reads.
        wrong: Attributes that nobody can read.
        written_at: When its last write began, by its revision; for a claim the time of the claim.
        pending_since: When a write of LATEST began that is not finished; None also when its mark does not tell.
        raw: The item as read, to tell whether it changed.
    """

    sk: str
    state: str
    visible: bool = True
    sha256: str | None = None
    etag: str | None = None
    size: int | None = None
    aliases: frozenset[str] = frozenset()
    lacking: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    has_deletion_date: bool = False
    written_at: datetime | None = None
    pending: str | None = None
    pending_since: datetime | None = None
    pending_version: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Pointing:
    """What an alias points at, in public form; ``version`` None: it does not exist."""

    version: str | None = None
    secondary_version: str | None = None
    secondary_version_weight: int | None = None

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions pointed at."""
        return tuple(version for version in (self.version, self.secondary_version) if version is not None)

    def __str__(self) -> str:
        """Say it in words."""
        if self.version is None:
            return "nothing"
        if self.secondary_version is None:
            return f"version {self.version}"
        return f"version {self.version} with {self.secondary_version_weight} % to {self.secondary_version}"


@dataclass(frozen=True)
class HeadFacts:
    """What the bookkeeping says of the last change of an alias."""

    sequence: int
    revision: str
    is_deleted: bool
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class ChangeFacts:
    """One item of an alias's history."""

    sequence: int
    revision: str
    pointing: Pointing
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class AliasFacts:
    """An alias with its bookkeeping.

    Attributes:
        pointing: None: its item cannot be read, see ``wrong``.
        revision: None: written by the library ``versioned``, or absent.
        mendable: Whether all that is wrong is the form of its time.
        head: None: there is none.
        last: The newest change in its history.
        flaw: What is wrong with the history in itself.
    """

    alias: str
    exists: bool
    pointing: Pointing | None = None
    revision: str | None = None
    wrong: tuple[str, ...] = ()
    mendable: bool = False
    head: HeadFacts | None = None
    last: ChangeFacts | None = None
    flaw: str | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Strays:
    """What stands among ours and is not ours: how many, and the first of them."""

    count: int = 0
    first: tuple[str, ...] = ()

    def with_one(self, key: str) -> Strays:
        """Return the summary with one more."""
        return Strays(self.count + 1, (*self.first, key)[:NAMED])

    def __add__(self, other: Strays) -> Strays:
        """Return the summary of both."""
        return Strays(self.count + other.count, (*self.first, *other.first)[:NAMED])

    def __str__(self) -> str:
        """Say how many, and name some."""
        named = ", ".join(map(repr, self.first))
        return f"{self.count} ({named}{', …' if self.count > len(self.first) else ''})"


@dataclass(frozen=True)
class ArtifactFacts:
    """All that was read of one artifact.

    Attributes:
        records: By sort key.
        objects: By stored form of the version; only those under keys of that form.
        counter: The highest number given; None: there is no counter.
        counter_wrong: The counter cannot be read.
        strange_items: Items in the artifact's partitions that are none of ours.
        strange_objects: Objects in its folder whose key is no version's.
    """

    name: str
    records: Mapping[str, Record] = field(default_factory=dict)
    objects: Mapping[str, ObjectFacts] = field(default_factory=dict)
    aliases: tuple[AliasFacts, ...] = ()
    counter: int | None = None
    counter_wrong: bool = False
    strange_items: Strays = field(default_factory=Strays)
    strange_objects: Strays = field(default_factory=Strays)

    @property
    def numbers(self) -> Iterator[Record]:
        """The records of numbered versions, but for ghosts: their numbers were given to nobody."""
        return (record for record in self.records.values() if record.sk != LATEST and record.state != GHOST)

    @property
    def highest(self) -> str | None:
        """Stored form of the highest number that has a record."""
        return max((record.sk for record in self.numbers), default=None)

    def is_visible(self, sk: str) -> bool:
        """Tell whether readers see a version; of LATEST also when a write of it is only announced in its record."""
        record = self.records.get(sk)
        if record is None:
            return False
        if sk != LATEST or record.pending is None:
            return record.visible
        there = self.objects.get(LATEST)
        if there is not None and there.etag != record.etag:
            return True
        if record.pending_version is not None:
            return self.is_visible(record.pending_version) or record.visible
        return record.visible
