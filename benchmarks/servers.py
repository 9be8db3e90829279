"""The servers and repositories that a benchmark works on: one server, ours and the library ``versioned`` beside."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import Repository
from scripts.embedded_servers import EmbeddedServers
from tests.servers import MINISTACK, Aws, PlaceArguments, connect

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def server() -> Iterator[Aws]:
    """Start a server of our own, whose connection is Airflow's ``aws_default``."""
    with EmbeddedServers() as servers:
        aws = connect(MINISTACK, (servers.endpoint_url,))
        for service in ("S3", "DYNAMODB"):
            os.environ[f"AWS_ENDPOINT_URL_{service}"] = servers.endpoint_url
        os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": aws.region}
        yield aws


def place(name: str) -> PlaceArguments:
    """Return a place that no other benchmark uses."""
    return {"s3_bucket": name, "s3_prefix": "artifacts", "dynamodb_table_name": name, "suffix": ".bin"}


def ours(aws: Aws, where: PlaceArguments) -> Repository:
    """Return our repository at a place, made."""
    repository = Repository(**where, s3_client=aws.new_s3(), dynamodb_client=aws.new_dynamodb())
    repository.bootstrap(deletion_protection=False, point_in_time_recovery=False)
    return repository


def theirs(aws: Aws, where: PlaceArguments) -> Any:
    """Return the library's repository at a place, made."""
    from versioned.s3_and_dynamodb_backend import BotoSesManager  # noqa: PLC0415 -- slow, and not every benchmark needs it
    from versioned.s3_and_dynamodb_backend import Repository as LibraryRepository  # noqa: PLC0415 -- as above

    repository = LibraryRepository(aws_region=aws.region, **where)
    repository.bootstrap(BotoSesManager(region_name=aws.region))
    return repository
