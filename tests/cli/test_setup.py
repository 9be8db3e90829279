"""Commands for those who set a repository up: bootstrap, iam-policy, completion."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.cli.main import main
from airflow_provider_versioned.repository.permissions import ROLES, Where, policy
from tests.cli.conftest import environment_of
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program
    from tests.servers import Aws, PlaceArguments


@pytest.mark.backends(MOTO)
def test_bootstrap_makes_what_is_missing_and_can_be_repeated(
    program: Program, aws: Aws, unique_place: PlaceArguments
) -> None:
    program.environment |= environment_of(aws, unique_place)
    options = ("--no-deletion-protection", "--bucket-versioning", "--write-capacity", 2, "--read-capacity", 3)
    assert "is ready" in program.ok("bootstrap", *options).err
    assert program.json("bootstrap") == unique_place
    table = aws.dynamodb.describe_table(TableName=unique_place["dynamodb_table_name"])["Table"]
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    assert table["ProvisionedThroughput"]["WriteCapacityUnits"] == 2
    assert aws.s3.get_bucket_versioning(Bucket=unique_place["s3_bucket"])["Status"] == "Enabled"


@pytest.mark.backends(MOTO)
def test_bootstrap_of_a_table_that_serves_another_repository_is_refused(cli: Program) -> None:
    outcome = cli("bootstrap", "--prefix", "elsewhere")
    assert outcome.code == 2
    assert "serves the repository" in outcome.err


@pytest.mark.backends(MOTO)
def test_bootstrap_with_half_a_capacity_is_refused(cli: Program) -> None:
    assert cli("bootstrap", "--write-capacity", 1).code == 2


@pytest.mark.parametrize("role", ROLES)
def test_policy_is_that_of_the_place_and_the_options(program: Program, role: str) -> None:
    place = ("--bucket", "models", "--prefix", "p", "--table", "table", "--suffix", ".zip")
    printed = program.ok("iam-policy", role, *place, "--account", "123456789012", "--region", "eu-west-1").json
    assert printed == policy(role, Where("models", "p", "table", ".zip", "aws", "eu-west-1", "123456789012"))
    assert program.json("iam-policy", role, *place) == policy(
        role, Where("models", "p", "table", ".zip", region="us-east-1")
    )


def test_roles_are_told_in_the_help(program: Program) -> None:
    shown = program.ok("iam-policy", "--help").out
    assert [role for role in ROLES if f"{role}:" not in shown] == []
    assert program("iam-policy", "admin", "--bucket", "models").code == 2
    assert program("iam-policy", "reader", "--bucket", "models", "--account", "*:*").code == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_names_the_program(program: Program, shell: str) -> None:
    script = program.ok("completion", shell).out
    assert "_VERSIONED_ARTIFACTS_COMPLETE" in script
    assert "versioned-artifacts" in script


def completed(*words: str) -> list[str]:
    """Return what the shell offers for the last word."""
    from click.shell_completion import BashComplete  # noqa: PLC0415 -- as the shell's call does

    complete = BashComplete(main, {}, "versioned-artifacts", "_VERSIONED_ARTIFACTS_COMPLETE")
    return [item.value for item in complete.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.backends(MOTO)
def test_shell_completes_commands_options_artifacts_and_aliases(
    cli: Program, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("model", "motor", "other"):
        repository.publish_artifact_version(name, content=b"one")
    repository.put_alias("model", "prod", 1)
    for name, value in cli.environment.items():
        monkeypatch.setenv(name, value)
    assert completed("ali") == ["alias"]
    assert "--reason" in completed("alias", "put", "model", "prod", "1", "--re")
    assert completed("get", "mo") == ["model", "motor"]
    assert completed("purge", "plan", "model", "o") == ["other"]
    assert completed("alias", "get", "model", "") == ["prod"]
    assert completed("get", "model", "--alias", "p") == ["prod"]
    monkeypatch.delenv("VERSIONED_BUCKET")
    assert completed("get", "mo") == []
    assert completed("--bucket", repository.s3_bucket, "get", "mo") == ["model", "motor"]
