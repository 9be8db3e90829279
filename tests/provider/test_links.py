"""Links into the AWS console: right for each partition, none where there is no console, and never a secret in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from airflow_provider_versioned.get_provider_info import get_provider_info
from airflow_provider_versioned.links import (
    ArtifactPageLink,
    DynamoDBItemLink,
    S3ObjectLink,
    link_to_alias,
    link_to_version,
)
from airflow_provider_versioned.operators import DownloadArtifactOperator, PromoteAliasOperator
from airflow_provider_versioned.repository import Repository
from airflow_provider_versioned.repository.model import Alias, Artifact
from airflow_provider_versioned.rollout.moves import PromoteCanaryOperator
from tests.provider.rollout_group import Group
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.provider.conftest import FakeRun

LINKS = (S3ObjectLink(), DynamoDBItemLink())
NO_TIME: Any = None  # no link tells a time
KEY: Any = None  # nor is the task asked for


class Hook:
    """What links use of a hook, with clients of a region, which send nothing."""

    def __init__(self, region: str, endpoint: str | None = None, bucket: str = "models", table: str = "table") -> None:
        session = boto3.Session("AKIASECRET", "very-secret", "session-secret", region_name=region)
        self.s3_client = session.client("s3", endpoint_url=endpoint)
        self.dynamodb_client = session.client("dynamodb", endpoint_url=endpoint)
        self.repository = Repository(
            bucket, "p x", table, s3_client=self.s3_client, dynamodb_client=self.dynamodb_client
        )


def links(hook: Hook, since: datetime = NO_TIME) -> list[str]:
    """Return the links of a task to version 7 and, last, that of a task to alias ``prod``."""
    downloading, promoting = (
        DownloadArtifactOperator(task_id="d", name="a&b", path="x"),
        PromoteAliasOperator(task_id="p", name="a&b", alias="prod", version=7),
    )
    for operator in (downloading, promoting):
        operator.__dict__["hook"] = hook
    bucket = hook.repository.s3_bucket
    link_to_version(downloading, Artifact("a&b", "7", since, f"s3://{bucket}/p x/a&b/000007", "0" * 64))
    link_to_alias(promoting, Alias("a&b", "prod", since, "7", None, None, "", None))
    return [
        *(link.get_link(downloading, ti_key=KEY) for link in LINKS),
        DynamoDBItemLink().get_link(promoting, ti_key=KEY),
    ]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "console.aws.amazon.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
    ],
)
def test_links_lead_to_the_console_of_the_partition_and_region(region: str, host: str) -> None:
    s3, version, alias = map(urlsplit, links(Hook(region)))

    assert {(url.scheme, url.hostname) for url in (s3, version, alias)} == {("https", host)}
    assert s3.path == "/s3/object/models"
    assert parse_qs(s3.query) == {"region": [region], "prefix": ["p x/a&b/000007"]}
    for url, pk, sk in ((version, "a&b", "000007"), (alias, "__a&b-alias", "prod")):
        assert (url.path, url.query) == ("/dynamodbv2/home", f"region={region}")
        page, _, item = url.fragment.partition("?")
        assert (page, parse_qs(item)) == (
            "edit-item",
            {"itemMode": ["2"], "pk": [pk], "sk": [sk], "table": ["table"], "route": ["ROUTE_ITEM_EXPLORER"]},
        )


def test_no_link_tells_a_secret() -> None:
    assert "secret" not in "".join(links(Hook("eu-central-1"))).lower()


@pytest.mark.parametrize(
    "hook",
    [
        Hook("us-east-1", "http://127.0.0.1:4566"),
        Hook("us-east-1", "https://minio.example.com"),
        Hook("us-east-1", "https://s3.amazonaws.com.evil.example"),
        Hook("us-iso-east-1"),
        Hook(
            "us-east-1",
            bucket="arn:aws:s3:us-east-1:123456789012:accesspoint/models",
            table="arn:aws:dynamodb:us-east-1:123456789012:table/t",
        ),
    ],
)
def test_there_is_no_link_where_there_is_no_console_page(hook: Hook) -> None:
    assert links(hook) == ["", "", ""]


def test_task_that_failed_before_has_no_link() -> None:
    operator = DownloadArtifactOperator(task_id="d", name="n", path="x")

    assert [link.get_link(operator, ti_key=KEY) for link in LINKS] == ["", ""]


@pytest.mark.backends(MOTO)
def test_tasks_of_a_rollout_link_to_the_alias(connection: Repository, run: FakeRun) -> None:
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    group = Group(run)
    group.to("promote")

    for task_id in ("start", "shift_5", "promote"):
        operator: Any = group.dag.get_task(f"group.{task_id}")
        assert "pk=__model-alias&sk=prod" in DynamoDBItemLink().get_link(operator, ti_key=KEY), task_id
        assert ArtifactPageLink().get_link(operator, ti_key=KEY).endswith("&artifact=model"), task_id
    assert "roll" not in PromoteCanaryOperator.console_urls  # kept by the task, not by its class


@pytest.mark.backends(MINISTACK)
def test_download_from_a_server_that_is_not_aws_has_no_link(
    connection: Repository, run: FakeRun, tmp_path: Path
) -> None:
    connection.publish_artifact_version("model", content=b"one")
    operator = DownloadArtifactOperator(task_id="d", name="model", version=1, path=tmp_path / "content")

    run.execute(operator)

    assert [link.get_link(operator, ti_key=KEY) for link in LINKS] == ["", ""]


def test_links_are_registered() -> None:
    registered = set(get_provider_info()["extra-links"])

    links = (ArtifactPageLink(), *LINKS)
    assert registered == {f"{type(link).__module__}.{type(link).__qualname__}" for link in links}


@pytest.mark.parametrize(
    ("settings", "arguments", "url"),
    [
        ({}, {}, "/plugin/versioned-artifacts?repository=aws_default&artifact=a%26b"),
        (
            {"AIRFLOW__API__BASE_URL": "https://airflow.example.com/af/", "AIRFLOW__VERSIONED__UI_CONNECTIONS": "x, y"},
            {"aws_conn_id": "y"},
            "https://airflow.example.com/af/plugin/versioned-artifacts?repository=y&artifact=a%26b",
        ),
        ({}, {"aws_conn_id": "another"}, ""),
        ({}, {"s3_bucket": "elsewhere"}, ""),
    ],
)
def test_tasks_link_to_the_page_that_shows_their_repository(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], arguments: dict[str, str], url: str
) -> None:
    for setting, value in settings.items():
        monkeypatch.setenv(setting, value)
    operator = PromoteAliasOperator(task_id="p", name="a&b", alias="prod", version=7, **arguments)
    operator.__dict__["hook"] = Hook("eu-central-1")

    link_to_alias(operator, Alias("a&b", "prod", NO_TIME, "7", None, None, "", None))

    assert ArtifactPageLink().get_link(operator, ti_key=KEY) == url
