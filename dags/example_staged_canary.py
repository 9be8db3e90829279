"""Replace a model in stages, and keep the new one because it is better.

5 % of the requests to the alias `prod` of the artifact `digits` go to the new model, then 25, 50 and 100 %. Between the
steps the check sends real images through the alias and compares how many each of the two models reads right.

Prerequisites: scikit-learn, and a connection `aws_default` whose extra names the repository's bucket; run
`example_publish_and_promote` before, because a canary needs a stable version beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import dag, task

from airflow_provider_versioned.operators.artifact import PublishArtifactOperator
from airflow_provider_versioned.rollout import CanaryStep, staged_promotion

if TYPE_CHECKING:
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook


@task
def train() -> str:
    """Train on many more images than the first model saw."""
    from digits_model import train_forest

    return train_forest(images=898, trees=800)


def reads_better(step: CanaryStep, hook: VersionedRepositoryHook) -> tuple[bool, dict[str, Any]]:
    """Judge one step; False rolls the alias back."""
    from digits_model import canary_reads_better

    return canary_reads_better(step, hook.repository)


@dag(schedule=None, catchup=False, tags=["example", "versioned"], doc_md=__doc__)
def example_staged_canary() -> None:
    """Train, publish, promote in stages."""
    publish = PublishArtifactOperator(task_id="publish", name="digits", source="{{ ti.xcom_pull('train') }}")
    rollout = staged_promotion(
        name="digits",
        alias="prod",
        version="{{ ti.xcom_pull('publish')['version'] }}",
        steps=[5, 25, 50],
        bake=3,
        check=reads_better,
        reason="trained on more images",
    )
    train() >> publish >> rollout


example_staged_canary()
