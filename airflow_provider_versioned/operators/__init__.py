"""Operators."""

from __future__ import annotations

from airflow_provider_versioned.operators.alias import PromoteAliasOperator, RollbackAliasOperator
from airflow_provider_versioned.operators.artifact import DownloadArtifactOperator, PublishArtifactOperator
from airflow_provider_versioned.operators.retention import PurgeVersionsOperator

__all__ = [
    "DownloadArtifactOperator",
    "PromoteAliasOperator",
    "PublishArtifactOperator",
    "PurgeVersionsOperator",
    "RollbackAliasOperator",
]
