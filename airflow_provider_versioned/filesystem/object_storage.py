"""What Airflow's object storage asks for: ``ObjectStoragePath("versioned://{connection}@{bucket}/{name}@{alias}")``.

Named under ``filesystems`` of the provider's description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.filesystem.names import SCHEME

if TYPE_CHECKING:
    from airflow_provider_versioned.filesystem.versioned import VersionedFileSystem

schemes = [SCHEME]


def get_fs(conn_id: str | None, storage_options: dict[str, Any] | None = None) -> VersionedFileSystem:
    """Return the filesystem of a connection.

    Args:
        conn_id: Connection of type ``aws``; None: boto3's own chain of credentials.
        storage_options: Further options of the filesystem.
    """
    from airflow_provider_versioned.filesystem.versioned import VersionedFileSystem  # noqa: PLC0415 -- loads fsspec

    return VersionedFileSystem(conn_id=conn_id, **(storage_options or {}))
