"""Use what an alias points at, as soon as it is there.

The sensor waits in the triggerer, without a worker, until `prod` of `digits` points at `min_version` or a higher one,
the canary of a rollout not counting. Then the model is downloaded, verified against its sha256, and used.

Prerequisites: scikit-learn, and a connection `aws_default` whose extra names the repository's bucket; run
`example_publish_and_promote` before, or while this one waits.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from airflow.sdk import Param, dag, task

from airflow_provider_versioned.operators.artifact import DownloadArtifactOperator
from airflow_provider_versioned.sensors.alias import AliasVersionSensor

MODEL = Path(tempfile.gettempdir()) / "digits-prod.joblib"


@task
def use(downloaded: dict[str, Any]) -> dict[str, Any]:
    """Read images that the model has not seen."""
    from digits_model import accuracy

    return {**downloaded, "accuracy": accuracy(downloaded["path"])}


@dag(
    schedule=None,
    catchup=False,
    tags=["example", "versioned"],
    doc_md=__doc__,
    params={"min_version": Param(1, type="integer", minimum=1, description="Wait for this version or a higher one")},
)
def example_consume_by_alias() -> None:
    """Wait, download, use."""
    wait = AliasVersionSensor(
        task_id="wait",
        name="digits",
        alias="prod",
        min_version="{{ params.min_version }}",
        deferrable=True,
        poke_interval=2,
        timeout=600,
    )
    download = DownloadArtifactOperator(task_id="download", name="digits", alias="prod", path=MODEL)
    wait >> download
    use(download.output)


example_consume_by_alias()
