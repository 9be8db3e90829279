"""The demo's own repository, on the embedded servers: for Airflow as a connection, for the demo as an object."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from airflow_provider_versioned.repository import Repository
from scripts.embedded_servers import ACCESS_KEY, REGION, SECRET_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

BUCKET = "demo-artifacts"
TABLE = "demo-artifacts"
_CONFIG = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "max_attempts": 3}, proxies={})


def connection_json(endpoint_url: str) -> str:
    """Return the AWS connection that leads Airflow to the servers and to the repository's place."""
    place = {"s3_bucket": BUCKET, "dynamodb_table_name": TABLE, "suffix": ".joblib"}
    extra = {"region_name": REGION, "endpoint_url": endpoint_url, "service_config": {"versioned": place}}
    return json.dumps({"conn_type": "aws", "login": ACCESS_KEY, "password": SECRET_KEY, "extra": extra})


def bootstrapped_repository(endpoint_url: str) -> Repository:
    """Make bucket and table, and return the repository in them."""
    session = boto3.Session(aws_access_key_id=ACCESS_KEY, aws_secret_access_key=SECRET_KEY, region_name=REGION)
    s3: S3Client = session.client("s3", endpoint_url=endpoint_url, config=_CONFIG)
    dynamodb: DynamoDBClient = session.client("dynamodb", endpoint_url=endpoint_url, config=_CONFIG)
    repository = Repository(BUCKET, dynamodb_table_name=TABLE, suffix=".joblib", s3_client=s3, dynamodb_client=dynamodb)
    repository.bootstrap()
    return repository
