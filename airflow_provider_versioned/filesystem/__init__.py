"""Artifacts as paths: a read-only fsspec filesystem, for whatever opens files by URL.

``versioned://{bucket}/{name}@{alias, number or LATEST}``. fsspec and Airflow find it by themselves; import it from here
to make one by hand. Loaded on first use, because it brings in fsspec and the AWS libraries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.filesystem.versioned import VersionedFileSystem

__all__ = ["VersionedFileSystem"]


def __getattr__(name: str) -> object:
    """Load the filesystem from its module."""
    if name != "VersionedFileSystem":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from airflow_provider_versioned.filesystem.versioned import VersionedFileSystem  # noqa: PLC0415 -- loads fsspec

    return VersionedFileSystem
