"""Which versions a retention rule removes, and why.

A version stays for the first of these reasons that holds: somebody protected it; an alias points at it; an alias did so
less than ``keep_previous_secs`` ago, so that a rollback may need it; it is among the newest ``keep_last_n`` numbers; it
was written less than ``keep_published_secs`` ago; it is not older than ``purge_older_than_secs``. LATEST always stays.
What was deleted keeps its bytes for a grace period. Pure: the state of the artifact comes in, decisions go out;
carrying them out against a changing repository is :mod:`~airflow_provider_versioned.repository.purge` and
:mod:`~airflow_provider_versioned.repository.free`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.retention_plan import FreeDecision, PurgeDecision, PurgePlan

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact

DAY_SECS = 24 * 60 * 60
DEFAULT_KEEP_LAST_N = 10
DEFAULT_PURGE_OLDER_THAN_SECS = 90 * DAY_SECS
DEFAULT_GRACE_SECS = 7 * DAY_SECS
DEFAULT_SWEEP_OLDER_THAN_SECS = DAY_SECS


@dataclass(frozen=True)
class RetentionRule:
    """What stays in any case; ages in seconds.

    Attributes:
        keep_last_n: How many of the highest live numbers.
        purge_older_than_secs: What is not older.
        keep_previous_secs: What an alias pointed at so short a time ago.
        keep_published_secs: What was written so short a time ago; a floor below ``purge_older_than_secs``.
    """

    keep_last_n: int = DEFAULT_KEEP_LAST_N
    purge_older_than_secs: float = DEFAULT_PURGE_OLDER_THAN_SECS
    keep_previous_secs: float = 0.0
    keep_published_secs: float = 0.0


@dataclass(frozen=True)
class Departure:
    """An alias stopped pointing at a version."""

    alias: str
    left_at: datetime


def plan(
    name: str,
    artifacts: Iterable[Artifact],
    aliases: Iterable[Alias],
    departures: Mapping[str, Departure],
    rule: RetentionRule,
    *,
    now: datetime,
) -> PurgePlan:
    """Apply a retention rule to an artifact's live versions, given LATEST first, then from the highest number down."""
    pointing = aliases_by_version(aliases)
    decisions: list[PurgeDecision] = []
    rank = 0
    for artifact in artifacts:
        kept = _in_use(artifact, pointing, departures) or _kept_by_rule(artifact, rank, rule, now)
        decisions.append(kept or _expired(artifact, rule))
        rank += artifact.version != LATEST
    return PurgePlan(
        name,
        now,
        rule.keep_last_n,
        rule.purge_older_than_secs,
        tuple(decisions),
        rule.keep_previous_secs,
        rule.keep_published_secs,
    )


def saved_since(
    planned: PurgePlan,
    there: Mapping[str, Artifact],
    pointing: Mapping[str, list[str]],
    departures: Mapping[str, Departure],
) -> dict[str, PurgeDecision]:
    """Return which versions of a plan must stay after all, by version, given the artifact as it is now."""
    saved: dict[str, PurgeDecision] = {}
    for decision in planned.to_purge:
        artifact = there.get(decision.version)
        if artifact is None:
            saved[decision.version] = PurgeDecision(
                decision.version, purge=False, rule="deleted", reason="deleted already"
            )
            continue
        kept = _in_use(artifact, pointing, departures)
        if kept is None and decision.revision not in {None, artifact.revision}:
            reason = "restored or written anew since the plan was made"
            kept = _kept(artifact, "changed", reason)
        if kept is not None:
            saved[decision.version] = kept
    return saved


def aliases_by_version(aliases: Iterable[Alias]) -> dict[str, list[str]]:
    """Return the aliases that point at each version, in words: ``prod``, ``prod (secondary)``."""
    pointing: dict[str, list[str]] = {}
    for alias in aliases:
        pointing.setdefault(alias.version, []).append(alias.alias)
        if alias.secondary_version is not None:
            pointing.setdefault(alias.secondary_version, []).append(f"{alias.alias} (secondary)")
    return pointing


