"""Our operators in Dag runs of a real Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import Ran

pytestmark = pytest.mark.backends(MOTO)


def test_operators_chained_by_templates_and_xcoms_do_what_they_say(
    connection: Repository, run_dag: Callable[..., Ran], tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"two")

    ran = run_dag("publish_and_promote", name="model", source=str(source), folder=str(tmp_path), weight=20)

    assert ran.state == "success"
    assert (tmp_path / "new" / "content").read_bytes() == b"two"
    assert ran.xcom("promote_second")["secondary_version_weight"] == 20
    assert ran.xcom("promote_second")["reason"].startswith("canary of manual__")
    assert ran.xcom("download")["version"] == "2"
    assert (connection.get_alias("model", "prod").version, connection.get_alias("model", "prod").reason) == (
        "1",
        "enough",
    )
    assert ran.xcom("purge")["purged_versions"] == [
        {"name": "model", "version": "2", "reason": ran.xcom("purge")["purged_versions"][0]["reason"]}
    ]
    assert [artifact.version for artifact in connection.list_artifact_versions("model")] == ["LATEST", "2", "1"]


def test_operators_mapped_over_artifacts_publish_each_and_purge_none_in_use(
    connection: Repository, run_dag: Callable[..., Ran]
) -> None:
    ran = run_dag("mapped", names=["a", "b", "c"])

    assert ran.state == "success"
    assert [ran.xcom("publish", map_index=index)["name"] for index in range(3)] == ["a", "b", "c"]
    assert str(connection.get_artifact_version("b", 1).published_by).endswith("/publish[1]")
