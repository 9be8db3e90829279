"""What the doctor says: findings, and what became of them. Plain data to show, count and store.

The table of problems, with who causes each and what to do, is docs/doctor.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Problem(StrEnum):
    """What can be wrong; the values are stable."""

    RECORD_WITHOUT_BYTES = "record-without-bytes"
    DELETED_WITHOUT_BYTES = "deleted-without-bytes"
    BYTES_WITHOUT_RECORD = "bytes-without-record"
    SHA256_MISMATCH = "sha256-mismatch"
    SIZE_MISMATCH = "size-mismatch"
    ETAG_MISMATCH = "etag-mismatch"
    CONTENT_MISMATCH = "content-mismatch"
    METADATA_MISSING = "metadata-missing"
    RECORD_INCOMPLETE = "record-incomplete"
    RECORD_UNREADABLE = "record-unreadable"
    LATEST_APART = "latest-apart"
    STALE_PENDING = "stale-pending"
    STUCK_CLAIM = "stuck-claim"
    UNFINISHED_PURGE = "unfinished-purge"
    GHOST = "ghost"
    COUNTER_MISSING = "counter-missing"
    COUNTER_LOW = "counter-low"
    DANGLING_ALIAS = "dangling-alias"
    ALIAS_UNREGISTERED = "alias-unregistered"
    STALE_REGISTRATION = "stale-registration"
    ALIAS_UNRECORDED = "alias-unrecorded"
    ALIAS_UNREADABLE = "alias-unreadable"
    HEAD_MISSING = "head-missing"
    HISTORY_BROKEN = "history-broken"
    MARKER_MISSING = "marker-missing"
    FOREIGN_ITEMS = "foreign-items"
    FOREIGN_OBJECTS = "foreign-objects"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        name: The artifact; None: the repository as a whole.
        where: A version, an alias, or a key.
        problem: Machine code, one of :class:`Problem`.
        message: What was expected and what was found, in one sentence.
        repairable: Whether :meth:`Repository.repair` attempts it.
        advice: What ``repair`` will do, or what a person should do.
    """

    name: str | None
    where: str
    problem: Problem
    message: str
    repairable: bool
    advice: str

    def __str__(self) -> str:
        """Say it in one line."""
        place = self.where if self.name is None else f"{self.name} {self.where}"
        return f"{place}: {self.problem}: {self.message} {self.advice}"

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON-able values."""
        return {**self.__dict__, "problem": self.problem.value}


@dataclass(frozen=True)
class Repair:
    """What became of one finding.

    Attributes:
        done: Whether the finding is gone, as a last look showed.
        said: What was done, what came in between, or what is asked of a person.
    """

    finding: Finding
    done: bool
    said: str

    def __str__(self) -> str:
        """Say it in one line."""
        place = self.finding.where if self.finding.name is None else f"{self.finding.name} {self.finding.where}"
        return f"{place}: {self.finding.problem}: {'repaired' if self.done else 'open'}: {self.said}"

    def to_dict(self) -> dict[str, Any]:
        """Return the repair as JSON-able values."""
        return {"finding": self.finding.to_dict(), "done": self.done, "said": self.said}
