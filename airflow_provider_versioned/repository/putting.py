"""Putting LATEST: announce it, write the object, say that it is written.

See docs/decisions/001-pending-mark-on-latest.md.
"""

from __future__ import annotations

from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.bucket import PreconditionLost
from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.etags import entries, expectation
from airflow_provider_versioned.repository.following import Replaced
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import ArtifactItem, both, either
from airflow_provider_versioned.repository.latest_item import as_read, clean, is_clean, item_of
from airflow_provider_versioned.repository.objects import Attributes, Objects, Stored, goes_up_in_parts
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import Refused, Table, update

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.content import Prepared
    from airflow_provider_versioned.repository.latest import Latest
    from airflow_provider_versioned.repository.uploads import Begun

_TRIES = 10
_PATIENCE = 4  # waits for those who have an ETag reserved: most of them live, and come back in a moment


@dataclass(frozen=True)
class Seen:
    """LATEST as somebody has seen it, perhaps before others changed it.

    Attributes:
        item: None: there was none.
    """

    item: ArtifactItem | None

    def has(self, sha256: str) -> bool:
        """Tell whether it had a certain content, and nobody was writing it."""
        return self.item is not None and is_clean(self.item) and self.item.sha256 == sha256


class Puts:
    """Puts LATEST of any artifact."""

    def __init__(self, table: Table, objects: Objects, latest: Latest) -> None:
        self._table = table
        self._objects = objects
        self._latest = latest

    def put(
        self,
        asked: str,
        name: str,
        content: Prepared,
        attributes: Attributes,
        seen: Seen | None = None,
    ) -> ArtifactItem:
        """Make content the head; the item says so when this returns.

        Args:
            seen: The item as it was a moment ago, so that a large upload can begin while it is announced; None: nobody
                has looked.

        Returns:
            The item as written, or as it stood if it was live with the same content already.

        Raises:
            ConflictError: Others kept overwriting it at the same moment, or may still replace exactly these bytes.
        """
        self._table.ensure_ours(asked)
        with ExitStack() as stack:
            begun = None
            if seen is not None and goes_up_in_parts(content.size) and not seen.has(content.sha256):
                begun = stack.enter_context(closing(self._objects.begun(name, content, attributes)))
            putting = _Putting(self._table, self._objects, self._latest, asked, name, content, attributes, begun)
            for _ in range(_TRIES):
                done = putting.attempt()
                if done is not None:
                    return done
        raise ConflictError(
            f"{asked} failed: others overwrote LATEST {_TRIES} times in the same moment; try again.", name=name
        )


