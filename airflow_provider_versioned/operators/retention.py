"""Purging old versions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import parse_bool, parse_int, parse_names, parse_seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import PurgePlan

LISTED = 200  # entries per list of the result, which is kept as an XCom


class PurgeVersionsOperator(RepositoryOperator):
    """Purges what a retention rule removes: neither among the newest, nor young, nor pointed at by an alias.

    Each decision is logged with its reason. Repeating the task is safe. Returns the rule, the numbers of versions kept
    and purged, and the list ``purged_versions`` of ``{"name", "version", "reason"}``; a dry run also returns
    ``kept_versions``. Lists end after 200 entries; the log has them all.

    Args:
        name: One artifact name, several, or None for all artifacts of the repository.
        keep_last_n: How many of the newest versions stay, whatever their age.
        older_than: Age in seconds, or a timedelta, up to which a version stays.
        dry_run: Only say what would be purged.
    """

    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "keep_last_n",
        "older_than",
        "dry_run",
    )

    def __init__(
        self,
        *,
        name: str | Sequence[str] | None,
        keep_last_n: int | str = 10,
        older_than: float | str | timedelta = timedelta(days=90),
        dry_run: bool | str = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.keep_last_n = keep_last_n
        self.older_than = older_than
        # BaseOperator has an unused method of that name; a template field must be the attribute of its argument.
        self.dry_run = dry_run  # type: ignore[assignment,method-assign]

    def execute(self, context: Context) -> dict[str, Any]:  # noqa: ARG002 -- Airflow passes it
        """Plan for each artifact and, unless it is a dry run, purge."""
        with no_vain_retry():
            keep_last_n = parse_int("keep_last_n", self.keep_last_n)
            older_than_secs = parse_seconds("older_than", self.older_than)
            dry_run = parse_bool("dry_run", self.dry_run)
            tally = _Tally()
            for name in self._names():
                plan = self.hook.repository.plan_purge(name, keep_last_n, older_than_secs)
                self._log_plan(plan, dry_run)
                tally.add(plan, self._kept_after_all(plan, dry_run))
        rule = {"dry_run": dry_run, "keep_last_n": keep_last_n, "older_than_secs": older_than_secs}
        return {**rule, **tally.to_dict(with_kept=dry_run)}

    def _names(self) -> Iterable[str]:
        if self.name is None:
            return self.hook.repository.list_artifact_names()
        return parse_names(self.name)

    def _kept_after_all(self, plan: PurgePlan, dry_run: bool) -> set[str]:
        """Carry the plan out; return the versions that a concurrent change has saved."""
        if dry_run or not plan.to_purge:
            return set()
        kept = self.hook.repository.apply_purge(plan).kept
        for decision in kept:
            self.log.info("Kept version %s of %r after all: %s.", decision.version, plan.name, decision.reason)
        return {decision.version for decision in kept}

    def _log_plan(self, plan: PurgePlan, dry_run: bool) -> None:
        would = "Would purge" if dry_run else "Purging"
        for decision in plan.decisions:
            verb = would if decision.purge else "Keeping"
            self.log.info("%s version %s of %r: %s.", verb, decision.version, plan.name, decision.reason)


class _Tally:
    """Counts, and the first entries of each list, for the result."""

    def __init__(self) -> None:
        self._artifacts = 0
        self._kept: list[dict[str, str]] = []
        self._purged: list[dict[str, str]] = []
        self._by_name: dict[str, int] = {}

    def add(self, plan: PurgePlan, kept_after_all: set[str]) -> None:
        self._artifacts += 1
        for decision in plan.decisions:
            entry = {"name": plan.name, "version": decision.version, "reason": decision.reason}
            purged = decision.purge and decision.version not in kept_after_all
            (self._purged if purged else self._kept).append(entry)
            if purged:
                self._by_name[plan.name] = self._by_name.get(plan.name, 0) + 1

    def to_dict(self, *, with_kept: bool) -> dict[str, Any]:
        counts = {"artifacts": self._artifacts, "kept": len(self._kept), "purged": len(self._purged)}
        lists: dict[str, Any] = {
            "purged_by_name": dict(list(self._by_name.items())[:LISTED]),
            "purged_versions": self._purged[:LISTED],
        }
        return {**counts, **lists, **({"kept_versions": self._kept[:LISTED]} if with_kept else {})}
