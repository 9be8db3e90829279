"""Who a task is, for idempotency keys and for the audit trail.

A key names the work, not the attempt: it holds no try number, so a retry is recognised as the same request. The alias
operators add the number of times that the Dag run was cleared: a person who clears a promotion wants it applied again.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_provider_versioned.hooks.identity import task_identity, task_key

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["author", "clearing_key", "task_key"]


def clearing_key(context: Context) -> str:
    """Return the key of this task instance, the same for all its tries until somebody clears the Dag run."""
    clear_number = context["dag_run"].clear_number or 0
    return json.dumps([*task_identity(context), clear_number], separators=(",", ":"))


def author(context: Context) -> str:
    """Return what the records say of who did it: ``airflow:dag_id/run_id/task_id``, mapped tasks with ``[index]``."""
    dag_id, run_id, task_id, map_index = task_identity(context)
    return f"airflow:{dag_id}/{run_id}/{task_id}" + (f"[{map_index}]" if map_index != -1 else "")
