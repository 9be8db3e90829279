"""The tasks at the end of every rollout, whatever happened: the rollback, and the verdict on the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.links import DynamoDBItemLink, link_to_alias
from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.rollout import rules
from airflow_provider_versioned.rollout.handover import JUDGEMENT_KEY, UI_COLOR, begun, pull
from airflow_provider_versioned.rollout.verdict import Verdict, judge
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Alias
    from airflow_provider_versioned.rollout.rules import Rollout

_TRIES = 10
_REASON_LENGTH = 500


class RollBackUnlessPromotedOperator(RepositoryOperator):
    """Puts the alias back on the stable version if this rollout's canary is still on it.

    Looks at the alias only, never at the states of tasks, so it is right after a failed check, a killed worker and a
    run that a person failed alike. Leaves the alias alone when somebody else moved it.

    Args:
        start_task_id: Where the rollout was begun.
        check_task_ids: Checks, from first to last, whose verdicts explain a rollback.
    """

    operator_extra_links = (DynamoDBItemLink(),)
    ui_color = UI_COLOR

    def __init__(self, *, start_task_id: str, check_task_ids: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id
        self.check_task_ids = check_task_ids

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll back if needed; returns ``rolled_back`` and a sentence."""
        with no_vain_retry():
            rollout = begun(context, self.start_task_id)
            for _ in range(_TRIES):
                alias = self.hook.find_alias(rollout.name, rollout.alias)
                if alias is None or not rules.carries(alias, rollout.id):
                    return self._left_alone(context, rollout, alias)
                try:
                    return self._rolled_back(context, alias, rollout.attempt)
                except ConflictError as error:
                    self.log.info("Looking again: %s", error)
            raise ConflictError(f"Alias {rollout.alias!r} of {rollout.name!r} kept being moved; try again.")

    def _rolled_back(self, context: Context, alias: Alias, attempt: int) -> dict[str, Any]:
        back = self.hook.repository.rollback_alias(
            *(alias.name, alias.alias),
            to_version=alias.version,
            if_revision=alias.revision,
            reason=self._why(context, attempt),
            changed_by=author(context),
        )
        self._tell(context, back)
        detail = f"was rolled back from {rules.state(alias)} to {rules.state(back)}: {back.reason}"
        self.log.warning("Alias %r of %r %s.", alias.alias, alias.name, detail)
        return {"rolled_back": True, "detail": detail, **back.to_dict()}

    def _tell(self, context: Context, alias: Alias | None) -> None:
        """Tell where the alias is, and that this task, or an earlier try of it, put it there."""
        link_to_alias(self, alias)
        announce_move(self, context, alias)

    def _left_alone(self, context: Context, rollout: Rollout, alias: Alias | None) -> dict[str, Any]:
        self._tell(context, alias)
        if alias is None:
            detail = "does not exist any more; left alone"
        elif alias.secondary_version is None and alias.version == rollout.canary:
            detail = f"is promoted to version {rollout.canary}; nothing to roll back"
        elif alias.revision == rollout.revision:
            detail = f"never left {rules.state(alias)}; nothing to roll back"
        else:
            detail = f"is at {rules.state(alias)}, {rules.moved(alias)}; left alone"
        self.log.info("Alias %r of %r %s.", rollout.alias, rollout.name, detail)
        return {"rolled_back": False, "detail": detail, **(alias.to_dict() if alias else {})}

    def _why(self, context: Context, attempt: int) -> str:
        """Return the last verdict of this attempt that was not success, for the alias's history."""
        for task_id in reversed(self.check_task_ids):
            stored = pull(context, task_id, JUDGEMENT_KEY)
            if stored is None or stored["attempt"] != attempt:
                continue
            if stored["verdict"] != Verdict.SUCCESS:
                return f"{task_id} said {judge(stored)}"[:_REASON_LENGTH]
        return "the rollout ended before the promotion"


class FailUnlessPromotedOperator(BaseOperator):
    """Ends the run failed when the rollout did not end in its promotion, also where Airflow itself would not.

    A person who marks a run as failed makes Airflow skip what has not run, and a run whose last tasks are skipped is a
    success to Airflow.

    Args:
        start_task_id: Where the rollout was begun.
        promote_task_id: Where it was promoted.
        roll_back_task_id: Where it was rolled back, for the reason.
    """

    ui_color = UI_COLOR

    def __init__(self, *, start_task_id: str, promote_task_id: str, roll_back_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id
        self.promote_task_id = promote_task_id
        self.roll_back_task_id = roll_back_task_id

    def execute(self, context: Context) -> None:
        """Succeed after the promotion only."""
        rollout = begun(context, self.start_task_id)
        promotion = pull(context, self.promote_task_id)
        # After a clearing, what the promotion of an earlier attempt left is still there until that task runs again.
        if rollout.promoted or (promotion is not None and promotion["attempt"] == rollout.attempt):
            return
        alias = (pull(context, self.roll_back_task_id) or {}).get("detail", "may still carry it: its rollback failed")
        raise AirflowFailException(f"Version {rollout.canary} was not promoted; the alias {alias}.")
