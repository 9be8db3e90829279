"""The one transaction by which an alias changes: which items it writes, each on which condition.

A change demands that the alias is still as it was read and that each target is live. In the same transaction each
target learns that this alias points at it (``aliases``), which is what a deletion looks at; former targets forget it; a
history item is written. A change by the library ``versioned``, which knows nothing of this, is told by the head item
and recorded in the history as ``observed`` before our own. No I/O: reading and sending is
:mod:`~airflow_provider_versioned.repository.aliases`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import ArtifactNotFoundError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import (
    AliasItem,
    ArtifactItem,
    HeadItem,
    HistoryItem,
    RequestItem,
    live,
)
from airflow_provider_versioned.repository.keys import (
    alias_pk,
    decode_version,
    encode_version,
    head_sk,
    history_sk,
    meta_pk,
    request_sk,
)
from airflow_provider_versioned.repository.model import AliasChange
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import RawItem, Refused, Write, check, delete, put, update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pynamodb.expressions.condition import Condition


@dataclass(frozen=True)
class Targets:
    """What an alias points at, in public form; ``version`` is None for an alias that does not exist."""

    version: str | None
    secondary_version: str | None = None
    secondary_version_weight: int | None = None

    @property
    def versions(self) -> set[str]:
        """The versions pointed at."""
        return {version for version in (self.version, self.secondary_version) if version is not None}

    def __str__(self) -> str:
        """Say it in words."""
        if self.version is None:
            return "nothing"
        if self.secondary_version is None:
            return f"version {self.version}"
        return f"version {self.version} with {self.secondary_version_weight} % to {self.secondary_version}"


@dataclass(frozen=True)
class Change:
    """A change that a caller wants.

    Attributes:
        targets: What the alias shall be; ``version`` None: deleted.
        if_revision: The revision that the alias must have.
        key: Idempotency key.
        approval: What the history keeps of a person's approval.
    """

    name: str
    alias: str
    action: str
    targets: Targets
    if_revision: str | None = None
    reason: str | None = None
    changed_by: str | None = None
    rollout: str | None = None
    key: str | None = None
    restored_sequence: int | None = None
    approval: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def asked(self) -> str:
        """The beginning of a sentence about it."""
        verb = {"put": "Moving", "rollback": "Rolling back", "delete": "Deleting"}[self.action]
        return f"{verb} alias {self.alias!r} of {self.name!r}"


@dataclass(frozen=True)
class View:
    """An alias as read, with its bookkeeping."""

    item: AliasItem | None
    head: HeadItem | None
    landed: RequestItem | None

    @property
    def targets(self) -> Targets:
        """What the alias points at."""
        return Targets(None) if self.item is None else targets_of(self.item)

    @property
    def moved_by_others(self) -> bool:
        """Whether the alias is not as our own last change left it."""
        if self.head is None or self.head.is_deleted:
            return self.item is not None
        return self.item is None or self.item.revision != self.head.revision


class Attempt:
    """One transaction for one change against one view.

    A change that finds the alias where it should be moves nothing: the transaction only confirms that, and keeps the
    caller's key.

    Args:
        gone: Former targets that have no item any more, so nothing has to forget the alias there.
        beside: Gives more writes for the same transaction, once it is known how the alias's item will be.

    Attributes:
        view: How the alias was read.
        moves: Whether it changes the alias.
        item: The alias's item as it then is, unless it is deleted.
        left: How the alias then is.
        writes: What to send.
    """

    def __init__(
        self,
        change: Change,
        view: View,
        gone: frozenset[str],
        beside: Callable[[AliasItem], Sequence[Write]] = lambda _item: (),
    ) -> None:
        self.moves = view.targets != change.targets or rollout_of(view.item) != change.rollout
        self._change = change
        self.view = view
        self._revision = new_revision()
        self._meta = meta_pk(change.name)
        last = 0 if view.head is None else int(view.head.sequence)
        self._observed = observed(change.name, change.alias, view, last + 1) if view.moved_by_others else None
        self._sequence = last + (2 if self._observed else 1) if self.moves else last
        self._now = self._moment()
        self.item = self._new_item() if self.moves or view.item is None else view.item
        self.left = view
        self._roles: list[tuple[str, str]] = []
        self.writes: list[Write] = []
        if self.moves:
            self._move(gone)
        else:
            self._confirm()
        self._keep_key()
        for write in beside(self.item):
            self._add("beside", "", write)

    def _moment(self) -> datetime:
        """Return now, but never before the last change: clocks differ between workers."""
        now, last = datetime.now(UTC), [datetime.min.replace(tzinfo=UTC)]
        if self.view.head is not None:
            last.append(self.view.head.changed_at)
        if self.view.item is not None and self.view.item.update_at is not None:
            last.append(self.view.item.update_at)
        return max(now, max(last) + timedelta(microseconds=1))

    def _new_item(self) -> AliasItem:
        targets = self._change.targets
        return AliasItem(
            alias_pk(self._change.name),
            self._change.alias,
            update_at=self._now,
            version=encode_version(targets.version) if targets.version else None,
            secondary_version=encode_version(targets.secondary_version) if targets.secondary_version else None,
            secondary_version_weight=targets.secondary_version_weight,
            revision=self._revision,
            sequence=self._sequence,
            changed_by=self._change.changed_by,
            reason=self._change.reason,
            rollout=self._change.rollout,
        )

    def _move(self, gone: frozenset[str]) -> None:
        as_read = unmoved(self.view.item)
        moves = put(self.item, as_read) if self._change.targets.version else delete(self.item, as_read)
        self._add("alias", "", moves)
        for version in sorted(self._change.targets.versions):
            self._add("target", version, self._mention(version, live(), forget=False))
        for version in sorted(self.view.targets.versions - self._change.targets.versions - gone):
            self._add("former", version, self._mention(version, ArtifactItem.pk.exists(), forget=True))
        if self._observed is not None:
            self._add("history", "", history_write(self._observed))
        self._add("history", "", history_write(self._row()))
        head = self._new_head()
        self._add("head", "", self._head_write(head))
        self.left = View(self.item if self._change.targets.version else None, head, None)

    def _confirm(self) -> None:
        """Demand that the alias is where it should be, and its targets are there."""
        self._add("alias", "", check(self.item, unmoved(self.view.item)))
        for version in sorted(self._change.targets.versions):
            self._add("target", version, check(ArtifactItem(self._change.name, encode_version(version)), live()))

    def _keep_key(self) -> None:
        if self._change.key is not None:
            request = RequestItem(self._meta, request_sk(self._change.alias, self._change.key), sequence=self._sequence)
            self._add("request", "", put(request, RequestItem.pk.does_not_exist()))

    def _add(self, role: str, version: str, write: Write) -> None:
        self._roles.append((role, version))
        self.writes.append(write)

    def _mention(self, version: str, condition: Condition, *, forget: bool) -> Write:
        item = ArtifactItem(self._change.name, encode_version(version))
        names = {self._change.alias}
        return update(
            item, condition, ArtifactItem.aliases.delete(names) if forget else ArtifactItem.aliases.add(names)
        )

    def _row(self) -> AliasChange:
        targets = self._change.targets
        return AliasChange(
            self._change.name,
            self._change.alias,
            self._sequence,
            self._change.action,
            self._now,
            targets.version,
            targets.secondary_version,
            targets.secondary_version_weight,
            self._revision,
            self._change.changed_by,
            self._change.reason,
            self._change.rollout,
            self._change.restored_sequence,
            self._change.approval,
        )

    def _new_head(self) -> HeadItem:
        return HeadItem(
            self._meta,
            head_sk(self._change.alias),
            sequence=self._sequence,
            revision=self._revision,
            changed_at=self._now,
            is_deleted=self._change.targets.version is None,
        )

    def _head_write(self, head: HeadItem) -> Write:
        if self.view.head is None:
            return put(head, HeadItem.pk.does_not_exist())
        return put(head, HeadItem.revision == self.view.head.revision)

    def landed(self, refused: Refused) -> bool:
        """Tell whether a refusal is only the echo of our own write, whose answer was lost."""
        heads = (found for (role, _), found in self._refusals(refused) if role == "head")
        return any(found and found["revision"]["S"] == self._revision for found in heads)

    def overtaken(self, refused: Refused) -> bool:
        """Tell whether the alias is not as it was read, which counts for more than what else was refused."""
        return any(role == "alias" and found is not None for (role, _), found in self._refusals(refused))

    def awaits_latest(self, refused: Refused) -> bool:
        """Tell whether the target LATEST was refused while a write of it is announced, and so perhaps done in truth."""
        return any(
            role == ("target", LATEST) and found and "pending" in found for role, found in self._refusals(refused)
        )

    def _refusals(self, refused: Refused) -> Iterator[tuple[tuple[str, str], RawItem | None]]:
        """Return each write's role and what it was refused for."""
        return zip(self._roles, refused.found, strict=True)

    def vanished(self, refused: Refused) -> set[str]:
        """Return the former targets that have no item any more.

        Raises:
            ArtifactNotFoundError: A target is not live.
        """
        vanished: set[str] = set()
        for (role, version), found in self._refusals(refused):
            if role == "former" and found is not None:
                vanished.add(version)
            if role == "target" and found is not None:
                state = "is deleted" if found else "does not exist"
                raise ArtifactNotFoundError(
                    f"{self._change.asked} failed: version {version} of {self._change.name!r} {state}; choose one from "
                    "list_artifact_versions.",
                    name=self._change.name,
                    version=version,
                )
        return vanished


