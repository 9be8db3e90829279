"""What the tasks of a group tell each other by XCom: the rollout begun, the step made, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.rollout.rules import Rollout
from airflow_provider_versioned.rollout.verdict import CanaryStep

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Alias

JUDGEMENT_KEY = "judgement"  # under which a check leaves its verdict, also when its task fails
UI_COLOR = "#fdf1d7"


def begun(context: Context, start_task_id: str) -> Rollout:
    """Return the rollout that the group's ``start`` began."""
    stored = pull(context, start_task_id)
    if stored is None:
        raise InvalidInputError(
            f"Task {start_task_id!r} left no rollout; clear the whole group, so that it runs again."
        )
    return Rollout.from_dict(stored)


def pull(context: Context, task_id: str, key: str = "return_value") -> Any:
    """Return what another task of the group left, of the same index where the group is mapped."""
    ti = context["ti"]
    return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=-1 if ti.map_index is None else ti.map_index)


def describe_step(rollout: Rollout, alias: Alias | None, *, live: bool) -> dict[str, Any]:
    """Describe the step to the tasks after it; ``live`` says whether it is to be baked and judged."""
    if alias is None:
        raise InvalidInputError(f"Artifact {rollout.name!r} has no alias {rollout.alias!r} any more.")
    weight = alias.secondary_version_weight
    step = CanaryStep(
        name=rollout.name,
        alias=rollout.alias,
        stable=rollout.stable,
        canary=rollout.canary,
        weight=100 if weight is None else weight,
        rollout=rollout.id,
        since=alias.update_at,
    )
    return {**step.to_dict(), "live": live, "attempt": rollout.attempt}
