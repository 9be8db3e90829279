"""The writes by which all records of an artifact go, each on condition that its record is as it was read.

Numbers and aliases are deleted; the highest number stays as a tombstone, so that the library ``versioned`` does not
give it again; LATEST is only marked, because its object has to go before its item. Where a hundred writes are enough,
all goes in one transaction: aliases with the versions that they point at. No I/O: reading and sending is
:mod:`~airflow_provider_versioned.repository.destroy`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.alias_change import Attempt, Change, Targets, View
from airflow_provider_versioned.repository.etags import expectation
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import (
    CLAIMED,
    PURGING,
    AliasItem,
    ArtifactItem,
    CounterItem,
    HeadItem,
    both,
    ghost,
)
from airflow_provider_versioned.repository.keys import COUNTER, decode_version, head_sk, is_version_sk, meta_pk
from airflow_provider_versioned.repository.objects import is_copied_in_parts
from airflow_provider_versioned.repository.remains import given
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import MAX_TRANSACTION, RawItem, Write, check, delete, update
from airflow_provider_versioned.repository.versions import Hiding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from pynamodb.expressions.condition import Condition


Kind = tuple[bool, bool, bool]  # of an ordinary version: whether it is the highest, claimed, a ghost of the library's


@dataclass(frozen=True)
class Found:
    """An artifact as it was read.

    Attributes:
        items: Versions by sort key, and the library's ghosts under odd ones.
        aliases: With their heads, by name.
        highest: The counter; 0: there is none.
    """

    items: dict[str, RawItem]
    aliases: dict[str, View]
    highest: int

    @classmethod
    def of(cls, items: Iterable[RawItem], aliases: Iterable[RawItem], meta: Iterable[RawItem]) -> Found:
        """Sort what was read.

        Args:
            meta: Heads and counter.
        """
        by_sk = {raw["sk"]["S"]: raw for raw in meta}
        counter = by_sk.pop(COUNTER, None)
        views = {}
        for raw in (raw for raw in aliases if "version" in raw):
            head = by_sk.get(head_sk(raw["sk"]["S"]))
            views[raw["sk"]["S"]] = View(
                AliasItem.from_raw_data(raw), HeadItem.from_raw_data(head) if head is not None else None, None
            )
        highest = int(CounterItem.from_raw_data(counter).highest) if counter is not None else 0
        return cls({raw["sk"]["S"]: raw for raw in items}, views, highest)

    @property
    def latest(self) -> RawItem | None:
        """LATEST's item."""
        return self.items.get(LATEST)

    @property
    def numbers(self) -> list[str]:
        """Sort keys of the numbers that were given, tombstones included."""
        return [sk for sk in given(self.items.values()) if is_version_sk(sk) and sk != LATEST]

    @property
    def highest_read(self) -> str:
        """Sort key of the highest number; "0": there is none."""
        return max((sk for sk in given(self.items.values()) if sk != LATEST and is_version_sk(sk)), default="0")

    @property
    def lacks_numbers(self) -> bool:
        """Whether a number was given that is not among the items, perhaps while they were read."""
        return self.highest > int(self.highest_read)

    @property
    def ghosts(self) -> list[str]:
        """Sort keys of the library's ghosts that are no version's."""
        return [sk for sk in self.items if not is_version_sk(sk)]

    @property
    def copied_in_parts(self) -> bool:
        """Whether somebody may be copying a version to LATEST in parts, as far as the records tell."""
        latest = self.latest or {}
        if "pending_version" in latest or "expected_etags" in latest:
            return True  # however large it is: to get another ETag, it may go in one part
        return any(is_copied_in_parts(int(raw["size"]["N"])) for raw in self.items.values() if "size" in raw)

    @property
    def protected(self) -> dict[str, str]:
        """Why versions are protected, by version."""
        return {decode_version(sk): raw["protected"]["S"] for sk, raw in self.items.items() if "protected" in raw}


