"""LATEST's becoming the content of a version: which object the copy replaces, and who may know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.etags import avoided, entries, expectation, outdated, overruling

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_provider_versioned.repository.items import ArtifactItem
    from airflow_provider_versioned.repository.objects import Stored


@dataclass(frozen=True)
class Replaced:
    """What is known of LATEST's object before a version is copied in its place.

    Attributes:
        known: Whether LATEST has an item; an object without one belongs to nobody.
        expected: Its ETag; None when there is none.
        avoid: ETags that the copy must not get.
        entries: All that the item says of who expects which object.
        outdated: Those of them that do not count any more.
        overruled: The entry to be made for another, whose mark the announcement takes away.
        stated: Whether the announcement has to say what was seen, because the item does not.
    """

    known: bool
    expected: str | None
    avoid: frozenset[str]
    entries: frozenset[str]
    outdated: frozenset[str]
    overruled: frozenset[str]
    stated: bool = False

    @classmethod
    def of(
        cls, item: ArtifactItem | None, expected: str | None, own: Collection[str] = (), *, stated: bool = False
    ) -> Replaced:
        """Say what LATEST's item tells.

        Args:
            own: Marks of the caller, under which nothing is under way any more.
            stated: The item is marked or hidden: the new object must not look like the one that stands there.
        """
        avoid, overruled = avoided(item, own), overruling(item, own)
        if stated:
            avoid |= {etag for etag in (expected, item.etag if item and overruled else None) if etag is not None}
        return cls(item is not None, expected, avoid, entries(item), outdated(item), overruled, stated)


@dataclass(frozen=True)
class Following:
    """LATEST's becoming the content of a version.

    Attributes:
        version: Stored form of the number.
        revision: Tells who copies.
    """

    version: str
    replaced: Replaced
    revision: str

    def replaces(self, found: Stored, stored: Stored) -> bool:
        """Tell whether an object at LATEST is to be replaced all the same, although the copy has been refused.

        What is not what was expected has come after the announcement, and so is newer, if it was written by our rules.
        If it is older than the version's object it was not, as one whose item was lost.

        Args:
            found: The object at LATEST.
            stored: The version's object.
        """
        if found.etag == self.replaced.expected:
            return True
        if "-" in found.etag:  # Amazon dates what came in parts to the beginning of its upload
            return False
        if not self.replaced.known:
            return found.written_at <= stored.written_at
        return found.written_at < stored.written_at

    @property
    def own(self) -> frozenset[str]:
        """The entry that tells which object the copy expects; none if it expects that there is none."""
        return self.expecting(self.replaced.expected)

    def expecting(self, etag: str | None) -> frozenset[str]:
        """Return the entry that tells that this copy expects an object; none if it expects that there is none."""
        return frozenset() if etag is None else frozenset({expectation(etag, self.revision)})
