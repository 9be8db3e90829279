"""What OpenLineage is told: which version of which artifact a task wrote or read.

An artifact is one dataset, ``s3://{bucket}`` and ``{prefix}/{name}``, whose version is in the ``version`` facet; the
S3 object of the version is a symlink of it. Imported only when the openlineage provider asks a task for its lineage, so
that provider need not be installed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.openlineage.facet import Dataset, Identifier, SymlinksDatasetFacet
from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.facet_v2 import dataset_version_dataset

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Artifact, Repository


def lineage(
    repository: Repository, *, read: Artifact | None = None, written: Artifact | None = None
) -> OperatorLineage[Any, Any]:
    """Return the lineage of a task that read or wrote a version."""
    return OperatorLineage(
        inputs=[_version(repository, read)] if read else [],
        outputs=[_version(repository, written)] if written else [],
    )


def dataset_of(s3_bucket: str, s3_prefix: str, name: str, facets: dict[str, Any] | None = None) -> Dataset:
    """Return an artifact as dataset."""
    folder = f"{s3_prefix}/{name}" if s3_prefix else name
    return Dataset(namespace=f"s3://{s3_bucket}", name=folder, facets=facets or {})


def _version(repository: Repository, artifact: Artifact) -> Dataset:
    namespace = f"s3://{repository.s3_bucket}"
    key = artifact.s3uri.removeprefix(f"{namespace}/")
    facets = {
        "version": dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=artifact.version),
        "symlinks": SymlinksDatasetFacet(identifiers=[Identifier(namespace=namespace, name=key, type="FILE")]),
    }
    return dataset_of(repository.s3_bucket, repository.s3_prefix, artifact.name, facets)
