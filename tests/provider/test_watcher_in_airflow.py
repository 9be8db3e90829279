"""The event-driven example Dag in a whole Airflow: moves made elsewhere start it, also those that no triggerer saw."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import airflow
import pytest

from dags import digits_model
from tests.provider.airflow_process import AirflowProcess, airflow_process
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MINISTACK)

AIRFLOW_VERSION = tuple(map(int, airflow.__version__.split(".")[:2]))
DAG_ID = "example_event_driven_consumer"


@pytest.fixture
def models(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with three models of images, and alias ``prod`` at the first."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for images in (120, 150, 180):
        repository.publish_artifact_version("digits", content=Path(digits_model.train_forest(images=images, trees=5)))
    repository.put_alias("digits", "prod", 1)
    return repository


@pytest.fixture
def lineage_file(tmp_path: Path) -> Path:
    """Where OpenLineage writes."""
    return tmp_path / "lineage.json"


@pytest.fixture
def running(aws: Aws, unique_place: PlaceArguments, models: Repository, lineage_file: Path) -> Iterator[AirflowProcess]:
    """An Airflow that watches the alias."""
    assert models.get_alias("digits", "prod").version == "1"
    transport = json.dumps({"type": "file", "log_file_path": str(lineage_file), "append": True})
    connection = aws.connection_json(unique_place)
    with airflow_process(connection, {DAG_ID}, AIRFLOW__OPENLINEAGE__TRANSPORT=transport) as running:
        running.unpause(DAG_ID)
        running.wait_until(lambda: running.log_says("Watching alias 'prod' of 'digits' from version 1 on"), "a trigger")
        yield running


def versions(running: AirflowProcess) -> list[tuple[int, str]]:
    """Return sequence and version of the moves that Airflow has heard of."""
    payloads = [extra["payload"] for extra in running.events()]
    return [(payload["sequence"], payload["version"]) for payload in payloads]


def test_moves_made_elsewhere_start_the_dag_once_each_also_after_the_triggerer_died(
    running: AirflowProcess, models: Repository, lineage_file: Path
) -> None:
    models.put_alias("digits", "prod", 2, changed_by="somebody", reason="better")
    running.wait_until(lambda: running.runs(DAG_ID) == ["success"], "the first run")

    [event] = running.events()
    payload = event["payload"]
    assert event["from_trigger"] is True
    assert (payload["weights"], payload["previous_weights"]) == ({"2": 100}, {"1": 100})
    assert (payload["changed_by"], payload["reason"]) == ("somebody", "better")
    assert payload["revision"] == models.get_alias("digits", "prod").revision
    used = running.xcom(DAG_ID, "use")
    assert (used["version"], used["sha256"]) == ("2", models.get_artifact_version("digits", 2).sha256)
    running.wait_until(lambda: "COMPLETE" in read(lineage_file), "the lineage")
    assert [dataset["name"] for dataset in inputs(lineage_file)] == ["artifacts/digits"]
    if AIRFLOW_VERSION >= (3, 3):  # before, a trigger can keep nothing
        demand_nothing_lost_while_no_triggerer_runs(running, models)


def demand_nothing_lost_while_no_triggerer_runs(running: AirflowProcess, models: Repository) -> None:
    """Kill the triggerer, move on, start another, move once more: each move is told, in its order, once."""
    running.wait_until(lambda: running.log_says("kept that change 2 was seen"), "the state")
    running.kill_triggerer()
    for version in (3, 1):
        models.put_alias("digits", "prod", version)
    running.start_triggerer()

    running.wait_until(lambda: running.log_says("kept that change 4 was seen"), "the state")
    models.put_alias("digits", "prod", 2)
    running.wait_until(lambda: running.log_says("kept that change 5 was seen"), "the state")

    assert versions(running) == [(2, "2"), (3, "3"), (4, "1"), (5, "2")]
    running.wait_until(lambda: set(running.runs(DAG_ID)) == {"success"}, "the end of all runs")


def read(file: Path) -> str:
    """Return what is in a file, if it is there."""
    return file.read_text() if file.exists() else ""


def inputs(file: Path) -> list[dict[str, Any]]:
    """Return the input datasets of the download, as OpenLineage was told."""
    told = [json.loads(line) for line in read(file).splitlines()]
    ended = [event for event in told if event["eventType"] == "COMPLETE" and event["job"]["name"].endswith(".download")]
    return [dataset for event in ended for dataset in event["inputs"]]
