"""The servers and repositories that a benchmark works on: one server, ours and the library ``versioned`` beside."""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import botocore.loaders
import botocore.session

from airflow_provider_versioned.repository import Repository
from scripts.embedded_servers import EmbeddedServers
from scripts.seaweedfs import SeaweedFS
from tests.servers import DYNAMODB_LOCAL, MINISTACK, Aws, PlaceArguments, connect

if TYPE_CHECKING:
    from collections.abc import Iterator

# The library makes a session of botocore for each table and thread; each would parse the services' descriptions anew.
_LOADER = botocore.loaders.create_loader()
botocore.session.create_loader = lambda *_: _LOADER


@contextmanager
def server() -> Iterator[Aws]:
    """Start a server of our own, whose connection is Airflow's ``aws_default``."""
    with EmbeddedServers() as servers:
        yield _default(connect(MINISTACK, (servers.endpoint_url,)))


@contextmanager
def server_of_large_content() -> Iterator[Aws]:
    """Start servers of our own of which the one of S3 keeps objects on disk, and takes their parts at the same time."""
    with SeaweedFS(many_buckets=False) as objects, EmbeddedServers() as records:
        yield _default(connect(DYNAMODB_LOCAL, (records.endpoint_url, objects.endpoint_url)))


def _default(aws: Aws) -> Aws:
    """Let it be what Airflow and the library find when they are told nothing."""
    os.environ |= {
        "AWS_ENDPOINT_URL_S3": aws.s3_endpoint or "",
        "AWS_ENDPOINT_URL_DYNAMODB": aws.dynamodb_endpoint or "",
    }
    os.environ |= {"AWS_ACCESS_KEY_ID": aws.access_key or "", "AWS_SECRET_ACCESS_KEY": aws.secret_key or ""}
    os.environ["AWS_DEFAULT_REGION"] = aws.region
    return aws


def place(name: str) -> PlaceArguments:
    """Return a place that no other benchmark uses."""
    return {"s3_bucket": name, "s3_prefix": "artifacts", "dynamodb_table_name": name, "suffix": ".bin"}


def ours(aws: Aws, where: PlaceArguments, **lacking: Any) -> Repository:
    """Return our repository at a place, made; with what must be turned off because a server lacks it."""
    repository = Repository(**where, s3_client=aws.new_s3(), dynamodb_client=aws.new_dynamodb())
    repository.bootstrap(**{"deletion_protection": False, "point_in_time_recovery": False, **lacking})
    return repository


def theirs(aws: Aws, where: PlaceArguments) -> Any:
    """Return the library's repository at a place, made."""
    import s3pathlib  # noqa: PLC0415 -- slow, and not every benchmark needs it
    from versioned.s3_and_dynamodb_backend import Repository as LibraryRepository  # noqa: PLC0415 -- as above

    s3pathlib.context.attach_boto_session(aws.session())  # or it would stay with the server of another benchmark
    repository = LibraryRepository(aws_region=aws.region, **where)
    repository.bootstrap(library_session(aws.region))
    return repository


def library_session(region: str) -> Any:
    """Return what the library reads content through."""
    return _library_session(region, os.environ["AWS_ENDPOINT_URL_S3"])


@functools.cache
def _library_session(region: str, _endpoint: str) -> Any:
    from versioned.s3_and_dynamodb_backend import BotoSesManager  # noqa: PLC0415 -- as above

    return BotoSesManager(region_name=region)
