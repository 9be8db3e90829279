"""Freeing the bytes of versions that were deleted long enough ago.

Until then a deletion only hides and can be undone. Which versions are due is a pure rule of
:mod:`~airflow_provider_versioned.repository.retention`; here each is marked ``purging`` on condition that it is deleted
still, since that same moment, and handed to :mod:`~airflow_provider_versioned.repository.remains`. A run that died is
taken up by the next one. LATEST is not freed: there is one of it, and the next put revives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import CLAIMED, PURGING, ArtifactItem, both
from airflow_provider_versioned.repository.keys import decode_version, encode_version
from airflow_provider_versioned.repository.remains import given
from airflow_provider_versioned.repository.retention import decide_freeing
from airflow_provider_versioned.repository.retention_plan import FreeDecision, FreeResult
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import MAX_TRANSACTION, Refused, Table, update

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pynamodb.expressions.condition import Condition

    from airflow_provider_versioned.repository.remains import Remains


class Freer:
    """Frees deleted versions of any artifact."""

    def __init__(self, table: Table, remains: Remains) -> None:
        self._table = table
        self._remains = remains

    def free(self, name: str, grace_secs: float, now: datetime, *, dry_run: bool) -> FreeResult:
        """Free what is due, or only say what would be."""
        asked = f"Freeing deleted versions of {name!r}"
        raw_items = list(self._remains.items(asked, name))
        items = map(ArtifactItem.from_raw_data, raw_items)
        decisions = [self._decide(item, grace_secs, now) for item in items if _has_something_left(item)]
        if not dry_run:
            self._date(asked, name, [found for found in decisions if found.deleted_at is None], now)
            decisions = self._carry_out(asked, name, decisions, given(raw_items))
        return FreeResult(name, grace_secs, dry_run, tuple(reversed(decisions)))

    @staticmethod
    def _decide(item: ArtifactItem, grace_secs: float, now: datetime) -> FreeDecision:
        return decide_freeing(
            decode_version(item.sk),
            deleted_at=item.deleted_at,
            size=None if item.size is None else int(item.size),
            protected=item.protected,
            begun=item.state == PURGING,
            now=now,
            grace_secs=grace_secs,
        )

    def _date(self, asked: str, name: str, undated: Sequence[FreeDecision], now: datetime) -> None:
        """Note when a deletion by the library ``versioned``, which keeps no date, was first seen."""
        for found in undated:
            item = ArtifactItem(name, encode_version(found.version))
            try:
                self._table.write(asked, update(item, _still(None), ArtifactItem.deleted_at.set(now)))
            except Refused:
                continue  # another process noted it, or restored the version

    def _carry_out(
        self, asked: str, name: str, decisions: Sequence[FreeDecision], known: Sequence[str]
    ) -> list[FreeDecision]:
        due = [found for found in decisions if found.free]
        changed: set[str] = set()
        for start in range(0, len(due), MAX_TRANSACTION):
            changed |= self._mark(asked, name, due[start : start + MAX_TRANSACTION])
        going = [encode_version(found.version) for found in due if found.version not in changed]
        if going:
            self._remains.remove(asked, name, going, known)
        return [found.changed() if found.version in changed else found for found in decisions]

    def _mark(self, asked: str, name: str, due: Sequence[FreeDecision]) -> set[str]:
        """Mark versions from which no way leads back; return those that changed since they were read."""
        marks = {found.version: _Mark(name, found) for found in due if found.rule != "begun"}
        changed: set[str] = set()
        while marks:
            try:
                self._table.write_together(asked, [mark.write for mark in marks.values()])
            except Refused as refused:
                for version, found in zip(list(marks), refused.found, strict=True):
                    if found is not None and not marks.pop(version).made(found):
                        changed.add(version)
                continue
            break
        return changed


class _Mark:
    """The write that marks one version."""

    def __init__(self, name: str, found: FreeDecision) -> None:
        self._revision = new_revision()
        item = ArtifactItem(name, encode_version(found.version))
        # Undated ones were dated a moment ago, perhaps by another process: any date will do.
        still = _still(found.deleted_at) if found.deleted_at else _deleted()
        self.write = update(item, still, ArtifactItem.state.set(PURGING), ArtifactItem.revision.set(self._revision))

    def made(self, found: dict[str, dict[str, str]]) -> bool:
        """Tell whether an item is as this write left it: then it landed, and only the answer was lost."""
        return found.get("revision", {}).get("S") == self._revision


def _has_something_left(item: ArtifactItem) -> bool:
    """Tell whether an item is of a deleted version whose bytes may be there; ghosts and tombstones are not."""
    if item.sk == LATEST or item.live or item.state == CLAIMED:
        return False
    if item.state == PURGING:
        return not item.is_tombstone
    return item.sha256 is not None


def _deleted() -> Condition:
    """The version is hidden, not claimed or being freed, and nothing speaks for it."""
    hidden: Condition = ArtifactItem.is_deleted == True  # noqa: E712 -- PynamoDB builds the condition from ==
    idle = both(~(ArtifactItem.state == CLAIMED), ~(ArtifactItem.state == PURGING))
    return both(
        both(hidden, idle), both(ArtifactItem.aliases.does_not_exist(), ArtifactItem.protected.does_not_exist())
    )


def _still(deleted_at: datetime | None) -> Condition:
    """The version is deleted since that moment."""
    since = ArtifactItem.deleted_at == deleted_at if deleted_at else ArtifactItem.deleted_at.does_not_exist()
    return both(_deleted(), since)
