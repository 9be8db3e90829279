"""The tasks of a rollout that widen the canary, promote it, and undo a promotion.

Whether the move may be made is the repository's to say, in the same transaction in which it makes it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import ArtifactPageLink, DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError, NotFoundError
from airflow_provider_versioned.repository.rollouts.model import RolloutState
from airflow_provider_versioned.rollout.consequences import Consequence, Consequences
from airflow_provider_versioned.rollout.handover import (
    UI_COLOR,
    describe_judgement,
    describe_step,
    judged_before,
    pull,
)
from airflow_provider_versioned.rollout.rules import demand_own
from airflow_provider_versioned.rollout.verdict import VerdictError, judge
from airflow_provider_versioned.rollout.waiting import RolloutOperator
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional, parse_approval, parse_int, parse_seconds
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Rollout
    from airflow_provider_versioned.rollout.rules import Begun


class _MoveOperator(RolloutOperator):
    """Base of shift and promote: both judge the check before them, wait while the rollout is frozen, and move.

    Args:
        judged: What the check between the step before and this one answered, where that check is a task of its own;
            None where its task has judged already.
        judged_task: Whether ``judged`` is such an answer.
        step_task_id: Task that left the step before.
        consequences: What follows from ``judged``. It cannot be asked again: waiting counts as waited in vain.
        approval: As of :class:`PromoteAliasOperator`.
    """

    template_fields: Sequence[str] = (*RolloutOperator.template_fields, "judged", "approval")
    operator_extra_links = (ArtifactPageLink(), DynamoDBItemLink())

    def __init__(
        self,
        *,
        step_task_id: str | None = None,
        judged: Any = None,
        judged_task: bool = False,
        consequences: Consequences | None = None,
        approval: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.step_task_id = step_task_id
        self.judged = judged
        self.judged_task = judged_task
        self.consequences = consequences or Consequences()
        self.approval = approval
        self.needs_approval = approval is not None

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the alias one step."""
        with no_vain_retry(ConflictError, VerdictError, NotFoundError):
            ours = self.begun(context)
            rollout = self.look(ours)
            demand_own(rollout, ours)
            if not self.is_done(rollout):
                rollout = self._heed(context, rollout)
                if rollout.state is RolloutState.FROZEN:
                    self.wait(rollout)
                rollout = self.move(context, ours)
        alias = self.hook.find_alias(ours.name, ours.alias)
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        self.log.info("The rollout of %s.", rollout)
        return describe_step(rollout, live=self.is_live(rollout))

    @abstractmethod
    def is_done(self, rollout: Rollout) -> bool:
        """Tell whether there is nothing to move any more."""

    @abstractmethod
    def move(self, context: Context, ours: Begun) -> Rollout:
        """Move the alias."""

    @abstractmethod
    def is_live(self, rollout: Rollout) -> bool:
        """Tell whether the rollout now is where this task brings it, and is to be baked and judged there."""

    def _heed(self, context: Context, rollout: Rollout) -> Rollout:
        """Act on what the check task before this one answered."""
        before = pull(context, self.step_task_id) if self.step_task_id else None
        if not self.judged_task or before is None or not before["live"] or rollout.skipped:
            return rollout
        if (judged_before(rollout, rollout.step) or {}).get("consequence") in {Consequence.FREEZE, Consequence.ASK}:
            return rollout  # a person has let it go on since
        judgement = judge(self.judged)
        consequence = self.consequences.of(judgement.verdict)
        consequence = self.consequences.in_vain if consequence is Consequence.WAIT else consequence
        told = describe_judgement(rollout, rollout.step, judgement, consequence, rollout.baked_secs())
        repository, where = self.hook.repository, (rollout.name, rollout.alias)
        repository.record_judgement(*where, told, rollout_id=rollout.id)
        sentence = f"The check at {before['weight']} % said {judgement}."
        if consequence is Consequence.ROLL_BACK:
            raise VerdictError(sentence)
        if consequence is Consequence.GO_ON:
            return rollout
        return repository.freeze_rollout(
            *where, rollout_id=rollout.id, reason=sentence[:1000], changed_by=author(context)
        )


