"""Operators."""

from __future__ import annotations

from airflow_provider_versioned.operators.alias import PromoteAliasOperator, RollbackAliasOperator
from airflow_provider_versioned.operators.artifact import DownloadArtifactOperator, PublishArtifactOperator
from airflow_provider_versioned.operators.outcome import RecordOutcomeOperator
from airflow_provider_versioned.operators.retention import ApplyPurgePlanOperator, PurgeVersionsOperator
from airflow_provider_versioned.operators.verification import VerifyRepositoryOperator

__all__ = [
    "ApplyPurgePlanOperator",
    "DownloadArtifactOperator",
    "PromoteAliasOperator",
    "PublishArtifactOperator",
    "PurgeVersionsOperator",
    "RecordOutcomeOperator",
    "RollbackAliasOperator",
    "VerifyRepositoryOperator",
]
