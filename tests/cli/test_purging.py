"""Commands of retention: plan, apply, run, destroy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program

pytestmark = pytest.mark.backends(MOTO)
RULE = ("--keep-last", "1", "--older-than", "0")


@pytest.fixture(autouse=True)
def _published(repository: Repository) -> None:
    for name in ("model", "other"):
        for content in (b"one", b"two", b"three"):
            repository.publish_artifact_version(name, content=content)
    repository.put_alias("model", "prod", 1)


def numbers(repository: Repository, name: str) -> list[str]:
    """Return the live numbers."""
    return [artifact.version for artifact in repository.list_artifact_versions(name)][1:]


def test_plan_says_why_for_each_version_and_changes_nothing(cli: Program, repository: Repository) -> None:
    shown = cli.ok("purge", "plan", "model", *RULE)
    rows = [line.split(maxsplit=4) for line in shown.out.splitlines()]
    assert rows[0] == ["NAME", "VERSION", "DECISION", "RULE", "REASON"]
    assert [(row[1], row[2], row[3]) for row in rows[1:]] == [
        ("LATEST", "keep", "latest"),
        ("3", "keep", "newest"),
        ("2", "purge", "expired"),
        ("1", "keep", "alias"),
    ]
    assert rows[4][4] == "alias prod"
    assert "1 version of 1 artifact would be purged." in shown.err
    assert numbers(repository, "model") == ["3", "2", "1"]


def test_plan_is_stored_read_by_people_and_applied_as_it_stands(
    cli: Program, repository: Repository, tmp_path: Path
) -> None:
    printed = cli.json("purge", "plan", "--all", *RULE, "--output", "plan.json")
    assert json.loads((tmp_path / "plan.json").read_text()) == printed
    assert [plan["name"] for plan in printed["plans"]] == ["model", "other"]
    repository.publish_artifact_version("model", content=b"four")  # planned anew, 3 would go too

    question = cli("purge", "apply", "plan.json", typed="no\n")
    assert question.code == 8
    assert "Purge 3 versions of 2 artifacts? `restore` undoes it" in question.err
    assert numbers(repository, "other") == ["3", "2", "1"]

    applied = cli.json("purge", "apply", "plan.json", "--yes")
    assert [(result["name"], result["purged"], result["kept"]) for result in applied] == [
        ("model", ["2"], []),
        ("other", ["2", "1"], []),
    ]
    assert numbers(repository, "model") == ["4", "3", "1"]


def test_plan_of_which_a_version_is_in_use_by_now_exits_4_and_says_so(cli: Program, repository: Repository) -> None:
    cli.ok("purge", "plan", "other", *RULE, "--output", "plan.json")
    repository.put_alias("other", "prod", 1)
    outcome = cli("purge", "apply", "plan.json", "--yes")
    assert outcome.code == 4
    assert [line.split()[:3] for line in outcome.out.splitlines()[1:]] == [
        ["other", "2", "purged"],
        ["other", "1", "kept"],
    ]
    assert numbers(repository, "other") == ["3", "1"]


def test_plan_comes_through_a_pipe(cli: Program, repository: Repository) -> None:
    plan = cli.ok("purge", "plan", "other", *RULE, "--json").out
    assert cli("purge", "apply", "-", piped=plan).code == 2
    cli.ok("purge", "apply", "-", "--yes", piped=plan)
    assert numbers(repository, "other") == ["3"]


def _other_repository(plan: dict[str, Any]) -> None:
    plan["repository"]["s3_bucket"] = "another"


def _other_format(plan: dict[str, Any]) -> None:
    plan["purge_plan_format"] = 2


def _no_list(plan: dict[str, Any]) -> None:
    plan["plans"] = {}


def _words(plan: dict[str, Any]) -> None:
    plan["plans"][0]["decisions"][0]["purge"] = "false"


def _latest(plan: dict[str, Any]) -> None:
    plan["plans"][0]["decisions"][0]["purge"] = True


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_other_repository, "is for the repository"),
        (_other_format, "is no purge plan"),
        (_no_list, "has no list of plans"),
        (_words, "purge is no bool"),
        (_latest, "names LATEST"),
    ],
)
def test_plan_that_is_not_for_here_or_was_changed_is_refused(
    cli: Program, repository: Repository, tmp_path: Path, change: Callable[[dict[str, Any]], None], said: str
) -> None:
    plan = cli.json("purge", "plan", "other", *RULE)
    change(plan)
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    outcome = cli("purge", "apply", "plan.json", "--yes")
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert numbers(repository, "other") == ["3", "2", "1"]


def test_plan_file_that_cannot_be_read_or_written_is_told(cli: Program, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no plan")
    assert cli("purge", "apply", "text", "--yes").code == 2
    assert cli("purge", "apply", "nowhere", "--yes").code == 2
    assert cli("purge", "plan", "model", "--output", "no/such/file").code == 2


def test_rule_is_run_in_one_go(cli: Program, repository: Repository) -> None:
    assert cli.json("purge", "run", "--all", *RULE, "--dry-run") == [
        {"name": "model", "version": "2"},
        {"name": "other", "version": "2"},
        {"name": "other", "version": "1"},
    ]
    assert cli("purge", "run", "other", *RULE).code == 2
    assert numbers(repository, "other") == ["3", "2", "1"]
    lines = cli.ok("purge", "run", "other", *RULE, typed="y\n").out.splitlines()
    assert [line.split() for line in lines[1:]] == [["other", "2", "purged", "-"], ["other", "1", "purged", "-"]]
    assert "Nothing there." in cli.ok("purge", "run", "other", *RULE).err


def test_rule_keeps_what_aliases_pointed_at_a_short_while_ago(cli: Program, repository: Repository) -> None:
    repository.put_alias("model", "prod", 3)
    (plan,) = cli.json("purge", "plan", "model", *RULE, "--keep-previous", "7d", "--keep-published", "1h")["plans"]
    assert (plan["keep_previous_secs"], plan["keep_published_secs"]) == (604800.0, 3600.0)
    assert {entry["version"]: entry["rule"] for entry in plan["decisions"]} == {
        "LATEST": "latest",
        "3": "alias",
        "2": "published",
        "1": "previous",
    }


@pytest.mark.parametrize("arguments", [("plan",), ("plan", "model", "--all"), ("run", "--yes")])
def test_names_or_all_must_be_said(cli: Program, arguments: tuple[str, ...]) -> None:
    outcome = cli("purge", *arguments)
    assert outcome.code == 2
    assert "or --all" in outcome.err


def test_rule_that_is_none_is_refused(cli: Program) -> None:
    assert cli("purge", "plan", "model", "--older-than", "soon").code == 2
    assert cli("purge", "plan", "model", "--keep-last", "-1").code == 2


def test_artifact_is_destroyed_when_its_name_is_typed(cli: Program, repository: Repository) -> None:
    assert cli("purge", "artifact", "other", typed="y\n").code == 8
    assert cli("purge", "artifact", "other", piped="other\n").code == 2
    assert repository.list_artifact_names() == ["model", "other"]
    assert "is destroyed" in cli.ok("purge", "artifact", "other", typed="other\n").err
    assert repository.list_artifact_names() == ["model"]
    assert cli.json("purge", "artifact", "model", "--yes") == {"name": "model", "destroyed": True}


def test_everything_is_destroyed_when_the_bucket_is_typed(cli: Program, repository: Repository) -> None:
    assert cli("purge", "all", typed="yes\n").code == 8
    assert repository.list_artifact_names() == ["model", "other"]
    cli.ok("purge", "all", typed=f"{repository.s3_bucket}\n")
    assert repository.list_artifact_names() == []
    assert cli.json("purge", "all", "--yes")["destroyed"]


def test_protected_artifact_is_not_destroyed(cli: Program, repository: Repository) -> None:
    repository.protect("other", 1, "audit")
    outcome = cli("purge", "artifact", "other", "--yes")
    assert outcome.code == 4
    assert "audit" in outcome.err
