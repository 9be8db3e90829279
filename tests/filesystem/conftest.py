"""Fixtures of the tests of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.filesystem import VersionedFileSystem
from tests.repository.store import Store

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments


@pytest.fixture
def options(aws: Aws, unique_place: PlaceArguments) -> dict[str, Any]:
    """The storage options by which the repository is reached."""
    place = {key: value for key, value in unique_place.items() if key != "s3_bucket"}
    return {**place, "s3_client": aws.s3, "dynamodb_client": aws.dynamodb}


@pytest.fixture
def files(repository: Repository, options: dict[str, Any]) -> VersionedFileSystem:
    """The repository as files."""
    assert repository.s3_bucket
    return VersionedFileSystem(**options)


@pytest.fixture
def bucket(unique_place: PlaceArguments) -> str:
    """The bucket, with which each path begins."""
    return unique_place["s3_bucket"]


@pytest.fixture
def store(aws: Aws, unique_place: PlaceArguments) -> Store:
    """The raw side of the repository."""
    return Store(aws, unique_place)
