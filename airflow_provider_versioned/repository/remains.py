"""What is left of versions that nobody can see any more: their objects and items, removed for good.

Whoever calls has marked or deleted the items on a condition of its own; from then on nobody can see, restore, alias or
finish the version. Of what is marked, the objects go first and the items after them, so this can die anywhere and be
repeated. The counter and the item of the highest number stay, so that no number is ever given twice, neither here nor
by the library ``versioned``; that item loses ``deleted_at``, which says that its bytes are gone.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.etags import entries, is_outdated, outdated
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import PURGING, ArtifactItem, CounterItem, both, either
from airflow_provider_versioned.repository.keys import COUNTER, Place, decode_version, is_version_sk, meta_pk
from airflow_provider_versioned.repository.many import at_once
from airflow_provider_versioned.repository.revisions import new_revision
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
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from pynamodb.expressions.condition import Condition

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
        yield from filter(is_own, self._table.query(asked, name))

    def owned(self, asked: str, name: str, listed: Listed) -> bool:
        """Tell whether an object without an item is a version's, by what it says itself."""
        version = self._place.version_of_object(name, listed.key)
        stored = self._objects.head(asked, name, version) if version is not None else None
        return stored is not None and stored.artifact_name == name

    def remove(self, asked: str, name: str, sks: Sequence[str], known: Iterable[str]) -> None:
        """Remove objects and items of numbered versions that are marked ``purging``.

        Args:
            sks: Their sort keys.
            known: Sort keys of all numbers that the artifact has been given, as :func:`given` tells.
        """
        self.reserve(asked, name, int(max(sks, default="0")))
        self.remove_objects(asked, name, sks)
        highest = max((sk for sk in (*known, *sks) if is_version_sk(sk) and sk != LATEST), default="0")
        self.write_what_still_holds(asked, [_forget(name, sk, keep=sk == highest) for sk in sks])

    def remove_objects(self, asked: str, name: str, sks: Iterable[str]) -> None:
        """Remove the objects, for which the numbers are reserved."""
        self._objects.delete_keys(asked, [self._place.object_key(name, decode_version(sk)) for sk in sks])

    def reserve(self, asked: str, name: str, number: int) -> None:
        """Make sure that no publisher is given a number up to this one, so that its object can go."""
        if number == 0:
            return
        try:
            self._table.write(asked, reservation(name, number))
        except Refused:
            return  # it is past that number already

    def write_what_still_holds(self, asked: str, writes: Sequence[Write]) -> list[Write]:
        """Send writes, each if its condition holds still, and return those that were refused.

        An item that was removed or written anew is not ours.
        """
        batches = [writes[start : start + MAX_TRANSACTION] for start in range(0, len(writes), MAX_TRANSACTION)]
        refused = at_once(*(partial(self._write_batch, asked, batch) for batch in batches))
        return [write for batch in refused for write in batch]

    def _write_batch(self, asked: str, batch: Sequence[Write]) -> list[Write]:
        dropped: list[Write] = []
        while batch:
            try:
                self._table.write_together(asked, batch)
            except Refused as refused:
                pairs = list(zip(batch, refused.found, strict=True))
                dropped += [write for write, found in pairs if found is not None]
                batch = [write for write, found in pairs if found is None]
                continue
            break
        return dropped


def is_own(raw: RawItem) -> bool:
    """Tell whether an item of an artifact's partition is a version, or a ghost of the library's under an odd key."""
    return is_version_sk(raw["sk"]["S"]) or raw.keys() <= {"pk", "sk", "is_deleted"}


def reservation(name: str, number: int) -> Write:
    """Return the write that reserves all numbers up to one, unless they are reserved."""
    lower = CounterItem.pk.does_not_exist() | (CounterItem.highest < number)
    return update(CounterItem(meta_pk(name), COUNTER), lower, CounterItem.highest.set(number))


def forgetting_latest(
    name: str, raw: Mapping[str, Any] | None, revision: str | None, own: Collection[str] = ()
) -> Write:
    """Return the write that deletes the item of a LATEST whose object is gone, on condition that it is marked still.

    If it names others who may still write, replace or delete an object, it stays as a tombstone, without the date that
    says that there is something to be freed; a later purge deletes it.

    Args:
        raw: The item as it was read.
        revision: That of the mark: another one is that of another purge, which has another object to delete.
        own: The caller's entries in it.
    """
    before = ArtifactItem.from_raw_data(dict(raw)) if raw is not None else None
    item = ArtifactItem(name, LATEST)
    same = ArtifactItem.revision == revision if revision is not None else ArtifactItem.revision.does_not_exist()
    marked = both(ArtifactItem.state == PURGING, same)
    done = set(outdated(before) | set(own))
    pending = before.pending if before is not None else None
    if entries(before) - done or (pending is not None and not is_outdated(pending)):
        actions = [ArtifactItem.expected_etags.delete(done)] if done else []
        # A revision of its own: without the caller's entry it would look as it did when the object was there.
        return update(
            item, marked, ArtifactItem.deleted_at.remove(), ArtifactItem.revision.set(new_revision()), *actions
        )
    none: Condition = ArtifactItem.expected_etags.does_not_exist()
    unexpected = either(none, ArtifactItem.expected_etags == done) if done else none
    unannounced = ArtifactItem.pending == pending if pending else ArtifactItem.pending.does_not_exist()
    return delete(item, both(both(marked, unexpected), unannounced))


def given(items: Iterable[RawItem]) -> list[str]:
    """Return the sort keys of items that were given to a publisher; the library's ghosts were given to nobody."""
    return [raw["sk"]["S"] for raw in items if "sha256" in raw or "state" in raw]


def _forget(name: str, sk: str, *, keep: bool) -> Write:
    """Return the write that deletes the item of a version whose bytes are gone, or makes it a tombstone."""
    item, marked = ArtifactItem(name, sk), ArtifactItem.state == PURGING
    return update(item, marked, ArtifactItem.deleted_at.remove()) if keep else delete(item, marked)
