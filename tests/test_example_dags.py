"""The example Dags: they parse anywhere, cheaply, and say what they are; their judge and models do what they tell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.rollout import CanaryStep
from dags import digits_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.repository import Repository

DAGS = Path(__file__).parents[1] / "dags"
FILES = sorted(DAGS.glob("example_*.py"))
HEAVY = ("aiobotocore", "boto3", "botocore", "joblib", "pynamodb", "sklearn")

# Every DAG object is looked for, registered or not, in whichever way this version of Airflow keeps them.
PARSE = """
import gc, importlib, json, socket, sys

def refuse(*_args, **_kwargs):
    raise RuntimeError("the network was used while a Dag file was parsed")

socket.socket.connect = socket.getaddrinfo = refuse
from airflow.sdk import DAG

sys.path.append(sys.argv[1])
importlib.import_module(sys.argv[2])
[dag] = [found for found in gc.get_objects() if isinstance(found, DAG)]
facts = {name: getattr(dag, name) for name in ("dag_id", "doc_md", "catchup")}
facts["schedule"] = getattr(dag.schedule, "name", dag.schedule)
print(json.dumps({**facts, "tags": sorted(dag.tags), "tasks": sorted(dag.task_ids), "modules": list(sys.modules)}))
"""


@pytest.fixture(scope="module", params=FILES, ids=[file.stem for file in FILES])
def parsed(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What a Dag file defines, parsed in a process of its own that has neither network nor connection."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_CONN", "AWS_"))}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:example", "-c", PARSE, str(DAGS), request.param.stem],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**found, "file": request.param.stem}


def test_every_story_has_its_file() -> None:
    assert [file.stem for file in FILES] == [
        "example_canary_rolled_back",
        "example_consume_by_alias",
        "example_event_driven_consumer",
        "example_gated_promotion",
        "example_nightly_retention",
        "example_outcome_canary",
        "example_outcome_consumer",
        "example_publish_and_promote",
        "example_rollback_drill",
        "example_staged_canary",
    ]


def test_dag_parses_without_network_and_without_a_heavy_import(parsed: dict[str, Any]) -> None:
    assert [module for module in parsed["modules"] if module.split(".")[0] in HEAVY] == []


def test_dag_is_named_as_its_file_and_runs_only_when_asked(parsed: dict[str, Any]) -> None:
    assert parsed["dag_id"] == parsed["file"]
    asked_by = {"example_event_driven_consumer": "watched digits@prod?poke_interval=2"}
    assert (parsed["schedule"], parsed["catchup"]) == (asked_by.get(parsed["file"]), False)


def test_dag_says_what_it_is_for_and_what_it_needs(parsed: dict[str, Any]) -> None:
    assert "Prerequisites:" in parsed["doc_md"]
    assert parsed["tags"] == ["example", "versioned"]
    assert parsed["tasks"]


@pytest.fixture(scope="module", autouse=True)
def _folder_that_goes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the trained models, and what is downloaded of them, go with the test's own folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("models")))
        yield


@pytest.fixture(scope="module")
def forests() -> dict[str, str]:
    """Small siblings of the models of the stories, trained as those are."""
    return {
        "first": digits_model.train_forest(images=120, trees=50),
        "better": digits_model.train_forest(images=898, trees=50),
        "shuffled": digits_model.train_forest(images=898, trees=50, shuffle_labels=True),
    }


def _step(canary: str, weight: int) -> CanaryStep:
    return CanaryStep("digits", "prod", "1", canary, weight, "rollout", datetime(2026, 11, 22, tzinfo=UTC))


@pytest.mark.backends("moto")
@pytest.mark.parametrize("weight", [5, 25, 50])
@pytest.mark.parametrize(("model", "wins"), [("better", True), ("shuffled", False)])
def test_judge_of_the_canaries_tells_a_better_model_from_a_worse(
    repository: Repository, forests: dict[str, str], model: str, weight: int, *, wins: bool
) -> None:
    for name in ("first", model):
        repository.publish_artifact_version("digits", content=Path(forests[name]))
    repository.put_alias("digits", "prod", 1, 2, weight)

    success, measured = digits_model.canary_reads_better(_step("2", weight), repository)

    assert success is wins
    asked = measured["canary_requests"] + measured["stable_requests"]
    assert measured["canary_requests"] / asked == pytest.approx(weight / 100, abs=0.05)
    assert (measured["canary_accuracy"] > measured["stable_accuracy"]) is wins


def test_accuracy_of_a_saved_forest_is_measured_on_images_it_has_not_seen(forests: dict[str, str]) -> None:
    assert 0.7 < digits_model.accuracy(forests["first"]) < 0.93 < digits_model.accuracy(forests["better"]) < 1
    assert digits_model.accuracy(forests["shuffled"]) < 0.3


def test_training_twice_gives_the_same_bytes(forests: dict[str, str]) -> None:
    again = digits_model.train_forest(images=120, trees=50)

    assert Path(again).read_bytes() == Path(forests["first"]).read_bytes()
