"""Destroying a whole artifact, for good.

Records first, bytes last: aliases and versions, in one transaction where that is possible, then the objects, then
LATEST's item, which has to outlive its object (see docs/decisions/016-records-of-an-artifact-are-deleted-first.md). It
can die anywhere and be repeated. An artifact with a protected version is refused before anything is touched. An object
that no item knows is destroyed only if its own metadata names the artifact, so neither a person's object nor one of
another repository is.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.alias_change import targets_of
from airflow_provider_versioned.repository.errors import ConflictError, InUseError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.inventory import by_sk
from airflow_provider_versioned.repository.items import PURGING, AliasItem, ArtifactItem, both, either, live
from airflow_provider_versioned.repository.keys import (
    COUNTER,
    Place,
    alias_pk,
    decode_version,
    encode_version,
    head_sk,
    meta_pk,
)
from airflow_provider_versioned.repository.many import at_once, both_at_once
from airflow_provider_versioned.repository.objects import is_copied_in_parts
from airflow_provider_versioned.repository.remains import forgetting_latest, given
from airflow_provider_versioned.repository.removal import Batch, Fence, Found, Removal, deletion, is_marked
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import RawItem, Refused, Table, Write, check, delete, update

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from pynamodb.expressions.condition import Condition

    from airflow_provider_versioned.repository.bucket import Listed
    from airflow_provider_versioned.repository.inventory import Belongings
    from airflow_provider_versioned.repository.latest import Latest
    from airflow_provider_versioned.repository.objects import Objects
    from airflow_provider_versioned.repository.remains import Remains

log = logging.getLogger(__name__)
_TRIES = 10


@dataclass
class _Gone:
    """What a purge has removed so far: sort keys, LATEST's among them, and names of aliases."""

    versions: list[str] = field(default_factory=list)
    aliases: list[str] = field(default_factory=list)
    copied_in_parts: bool = False  # or that may be
    fence: Fence | None = None  # that went up with the last mark of LATEST
    entries: set[str] = field(default_factory=set)  # that say which object of LATEST goes

    @property
    def numbers(self) -> list[str]:
        """The versions that are numbers."""
        return [sk for sk in self.versions if sk != LATEST]

    def __str__(self) -> str:
        """Say it in words."""
        count = len(self.versions)
        words = [f"alias {alias}" for alias in self.aliases]
        return ", ".join([*words, *([f"{count} version{'s' if count > 1 else ''}"] if count else [])])


