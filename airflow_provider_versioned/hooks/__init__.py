"""The hook; loaded on first use, because it brings in the AWS libraries."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook

__all__ = ["VersionedRepositoryHook"]


def __getattr__(name: str) -> object:
    """Load the hook from its module."""
    if name != "VersionedRepositoryHook":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

    return VersionedRepositoryHook
