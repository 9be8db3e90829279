"""From a connection's id to its repository; clients are kept for a while, because making them takes long.

A connection that was edited is noticed at the next request. What is kept of it is a digest, no secret.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.sdk import BaseHook

from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook
from airflow_provider_versioned.repository.errors import NotFoundError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_versioned.repository import Repository

_KEPT_SECS = 900.0
# A person waits, so fewer and shorter tries than a task makes; what the connection itself says goes before.
_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "read_timeout": 20,
    "retries": {"mode": "standard", "max_attempts": 3},
    "max_pool_connections": 20,
}


@dataclass(frozen=True)
class _Kept:
    digest: str
    until: float
    repository: Repository


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()


def repository_of(connection_id: str) -> Repository:
    """Return the repository that a connection leads to.

    Raises:
        NotFoundError: There is no such connection.
        InvalidInputError: The connection names no bucket, or something that cannot be.
    """
    connection = _connection(connection_id)
    digest = hashlib.sha256(connection.get_uri().encode()).hexdigest()
    with _lock:
        kept = _kept.get(connection_id)
        if kept is None or kept.digest != digest or kept.until < time.monotonic():
            kept = _Kept(digest, time.monotonic() + _KEPT_SECS, _make(connection_id, connection))
            _kept[connection_id] = kept
    return kept.repository


def _make(connection_id: str, connection: Connection) -> Repository:
    extra = connection.extra_dejson
    own = extra.get("config_kwargs") if isinstance(extra, dict) else None
    config = _PATIENCE | own if isinstance(own, dict) else _PATIENCE
    return VersionedRepositoryHook(aws_conn_id=connection_id, botocore_config=config).repository


def _connection(connection_id: str) -> Connection:
    try:
        return BaseHook.get_connection(connection_id)
    except AirflowNotFoundException as error:
        raise NotFoundError(
            f"Connection {connection_id!r}, which [versioned] ui_connections names, does not exist; create it with "
            "type 'aws', or take it out of the configuration."
        ) from error
