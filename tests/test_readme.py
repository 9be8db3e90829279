"""What README.md shows is true: its code runs, its commands exist, its links lead somewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import airflow_provider_versioned.gates
import airflow_provider_versioned.operators
import airflow_provider_versioned.sensors
from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.rollout import staged_promotion
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from tests.servers import Aws

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_dag_of_the_first_screen_is_a_dag_with_all_steps() -> None:
    space: dict[str, Any] = {}
    dag_code = blocks("python")[0].replace("\nrelease_model()\n", "\nmade = release_model()\n")
    exec(compile(dag_code, "README.md", "exec"), space)  # noqa: S102 -- the README's own code
    made: DAG = space["made"]
    group = "staged_promotion"
    steps = [f"{group}.{kind}_{weight}" for weight in (5, 25, 50) for kind in ("shift", "bake", "check")]
    ends = [f"{group}.{end}" for end in ("promote", "roll_back_unless_promoted", "fail_unless_promoted")]
    expected = ["publish", f"{group}.start", *steps, *ends]
    assert [task.task_id for task in made.topological_sort()] == expected  # type: ignore[no-untyped-call] # Airflow's own


@pytest.mark.backends(MOTO)
def test_python_of_the_readme_runs(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert aws.name == MOTO
    space: dict[str, Any] = {}
    for code in blocks("python")[1:]:
        exec(compile(code, "README.md", "exec"), space)  # noqa: S102 -- the README's own code
    printed = capsys.readouterr().out
    assert "rollback 1 None worse" in printed
    assert "1 stays because: alias prod" in printed
    assert "2 stays because: protected: the audit of 2026 refers to it" in printed


def test_connection_of_the_readme_leads_to_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    (stored,) = blocks("json")
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", stored)
    place = json.loads(stored)["extra"]["service_config"]["versioned"]
    repository = VersionedRepositoryHook().repository
    assert repository.s3_bucket == place["s3_bucket"]
    assert repository.s3_prefix == place["s3_prefix"]
    assert repository.dynamodb_table_name == place["dynamodb_table_name"]
    assert repository.suffix == place["suffix"]


def test_operators_and_sensors_of_the_readme_exist() -> None:
    named = set(re.findall(r"`(\w+(?:Operator|Sensor))`", README))
    modules = (
        airflow_provider_versioned.operators,
        airflow_provider_versioned.sensors,
        airflow_provider_versioned.gates,
    )
    exported = {name for module in modules for name in module.__all__}
    assert named <= exported
    assert callable(staged_promotion)


def test_make_targets_of_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", document.read_text(), re.MULTILINE))
        assert named <= targets, document


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_links_within_the_repository_lead_somewhere(document: Path) -> None:
    text = document.read_text()
    for link in [*re.findall(r"\]\(([^)#]+)\)", text), *re.findall(r'src="([^"]+)"', text)]:
        if "://" not in link:
            assert (document.parent / link).exists(), link
