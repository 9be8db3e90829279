"""Which numbers an artifact has given, as its version items tell; the counter knows it too, where there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.items import ArtifactItem
from airflow_provider_versioned.repository.keys import is_version_sk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.repository.table import RawItem, Table


class Numbers:
    """Reads the items of numbered versions, highest first, a few at a time."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def highest(self, asked: str, name: str) -> int:
        """Find the highest number that ever was given, 0 if none; ghosts were not given by anybody."""
        return next((int(raw["sk"]["S"]) for raw in self._items(asked, name) if not _is_ghost(raw)), 0)

    def newest(self, asked: str, name: str) -> ArtifactItem | None:
        """Find the live version with the highest number."""
        items = (ArtifactItem.from_raw_data(raw) for raw in self._items(asked, name))
        return next((item for item in items if item.live), None)

    def _items(self, asked: str, name: str) -> Iterator[RawItem]:
        items = self._table.query(
            asked,
            name,
            sk_condition="sk BETWEEN :low AND :high",
            sk_values={":low": {"S": "000001"}, ":high": {"S": "999999"}},
            ScanIndexForward=False,
            Limit=10,
        )
        return (raw for raw in items if is_version_sk(raw["sk"]["S"]))


def _is_ghost(raw: RawItem) -> bool:
    return "sha256" not in raw and "state" not in raw
