"""What a caller wants published, and what was found when its publication began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.content import Prepared
    from airflow_provider_versioned.repository.items import ArtifactItem, PublishItem
    from airflow_provider_versioned.repository.latest_item import Head
    from airflow_provider_versioned.repository.objects import Attributes


@dataclass(frozen=True)
class Order:
    """What a caller wants published.

    Attributes:
        content: The bytes; None: those of LATEST.
        key: Idempotency key.
        if_changed: Publish nothing when the newest version has the same bytes.
    """

    name: str
    content: Prepared | None
    attributes: Attributes
    key: str | None
    if_changed: bool
    published_by: str | None

    @property
    def asked(self) -> str:
        """The beginning of a sentence about it."""
        return f"Publishing {self.name!r}"


@dataclass(frozen=True)
class View:
    """What was read at the beginning of an attempt.

    Attributes:
        source: LATEST, which is to be frozen, when no content is given.
        guessed: ``highest`` was not read, as there is no counter.
        remembered: Nothing was read; this is how our last publication left it.
    """

    latest: ArtifactItem | None
    source: Head | None
    sha256: str
    highest: int
    guessed: bool
    row: PublishItem | None
    remembered: bool = False
