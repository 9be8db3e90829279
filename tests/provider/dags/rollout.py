"""Staged promotions whose checks answer what the run's configuration says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, task

from airflow_provider_versioned.rollout import staged_promotion

if TYPE_CHECKING:
    from airflow_provider_versioned.hooks import VersionedRepositoryHook
    from airflow_provider_versioned.rollout import CanaryStep

GROUP: dict[str, Any] = {
    "name": "{{ dag_run.conf['name'] }}",
    "alias": "prod",
    "version": "{{ dag_run.conf['version'] }}",
    "reason": "run {{ dag_run.run_id }}",
    "bake": 0,
    "check_timeout": 0,
}


def scripted(step: CanaryStep, dag_run: Any, hook: VersionedRepositoryHook) -> Any:
    """Answer what the configuration says for this weight; move the alias first if it says so."""
    script = dag_run.conf.get("checks", {}).get(str(step.weight), True)
    if script == "move":
        hook.repository.put_alias(step.name, step.alias, "1", changed_by="somebody else", reason="urgent")
        return True
    if script == "crash":
        raise RuntimeError("the check crashed")
    return script


def undecided(step: CanaryStep, hook: VersionedRepositoryHook) -> str:
    """Cannot tell at the first look at each step; asks a person to skip the second step."""
    rollout = hook.repository.get_rollout(step.name, step.alias)
    if step.weight == 20:
        hook.repository.skip_rollout_step(step.name, step.alias, changed_by="ann")
        return "inconclusive"
    looked = rollout.judgement is not None and rollout.judgement["weight"] == step.weight
    return "success" if looked else "inconclusive"


@task
def judged_by_task(step: dict[str, Any], dag_run: Any = None) -> Any:
    """Answer what the configuration says for this weight."""
    from airflow.sdk.exceptions import AirflowSkipException  # noqa: PLC0415 -- only where it runs

    script = dag_run.conf.get("checks", {}).get(str(step["weight"]), True)
    if script == "skip":
        raise AirflowSkipException
    return script


@task
def after() -> None:
    """Stand for the tasks that need the promotion."""


with DAG("rollout_by_callable"):
    staged_promotion(**GROUP, steps=(5, 25), check=scripted) >> after()

with DAG("rollout_by_task"):
    staged_promotion(**GROUP, steps=(5, 25), check=judged_by_task) >> after()

with DAG("rollout_templated"):
    steps = ["{{ dag_run.conf['steps'][0] }}", "{{ dag_run.conf['steps'][1] }}"]
    staged_promotion(**{**GROUP, "bake": "{{ dag_run.conf['bake'] }}"}, steps=steps) >> after()

with DAG("rollout_deferred"):
    deferred = {**GROUP, "bake": [1.5, 0], "check_timeout": 60, "check_interval": 1, "poke_interval": 1.0}
    steps_of_run = "{{ dag_run.conf['steps'] }}"
    group = staged_promotion(**deferred, steps=steps_of_run, check=undecided, final_bake=1, deferrable=True)
    group >> after()
