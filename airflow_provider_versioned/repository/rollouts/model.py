"""A rollout as its record says. Pure: no AWS, no Airflow.

::

    live ──freeze──▶ frozen ──unfreeze──▶ live
    live, frozen ──▶ promoted        the canary is the alias's only version
    live, frozen ──▶ rolled_back     the alias is back on the stable version; so may a promoted one be, for a while
    live, frozen ──▶ superseded      another rollout took the alias
    live, frozen ──▶ overtaken       somebody moved the alias by hand: seen by whoever looks at record and alias
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class RolloutState(StrEnum):
    """Where a rollout is.

    Attributes:
        LIVE: Under way.
        FROZEN: Live, but it goes nowhere until it is unfrozen.
        PROMOTED: The canary became the alias's only version.
        ROLLED_BACK: The alias is on the stable version again.
        SUPERSEDED: Another rollout took the alias.
        OVERTAKEN: Somebody else moved the alias; the rollout has stopped, and leaves it alone.
    """

    LIVE = "live"
    FROZEN = "frozen"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"
    OVERTAKEN = "overtaken"


LIVE_STATES = frozenset({RolloutState.LIVE, RolloutState.FROZEN})


@dataclass(frozen=True)
class Rollout:
    """A rollout of an alias from one version (stable) to another (canary).

    Attributes:
        weights: Of the steps, in whole percent.
        weight: What the canary has now: 0 before the first step, 100 after the promotion, None when the alias is no
            longer this rollout's.
        step: Index in ``weights`` of the step that it is at; -1 before the first.
        stepped_at: When the weight was given.
        frozen_at: When it was frozen; None when it is not.
        frozen_by: Who did, or None.
        freeze_reason: Why.
        frozen_secs: How long it was frozen at this step before; bakes do not count that time.
        skipped: The bake and the check of this step are to be passed over.
        skipped_by: Who said so.
        promoted_at: When the canary became the only version; kept when that was rolled back.
        ended_by: Who ended it; in the state ``overtaken``: who moved the alias.
        judgement: The last one: ``verdict``, numbers, ``judged_at``, ``weight``.
        attempt: Which attempt under this id it is: more than 1 after somebody had it begin anew.
        superseded_by: Id of the rollout that took the alias.
    """

    id: str
    name: str
    alias: str
    stable: str
    canary: str
    weights: tuple[int, ...]
    state: RolloutState
    weight: int | None
    step: int
    began_at: datetime
    began_by: str | None = None
    reason: str | None = None
    stepped_at: datetime | None = None
    frozen_at: datetime | None = None
    frozen_by: str | None = None
    freeze_reason: str | None = None
    frozen_secs: float = 0.0
    skipped: bool = False
    skipped_by: str | None = None
    promoted_at: datetime | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str | None = None
    judgement: dict[str, Any] | None = None
    attempt: int = 1
    superseded_by: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether it may still move the alias."""
        return self.state in LIVE_STATES

    def baked_secs(self, now: datetime | None = None) -> float:
        """Return for how long the canary has had its weight, without the time in which the rollout was frozen."""
        if self.stepped_at is None:
            return 0.0
        until = self.frozen_at or now or datetime.now(UTC)
        return max((until - self.stepped_at).total_seconds() - self.frozen_secs, 0.0)

    @property
    def course(self) -> list[Any]:
        """Everything about it that says where it goes: whoever waits for it has to hear of a change of this."""
        return [self.id, self.attempt, str(self.state), self.step, self.skipped]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able values; times in ISO 8601."""
        return {**{field.name: _plain(getattr(self, field.name)) for field in fields(self)}, "is_live": self.is_live}

    def __str__(self) -> str:
        """Say where it stands, in words that go on after its id."""
        return f"{self._where()}{self._who_and_why()}"

    def _where(self) -> str:
        to = f"version {self.canary} for alias {self.alias!r} of {self.name!r}"
        if self.state in LIVE_STATES:
            at = (
                f"at {self.weight} % (step {self.step + 1} of {len(self.weights)})"
                if self.step >= 0
                else "at its start"
            )
            return f"{to} is {self.state} {at}"
        said = {
            RolloutState.PROMOTED: "was promoted",
            RolloutState.ROLLED_BACK: "was rolled back",
            RolloutState.SUPERSEDED: f"was superseded by {self.superseded_by}",
            RolloutState.OVERTAKEN: "was overtaken: the alias was moved without it",
        }
        return f"{to} {said[self.state]}"

    def _who_and_why(self) -> str:
        frozen = self.state is RolloutState.FROZEN
        by, at, why = (
            (self.frozen_by, self.frozen_at, self.freeze_reason)
            if frozen
            else (self.ended_by, self.ended_at, self.end_reason)
        )
        if self.state is RolloutState.LIVE:
            by, at, why = self.began_by, self.began_at, self.reason
        verb = ", begun" if self.state is RolloutState.LIVE else ""
        who = f" by {by}" if by else ""
        when = f" at {at:%Y-%m-%d %H:%M:%S}Z" if at else ""
        return f"{verb}{who}{when}{f' ({why})' if why else ''}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, StrEnum) else value
