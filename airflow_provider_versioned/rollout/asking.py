"""A person decides where the check cannot: the task after a check whose consequence is to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.gates.ask import GO_ON, AskOperator
from airflow_provider_versioned.repository.errors import ConflictError, NotFoundError
from airflow_provider_versioned.repository.rollouts.model import RolloutState
from airflow_provider_versioned.rollout.consequences import Consequence
from airflow_provider_versioned.rollout.handover import JUDGEMENT_KEY, begun, pull
from airflow_provider_versioned.task.base import no_vain_retry

if TYPE_CHECKING:
    from airflow.sdk import Context


class AskAboutStepOperator(AskOperator):
    """Asks a person what to do, if the check before it said that a person shall be asked; passes at once otherwise.

    *Go on* unfreezes the rollout.

    Args:
        start_task_id: Task that began the rollout.
        check_task_id: The check.
        kwargs: Those of :class:`~airflow_provider_versioned.gates.ask.AskOperator`.
    """

    def __init__(self, *, start_task_id: str, check_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id
        self.check_task_id = check_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, if that is wanted."""
        with no_vain_retry(NotFoundError):
            ours, said = begun(context, self.start_task_id), pull(context, self.check_task_id, JUDGEMENT_KEY)
            rollout = self.hook.repository.get_rollout(ours.name, ours.alias, rollout_id=ours.id)
        wanted = said is not None and said["attempt"] == ours.attempt and said["consequence"] == Consequence.ASK
        if not wanted or rollout.state is not RolloutState.FROZEN or said["step"] != rollout.step:
            self.log.info("Nobody is asked: the rollout of %s.", rollout)
            return {"option": None, "by": None, "at": None, "comment": None}
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Act on the answer."""
        answer = super().execute_complete(context, event)
        if answer["option"] == GO_ON:
            ours = begun(context, self.start_task_id)
            with no_vain_retry(ConflictError, NotFoundError):
                self.hook.repository.unfreeze_rollout(
                    *(ours.name, ours.alias),
                    rollout_id=ours.id,
                    reason=answer["comment"],
                    changed_by=answer["by"],
                )
        return answer
