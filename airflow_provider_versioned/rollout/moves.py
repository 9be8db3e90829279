"""The tasks of a rollout that widen the canary and promote it.

Each reads the alias, asks :mod:`~airflow_provider_versioned.rollout.rules` what is right, and moves the alias on
condition of the revision that it read.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.rollout import rules
from airflow_provider_versioned.rollout.handover import UI_COLOR, begun, describe_step, pull
from airflow_provider_versioned.rollout.verdict import Verdict, VerdictError, judge
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Alias
    from airflow_provider_versioned.rollout.rules import Rollout


class _MoveOperator(RepositoryOperator):
    """Base of shift and promote: both judge the check before them, then move the alias one step.

    Args:
        start_task_id: Where the rollout was begun.
        steps: Weights of all steps.
        judged: What the check between the step before and this one answered, where that check is a task of its own;
            None where its task has judged already.
        judged_task: Whether ``judged`` is such an answer.
        step_task_id: Task that left the step before; None for the first.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "steps", "judged")
    operator_extra_links = (DynamoDBItemLink(),)
    ui_color = UI_COLOR

    def __init__(
        self,
        *,
        start_task_id: str,
        steps: Sequence[int | str],
        step_task_id: str | None = None,
        judged: Any = None,
        judged_task: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id
        self.steps = steps
        self.step_task_id = step_task_id
        self.judged = judged
        self.judged_task = judged_task

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the alias one step."""
        with no_vain_retry(ConflictError, VerdictError):
            rollout = begun(context, self.start_task_id)
            if rollout.promoted:
                self.log.info("Version %s was the only version already: nothing to do.", rollout.canary)
                return describe_step(rollout, self.hook.find_alias(rollout.name, rollout.alias), live=False)
            self._demand_success(context)
            return self.move(context, rollout)

    @abstractmethod
    def move(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Move the alias."""

    def tell(self, context: Context, alias: Alias | None) -> None:
        """Tell where the alias is, and that this task, or an earlier try of it, moved it there."""
        link_to_alias(self, alias)
        announce_move(self, context, alias)

    def _demand_success(self, context: Context) -> None:
        before = pull(context, self.step_task_id) if self.step_task_id else None
        if not self.judged_task or before is None or not before["live"]:
            return
        judgement = judge(self.judged)
        if judgement.verdict is not Verdict.SUCCESS:
            raise VerdictError(f"The check at {before['weight']} % said {judgement}.")

    def put(self, context: Context, rollout: Rollout, alias: Alias | None, reason: str, weight: int | None) -> Alias:
        """Give the canary a weight, or all (None), on condition of the revision that was read."""
        split = (rollout.canary, None, None) if weight is None else (rollout.stable, rollout.canary, weight)
        return self.hook.repository.put_alias(
            *(rollout.name, rollout.alias, *split),
            if_revision=alias.revision if alias else None,
            reason=reason,
            changed_by=author(context),
            rollout=rollout.id,
        )


class ShiftWeightOperator(_MoveOperator):
    """Gives the canary the weight of one step; never less than it has.

    Args:
        index: Which of the steps, from 0.
    """

    def __init__(self, *, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index

    def move(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Widen the canary, unless the alias is further already."""
        weights = rules.check_weights(self.steps)
        weight, previous = weights[self.index], weights[self.index - 1] if self.index else None
        alias = self.hook.find_alias(rollout.name, rollout.alias)
        if rules.may_shift(rollout, alias, weight, previous):
            alias = self.put(
                context, rollout, alias, _reason(f"step {self.index + 1} of {len(weights)}", rollout), weight
            )
        self.tell(context, alias)
        now = alias.secondary_version_weight if alias else None
        self.log.info("Version %s has %s %% of alias %r of %r.", rollout.canary, now, rollout.alias, rollout.name)
        return describe_step(rollout, alias, live=now == weight)


class PromoteCanaryOperator(_MoveOperator):
    """Makes the canary the alias's only version."""

    def move(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Promote, unless this rollout has done so already."""
        last = rules.check_weights(self.steps)[-1]
        alias = self.hook.find_alias(rollout.name, rollout.alias)
        if rules.may_promote(rollout, alias, last):
            alias = self.put(context, rollout, alias, _reason("promotion", rollout), None)
        self.tell(context, alias)
        self.log.info("Alias %r of %r is at version %s alone.", rollout.alias, rollout.name, rollout.canary)
        return describe_step(rollout, alias, live=False)


def _reason(step: str, rollout: Rollout) -> str:
    return f"{step}: {rollout.reason}" if rollout.reason else step