def departures(newest_first: Iterable[AliasChange], since: datetime) -> dict[str, Departure]:
    """Return which versions an alias pointed at until some moment since then, from its history.

    Reads the history no further than needed: the first change before ``since`` is the last one of interest.
    """
    left: dict[str, Departure] = {}
    replaced_at: datetime | None = None
    for row in newest_first:
        if replaced_at is not None:
            for version in (row.version, row.secondary_version):
                if version is not None:
                    left.setdefault(version, Departure(row.alias, replaced_at))
        if row.changed_at < since:
            break
        replaced_at = row.changed_at
    return left


def kept_by_alias(version: str, pointing: list[str], revision: str | None = None) -> PurgeDecision:
    """Say that aliases keep a version."""
    return PurgeDecision(version, purge=False, rule="alias", reason=f"alias {', '.join(pointing)}", revision=revision)


def kept_by_protection(version: str, why: str, revision: str | None = None) -> PurgeDecision:
    """Say that a protection keeps a version."""
    return PurgeDecision(version, purge=False, rule="protected", reason=f"protected: {why}", revision=revision)


def decide_freeing(
    version: str,
    *,
    deleted_at: datetime | None,
    size: int | None,
    protected: str | None,
    begun: bool,
    now: datetime,
    grace_secs: float,
) -> FreeDecision:
    """Decide whether the bytes of a deleted version go.

    Args:
        deleted_at: None: not known; the grace period counts from now.
        begun: Freeing it has begun, so that nothing brings it back.
    """

    def decided(rule: str, reason: str, *, free: bool) -> FreeDecision:
        return FreeDecision(version, free, rule, reason, deleted_at, size)

    if begun:
        return decided("begun", "an earlier run began to free it", free=True)
    if protected is not None:
        return decided("protected", f"protected: {protected}", free=False)
    since = deleted_at or now
    said = f"deleted {since:%Y-%m-%d %H:%M:%S}Z" if deleted_at else "deleted at an unknown time, so counted from now"
    if (now - since).total_seconds() >= grace_secs:
        return decided("expired", said, free=True)
    return decided("grace", f"{said}, can be restored", free=False)


def _in_use(
    artifact: Artifact, pointing: Mapping[str, list[str]], left: Mapping[str, Departure]
) -> PurgeDecision | None:
    """Say which reason, if any, keeps a version whatever the rule's counts and ages are."""
    version, revision = artifact.version, artifact.revision
    if version == LATEST:
        return _kept(artifact, "latest", "LATEST is never purged")
    if artifact.protected is not None:
        return kept_by_protection(version, artifact.protected, revision)
    if version in pointing:
        return kept_by_alias(version, pointing[version], revision)
    if version in left:
        reason = f"alias {left[version].alias} pointed at it until {left[version].left_at:%Y-%m-%d %H:%M:%S}Z"
        return _kept(artifact, "previous", reason)
    return None


def _kept_by_rule(artifact: Artifact, rank: int, rule: RetentionRule, now: datetime) -> PurgeDecision | None:
    age = (now - artifact.update_at).total_seconds()
    written = f"written {artifact.update_at:%Y-%m-%d %H:%M:%S}Z"
    if rank < rule.keep_last_n:
        return _kept(artifact, "newest", f"one of the newest {rule.keep_last_n}")
    if age <= rule.keep_published_secs and rule.keep_published_secs > 0:
        reason = f"{written}, less than {_duration(rule.keep_published_secs)} ago"
        return _kept(artifact, "published", reason)
    if age <= rule.purge_older_than_secs:
        return _kept(artifact, "age", f"{written}, not older than {_duration(rule.purge_older_than_secs)}")
    return None


def _kept(artifact: Artifact, rule: str, reason: str) -> PurgeDecision:
    return PurgeDecision(artifact.version, purge=False, rule=rule, reason=reason, revision=artifact.revision)


def _expired(artifact: Artifact, rule: RetentionRule) -> PurgeDecision:
    reason = f"written {artifact.update_at:%Y-%m-%d %H:%M:%S}Z, not among the newest {rule.keep_last_n}, no alias"
    return PurgeDecision(artifact.version, purge=True, rule="expired", reason=reason, revision=artifact.revision)


def _duration(secs: float) -> str:
    """Say a span in words; one beyond the calendar in seconds."""
    try:
        return str(timedelta(seconds=secs))
    except OverflowError:
        return f"{secs:.0f} seconds"
