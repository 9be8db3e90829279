"""Practise a rollback: promote, roll back, demand that the old version is back, and say how long it took.

It moves an alias of its own, `drill`, so nobody who reads `prod` is disturbed, by the same two operators that would
move `prod`. The report fails if the alias is not exactly where it was, or if the old content cannot be read whole.

Prerequisites: a connection `aws_default` whose extra names the repository's bucket; run `example_gated_promotion`
before, which publishes the version to go back to. Set `schedule="@weekly"` to mean it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.sdk import Param, dag, task

from airflow_provider_versioned.operators.alias import PromoteAliasOperator, RollbackAliasOperator
from airflow_provider_versioned.operators.artifact import PublishArtifactOperator

DRILL = {"name": "price-rules", "alias": "drill", "reason": "rollback drill {{ run_id }}"}


@task
def report(before: dict[str, Any], promoted: dict[str, Any], back: dict[str, Any]) -> dict[str, Any]:
    """Demand that the alias is back, and return how long the new version was on."""
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook

    alias = VersionedRepositoryHook().repository.get_alias("price-rules", "drill")
    if (alias.version, alias.secondary_version, alias.revision) != (before["version"], None, back["revision"]):
        raise RuntimeError(f"The drill failed: the alias is at {alias.version}, not back at {before['version']}.")
    alias.get_version_content()  # raises if it does not match its SHA-256
    went, came = (datetime.fromisoformat(moved["update_at"]) for moved in (promoted, back))
    seconds = round((came - went).total_seconds(), 3)
    return {"tried": promoted["version"], "back_at": alias.version, "seconds_until_back": seconds}


@dag(
    schedule=None,
    catchup=False,
    tags=["example", "versioned"],
    doc_md=__doc__,
    params={"stable": Param(1, type="integer", minimum=1, description="The version to start from and to go back to")},
)
def example_rollback_drill() -> None:
    """Start, publish, promote, roll back, report."""
    start = PromoteAliasOperator(task_id="start", version="{{ params.stable }}", **DRILL)
    publish = PublishArtifactOperator(task_id="publish", name="price-rules", content='{"drill": "{{ run_id }}"}')
    promote = PromoteAliasOperator(task_id="promote", version="{{ ti.xcom_pull('publish')['version'] }}", **DRILL)
    roll_back = RollbackAliasOperator(task_id="roll_back", **DRILL)
    start >> publish >> promote >> roll_back
    report(start.output, promote.output, roll_back.output)


example_rollback_drill()
