"""LATEST's item: what it says of the object, when it can be trusted, and the conditions on which it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.etags import as_expected
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import ArtifactItem, both, live
from airflow_provider_versioned.repository.objects import Stored
from airflow_provider_versioned.repository.revisions import begun_at

if TYPE_CHECKING:
    from collections.abc import Collection

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

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


def item_of(name: str, stored: Stored, revision: str) -> ArtifactItem:
    """Return the item that says what an object of LATEST is."""
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


def changes_to(item: ArtifactItem, done: Collection[str] = ()) -> list[Action]:
    """Return the changes that make an existing item say the same as ``item``, leaving its ``aliases`` alone.

    Args:
        done: Entries of those who expect no object any more.
    """
    return [
        ArtifactItem.update_at.set(item.update_at),
        ArtifactItem.is_deleted.set(False),
        ArtifactItem.sha256.set(item.sha256),
        ArtifactItem.etag.set(item.etag),
        ArtifactItem.size.set(item.size),
        ArtifactItem.revision.set(item.revision),
        ArtifactItem.state.remove(),
        ArtifactItem.deleted_at.remove(),
        ArtifactItem.pending.set(item.pending) if item.pending is not None else ArtifactItem.pending.remove(),
        ArtifactItem.pending_version.remove(),
        *([ArtifactItem.expected_etags.delete(set(done))] if done else []),
    ]


def is_young(pending: str | None) -> bool:
    """Tell whether a mark was made a moment ago, so that its writer most likely lives."""
    since = begun_at(pending)
    return since is not None and abs(datetime.now(UTC) - since) < _YOUNG


def is_settled(item: ArtifactItem, stored: Stored, pending: str | None) -> bool:
    """Tell whether the item agrees with the object, or is somebody else's to bring in line."""
    if item.pending is not None:
        return bool(item.pending != pending)
    return bool(item.is_deleted or item.etag == stored.etag)


def is_clean(item: ArtifactItem) -> bool:
    """Tell whether nobody is writing LATEST, and its item says what the object is."""
    return item.live and item.etag is not None and item.pending is None


def clean() -> Condition:
    """Demand the same."""
    return both(live(), both(ArtifactItem.etag.exists(), ArtifactItem.pending.does_not_exist()))


def as_read(item: ArtifactItem | None) -> Condition:
    """Demand that nobody has written the item, or said what object it expects, since it was read."""
    return both(unmoved(item), as_expected(item))


def unmoved(item: ArtifactItem | None) -> Condition:
    """Demand that nobody has written the item, or announced to, since it was read."""
    if item is None:
        return ArtifactItem.pk.does_not_exist()
    mark: Condition = ArtifactItem.pending == item.pending if item.pending else ArtifactItem.pending.does_not_exist()
    etag: Condition = ArtifactItem.etag == item.etag if item.etag else ArtifactItem.etag.does_not_exist()
    revision: Condition = ArtifactItem.revision.does_not_exist()
    if item.revision:
        revision = ArtifactItem.revision == item.revision
    return both(both(mark, etag), revision)


def stored_of(item: ArtifactItem) -> Stored | None:
    """Return the object as the item tells of it; None when it does not."""
    if item.etag is None:
        return None
    written_at: datetime = item.update_at
    return Stored(item.etag, item.sha256, int(item.size or 0), written_at)
