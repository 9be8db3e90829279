"""Global options: where they may stand, what they come from, what is said when they are wrong."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned import __version__
from airflow_provider_versioned.cli import exits, settings
from airflow_provider_versioned.cli.connection import connect
from airflow_provider_versioned.repository import Repository, errors
from airflow_provider_versioned.repository.repository import DEFAULT_PREFIX, DEFAULT_TABLE
from scripts.server_process import free_ports
from tests.servers import MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Program

SECRET = "not-for-anybodys-eyes"


def test_version_is_that_of_the_package(program: Program) -> None:
    assert program.ok("--version").out == f"versioned-artifacts, version {__version__}\n"


def test_defaults_are_those_of_the_repository() -> None:
    assert (settings.DEFAULT_PREFIX, settings.DEFAULT_TABLE) == (DEFAULT_PREFIX, DEFAULT_TABLE)
    assert settings.Settings(bucket="models").place == {
        "s3_bucket": "models",
        "s3_prefix": DEFAULT_PREFIX,
        "dynamodb_table_name": DEFAULT_TABLE,
        "suffix": "",
    }


@pytest.mark.backends(MOTO)
def test_options_win_over_the_environment_and_the_later_one_over_the_earlier(
    cli: Program, repository: Repository
) -> None:
    repository.put_artifact("model", b"one")
    cli.environment["VERSIONED_BUCKET"] = "nowhere"
    bucket = repository.s3_bucket
    assert cli.json("--bucket", bucket, "list") == ["model"]
    assert cli.json("list", "--bucket", bucket) == ["model"]
    assert cli.json("--bucket", "elsewhere", "list", "--bucket", bucket) == ["model"]
    assert cli.ok("--json", "--bucket", bucket, "list").json == ["model"]
    assert cli("list").code == 6


@pytest.mark.backends(MOTO)
def test_prefix_may_be_empty(cli: Program) -> None:
    outcome = cli("list", "model", "--prefix", "")
    assert outcome.code == 2
    assert "serves the repository" in outcome.err


def test_bucket_that_is_not_named_is_told(program: Program) -> None:
    outcome = program("list")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "Error: No bucket is named; give --bucket or set VERSIONED_BUCKET.\n"


@pytest.mark.backends(MOTO)
def test_table_that_does_not_exist_is_told(cli: Program) -> None:
    outcome = cli("get", "model", "--table", "nowhere")
    assert outcome.code == 6
    assert outcome.err.startswith("Error: Reading version LATEST of 'model' failed: table 'nowhere' does not exist")
    assert outcome.err.count("\n") == 1


def test_profile_region_and_endpoint_that_are_wrong_are_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "'nobody' is not configured" in program("list", "--bucket", "models", "--profile", "nobody").err
    assert "is no URL" in program("list", "--bucket", "models", "--endpoint-url", "here").err
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    outcome = program("list", "--bucket", "models")
    assert outcome.code == 2
    assert "give --region" in outcome.err


def test_endpoint_that_cannot_be_reached_exits_7(program: Program) -> None:
    (port,) = free_ports(1)
    outcome = program("list", "--bucket", "models", "--endpoint-url", f"http://127.0.0.1:{port}")
    assert outcome.code == 7
    assert "could not be reached" in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(
    ("variable", "endpoint", "style"),
    [
        ("UNUSED", None, None),
        ("UNUSED", "http://localhost:4566", {"addressing_style": "path"}),
        ("AWS_ENDPOINT_URL_S3", None, {"addressing_style": "path"}),
    ],
)
def test_servers_other_than_aws_need_no_name_per_bucket(
    monkeypatch: pytest.MonkeyPatch, variable: str, endpoint: str | None, style: dict[str, str] | None
) -> None:
    monkeypatch.setenv(variable, "http://localhost:4566")
    made = connect(settings.Settings(bucket="models", endpoint_url=endpoint))
    assert made.s3.meta.config.s3 == style  # type: ignore[attr-defined] # the stubs know fewer of a Config's options


def test_profile_gives_credentials_and_region_and_nothing_of_them_is_shown(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1)
    (tmp_path / "config").write_text(
        f"[profile lab]\nregion = eu-west-1\naws_access_key_id = AKIA{SECRET}\naws_secret_access_key = {SECRET}\n"
        f"endpoint_url = http://127.0.0.1:{port}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    outcome = program("get", "model", "--bucket", "models", "--profile", "lab", "--debug")
    assert outcome.code == 7
    assert f"127.0.0.1:{port}" in outcome.err
    assert SECRET not in outcome.out + outcome.err


def test_credentials_that_are_missing_are_told(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    outcome = program("list", "--bucket", "models")
    assert outcome.code == 6
    assert "no usable AWS credentials" in outcome.err


@pytest.mark.backends(MOTO)
def test_error_that_nobody_foresaw_is_one_line_unless_asked(cli: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("what?\nmore")

    monkeypatch.setattr(Repository, "get_artifact_version", fail)
    plain, long = cli("get", "model"), cli("get", "model", "--debug")
    assert (plain.code, long.code) == (1, 1)
    assert plain.err == "Error: Unexpected RuntimeError: what?\\nmore. Run it again with --debug to see where.\n"
    assert "Traceback" in long.err


def test_every_error_of_the_repository_has_an_exit_code() -> None:
    classes = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.VersionedError) and value is not errors.VersionedError
    ]
    codes = {error.__name__: exits.code_for(error("said")) for error in classes}
    assert codes == {
        "AccessDeniedError": 6,
        "AliasNotFoundError": 3,
        "ArtifactNotFoundError": 3,
        "ConflictError": 4,
        "InUseError": 4,
        "IntegrityError": 5,
        "InvalidInputError": 2,
        "InvalidTypeError": 2,
        "NotFoundError": 3,
        "PartlyFailedError": 1,
        "RolloutNotFoundError": 3,
        "StorageError": 6,
        "StorageNotFoundError": 6,
        "StorageUnavailableError": 7,
        "WrongRepositoryError": 2,
    }
    assert len({entry.code for entry in exits.EXITS}) == len(exits.EXITS)
