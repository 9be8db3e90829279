"""What is left of versions that nobody can see any more: their objects and items, removed for good.

Whoever calls has marked the items ``purging`` on a condition of its own; from then on nobody can see, restore, alias or
finish the version. Here the objects go first and the items after them, so this can die anywhere and be repeated. The
counter and the item of the highest number stay, so that no number is ever given twice, neither here nor by the library
``versioned``; that item loses ``deleted_at``, which says that its bytes are gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import PURGING, ArtifactItem, CounterItem
from airflow_provider_versioned.repository.keys import COUNTER, Place, decode_version, is_version_sk, meta_pk
from airflow_provider_versioned.repository.table import (
    MAX_TRANSACTION,
    RawItem,
    Refused,
    Table,
    Write,
    delete,
    update,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_provider_versioned.repository.bucket import Listed
    from airflow_provider_versioned.repository.objects import Objects


class Remains:
    """Removes what is left of versions."""

    def __init__(self, table: Table, place: Place, objects: Objects) -> None:
        self._table = table
        self._place = place
        self._objects = objects

    def items(self, asked: str, name: str) -> Iterator[RawItem]:
        """Read the artifact's own items: versions, and the library's ghosts under odd sort keys."""
        for raw in self._table.query(asked, name):
            if is_version_sk(raw["sk"]["S"]) or raw.keys() <= {"pk", "sk", "is_deleted"}:
                yield raw

    def owned(self, asked: str, name: str, listed: Listed) -> bool:
        """Tell whether an object without an item is a version's, by what it says itself."""
        version = self._place.version_of_object(name, listed.key)
        stored = self._objects.head(asked, name, version) if version is not None else None
        return stored is not None and stored.artifact_name == name

    def remove(self, asked: str, name: str, sks: Sequence[str]) -> None:
        """Remove objects and items of numbered versions that are marked ``purging``.

        Args:
            sks: Their sort keys.
        """
        numbers = [sk for sk in sks if sk != LATEST]
        self.reserve(asked, name, int(max(numbers, default="0")))
        self._objects.delete_keys(asked, [self._place.object_key(name, decode_version(sk)) for sk in numbers])
        self.forget(asked, name, numbers)

    def reserve(self, asked: str, name: str, number: int) -> None:
        """Make sure that no publisher is given a number up to this one, so that its object can go."""
        if number == 0:
            return
        counter = CounterItem(meta_pk(name), COUNTER)
        lower = CounterItem.pk.does_not_exist() | (CounterItem.highest < number)
        try:
            self._table.write(asked, update(counter, lower, CounterItem.highest.set(number)))
        except Refused:
            return  # it is past that number already

    def forget(self, asked: str, name: str, sks: Sequence[str]) -> None:
        """Delete the items of versions whose bytes are gone, but for the highest number of the artifact."""
        highest = self._highest(asked, name)
        writes = [delete(ArtifactItem(name, sk), ArtifactItem.state == PURGING) for sk in sks if sk != highest]
        self.delete_together(asked, writes)
        if highest in sks:
            try:
                self._table.write(
                    asked,
                    update(
                        ArtifactItem(name, highest), ArtifactItem.state == PURGING, ArtifactItem.deleted_at.remove()
                    ),
                )
            except Refused:
                return  # taken up by another, who sees to it

    def _highest(self, asked: str, name: str) -> str:
        """Return the sort key of the highest number that has an item."""
        numbers = self._table.query(
            asked,
            name,
            sk_condition="sk BETWEEN :low AND :high",
            sk_values={":low": {"S": "000001"}, ":high": {"S": "999999"}},
            ScanIndexForward=False,
            Limit=10,
        )
        return next((sk for raw in numbers if is_version_sk(sk := raw["sk"]["S"])), "")

    def delete_together(self, asked: str, writes: Sequence[Write]) -> None:
        """Delete items, each if its condition holds still; one that was removed or written anew is not ours."""
        for start in range(0, len(writes), MAX_TRANSACTION):
            batch = list(writes[start : start + MAX_TRANSACTION])
            while batch:
                try:
                    self._table.write_together(asked, batch)
                except Refused as refused:
                    batch = [write for write, found in zip(batch, refused.found, strict=True) if found is None]
                    continue
                break
