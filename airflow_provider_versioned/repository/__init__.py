"""Versioned artifacts on S3 and DynamoDB, without Airflow.

Names are loaded on first use, so that importing this package (as Dag files do) costs nothing: boto3 and PynamoDB come
in with :class:`Repository`.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.alias_cache import AliasCache
    from airflow_provider_versioned.repository.doctor.findings import Finding, Problem, Repair
    from airflow_provider_versioned.repository.errors import (
        AccessDeniedError,
        AliasNotFoundError,
        ArtifactNotFoundError,
        ConflictError,
        IntegrityError,
        InUseError,
        InvalidInputError,
        InvalidTypeError,
        NotFoundError,
        PartlyFailedError,
        RolloutNotFoundError,
        StorageError,
        StorageNotFoundError,
        StorageUnavailableError,
        VersionedError,
        WrongRepositoryError,
    )
    from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact
    from airflow_provider_versioned.repository.outcomes.facts import AliasOutcomes, Counts, Evidence
    from airflow_provider_versioned.repository.repository import Repository
    from airflow_provider_versioned.repository.retention_plan import (
        FreeDecision,
        FreeResult,
        PurgeDecision,
        PurgePlan,
        PurgeResult,
        SweepResult,
    )
    from airflow_provider_versioned.repository.rollouts.model import Rollout, RolloutState

# On import PynamoDB announces that nobody overrode its settings, in two lines that would stand in every task's log.
logging.getLogger("pynamodb.settings").setLevel(logging.WARNING)

_HOME = {
    "Repository": "repository",
    "Artifact": "model",
    "Alias": "model",
    "AliasCache": "alias_cache",
    "AliasChange": "model",
    "AliasOutcomes": "outcomes.facts",
    "Counts": "outcomes.facts",
    "Evidence": "outcomes.facts",
    "Finding": "doctor.findings",
    "FreeDecision": "retention_plan",
    "FreeResult": "retention_plan",
    "Problem": "doctor.findings",
    "PurgeDecision": "retention_plan",
    "PurgePlan": "retention_plan",
    "PurgeResult": "retention_plan",
    "Repair": "doctor.findings",
    "Rollout": "rollouts.model",
    "RolloutState": "rollouts.model",
    "SweepResult": "retention_plan",
}

__all__ = [
    "AccessDeniedError",
    "Alias",
    "AliasCache",
    "AliasChange",
    "AliasNotFoundError",
    "AliasOutcomes",
    "Artifact",
    "ArtifactNotFoundError",
    "ConflictError",
    "Counts",
    "Evidence",
    "Finding",
    "FreeDecision",
    "FreeResult",
    "InUseError",
    "IntegrityError",
    "InvalidInputError",
    "InvalidTypeError",
    "NotFoundError",
    "PartlyFailedError",
    "Problem",
    "PurgeDecision",
    "PurgePlan",
    "PurgeResult",
    "Repair",
    "Repository",
    "Rollout",
    "RolloutNotFoundError",
    "RolloutState",
    "StorageError",
    "StorageNotFoundError",
    "StorageUnavailableError",
    "SweepResult",
    "VersionedError",
    "WrongRepositoryError",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'errors')}"), name)
