"""LATEST, the mutable head: its object in S3 and its item in DynamoDB, which no request can change together.

S3 decides, DynamoDB follows. A write goes: announce it in the item (``pending``), write the object on condition that
it is still the one known, commit the item and clear ``pending``. Whoever meets a ``pending`` of somebody else asks S3
what really stands there, so a writer that died in between deceives nobody: not a reader, and not a put of the old
content, which would otherwise be taken for unchanged. When a version is published from given content, the announcement
is part of its commit and names the version (``pending_version``): LATEST is that content from then on, wherever the
copy to its own key has got to (see docs/decisions/001-pending-mark-on-latest.md).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.bucket import PreconditionLost
from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.etags import avoided, overruling
from airflow_provider_versioned.repository.following import Following, Replaced
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import ArtifactItem, both
from airflow_provider_versioned.repository.keys import decode_version
from airflow_provider_versioned.repository.latest_item import (
    Head,
    as_read,
    changes_to,
    is_clean,
    is_settled,
    is_young,
    item_of,
    stored_of,
    unmoved,
)
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import Refused, Table, Write, update

if TYPE_CHECKING:
    from collections.abc import Collection

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from airflow_provider_versioned.repository.objects import Objects, Stored

_TRIES = 10
_PATIENCE = 4  # looks at another's publication before it is finished for it


class Latest:
    """Reads and writes LATEST of any artifact."""

    def __init__(self, table: Table, objects: Objects) -> None:
        self._table = table
        self._objects = objects

    def look(self, asked: str, name: str, item: ArtifactItem | None, own: Collection[str] = ()) -> Replaced | None:
        """Find out which object a write replaces, before it is announced: never after.

        If a put has landed and its writer has not said so, that is said first.

        Args:
            own: Marks of the caller, under which nothing is under way any more.

        Returns:
            None: the item has to be read again.
        """
        if item is None or is_clean(item):
            return Replaced.of(item, item.etag if item is not None else None, own)
        seen = self._objects.described(asked, name, LATEST)
        if item.pending is not None and seen is not None and seen.etag != item.etag:
            self.bring_in_line(asked, item, seen, own)
            return None
        return Replaced.of(item, seen.etag if seen is not None else None, own, stated=True)

    def bring_in_line(self, asked: str, item: ArtifactItem, seen: Stored, own: Collection[str] = ()) -> None:
        """Say for another what its object is. It may not know that it landed, and send it again."""
        facts = changes_to(item_of(item.pk, seen, new_revision()))
        if overruled := overruling(item, own):
            facts.append(ArtifactItem.expected_etags.add(set(overruled)))
        with suppress(Refused):  # it is not as it was read any more
            self._table.write(asked, update(ArtifactItem(item.pk, LATEST), as_read(item), *facts))

    def announcement(
        self,
        name: str,
        mark: str,
        condition: Condition | None = None,
        replaced: Replaced | None = None,
        following: Following | None = None,
        done: Collection[str] = (),
    ) -> Write:
        """Return the write that marks LATEST as being written; an item that did not exist starts invisible.

        Args:
            replaced: What was seen of the object; the item then says so, so that any other is known as a later one.
            following: LATEST becomes that version's content from this write on, whether or not it has been copied yet.
                None: LATEST stays what it is until the object is written.
            done: Entries that are not needed any more; they stay if others have to be made.
        """
        actions: list[Action] = []
        expected: set[str] = set()
        if following is not None:
            actions.append(ArtifactItem.pending_version.set(following.version))
            expected |= following.own
        if replaced is not None and replaced.stated:
            etag = ArtifactItem.etag
            actions.append(etag.set(replaced.expected) if replaced.expected is not None else etag.remove())
            expected |= replaced.overruled
        if expected:
            actions.append(ArtifactItem.expected_etags.add(expected))
        elif done:
            actions.append(ArtifactItem.expected_etags.delete(set(done)))
        return update(
            ArtifactItem(name, LATEST),
            condition,
            ArtifactItem.pending.set(mark),
            *actions,
            ArtifactItem.is_deleted.set(ArtifactItem.is_deleted | True),
        )

    def say(self, asked: str, item: ArtifactItem, pending: str, done: frozenset[str] = frozenset()) -> bool:
        """Write down what the announced object is; False when another write was announced meanwhile.

        Args:
            done: Entries of those who expect no object any more.
        """
        write = update(ArtifactItem(item.pk, LATEST), ArtifactItem.pending == pending, *changes_to(item, done))
        try:
            self._table.write(asked, write)
        except Refused as refused:
            # If it is ours, it landed, and only the answer was lost.
            return bool((refused.found[0] or {}).get("revision", {}).get("S") == item.revision)
        return True

    def prepared(self, asked: str, name: str, item: ArtifactItem | None) -> tuple[ArtifactItem | None, Replaced]:
        """Find out which object a publication would replace.

        A publication that was committed before and has not been copied yet is copied first: its content was LATEST
        before ours is. Its publisher, who most likely lives, is given a moment to do so.

        Returns:
            LATEST's item as it now is, and what is known of the object.
        """
        for attempt in range(_TRIES):
            replaced = None
            if item is not None and item.pending_version is not None:
                if attempt < _PATIENCE and is_young(item.pending):
                    self._table.pause(attempt)
                else:
                    replaced = self._complete_before(asked, name, item)
            else:
                replaced = self.look(asked, name, item)
            if replaced is not None:
                return item, replaced
            item = self.read(asked, name)
        raise ConflictError(f"{asked} failed: others kept publishing and putting; try again.", name=name)

    def _complete_before(self, asked: str, name: str, item: ArtifactItem) -> Replaced | None:
        """Finish another's publication; if its content can have no ETag now, it is overtaken without."""
        try:
            self.complete(asked, name)
        except ConflictError:
            seen = self._objects.head(asked, name, LATEST)
            return Replaced.of(item, seen.etag if seen is not None else None, stated=True)
        return None

    def follow(self, asked: str, name: str, stored: Stored, following: Following, pending: str) -> ArtifactItem | None:
        """Copy a version to LATEST after it was announced, unless LATEST has been written since.

        Args:
            stored: The version's object.
            pending: The announcement's mark.

        Returns:
            LATEST as this left it; None when another write came after the announcement.

        Raises:
            ConflictError: S3 kept refusing the copy, although nobody wrote LATEST.
        """
        expected, own = following.replaced.expected, following.own
        for _ in range(_TRIES):
            condition = {"IfMatch": expected} if expected is not None else {"IfNoneMatch": "*"}
            try:
                copied = self._objects.copy(
                    asked, name, following.version, LATEST, stored, condition, following.replaced.avoid
                )
            except PreconditionLost:
                found = self._objects.described(asked, name, LATEST)
                item = self.read(asked, name)
                if item is None or item.pending != pending:
                    break  # LATEST is another's to bring in line
                if found is None or following.replaces(found, stored):
                    instead = following.expecting(found.etag if found is not None else None)
                    if instead - own and not self._expect(asked, item, instead):
                        break
                    expected, own = found.etag if found is not None else None, own | instead
                    continue
                if (found.sha256, found.size) != (stored.sha256, stored.size):
                    self.settle(asked, name, pending, own)
                    break
                copied = found
            left, done = item_of(name, copied, new_revision()), own | following.replaced.outdated
            if self.say(asked, left, pending, done):
                left.expected_etags = set(following.replaced.entries - done) or None
                return left
            self.settle(asked, name)
            break
        else:
            raise ConflictError(
                f"{asked} failed: S3 refused to copy version {decode_version(following.version)} to LATEST {_TRIES} "
                "times; see what verify says of it.",
                name=name,
            )
        self.forget(asked, name, own)
        return None

    def _expect(self, asked: str, item: ArtifactItem, expected: Collection[str]) -> bool:
        """Write down which object somebody expects; False when another write was announced meanwhile."""
        announced, adding = ArtifactItem.pending == item.pending, ArtifactItem.expected_etags.add(set(expected))
        try:
            self._table.write(asked, update(ArtifactItem(item.pk, LATEST), announced, adding))
        except Refused:
            return False
        return True

    def forget(self, asked: str, name: str, own: Collection[str]) -> None:
        """Let LATEST have any ETag again, after it was written by others before we could."""
        for entry in own:
            there = ArtifactItem.expected_etags.contains(entry)
            with suppress(Refused):  # it is gone already, perhaps with the rest of the item
                self._table.write(
                    asked, update(ArtifactItem(name, LATEST), there, ArtifactItem.expected_etags.delete({entry}))
                )

    def complete(self, asked: str, name: str) -> None:
        """Finish a write that was announced and whose writer may have died, so that the item tells the truth."""
        item = self.read(asked, name)
        if item is None or item.pending is None:
            return
        head = self.resolve(asked, item)
        if head.at != LATEST and head.stored is not None:
            self._follow_for_another(asked, item, head, head.stored)
        elif head.live and head.stored is not None:
            self.bring_in_line(asked, item, head.stored)
        elif item.pending_version is not None:  # which another tool has deleted
            as_read = both(ArtifactItem.pending == item.pending, ArtifactItem.pending_version == item.pending_version)
            with suppress(Refused):
                self._table.write(asked, update(item, as_read, ArtifactItem.pending_version.remove()))

    def _follow_for_another(self, asked: str, item: ArtifactItem, head: Head, stored: Stored) -> None:
        replaced = Replaced.of(item, head.replaces)
        following = Following(head.at, replaced, new_revision())
        # Its publisher, or a put that was announced over it, may still be on its way to the same object.
        expected = following.own | replaced.overruled
        if expected and not self._expect(asked, item, expected):
            return  # another write has been announced, or it is finished
        self.follow(asked, item.pk, stored, following, item.pending)

    def read(self, asked: str, name: str) -> ArtifactItem | None:
        """Read the item."""
        raw = self._table.get(asked, (name, LATEST)).get((name, LATEST))
        return ArtifactItem.from_raw_data(raw) if raw else None

    def may_be_hidden(self, asked: str, item: ArtifactItem) -> bool:
        """Tell whether a marked LATEST may be hidden as its item says it is; otherwise it says so when read again."""
        if item.pending_version is not None:
            self.complete(asked, item.pk)
            return False
        return self.look(asked, item.pk, item) is not None

    def restorable(self, asked: str, item: ArtifactItem) -> ArtifactItem | None:
        """Return the item of a hidden LATEST as it would be if it were visible; None: there is no object."""
        seen = self._objects.described(asked, item.pk, LATEST)
        return item_of(item.pk, seen, new_revision()) if seen is not None else None

    def shown(self, asked: str, item: ArtifactItem, replaced: Replaced, sha256: str) -> ArtifactItem | None:
        """Return the same, if the object has a certain content already, and nobody is going to touch it.

        But for a put that has not arrived: if it still does, it is a later one.
        """
        if item.pending_version is not None or replaced.expected in avoided(item):
            return None
        shown = self.restorable(asked, item)
        return shown if shown is not None and (shown.etag, shown.sha256) == (replaced.expected, sha256) else None

    def showing(self, item: ArtifactItem, shown: ArtifactItem) -> Write:
        """Return the write that makes a hidden LATEST visible, if the item is still as it was read.

        The mark of a put that has not arrived stays: it may arrive before this write does.
        """
        if item.pending is not None and shown.etag == item.etag:
            shown.pending = item.pending
        actions = changes_to(shown)
        if shown.pending is None and (overruled := overruling(item)):
            actions.append(ArtifactItem.expected_etags.add(set(overruled)))
        return update(ArtifactItem(item.pk, LATEST), as_read(item), *actions)

    def show(self, asked: str, item: ArtifactItem, shown: ArtifactItem) -> bool:
        """Send that write; False when the item is not as it was read any more."""
        try:
            # With a token: sent again after a lost answer, it must not undo a deletion that came since.
            self._table.transact(asked, [self.showing(item, shown)])
        except Refused as refused:
            return bool((refused.found[0] or {}).get("revision", {}).get("S") == shown.revision)
        return True

    def settle(self, asked: str, name: str, pending: str | None = None, done: frozenset[str] = frozenset()) -> None:
        """Bring the item in line with the object, unless somebody else's write is under way.

        Args:
            pending: A mark that is the caller's own to clear.
            done: Entries of those who expect no object any more.
        """
        for _ in range(_TRIES):
            item = self.read(asked, name)
            stored = self._objects.described(asked, name, LATEST)
            if stored is None or (item is not None and is_settled(item, stored, pending)):
                return
            facts = changes_to(item_of(name, stored, new_revision()), done)
            try:
                self._table.write(asked, update(ArtifactItem(name, LATEST), unmoved(item), *facts))
            except Refused:
                continue
            return
        raise ConflictError(f"{asked} failed: others kept overwriting LATEST; try again.", name=name)

    def resolve(self, asked: str, item: ArtifactItem) -> Head:
        """Find out what LATEST truly is; asks S3 only if a write is under way or the item lacks its ETag."""
        if item.pending is None and item.etag is not None:
            return Head(stored_of(item), item.live)
        stored = self._objects.described(asked, item.pk, LATEST)
        if item.pending is not None and stored is not None and stored.etag != item.etag:
            return Head(stored, live=True)
        if item.pending_version is not None:
            key = (item.pk, item.pending_version)
            raw = self._table.get(asked, key).get(key)
            followed = ArtifactItem.from_raw_data(raw) if raw else None
            if followed is not None and followed.live:
                replaces = stored.etag if stored is not None else None
                return Head(stored_of(followed), live=True, at=item.pending_version, replaces=replaces)
        return Head(stored, item.live)