class Destroyer:
    """Removes artifacts with all that belongs to them."""

    def __init__(self, table: Table, place: Place, objects: Objects, latest: Latest, remains: Remains) -> None:
        self._table = table
        self._place = place
        self._objects = objects
        self._latest = latest
        self._remains = remains

    def destroy(self, name: str, seen: Belongings | None = None) -> None:
        """Remove an artifact's aliases, versions and bytes for good.

        Args:
            seen: What belonged to it, whenever that was read; None: it is read now.

        Raises:
            InUseError: A version is protected.
            ConflictError: Others kept changing its aliases, versions or LATEST.
        """
        asked, revision, gone = f"Purging artifact {name!r}", new_revision(), _Gone()
        self._table.ensure_ours(asked)
        if seen is not None:
            found, listed = self._remove_all_records(asked, name, revision, gone, seen.found), seen.listed
        else:
            read = self._read(asked, name)
            found, listed = both_at_once(
                lambda: self._remove_all_records(asked, name, revision, gone, read),
                lambda: list(self._objects.list(asked, name)),
            )
        self._remove_objects(asked, name, found, listed, revision, gone)

    def _remove_all_records(
        self, asked: str, name: str, revision: str, gone: _Gone, seen: Found | None = None
    ) -> Found:
        """Remove or mark the records; return them as they were before.

        Args:
            seen: As they were, whenever that was.
        """
        for _ in range(_TRIES):
            found = self._read(asked, name) if seen is None or seen.lacks_numbers else seen
            seen = gone.fence = None
            gone.copied_in_parts |= found.copied_in_parts
            if found.protected:
                self._end_early(asked, name, gone)
                raise self._in_use(asked, name, found.protected, gone)
            if self._remove_records(asked, name, found, revision, gone):
                return found
        self._end_early(asked, name, gone)
        raise ConflictError(
            f"{asked} failed: others changed its aliases, versions or LATEST {_TRIES} times meanwhile; try again.",
            name=name,
        )

    def _end_early(self, asked: str, name: str, gone: _Gone) -> None:
        """Remove the bytes of what is gone; LATEST's stay."""
        self._remains.remove_objects(asked, name, gone.numbers)
        self.expect_no_more(asked, name, gone.entries)

    def _read(self, asked: str, name: str) -> Found:
        heads_and_counter = {
            "sk_condition": "sk BETWEEN :first AND :last",
            "sk_values": {":first": {"S": head_sk("")}, ":last": {"S": COUNTER}},
        }
        items, aliases, meta = at_once(
            lambda: list(self._remains.items(asked, name)),
            lambda: list(self._table.query(asked, alias_pk(name))),
            lambda: list(self._table.query(asked, meta_pk(name), **heads_and_counter)),
        )
        found = Found.of(items, aliases, meta)
        return Found.of(self._remains.items(asked, name), aliases, meta) if found.lacks_numbers else found

    @staticmethod
    def _in_use(asked: str, name: str, protected: Mapping[str, str], gone: _Gone) -> InUseError:
        """Refuse; if a protection came in the middle, tell what was removed before it was seen."""
        said = ", ".join(f"{version} ({reason})" for version, reason in protected.items())
        what = f"removed before that: {gone}" if gone.versions or gone.aliases else "nothing was removed"
        return InUseError(
            f"{asked} failed: protected versions: {said}; {what}; unprotect them first.",
            name=name,
            protected=tuple(protected),
        )

    def _remove_records(self, asked: str, name: str, found: Found, revision: str, gone: _Gone) -> bool:
        """Remove the records; False when one is not as it was read any more, so that all has to be read again."""
        latest = ArtifactItem.from_raw_data(found.latest) if found.latest is not None else None
        mark = latest.pending if latest is not None else None
        if latest is not None and mark is not None and not self._latest.may_be_hidden(asked, latest):
            return False
        removal = Removal(name, found, revision, mark)
        if not removal.fits:
            there = {decode_version(sk) for sk in found.items}
            for alias, view in found.aliases.items():
                self._sent(asked, deletion(name, alias, view, gone=view.targets.versions - there), gone)
            return False
        if removal.first is not None and not self._sent(asked, removal.first, gone):
            return False
        return all(at_once(*(partial(self._sent, asked, batch, gone) for batch in removal.others)))

    def _sent(self, asked: str, batch: Batch, gone: _Gone) -> bool:
        try:
            self._table.transact(asked, batch.writes)  # also one alone: sent again, it would mark what was put since
        except Refused:
            return False
        if batch.fence is not None:
            gone.fence = batch.fence
            gone.entries.add(batch.fence.entry)
        gone.versions.extend(batch.versions)
        gone.aliases.extend(batch.aliases)
        return True

    def _remove_objects(
        self, asked: str, name: str, found: Found, listed: Iterable[Listed], revision: str, gone: _Gone
    ) -> None:
        """Delete the objects whose records are gone or marked, then LATEST's item.

        Args:
            found: The records, as they were before.
            listed: The objects, whenever that was.
            revision: That of the mark of LATEST.
        """
        objects = by_sk(self._place, name, listed)
        latest = objects.pop(LATEST, None)
        unknown = objects.keys() - set(found.numbers) - set(gone.versions)
        ownerless = self._ownerless(asked, name, {sk: objects[sk] for sk in unknown})
        numbers = sorted({*gone.numbers, *found.numbers, *ownerless})
        in_parts = gone.copied_in_parts or any(is_copied_in_parts(entry.size) for entry in objects.values())
        fence, left = self._remove_bytes(
            asked, name, numbers, found.latest, latest.etag if latest is not None else None, gone, in_parts=in_parts
        )
        self._remove_latest_item(asked, name, found, fence, revision, gone)
        removed = {*map(decode_version, numbers), *([LATEST] if fence is not None else [])}
        if any(targets_of(AliasItem.from_raw_data(raw)).versions <= removed for raw in left if "version" in raw):
            self.delete_dangling(asked, name, removed)

    def _remove_bytes(
        self,
        asked: str,
        name: str,
        numbers: Sequence[str],
        head: RawItem | None,
        listed: str | None,
        gone: _Gone,
        *,
        in_parts: bool,
    ) -> tuple[Fence | None, list[RawItem]]:
        """Delete the objects of numbers, and that of LATEST unless it has been written anew.

        Args:
            head: LATEST's item, as it was before.
            listed: ETag of LATEST's object, whenever it was listed; None: there was none.
            in_parts: Whether somebody may be copying to LATEST in parts.

        Returns:
            Which object of LATEST is gone, and what aliases there are.
        """
        removing = partial(self._remains.remove_objects, asked, name, numbers)
        reading = partial(self._table.query, asked, alias_pk(name))
        fence = gone.fence
        looking = partial(self._fence, asked, name, head, listed)
        if fence is not None and not in_parts and listed in {None, fence.etag}:
            _, left = both_at_once(removing, lambda: list(reading()))
        elif in_parts:
            removing()
            self._abort_copies(asked, name)  # after the objects went, so that no other can be made
            fence, left = both_at_once(looking, lambda: list(reading()))
        else:
            (_, fence), left = both_at_once(lambda: both_at_once(removing, looking), lambda: list(reading()))
        if fence is not None:
            # Not before: where there is no object, a late copy of a number to LATEST would not be refused.
            self.delete_latest(asked, name, fence)
        return fence, left

    def delete_latest(self, asked: str, name: str, fence: Fence) -> None:
        """Delete LATEST's object if it is still the one that was fenced."""
        self._objects.delete_if(asked, self._place.object_key(name, LATEST), fence.etag)

    def _remove_latest_item(
        self, asked: str, name: str, found: Found, fence: Fence | None, revision: str, gone: _Gone
    ) -> None:
        """Delete LATEST's item, and ghosts, unless they have been written anew."""
        head = found.latest
        mark = None if head is None else revision
        if head is not None and is_marked(head):  # by an earlier purge
            mark = head.get("revision", {}).get("S")
        # Of those before, the library may have dropped some.
        entries = gone.entries & set((head or {}).get("expected_etags", {}).get("SS", ()))
        entries |= {one.entry for one in (gone.fence, fence) if one is not None}
        forgetting = forgetting_latest(name, head, mark, entries)
        writes = [forgetting] if head is not None or fence is not None else []
        writes += [delete(ArtifactItem(name, sk), ArtifactItem.sha256.does_not_exist()) for sk in found.ghosts]
        if forgetting in self._remains.write_what_still_holds(asked, writes):
            self.expect_no_more(asked, name, entries)

    def _abort_copies(self, asked: str, name: str) -> None:
        """Give up what is being copied to LATEST in parts.

        A copy in one request is refused once the object that it copies is gone. One whose parts have all been copied
        is not, and that of a first publication asks for nothing but that there is no LATEST.
        """
        key = self._place.object_key(name, LATEST)
        for upload in self._objects.list_uploads(asked, name):
            if upload.key == key:
                self._objects.abort(asked, upload)

    def _ownerless(self, asked: str, name: str, objects: Mapping[str, Listed]) -> list[str]:
        """Return those of some objects without an item that nobody is publishing, and reserve their numbers."""
        if not objects:
            return []
        # Read after the objects, so that no claim is missed.
        claimed = set(given(self._remains.items(asked, name)))
        unclaimed = sorted(objects.keys() - claimed)
        owned = at_once(*(partial(self._remains.owned, asked, name, objects[sk]) for sk in unclaimed))
        found = [sk for sk, own in zip(unclaimed, owned, strict=True) if own]
        self._remains.reserve(asked, name, int(max(found, default="0")))
        return found

    def delete_dangling(self, asked: str, name: str, removed: Collection[str]) -> None:
        """Delete the aliases that the library ``versioned``, which asks for no version, has made in between.

        Args:
            removed: Versions that were removed; LATEST may have been put since, with an alias of its own.
        """
        for alias, view in self._read(asked, name).aliases.items():
            if view.targets.versions <= set(removed):
                batch = deletion(name, alias, view, gone=view.targets.versions)
                checks = [_not_there(name, version) for version in sorted(view.targets.versions)]
                with suppress(Refused):
                    self._table.transact(asked, [*batch.writes, *checks])

    def expect_no_more(self, asked: str, name: str, entries: Iterable[str]) -> None:
        """Take back what was written down, after LATEST was written anew."""
        for entry in entries:
            there, own = ArtifactItem.expected_etags.contains(entry), ArtifactItem.expected_etags.delete({entry})
            with suppress(Refused):
                self._table.write(asked, update(ArtifactItem(name, LATEST), there, own))

    def _fence(self, asked: str, name: str, raw: RawItem | None, seen: str | None) -> Fence | None:
        """Write down which object of LATEST goes, unless LATEST has been written anew: then it stays.

        Args:
            raw: The item as it was before it was marked.
            seen: ETag of the object, whenever it was listed; None: there was none.

        Returns:
            None: the object stays.
        """
        if raw is None and seen is None:
            return None
        stored = self._objects.head(asked, name, LATEST)
        if stored is None or (raw is None and stored.artifact_name != name):
            return None
        if raw is None:
            return self._fenced(asked, name, stored.etag, ArtifactItem.pk.does_not_exist())
        # If another write has been announced, it is not what that brought.
        before = either(ArtifactItem.pending.does_not_exist(), ArtifactItem.etag == stored.etag)
        return self._fenced(asked, name, stored.etag, both(ArtifactItem.state == PURGING, before))

    def _fenced(self, asked: str, name: str, etag: str, condition: Condition) -> Fence | None:
        fence = Fence.of(etag)
        saying = update(
            ArtifactItem(name, LATEST),
            both(condition, ArtifactItem.aliases.does_not_exist()),
            ArtifactItem.expected_etags.add({fence.entry}),
            ArtifactItem.state.set(PURGING),
            ArtifactItem.is_deleted.set(True),
        )
        try:
            self._table.write(asked, saying)
        except Refused as refused:
            # If it says what we said, only the answer was lost.
            landed = fence.entry in (refused.found[0] or {}).get("expected_etags", {}).get("SS", ())
            return fence if landed else None
        return fence


def _not_there(name: str, version: str) -> Write:
    """Demand that a version cannot be read, and that nobody may have written it just now."""
    return check(ArtifactItem(name, encode_version(version)), both(~live(), ArtifactItem.pending.does_not_exist()))
