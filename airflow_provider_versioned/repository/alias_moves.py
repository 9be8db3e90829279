"""Which moves of an alias somebody has not heard of yet, and how a move is told.

Pure, and shared by everything that tells of moves: asset events of tasks, the trigger of watchers, notifications. Rows
of the history come in newest first, as the repository lists them. A deletion is no move: there is nothing to use then.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.alias_wait import AliasCondition
from airflow_provider_versioned.repository.model import Alias, AliasChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Seen:
    """Up to which change an alias has been seen.

    Attributes:
        sequence: Number of that change; 0 before the first.
        revision: Its revision; None when there was no alias.
        version: What the alias pointed at; None when it did not exist.
        secondary_version: As above.
        secondary_version_weight: As above.
    """

    sequence: int = 0
    revision: str | None = None
    version: str | None = None
    secondary_version: str | None = None
    secondary_version_weight: int | None = None

    @classmethod
    def of(cls, change: AliasChange) -> Seen:
        """Return what is seen with a change."""
        return cls(
            change.sequence,
            change.revision,
            change.version,
            change.secondary_version,
            change.secondary_version_weight,
        )

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Seen:
        """Rebuild it from :meth:`to_dict`."""
        return cls(**stored)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return asdict(self)


@dataclass(frozen=True)
class Move:
    """A change of an alias, and what stood there before."""

    change: AliasChange
    before: Seen

    @property
    def after(self) -> Seen:
        """What is seen with it."""
        return Seen.of(self.change)

    def counts(self, *, include_canary: bool) -> bool:
        """Tell whether it is a move to somebody who waits for moves; the sensor's own condition."""
        if self.change.version is None:
            return False
        condition = AliasCondition(
            changed_since=self.before.revision or "",
            include_canary=include_canary,
            known_version=self.before.version,
        )
        return condition.met_by(_as_alias(self.change))

    def to_dict(self) -> dict[str, Any]:
        """Tell it in JSON-able values: the change, with the weights of all versions after and before it."""
        told = self.change.to_dict()
        told.pop("restored_sequence")
        return {**told, "weights": weights(self.change), "previous_weights": weights(self.before)}


def weights(state: Alias | AliasChange | Seen) -> dict[str, int]:
    """Return the share of each version in whole percent; nothing when there is no alias."""
    if state.version is None:
        return {}
    if state.secondary_version is None:
        return {state.version: 100}
    share = state.secondary_version_weight or 0
    return {state.version: 100 - share, state.secondary_version: share}


def has_news(seen: Seen, alias: Alias | None) -> bool:
    """Tell whether it is worth reading the history."""
    return seen.version is not None if alias is None else alias.revision != seen.revision


def seen_with(alias: Alias | None, newest: AliasChange | None) -> Seen:
    """Return what is seen by who looks for the first time.

    Args:
        newest: Newest change of the history, read before the alias, so that a change in between is not taken for seen.
    """
    last = newest.sequence if newest else 0
    if alias is None:
        return Seen(last)
    return Seen.of(as_change(alias, last if alias.sequence is None else alias.sequence))


def moves_since(seen: Seen, alias: Alias | None, newest_first: Iterable[AliasChange]) -> list[Move]:
    """Return the changes after the one last seen, oldest first.

    A change by the library ``versioned`` is in no history until the alias is changed by this package, so the alias as
    it stands counts as a change where the history does not have it; when it turns up there later,
    it has the revision that was seen, and does not count as a move.

    Args:
        alias: As it stands, read before the history.
    """
    rows = list(takewhile(lambda row: row.sequence > seen.sequence, newest_first))
    known = {seen.revision, *(row.revision for row in rows)}
    changes = rows[::-1]
    if alias is not None and alias.revision not in known:
        # After purge_artifact an alias made anew counts from 1 again.
        last = rows[0].sequence if rows else seen.sequence
        changes.append(as_change(alias, last if alias.sequence is None else alias.sequence))
    return _chained(seen, changes)


def move_to(alias: Alias, newest_first: Iterable[AliasChange]) -> Move:
    """Return the move that made an alias what it is."""
    rows = iter(newest_first)
    change = next((row for row in rows if row.revision == alias.revision), None)
    before = next(rows, None)
    return Move(change or as_change(alias, alias.sequence or 0), Seen.of(before) if before else Seen())


def as_change(alias: Alias, sequence: int) -> AliasChange:
    """Return an alias as the change that made it, where the history does not tell of it."""
    return AliasChange(
        alias.name,
        alias.alias,
        sequence,
        "observed",
        alias.update_at,
        alias.version,
        alias.secondary_version,
        alias.secondary_version_weight,
        alias.revision or "",
        alias.changed_by,
        alias.reason,
        alias.rollout,
    )


def _chained(seen: Seen, changes: list[AliasChange]) -> list[Move]:
    before, moves = seen, []
    for change in changes:
        moves.append(Move(change, before))
        before = Seen.of(change)
    return moves


def _as_alias(change: AliasChange) -> Alias:
    return Alias(
        name=change.name,
        alias=change.alias,
        update_at=change.changed_at,
        version=change.version or "",
        secondary_version=change.secondary_version,
        secondary_version_weight=change.secondary_version_weight,
        version_s3uri="",
        secondary_version_s3uri=None,
        revision=change.revision,
    )
