"""Which task this is, the same for all its tries."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

TaskIdentity = tuple[str, str, str, int]


def task_identity(context: Context) -> TaskIdentity:
    """Return Dag, run, task and map index; -1 for a task that is not mapped."""
    ti = context["ti"]
    map_index = -1 if ti.map_index is None else ti.map_index
    return ti.dag_id, ti.run_id, ti.task_id, map_index


def task_key(context: Context) -> str:
    """Return the key of this task instance, the same for all its tries, also after it was cleared."""
    return json.dumps(task_identity(context), separators=(",", ":"))
