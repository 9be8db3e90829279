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
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.etags import avoided
from airflow_provider_versioned.repository.following import Following, Replaced
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import ArtifactItem, both, live
from airflow_provider_versioned.repository.keys import decode_version
from airflow_provider_versioned.repository.objects import Attributes, Objects, PreconditionLost, Stored
from airflow_provider_versioned.repository.revisions import begun_at, new_revision
from airflow_provider_versioned.repository.table import Refused, Table, Write, update

if TYPE_CHECKING:
    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from airflow_provider_versioned.repository.content import Prepared

_TRIES = 10
_PATIENCE = 4  # looks at another's publication before it is finished for it
_YOUNG = timedelta(seconds=2)


@dataclass(frozen=True)
class Head:
    """What LATEST truly is.

    Attributes:
        stored: The object that holds its content, as far as known; None when there is none.
        live: Whether readers may see it.
        at: The version under whose key that object stands: LATEST, or the number (in stored form) whose content LATEST
            is to become and has not become yet.
        replaces: In that case, the ETag of the object that the copy is to replace; None when there is none.
    """

    stored: Stored | None
    live: bool
    at: str = LATEST
    replaces: str | None = None


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
            pending = new_revision()
            before, unchanged = self._announce(asked, name, content.sha256, pending)
            if unchanged is not None:
                return unchanged
            stored = self._write_object(asked, name, content, attributes, before, pending)
            if stored is not None:
                return self.commit(asked, name, stored, pending)
        raise ConflictError(
            f"{asked} failed: others overwrote LATEST {_TRIES} times in the same moment; try again.", name=name
        )

    def _announce(
        self, asked: str, name: str, sha256: str, pending: str
    ) -> tuple[ArtifactItem | None, ArtifactItem | None]:
        """Mark the item; return (the item before, None), or (None, the item) if it is live with that content."""
        # Without an etag the item is the library's, which may have died between object and item: write both anew.
        ours = ArtifactItem.etag.exists() & ArtifactItem.pending.does_not_exist()
        unchanged = live() & (ArtifactItem.sha256 == sha256) & ours
        try:
            old = self._table.write(asked, self.announcement(name, pending, ~unchanged), return_old=True)
        except Refused as refused:
            return None, ArtifactItem.from_raw_data(refused.found[0] or {})
        return (ArtifactItem.from_raw_data(old) if old else None), None

    def announcement(
        self, name: str, pending: str, condition: Condition | None = None, following: Following | None = None
    ) -> Write:
        """Return the write that marks LATEST as being written; an item that did not exist starts invisible.

        Args:
            following: LATEST becomes that version's content from this write on, whether or not it has been copied yet.
                None: LATEST stays what it is until the object is written.
        """
        follows: list[Action] = []
        if following is not None:
            follows = [ArtifactItem.pending_version.set(following.version), *following.expects()]
        return update(
            ArtifactItem(name, LATEST),
            condition,
            ArtifactItem.pending.set(pending),
            *follows,
            ArtifactItem.is_deleted.set(ArtifactItem.is_deleted | True),
            ArtifactItem.state.remove(),  # a purge that is under way leaves it alone from here on
        )

    def _write_object(
        self,
        asked: str,
        name: str,
        content: Prepared,
        attributes: Attributes,
        before: ArtifactItem | None,
        pending: str,
    ) -> Stored | None:
        """Write the object; None when another object stands there, which is no loss if it has the same content."""
        expected, avoid = None, avoided(before)

        def is_written(found: Stored | None) -> bool:
            same = found is not None and (found.sha256, found.size) == (content.sha256, content.size)
            return same and found is not None and found.etag not in avoid

        if before is not None and before.etag is not None and before.pending in {None, pending}:
            expected = str(before.etag)
        elif before is not None:
            found = self._objects.head(asked, name, LATEST)
            if is_written(found):
                return found
            expected = found.etag if found is not None else None
        try:
            return self._objects.put_latest(asked, name, content, attributes, expected, avoid)
        except PreconditionLost:
            found = self._objects.head(asked, name, LATEST)
            return found if is_written(found) else None

    def commit(self, asked: str, name: str, stored: Stored, pending: str) -> ArtifactItem:
        """Make the item say what the object is, after it was announced under ``pending`` and written.

        If another write was announced meanwhile, that one commits; if the item was deleted or rewritten by another tool
        meanwhile, the item is brought in line with the object.
        """
        item = _item(name, stored, new_revision())
        if not self._say(asked, item, pending):
            self.settle(asked, name)
        return item

    def _say(self, asked: str, item: ArtifactItem, pending: str, done: frozenset[str] = frozenset()) -> bool:
        """Write down what the announced object is; False when another write was announced meanwhile.

        Args:
            done: Entries of those who expect no object any more.
        """
        write = update(ArtifactItem(item.pk, LATEST), ArtifactItem.pending == pending, *_facts(item, done))
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
        for attempt in range(_PATIENCE):
            if item is None or item.pending_version is None or not _is_young(item.pending):
                break
            self._table.pause(attempt)
            item = self._read(asked, name)
        if item is not None and item.pending_version is not None:
            self.complete(asked, name)
            item = self._read(asked, name)
        if item is None or (item.pending is None and item.etag is not None):
            expected = item.etag if item is not None else None
        else:
            stored = self._objects.head(asked, name, LATEST)
            expected = stored.etag if stored is not None else None
        return item, Replaced.of(item, expected)

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
                    return None
                copied = found
            left = _item(name, copied, new_revision())
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
        self._forget(asked, name, following)
        return None

    def _forget(self, asked: str, name: str, following: Following) -> None:
        """Let LATEST have any ETag again, after it was written by others before we could."""
        for entry in following.own:
            there = ArtifactItem.expected_etags.contains(entry)
            with suppress(Refused):  # it is gone with the rest of the item
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

    def settle(self, asked: str, name: str, pending: str | None = None, done: frozenset[str] = frozenset()) -> None:
        """Bring the item in line with the object, unless somebody else's write is under way.

        Args:
            pending: A mark that is the caller's own to clear.
            done: Entries of those who expect no object any more.
        """
        for _ in range(_TRIES):
            item = self._read(asked, name)
            stored = self._objects.described(asked, name, LATEST)
            if stored is None or (item is not None and _settled(item, stored, pending)):
                return
            facts = _facts(_item(name, stored, new_revision()), done)
            try:
                self._table.write(asked, update(ArtifactItem(name, LATEST), unmoved(item), *facts))
            except Refused:
                continue
            return
        raise ConflictError(f"{asked} failed: others kept overwriting LATEST; try again.", name=name)

    def resolve(self, asked: str, item: ArtifactItem) -> Head:
        """Find out what LATEST truly is; asks S3 only if a write is under way or the item lacks its ETag."""
        if item.pending is None and item.etag is not None:
            return Head(_stored(item), item.live)
        stored = self._objects.described(asked, item.pk, LATEST)
        if item.pending is not None and stored is not None and stored.etag != item.etag:
            return Head(stored, live=True)
        if item.pending_version is not None:
            key = (item.pk, item.pending_version)
            raw = self._table.get(asked, key).get(key)
            followed = ArtifactItem.from_raw_data(raw) if raw else None
            if followed is not None and followed.live:
                replaces = stored.etag if stored is not None else None
                return Head(_stored(followed), live=True, at=item.pending_version, replaces=replaces)
        return Head(stored, item.live)


