"""Triggers."""

from __future__ import annotations

from airflow_provider_versioned.triggers.alias import AliasVersionTrigger
from airflow_provider_versioned.triggers.alias_moves import AliasMovesTrigger

__all__ = ["AliasMovesTrigger", "AliasVersionTrigger"]
