"""Pages for people who look around: versions with those that are deleted, and the history of an alias.

Each page is one small query, however much there is. A page of versions may be shorter than asked for, or empty, with
more to come: what nobody may see (numbers that were claimed, bytes that are being freed) is left out after it was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.aliases import change_of
from airflow_provider_versioned.repository.items import CLAIMED, PURGING, ArtifactItem, HeadItem, HistoryItem
from airflow_provider_versioned.repository.keys import (
    decode_version,
    encode_version,
    head_sk,
    history_sk,
    is_history_sk,
    is_version_sk,
    meta_pk,
)

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_versioned.repository.model import AliasChange, Artifact
    from airflow_provider_versioned.repository.table import RawItem, Table
    from airflow_provider_versioned.repository.versions import Versions

_BEFORE_ALL, _AFTER_ALL = "000000", ":"  # the colon follows the digits, and LATEST follows the colon


@dataclass(frozen=True)
class VersionRecord:
    """A version that is live, or deleted and can be restored.

    Attributes:
        deleted_at: When it was deleted; None for a live one, and where the library ``versioned`` deleted it.
    """

    artifact: Artifact
    live: bool
    deleted_at: datetime | None = None


@dataclass(frozen=True)
class VersionPage:
    """Some versions, from the highest number down.

    Attributes:
        below: Ask for what is below this number next; None: that was all.
    """

    records: tuple[VersionRecord, ...]
    below: str | None


@dataclass(frozen=True)
class AliasTrace:
    """An alias that has a history, whether it still exists or not."""

    alias: str
    changes: int
    changed_at: datetime
    deleted: bool


class Browser:
    """Reads pages."""

    def __init__(self, table: Table, versions: Versions) -> None:
        self._table = table
        self._versions = versions

    def versions(self, name: str, limit: int, below: str | None) -> VersionPage:
        """Read numbered versions, deleted ones too."""
        last = _AFTER_ALL if below is None else encode_version(str(int(below) - 1))
        rows = self._table.query(
            f"Listing the versions of {name!r}",
            name,
            sk_condition="sk BETWEEN :first AND :last",
            sk_values={":first": {"S": _BEFORE_ALL}, ":last": {"S": last}},
            ScanIndexForward=False,
            Limit=limit,
        )
        page = list(islice(rows, limit))
        records = tuple(record for raw in page if (record := self._record(raw)) is not None)
        numbers = [raw["sk"]["S"] for raw in page if is_version_sk(raw["sk"]["S"])]
        more = len(page) == limit and numbers and int(numbers[-1]) > 1
        return VersionPage(records, decode_version(numbers[-1]) if more else None)

    def _record(self, raw: RawItem) -> VersionRecord | None:
        item = ArtifactItem.from_raw_data(raw)
        there = is_version_sk(item.sk) and item.update_at is not None and item.sha256 is not None
        if not there or (not item.live and item.state in {CLAIMED, PURGING}):
            return None
        return VersionRecord(self._versions.artifact(item), item.live, None if item.live else item.deleted_at)

    def history(self, name: str, alias: str, limit: int, below: int | None) -> list[AliasChange]:
        """Read changes of an alias, newest first, from below a sequence on."""
        last = history_sk(alias, 10**12 - 1 if below is None else below - 1)
        rows = self._table.query(
            f"Reading the history of alias {alias!r} of {name!r}",
            meta_pk(name),
            sk_condition="sk BETWEEN :first AND :last",
            sk_values={":first": {"S": history_sk(alias, 1)}, ":last": {"S": last}},
            ScanIndexForward=False,
            Limit=limit,
        )
        own = (raw for raw in rows if is_history_sk(alias, raw["sk"]["S"]))
        return [change_of(name, alias, HistoryItem.from_raw_data(raw)) for raw in islice(own, limit)]

    def traces(self, name: str) -> list[AliasTrace]:
        """Read which aliases have a history."""
        heads: Any = self._table.query(
            f"Reading which aliases {name!r} has had",
            meta_pk(name),
            sk_condition="begins_with(sk, :prefix)",
            sk_values={":prefix": {"S": head_sk("")}},
        )
        return [
            AliasTrace(head.sk.removeprefix(head_sk("")), int(head.sequence), head.changed_at, head.is_deleted)
            for head in map(HeadItem.from_raw_data, heads)
        ]
