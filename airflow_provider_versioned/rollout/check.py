"""The tasks between two steps of a rollout: letting the canary bake, and judging it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, determine_kwargs

from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError, NotFoundError
from airflow_provider_versioned.rollout.consequences import Consequence, Consequences
from airflow_provider_versioned.rollout.handover import (
    JUDGEMENT_KEY,
    canary_step,
    describe_judgement,
    describe_step,
    judged_before,
)
from airflow_provider_versioned.rollout.rules import FINAL, Stand, stand, told
from airflow_provider_versioned.rollout.steps import Bake, parse_bake
from airflow_provider_versioned.rollout.verdict import Judgement, Verdict, judge
from airflow_provider_versioned.rollout.waiting import RolloutOperator
from airflow_provider_versioned.task.base import no_vain_retry
from airflow_provider_versioned.task.fields import parse_seconds
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Rollout

_EVER_SECS = 10 * 365 * 86_400.0  # the rollout is named, and the alias must be as it left it: that is bound enough
_REASON_LENGTH = 1000


class _StepOperator(RolloutOperator):
    """Base of bake and check.

    Args:
        step: Which step, from 0; -1: the promotion.
    """

    def __init__(self, *, step: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.step = step

    def stand(self, context: Context) -> tuple[Rollout, Stand]:
        """Look where the rollout is; wait while it is frozen."""
        with no_vain_retry(ConflictError, NotFoundError):
            ours = self.begun(context)
            rollout = self.look(ours)
            where = stand(rollout, ours, self.step)
            if where is Stand.BEFORE:
                raise told(rollout, self.step)
        if where is Stand.FROZEN:
            self.wait(rollout)
        if where is Stand.PAST:
            self.log.info("Nothing to wait for or to judge here: the rollout of %s.", rollout)
        return rollout, where


class BakeOperator(_StepOperator):
    """Waits until a step is old enough to be judged.

    Its age counts from when the weight was given, so a retry does not bake again from zero; the time in which the
    rollout was frozen does not count. Ends early when somebody promotes the rollout or skips the step.

    Args:
        bake: Seconds, or a timedelta; or a list of these, one for each step.
    """

    template_fields: Sequence[str] = (*RolloutOperator.template_fields, "bake")

    def __init__(self, *, bake: Bake, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bake = bake

    def execute(self, context: Context) -> dict[str, Any]:
        """Return the step when it has baked, go to sleep before."""
        rollout, where = self.stand(context)
        if where is Stand.HERE:
            with no_vain_retry():
                left = parse_bake(self.bake, max(self.step, 0)) - rollout.baked_secs()
            if left > 0:
                self.wait(rollout, left)
        return describe_step(rollout, live=where is Stand.HERE)


class CheckCanaryOperator(_StepOperator):
    """Asks a callable for a verdict on a step, and acts on it.

    The verdict and its numbers are kept in the rollout's record and as XCom ``judgement``.

    Args:
        check: Called with a :class:`CanaryStep`, and with what it names as further arguments of the Airflow context and
            ``hook`` (a :class:`VersionedRepositoryHook`). What it raises is the verdict error.
        consequences: What follows from each verdict.
        check_interval: How long to wait before a check that shall be asked again: seconds, or a timedelta.
        check_timeout: For how long it is asked again; then follows ``Consequences.timeout``.
        asks: A task after this one asks a person; otherwise to ask is to freeze.
    """

    template_fields: Sequence[str] = (*RolloutOperator.template_fields, "check_interval", "check_timeout")

    def __init__(
        self,
        *,
        check: Callable[..., Any],
        consequences: Consequences | None = None,
        check_interval: float | str | timedelta = 60,
        check_timeout: float | str | timedelta = 3600,
        asks: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.check = check
        self.consequences = consequences or Consequences()
        self.check_interval = check_interval
        self.check_timeout = check_timeout
        self.asks = asks

    def execute(self, context: Context) -> dict[str, Any] | None:
        """Judge the step, unless the rollout is past it."""
        rollout, where = self.stand(context)
        if where is Stand.PAST:
            return None
        with no_vain_retry():
            interval = parse_seconds("check_interval", self.check_interval)
            timeout = parse_seconds("check_timeout", self.check_timeout)
        before, baked = judged_before(rollout, self.step), rollout.baked_secs()
        asked_from = float(before["asked_from_secs"]) if before else baked
        judgement = self._judgement(context, rollout)
        consequence = self.consequences.of(judgement.verdict)
        left = asked_from + timeout - baked
        if consequence is Consequence.WAIT and left <= 0:
            consequence = self.consequences.in_vain
        self._keep(context, rollout, judgement, consequence, asked_from)
        if consequence is Consequence.WAIT:
            self.log.info("%s Asking again.", self._sentence(rollout, judgement))
            self.wait(rollout, min(interval, left))
        return self._follow(context, rollout, judgement, consequence)

    def _judgement(self, context: Context, rollout: Rollout) -> Judgement:
        step = canary_step(rollout)
        try:
            return judge(self.check(step, **determine_kwargs(self.check, [step], {**context, "hook": self.hook})))
        except AirflowFailException:
            raise
        except Exception as error:  # what a check may raise is anything; which it was stands in the record and the log
            self.log.warning("The check raised %s.", type(error).__name__, exc_info=True)
            reason = f"it raised {type(error).__name__}: {error}"[:_REASON_LENGTH]
            return Judgement(Verdict.ERROR, {}, reason)

    def _keep(
        self, context: Context, rollout: Rollout, judgement: Judgement, consequence: Consequence, asked_from: float
    ) -> None:
        kept = describe_judgement(rollout, self.step, judgement, consequence, asked_from)
        context["ti"].xcom_push(key=JUDGEMENT_KEY, value=kept)
        record = self.hook.repository.record_judgement
        with no_vain_retry(ConflictError, NotFoundError):
            try:
                record(rollout.name, rollout.alias, kept, rollout_id=rollout.id)
            except InvalidInputError as error:
                self.log.warning("The record keeps the verdict alone: %s", error)
                shortened = {**kept, "detail": {}, "reason": str(kept.get("reason") or "")[:_REASON_LENGTH]}
                record(rollout.name, rollout.alias, shortened, rollout_id=rollout.id)

    def _follow(
        self, context: Context, rollout: Rollout, judgement: Judgement, consequence: Consequence
    ) -> dict[str, Any]:
        sentence = self._sentence(rollout, judgement)
        if consequence is Consequence.GO_ON:
            self.log.info(sentence)
            return judgement.to_dict()
        if consequence is Consequence.ROLL_BACK and self.step == FINAL:
            self._undo(context, rollout, sentence)
        if consequence is Consequence.ROLL_BACK or self.step == FINAL:
            raise AirflowFailException(sentence)
        frozen = self.hook.repository.freeze_rollout(
            *(rollout.name, rollout.alias),
            rollout_id=rollout.id,
            reason=sentence[:_REASON_LENGTH],
            changed_by=author(context),
        )
        if consequence is not Consequence.ASK or not self.asks:
            self.wait(frozen)
        self.log.info("%s A person is asked.", sentence)
        return judgement.to_dict()

    def _undo(self, context: Context, rollout: Rollout, sentence: str) -> None:
        with no_vain_retry(ConflictError, NotFoundError):
            self.hook.repository.roll_back_promotion(
                *(rollout.name, rollout.alias),
                within_secs=_EVER_SECS,
                rollout_id=rollout.id,
                reason=sentence[:_REASON_LENGTH],
                changed_by=author(context),
            )

    @staticmethod
    def _sentence(rollout: Rollout, judgement: Judgement) -> str:
        where = f"Version {rollout.canary} at {rollout.weight} % of alias {rollout.alias!r} of {rollout.name!r}"
        return f"{where}: {judgement}."
