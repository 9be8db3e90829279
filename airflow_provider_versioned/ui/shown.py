"""What the page is told of versions, aliases, changes and rollouts: JSON of facts; how it looks is the browser's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.alias_history import rollback_target
from airflow_provider_versioned.repository.errors import ArtifactNotFoundError
from airflow_provider_versioned.repository.inputs import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_versioned.repository import Alias, AliasChange, Artifact, PurgeDecision, PurgePlan, Repository
    from airflow_provider_versioned.repository.browse import AliasTrace, VersionRecord
    from airflow_provider_versioned.repository.rollouts.model import Rollout

_HISTORY_FOR_ROLLBACK = 200
_PAGES_FOR_NEWEST = 3


def version(record: VersionRecord) -> dict[str, Any]:
    """Show a version."""
    deleted_at = record.deleted_at.isoformat() if record.deleted_at else None
    return {**artifact(record.artifact), "live": record.live, "deleted_at": deleted_at}


def artifact(found: Artifact) -> dict[str, Any]:
    """Show the record of a version or of LATEST."""
    return {
        "version": found.version,
        "published_at": found.update_at.isoformat(),
        "size": found.size,
        "sha256": found.sha256,
        "s3uri": found.s3uri,
        "by": author(found.published_by),
        "protected": found.protected,
    }


def author(text: str | None) -> dict[str, str] | None:
    """Show who did something: a task of a Dag run with what a link needs, a user, or the text as it stands."""
    if text is None:
        return None
    kind, _, rest = text.partition(":")
    dag_id, _, run_and_task = rest.partition("/")
    run_id, _, task = run_and_task.rpartition("/")
    if kind == "airflow" and dag_id and run_id and task:
        task_id, _, index = task.removesuffix("]").partition("[")
        return {"text": text, "dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": index}
    return {"text": text, "user": rest} if kind == "airflow-user" and rest else {"text": text}


def alias(found: Alias) -> dict[str, Any]:
    """Show where an alias points now."""
    return {
        "alias": found.alias,
        "version": found.version,
        "secondary_version": found.secondary_version,
        "weight": found.secondary_version_weight,
        "revision": found.revision,
        "moved_at": found.update_at.isoformat(),
        "by": author(found.changed_by),
        "reason": found.reason,
        "rollout": found.rollout,
    }


def change(found: AliasChange) -> dict[str, Any]:
    """Show one change of an alias."""
    return {
        "sequence": found.sequence,
        "action": found.action,
        "at": found.changed_at.isoformat(),
        "version": found.version,
        "secondary_version": found.secondary_version,
        "weight": found.secondary_version_weight,
        "by": author(found.changed_by),
        "reason": found.reason,
        "rollout": found.rollout,
        "approval": found.approval,
    }


def trace(found: AliasTrace) -> dict[str, Any]:
    """Show an alias that has a history."""
    return {
        "alias": found.alias,
        "changes": found.changes,
        "changed_at": found.changed_at.isoformat(),
        "deleted": found.deleted,
    }


def rollout(found: Rollout) -> dict[str, Any]:
    """Show a rollout; times and states as text, who began and ended it with the parts that a link needs."""
    return {
        **found.to_dict(),
        "began_by": author(found.began_by),
        "ended_by": author(found.ended_by),
        "frozen_by": author(found.frozen_by),
    }


def rollouts(repository: Repository, name: str) -> list[dict[str, Any]]:
    """Show the last rollout of each alias."""
    return [rollout(found) for found in repository.list_rollouts(name)]


def plan(found: PurgePlan, decisions: Iterable[PurgeDecision], matching: int) -> dict[str, Any]:
    """Show a part of a retention plan, and how much of it there is."""
    counts: dict[str, int] = {}
    for decision in found.decisions:
        counts[decision.rule] = counts.get(decision.rule, 0) + 1
    shown = [{key: value for key, value in decision.to_dict().items() if key != "revision"} for decision in decisions]
    return {
        "planned_at": found.planned_at.isoformat(),
        "stay": len(found.decisions) - len(found.to_purge),
        "go": len(found.to_purge),
        "rules": counts,
        "matching": matching,
        "decisions": shown,
    }


def latest(repository: Repository, name: str) -> dict[str, Any] | None:
    """Show LATEST, or None when there is none."""
    try:
        return artifact(repository.get_artifact_version(name, LATEST))
    except ArtifactNotFoundError:
        return None


def newest(repository: Repository, name: str) -> dict[str, Any] | None:
    """Show the newest live version; None when there is none among the highest numbers."""
    below = None
    for _ in range(_PAGES_FOR_NEWEST):
        page = repository.page_artifact_versions(name, 10, below=below)
        for record in page.records:
            if record.live:
                return version(record)
        below = page.below
        if below is None:
            break
    return None


def way_back(repository: Repository, name: str, alias_name: str) -> dict[str, Any] | None:
    """Show the change that a rollback would bring back; None when the history knows none."""
    recent = repository.page_alias_history(name, alias_name, _HISTORY_FOR_ROLLBACK)
    target = rollback_target(recent)
    return change(target) if target else None
