"""Paths in Airflow: ObjectStoragePath by connection, and in the tasks of a real Dag run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import ObjectStoragePath

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import Ran


@pytest.fixture
def sales(connection: Repository) -> ObjectStoragePath:
    """The path of an alias of two tables; it is the first."""
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415 -- after pytest_configure has set the environment
    from airflow.sdk.io.store import _STORE_CACHE  # noqa: PLC0415 -- as above

    _STORE_CACHE.clear()  # Airflow keeps a connection's filesystem for the whole process
    connection.publish_artifact_version("sales", content=b"value\n1\n")
    connection.publish_artifact_version("sales", content=b"value\n1\n2\n")
    connection.put_alias("sales", "prod", 1)
    return ObjectStoragePath(f"versioned://aws_default@{connection.s3_bucket}/sales@prod")


@pytest.mark.backends(MOTO)
def test_path_reads_by_the_connection_and_follows_the_alias(sales: ObjectStoragePath, connection: Repository) -> None:
    assert (sales.conn_id, sales.bucket, sales.name) == ("aws_default", connection.s3_bucket, "sales@prod")
    assert (sales.exists(), sales.is_file(), sales.size()) == (True, True, 8)
    assert sales.read_bytes() == b"value\n1\n"
    assert sales.stat()["version"] == "1"
    assert sales.stat().st_mtime == connection.get_artifact_version("sales", 1).update_at.timestamp()

    with sales.open("rb") as file:  # type: ignore[no-untyped-call] # Airflow has no types here
        connection.put_alias("sales", "prod", 2)
        assert file.read() == b"value\n1\n"
    assert sales.read_text() == "value\n1\n2\n"
    with sales.open("rb", side="primary") as file:  # type: ignore[no-untyped-call] # Airflow has no types here
        assert file.read() == b"value\n1\n2\n"


@pytest.mark.backends(MOTO)
def test_directories_of_a_path_are_the_repository_and_its_artifacts(
    sales: ObjectStoragePath, connection: Repository
) -> None:
    root = f"versioned://aws_default@{connection.s3_bucket}"
    artifact = sales.parent / "sales"

    assert [str(child) for child in sales.parent.iterdir()] == [f"{root}/sales"]
    assert [str(child) for child in artifact.iterdir()] == [
        f"{root}/sales@{which}" for which in ("LATEST", "2", "1", "prod")
    ]
    assert [len(child.read_bytes()) for child in artifact.iterdir()] == [10, 10, 8, 8]
    assert (artifact.is_dir(), artifact.exists(), (sales.parent / "other").exists()) == (True, True, False)


@pytest.mark.backends(MOTO)
def test_path_without_a_connection_uses_the_credentials_of_the_machine(connection: Repository) -> None:
    from airflow_provider_versioned.filesystem.object_storage import get_fs  # noqa: PLC0415 -- as above

    connection.publish_artifact_version("sales", content=b"one")
    place = {
        "s3_prefix": connection.s3_prefix,
        "dynamodb_table_name": connection.dynamodb_table_name,
        "suffix": connection.suffix,
    }
    assert get_fs(None, place).cat(f"{connection.s3_bucket}/sales@1") == b"one"


@pytest.mark.backends(MINISTACK)
def test_tasks_of_a_dag_run_read_by_paths_and_write_nothing(
    sales: ObjectStoragePath, run_dag: Callable[..., Ran]
) -> None:
    ran = run_dag("paths", path=str(sales))

    assert ran.state == "success"
    assert ran.xcom("read") == {
        "sums": [1, 1],
        "version": "1",
        "size": 8,
        "beside": ["sales@1", "sales@2", "sales@LATEST", "sales@prod"],
    }
    assert "PublishArtifactOperator" in ran.xcom("write")
