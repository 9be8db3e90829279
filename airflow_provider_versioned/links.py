"""Links from a task to what it worked on: the artifact on our page, the S3 object and the DynamoDB item at AWS.

A link is made of names only: no credentials, no presigned URL; who follows it signs in there. Airflow asks for a task's
links in the worker when the task ends, and keeps them as XComs. Where there is no console, say at an endpoint that is
not AWS's, there is no link to it; and none to the page when the page does not show the task's repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import BaseOperatorLink

from airflow_provider_versioned.ui.address import artifact_url
from airflow_provider_versioned.ui.settings import ui_connections

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from airflow_provider_versioned.repository import Alias, Artifact
    from airflow_provider_versioned.task.base import RepositoryOperator

_DOMAINS = {"aws": "aws.amazon.com", "aws-cn": "amazonaws.cn", "aws-us-gov": "amazonaws-us-gov.com"}
_PLACE = ("s3_bucket", "s3_prefix", "dynamodb_table_name", "suffix")
_ENDPOINTS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


class ArtifactPageLink(BaseOperatorLink):
    """Leads to the artifact that a task worked on, on the page in the Airflow UI."""

    name = "Artifact"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 -- Airflow's interface
        """Return what the task kept for this link; nothing when it failed before, or the page does not show it."""
        return _kept(operator, self)


class S3ObjectLink(BaseOperatorLink):
    """Leads to the S3 object of the version that a task published or downloaded."""

    name = "S3 object"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 -- Airflow's interface
        """Return what the task kept for this link; nothing when it failed before, or there is no console."""
        return _kept(operator, self)


class DynamoDBItemLink(BaseOperatorLink):
    """Leads to the DynamoDB item of the version or the alias that a task worked on."""

    name = "DynamoDB item"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 -- Airflow's interface
        """Return what the task kept for this link; nothing when it failed before, or there is no console."""
        return _kept(operator, self)


def link_to_version(operator: RepositoryOperator, artifact: Artifact) -> None:
    """Keep the links of a task to a version."""
    from airflow_provider_versioned.repository.keys import encode_version  # noqa: PLC0415 -- not needed to parse a Dag file

    _link_to_page(operator, artifact.name)
    hook = operator.hook
    bucket = hook.repository.s3_bucket
    if console := _console(hook.s3_client, bucket):
        key = artifact.s3uri.removeprefix(f"s3://{bucket}/")
        _keep(operator, S3ObjectLink.name, s3_object_url(*console, bucket, key))
    _link_to_item(operator, artifact.name, encode_version(artifact.version))


def link_to_alias(operator: RepositoryOperator, alias: Alias | None) -> None:
    """Keep the link of a task to an alias."""
    from airflow_provider_versioned.repository.keys import alias_pk  # noqa: PLC0415 -- not needed to parse a Dag file

    if alias is not None:
        _link_to_page(operator, alias.name)
        _link_to_item(operator, alias_pk(alias.name), alias.alias)


def s3_object_url(domain: str, region: str, bucket: str, key: str) -> str:
    """Return the console's page of an S3 object."""
    return f"https://{domain}/s3/object/{quote(bucket, safe='')}?region={region}&prefix={quote(key, safe='')}"


def dynamodb_item_url(domain: str, region: str, table: str, pk: str, sk: str) -> str:
    """Return the console's page of a DynamoDB item."""
    item = f"pk={quote(pk, safe='')}&sk={quote(sk, safe='')}&table={quote(table, safe='')}"
    return f"https://{domain}/dynamodbv2/home?region={region}#edit-item?itemMode=2&{item}&route=ROUTE_ITEM_EXPLORER"


def _link_to_page(operator: RepositoryOperator, name: str) -> None:
    """Keep the link to the page, which knows repositories by their connections alone."""
    from_connection = all(getattr(operator, argument) is None for argument in _PLACE)
    if from_connection and operator.aws_conn_id in ui_connections():
        base_url = conf.get("api", "base_url", fallback="") or ""
        _keep(operator, ArtifactPageLink.name, artifact_url(base_url, str(operator.aws_conn_id), name))


def _link_to_item(operator: RepositoryOperator, pk: str, sk: str) -> None:
    table = operator.hook.repository.dynamodb_table_name
    if console := _console(operator.hook.dynamodb_client, table):
        _keep(operator, DynamoDBItemLink.name, dynamodb_item_url(*console, table, pk, sk))


def _console(client: S3Client | DynamoDBClient, name: str) -> tuple[str, str] | None:
    """Return host and region of the console that shows a bucket or table; None when there is none, or it has an ARN."""
    domain = _DOMAINS.get(client.meta.partition)
    at_aws = (urlsplit(client.meta.endpoint_url).hostname or "").endswith(_ENDPOINTS)
    return (f"console.{domain}", client.meta.region_name) if domain and at_aws and ":" not in name else None


def _keep(operator: RepositoryOperator, link: str, url: str) -> None:
    operator.console_urls = {**operator.console_urls, link: url}


def _kept(operator: Any, link: BaseOperatorLink) -> str:
    return str(getattr(operator, "console_urls", {}).get(link.name, ""))
