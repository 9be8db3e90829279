"""Sensors that wait for an alias in each of the ways that Airflow has."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from airflow_provider_versioned.sensors import AliasVersionSensor

WAIT: dict[str, Any] = {"name": "{{ dag_run.conf['name'] }}", "alias": "prod", "poke_interval": 0.5, "timeout": 15}
CONDITION: dict[str, Any] = {"version": "{{ dag_run.conf.get('version', '') }}"}


@task
def use(alias: object) -> object:
    """Stand for the tasks that need the alias."""
    return alias


with DAG("wait_poking"):
    use(AliasVersionSensor(task_id="wait", **WAIT, **CONDITION, deferrable=False).output)

with DAG("wait_rescheduled"):
    use(AliasVersionSensor(task_id="wait", **WAIT, **CONDITION, deferrable=False, mode="reschedule").output)

with DAG("wait_deferred"):
    use(AliasVersionSensor(task_id="wait", **WAIT, **CONDITION, deferrable=True).output)

with DAG("wait_in_vain"):
    use(AliasVersionSensor(task_id="wait", **{**WAIT, "timeout": 1}, **CONDITION, deferrable=True).output)

with DAG("wait_in_vain_softly"):
    vain = {**WAIT, "timeout": 1, "soft_fail": True}
    use(AliasVersionSensor(task_id="wait", **vain, **CONDITION, deferrable=True).output)
