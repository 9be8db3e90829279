"""LATEST's becoming the content of a version: which object the copy replaces, and who may know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.etags import avoided, entries, expectation, outdated
from airflow_provider_versioned.repository.items import ArtifactItem

if TYPE_CHECKING:
    from pynamodb.expressions.update import Action

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
        stated: Whether the announcement has to say what was seen, because the item does not.
    """

    known: bool
    expected: str | None
    avoid: frozenset[str]
    entries: frozenset[str]
    outdated: frozenset[str]
    stated: bool = False

    @classmethod
    def of(
        cls, item: ArtifactItem | None, expected: str | None, but: str | None = None, *, stated: bool = False
    ) -> Replaced:
        """Say what LATEST's item tells.

        Args:
            but: The revision of an entry that is there for the same copy.
            stated: The item is marked or hidden: the new object must not look like the one that stands there.
        """
        avoid = avoided(item, but)
        if stated and expected is not None:
            avoid |= {expected}
        return cls(item is not None, expected, avoid, entries(item), outdated(item), stated)


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
        expected = self.replaced.expected
        return frozenset() if expected is None else frozenset({expectation(expected, self.revision)})

    @property
    def done(self) -> frozenset[str]:
        """The entries that can go when the copy is done."""
        return self.own | self.replaced.outdated

    def expects(self) -> list[Action]:
        """Return the change of LATEST's item that makes the entry."""
        return [ArtifactItem.expected_etags.add(set(self.own))] if self.own else []
