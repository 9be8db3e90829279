"""What a Dag file pays for importing us, and what Airflow finds in us."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import airflow
import jsonschema  # type: ignore[import-untyped] # has no types
import pytest
from airflow.providers_manager import ProvidersManager
from airflow.sdk import DAG, BaseOperator, BaseSensorOperator

from airflow_provider_versioned.get_provider_info import get_provider_info
from airflow_provider_versioned.operators import (
    ApplyPurgePlanOperator,
    DownloadArtifactOperator,
    PromoteAliasOperator,
    PublishArtifactOperator,
    PurgeVersionsOperator,
    RecordOutcomeOperator,
    RollbackAliasOperator,
    VerifyRepositoryOperator,
)
from airflow_provider_versioned.rollout.start import StartRolloutOperator
from airflow_provider_versioned.sensors import AliasVersionSensor
from airflow_provider_versioned.task.base import RepositoryOperator

OPERATORS = [
    ApplyPurgePlanOperator,
    DownloadArtifactOperator,
    PromoteAliasOperator,
    PublishArtifactOperator,
    PurgeVersionsOperator,
    RecordOutcomeOperator,
    RollbackAliasOperator,
    VerifyRepositoryOperator,
    AliasVersionSensor,
]

INFO = get_provider_info()
# Whatever a Dag file may import of us: new modules are found by themselves.
PUBLIC = [path for kind in ("operators", "sensors") for entry in INFO[kind] for path in entry["python-modules"]]

DAG_FILE = f"""
import sys
import airflow.sdk
before = set(sys.modules)
import airflow_provider_versioned.operators
import airflow_provider_versioned.sensors
from airflow_provider_versioned.assets import alias_moved
from airflow_provider_versioned.notifications import AliasChangeNotifier
from airflow_provider_versioned.rollout import staged_promotion
with airflow.sdk.DAG("dag", schedule=alias_moved("n", "a"), on_success_callback=AliasChangeNotifier(print)):
    airflow_provider_versioned.operators.PublishArtifactOperator(task_id="p", name="n", content="c")
    airflow_provider_versioned.sensors.AliasVersionSensor(task_id="s", name="n", alias="a")
    staged_promotion(name="n", alias="a", version=1, bake=5, check=lambda step: True)
print(*sorted(set(sys.modules) - before))
import {", ".join(PUBLIC)}
print(*sorted(set(sys.modules) - before))
"""
AWS = ("boto3", "botocore", "aiobotocore", "pynamodb", "fsspec", "airflow.providers.amazon")


def test_dag_file_that_uses_us_loads_no_aws_library() -> None:
    said = subprocess.run([sys.executable, "-c", DAG_FILE], capture_output=True, text=True, check=True).stdout
    loaded, with_all_modules = (line.split() for line in said.splitlines())

    assert [module for module in loaded if module.startswith((*AWS, "airflow.triggers"))] == []
    assert [module for module in with_all_modules if module.startswith(AWS)] == []
    assert set(PUBLIC) <= set(with_all_modules)
    assert "airflow_provider_versioned.operators.artifact" in loaded


def own_arguments(operator: type[BaseOperator]) -> set[str]:
    """Return the constructor arguments that an operator adds to those of Airflow's bases."""
    names: set[str] = set()
    for cls in operator.__mro__:
        if issubclass(cls, RepositoryOperator):
            names |= set(inspect.signature(cls.__init__).parameters)
    return names - {"self", "kwargs", "deferrable"}


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_argument_of_an_operator_is_templated_and_kept_as_given(operator: type[BaseOperator]) -> None:
    arguments = own_arguments(operator)
    assert set(operator.template_fields) == arguments

    markers: dict[str, Any] = {name: f"{{{{ {name} }}}}" for name in arguments}
    made = operator(task_id="task", **markers)
    assert {name: getattr(made, name) for name in arguments} == markers


def test_rollout_is_templated_where_its_author_says_what_moves() -> None:
    assert {"name", "alias", "version", "steps", "reason", "s3_bucket"} <= set(StartRolloutOperator.template_fields)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_takes_the_defaults_of_its_dag(operator: type[BaseOperator]) -> None:
    with DAG("dag", default_args={"s3_bucket": "from-the-dag", "aws_conn_id": "from-the-dag", "retries": 7}):
        needed: dict[str, Any] = {"name": "n", "alias": "a", "version": 1, "path": "p", "plan": [], "used": {}}
        made = operator(task_id="task", **{key: needed[key] for key in own_arguments(operator) & set(needed)})

    assert (made.s3_bucket, made.aws_conn_id, made.retries) == ("from-the-dag", "from-the-dag", 7)  # type: ignore[attr-defined]


def test_provider_info_is_valid_and_names_modules_that_hold_what_it_says() -> None:
    info = get_provider_info()
    schema = json.loads((Path(airflow.__file__).parent / "provider_info.schema.json").read_text())

    jsonschema.validate(info, schema)
    deprecated = {key for key, rule in schema["properties"].items() if "deprecated" in rule}
    assert deprecated.isdisjoint(info)
    for kind, base in {
        "operators": BaseOperator,
        "sensors": BaseSensorOperator,
        "hooks": object,
        "triggers": object,
    }.items():
        for entry in info[kind]:
            for path in entry["python-modules"]:
                module = import_module(path)
                own = [cls for cls in vars(module).values() if inspect.isclass(cls) and cls.__module__ == path]
                assert any(issubclass(cls, base) for cls in own), path


def test_provider_is_found_by_airflow() -> None:
    found = entry_points(group="apache_airflow_provider")
    [entry] = [entry for entry in found if entry.dist and entry.dist.name == "airflow-provider-versioned"]
    assert entry.load() is get_provider_info
    manager = ProvidersManager()  # type: ignore[no-untyped-call] # Airflow has no types here
    assert manager.providers["airflow-provider-versioned"].data["name"] == "Versioned"
