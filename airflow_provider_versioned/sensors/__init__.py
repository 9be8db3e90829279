"""Sensors."""

from __future__ import annotations

from airflow_provider_versioned.sensors.alias import AliasVersionSensor

__all__ = ["AliasVersionSensor"]
