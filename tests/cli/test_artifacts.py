"""Commands on artifacts and versions: get, list, delete, restore, protect, unprotect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture(autouse=True)
def _published(repository: Repository) -> None:
    for content in (b"one", b"two"):
        repository.publish_artifact_version("model", content=content, published_by="Ann")
    repository.put_alias("model", "prod", 1, 2, 20)
    repository.put_artifact("other", b"one")


def test_names_are_listed(cli: Program) -> None:
    assert cli.ok("list").out == "model\nother\n"
    assert cli.json("list") == ["model", "other"]


def test_versions_are_listed_with_their_aliases(cli: Program, repository: Repository) -> None:
    repository.protect("model", 1, "audit")
    lines = cli.ok("list", "model").out.splitlines()
    assert lines[0].split() == ["VERSION", "WRITTEN", "SIZE", "SHA256", "ALIASES", "PUBLISHED", "BY", "PROTECTED"]
    assert [line.split()[0] for line in lines[1:]] == ["LATEST", "2", "1"]
    assert lines[3].split()[3:] == ["3", "B", "7692c3ad3540", "prod", "Ann", "audit"]
    listed = cli.json("list", "model")
    assert [(entry["version"], entry["aliases"]) for entry in listed] == [
        ("LATEST", []),
        ("2", ["prod"]),
        ("1", ["prod"]),
    ]
    expected = [artifact.to_dict() for artifact in repository.list_artifact_versions("model")]
    assert [{key: value for key, value in entry.items() if key != "aliases"} for entry in listed] == expected


def test_nothing_to_list_is_told_apart_from_a_result(cli: Program) -> None:
    nothing = cli.ok("list", "nobody")
    assert (nothing.out, nothing.err) == ("", "Nothing there.\n")
    assert cli.json("list", "nobody") == []
    assert cli.ok("list", "nobody", "--quiet").err == ""


def test_record_is_shown_by_version_and_by_alias(cli: Program, repository: Repository) -> None:
    assert cli.json("get", "model") == repository.get_artifact_version("model").to_dict()
    assert cli.json("get", "model", 2)["version"] == "2"
    assert cli.json("get", "model", "--alias", "prod")["version"] == "1"
    assert "published by  Ann" in cli.ok("get", "model", 1).out


def test_deletion_is_asked_for_and_undone(cli: Program, repository: Repository) -> None:
    repository.delete_alias("model", "prod")
    declined = cli("delete", "model", 1, typed="n\n")
    assert (declined.code, declined.out) == (8, "")
    assert "Delete version 1 of 'model'?" in declined.err
    assert "Nothing was done." in declined.err
    assert cli.json("get", "model", 1)["version"] == "1"

    assert "is deleted" in cli.ok("delete", "model", 1, typed="y\n").err
    assert cli("get", "model", 1).code == 3
    assert cli.json("restore", "model", 1)["version"] == "1"
    assert cli.json("delete", "model", 1, "--yes") == {"name": "model", "version": "1", "deleted": True}
    assert cli.ok("delete", "model", 1, "-y").code == 0


def test_deletion_without_a_terminal_needs_yes(cli: Program, repository: Repository) -> None:
    outcome = cli("delete", "model", 2, piped="y\n")
    assert outcome.code == 2
    assert "give --yes" in outcome.err
    assert repository.get_artifact_version("model", 2).version == "2"


def test_version_in_use_is_not_deleted(cli: Program) -> None:
    outcome = cli("delete", "model", 1, "--yes")
    assert outcome.code == 4
    assert outcome.err.startswith("Error: Deleting version 1 of 'model' failed: alias prod")
    assert outcome.err.count("\n") == 1


def test_protected_version_is_not_deleted_until_unprotected(cli: Program, repository: Repository) -> None:
    repository.delete_alias("model", "prod")
    assert cli.json("protect", "model", 1, "--reason", "audit")["protected"] == "audit"
    outcome = cli("delete", "model", 1, "--yes")
    assert outcome.code == 4
    assert "audit" in outcome.err
    assert cli.json("unprotect", "model", 1) == {"name": "model", "version": "1", "unprotected": True}
    cli.ok("delete", "model", 1, "--yes")


@pytest.mark.parametrize("command", ["get", "restore", "protect"])
def test_version_that_is_not_there_exits_3(cli: Program, command: str) -> None:
    outcome = cli(command, "model", 9)
    assert (outcome.code, outcome.out) == (3, "")


def test_what_others_wrote_does_not_steer_the_terminal(cli: Program, repository: Repository) -> None:
    repository.protect("model", 2, "\x1b[2J\nforged: line")
    shown = cli.ok("get", "model", 2).out
    assert "\x1b" not in shown
    assert "protected     \\x1b[2J\\nforged: line" in shown
    assert json.loads(cli.ok("get", "model", 2, "--json").out)["protected"] == "\x1b[2J\nforged: line"
