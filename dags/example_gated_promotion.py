"""Publish, ask a person, and promote exactly what the person saw.

`approve` shows where `prod` is and where it would be, both versions with SHA-256, size and publisher, and what was
reported of their use. Answer on the task's page in Airflow, under Required Actions. A rejection, or no answer within a
day, fails the run. If `prod` was moved after the question was asked, `promote` refuses. Who approved, when, and the
comment stand in the history of the alias.

Prerequisites: a connection `aws_default` whose extra names the repository's bucket.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import Param, dag

from airflow_provider_versioned.gates import ApprovePromotionOperator
from airflow_provider_versioned.operators.alias import PromoteAliasOperator
from airflow_provider_versioned.operators.artifact import PublishArtifactOperator

VERSION = "{{ ti.xcom_pull('publish')['version'] }}"


@dag(
    schedule=None,
    catchup=False,
    tags=["example", "versioned"],
    doc_md=__doc__,
    params={"discount": Param(0.1, type="number", minimum=0, maximum=1, description="What the new rules say")},
)
def example_gated_promotion() -> None:
    """Publish, ask, promote."""
    publish = PublishArtifactOperator(
        task_id="publish", name="price-rules", content="{{ {'discount': params.discount} | tojson }}"
    )
    approve = ApprovePromotionOperator(
        task_id="approve", name="price-rules", alias="prod", version=VERSION, response_timeout=timedelta(days=1)
    )
    promote = PromoteAliasOperator(
        task_id="promote", name="price-rules", alias="prod", version=VERSION, approval=approve.output
    )
    publish >> approve >> promote


example_gated_promotion()
