"""Every operator once, each fed by the one before; and the same mapped over several artifacts."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, task

from airflow_provider_versioned.operators import (
    DownloadArtifactOperator,
    PromoteAliasOperator,
    PublishArtifactOperator,
    PurgeVersionsOperator,
    RollbackAliasOperator,
)

NAME = "{{ dag_run.conf['name'] }}"

with DAG("publish_and_promote"):
    first = PublishArtifactOperator(task_id="first", name=NAME, content="one", content_type="text/plain")
    second = PublishArtifactOperator(task_id="second", name=NAME, source="{{ dag_run.conf['source'] }}")
    # Airflow's types do not know that the value is a dict.
    one, two = first.output["version"], second.output["version"]  # type: ignore[index]
    promote_first = PromoteAliasOperator(task_id="promote_first", name=NAME, alias="prod", version=one)
    promote_second = PromoteAliasOperator(
        task_id="promote_second",
        name=NAME,
        alias="prod",
        version=one,
        secondary_version=two,
        secondary_version_weight="{{ dag_run.conf['weight'] }}",
        reason="canary of {{ dag_run.run_id }}",
    )
    download = DownloadArtifactOperator(
        task_id="download", name=NAME, alias="prod", route="secondary", path="{{ dag_run.conf['folder'] }}/new/content"
    )
    rollback = RollbackAliasOperator(task_id="rollback", name=NAME, alias="prod", reason="enough")
    purge = PurgeVersionsOperator(
        task_id="purge", name=NAME, keep_last_n="0", older_than="0", keep_previous="0", dry_run="true"
    )
    [first >> second] >> promote_first >> promote_second >> download >> rollback >> purge

with DAG("mapped"):

    @task
    def names(dag_run: object = None) -> list[str]:
        return list(dag_run.conf["names"])  # type: ignore[attr-defined] # Airflow's own run

    named = names()
    published = PublishArtifactOperator.partial(task_id="publish", content=b"same").expand(name=named)
    promoted = PromoteAliasOperator.partial(task_id="promote", alias="prod", version="1").expand(name=named)
    purged = PurgeVersionsOperator.partial(task_id="purge", keep_last_n=0, older_than=timedelta(0)).expand(name=named)
    published >> promoted >> purged
