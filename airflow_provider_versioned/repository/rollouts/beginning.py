"""Which rollout may begin, and what becomes of the one that it meets. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.rollouts.model import Rollout, RolloutState
from airflow_provider_versioned.repository.rollouts.rules import Decision, Seen, moved, place

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_versioned.repository.model import Alias


@dataclass(frozen=True)
class Start:
    """A rollout that somebody wants to begin."""

    id: str
    name: str
    alias: str
    canary: str
    weights: tuple[int, ...]
    on_live: str
    reason: str | None
    by: str | None
    attempt: int

    @property
    def asked(self) -> str:
        """The beginning of a sentence about it."""
        return f"Beginning rollout {self.id!r} of alias {self.alias!r} of {self.name!r}"


def begin(start: Start, seen: Seen, now: datetime) -> Decision:
    """Begin a rollout, take it up again, or say that nothing is to be done.

    An attempt that has ended never begins again: only a higher one does.

    Raises:
        ConflictError: Another rollout is live, or the alias has a canary that is no rollout's.
    """
    last, kept = seen.last, seen.kept
    if last is not None and last.id == start.id:
        return _begin_again(start, seen, last, now)
    if kept is not None and kept.attempt >= start.attempt:
        return Decision(kept, writes=False)
    if last is None or not last.is_live:
        return _begin_fresh(start, seen, now)
    if start.on_live == "resume" and last.canary == start.canary:
        return _take_over(start, last, now)
    if start.on_live == "supersede":
        return _supersede(start, seen, last, now)
    why = "" if start.on_live == "refuse" else f", and it is of version {last.canary}, so it cannot be resumed"
    raise ConflictError(
        f"{start.asked} failed: rollout {last.id!r} of {last}{why}; let it end, abort it, or begin with "
        "on_live='supersede'.",
        name=start.name,
        alias=start.alias,
        rollout=last.id,
    )


def _begin_again(start: Start, seen: Seen, last: Rollout, now: datetime) -> Decision:
    if not last.is_live:
        if last.attempt >= start.attempt:
            return Decision(last, writes=False)
        if last.state is RolloutState.PROMOTED and last.canary == start.canary and _stands(seen):
            return Decision(replace(last, attempt=start.attempt))
        return _begin_fresh(start, seen, now)
    if last.canary != start.canary:
        return _fresh(start, seen, now, drop=last.step >= 0)
    again = replace(last, weights=start.weights, attempt=max(start.attempt, last.attempt))
    again = replace(again, step=_step_of(again))
    return Decision(again, writes=again != last)


def _stands(seen: Seen) -> bool:
    """Tell whether the alias is as the last rollout left it."""
    return seen.alias is not None and seen.alias.revision == seen.left_at


def _begin_fresh(start: Start, seen: Seen, now: datetime) -> Decision:
    alias = _demand_alias(seen)
    if alias.secondary_version is not None:
        raise ConflictError(
            f"{start.asked} failed: the alias is at {place(alias)}, {moved(alias)}, and that canary is no live "
            "rollout's; drop it first, with rollback_alias or RollbackAliasOperator.",
            name=start.name,
            alias=start.alias,
        )
    return _fresh(start, seen, now, drop=False)


def _fresh(start: Start, seen: Seen, now: datetime, *, drop: bool) -> Decision:
    """Begin from the stable version; ``drop``: the canary that the alias has leaves in the same moment."""
    alias, last = _demand_alias(seen), seen.last
    rollout = Rollout(
        id=start.id,
        name=start.name,
        alias=start.alias,
        stable=alias.version,
        canary=start.canary,
        weights=start.weights,
        state=RolloutState.LIVE,
        weight=0,
        step=-1,
        began_at=now,
        began_by=start.by,
        reason=start.reason,
        attempt=start.attempt,
    )
    to = (alias.version, None, None) if drop else None
    former = last if last is not None and last.id != start.id else None
    if alias.version != start.canary:
        return Decision(rollout, to=to, keep=former)
    nothing = replace(
        rollout,
        state=RolloutState.PROMOTED,
        weight=100,
        ended_at=now,
        ended_by=start.by,
        end_reason=f"version {start.canary} was the only version already",
    )
    if former is not None and former.promoted_at is not None:
        # The promotion that brought the alias here shall stay the last one, so that it can be rolled back.
        return Decision(nothing, aside=True)
    return Decision(nothing, to=to, keep=former)


def _take_over(start: Start, last: Rollout, now: datetime) -> Decision:
    """Go on with the rollout of another run under a new id, at the weight that it has."""
    rollout = replace(
        last,
        id=start.id,
        weights=start.weights,
        began_by=start.by,
        reason=start.reason,
        attempt=start.attempt,
        judgement=None,
    )
    rollout = replace(rollout, step=_step_of(rollout))
    to = (last.stable, last.canary, last.weight) if last.weight else None
    return Decision(rollout, to=to, keep=_superseded(start, last, now, f"resumed by {start.id}"))


def _supersede(start: Start, seen: Seen, last: Rollout, now: datetime) -> Decision:
    decision = _fresh(start, seen, now, drop=bool(last.weight))
    return replace(decision, keep=_superseded(start, last, now, start.reason or f"superseded by {start.id}"))


def _superseded(start: Start, last: Rollout, now: datetime, why: str) -> Rollout:
    return replace(
        last,
        state=RolloutState.SUPERSEDED,
        weight=None,
        ended_at=now,
        ended_by=start.by,
        end_reason=why,
        superseded_by=start.id,
    )


def _step_of(rollout: Rollout) -> int:
    """Return the last step that the canary's weight has reached."""
    return sum(weight <= (rollout.weight or 0) for weight in rollout.weights) - 1


def _demand_alias(seen: Seen) -> Alias:
    if seen.alias is None:  # the caller has looked
        raise ConflictError("The alias does not exist any more.")
    return seen.alias