def rollout_of(item: AliasItem | None) -> str | None:
    """Return the rollout that an alias item carries."""
    return item.rollout if item is not None else None


def targets_of(item: AliasItem) -> Targets:
    """Return what an alias item points at."""
    secondary = decode_version(item.secondary_version) if item.secondary_version else None
    weight = None if item.secondary_version_weight is None else int(item.secondary_version_weight)
    return Targets(decode_version(item.version), secondary, weight)


def revision_of(item: AliasItem) -> str:
    """Return an alias's revision; for an item of the library ``versioned`` one that is derived from what it says."""
    if item.revision is not None:
        return str(item.revision)
    said = (item.update_at.isoformat() if item.update_at else "", *map(str, targets_of(item).__dict__.values()))
    return f"observed-{hashlib.sha256('|'.join(said).encode()).hexdigest()[:24]}"


def unmoved(item: AliasItem | None) -> Condition:
    """Demand that an alias item is still as it was read."""
    if item is None:
        return AliasItem.pk.does_not_exist()
    if item.revision is not None:
        return AliasItem.revision == item.revision
    secondary, weight = item.secondary_version, item.secondary_version_weight
    return (
        AliasItem.revision.does_not_exist()
        & (AliasItem.version == item.version)
        & (AliasItem.secondary_version == secondary if secondary else AliasItem.secondary_version.does_not_exist())
        & (
            AliasItem.secondary_version_weight.does_not_exist()
            if weight is None
            else AliasItem.secondary_version_weight == weight
        )
    )


def observed(name: str, alias: str, view: View, sequence: int) -> AliasChange:
    """Return the history row for a state that another tool left."""
    targets, item = view.targets, view.item
    moment = item.update_at if item is not None and item.update_at is not None else datetime.now(UTC)
    if view.head is not None:
        moment = max(moment, view.head.changed_at)
    return AliasChange(
        name,
        alias,
        sequence,
        "observed",
        moment,
        targets.version,
        targets.secondary_version,
        targets.secondary_version_weight,
        revision_of(item) if item is not None else "observed-deletion",
    )


def history_write(row: AliasChange) -> Write:
    """Return the write of one change of the history, which nothing ever overwrites."""
    item = HistoryItem(
        meta_pk(row.name),
        history_sk(row.alias, row.sequence),
        action=row.action,
        changed_at=row.changed_at,
        revision=row.revision,
        version=row.version,
        secondary_version=row.secondary_version,
        secondary_version_weight=row.secondary_version_weight,
        changed_by=row.changed_by,
        reason=row.reason,
        rollout=row.rollout,
        restored_sequence=row.restored_sequence,
        approval=row.approval,
    )
    return put(item, HistoryItem.pk.does_not_exist())
