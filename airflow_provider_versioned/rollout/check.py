"""The tasks between two steps of a rollout: letting the canary bake, and judging it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    conf,
    determine_kwargs,
)
from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.rollout import rules
from airflow_provider_versioned.rollout.handover import JUDGEMENT_KEY, UI_COLOR, pull
from airflow_provider_versioned.rollout.verdict import CanaryStep, Judgement, Verdict, VerdictError, judge
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import parse_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow.sdk import Context


class BakeOperator(BaseSensorOperator):
    """Waits until a step is old enough to be judged.

    Its age counts from when the weight was given, so a retry does not bake again from zero.

    Args:
        bake: Seconds, or a timedelta.
        step_task_id: Task that gave the weight.
        deferrable: Wait in the triggerer; otherwise the task is rescheduled. Neither occupies a worker.
    """

    ui_color = UI_COLOR
    template_fields: Sequence[str] = ("bake",)

    def __init__(
        self,
        *,
        bake: float | str | timedelta,
        step_task_id: str,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(mode="reschedule", **kwargs)
        self.bake = bake
        self.step_task_id = step_task_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the step when it has baked, go to sleep before."""
        step: dict[str, Any] = pull(context, self.step_task_id)
        with no_vain_retry():
            baked = datetime.fromisoformat(step["since"]) + timedelta(seconds=parse_seconds("bake", self.bake))
        if not step["live"] or datetime.now(UTC) >= baked:
            return step
        self.log.info("Baking until %s.", baked.isoformat())
        return self._sleep_until(baked)

    def execute_complete(self, context: Context, event: Any) -> dict[str, Any]:  # noqa: ARG002 -- Airflow passes it
        """Look again when the triggerer says that it is time."""
        return self.execute(context)

    def _sleep_until(self, moment: datetime) -> NoReturn:
        if not self.deferrable:
            raise AirflowRescheduleException(moment)  # type: ignore[no-untyped-call] # Airflow has no types here
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger  # noqa: PLC0415 -- keeps Dag files light

        self.defer(trigger=DateTimeTrigger(moment), method_name="execute_complete")


class CheckCanaryOperator(RepositoryOperator):
    """Asks a callable for a verdict on a step, and acts on it.

    Success ends the task well. Failure fails it for good; inconclusive and error are retried as often as the task's
    ``retries`` allow, then fail it. The verdict and its numbers are kept as XCom ``judgement`` in each case.

    Args:
        check: Called with a :class:`CanaryStep`, and with what it names as further arguments of the Airflow context and
            ``hook`` (a :class:`VersionedRepositoryHook`).
        step_task_id: Task that gave the weight.
    """

    ui_color = UI_COLOR

    def __init__(self, *, check: Callable[..., Any], step_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.step_task_id = step_task_id

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Judge the step, unless the rollout is past it."""
        stored = pull(context, self.step_task_id)
        if not stored["live"]:
            self.log.info("The rollout is past this step: nothing to judge.")
            return None
        step, attempt = CanaryStep.from_dict(stored), stored["attempt"]
        with no_vain_retry(ConflictError):
            alias = self.hook.find_alias(step.name, step.alias)
            rules.demand_step(step.rollout, alias, step.canary, step.weight)
        return self._consequence(context, step, self._judgement(context, step, attempt), attempt)

    def _judgement(self, context: Context, step: CanaryStep, attempt: int) -> Judgement:
        try:
            return judge(self.check(step, **determine_kwargs(self.check, [step], {**context, "hook": self.hook})))
        except Exception as error:
            self._keep(context, Judgement(Verdict.ERROR, {"error": f"{type(error).__name__}: {error}"}), attempt)
            if isinstance(error, AirflowSkipException):
                # A skipped check would skip the promotion, and the run would end in success after a rollback.
                raise VerdictError(f"The check at {step.weight} % skipped itself, which is no verdict.") from error
            raise

    def _consequence(self, context: Context, step: CanaryStep, judgement: Judgement, attempt: int) -> dict[str, Any]:
        self._keep(context, judgement, attempt)
        sentence = f"Version {step.canary} at {step.weight} % of alias {step.alias!r} of {step.name!r}: {judgement}."
        if judgement.verdict is Verdict.SUCCESS:
            self.log.info(sentence)
            return judgement.to_dict()
        if judgement.verdict is Verdict.FAILURE:
            raise AirflowFailException(sentence)
        raise VerdictError(sentence)

    def _keep(self, context: Context, judgement: Judgement, attempt: int) -> None:
        context["ti"].xcom_push(key=JUDGEMENT_KEY, value={**judgement.to_dict(), "attempt": attempt})
