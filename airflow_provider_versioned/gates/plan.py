"""The move of an alias that a person is asked about, and how it is shown. Pure: no Airflow, no AWS.

What is shown is Markdown, in which what other people wrote (names, reasons, numbers) is text and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_provider_versioned.repository.model import Alias, Artifact
    from airflow_provider_versioned.repository.outcomes.facts import AliasOutcomes

_MOST_NUMBERS = 40
_LONGEST_CELL = 200
_UNITS = ("kB", "MB", "GB", "TB")
_STEP = 1000
_MARKUP = re.compile(r"([\\`*_\[\]<>|#~!])")


@dataclass(frozen=True)
class Plan:
    """A move of an alias.

    Attributes:
        now: The alias as it was read; None: it does not exist.
        version: What it shall point at.
        secondary_version: A second version, or None.
        secondary_version_weight: Its share in whole percent.
    """

    name: str
    alias: str
    now: Alias | None
    version: str
    secondary_version: str | None = None
    secondary_version_weight: int | None = None

    @property
    def weights_now(self) -> dict[str, int]:
        """Share of each version now."""
        if self.now is None:
            return {}
        return _weights(self.now.version, self.now.secondary_version, self.now.secondary_version_weight)

    @property
    def weights_then(self) -> dict[str, int]:
        """Share of each version after the move."""
        return _weights(self.version, self.secondary_version, self.secondary_version_weight)

    @property
    def moves(self) -> bool:
        """Whether there is anything to move."""
        return self.weights_now != self.weights_then

    @property
    def versions(self) -> list[str]:
        """All versions that are shown."""
        return sorted({*self.weights_now, *self.weights_then}, key=lambda version: (len(version), version))

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.alias} of {self.name}: {_say(self.weights_now)} -> {_say(self.weights_then)}"

    def to_dict(self) -> dict[str, Any]:
        """Return what is asked for, as an approval names it."""
        return {
            "name": self.name,
            "alias": self.alias,
            "version": self.version,
            "secondary_version": self.secondary_version,
            "secondary_version_weight": self.secondary_version_weight,
            "revision": self.now.revision if self.now else None,
        }


@dataclass(frozen=True)
class Facts:
    """What helps a person to decide.

    Attributes:
        artifacts: Records of the versions; those that were deleted are not in it.
        judgement: The last one of the rollout: ``verdict``, ``detail``, ``reason``, ``weight``, ``judged_at``.
        outcomes: What was reported of the versions.
    """

    artifacts: Mapping[str, Artifact] = field(default_factory=dict)
    judgement: Mapping[str, Any] | None = None
    outcomes: AliasOutcomes | None = None


def describe(plan: Plan, facts: Facts) -> str:
    """Return the plan with all facts."""
    parts = [_versions(plan, facts.artifacts)]
    if plan.now is not None:
        parts.append(_since(plan.now))
    if facts.judgement:
        parts.append(describe_judgement(facts.judgement))
    if facts.outcomes is not None:
        parts.append(describe_outcomes(facts.outcomes))
    return "\n\n".join(filter(None, parts))


def describe_judgement(judgement: Mapping[str, Any]) -> str:
    """Return a judgement: the verdict, the sentence, and the numbers as a table."""
    weight, at = judgement.get("weight"), judgement.get("judged_at")
    where = (f" at {weight} %" if weight is not None else "") + (f", {cell(at)}" if at else "")
    reason = f": {cell(judgement['reason'])}" if judgement.get("reason") else ""
    said = f"**The check said {cell(judgement.get('verdict'))}**{where}{reason}."
    numbers = list(_flat(judgement.get("detail") or judgement.get("numbers") or {}))
    return f"{said}\n\n{table(('number', 'value'), numbers[:_MOST_NUMBERS])}" if numbers else said


def describe_outcomes(outcomes: AliasOutcomes) -> str:
    """Return what was reported as a table; nothing, if nothing was."""
    header = ("version", "uses", "failures", "failure rate")
    rows = []
    for version in sorted(outcomes.versions, key=lambda version: (len(version), version)):
        counts = outcomes.of(version).counts
        rows.append((version, counts.count, counts.failures, f"{counts.failure_rate:.2%}"))
    return f"What was reported of their use:\n\n{table(header, rows)}" if rows else ""


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [
        [cell(value) for value in header],
        ["---"] * len(header),
        *([cell(value) for value in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(value: object) -> str:
    """Return a value as text without effect in Markdown."""
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        value = f"{value:.6g}"
    if isinstance(value, datetime):
        value = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
    line = " ".join(str(value).split())
    short = line if len(line) <= _LONGEST_CELL else line[: _LONGEST_CELL - 1] + "…"
    return _MARKUP.sub(r"\\\1", short)


def _versions(plan: Plan, artifacts: Mapping[str, Artifact]) -> str:
    header = ("version", "now", "then", "published", "by", "size", "sha256")
    now, then = plan.weights_now, plan.weights_then
    rows = []
    for version in plan.versions:
        shares = [f"{weights[version]} %" if version in weights else None for weights in (now, then)]
        found = artifacts.get(version)
        about = (found.update_at, found.published_by, _size(found.size), found.sha256) if found else ("deleted",) * 4
        rows.append((version, *shares, *about))
    return table(header, rows)


def _since(now: Alias) -> str:
    by = f" by {cell(now.changed_by)}" if now.changed_by else ""
    why = f" (reason: {cell(now.reason)})" if now.reason else ""
    return f"{cell(now.alias)} is where it is since {cell(now.update_at)}{by}{why}."


def _flat(detail: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, object]]:
    for key, value in detail.items():
        here = f"{path} {key}".strip()
        if isinstance(value, Mapping):
            yield from _flat(value, here)
        else:
            yield here, value


def _weights(version: str, secondary: str | None, weight: int | None) -> dict[str, int]:
    if secondary is None:
        return {version: 100}
    return {version: 100 - (weight or 0), secondary: weight or 0}


def _say(weights: Mapping[str, int]) -> str:
    if len(weights) <= 1:
        return next(iter(weights), "nothing")
    return " + ".join(f"{version} ({weight} %)" for version, weight in weights.items())


def _size(count: int | None) -> str | None:
    if count is None or count < _STEP:
        return None if count is None else f"{count} B"
    amount, units = count / _STEP, list(_UNITS)
    while amount >= _STEP and len(units) > 1:
        amount, units = amount / _STEP, units[1:]
    return f"{amount:.1f} {units[0]}"
