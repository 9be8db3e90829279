"""The threat model names tests that exist, and its commands and settings are those that there are."""

from __future__ import annotations

import re
from pathlib import Path

from airflow_provider_versioned.cli.settings import global_options
from airflow_provider_versioned.repository.permissions import ROLES

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "security.md").read_text()


def test_tests_that_the_threat_model_names_exist() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    written = {
        test
        for path in (ROOT / "tests").rglob("test_*.py")
        for test in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }

    assert len(named) > 20
    assert named - written == set()


def test_each_threat_names_a_test() -> None:
    threats = DOCUMENT.partition("## Threats")[2].partition("\n## ")[0]
    rows = [row for row in threats.splitlines() if row.startswith("| ")][1:]

    assert [row for row in rows if "`test_" not in row] == []


def test_roles_and_options_of_the_document_exist() -> None:
    options = {name for option in global_options(from_environment=True) for name in option.opts}

    assert set(
        re.findall(r"`(\w+)`(?:,|\.)", DOCUMENT.partition("prints the policy of a")[2].split("They are")[0])
    ) == set(ROLES)
    assert "--expected-bucket-owner" in options
