"""Producers of asset events, with templated names, and consumers that are scheduled on them."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import DAG, task

from airflow_provider_versioned.assets import alias_moved, version_published
from airflow_provider_versioned.notifications import AliasChangeNotifier
from airflow_provider_versioned.operators import PromoteAliasOperator, PublishArtifactOperator, RollbackAliasOperator
from airflow_provider_versioned.rollout import staged_promotion

NAME = "{{ dag_run.conf['name'] }}"


def write_down(sentence: str) -> None:
    """Keep what people would be told."""
    with Path(os.environ["VERSIONED_TEST_TOLD"]).open("a") as file:
        file.write(sentence + "\n")


@task
def listen() -> None:
    """Stand for a task of a consumer."""


tell = AliasChangeNotifier(write_down)

with DAG("produce_events"):
    publish = PublishArtifactOperator(task_id="publish", name=NAME, content="{{ dag_run.conf['content'] }}")
    promote = PromoteAliasOperator(
        task_id="promote",
        name=NAME,
        alias="prod",
        version="{{ ti.xcom_pull('publish')['version'] }}",
        reason="new",
        on_success_callback=tell,
    )
    rollback = RollbackAliasOperator(task_id="rollback", name=NAME, alias="prod", on_success_callback=tell)
    publish >> promote >> rollback

with DAG("produce_mapped_events"):
    PublishArtifactOperator.partial(task_id="publish", content="same").expand(name=["mapped-a", "mapped-b"])

with DAG("produce_staged_events"):
    staged_promotion(
        name=NAME, alias="prod", version=2, bake=0, steps=(25,), default_args={"on_success_callback": tell}
    )

with DAG("hear_of_moves", schedule=alias_moved("heard", "prod"), is_paused_upon_creation=False):
    listen()

with DAG("hear_of_versions", schedule=version_published("heard"), is_paused_upon_creation=False):
    listen()

with DAG("hear_of_others", schedule=alias_moved("unheard", "prod"), is_paused_upon_creation=False):
    listen()
