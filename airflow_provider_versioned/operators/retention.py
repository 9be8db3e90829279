"""Purging old versions, freeing the bytes of what was purged long ago, and sweeping up after dead processes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.operators.retention_tally import Tally
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import (
    parse_bool,
    parse_int,
    parse_names,
    parse_optional_seconds,
    parse_plans,
    parse_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import PurgePlan


class _RetentionOperator(RepositoryOperator):
    def _apply(self, plan: PurgePlan, tally: Tally) -> None:
        """Carry a plan out, and log each version that a change since the plan has saved."""
        kept = self.hook.repository.apply_purge(plan).kept if plan.to_purge else ()
        for decision in kept:
            self.log.info("Kept version %s of %r after all: %s.", decision.version, plan.name, decision.reason)
        tally.add_plan(plan, {decision.version for decision in kept})

    def _log_plan(self, plan: PurgePlan, verb: str) -> None:
        for decision in plan.decisions:
            said = verb if decision.purge else "Keeping"
            self.log.info("%s version %s of %r: %s.", said, decision.version, plan.name, decision.reason)


class PurgeVersionsOperator(_RetentionOperator):
    """Purges what a retention rule removes, and afterwards, if asked, frees and sweeps.

    A version stays if it is protected, if an alias points at it or did so lately, if it is among the newest, or if it
    is young. Purging hides it; it can be restored until its bytes are freed. Each decision is logged with its reason.
    Repeating the task is safe. Returns the rule, the numbers of versions kept, purged and freed, and the list
    ``purged_versions`` of ``{"name", "version", "reason"}``; a dry run also returns ``kept_versions``, and ``plans``
    for :class:`ApplyPurgePlanOperator`. Lists end after 200 entries, but ``plans`` is whole (some 200 bytes for each
    version to be purged); the log has everything.

    Args:
        name: One artifact name, several, or None for all artifacts of the repository.
        keep_last_n: How many of the newest versions stay, whatever their age.
        older_than: Age in seconds, or a timedelta, up to which a version stays.
        keep_previous: For so long, in seconds or as a timedelta, what an alias pointed at stays after the alias moved
            on, so that it can be rolled back to.
        keep_published: So long, likewise, a new version stays, even if ``older_than`` is shorter.
        free_after: So long after its deletion, likewise, the bytes of a version are removed for good, and with them the
            possibility to restore it. None: never.
        sweep_after: So long, likewise, after a process died, what it left is removed: claimed numbers, objects without
            a record, unfinished uploads. None: never.
        dry_run: Only say what would be done.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "keep_last_n",
        "older_than",
        "keep_previous",
        "keep_published",
        "free_after",
        "sweep_after",
        "dry_run",
    )

    def __init__(
        self,
        *,
        name: str | Sequence[str] | None,
        keep_last_n: int | str = 10,
        older_than: float | str | timedelta = timedelta(days=90),
        keep_previous: float | str | timedelta = timedelta(days=7),
        keep_published: float | str | timedelta = 0,
        free_after: float | str | timedelta | None = None,
        sweep_after: float | str | timedelta | None = None,
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.keep_last_n = keep_last_n
        self.older_than = older_than
        self.keep_previous = keep_previous
        self.keep_published = keep_published
        self.free_after = free_after
        self.sweep_after = sweep_after
        # BaseOperator has an unused method of that name; a template field must be the attribute of its argument.
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 -- Airflow passes it
        """Plan for each artifact and, unless it is a dry run, purge, free and sweep."""
        with no_vain_retry():
            keep_last_n = parse_int("keep_last_n", self.keep_last_n)
            older_than_secs = parse_seconds("older_than", self.older_than)
            keep = {
                "keep_previous_secs": parse_seconds("keep_previous", self.keep_previous),
                "keep_published_secs": parse_seconds("keep_published", self.keep_published),
            }
            ages = (
                parse_optional_seconds("free_after", self.free_after),
                parse_optional_seconds("sweep_after", self.sweep_after),
            )
            dry_run = parse_bool("dry_run", self.dry_run)
            tally = Tally(dry_run=dry_run)
            for name in self._names():
                plan = self.hook.repository.plan_purge(name, keep_last_n, older_than_secs, **keep)
                self._log_plan(plan, "Would purge" if dry_run else "Purging")
                if dry_run:
                    tally.add_plan(plan, set())
                else:
                    self._apply(plan, tally)
                self._clean(name, *ages, tally)
        rule = {"dry_run": dry_run, "keep_last_n": keep_last_n, "older_than_secs": older_than_secs, **keep}
        return {**rule, **tally.to_dict()}

    def _names(self) -> Iterable[str]:
        if self.name is None:
            return self.hook.repository.list_artifact_names()
        return parse_names(self.name)

    def _clean(self, name: str, grace_secs: float | None, sweep_secs: float | None, tally: Tally) -> None:
        """Free and sweep one artifact, each if asked for, and log what goes."""
        would = "Would have freed" if tally.dry_run else "Freed"
        if grace_secs is not None:
            freed = self.hook.repository.free_artifact_versions(name, grace_secs, dry_run=tally.dry_run)
            for decision in freed.decisions:
                verb = would if decision.free else "Kept the bytes of"
                self.log.info("%s version %s of %r: %s.", verb, decision.version, name, decision.reason)
            tally.add_freed(freed)
        if sweep_secs is not None:
            swept = self.hook.repository.sweep_artifact(name, sweep_secs, dry_run=tally.dry_run)
            for what in ("claims", "orphans", "uploads"):
                if left := getattr(swept, what):
                    verb = "Would have swept" if tally.dry_run else "Swept"
                    self.log.info("%s %s of %r: %s.", verb, what, name, ", ".join(left))
            tally.add_swept(swept)


class ApplyPurgePlanOperator(_RetentionOperator):
    """Carries out retention plans exactly as they were made, for instance after a person approved them.

    Nothing goes but what a plan names; and of that stays, with its reason in the log, what came into use, was protected
    or was restored since. Repeating the task is safe. Returns the numbers of versions kept and purged, and the list
    ``purged_versions``, which ends after 200 entries.

    Args:
        plan: One plan as ``PurgePlan.to_dict()`` gives it, or a list of them, or either as JSON: the ``plans`` that a
            dry run of :class:`PurgeVersionsOperator` returned.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "plan")

    def __init__(self, *, plan: dict[str, Any] | list[dict[str, Any]] | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.plan = plan

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 -- Airflow passes it
        """Read all plans before carrying out the first."""
        with no_vain_retry():
            tally = Tally(dry_run=False)
            for plan in parse_plans(self.plan):
                self._log_plan(plan, "Purging")
                self._apply(plan, tally)
        return tally.to_dict()
