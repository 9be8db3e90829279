"""Which versions a retention rule removes, and why: a plan that is plain data.

A version is purged when it is none of the newest ``keep_last_n`` numbers, is older than ``purge_older_than_secs``, and
no alias points at it. LATEST never is. Pure: the state of the artifact comes in, a plan goes out; carrying it out
against a changing repository is :mod:`~airflow_provider_versioned.repository.purge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.inputs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_versioned.repository.model import Alias, Artifact

DEFAULT_KEEP_LAST_N = 10
DEFAULT_PURGE_OLDER_THAN_SECS = 90 * 24 * 60 * 60


@dataclass(frozen=True)
class PurgeDecision:
    """What a retention rule says of one version.

    Attributes:
        purge: True when the version goes.
        reason: Why, in words a person reads: ``"one of the newest 3"``, ``"alias prod"``, …
    """

    version: str
    purge: bool
    reason: str


@dataclass(frozen=True)
class PurgePlan:
    """What a retention rule would do to one artifact, newest version first.

    Attributes:
        planned_at: The moment from which ages count, in UTC.
    """

    name: str
    planned_at: datetime
    keep_last_n: int
    purge_older_than_secs: float
    decisions: tuple[PurgeDecision, ...]

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
            "decisions": [dict(decision.__dict__) for decision in self.decisions],
        }

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> PurgePlan:
        """Rebuild a plan from :meth:`to_dict`, so that it can be stored, approved and then applied."""
        return cls(
            name=stored["name"],
            planned_at=datetime.fromisoformat(stored["planned_at"]),
            keep_last_n=stored["keep_last_n"],
            purge_older_than_secs=stored["purge_older_than_secs"],
            decisions=tuple(PurgeDecision(**decision) for decision in stored["decisions"]),
        )


@dataclass(frozen=True)
class PurgeResult:
    """What applying a plan did.

    Attributes:
        purged: The versions that went, newest first.
        kept: The versions of the plan that stayed after all, each with the reason found at that moment.
    """

    name: str
    purged: tuple[Artifact, ...]
    kept: tuple[PurgeDecision, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-able values; purged versions by number."""
        return {
            "name": self.name,
            "purged": [artifact.version for artifact in self.purged],
            "kept": [dict(decision.__dict__) for decision in self.kept],
        }


def plan(
    name: str,
    artifacts: Iterable[Artifact],
    aliases: Iterable[Alias],
    *,
    now: datetime,
    keep_last_n: int,
    purge_older_than_secs: float,
) -> PurgePlan:
    """Apply a retention rule to an artifact's live versions, given newest first."""
    pointing = aliases_by_version(aliases)
    numbered = [artifact for artifact in artifacts if artifact.version != LATEST]
    decisions = tuple(
        _decide(
            artifact,
            rank,
            keep_last_n,
            pointing.get(artifact.version, []),
            young=(now - artifact.update_at).total_seconds() <= purge_older_than_secs,
        )
        for rank, artifact in enumerate(numbered)
    )
    return PurgePlan(name, now, keep_last_n, purge_older_than_secs, decisions)


def aliases_by_version(aliases: Iterable[Alias]) -> dict[str, list[str]]:
    """Return the aliases that point at each version, in words: ``prod``, ``prod (secondary)``."""
    pointing: dict[str, list[str]] = {}
    for alias in aliases:
        pointing.setdefault(alias.version, []).append(alias.alias)
        if alias.secondary_version is not None:
            pointing.setdefault(alias.secondary_version, []).append(f"{alias.alias} (secondary)")
    return pointing


def kept_by_alias(version: str, pointing: list[str]) -> PurgeDecision:
    """Say that aliases keep a version."""
    return PurgeDecision(version, purge=False, reason=f"alias {', '.join(pointing)}")


def _decide(artifact: Artifact, rank: int, keep_last_n: int, pointing: list[str], *, young: bool) -> PurgeDecision:
    if pointing:
        return kept_by_alias(artifact.version, pointing)
    if rank < keep_last_n:
        return PurgeDecision(artifact.version, purge=False, reason=f"one of the newest {keep_last_n}")
    if young:
        return PurgeDecision(artifact.version, purge=False, reason=f"written {artifact.update_at:%Y-%m-%d %H:%M:%S}Z")
    reason = f"written {artifact.update_at:%Y-%m-%d %H:%M:%S}Z, not among the newest {keep_last_n}, no alias"
    return PurgeDecision(artifact.version, purge=True, reason=reason)
