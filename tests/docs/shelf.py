"""The repository of the documentation's reader: where it is, and what stands in it before a page begins."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import joblib
import pandas as pd

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

PLACE: PlaceArguments = {
    "s3_bucket": "my-models",
    "s3_prefix": "models",
    "dynamodb_table_name": "my-models",
    "suffix": ".bin",
}


def empty(aws: Aws) -> None:
    """Remove bucket and table of the reader before: pages use the same names."""
    name = PLACE["s3_bucket"]
    with contextlib.suppress(aws.dynamodb.exceptions.ResourceNotFoundException):
        aws.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        aws.dynamodb.delete_table(TableName=name)
    with contextlib.suppress(aws.s3.exceptions.NoSuchBucket):
        for page in aws.s3.get_paginator("list_object_versions").paginate(Bucket=name):
            for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                aws.s3.delete_object(Bucket=name, Key=item["Key"], VersionId=item["VersionId"])
        aws.s3.delete_bucket(Bucket=name)


def fill(repository: Repository, folder: Path) -> None:
    """Put in what the pages speak of: three artifacts, each with two versions, their alias split between both."""
    repository.bootstrap()
    model, table = folder / "model.joblib", folder / "sales.parquet"
    for number in (1, 2):
        joblib.dump({"weights": [number]}, model)
        pd.DataFrame({"sold": [number]}).to_parquet(table)
        for name, content in (("churn-model", model), ("churn", model), ("digits", model), ("sales", table)):
            repository.publish_artifact_version(name, content=content, published_by="ann")
            if number == 1:
                repository.put_alias(name, "prod", 1, changed_by="ann", reason="the first")
    for name in ("churn-model", "churn", "digits"):
        repository.put_alias(name, "prod", 1, 2, 20, changed_by="ann", reason="try it on a fifth")
    repository.put_alias("sales", "prod", 2, changed_by="ann", reason="corrected")
