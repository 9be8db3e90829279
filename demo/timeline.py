"""The story of an alias as a person reads it: what was published, which weight when, what the checks said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.split_bar import BLOCKS, split_bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from airflow_provider_versioned.repository.model import AliasChange, Artifact
    from demo.facts import Check, Facts, Retained

MEGABYTE = 1_000_000
INDENT = " " * 10


def timeline(facts: Facts, blocks: str = BLOCKS) -> list[str]:
    """Publications and changes of the alias in the order of time, each change with its check."""
    published = [
        (artifact.update_at, _published(artifact)) for artifact in facts.artifacts if artifact.version != "LATEST"
    ]
    changed = [
        (change.changed_at, _changed(change, before, facts.checks, blocks))
        for before, change in zip((None, *facts.history), facts.history, strict=False)
    ]
    events = sorted([*published, *changed], key=lambda event: event[0])
    return [line for at, lines in events for line in _dated(at, lines)]


def retention_report(plan: Iterable[Retained]) -> list[str]:
    """What retention would do to each version, and why."""
    return [
        f"{entry.name} v{entry.version:<3} {'would be purged:' if entry.purge else 'stays:':<16} {entry.reason}"
        for entry in plan
    ]


def check_text(check: Check) -> str:
    """One line for what a check measured."""
    return (
        f"check at {check.weight} %: {check.verdict}. Read right: "
        f"v{check.canary} {100 * check.canary_accuracy:.1f} % of {check.canary_requests} images, "
        f"v{check.stable} {100 * check.stable_accuracy:.1f} % of {check.stable_requests}"
    )


def _published(artifact: Artifact) -> list[str]:
    size = "size unknown" if artifact.size is None else f"{artifact.size / MEGABYTE:.1f} MB"
    return [f"v{artifact.version} published: {artifact.name}, {size}, sha256 {artifact.sha256[:12]}"]


def _changed(change: AliasChange, before: AliasChange | None, checks: Iterable[Check], blocks: str) -> list[str]:
    lines = [f"{change.alias}  {split_bar(change, blocks)}{_outcome(change, before)}"]
    if change.reason:
        lines.append(f"reason: {change.reason}")
    return lines + [check_text(check) for check in checks if _belongs(check, change)]


def _outcome(change: AliasChange, before: AliasChange | None) -> str:
    """Say what became of a canary that is gone."""
    if before is None or before.secondary_version is None or change.secondary_version is not None:
        return ""
    became = "promoted" if change.version == before.secondary_version else "rolled back"
    return f"  <- v{before.secondary_version} {became}"


def _belongs(check: Check, change: AliasChange) -> bool:
    return (check.stable, check.canary, check.weight) == (
        change.version,
        change.secondary_version,
        change.secondary_version_weight,
    )


def _dated(at: datetime, lines: list[str]) -> Iterator[str]:
    first, *rest = lines
    yield f"{at.astimezone():%H:%M:%S}  {first}"
    yield from (INDENT + line for line in rest)
