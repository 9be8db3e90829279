"""What all tasks of a rollout share: which rollout it is, how it stands, and waiting for it without a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_provider_versioned.rollout.handover import UI_COLOR, begun
from airflow_provider_versioned.task.base import RepositoryOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Rollout
    from airflow_provider_versioned.rollout.rules import Begun


class RolloutOperator(RepositoryOperator, BaseSensorOperator):
    """Base of the tasks that follow a rollout.

    Args:
        start_task_id: Full id of the task (:class:`StartRolloutOperator`) that began the rollout, in the same run.
        deferrable: Wait in the triggerer; otherwise the task is rescheduled. Neither occupies a worker.
        poke_interval: Seconds between two looks at the rollout while waiting: so long it takes until the task notices
            that somebody steers the rollout.
        kwargs: Those of :class:`~airflow_provider_versioned.task.base.RepositoryOperator`.
    """

    ui_color = UI_COLOR

    def __init__(
        self,
        *,
        start_task_id: str,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poke_interval: float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(mode="reschedule", poke_interval=poke_interval, **kwargs)
        self.start_task_id = start_task_id
        self.deferrable = deferrable

    def execute_complete(self, context: Context, event: Any) -> Any:
        """Look again when the triggerer says so."""
        self.log.info("Looking again: %s.", event)
        return self.execute(context)

    def begun(self, context: Context) -> Begun:
        """Return the rollout that was begun."""
        return begun(context, self.start_task_id)

    def look(self, ours: Begun) -> Rollout:
        """Read how it stands."""
        return self.hook.repository.get_rollout(ours.name, ours.alias, rollout_id=ours.id)

    def wait(self, rollout: Rollout, secs: float | None = None) -> NoReturn:
        """Leave the worker until the rollout is steered, or until so many seconds have passed."""
        now = datetime.now(UTC)
        until = None if secs is None else now + timedelta(seconds=secs)
        said = "until it is unfrozen, promoted or aborted" if until is None else f"until {until.isoformat()}"
        self.log.info("The rollout of %s. Waiting %s.", rollout, said)
        if not self.deferrable:
            look_at = now + timedelta(seconds=float(self.poke_interval))
            raise AirflowRescheduleException(look_at if until is None else min(until, look_at))  # type: ignore[no-untyped-call] # Airflow has no types here
        from airflow_provider_versioned.triggers.rollout import RolloutTrigger  # noqa: PLC0415 -- keeps Dag files light

        self.defer(
            trigger=RolloutTrigger(
                name=rollout.name,
                alias=rollout.alias,
                rollout_id=rollout.id,
                seen=rollout.course,
                until=until.isoformat() if until else None,
                poke_interval=float(self.poke_interval),
                **self.hook_arguments(),
            ),
            method_name="execute_complete",
        )
