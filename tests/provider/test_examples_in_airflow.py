"""Every example Dag in one whole Airflow, with its scheduler and triggerer, as a person would run them.

One test, because a whole Airflow takes longer to start than most of the stories to run.
"""

from __future__ import annotations

import json
import shutil
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
RUN = "test"
EVENT_DRIVEN, GATED = "example_event_driven_consumer", "example_gated_promotion"
DAGS = Path(__file__).parents[2] / "dags"
DAG_IDS = {file.stem for file in DAGS.glob("example_*.py")}


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
def running(
    aws: Aws, unique_place: PlaceArguments, models: Repository, lineage_file: Path, tmp_path: Path
) -> Iterator[AirflowProcess]:
    """An Airflow that watches the alias."""
    assert models.get_alias("digits", "prod").version == "1"
    transport = json.dumps({"type": "file", "log_file_path": str(lineage_file), "append": True})
    folder = shutil.copytree(DAGS, tmp_path / "dags")
    settings = {
        "AIRFLOW__OPENLINEAGE__TRANSPORT": transport,
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder),
        # Reading all files again and again takes half of a machine with two cores.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
    }
    with airflow_process(aws.connection_json(unique_place), DAG_IDS, **settings) as running:
        running.unpause(EVENT_DRIVEN)

        def is_watched() -> bool:
            # An unpaused Dag is watched for from the next time that its file is read, which is when it is newer.
            (folder / f"{EVENT_DRIVEN}.py").touch()
            return running.log_says("Watching alias 'prod' of 'digits' from version 1 on")

        running.wait_until(is_watched, "a trigger")
        yield running


def test_every_example_tells_its_story(running: AirflowProcess, models: Repository, lineage_file: Path) -> None:
    demand_moves_made_elsewhere_start_the_dag_once_each(running, models, lineage_file)
    running.pause(EVENT_DRIVEN)

    start(running, "gated_promotion")
    demand_exactly_what_was_approved_is_promoted(running, models)
    start(running, "outcome_canary", "rollback_drill")
    demand_a_canary_is_judged_by_its_use_and_promoted_by_a_person(running, models)
    demand(running, "success", "rollback_drill")
    assert result(running, "rollback_drill", "report")["back_at"] == "1"
    if AIRFLOW_VERSION >= (3, 3):  # nothing in the other stories depends on what is newer
        demand_stories_of_the_digits(running, models)


# -- an event-driven consumer --------------------------------------------------------------------------------------


def demand_moves_made_elsewhere_start_the_dag_once_each(
    running: AirflowProcess, models: Repository, lineage_file: Path
) -> None:
    """Move the alias; also while no triggerer runs."""
    models.put_alias("digits", "prod", 2, changed_by="somebody", reason="better")
    running.wait_until(lambda: running.runs(EVENT_DRIVEN) == ["success"], "the first run")

    [event] = running.events()
    payload = event["payload"]
    assert event["from_trigger"] is True
    assert (payload["weights"], payload["previous_weights"]) == ({"2": 100}, {"1": 100})
    assert (payload["changed_by"], payload["reason"]) == ("somebody", "better")
    assert payload["revision"] == models.get_alias("digits", "prod").revision
    used = running.xcom(EVENT_DRIVEN, "use")
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
    running.wait_until(lambda: set(running.runs(EVENT_DRIVEN)) == {"success"}, "the end of all runs")


def versions(running: AirflowProcess) -> list[tuple[int, str]]:
    """Return sequence and version of the moves that Airflow has heard of."""
    payloads = [extra["payload"] for extra in running.events()]
    return [(payload["sequence"], payload["version"]) for payload in payloads]


def read(file: Path) -> str:
    """Return what is in a file, if it is there."""
    return file.read_text() if file.exists() else ""


def inputs(file: Path) -> list[dict[str, Any]]:
    """Return the input datasets of the download, as OpenLineage was told."""
    told = [json.loads(line) for line in read(file).splitlines()]
    ended = [event for event in told if event["eventType"] == "COMPLETE" and event["job"]["name"].endswith(".download")]
    return [dataset for event in ended for dataset in event["inputs"]]