class ShiftWeightOperator(_MoveOperator):
    """Gives the canary the weight of one step; never less than it has.

    Waits while the rollout is frozen. Does nothing if the rollout is past the step, or has no such step.

    Args:
        step: Which step, from 0.
        weight: Which step, by its weight; instead of ``step``.
    """

    template_fields: Sequence[str] = (*_MoveOperator.template_fields, "weight")

    def __init__(self, *, step: int | None = None, weight: int | str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step
        self.weight = weight

    def is_done(self, rollout: Rollout) -> bool:
        """Tell whether the step was made, or there is none."""
        step = self._step(rollout)
        return rollout.state is RolloutState.PROMOTED or step <= rollout.step or step >= len(rollout.weights)

    def move(self, context: Context, ours: Begun) -> Rollout:
        """Widen the canary."""
        now = self.look(ours)
        return self.hook.repository.shift_rollout(
            *(ours.name, ours.alias, now.weights[self._step(now)]),
            rollout_id=ours.id,
            changed_by=author(context),
            approval=parse_approval(self.approval, needed=self.needs_approval),
        )

    def is_live(self, rollout: Rollout) -> bool:
        """Tell whether the rollout is at this step."""
        return rollout.is_live and rollout.step == self._step(rollout)

    def _step(self, rollout: Rollout) -> int:
        weight = optional(self.weight)
        if (weight is None) == (self.step is None):
            raise InvalidInputError("Name the step that is to be made: either step, from 0, or weight.")
        if weight is None:
            return int(self.step or 0)
        wanted = parse_int("weight", weight)
        if wanted not in rollout.weights:
            raise InvalidInputError(f"weight={wanted} is none of the rollout's steps {list(rollout.weights)}.")
        return rollout.weights.index(wanted)


class PromoteCanaryOperator(_MoveOperator):
    """Makes the canary the alias's only version, after the last step.

    Waits while the rollout is frozen.
    """

    def is_done(self, rollout: Rollout) -> bool:
        """Tell whether it is promoted."""
        return rollout.state is RolloutState.PROMOTED

    def move(self, context: Context, ours: Begun) -> Rollout:
        """Promote."""
        return self.hook.repository.promote_rollout(
            *(ours.name, ours.alias),
            rollout_id=ours.id,
            reason=ours.reason,
            changed_by=author(context),
            approval=parse_approval(self.approval, needed=self.needs_approval),
            in_turn=True,
        )

    def is_live(self, rollout: Rollout) -> bool:
        """Tell whether this rollout moved the alias here, and not one before it."""
        return rollout.promoted_at is not None


class RollBackPromotionOperator(RepositoryOperator):
    """Undoes the last promotion of an alias in one step: back to the version from which that rollout started.

    Fails if the alias was moved since, or the promotion is longer ago than ``within``. Returns the rollout as
    :meth:`Rollout.to_dict`.

    Args:
        name: Artifact name.
        alias: Alias to move.
        within: Seconds, or a timedelta.
        rollout_id: Demand that it was this rollout.
        reason: Why, for the record and the alias's history.
    """

    operator_extra_links = (ArtifactPageLink(), DynamoDBItemLink())
    ui_color = UI_COLOR
    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "within",
        "rollout_id",
        "reason",
    )

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        within: float | str | timedelta = 86_400,
        rollout_id: str | None = None,
        reason: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.within = within
        self.rollout_id = rollout_id
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll the promotion back."""
        with no_vain_retry(ConflictError, NotFoundError):
            rollout = self.hook.repository.roll_back_promotion(
                *(self.name, self.alias),
                within_secs=parse_seconds("within", self.within),
                rollout_id=optional(self.rollout_id),
                reason=optional(self.reason),
                changed_by=author(context),
            )
        alias = self.hook.find_alias(self.name, self.alias)
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        self.log.info("The rollout of %s.", rollout)
        return rollout.to_dict()
