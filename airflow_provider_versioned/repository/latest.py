"""LATEST, the mutable head: its object in S3 and its item in DynamoDB, which no request can change together.

S3 decides, DynamoDB follows. A write goes: announce it in the item (``pending``), write the object on condition that
it is still the one known, commit the item and clear ``pending``. Whoever meets a ``pending`` of somebody else asks S3
what really stands there, so a writer that died in between deceives nobody: not a reader, and not a put of the old
content, which would otherwise be taken for unchanged. When a version is published from given content, the announcement
is part of its commit and names the version (``pending_version``): LATEST is that content from then on, wherever the
copy to its own key has got to (see docs/decisions/001-pending-mark-on-latest.md).
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import ArtifactItem, both, live
from airflow_provider_versioned.repository.objects import Attributes, Objects, PreconditionLost, Stored
from airflow_provider_versioned.repository.table import Refused, Table, Write, update

if TYPE_CHECKING:
    from datetime import datetime

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from airflow_provider_versioned.repository.content import Prepared

_TRIES = 10


def new_revision() -> str:
    """Return a fresh opaque id for one write; its first 12 digits tell the doctor how old an unfinished write is."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}"


@dataclass(frozen=True)
class Head:
    """What LATEST truly is.

    Attributes:
        stored: The object that holds its content, as far as known; None when there is none.
        live: Whether readers may see it.
        at: The version under whose key that object stands: LATEST, or the number (in stored form) whose content LATEST
            is to become and has not become yet.
    """

    stored: Stored | None
    live: bool
    at: str = LATEST


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
            known = self._known(asked, name, before, pending)
            stored = self._write_object(asked, name, content, attributes, known, _purged(before))
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
        self, name: str, pending: str, condition: Condition | None = None, version: str | None = None
    ) -> Write:
        """Return the write that marks LATEST as being written; an item that did not exist starts invisible.

        Args:
            version: Stored form of the number whose content LATEST becomes from this write on, whether or not it has
                been copied yet. None: LATEST stays what it is until the object is written.
        """
        follows = [ArtifactItem.pending_version.set(version)] if version else []
        return update(
            ArtifactItem(name, LATEST),
            condition,
            ArtifactItem.pending.set(pending),
            *follows,
            ArtifactItem.is_deleted.set(ArtifactItem.is_deleted | True),
            ArtifactItem.state.remove(),  # a purge that is under way leaves it alone from here on
        )

    def _known(self, asked: str, name: str, before: ArtifactItem | None, pending: str) -> str | None:
        """Return the ETag of the object to replace, None when there is none."""
        if before is None:
            return None
        if before.etag is not None and before.pending in {None, pending}:
            return str(before.etag)
        stored = self._objects.head(asked, name, LATEST)
        return stored.etag if stored else None

    def _write_object(
        self,
        asked: str,
        name: str,
        content: Prepared,
        attributes: Attributes,
        expected: str | None,
        purged: str | None,
    ) -> Stored | None:
        """Write the object; None when another object stands there, which is no loss if it has the same content."""
        try:
            return self._objects.put_latest(asked, name, content, attributes, expected, avoid=purged)
        except PreconditionLost:
            found = self._objects.head(asked, name, LATEST)
            there = found is not None and (found.sha256, found.size) == (content.sha256, content.size)
            return found if there and found is not None and found.etag != purged else None

    def commit(self, asked: str, name: str, stored: Stored, pending: str) -> ArtifactItem:
        """Make the item say what the object is, after it was announced under ``pending`` and written.

        If another write was announced meanwhile, that one commits; if the item was deleted or rewritten by another tool
        meanwhile, the item is brought in line with the object.
        """
        item = _item(name, stored, new_revision())
        if not self._say(asked, item, pending):
            self.settle(asked, name)
        return item

    def _say(self, asked: str, item: ArtifactItem, pending: str) -> bool:
        """Write down what the announced object is; False when another write was announced meanwhile."""
        write = update(ArtifactItem(item.pk, LATEST), ArtifactItem.pending == pending, *_facts(item))
        try:
            self._table.write(asked, write)
        except Refused as refused:
            # If it is ours, it landed, and only the answer was lost.
            return bool((refused.found[0] or {}).get("revision", {}).get("S") == item.revision)
        return True

    def follow(
        self, asked: str, name: str, version: str, stored: Stored, pending: str, before: ArtifactItem | None
    ) -> ArtifactItem | None:
        """Copy a version to LATEST after it was announced, unless another write was announced since.

        Returns:
            LATEST as this left it; None when another write was announced.

        Args:
            version: Stored form of the number.
            stored: The version's object.
            pending: The announcement's mark.
            before: LATEST as it was before.
        """
        condition = {"IfNoneMatch": "*"} if before is None else _only_if(before)
        for _ in range(_TRIES):
            try:
                copied = self._objects.copy(asked, name, version, LATEST, stored, condition, avoid=_purged(before))
            except PreconditionLost:
                raw = self._table.get(asked, (name, LATEST)).get((name, LATEST), {})
                if raw.get("pending", {}).get("S") != pending:
                    return None  # overtaken: LATEST is another's to bring in line
                found = self._objects.head(asked, name, LATEST)
                condition = {"IfMatch": found.etag} if found else {"IfNoneMatch": "*"}
                continue
            item = _item(name, copied, new_revision())
            item.purged_etag = _purged(before)
            if self._say(asked, item, pending):
                return item
            self.settle(asked, name)
            return None
        raise ConflictError(f"{asked} failed: others kept overwriting LATEST; repeat the call.", name=name)

    def complete(self, asked: str, name: str) -> None:
        """Finish a write that was announced and whose writer may have died, so that the item tells the truth."""
        raw = self._table.get(asked, (name, LATEST)).get((name, LATEST))
        item = ArtifactItem.from_raw_data(raw) if raw else None
        if item is None or item.pending is None:
            return
        head = self.resolve(asked, item)
        if head.at != LATEST and head.stored is not None:
            self.follow(asked, name, head.at, head.stored, item.pending, item)
        elif head.live:
            self.settle(asked, name, item.pending)

    def settle(self, asked: str, name: str, pending: str | None = None) -> None:
        """Bring the item in line with the object, unless somebody else's write is under way.

        Args:
            pending: A mark that is the caller's own to clear.
        """
        for _ in range(_TRIES):
            raw = self._table.get(asked, (name, LATEST)).get((name, LATEST))
            item = ArtifactItem.from_raw_data(raw) if raw else None
            stored = self._objects.described(asked, name, LATEST)
            if stored is None or (item is not None and _settled(item, stored, pending)):
                return
            facts = _facts(_item(name, stored, new_revision()))
            try:
                self._table.write(asked, update(ArtifactItem(name, LATEST), _unmoved(item), *facts))
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
                return Head(_stored(followed), live=True, at=item.pending_version)
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


def _facts(item: ArtifactItem) -> list[Action]:
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
    ]


def _purged(before: ArtifactItem | None) -> str | None:
    """Return the ETag under which a purge deletes, or may still delete, LATEST's object."""
    return before.purged_etag if before is not None else None


def not_purged_since(before: ArtifactItem | None) -> Condition:
    """Demand that no purge has set out to delete LATEST's object since the item was read."""
    purged = _purged(before)
    return ArtifactItem.purged_etag == purged if purged is not None else ArtifactItem.purged_etag.does_not_exist()


def _only_if(before: ArtifactItem) -> dict[str, str]:
    """Return the condition on LATEST's object under which it is as its item says."""
    return {"IfMatch": before.etag} if before.etag is not None and before.pending is None else {}


def _settled(item: ArtifactItem, stored: Stored, pending: str | None) -> bool:
    """Tell whether the item agrees with the object, or is somebody else's to bring in line."""
    if item.pending is not None:
        return bool(item.pending != pending)
    return bool(item.is_deleted or item.etag == stored.etag)


def _unmoved(item: ArtifactItem | None) -> Condition:
    """Demand that the item is still as it was read."""
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
