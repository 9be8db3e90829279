"""The bucket's owner and the key of one's own, by the command line; and no secret in what it prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.cli import connection
from airflow_provider_versioned.repository.permissions import Where, policy
from tests.cli.conftest import environment_of
from tests.repository.traffic import Traffic
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.cli.connection import Connection
    from airflow_provider_versioned.cli.settings import Settings
    from airflow_provider_versioned.repository import Repository
    from tests.cli.conftest import Program
    from tests.servers import Aws, PlaceArguments

KEY = "arn:aws:kms:us-east-1:123456789012:key/12345678-1234-1234-1234-123456789012"
TOKEN = "sentinel-session-token"


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize("by_environment", [True, False])
def test_owner_goes_with_every_request_to_s3(
    cli: Program, repository: Repository, monkeypatch: pytest.MonkeyPatch, *, by_environment: bool
) -> None:
    repository.publish_artifact_version("model", content=b"one")
    traffic, connect = Traffic(), connection.connect

    def watched(settings: Settings) -> Connection:
        made = connect(settings)
        traffic.watch(made.s3)
        return made

    monkeypatch.setattr(connection, "connect", watched)
    owner: tuple[Any, ...] = () if by_environment else ("--expected-bucket-owner", "123456789012")
    if by_environment:
        cli.environment["VERSIONED_EXPECTED_BUCKET_OWNER"] = "123456789012"

    assert cli.ok("list", *owner).out.strip() == "model"
    assert {request.headers["x-amz-expected-bucket-owner"] for request in traffic.requests} == {b"123456789012"}
    refused = cli("list", "--expected-bucket-owner", "models")
    assert (refused.code, "twelve digits" in refused.err) == (2, True)


@pytest.mark.backends(MOTO)
def test_bootstrap_takes_a_key(program: Program, aws: Aws, unique_place: PlaceArguments) -> None:
    program.environment |= environment_of(aws, unique_place)
    program.ok("bootstrap", "--kms-key-id", KEY)

    table: Any = aws.dynamodb.describe_table(TableName=unique_place["dynamodb_table_name"])["Table"]
    assert table["SSEDescription"]["KMSMasterKeyArn"] == KEY


def test_policy_takes_a_key(program: Program) -> None:
    printed = program.ok("iam-policy", "reader", "--bucket", "models", "--kms-key-arn", KEY).json

    assert printed == policy("reader", Where("models", region="us-east-1", kms_key_arn=KEY))
    assert program("iam-policy", "reader", "--bucket", "models", "--kms-key-arn", "alias/models").code == 2


@pytest.mark.backends(MOTO)
def test_debugging_shows_no_secret(cli: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    said = f"Wrong.\n\nThe Canonical String for this request should have been\n'x-amz-security-token:{TOKEN}'"
    traffic, connect = Traffic(answers={"*": (403, "InvalidSignatureException", said)}), connection.connect

    def refused(settings: Settings) -> Connection:
        made = connect(settings)
        traffic.watch(made.repository._clients.dynamodb)
        return made

    monkeypatch.setattr(connection, "connect", refused)
    shown = cli("--debug", "alias", "list", "model")

    assert shown.code == 6
    assert "Traceback" in shown.err
    assert "InvalidSignatureException" in shown.err
    assert TOKEN not in shown.err + shown.out
