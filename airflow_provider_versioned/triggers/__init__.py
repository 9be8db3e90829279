"""Triggers."""

from __future__ import annotations

from airflow_provider_versioned.triggers.alias import AliasVersionTrigger

__all__ = ["AliasVersionTrigger"]
