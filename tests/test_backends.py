"""The fixtures of the tests: each backend answers, and each test has a place of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.servers import DYNAMODB_LOCAL, LOCAL, MINISTACK, MOTO, REAL_AWS, Backends

if TYPE_CHECKING:
    from tests.servers import Aws, PlaceArguments


def test_backend_holds_what_was_written_to_s3(aws: Aws, unique_place: PlaceArguments) -> None:
    bucket = unique_place["s3_bucket"]
    aws.s3.create_bucket(Bucket=bucket)
    aws.s3.put_object(Bucket=bucket, Key="k", Body=b"content")

    assert aws.new_s3().get_object(Bucket=bucket, Key="k")["Body"].read() == b"content"


def test_backend_lists_no_table_of_another_test(aws: Aws, unique_place: PlaceArguments) -> None:
    assert unique_place["dynamodb_table_name"] not in aws.new_dynamodb().list_tables()["TableNames"]


def test_connection_json_names_endpoints_and_place(aws: Aws, unique_place: PlaceArguments) -> None:
    connection = json.loads(aws.connection_json(unique_place))

    services = connection["extra"]["service_config"]
    assert services["versioned"] == unique_place
    assert services.get("s3", {}).get("endpoint_url") == aws.s3_endpoint
    assert services.get("dynamodb", {}).get("endpoint_url") == aws.dynamodb_endpoint


@pytest.mark.parametrize(
    ("wanted", "refused"),
    [(None, {DYNAMODB_LOCAL}), ("moto", {MINISTACK, DYNAMODB_LOCAL}), ("ministack", {MOTO, DYNAMODB_LOCAL})],
)
def test_backends_not_wanted_are_refused_in_one_line(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, refused: set[str]
) -> None:
    monkeypatch.delenv("VERSIONED_TEST_BACKENDS", raising=False)
    if wanted is not None:
        monkeypatch.setenv("VERSIONED_TEST_BACKENDS", wanted)
    installed = {name for name in LOCAL if "VERSIONED_TEST_BACKENDS" in str(Backends.refusal(name))}

    assert installed == refused
    assert all("\n" not in str(Backends.refusal(name)) for name in LOCAL)


def test_real_aws_is_not_refused_by_the_choice_of_local_backends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VERSIONED_TEST_BACKENDS", MOTO)

    assert Backends.refusal(REAL_AWS) is None