def _item(name: str, stored: Stored, revision: str) -> ArtifactItem:
    return ArtifactItem(
        name,
        LATEST,
        update_at=stored.written_at,
        is_deleted=False,
        sha256=stored.sha256,
        etag=stored.etag,
        size=stored.size,
        revision=revision,
    )


def _facts(item: ArtifactItem, done: frozenset[str]) -> list[Action]:
    """Return the changes that make an existing item say the same as ``item``, leaving its ``aliases`` alone."""
    return [
        ArtifactItem.update_at.set(item.update_at),
        ArtifactItem.is_deleted.set(False),
        ArtifactItem.sha256.set(item.sha256),
        ArtifactItem.etag.set(item.etag),
        ArtifactItem.size.set(item.size),
        ArtifactItem.revision.set(item.revision),
        ArtifactItem.state.remove(),
        ArtifactItem.deleted_at.remove(),
        ArtifactItem.pending.remove(),
        ArtifactItem.pending_version.remove(),
        *([ArtifactItem.expected_etags.delete(set(done))] if done else []),
    ]


def _is_young(pending: str | None) -> bool:
    since = begun_at(pending)
    return since is not None and abs(datetime.now(UTC) - since) < _YOUNG


def _settled(item: ArtifactItem, stored: Stored, pending: str | None) -> bool:
    """Tell whether the item agrees with the object, or is somebody else's to bring in line."""
    if item.pending is not None:
        return bool(item.pending != pending)
    return bool(item.is_deleted or item.etag == stored.etag)


def unmoved(item: ArtifactItem | None) -> Condition:
    """Demand that nobody has written the item, or announced to, since it was read."""
    if item is None:
        return ArtifactItem.pk.does_not_exist()
    mark: Condition = ArtifactItem.pending == item.pending if item.pending else ArtifactItem.pending.does_not_exist()
    etag: Condition = ArtifactItem.etag == item.etag if item.etag else ArtifactItem.etag.does_not_exist()
    return both(mark, etag)


def _stored(item: ArtifactItem) -> Stored | None:
    if item.etag is None:
        return None
    written_at: datetime = item.update_at
    return Stored(item.etag, item.sha256, int(item.size or 0), written_at)
