"""What an alias's history says: where a rollback leads, and what an alias was at a time.

Pure: rows come in newest first, as the repository lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from airflow_provider_versioned.repository.model import AliasChange


def rollback_target(newest_first: Iterable[AliasChange]) -> AliasChange | None:
    """Find the state that a rollback brings back, or None when there is none earlier.

    With a canary on, that is the last state without one. Without, it is the last such state before the current one that
    had another version. States that were rolled back from are skipped: a second rollback goes one further back.
    """
    rows = iter(newest_first)
    current = next(rows, None)
    if current is None:
        return None
    below = _effective_sequence(current)
    for row in rows:
        if row.sequence >= below:
            continue
        if row.action == "rollback" and row.restored_sequence is not None:
            below = row.restored_sequence + 1
            continue
        settled = row.version is not None and row.secondary_version is None
        if settled and (current.secondary_version is not None or row.version != current.version):
            return row
    return None


def state_at(newest_first: Iterable[AliasChange], at: datetime) -> AliasChange | None:
    """Find the change that was in force at a time, or None when the alias had no history then."""
    return next((row for row in newest_first if row.changed_at <= at), None)


def _effective_sequence(row: AliasChange) -> int:
    if row.action == "rollback" and row.restored_sequence is not None:
        return row.restored_sequence
    return row.sequence
