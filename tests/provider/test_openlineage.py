"""What OpenLineage is told of publications and downloads, as its own provider asks for it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.operators import DownloadArtifactOperator, PublishArtifactOperator
from tests.servers import MOTO

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)


def lineage(operator: Any) -> Any:
    """Return what the openlineage provider makes of a task that succeeded."""
    from airflow.providers.openlineage.extractors import base  # noqa: PLC0415 -- after pytest_configure has set the environment

    return base.DefaultExtractor(operator).extract_on_complete(task_instance=None)


def test_publication_writes_the_artifact_with_its_version(connection: Repository, run: FakeRun) -> None:
    operator = PublishArtifactOperator(task_id="publish", name="model", content="one")
    run.execute(operator)

    told = lineage(operator)

    assert told.inputs == []
    [dataset] = told.outputs
    bucket = f"s3://{connection.s3_bucket}"
    assert (dataset.namespace, dataset.name) == (bucket, "artifacts/model")
    assert dataset.facets["version"].datasetVersion == "1"
    [symlink] = dataset.facets["symlinks"].identifiers
    assert (symlink.namespace, symlink.name, symlink.type) == (bucket, "artifacts/model/000001.bin", "FILE")


def test_download_reads_the_version_that_the_alias_led_to(connection: Repository, run: FakeRun, tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    operator = DownloadArtifactOperator(task_id="download", name="model", alias="prod", path=tmp_path / "content")
    run.execute(operator)

    told = lineage(operator)

    assert told.outputs == []
    assert [dataset.facets["version"].datasetVersion for dataset in told.inputs] == ["1"]


def test_operators_load_nothing_of_the_openlineage_provider() -> None:
    code = (
        "import sys, airflow_provider_versioned.operators, airflow_provider_versioned.assets.announce\n"
        # Airflow itself loads the description of each provider.
        "print([name for name in sys.modules if 'openlineage' in name and 'airflow.providers' not in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