# -- the others ----------------------------------------------------------------------------------------------------


def start(running: AirflowProcess, *stories: str) -> None:
    """Start runs of example Dags."""
    for story in stories:
        running.api.trigger(f"example_{story}", RUN, {})


def demand(running: AirflowProcess, state: str, *stories: str) -> None:
    """Wait for the ends of runs."""
    for dag_id in (f"example_{story}" for story in stories):
        running.wait_for_end(dag_id, RUN)
        assert running.api.run_state(dag_id, RUN) == state, (dag_id, running.tasks(dag_id, RUN))


def result(running: AirflowProcess, story: str, task_id: str) -> dict[str, Any]:
    """Return what a task returned."""
    returned: dict[str, Any] = running.api.xcom(f"example_{story}", RUN, task_id)
    return returned


def demand_exactly_what_was_approved_is_promoted(running: AirflowProcess, repository: Repository) -> None:
    """Approve; the alias's history knows it."""
    question = running.question(GATED, RUN)
    assert question["subject"] == "Promote prod of price-rules: nothing -> 1?"
    assert repository.get_artifact_version("price-rules", 1).sha256 in question["body"]
    assert repository.list_aliases("price-rules") == []

    running.answer(question, "Approve", "the very first")

    demand(running, "success", "gated_promotion")
    [change] = repository.list_alias_history("price-rules", "prod")
    approval = dict(change.approval or {})
    assert approval.pop("approved_at")
    assert (change.version, approval) == ("1", {"approved_by": "admin", "comment": "the very first"})


def demand_a_canary_is_judged_by_its_use_and_promoted_by_a_person(
    running: AirflowProcess, repository: Repository
) -> None:
    """Let customers come by at the first step; at the second, a person has seen enough."""
    wait_for_weight(running, repository, 20)
    start(running, "outcome_consumer")
    wait_for_weight(running, repository, 50)
    running.answer(running.question("example_outcome_canary", RUN), "Promote now", "seen enough")
    demand(running, "success", "outcome_canary", "outcome_consumer")

    rollout, alias = repository.get_rollout("price-rules", "prod"), repository.get_alias("price-rules", "prod")
    assert (str(rollout.state), rollout.ended_by, alias.version) == ("promoted", "admin", rollout.canary)
    change = next(iter(repository.list_alias_history("price-rules", "prod")))
    assert (change.approval or {})["comment"] == "seen enough"
    outcomes = repository.get_outcomes("price-rules", "prod", rollout=rollout.id)
    assert sum(outcomes.of(version).counts.count for version in outcomes.versions) == 200
    judged = running.api.xcom("example_outcome_canary", RUN, "staged_promotion.check_20", key="judgement")
    assert judged["verdict"] == "success"
    answers = result(running, "outcome_canary", "staged_promotion.control")["answers"]
    assert [(answer["option"], answer["by"], answer["refused"]) for answer in answers] == [
        ("Promote now", "admin", None)
    ]


def wait_for_weight(running: AirflowProcess, repository: Repository, weight: int) -> None:
    """Wait for a step of the rollout of the price rules."""

    def there() -> bool:
        return repository.get_alias("price-rules", "prod").secondary_version_weight == weight

    running.wait_until(there, f"the step at {weight} %")


def demand_stories_of_the_digits(running: AirflowProcess, repository: Repository) -> None:
    """Promote, consume, win a canary, lose one, retain."""
    start(running, "publish_and_promote", "consume_by_alias")
    demand(running, "success", "publish_and_promote", "consume_by_alias")
    assert repository.get_alias("digits", "prod").version == "4"
    start(running, "staged_canary")
    demand(running, "success", "staged_canary")
    assert repository.get_alias("digits", "prod").version == "5"
    start(running, "canary_rolled_back", "nightly_retention")
    demand(running, "failed", "canary_rolled_back")
    demand(running, "success", "nightly_retention")
    alias = repository.get_alias("digits", "prod")
    assert (alias.version, alias.secondary_version) == ("5", None)
