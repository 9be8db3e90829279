"""What a retention task logs and returns: counts, and the first entries of each list, so that the XCom stays small.

Holds counts and a few entries, however many artifacts there are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.operators.retention_work import Treated
    from airflow_provider_versioned.repository import FreeResult, PurgePlan, SweepResult

LISTED = 200  # entries per list of the result
PLANNED = 5000  # versions whose plans are returned, some 200 bytes each
NAMED = 5  # artifacts in the message of a failure
PROGRESS_SECS = 10.0  # between two lines on the progress

_LEFT = {"claims": "claimed numbers", "orphans": "objects without a record", "uploads": "unfinished uploads"}


@dataclass
class Tally:
    """Adds up what was done to each artifact, and says so line by line.

    Attributes:
        dry_run: Nothing was done; the result then has what was kept, and the plans, too.
        total: How many artifacts there are; None: not known.
        say: Logs a line.
        clock: Monotonic seconds.
    """

    dry_run: bool
    say: Callable[[str], object]
    total: int | None = None
    clock: Callable[[], float] = time.monotonic
    artifacts: int = 0
    kept: int = 0
    purged: int = 0
    failed: int = 0
    errors: dict[str, Exception] = field(default_factory=dict)
    _kept: list[dict[str, str]] = field(default_factory=list)
    _purged: list[dict[str, str]] = field(default_factory=list)
    _by_name: dict[str, int] = field(default_factory=dict)
    _plans: list[dict[str, Any]] = field(default_factory=list)
    _planned: int = 0
    _freed: dict[str, int] = field(default_factory=dict)
    _swept: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin to count the time."""
        self._begun = self._said = self.clock()

    def add(self, treated: Treated) -> None:
        """Count what was done to an artifact, and log each decision with its reason."""
        saved = {decision.version: decision.reason for decision in treated.kept}
        purging = "Would purge" if self.dry_run else "Purged"
        for decision in treated.plan.decisions:
            if decision.rule == "latest":
                continue  # it always stays
            after_all = decision.version in saved
            said = "Kept" if after_all or not decision.purge else purging
            reason = f"{saved[decision.version]}, since the plan was made" if after_all else decision.reason
            self.say(f"{said} version {decision.version} of {treated.plan.name!r}: {reason}.")
        self._add_plan(treated.plan, saved)
        if treated.freed is not None:
            self._add_freed(treated.freed)
        if treated.swept is not None:
            self._add_swept(treated.swept)
        self._progress()

    def add_failure(self, name: str, error: Exception) -> None:
        """Count an artifact to which not everything could be done."""
        self.failed += 1
        if len(self.errors) < LISTED:
            self.errors[name] = error
        self.say(f"Retention of {name!r} failed, the others go on: {_said(error)}")
        self._progress()

    def _progress(self) -> None:
        if self.clock() - self._said >= PROGRESS_SECS:
            self._said = self.clock()
            self.say(self.summary())

    def summary(self) -> str:
        """Return in one sentence how far it is, and how fast."""
        secs = max(self.clock() - self._begun, 0.001)
        done = self.artifacts + self.failed
        of = "" if self.total is None else f" of {self.total:,}"
        purged = "would be purged" if self.dry_run else "purged"
        freed = f", {self._freed['freed']:,} freed" if self._freed else ""
        return (
            f"{done:,}{of} artifacts done in {secs:.0f} s ({done / secs:.1f}/s), {self.failed:,} of them failed; "
            f"versions: {self.purged:,} {purged} ({self.purged / secs:.1f}/s), {self.kept:,} kept{freed}."
        )

    def failures(self) -> str:
        """Return in one sentence what failed."""
        first = list(self.errors.items())[:NAMED]
        said = "; ".join(f"{name!r}: {_said(error)}" for name, error in first)
        more = f"; and {self.failed - NAMED} more, which the log names" if self.failed > NAMED else ""
        return f"Retention failed for {self.failed} of {self.failed + self.artifacts} artifacts ({said}{more})."

    def _add_plan(self, plan: PurgePlan, saved: dict[str, str]) -> None:
        """Count a plan's versions, LATEST apart."""
        self.artifacts += 1
        going = [decision for decision in plan.to_purge if decision.version not in saved]
        staying = [
            entry for entry in plan.decisions if entry.rule != "latest" and (not entry.purge or entry.version in saved)
        ]
        self.purged, self.kept = self.purged + len(going), self.kept + len(staying)
        for entries, decisions in ((self._purged, going), (self._kept, staying)):
            for decision in decisions[: LISTED - len(entries)]:
                entries.append({"name": plan.name, "version": decision.version, "reason": decision.reason})
        if going and len(self._by_name) < LISTED:
            self._by_name[plan.name] = len(going)
        if self.dry_run and plan.to_purge:
            self._planned += len(plan.to_purge)
            self._plans.append(replace(plan, decisions=plan.to_purge).to_dict())
            if self._planned > PLANNED:
                self._plans.clear()

    def _add_freed(self, result: FreeResult) -> None:
        would = "Would have freed" if self.dry_run else "Freed"
        for decision in result.decisions:
            verb = would if decision.free else "Kept the bytes of"
            self.say(f"{verb} version {decision.version} of {result.name!r}: {decision.reason}.")
        self._freed["freed"] = self._freed.get("freed", 0) + len(result.freed)
        self._freed["freed_bytes"] = self._freed.get("freed_bytes", 0) + result.freed_bytes

    def _add_swept(self, result: SweepResult) -> None:
        verb = "Would have swept" if self.dry_run else "Swept"
        for what, words in _LEFT.items():
            left = getattr(result, what)
            if left:
                self.say(f"{verb} {words} of {result.name!r}: {', '.join(left)}.")
            self._swept[what] = self._swept.get(what, 0) + len(left)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as small JSON."""
        result: dict[str, Any] = {
            "artifacts": self.artifacts,
            "kept": self.kept,
            "purged": self.purged,
            "purged_by_name": self._by_name,
            "purged_versions": self._purged,
            **self._freed,
        }
        if self._swept:
            result["swept"] = dict(self._swept)
        if self.dry_run:
            # All plans or none: a part of them would pass for the whole.
            result |= {"kept_versions": self._kept, "plans": self._plans if self._planned <= PLANNED else None}
        return result


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
