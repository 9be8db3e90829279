"""The hook: from a connection to a repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError, NotFoundError
from scripts.server_process import free_ports
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments


def connect(monkeypatch: pytest.MonkeyPatch, conn_id: str = "aws_default", **extra: Any) -> None:
    """Make a connection with that extra."""
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps({"conn_type": "aws", "extra": extra}))


def test_place_comes_from_the_connection_where_no_argument_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"s3_bucket": "stored-bucket", "dynamodb_table_name": "stored-table", "suffix": ".zip"}
    connect(monkeypatch, service_config={"versioned": stored})

    repository = VersionedRepositoryHook(dynamodb_table_name="given-table", s3_prefix="").repository

    assert (repository.s3_bucket, repository.dynamodb_table_name) == ("stored-bucket", "given-table")
    assert (repository.s3_prefix, repository.suffix) == ("", ".zip")


def test_place_without_a_bucket_is_refused_with_where_to_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, service_config={"s3": {"endpoint_url": "http://127.0.0.1:1"}})

    with pytest.raises(InvalidInputError, match=r'service_config\["versioned"\]\["s3_bucket"\] .* pass s3_bucket'):
        _ = VersionedRepositoryHook().repository


@pytest.mark.parametrize(
    ("versioned", "error", "words"),
    [
        (
            {"s3_bucket": "b-1", "bucket": "x"},
            InvalidInputError,
            "unknown keys bucket; allowed are s3_bucket, s3_prefix",
        ),
        ({"s3_bucket": 5}, InvalidTypeError, "must be a JSON object of strings, but 's3_bucket' is a number"),
        ({"suffix": None}, InvalidTypeError, "'suffix' is null; write it in quotes. Allowed keys are s3_bucket"),
        ({"expected_bucket_owner": 123456789012}, InvalidTypeError, "'expected_bucket_owner' is a number"),
        ({"expected_bucket_owner": "us"}, InvalidInputError, "expected_bucket_owner='us' is no AWS account"),
        ("bucket", InvalidTypeError, "must be a JSON object of strings"),
    ],
)
def test_connection_with_a_wrong_versioned_entry_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, versioned: object, error: type[Exception], words: str
) -> None:
    connect(monkeypatch, service_config={"versioned": versioned})

    with pytest.raises(error, match=words):
        _ = VersionedRepositoryHook(s3_bucket="given").repository


@pytest.mark.backends(MOTO)
def test_owner_of_the_bucket_in_the_connection_goes_with_every_request(
    connection: Repository, aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = json.loads(aws.connection_json(unique_place))
    stored["extra"]["service_config"]["versioned"]["expected_bucket_owner"] = "123456789012"
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(stored))
    hook, owners = VersionedRepositoryHook(), []

    def keep(request: Any, **_: object) -> None:
        owners.append(request.headers.get("x-amz-expected-bucket-owner"))

    hook.s3_client.meta.events.register("before-send.s3", keep)
    assert hook.test_connection()[0]
    hook.repository.put_artifact("model", b"one")

    assert connection.get_artifact_version("model").get_content() == b"one"
    assert len(owners) > 1
    assert set(owners) == {b"123456789012"}


@pytest.mark.parametrize("conn_id", ["missing", ""])
def test_missing_connection_is_an_error_and_not_the_credentials_of_the_machine(conn_id: str) -> None:
    hook = VersionedRepositoryHook(conn_id, s3_bucket="bucket")

    with pytest.raises(NotFoundError, match=f"Connection '{conn_id}' does not exist; create it"):
        _ = hook.repository
    with pytest.raises(NotFoundError, match="does not exist"):
        _ = hook.s3_client


@pytest.mark.backends(MOTO)
def test_no_connection_on_purpose_uses_the_credentials_of_the_machine(
    repository: Repository, unique_place: PlaceArguments
) -> None:
    repository.put_artifact("model", b"one")

    assert VersionedRepositoryHook(None, **unique_place).repository.list_artifact_names() == ["model"]


@pytest.mark.backends(MINISTACK)
def test_clients_go_to_the_endpoints_of_the_connection_and_are_made_once(connection: Repository, aws: Aws) -> None:
    connection.publish_artifact_version("model", content=b"one")
    hook = VersionedRepositoryHook(botocore_config={"max_pool_connections": 3})

    assert hook.get_conn() is hook.repository
    assert hook.repository.get_artifact_version("model", 1).get_content() == b"one"
    assert hook.s3_client is hook.s3_client
    assert hook.repository._clients.dynamodb is hook.dynamodb_client
    assert hook.dynamodb_client.meta.endpoint_url == aws.dynamodb_endpoint
    assert hook.s3_client.meta.config.max_pool_connections == 3  # type: ignore[attr-defined] # unknown to the stubs
    assert VersionedRepositoryHook(region_name="eu-west-1").dynamodb_client.meta.region_name == "eu-west-1"


@pytest.mark.backends(MOTO)
def test_connection_test_says_that_bucket_and_table_answer(
    connection: Repository, unique_place: PlaceArguments
) -> None:
    bucket, table = unique_place["s3_bucket"], unique_place["dynamodb_table_name"]

    assert VersionedRepositoryHook().test_connection() == (True, f"Bucket '{bucket}' and table '{table}' answer.")


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"s3_bucket": "no-such-bucket"}, "bucket 'no-such-bucket'"),
        ({"dynamodb_table_name": "no-such-table"}, "table 'no-such-table' does not exist"),
        ({"aws_conn_id": "missing"}, "Connection 'missing' does not exist"),
    ],
)
@pytest.mark.usefixtures("connection")
def test_connection_test_names_what_does_not_answer(wrong: dict[str, str], words: str) -> None:
    good, sentence = VersionedRepositoryHook(**wrong).test_connection()  # type: ignore[arg-type] # one of three strings

    assert not good
    assert words in sentence


def test_connection_test_of_an_unreachable_endpoint_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = f"http://127.0.0.1:{free_ports(1)[0]}"
    connect(
        monkeypatch,
        endpoint_url=endpoint,
        region_name="us-east-1",
        config_kwargs={"retries": {"total_max_attempts": 1}},
    )

    good, sentence = VersionedRepositoryHook(s3_bucket="bucket").test_connection()

    assert not good
    assert (
        f"bucket 'bucket' could not be reached (Could not connect to the endpoint URL: \"{endpoint}/bucket\")"
        in sentence
    )
