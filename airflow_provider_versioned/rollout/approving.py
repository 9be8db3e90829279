"""A person approves a step of a rollout before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.gates.approval import ApprovePromotionOperator
from airflow_provider_versioned.repository.errors import ConflictError, NotFoundError
from airflow_provider_versioned.rollout.handover import begun
from airflow_provider_versioned.rollout.rules import demand_own
from airflow_provider_versioned.task.base import no_vain_retry

if TYPE_CHECKING:
    from airflow.sdk import Context


class ApproveStepOperator(ApprovePromotionOperator):
    """Asks a person whether the canary may have the weight of the next step; passes where it has it already.

    Args:
        start_task_id: Task that began the rollout.
        kwargs: Those of :class:`~airflow_provider_versioned.gates.ApprovePromotionOperator`.
    """

    def __init__(self, *, start_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, unless the rollout is that far."""
        with no_vain_retry(ConflictError, NotFoundError):
            ours = begun(context, self.start_task_id)
            rollout = self.hook.repository.get_rollout(ours.name, ours.alias, rollout_id=ours.id)
            demand_own(rollout, ours)
            wanted = 100 if self.weight is None else int(self.weight)
        if (rollout.weight or 0) >= wanted:
            self.log.info("Nobody is asked: the rollout of %s.", rollout)
            return {}
        return super().execute(context)
