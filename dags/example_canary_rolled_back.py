"""Try to replace a model in stages, and get the old one back because the new one is worse.

The new model learned from shuffled labels, so it guesses. The check at 5 % finds that out, the alias `prod` goes back
to the stable version, and the run ends failed: that is what this example is for.

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
    """Train on labels that do not belong to their images."""
    from digits_model import train_forest

    return train_forest(images=898, trees=200, shuffle_labels=True)


def reads_better(step: CanaryStep, hook: VersionedRepositoryHook) -> tuple[bool, dict[str, Any]]:
    """Judge one step; False rolls the alias back."""
    from digits_model import canary_reads_better

    return canary_reads_better(step, hook.repository)


@dag(schedule=None, catchup=False, tags=["example", "versioned"], doc_md=__doc__)
def example_canary_rolled_back() -> None:
    """Train, publish, promote in stages."""
    publish = PublishArtifactOperator(task_id="publish", name="digits", source="{{ ti.xcom_pull('train') }}")
    rollout = staged_promotion(
        name="digits",
        alias="prod",
        version="{{ ti.xcom_pull('publish')['version'] }}",
        steps=[5, 25, 50],
        bake=3,
        check=reads_better,
        reason="a model that nobody should use",
    )
    train() >> publish >> rollout


example_canary_rolled_back()
