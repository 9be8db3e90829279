"""What a retention plan says, and what carrying it out did: plain data to show, store, approve and apply."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.model import Artifact


@dataclass(frozen=True)
class PurgeDecision:
    """What a retention rule says of one version.

    Attributes:
        purge: True when the version goes.
        rule: Which part of the rule decided: ``latest``, ``protected``, ``alias``, ``previous`` (an alias pointed at it
            a short while ago), ``newest``, ``published`` (a short while ago), ``age``, or ``expired``, by which it
            goes. When a plan is applied also ``deleted`` (already) and ``changed`` (since the plan was made).
        reason: The same in words a person reads: ``"one of the newest 3"``, ``"alias prod"``, …
        revision: That of the version when the plan was made; None when the library ``versioned`` wrote it.
    """

    version: str
    purge: bool
    rule: str
    reason: str
    revision: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as JSON-able values."""
        return dict(self.__dict__)


@dataclass(frozen=True)
class PurgePlan:
    """What a retention rule would do to one artifact: LATEST first, then from the highest number down.

    Attributes:
        planned_at: The moment from which ages count, in UTC.
    """

    name: str
    planned_at: datetime
    keep_last_n: int
    purge_older_than_secs: float
    decisions: tuple[PurgeDecision, ...]
    keep_previous_secs: float = 0.0
    keep_published_secs: float = 0.0

    @property
    def to_purge(self) -> tuple[PurgeDecision, ...]:
        """The decisions by which a version goes, newest version first."""
        return tuple(decision for decision in self.decisions if decision.purge)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON-able values."""
        return {
            "name": self.name,
            "planned_at": self.planned_at.isoformat(),
            "keep_last_n": self.keep_last_n,
            "purge_older_than_secs": self.purge_older_than_secs,
            "keep_previous_secs": self.keep_previous_secs,
            "keep_published_secs": self.keep_published_secs,
            "decisions": [decision.to_dict() for decision in self.decisions],
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> PurgePlan:
        """Rebuild a plan from :meth:`to_dict`, so that it can be stored, approved and then applied.

        Raises:
            InvalidInputError: It is not what ``to_dict`` gives.
        """
        try:
            fields = {**stored, "planned_at": datetime.fromisoformat(stored["planned_at"])}
            fields["decisions"] = tuple(PurgeDecision(**decision) for decision in stored["decisions"])
            plan = cls(**fields)
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise InvalidInputError(
                f"Reading a stored purge plan failed: {error!r} in {str(stored)[:200]!r}; give what "
                "PurgePlan.to_dict() returned, unchanged."
            ) from error
        if plan.planned_at.tzinfo is None or any(not isinstance(entry.purge, bool) for entry in plan.decisions):
            raise InvalidInputError(
                f"Reading a stored purge plan for {plan.name!r} failed: planned_at has no zone, or purge is no bool; "
                "give what PurgePlan.to_dict() returned, unchanged."
            )
        return plan


@dataclass(frozen=True)
class PurgeResult:
    """What applying a plan did.

    Attributes:
        purged: The versions that went, newest first.
        kept: The versions that the plan wanted to go and that stayed after all, each with the reason found then.
    """

    name: str
    purged: tuple[Artifact, ...]
    kept: tuple[PurgeDecision, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able values; purged versions by number."""
        return {
            "name": self.name,
            "purged": [artifact.version for artifact in self.purged],
            "kept": [decision.to_dict() for decision in self.kept],
        }


@dataclass(frozen=True)
class FreeDecision:
    """What the grace period says of one deleted version.

    Attributes:
        free: True when its bytes go.
        rule: ``expired`` or ``begun`` (an earlier run died over it), by which they go; ``grace``, ``protected``, or
            ``changed`` (restored meanwhile), by which they stay.
        reason: The same in words.
        deleted_at: None when the library ``versioned`` deleted it, which keeps no date.
        size: Bytes; None when the library ``versioned`` wrote the record.
    """

    version: str
    free: bool
    rule: str
    reason: str
    deleted_at: datetime | None
    size: int | None

    def changed(self) -> FreeDecision:
        """Return the decision after it turned out that the version was restored or protected meanwhile."""
        return replace(self, free=False, rule="changed", reason="restored, protected or in use since it was read")

    def to_dict(self) -> dict[str, Any]:
        """Return the decision as JSON-able values."""
        return {**self.__dict__, "deleted_at": self.deleted_at.isoformat() if self.deleted_at else None}


@dataclass(frozen=True)
class FreeResult:
    """Which deleted versions lost their bytes for good, or would; the highest number first.

    Attributes:
        dry_run: True: nothing was written.
    """

    name: str
    grace_secs: float
    dry_run: bool
    decisions: tuple[FreeDecision, ...]

    @property
    def freed(self) -> tuple[str, ...]:
        """The versions that were freed, or would be."""
        return tuple(decision.version for decision in self.decisions if decision.free)

    @property
    def freed_bytes(self) -> int:
        """Bytes that were freed, or would be, as far as records tell."""
        return sum(decision.size or 0 for decision in self.decisions if decision.free)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able values."""
        return {
            "name": self.name,
            "grace_secs": self.grace_secs,
            "dry_run": self.dry_run,
            "freed_bytes": self.freed_bytes,
            "decisions": [decision.to_dict() for decision in self.decisions],
        }


@dataclass(frozen=True)
class SweepResult:
    """What dead processes had left and was removed, or would be.

    Attributes:
        dry_run: True: nothing was written.
        claims: Numbers that were claimed and never published.
        orphans: S3 keys of objects without a record.
        uploads: S3 keys of uploads in parts that were never completed.
    """

    name: str
    older_than_secs: float
    dry_run: bool
    claims: tuple[str, ...]
    orphans: tuple[str, ...]
    uploads: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in self.__dict__.items()}
