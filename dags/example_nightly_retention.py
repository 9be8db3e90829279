"""Retain: for every artifact, say what a rule would purge and why, then purge it.

Keeps the newest versions, the young ones, the protected ones, and whatever an alias points at or did in the last week.
`plan` and `purge` have one mapped task for each artifact, so one artifact's trouble stops no other. Purged versions can
be restored for a month; then their bytes go. What processes that died left behind goes after two days.

Prerequisites: a connection `aws_default` whose extra names the repository's bucket. Set `schedule="@daily"` to mean it.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from airflow_provider_versioned.operators.retention import PurgeVersionsOperator

RULE = {
    "keep_last_n": "{{ params.keep_last_n }}",
    "older_than": "{{ params.older_than_days * 86400 }}",
    "keep_previous": "{{ params.keep_previous_days * 86400 }}",
    "free_after": "{{ params.free_after_days * 86400 }}",
    "sweep_after": timedelta(days=2),
}


@task
def list_artifacts() -> list[str]:
    """Name every artifact of the repository."""
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook

    return VersionedRepositoryHook().repository.list_artifact_names()


@task.short_circuit
def only_if_wanted(params: dict[str, Any] | None = None) -> bool:
    """Go on only if this run is to purge."""
    return bool(params and params["purge"])


@dag(
    schedule=None,
    catchup=False,
    tags=["example", "versioned"],
    doc_md=__doc__,
    params={
        "keep_last_n": Param(10, type="integer", minimum=0, description="Newest versions that stay"),
        "older_than_days": Param(90, type="number", minimum=0, description="Versions as young as this stay"),
        "keep_previous_days": Param(7, type="number", minimum=0, description="Days for which a former target stays"),
        "free_after_days": Param(30, type="number", minimum=0, description="Days in which a purge can be undone"),
        "purge": Param(default=True, type="boolean", description="False: only make the plan"),
    },
)
def example_nightly_retention() -> None:
    """Plan for each artifact, then purge each."""
    names = list_artifacts()
    mapped = {"map_index_template": "{{ task.name }}"}
    plan = PurgeVersionsOperator.partial(task_id="plan", dry_run=True, **RULE, **mapped).expand(name=names)
    purge = PurgeVersionsOperator.partial(task_id="purge", **RULE, **mapped).expand(name=names)
    plan >> only_if_wanted() >> purge


example_nightly_retention()
