"""What a retention task does to one artifact; safe to do to several at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import FreeResult, PurgeDecision, PurgePlan, Repository, SweepResult


@dataclass(frozen=True)
class Treated:
    """What was decided and done.

    Attributes:
        kept: What the plan wanted to go and a change since has saved.
        freed: None: not asked for.
        swept: None: not asked for.
    """

    plan: PurgePlan
    kept: tuple[PurgeDecision, ...] = ()
    freed: FreeResult | None = None
    swept: SweepResult | None = None


@dataclass(frozen=True)
class Retention:
    """A retention rule, as the operator was given it; ages in seconds.

    Attributes:
        free_after_secs: None: free nothing.
        sweep_after_secs: None: sweep nothing.
    """

    keep_last_n: int
    older_than_secs: float
    keep: dict[str, float] = field(default_factory=dict)
    free_after_secs: float | None = None
    sweep_after_secs: float | None = None
    dry_run: bool = False

    def treat(self, repository: Repository, name: str) -> Treated:
        """Plan and, unless it is a dry run, purge; then free and sweep, if asked for."""
        plan = repository.plan_purge(name, self.keep_last_n, self.older_than_secs, **self.keep)
        return Treated(plan, () if self.dry_run else carry_out(repository, plan).kept, *self._clean(repository, name))

    def _clean(self, repository: Repository, name: str) -> tuple[FreeResult | None, SweepResult | None]:
        freed = swept = None
        if self.free_after_secs is not None:
            freed = repository.free_artifact_versions(name, self.free_after_secs, dry_run=self.dry_run)
        if self.sweep_after_secs is not None:
            swept = repository.sweep_artifact(name, self.sweep_after_secs, dry_run=self.dry_run)
        return freed, swept

    def to_dict(self) -> dict[str, float | int | bool]:
        """Return what was purged by, for the task's result."""
        rule = {"dry_run": self.dry_run, "keep_last_n": self.keep_last_n, "older_than_secs": self.older_than_secs}
        return {**rule, **self.keep}


def carry_out(repository: Repository, plan: PurgePlan) -> Treated:
    """Purge what a plan says."""
    return Treated(plan, repository.apply_purge(plan).kept if plan.to_purge else ())
