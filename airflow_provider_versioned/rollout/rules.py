"""What a task of a rollout does next, decided from the rollout as it stands. Pure: no Airflow, no AWS.

What may be done to a rollout is the repository's to say; this says which of the tasks has anything to do. Every rule
looks at the record, never at what a task remembers, so that a task which is repeated, cleared or resumed goes on from
where the rollout stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.rollouts.model import Rollout, RolloutState

if TYPE_CHECKING:
    from collections.abc import Mapping

FINAL = -1  # in place of a step: after the promotion


class Stand(StrEnum):
    """Where a rollout is, seen from the task of one step.

    Attributes:
        HERE: At this step.
        FROZEN: It goes nowhere.
        PAST: There is nothing to do for this step: it is over, skipped, or none of this rollout's.
        BEFORE: The step has not been made.
    """

    HERE = "here"
    FROZEN = "frozen"
    PAST = "past"
    BEFORE = "before"


@dataclass(frozen=True)
class Begun:
    """What the tasks of a rollout know of it from the one that began it."""

    id: str
    name: str
    alias: str
    stable: str
    canary: str
    attempt: int
    weights: tuple[int, ...]
    reason: str | None = None

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Begun:
        """Read what :meth:`Rollout.to_dict` gave."""
        facts = {key: stored[key] for key in cls.__dataclass_fields__}
        return cls(**{**facts, "weights": tuple(facts["weights"])})


def stand(rollout: Rollout, begun: Begun, step: int) -> Stand:
    """Tell where a rollout is, seen from a step, or from after the promotion.

    Raises:
        ConflictError: The rollout ended without a promotion, or begins anew.
    """
    demand_own(rollout, begun)
    if step == FINAL:
        moved = rollout.state is RolloutState.PROMOTED and rollout.promoted_at is not None
        if rollout.is_live:
            return Stand.BEFORE
        return Stand.HERE if moved else Stand.PAST
    if rollout.state is RolloutState.PROMOTED or step >= len(rollout.weights) or step < rollout.step:
        return Stand.PAST
    if rollout.step == step and rollout.skipped:
        return Stand.PAST
    if rollout.state is RolloutState.FROZEN:
        return Stand.FROZEN
    return Stand.HERE if rollout.step == step else Stand.BEFORE


def demand_own(rollout: Rollout, begun: Begun) -> None:
    """Demand that a rollout is the one that was begun, and that it did not end otherwise than by its promotion.

    Raises:
        ConflictError: It is not; the message says who ended it and why.
    """
    if rollout.attempt != begun.attempt:
        raise ConflictError(f"The rollout {begun.id!r} was begun anew since; clear the whole group to take that up.")
    if not rollout.is_live and rollout.state is not RolloutState.PROMOTED:
        raise ConflictError(
            f"Nothing more is done in the rollout {begun.id!r} of {rollout}; clear the whole group to begin anew."
        )


def told(rollout: Rollout, step: int) -> ConflictError:
    """Return the error for a step that has not been made."""
    name = f"step {step + 1}" if step != FINAL else "promotion"
    return ConflictError(f"The {name} of the rollout of {rollout} has not been made; clear the task that makes it too.")
