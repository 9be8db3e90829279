"""Use a new model as soon as `prod` is moved to it, whoever moved it.

The triggerer watches the alias; no worker and no schedule is needed. A run gets what was moved, and when several moves
came together, it uses the last. To hear of moves made by Airflow's own tasks only, which needs no watching, schedule on
`alias_moved("digits", "prod")` instead.

Prerequisites: scikit-learn, and a connection `aws_default` whose extra names the repository's bucket; unpause this Dag,
then run `example_publish_and_promote`, or move the alias by any other means.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

from airflow_provider_versioned.assets import watched_alias
from airflow_provider_versioned.operators.artifact import DownloadArtifactOperator

MODEL = Path(tempfile.gettempdir()) / "digits-moved.joblib"


@task
def last_move(triggering_asset_events: Any = None) -> dict[str, Any]:
    """Return the newest of the moves that started this run."""
    from airflow.sdk.exceptions import AirflowSkipException

    moves = [event.extra["payload"] for events in triggering_asset_events.values() for event in events]
    if not moves:
        raise AirflowSkipException("This run was started by hand: nothing was moved.")
    return max(moves, key=lambda move: move["sequence"])


@task
def use(downloaded: dict[str, Any]) -> dict[str, Any]:
    """Read images that the model has not seen."""
    from digits_model import accuracy

    return {**downloaded, "accuracy": accuracy(downloaded["path"])}


@dag(
    schedule=watched_alias("digits", "prod", poke_interval=2),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["example", "versioned"],
    doc_md=__doc__,
)
def example_event_driven_consumer() -> None:
    """Learn what was moved, download it, use it."""
    move = last_move()
    download = DownloadArtifactOperator(
        task_id="download", name="digits", version="{{ ti.xcom_pull('last_move')['version'] }}", path=MODEL
    )
    move >> download
    use(download.output)


example_event_driven_consumer()
