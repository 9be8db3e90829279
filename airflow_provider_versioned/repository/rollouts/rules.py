"""What may be done to a rollout, decided from its record and the alias as they were read together. Pure.

Each rule answers with a :class:`Decision`: the record as it shall be, and where the alias goes. What has been done
already is decided to be done, so that a repeated call converges. A record that says live while the alias is not as the
rollout left it is ``overtaken``: :func:`settled` says so wherever a record is read, and nothing moves that alias any
more in the name of that rollout.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError, RolloutNotFoundError
from airflow_provider_versioned.repository.rollouts.model import Rollout, RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_versioned.repository.model import Alias

To = tuple[str, str | None, int | None]  # version, secondary version, its weight


@dataclass(frozen=True)
class Act:
    """Something that somebody wants to do to a rollout.

    Attributes:
        verb: As in "Aborting".
        rollout_id: Which rollout is meant; None: whichever is the alias's last.
    """

    verb: str
    name: str
    alias: str
    rollout_id: str | None
    by: str | None = None
    reason: str | None = None

    @property
    def asked(self) -> str:
        """The beginning of a sentence about it."""
        which = f"rollout {self.rollout_id!r}" if self.rollout_id else "the rollout"
        return f"{self.verb} {which} of alias {self.alias!r} of {self.name!r}"


@dataclass(frozen=True)
class Seen:
    """What was read.

    Attributes:
        last: The last rollout of the alias, settled.
        left_at: The alias's revision as that rollout left it.
        kept: The rollout of the id that was asked for, where that is an earlier one.
    """

    alias: Alias | None
    last: Rollout | None = None
    left_at: str | None = None
    kept: Rollout | None = None


@dataclass(frozen=True)
class Decision:
    """What is to be written.

    Attributes:
        rollout: The record as it shall be, or as it is when there is nothing to write.
        to: Where the alias goes; None: it stays.
        keep: The record that gives way, kept under its id.
        aside: ``rollout`` itself is only kept under its id, and the alias's last rollout stays what it is.
    """

    rollout: Rollout
    writes: bool = True
    to: To | None = None
    keep: Rollout | None = None
    aside: bool = False


def settled(rollout: Rollout, left_at: str | None, alias: Alias | None) -> Rollout:
    """Return a record as it is to be understood beside the alias."""
    if not rollout.is_live or (alias is not None and alias.revision == left_at):
        return rollout
    return replace(
        rollout,
        state=RolloutState.OVERTAKEN,
        weight=None,
        ended_at=alias.update_at if alias else None,
        ended_by=alias.changed_by if alias else None,
        end_reason=(alias.reason or f"the alias is at {place(alias)}") if alias else "the alias was deleted",
    )


def meant(act: Act, seen: Seen) -> Rollout:
    """Return the rollout that a call is about.

    Raises:
        RolloutNotFoundError: The alias had no rollout.
        ConflictError: It has had another since.
    """
    if seen.last is not None and act.rollout_id in {None, seen.last.id}:
        return seen.last
    if seen.kept is not None:
        return seen.kept
    if seen.last is None:
        raise no_rollout(act.name, act.alias)
    raise ConflictError(
        f"{act.asked} failed: rollout {seen.last.id!r} has taken its place: {seen.last}; leave the alias to that one.",
        name=act.name,
        alias=act.alias,
        rollout=seen.last.id,
    )


def no_rollout(name: str, alias: str, rollout_id: str | None = None) -> RolloutNotFoundError:
    """Return the error for an alias that has no rollout."""
    which = f"rollout {rollout_id!r}" if rollout_id else "rollout"
    return RolloutNotFoundError(
        f"Alias {alias!r} of {name!r} has had no {which}; begin one with start_rollout.", name=name, alias=alias
    )


# -- going on ----------------------------------------------------------------------------------------------------------


def shift(act: Act, seen: Seen, weight: int) -> Decision:
    """Give the canary the weight of the next step; no weight is ever lowered.

    Raises:
        ConflictError: The rollout is frozen or over, or it has not come to that step.
    """
    rollout = meant(act, seen)
    if rollout.state is RolloutState.PROMOTED:
        return Decision(rollout, writes=False)
    _demand_live(act, rollout)
    if weight not in rollout.weights:
        raise InvalidInputError(
            f"{act.asked} failed: {weight} % is none of its steps {list(rollout.weights)}.", weight=weight
        )
    step = rollout.weights.index(weight)
    if step <= rollout.step:
        return Decision(rollout, writes=False)
    _demand_going(act, rollout)
    if step != rollout.step + 1:
        _refuse(act, rollout, "the step before has not been made")
    shifted = replace(rollout, weight=weight, step=step, skipped=False, skipped_by=None, frozen_secs=0.0)
    return Decision(shifted, to=(rollout.stable, rollout.canary, weight))


def promote(act: Act, seen: Seen, now: datetime, *, in_turn: bool) -> Decision:
    """Give the canary everything.

    Raises:
        ConflictError: The rollout is over otherwise; or ``in_turn`` and it is frozen or not at its last step.
    """
    rollout = meant(act, seen)
    if rollout.state is RolloutState.PROMOTED:
        return Decision(rollout, writes=False)
    _demand_live(act, rollout)
    if in_turn:
        _demand_going(act, rollout)
        if rollout.step != len(rollout.weights) - 1:
            _refuse(act, rollout, "its last step has not been made")
    promoted = replace(rollout, weight=100, promoted_at=now, skipped=False, skipped_by=None, frozen_secs=0.0)
    return Decision(_ended(promoted, RolloutState.PROMOTED, act, now), to=(rollout.canary, None, None))


def abort(act: Act, seen: Seen, now: datetime) -> Decision:
    """Drop the canary and end; where it is over already, without a promotion, nothing is left to do.

    Raises:
        ConflictError: It was promoted.
    """
    rollout = meant(act, seen)
    if rollout.state is RolloutState.PROMOTED:
        _refuse(act, rollout, "a promotion is undone with roll_back_promotion")
    if not rollout.is_live:
        return Decision(rollout, writes=False)
    ended = _ended(replace(rollout, weight=0), RolloutState.ROLLED_BACK, act, now)
    return Decision(ended, to=(rollout.stable, None, None) if rollout.weight else None)


def roll_back_promotion(act: Act, seen: Seen, now: datetime, within_secs: float) -> Decision:
    """Undo a promotion that is the last thing that happened to the alias.

    Raises:
        ConflictError: It was not promoted, or too long ago, or the alias was moved since.
    """
    rollout = meant(act, seen)
    if rollout.state is RolloutState.ROLLED_BACK and rollout.promoted_at is not None:
        return Decision(rollout, writes=False)
    if rollout.state is not RolloutState.PROMOTED or rollout.promoted_at is None:
        _refuse(act, rollout, "there is no promotion of it to undo")
    if rollout is not seen.last or seen.alias is None or seen.alias.revision != seen.left_at:
        now_at = f"it is at {place(seen.alias)}, {moved(seen.alias)}" if seen.alias else "it does not exist any more"
        _refuse(act, rollout, f"the alias was moved since: {now_at}; use rollback_alias")
    age = (now - rollout.promoted_at).total_seconds()
    if age > within_secs:
        _refuse(act, rollout, f"that is {age:.0f} s ago, and the window is {within_secs:g} s; use rollback_alias")
    back = _ended(replace(rollout, weight=0), RolloutState.ROLLED_BACK, act, now)
    return Decision(back, to=(rollout.stable, None, None))


# -- control -----------------------------------------------------------------------------------------------------------


def skip(act: Act, seen: Seen, now: datetime) -> Decision:
    """Have the bake and the check of the step passed over; a frozen rollout goes on with that."""
    rollout = meant(act, seen)
    _demand_live(act, rollout)
    if rollout.step < 0:
        _refuse(act, rollout, "it has made no step that could be skipped")
    if rollout.skipped and rollout.state is RolloutState.LIVE:
        return Decision(rollout, writes=False)
    return Decision(replace(_thawed(rollout, now), state=RolloutState.LIVE, skipped=True, skipped_by=act.by))


def freeze(act: Act, seen: Seen, now: datetime) -> Decision:
    """Have the rollout go nowhere."""
    rollout = meant(act, seen)
    _demand_live(act, rollout)
    if rollout.state is RolloutState.FROZEN:
        return Decision(rollout, writes=False)
    frozen = replace(rollout, state=RolloutState.FROZEN, frozen_at=now, frozen_by=act.by, freeze_reason=act.reason)
    return Decision(frozen)


def unfreeze(act: Act, seen: Seen, now: datetime) -> Decision:
    """Have it go on; the time between does not count as bake."""
    rollout = meant(act, seen)
    _demand_live(act, rollout)
    if rollout.frozen_at is None:
        return Decision(rollout, writes=False)
    return Decision(replace(_thawed(rollout, now), state=RolloutState.LIVE))


def judged(act: Act, seen: Seen, judgement: dict[str, Any]) -> Decision:
    """Keep what a judge said last, of a live rollout or of the promotion."""
    rollout = meant(act, seen)
    if rollout.state is not RolloutState.PROMOTED or rollout is not seen.last:
        _demand_live(act, rollout)
    return _changed(rollout, replace(rollout, judgement=judgement))


def _changed(before: Rollout, after: Rollout) -> Decision:
    return Decision(after, writes=after != before)


def _thawed(rollout: Rollout, now: datetime) -> Rollout:
    frozen_secs = rollout.frozen_secs
    if rollout.frozen_at is not None and rollout.stepped_at is not None:
        frozen = max((now - max(rollout.frozen_at, rollout.stepped_at)).total_seconds(), 0.0)
        frozen_secs = round((frozen_secs + frozen) * 1000) / 1000
    return replace(rollout, frozen_at=None, frozen_by=None, freeze_reason=None, frozen_secs=frozen_secs)


def _ended(rollout: Rollout, state: RolloutState, act: Act, now: datetime) -> Rollout:
    ended = replace(rollout, frozen_at=None, frozen_by=None, freeze_reason=None)
    return replace(ended, state=state, ended_at=now, ended_by=act.by, end_reason=act.reason)


def _demand_live(act: Act, rollout: Rollout) -> None:
    if not rollout.is_live:
        _refuse(act, rollout, "it is over; begin another")


def _demand_going(act: Act, rollout: Rollout) -> None:
    if rollout.state is RolloutState.FROZEN:
        _refuse(act, rollout, "unfreeze it first")


def _refuse(act: Act, rollout: Rollout, why: str) -> NoReturn:
    raise ConflictError(
        f"{act.asked} failed: the rollout of {rollout}; {why}.",
        name=act.name,
        alias=act.alias,
        rollout=rollout.id,
        state=str(rollout.state),
    )


def place(alias: Alias) -> str:
    """Say what an alias points at."""
    if alias.secondary_version is None:
        return f"version {alias.version} alone"
    return f"version {alias.version} with version {alias.secondary_version} at {alias.secondary_version_weight} %"


def moved(alias: Alias) -> str:
    """Say who moved an alias where it is, and when and why."""
    by = f"moved by {alias.changed_by or 'somebody'} at {alias.update_at:%Y-%m-%d %H:%M:%S}Z"
    rollout = f" in rollout {alias.rollout!r}" if alias.rollout else ""
    return by + rollout + (f" (reason: {alias.reason})" if alias.reason else "")