class _Putting:
    """One put."""

    def __init__(
        self,
        table: Table,
        objects: Objects,
        latest: Latest,
        asked: str,
        name: str,
        content: Prepared,
        attributes: Attributes,
        begun: Begun | None,
    ) -> None:
        self._table = table
        self._objects = objects
        self._latest = latest
        self._asked = asked
        self._name = name
        self._content = content
        self._attributes = attributes
        self._begun = begun
        self._waits = 0
        self._marks: set[str] = set()
        # Entries that others may have made for tries of ours which have ended.
        self._entries: set[str] = set()

    def attempt(self) -> ArtifactItem | None:
        """Try once; None: LATEST has to be looked at again.

        Raises:
            ConflictError: S3 would give the content no ETag that nobody expects, or the content has changed.
        """
        mark = new_revision()
        self._marks.add(mark)
        try:
            begun = self._announce(mark)
        except ConflictError:
            if self._waits == _PATIENCE:
                raise
            self._table.pause(self._waits)
            self._waits += 1
            return None
        if begun is None:
            return None
        if isinstance(begun, ArtifactItem):
            self._latest.forget(self._asked, self._name, self._entries & entries(begun))
            return begun
        written = self._write_object(begun, mark)
        if written is None:
            if begun.expected is not None:
                self._entries.add(expectation(begun.expected, mark))
            return None
        if isinstance(written, Stored):
            done, own = self._commit(written, mark)
        else:
            done, own = written, False
        left = set() if own or begun.expected is None else {expectation(begun.expected, mark)}
        self._latest.forget(self._asked, self._name, left | (self._entries & begun.entries))
        return done

    def _announce(self, mark: str) -> Replaced | ArtifactItem | None:
        """Mark the item; return what the object replaces, or the item if it is live with that content.

        None: it has to be looked at again.

        Raises:
            ConflictError: S3 would give the content no ETag that nobody expects; nothing is announced.
        """
        # Without an etag the item is the library's, which may have died between object and item: write both anew.
        other = both(clean(), ArtifactItem.sha256 != self._content.sha256)
        new = either(ArtifactItem.pk.does_not_exist(), other)
        try:
            old = self._table.write(
                self._asked, self._latest.announcement(self._name, mark, new, done=self._entries), return_old=True
            )
        except Refused as refused:
            item = ArtifactItem.from_raw_data(refused.found[0] or {})
        else:
            self._entries.clear()
            return self._announced(ArtifactItem.from_raw_data(old) if old else None, mark)
        if item.pending == mark:  # it landed, only the answer was lost
            return self._announced(item, mark)
        return item if is_clean(item) else self._announce_over(item, mark)

    def _announced(self, before: ArtifactItem | None, mark: str) -> Replaced:
        """Return what the object replaces, after an item that nobody was writing was marked."""
        replaced = Replaced.of(before, before.etag if before is not None else None, self._marks)
        try:
            self._demand_etag(replaced)
        except ConflictError:
            ours = ArtifactItem.pending == mark
            with suppress(Refused):  # somebody has announced another write over it
                self._table.write(
                    self._asked, update(ArtifactItem(self._name, LATEST), ours, ArtifactItem.pending.remove())
                )
            raise
        return replaced

    def _announce_over(self, item: ArtifactItem, mark: str) -> Replaced | ArtifactItem | None:
        """Mark an item that is marked or hidden, or another tool's; None: it has to be looked at again."""
        replaced = self._latest.look(self._asked, self._name, item, self._marks)
        if replaced is None:
            return None
        try:
            self._demand_etag(replaced)
        except ConflictError:
            shown = self._latest.shown(self._asked, item, replaced, self._content.sha256)
            if shown is None:
                raise
            return shown if self._latest.show(self._asked, item, shown) else None
        write = self._latest.announcement(self._name, mark, as_read(item), replaced)
        try:
            self._table.write(self._asked, write)
        except Refused as refused:
            return replaced if (refused.found[0] or {}).get("pending", {}).get("S") == mark else None
        return replaced

    def _demand_etag(self, replaced: Replaced) -> None:
        if replaced.avoid:
            self._objects.demand_etag(self._asked, self._name, self._content, replaced.avoid)

    def _write_object(self, replaced: Replaced, mark: str) -> Stored | ArtifactItem | None:
        """Write the object.

        Returns:
            What stands there; the item as it would be, if it was written and replaced before we knew; None when another
            object stands there.
        """
        asked, name, content = self._asked, self._name, self._content
        expected, avoid = replaced.expected, replaced.avoid
        try:
            return self._objects.put_latest(asked, name, content, self._attributes, expected, avoid, self._begun)
        except PreconditionLost as lost:
            found = self._objects.head(asked, name, LATEST)
            same = found is not None and (found.sha256, found.size) == (content.sha256, content.size)
            if same and found is not None and found.etag not in replaced.avoid:
                return found
            if not lost.repeated:
                return None
        item = self._latest.read(asked, name)
        if item is not None and item.pending == mark:
            return None
        # The first try may have landed, and others have written since: to write again would undo that.
        written = ArtifactItem(name, LATEST, update_at=datetime.now(UTC), is_deleted=False, sha256=content.sha256)
        written.size, written.revision = content.size, mark
        return written

    def _commit(self, stored: Stored, mark: str) -> tuple[ArtifactItem, bool]:
        """Make the item say what the object is, after it was announced and written.

        If another write was announced meanwhile, that one commits; if the item was deleted or rewritten by another tool
        meanwhile, the item is brought in line with the object.

        Returns:
            The item as it would be; whether the mark was still there.
        """
        item = item_of(self._name, stored, new_revision())
        said = self._latest.say(self._asked, item, mark)
        if not said:
            self._latest.settle(self._asked, self._name)
        return item, said
