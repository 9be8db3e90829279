"""Publish a model and point an alias at it.

The first version of anything goes live at once: there is nothing yet to compare it with. Whatever reads the alias
`prod` of the artifact `digits` gets this model from then on. A retry of any task changes nothing twice.

Prerequisites: scikit-learn, and a connection `aws_default` whose extra names the repository's bucket
(`{"service_config": {"versioned": {"s3_bucket": "..."}}}`).
"""

from __future__ import annotations

from airflow.sdk import dag, task

from airflow_provider_versioned.operators.alias import PromoteAliasOperator
from airflow_provider_versioned.operators.artifact import PublishArtifactOperator


@task
def train() -> str:
    """Train a modest model: many trees, few images."""
    from digits_model import train_forest

    return train_forest(images=120, trees=2500)


@dag(schedule=None, catchup=False, tags=["example", "versioned"], doc_md=__doc__)
def example_publish_and_promote() -> None:
    """Train, publish, promote."""
    publish = PublishArtifactOperator(task_id="publish", name="digits", source="{{ ti.xcom_pull('train') }}")
    promote = PromoteAliasOperator(
        task_id="promote",
        name="digits",
        alias="prod",
        version="{{ ti.xcom_pull('publish')['version'] }}",
        reason="the first model",
    )
    train() >> publish >> promote


example_publish_and_promote()
