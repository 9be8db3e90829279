"""What Airflow's own commands say about the provider as it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from airflow_provider_versioned import __version__
from airflow_provider_versioned.get_provider_info import get_provider_info

INFO = get_provider_info()
NAME = INFO["package-name"]
COMMANDS = (
    "providers list",
    f"providers get --full {NAME}",
    "providers hooks",
    "providers triggers",
    "providers links",
    "providers notifications",
    "providers configs",
    "plugins",
)
# One interpreter for all of them: most of what each takes is to import Airflow.
ASK = """
import contextlib, io, json, sys
from airflow.cli import cli_parser
parser, answers = cli_parser.get_parser(), {}
for command in sys.argv[1:]:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        arguments = parser.parse_args([*command.split(), "--output", "json"])
        arguments.func(arguments)
    answers[command.split()[1 if " " in command else 0]] = json.loads(said.getvalue())
print(json.dumps(answers))
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, list[dict[str, Any]]]:
    """What each command says, by its last word."""
    command = [sys.executable, "-c", ASK, *COMMANDS]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert NAME not in done.stderr
    told: dict[str, list[dict[str, Any]]] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_list_names_us_with_our_version(answers: dict[str, list[dict[str, Any]]]) -> None:
    [ours] = [provider for provider in answers["list"] if provider["package_name"] == NAME]

    assert ours["version"] == __version__
    assert ours["description"].rstrip(".") == INFO["description"].rstrip(".")


def test_get_tells_everything_that_we_tell(answers: dict[str, list[dict[str, Any]]]) -> None:
    [told] = answers["get"]

    assert {key: told[key] for key in INFO if key != "description"} == {
        key: value for key, value in INFO.items() if key != "description"
    }


def test_triggers_links_and_notifications_are_ours(answers: dict[str, list[dict[str, Any]]]) -> None:
    triggers = {entry["class"] for entry in answers["triggers"] if entry["package_name"] == NAME}
    links = {entry["extra_link_class_name"] for entry in answers["links"]}
    notifications = {entry["notification_class_name"] for entry in answers["notifications"]}

    assert triggers == {module for entry in INFO["triggers"] for module in entry["python-modules"]}
    assert set(INFO["extra-links"]) <= links
    assert set(INFO["notifications"]) <= notifications


def test_no_connection_type_is_taken_from_another_provider(answers: dict[str, list[dict[str, Any]]]) -> None:
    assert [hook for hook in answers["hooks"] if hook["package_name"] == NAME] == []
    assert "connection-types" not in INFO


def test_configuration_and_plugin_are_known(answers: dict[str, list[dict[str, Any]]]) -> None:
    assert NAME in {entry["provider_config"][0] for entry in answers["configs"]}
    assert "versioned_artifacts" in {plugin["name"] for plugin in answers["plugins"]}
