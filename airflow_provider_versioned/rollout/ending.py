"""The tasks at the end of every rollout, whatever happened: the rollback, and the verdict on the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import ArtifactPageLink, DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import ConflictError, NotFoundError
from airflow_provider_versioned.repository.rollouts.model import RolloutState
from airflow_provider_versioned.rollout.handover import UI_COLOR, begun
from airflow_provider_versioned.rollout.verdict import Verdict, judge
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Rollout

_TRIES = 10
_REASON_LENGTH = 500
_UNTOLD = "the rollout ended before the promotion"


class AbortRolloutOperator(RepositoryOperator):
    """Puts the alias back on the stable version and ends the rollout, unless it is over already.

    Looks at the rollout's record only, never at the states of tasks, so as a teardown it is right after a failed check,
    a killed worker and a run that a person failed alike. Leaves the alias alone when somebody else moved it. Returns
    ``rolled_back``, a sentence in ``detail``, and the alias.

    Args:
        start_task_id: Task that began the rollout.
        reason: Why, for the record and the alias's history; None: what the last check said, unless that was success.
    """

    operator_extra_links = (ArtifactPageLink(), DynamoDBItemLink())
    ui_color = UI_COLOR
    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "reason")

    def __init__(self, *, start_task_id: str, reason: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll back if needed."""
        with no_vain_retry(NotFoundError):
            ours, repository = begun(context, self.start_task_id), self.hook.repository
            for _ in range(_TRIES):
                rollout = repository.get_rollout(ours.name, ours.alias, rollout_id=ours.id)
                if not rollout.is_live or rollout.attempt != ours.attempt:
                    return self._told(context, rollout)
                try:
                    ended = repository.abort_rollout(
                        *(ours.name, ours.alias),
                        rollout_id=ours.id,
                        reason=self._why(rollout),
                        changed_by=author(context),
                    )
                except ConflictError as error:
                    self.log.info("Looking again: %s", error)
                else:
                    return self._told(context, ended)
            raise ConflictError(f"Rollout {ours.id!r} kept changing; try again.")

    def _told(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Tell how it ended, and that this task, or an earlier try of it, moved the alias."""
        alias = self.hook.find_alias(rollout.name, rollout.alias)
        link_to_alias(self, alias)
        announce_move(self, context, alias)
        rolled_back = rollout.state is RolloutState.ROLLED_BACK and rollout.ended_by == author(context)
        moved = rolled_back and rollout.stepped_at is not None
        (self.log.warning if moved else self.log.info)("The rollout of %s.", rollout)
        return {"rolled_back": moved, "detail": str(rollout), **(alias.to_dict() if alias else {})}

    def _why(self, rollout: Rollout) -> str:
        given = optional(self.reason)
        if given is not None:
            return str(given)
        last = rollout.judgement
        if last is None or last.get("weight") != rollout.weight or last.get("verdict") == Verdict.SUCCESS:
            return _UNTOLD
        return f"the check at {rollout.weight} % said {judge(last)}"[:_REASON_LENGTH]


class FailUnlessPromotedOperator(RepositoryOperator):
    """Ends the run failed when the rollout did not end in its promotion, also where Airflow itself would not.

    A person who marks a run as failed makes Airflow skip what has not run, and a run whose last tasks are skipped is a
    success to Airflow.

    Args:
        start_task_id: Task that began the rollout.
    """

    ui_color = UI_COLOR

    def __init__(self, *, start_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id

    def execute(self, context: Context) -> None:
        """Succeed after the promotion only."""
        with no_vain_retry(NotFoundError):
            ours = begun(context, self.start_task_id)
            rollout = self.hook.repository.get_rollout(ours.name, ours.alias, rollout_id=ours.id)
        if rollout.state is RolloutState.PROMOTED and rollout.attempt == ours.attempt:
            return
        raise AirflowFailException(f"Version {ours.canary} was not promoted: the rollout of {rollout}.")
