"""Replace rules in stages, and let their use decide.

A fifth of the customers gets the new price rules, then half, then all. `example_outcome_consumer` uses the rules and
reports how it went; after each step `OutcomeJudge` compares both versions and says whether the new one may go on. Too
few reports: it waits for more. Whoever has seen enough presses `Promote now` or `Abort` in the task `control`. Set
`discount` to 2 to see rules that cannot be used, which are rolled back.

Prerequisites: a connection `aws_default` whose extra names the repository's bucket; run `example_gated_promotion`
before, because a canary needs a stable version beside it. While this runs, run `example_outcome_consumer` a few times.
"""

from __future__ import annotations

from airflow.sdk import Param, dag

from airflow_provider_versioned.operators.artifact import PublishArtifactOperator
from airflow_provider_versioned.repository.judges import SampleRatio, SequentialTest
from airflow_provider_versioned.rollout import OutcomeJudge, staged_promotion

JUDGE = OutcomeJudge((SampleRatio(), SequentialTest(min_samples=20)))


@dag(
    schedule=None,
    catchup=False,
    tags=["example", "versioned"],
    doc_md=__doc__,
    params={"discount": Param(0.2, type="number", description="What the new rules say; above 1 they make no sense")},
)
def example_outcome_canary() -> None:
    """Publish, promote in stages."""
    publish = PublishArtifactOperator(
        task_id="publish", name="price-rules", content="{{ {'discount': params.discount} | tojson }}"
    )
    rollout = staged_promotion(
        name="price-rules",
        alias="prod",
        version="{{ ti.xcom_pull('publish')['version'] }}",
        steps=[20, 50],
        bake=5,
        check=JUDGE,
        check_interval=5,
        control=True,
    )
    publish >> rollout


example_outcome_canary()
