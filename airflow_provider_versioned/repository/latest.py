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
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.etags import expectation
from airflow_provider_versioned.repository.following import Following, Replaced
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import ArtifactItem, both, either
from airflow_provider_versioned.repository.keys import decode_version
from airflow_provider_versioned.repository.latest_item import (
    Head,
    as_read,
    changes_to,
    clean,
    is_clean,
    is_settled,
    is_young,
    item_of,
    stored_of,
    unmoved,
)
from airflow_provider_versioned.repository.objects import Attributes, Objects, PreconditionLost, Stored
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import Refused, Table, Write, update

if TYPE_CHECKING:
    from collections.abc import Collection

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from airflow_provider_versioned.repository.content import Prepared

_TRIES = 10
_PATIENCE = 4  # looks at another's publication before it is finished for it


class Latest:
    """Reads and writes LATEST of any artifact."""

    def __init__(self, table: Table, objects: Objects) -> None:
        self._table = table
        self._objects = objects

    def put(self, asked: str, name: str, content: Prepared, attributes: Attributes) -> ArtifactItem:
        """Make content the head; the item says so when this returns.

        Returns:
            The item as written, or as it stood if it was live with the same content already.

        Raises:
            ConflictError: Others kept overwriting it at the same moment.
        """
        self._table.ensure_ours(asked)
        for _ in range(_TRIES):
            mark = new_revision()
            begun = self._announce(asked, name, content.sha256, mark)
            if isinstance(begun, ArtifactItem):
                return begun
            written = self._write_object(asked, name, content, attributes, begun, mark) if begun is not None else None
            if isinstance(written, ArtifactItem):
                return written
            if begun is not None and written is not None:
                return self._commit(asked, name, written, begun, mark)
        raise ConflictError(
            f"{asked} failed: others overwrote LATEST {_TRIES} times in the same moment; try again.", name=name
        )

    def _announce(self, asked: str, name: str, sha256: str, mark: str) -> Replaced | ArtifactItem | None:
        """Mark the item; return what the object replaces, or the item if it is live with that content.

        None: it has to be looked at again.
        """
        # Without an etag the item is the library's, which may have died between object and item: write both anew.
        new = either(ArtifactItem.pk.does_not_exist(), both(clean(), ArtifactItem.sha256 != sha256))
        try:
            old = self._table.write(asked, self.announcement(name, mark, new), return_old=True)
        except Refused as refused:
            item = ArtifactItem.from_raw_data(refused.found[0] or {})
        else:
            before = ArtifactItem.from_raw_data(old) if old else None
            return Replaced.of(before, before.etag if before is not None else None)
        if item.pending == mark:  # it landed, only the answer was lost
            return Replaced.of(item, item.etag)
        return item if is_clean(item) else self._announce_over(asked, item, mark)

    def _announce_over(self, asked: str, item: ArtifactItem, mark: str) -> Replaced | None:
        """Mark an item that is marked or hidden, or another tool's; None: it has to be looked at again."""
        replaced = self._look(asked, item.pk, item)
        if replaced is None:
            return None
        write = self.announcement(item.pk, mark, as_read(item), stated=replaced)
        try:
            self._table.write(asked, write)
        except Refused as refused:
            return replaced if (refused.found[0] or {}).get("pending", {}).get("S") == mark else None
        return replaced

    def _look(self, asked: str, name: str, item: ArtifactItem | None) -> Replaced | None:
        """Find out which object a write replaces, before it is announced: never after.

        If a put has landed and its writer has not said so, that is said first.

        Returns:
            None: the item has to be read again.
        """
        if item is None or is_clean(item):
            return Replaced.of(item, item.etag if item is not None else None)
        seen = self._objects.described(asked, name, LATEST)
        if item.pending is not None and seen is not None and seen.etag != item.etag:
            self._bring_in_line(asked, item, seen)
            return None
        return Replaced.of(item, seen.etag if seen is not None else None, stated=True)

    def _bring_in_line(self, asked: str, item: ArtifactItem, seen: Stored) -> None:
        """Say for another what its object is. It may not know that it landed, and send it again."""
        facts = changes_to(item_of(item.pk, seen, new_revision()), frozenset())
        if item.etag is not None:
            facts.append(ArtifactItem.expected_etags.add({expectation(item.etag, item.pending)}))
        with suppress(Refused):  # it is not as it was read any more
            self._table.write(asked, update(ArtifactItem(item.pk, LATEST), as_read(item), *facts))

    def announcement(
        self,
        name: str,
        mark: str,
        condition: Condition | None = None,
        following: Following | None = None,
        stated: Replaced | None = None,
    ) -> Write:
        """Return the write that marks LATEST as being written; an item that did not exist starts invisible.

        Args:
            following: LATEST becomes that version's content from this write on, whether or not it has been copied yet.
                None: LATEST stays what it is until the object is written.
            stated: What was seen of the object; the item then says so, so that any other is known as a later one.
        """
        actions: list[Action] = []
        if following is not None:
            actions = [ArtifactItem.pending_version.set(following.version), *following.expects()]
        if stated is not None and stated.stated:
            etag = ArtifactItem.etag
            actions.append(etag.set(stated.expected) if stated.expected is not None else etag.remove())
        return update(
            ArtifactItem(name, LATEST),
            condition,
            ArtifactItem.pending.set(mark),
            *actions,
            ArtifactItem.is_deleted.set(ArtifactItem.is_deleted | True),
            ArtifactItem.state.remove(),  # a purge that is under way leaves it alone from here on
        )

    def _write_object(
        self, asked: str, name: str, content: Prepared, attributes: Attributes, replaced: Replaced, mark: str
    ) -> Stored | ArtifactItem | None:
        """Write the object.

        Returns:
            What stands there; the item as it would be, if it was written and replaced before we knew; None when another
            object stands there.
        """
        try:
            return self._objects.put_latest(asked, name, content, attributes, replaced.expected, replaced.avoid)
        except PreconditionLost as lost:
            found = self._objects.head(asked, name, LATEST)
            if found is None:
                return None
            if (found.sha256, found.size) == (content.sha256, content.size) and found.etag not in replaced.avoid:
                return found
            if not lost.repeated:
                return None
        item = self._read(asked, name)
        if item is not None and item.pending == mark:
            return None
        # The first try may have landed, and others have written since: to write again would undo that.
        written = ArtifactItem(name, LATEST, update_at=datetime.now(UTC), is_deleted=False, sha256=content.sha256)
        written.size, written.revision = content.size, mark
        return written

    def _commit(self, asked: str, name: str, stored: Stored, replaced: Replaced, mark: str) -> ArtifactItem:
        """Make the item say what the object is, after it was announced and written.

        If another write was announced meanwhile, that one commits; if the item was deleted or rewritten by another tool
        meanwhile, the item is brought in line with the object.
        """
        item = item_of(name, stored, new_revision())
        if not self._say(asked, item, mark):
            self.settle(asked, name)
            if replaced.expected is not None:
                self._forget(asked, name, {expectation(replaced.expected, mark)})
        return item

    def _say(self, asked: str, item: ArtifactItem, pending: str, done: frozenset[str] = frozenset()) -> bool:
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
                replaced = self._look(asked, name, item)
            if replaced is not None:
                return item, replaced
            item = self._read(asked, name)
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
        expected = following.replaced.expected
        for _ in range(_TRIES):
            condition = {"IfMatch": expected} if expected is not None else {"IfNoneMatch": "*"}
            try:
                copied = self._objects.copy(
                    asked, name, following.version, LATEST, stored, condition, following.replaced.avoid
                )
            except PreconditionLost:
                found = self._objects.described(asked, name, LATEST)
                item = self._read(asked, name)
                if item is None or item.pending != pending:
                    break  # LATEST is another's to bring in line
                if found is None or following.replaces(found, stored):
                    expected = found.etag if found is not None else None
                    continue
                if (found.sha256, found.size) != (stored.sha256, stored.size):
                    self.settle(asked, name, pending, following.done)
                    break
                copied = found
            left = item_of(name, copied, new_revision())
            if self._say(asked, left, pending, following.done):
                left.expected_etags = set(following.replaced.entries - following.done) or None
                return left
            self.settle(asked, name)
            break
        else:
            raise ConflictError(
                f"{asked} failed: S3 refused to copy version {decode_version(following.version)} to LATEST {_TRIES} "
                "times; see what verify says of it.",
                name=name,
            )
        self._forget(asked, name, following.own)
        return None

    def _forget(self, asked: str, name: str, own: Collection[str]) -> None:
        """Let LATEST have any ETag again, after it was written by others before we could."""
        for entry in own:
            there = ArtifactItem.expected_etags.contains(entry)
            with suppress(Refused):  # it is gone already, perhaps with the rest of the item
                self._table.write(
                    asked, update(ArtifactItem(name, LATEST), there, ArtifactItem.expected_etags.delete({entry}))
                )

    def complete(self, asked: str, name: str) -> None:
        """Finish a write that was announced and whose writer may have died, so that the item tells the truth."""
        item = self._read(asked, name)
        if item is None or item.pending is None:
            return
        head = self.resolve(asked, item)
        if head.at != LATEST and head.stored is not None:
            self._follow_for_another(asked, item, head, head.stored)
        elif head.live:
            self.settle(asked, name, item.pending)
        elif item.pending_version is not None:  # which another tool has deleted
            as_read = both(ArtifactItem.pending == item.pending, ArtifactItem.pending_version == item.pending_version)
            with suppress(Refused):
                self._table.write(asked, update(item, as_read, ArtifactItem.pending_version.remove()))

    def _follow_for_another(self, asked: str, item: ArtifactItem, head: Head, stored: Stored) -> None:
        replaced = Replaced.of(item, head.replaces, but=item.pending)
        following = Following(head.at, replaced, new_revision())
        if following.own:
            announced = ArtifactItem.pending == item.pending
            try:
                self._table.write(asked, update(ArtifactItem(item.pk, LATEST), announced, *following.expects()))
            except Refused:
                return  # another write has been announced, or it is finished
        self.follow(asked, item.pk, stored, following, item.pending)

    def _read(self, asked: str, name: str) -> ArtifactItem | None:
        raw = self._table.get(asked, (name, LATEST)).get((name, LATEST))
        return ArtifactItem.from_raw_data(raw) if raw else None

    def may_be_hidden(self, asked: str, item: ArtifactItem) -> bool:
        """Tell whether a marked LATEST may be hidden as its item says it is; otherwise it says so when read again."""
        if item.pending_version is not None:
            self.complete(asked, item.pk)
            return False
        return self._look(asked, item.pk, item) is not None

    def restore(self, asked: str, item: ArtifactItem) -> None:
        """Make a hidden LATEST visible, as its object is, if the item is still as it was read."""
        seen = self._objects.described(asked, item.pk, LATEST)
        if seen is not None:
            actions = changes_to(item_of(item.pk, seen, new_revision()), frozenset())
        else:
            actions = [ArtifactItem.is_deleted.set(False), ArtifactItem.deleted_at.remove()]
            actions.append(ArtifactItem.revision.set(new_revision()))
        with suppress(Refused):
            self._table.write(asked, update(ArtifactItem(item.pk, LATEST), as_read(item), *actions))

    def settle(self, asked: str, name: str, pending: str | None = None, done: frozenset[str] = frozenset()) -> None:
        """Bring the item in line with the object, unless somebody else's write is under way.

        Args:
            pending: A mark that is the caller's own to clear.
            done: Entries of those who expect no object any more.
        """
        for _ in range(_TRIES):
            item = self._read(asked, name)
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
