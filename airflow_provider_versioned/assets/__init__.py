"""What a Dag is scheduled on: versions published, aliases moved. ``docs/events.md`` tells which of these to choose."""

from __future__ import annotations

from airflow_provider_versioned.assets.names import alias_moved, version_published, versioned_asset, watched_alias

__all__ = ["alias_moved", "version_published", "versioned_asset", "watched_alias"]