@dataclass(frozen=True)
class Fence:
    """The object of LATEST that goes: its ETag, and the entry that says so.

    Whoever writes LATEST from then on sees to it that its object has another ETag, also for the same content, so that
    the deletion, which is on condition of the ETag, cannot take it. See docs/decisions/009-no-etag-twice.md.
    """

    etag: str
    entry: str

    @classmethod
    def of(cls, etag: str) -> Fence:
        """Make the entry."""
        return cls(etag, expectation(etag, new_revision()))


@dataclass(frozen=True)
class Batch:
    """Writes that go together; which versions (by sort key) and aliases are gone then, and how LATEST is fenced."""

    writes: tuple[Write, ...]
    versions: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    fence: Fence | None = None


class Removal:
    """The writes by which an artifact goes.

    Args:
        revision: Given to LATEST's item.
        mark: Of a put of LATEST that has not arrived; it stays.
        templates: Shared by removals under one revision, so that writes of a kind are made once; None: of this one.

    Attributes:
        first: What has to have happened before the others; None: there is no order among them.
        others: In any order.
        fits: Whether the aliases go together with their versions in one transaction; otherwise they have to be deleted
            before, one by one.
    """

    def __init__(
        self,
        name: str,
        found: Found,
        revision: str,
        mark: str | None = None,
        templates: dict[Kind, Write] | None = None,
    ) -> None:
        self._name = name
        self._found = found
        self._templates = templates if templates is not None else {}
        self._highest = found.highest_read
        reserving = int(self._highest) > found.highest
        bound = [*self._aliases(), *([Batch((self._reservation(),))] if reserving else [])]
        stale: list[Batch] = []
        free: list[Batch] = []
        for sk, raw in found.items.items():
            if not is_version_sk(sk) or self._is_as_it_stays(sk, raw):
                continue
            batch = self._of_version(sk, raw, revision, mark if sk == LATEST else None)
            if sk == LATEST and not reserving:
                batch = replace(batch, writes=(*batch.writes, check(self._counter(), self._counted_as_read())))
            if (found.aliases and "aliases" in raw) or (reserving and sk == LATEST):
                bound.append(batch)
            elif "aliases" in raw:
                stale.append(batch)
            else:
                free.append(batch)
        first = _joined(bound)
        everything = _joined([first, *stale, *free])
        self.fits = len(first.writes) <= MAX_TRANSACTION
        self.first: Batch | None = first if first.writes else None
        self.others = [*stale, *_packed(free)]
        if len(everything.writes) <= MAX_TRANSACTION:
            self.first, self.others = None, [everything] if everything.writes else []

    def _aliases(self) -> Iterator[Batch]:
        for alias, view in self._found.aliases.items():
            # No version has to forget it: each goes as well, and knows who points at it in its condition.
            yield deletion(self._name, alias, view, gone=view.targets.versions)

    def _reservation(self) -> Write:
        """Reserve the numbers before any of them goes: somebody would be given it again."""
        return update(self._counter(), self._counted_as_read(), CounterItem.highest.set(int(self._highest)))

    def _counter(self) -> CounterItem:
        return CounterItem(meta_pk(self._name), COUNTER)

    def _counted_as_read(self) -> Condition:
        """Demand that no number was given since: its version would be left, without the LATEST that it had."""
        if self._found.highest == 0:
            return CounterItem.pk.does_not_exist()
        counted: Condition = CounterItem.highest == self._found.highest
        return counted

    def _is_as_it_stays(self, sk: str, raw: RawItem) -> bool:
        if sk == LATEST:
            return is_marked(raw)
        return sk == self._highest and ArtifactItem.from_raw_data(raw).is_tombstone

    def _of_version(self, sk: str, raw: RawItem, revision: str, mark: str | None) -> Batch:
        if sk != LATEST and "aliases" not in raw:
            # The number of a ghost was given to nobody, and may be at any time.
            return Batch((self._of_a_kind(sk, raw, revision),), () if _is_ghost(raw) else (sk,))
        hiding = self._hiding(sk, raw, mark, revision)
        if sk == LATEST:
            fence = self._fence()
            write = hiding.write if fence is None else self._fenced(hiding, fence)
            return Batch((write, *hiding.checks), (sk,), fence=fence)
        if sk != self._highest:
            return Batch((delete(ArtifactItem(self._name, sk), hiding.condition), *hiding.checks), (sk,))
        return Batch((hiding.burial(self._name), *hiding.checks), (sk,))

    def _fence(self) -> Fence | None:
        """Return what goes up with LATEST's mark; None: not yet, as somebody may be writing LATEST or come late."""
        latest = self._found.latest or {}
        undisturbed = not (self._found.copied_in_parts or latest.keys() & {"pending", "expected_etags"})
        return Fence.of(latest["etag"]["S"]) if undisturbed and "etag" in latest else None

    def _fenced(self, hiding: Hiding, fence: Fence) -> Write:
        """Return the mark of LATEST that says which object goes, unless LATEST is written anew or announced."""
        as_read = (ArtifactItem.etag == fence.etag) & ArtifactItem.expected_etags.does_not_exist()
        saying = ArtifactItem.expected_etags.add({fence.entry})
        return update(ArtifactItem(self._name, LATEST), both(hiding.condition, as_read), *hiding.actions, saying)

    def _hiding(self, sk: str, raw: RawItem, mark: str | None, revision: str) -> Hiding:
        # A claim that has been published since changed LATEST too, perhaps after that was read.
        return Hiding(
            self._name,
            decode_version(sk),
            frozenset(raw.get("aliases", {}).get("SS", ())),
            purging=True,
            mark=mark,
            state=CLAIMED if _is_claim(raw) else None,
            revision=revision,
            unchecked=self._found.aliases.keys(),
        )

    def _of_a_kind(self, sk: str, raw: RawItem, revision: str) -> Write:
        """Return the write by which an ordinary version goes; all of a kind have the same condition."""
        kind = burying, claimed, of_library = sk == self._highest, _is_claim(raw), _is_ghost(raw)
        if kind not in self._templates:
            hiding = self._hiding(sk, raw, None, revision)
            if burying:
                self._templates[kind] = hiding.burial(self._name)
            else:
                # What is gone meanwhile may be gone; but the place of a ghost may have been taken.
                condition = hiding.condition if claimed else hiding.free
                condition = both(condition, ghost()) if of_library else condition
                self._templates[kind] = delete(ArtifactItem(self._name, sk), condition)
        return self._templates[kind].of(raw)


