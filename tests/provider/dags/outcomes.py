"""Consumers that route by key and report, beside a rollout that is judged by what they report."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, task

from airflow_provider_versioned.operators import DownloadArtifactOperator, RecordOutcomeOperator
from airflow_provider_versioned.repository.judges import SampleRatio, SequentialTest
from airflow_provider_versioned.rollout import OutcomeJudge, staged_promotion

if TYPE_CHECKING:
    from airflow_provider_versioned.rollout import CanaryStep

_JUDGE = OutcomeJudge(judges=(SampleRatio(), SequentialTest(min_samples=20)))


def consumed_and_judged(step: CanaryStep, hook: Any, dag_run: Any) -> Any:
    """Let customers come by, of whom the canary fails those that the run's configuration says; then judge."""
    broken = set(dag_run.conf["broken"])
    for number in range(dag_run.conf["customers"]):
        with hook.outcome(step.name, step.alias, key=f"{step.weight}-{number}") as use:
            if use.version in broken:
                use.fail()
    return _JUDGE(step, hook)


@task(retries=1, retry_delay=timedelta(0))
def flaky(name: str, ti: Any = None) -> bool:
    """Use the canary; fail at the first try, once inside the block and once by its own doing."""
    from airflow_provider_versioned.hooks import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

    hook = VersionedRepositoryHook()
    with hook.outcome(name, "prod", side="secondary"):
        pass
    counted = hook.record_outcomes(name, "prod", 1, successes=40, failures=2)
    with hook.outcome(name, "prod", side="primary"):
        if ti.try_number == 1:
            raise RuntimeError("first try")
    return bool(counted)


@task
def use(path: str, fails: bool) -> None:
    """Use what was downloaded."""
    if fails:
        raise RuntimeError(path)


with DAG("outcomes_judged"):
    staged_promotion(
        name="{{ dag_run.conf['name'] }}",
        alias="prod",
        version="{{ dag_run.conf['version'] }}",
        bake=0,
        check_timeout=0,
        steps=(25, 50),
        check=consumed_and_judged,
    )

with DAG("outcomes_retried"):
    flaky("{{ dag_run.conf['name'] }}")

with DAG("outcomes_of_tasks", render_template_as_native_obj=True):
    download = DownloadArtifactOperator(
        task_id="download",
        name="{{ dag_run.conf['name'] }}",
        path="{{ dag_run.conf['path'] }}",
        alias="{{ dag_run.conf['alias'] }}",
        route="key",
        route_key="customer-1",
    )
    used = use("{{ dag_run.conf['path'] }}", "{{ dag_run.conf['fails'] }}")  # type: ignore[arg-type] # rendered
    record = RecordOutcomeOperator(task_id="record", used=download.output, metrics={"seconds": 0.5})
    download >> used >> record
