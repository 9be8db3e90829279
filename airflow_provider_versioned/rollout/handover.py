"""What the tasks of a rollout tell each other by XCom, and what checks are told of a step."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.rollout.rules import Begun
from airflow_provider_versioned.rollout.verdict import CanaryStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Rollout
    from airflow_provider_versioned.repository.verdict import Judgement
    from airflow_provider_versioned.rollout.consequences import Consequence

JUDGEMENT_KEY = "judgement"  # under which a check leaves its verdict, also when its task fails
UI_COLOR = "#fdf1d7"


def begun(context: Context, start_task_id: str) -> Begun:
    """Return the rollout that ``start`` began."""
    stored = pull(context, start_task_id)
    if stored is None:
        raise InvalidInputError(
            f"Task {start_task_id!r} left no rollout; clear the whole group, so that it runs again."
        )
    return Begun.from_dict(stored)


def pull(context: Context, task_id: str, key: str = "return_value") -> Any:
    """Return what another task of the group left, of the same index where the group is mapped."""
    ti = context["ti"]
    return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=-1 if ti.map_index is None else ti.map_index)


def canary_step(rollout: Rollout) -> CanaryStep:
    """Return what a check is told."""
    return CanaryStep(
        name=rollout.name,
        alias=rollout.alias,
        stable=rollout.stable,
        canary=rollout.canary,
        weight=rollout.weight or 0,
        rollout=rollout.id,
        since=rollout.stepped_at or rollout.began_at,
        attempt=rollout.attempt,
    )


def describe_step(rollout: Rollout, *, live: bool) -> dict[str, Any]:
    """Describe where a rollout is to the tasks after it; ``live`` says whether that is to be baked and judged."""
    return {**canary_step(rollout).to_dict(), "live": live}


def describe_judgement(
    rollout: Rollout, step: int, judgement: Judgement, consequence: Consequence, asked_from_secs: float
) -> dict[str, Any]:
    """Return what the record keeps of a judgement.

    Args:
        asked_from_secs: How long the step had baked when its check was asked first.
    """
    return {
        **judgement.to_dict(),
        "weight": rollout.weight,
        "step": step,
        "attempt": rollout.attempt,
        "judged_at": datetime.now(UTC).isoformat(),
        "consequence": str(consequence),
        "asked_from_secs": asked_from_secs,
    }


def judged_before(rollout: Rollout, step: int) -> dict[str, Any] | None:
    """Return the last judgement, if it is of this step."""
    last = rollout.judgement
    if last is None or last.get("step") != step or last.get("attempt") != rollout.attempt:
        return None
    return last
