"""What a retention task returns: counts, and the first entries of each list, so that the XCom stays small."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import FreeResult, PurgePlan, SweepResult

LISTED = 200  # entries per list of the result


@dataclass
class Tally:
    """Adds up what was done to each artifact.

    Attributes:
        dry_run: Nothing was done; the result then has what was kept, and the plans, too.
    """

    dry_run: bool
    _artifacts: int = 0
    _kept: list[dict[str, str]] = field(default_factory=list)
    _purged: list[dict[str, str]] = field(default_factory=list)
    _by_name: dict[str, int] = field(default_factory=dict)
    _plans: list[dict[str, Any]] = field(default_factory=list)
    _freed: dict[str, int] = field(default_factory=dict)
    _swept: dict[str, int] = field(default_factory=dict)

    def add_plan(self, plan: PurgePlan, kept_after_all: set[str]) -> None:
        """Count a plan's versions, LATEST apart.

        Args:
            kept_after_all: Those that a change since the plan has saved.
        """
        self._artifacts += 1
        for decision in plan.decisions:
            entry = {"name": plan.name, "version": decision.version, "reason": decision.reason}
            if decision.purge and decision.version not in kept_after_all:
                self._purged.append(entry)
                self._by_name[plan.name] = self._by_name.get(plan.name, 0) + 1
            elif decision.rule != "latest":
                self._kept.append(entry)
        if self.dry_run and plan.to_purge:
            self._plans.append(replace(plan, decisions=plan.to_purge).to_dict())

    def add_freed(self, result: FreeResult) -> None:
        """Count versions and bytes that are gone for good."""
        self._freed["freed"] = self._freed.get("freed", 0) + len(result.freed)
        self._freed["freed_bytes"] = self._freed.get("freed_bytes", 0) + result.freed_bytes

    def add_swept(self, result: SweepResult) -> None:
        """Count what dead processes had left."""
        for what in ("claims", "orphans", "uploads"):
            self._swept[what] = self._swept.get(what, 0) + len(getattr(result, what))

    def to_dict(self) -> dict[str, Any]:
        """Return the result as small JSON."""
        result: dict[str, Any] = {
            "artifacts": self._artifacts,
            "kept": len(self._kept),
            "purged": len(self._purged),
            "purged_by_name": dict(list(self._by_name.items())[:LISTED]),
            "purged_versions": self._purged[:LISTED],
            **self._freed,
        }
        if self._swept:
            result["swept"] = dict(self._swept)
        if self.dry_run:
            result |= {"kept_versions": self._kept[:LISTED], "plans": self._plans}
        return result
