"""The rules of construction: what may import what, how long a file may be, what a Dag file has to load."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_FOLDERS = ("airflow_provider_versioned", "tests", "scripts", "dags", "demo")
_SOURCES = {path: path.read_text() for folder in _FOLDERS for path in sorted((_ROOT / folder).rglob("*.py"))}
_MOST_LINES = 400
_FOR_DAG_FILES = (
    "airflow_provider_versioned",
    "airflow_provider_versioned.filesystem.paths",
    "airflow_provider_versioned.filesystem.versioned",
    "airflow_provider_versioned.get_provider_info",
    "airflow_provider_versioned.hooks",
    "airflow_provider_versioned.operators",
    "airflow_provider_versioned.repository.errors",
    "airflow_provider_versioned.repository.model",
    "airflow_provider_versioned.rollout.group",
    "airflow_provider_versioned.sensors",
    "airflow_provider_versioned.ui.plugin",  # no Dag file has it, but every task process loads it
)
# Airflow itself loads `airflow.providers.amazon`, for its description; what costs is below it.
_HEAVY = ("aiobotocore", "airflow.providers.amazon.aws", "boto3", "botocore", "pynamodb")
_IMPORT_AND_TELL = """
import importlib, json, sys
for module in {modules!r}:
    importlib.import_module(module)
print(json.dumps([name for name in {heavy!r} if name in sys.modules]))
"""


def _heavy_modules_after_importing(*modules: str) -> list[str]:
    code = _IMPORT_AND_TELL.format(modules=modules, heavy=_HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded: list[str] = json.loads(done.stdout.splitlines()[-1])
    return loaded


def test_import_rules_are_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")

    done = subprocess.run([lint_imports, "--no-cache"], cwd=_ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_modules_say_what_they_are_for() -> None:
    assert [path for path, source in _SOURCES.items() if not ast.get_docstring(ast.parse(source))] == []


def test_modules_postpone_their_annotations() -> None:
    with_code = {path: source for path, source in _SOURCES.items() if len(ast.parse(source).body) > 1}

    assert [path for path, source in with_code.items() if "from __future__ import annotations" not in source] == []


def test_modules_are_of_readable_length() -> None:
    assert [path for path, source in _SOURCES.items() if len(source.splitlines()) > _MOST_LINES] == []


def test_imports_of_a_dag_file_load_no_aws_library() -> None:
    assert _heavy_modules_after_importing(*_FOR_DAG_FILES) == []


def test_heavy_imports_are_noticed() -> None:
    assert _heavy_modules_after_importing("airflow_provider_versioned.repository.table") == ["botocore", "pynamodb"]


def test_import_of_the_repository_logs_nothing() -> None:
    code = "import logging; logging.basicConfig(level=0); from airflow_provider_versioned.repository import Repository"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pynamodb" not in done.stderr + done.stdout
