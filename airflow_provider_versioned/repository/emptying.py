"""Destroying every artifact of a repository.

Artifacts that nobody is writing, and that are small, go together: their records in as few transactions as there can be,
then their objects, then LATEST's items. Each record has the conditions that it has when its artifact goes alone. All
other artifacts, and those that are not as they were read any more, go one by one
(:mod:`~airflow_provider_versioned.repository.destroy`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.alias_change import targets_of
from airflow_provider_versioned.repository.errors import InUseError, InvalidInputError
from airflow_provider_versioned.repository.inputs import LATEST, check_flat_name
from airflow_provider_versioned.repository.inventory import Belongings, Inventory, by_sk
from airflow_provider_versioned.repository.items import CLAIMED, AliasItem
from airflow_provider_versioned.repository.keys import Place, alias_pk, decode_version
from airflow_provider_versioned.repository.many import at_once, both_at_once, for_each
from airflow_provider_versioned.repository.objects import is_copied_in_parts
from airflow_provider_versioned.repository.remains import forgetting_latest
from airflow_provider_versioned.repository.removal import Batch, Fence, Kind, Removal
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import MAX_TRANSACTION, RawItem, Refused, Table, Write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_versioned.repository.destroy import Destroyer
    from airflow_provider_versioned.repository.objects import Objects
    from airflow_provider_versioned.repository.remains import Remains

log = logging.getLogger(__name__)
_ALONE_AT_ONCE = 3  # each with a few requests at once, of the ten connections that boto3 keeps open
_TRANSACTIONS_AT_ONCE = 6


@dataclass(frozen=True)
class _Small:
    """An artifact whose records go in one transaction, perhaps with those of others.

    Attributes:
        latest: Its item, as it was read.
        revision: That of LATEST's mark.
    """

    name: str
    records: Batch
    numbers: Sequence[str]
    latest: RawItem
    fence: Fence
    revision: str

    @property
    def versions(self) -> frozenset[str]:
        """What is gone when all is gone."""
        return frozenset({LATEST, *map(decode_version, self.numbers)})


class Emptier:
    """Removes all artifacts of a repository with all that belongs to them."""

    def __init__(self, table: Table, place: Place, objects: Objects, remains: Remains, destroyer: Destroyer) -> None:
        self._table = table
        self._place = place
        self._objects = objects
        self._remains = remains
        self._destroyer = destroyer
        self._inventory = Inventory(table, place, objects)

    def destroy_all(self) -> None:
        """Destroy every artifact of the repository, and nothing else in the bucket or the table.

        Raises:
            InUseError: Artifacts with protected versions are left; all others are gone.
        """
        asked = "Purging all artifacts"
        artifacts = dict(self._inventory.artifacts(asked))
        small: list[_Small] = []
        alone: list[str] = []
        revision, templates = new_revision(), dict[Kind, Write]()
        for name in (name for name in sorted(artifacts) if _is_flat(asked, name)):
            belongings = artifacts[name]
            if belongings is not None and self._is_gone(name, belongings):
                continue
            one = self._small(name, belongings, revision, templates) if belongings is not None else None
            if one is not None:
                small.append(one)
            else:
                alone.append(name)
        changed = self._destroy_small(small)
        self._destroy_alone({**dict.fromkeys(changed), **{name: artifacts[name] for name in alone}})

    def _destroy_alone(self, artifacts: dict[str, Belongings | None]) -> None:
        left: dict[str, str] = {}
        workers = max(1, min(len(artifacts), _ALONE_AT_ONCE))
        for done in for_each(sorted(artifacts), lambda name: self._destroyer.destroy(name, artifacts[name]), workers):
            if isinstance(done.error, InUseError):
                left[done.entry] = done.error.message
            elif done.error is not None:
                raise done.error
        if left:
            raise InUseError(
                f"Purging all artifacts left {len(left)} that have protected versions; all others are gone. "
                f"{' '.join(left[name] for name in sorted(left))}",
                names=tuple(sorted(left)),
            )

    def _is_gone(self, name: str, belongings: Belongings) -> bool:
        """Tell whether an artifact is what a purge leaves: at most the tombstone of its highest number."""
        found = belongings.found
        if found.latest is not None or found.aliases or found.ghosts or found.lacks_numbers:
            return False
        removal = Removal(name, found, new_revision())
        return removal.first is None and not removal.others and not by_sk(self._place, name, belongings.listed)

    def _small(self, name: str, belongings: Belongings, revision: str, templates: dict[Kind, Write]) -> _Small | None:
        """Return what goes together with others; None: the artifact is large, in use, or being changed."""
        found = belongings.found
        objects = by_sk(self._place, name, belongings.listed)
        latest = objects.pop(LATEST, None)
        changing = any(raw.get("state", {}).get("S") == CLAIMED for raw in found.items.values())
        if changing or found.protected or found.lacks_numbers or found.ghosts or objects.keys() - set(found.numbers):
            return None
        if any(is_copied_in_parts(entry.size) for entry in objects.values()):
            return None
        removal = Removal(name, found, revision, templates=templates)
        batch = removal.others[0] if removal.first is None and len(removal.others) == 1 else Batch(())
        if found.latest is None or batch.fence is None or (latest is not None and latest.etag != batch.fence.etag):
            return None
        return _Small(name, batch, found.numbers, found.latest, batch.fence, revision)

    def _destroy_small(self, artifacts: Sequence[_Small]) -> list[str]:
        """Destroy small artifacts, and return the names of those that are not as they were read any more."""
        packs = list(_packed(artifacts))
        changed: list[str] = []
        gone: list[_Small] = []
        left: Sequence[RawItem] = ()
        for start in range(0, len(packs), _TRANSACTIONS_AT_ONCE):
            together = packs[start : start + _TRANSACTIONS_AT_ONCE]
            names = sorted({together[0][0].name, together[-1][-1].name})
            asked = f"Purging artifact{'s' if len(names) > 1 else ''} {' to '.join(map(repr, names))}"
            done = at_once(*(partial(self._remove_records, asked, pack) for pack in together))
            here = [one for pack, went in zip(together, done, strict=True) if went for one in pack]
            changed += [one.name for pack, went in zip(together, done, strict=True) if not went for one in pack]
            gone += here
            if start + _TRANSACTIONS_AT_ONCE < len(packs):
                self._remove_bytes(asked, here)
            else:
                _, left = both_at_once(partial(self._remove_bytes, asked, here), partial(self._aliases, asked, gone))
            self._remove_latest_items(asked, here)
        self._delete_dangling(gone, left)
        return changed

    def _remove_records(self, asked: str, pack: Sequence[_Small]) -> bool:
        try:
            self._table.transact(asked, [write for one in pack for write in one.records.writes])
        except Refused:
            return False
        return True

    def _remove_bytes(self, asked: str, artifacts: Sequence[_Small]) -> None:
        """Delete the objects of numbers, then those of LATEST: a late copy of a number to LATEST is refused so."""
        numbers = [self._place.object_key(one.name, decode_version(sk)) for one in artifacts for sk in one.numbers]
        self._objects.delete_keys(asked, numbers)
        self._objects.delete_each_if(
            asked, {self._place.object_key(one.name, LATEST): one.fence.etag for one in artifacts}
        )

    def _remove_latest_items(self, asked: str, artifacts: Sequence[_Small]) -> None:
        writes = [forgetting_latest(one.name, one.latest, one.revision, {one.fence.entry}) for one in artifacts]
        refused = self._remains.write_what_still_holds(asked, writes)
        for one, write in zip(artifacts, writes, strict=True):
            if write in refused:
                self._destroyer.expect_no_more(asked, one.name, [one.fence.entry])

    def _aliases(self, asked: str, artifacts: Sequence[_Small]) -> list[RawItem]:
        """Read the aliases that some artifacts have."""
        partitions = {alias_pk(one.name) for one in artifacts}
        return [raw for raw in self._table.scan(asked) if raw["pk"]["S"] in partitions and "version" in raw]

    def _delete_dangling(self, artifacts: Sequence[_Small], left: Sequence[RawItem]) -> None:
        if not left:
            return
        for one in artifacts:
            pk = alias_pk(one.name)
            aliases = [AliasItem.from_raw_data(raw) for raw in left if raw["pk"]["S"] == pk]
            if any(targets_of(alias).versions <= one.versions for alias in aliases):
                self._destroyer.delete_dangling(f"Purging artifact {one.name!r}", one.name, one.versions)


def _packed(artifacts: Iterable[_Small]) -> Iterator[list[_Small]]:
    """Put artifacts together whose records go in one transaction."""
    pack: list[_Small] = []
    size = 0
    for one in artifacts:
        size += len(one.records.writes)
        if size > MAX_TRANSACTION:
            yield pack
            pack, size = [], len(one.records.writes)
        pack.append(one)
    if pack:
        yield pack


def _is_flat(asked: str, name: str) -> bool:
    try:
        check_flat_name(name)
    except InvalidInputError as error:
        log.warning("%s leaves one out: %s", asked, error)
        return False
    return True