def deletion(name: str, alias: str, view: View, *, gone: Collection[str]) -> Batch:
    """Return the writes that delete an alias, as a person does.

    Args:
        gone: Those of its versions that do not have to forget it.
    """
    change = Change(name, alias, "delete", Targets(None), reason="artifact purged")
    return Batch(tuple(Attempt(change, view, frozenset(gone)).writes), aliases=(alias,))


def is_marked(raw: RawItem) -> bool:
    """Tell whether an item is marked as being purged and nothing has happened to it since."""
    return raw.get("state", {}).get("S") == PURGING and "aliases" not in raw and "pending" not in raw


def _is_claim(raw: RawItem) -> bool:
    return bool(raw.get("state", {}).get("S") == CLAIMED)


def _is_ghost(raw: RawItem) -> bool:
    return "sha256" not in raw and "state" not in raw


def _joined(batches: Iterable[Batch]) -> Batch:
    batches = list(batches)
    return Batch(
        tuple(write for batch in batches for write in batch.writes),
        tuple(sk for batch in batches for sk in batch.versions),
        tuple(alias for batch in batches for alias in batch.aliases),
        next((batch.fence for batch in batches if batch.fence is not None), None),
    )


def _packed(batches: Iterable[Batch]) -> list[Batch]:
    """Join batches into as few as may be sent."""
    packed: list[list[Batch]] = [[]]
    size = 0
    for batch in batches:
        size += len(batch.writes)
        if size > MAX_TRANSACTION:
            packed.append([])
            size = len(batch.writes)
        packed[-1].append(batch)
    return [_joined(together) for together in packed if together]
