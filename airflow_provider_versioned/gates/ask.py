"""What becomes of a rollout whose check cannot tell: a person decides."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.providers.standard.operators.hitl import HITLOperator

from airflow_provider_versioned.gates.answer import Answer
from airflow_provider_versioned.gates.plan import describe_judgement, describe_outcomes
from airflow_provider_versioned.gates.question import QuestionOperator
from airflow_provider_versioned.repository.errors import NotFoundError, VersionedError
from airflow_provider_versioned.task.base import no_vain_retry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository.rollouts.model import Rollout

GO_ON, ROLL_BACK, KEEP_WAITING = "Go on", "Roll back", "Keep waiting"


class StillWaitingError(VersionedError):
    """A person wants to see more before deciding; the task asks again at its next try."""


class AskOperator(QuestionOperator):
    """Asks a person what to do with the running rollout of an alias: options Go on, Roll back, Keep waiting.

    The question shows the last judgement of the rollout with its numbers, and what was reported until now.

    *Go on*: the task succeeds and returns ``option``, ``by``, ``at`` and ``comment``. *Roll back*: it fails for good.
    *Keep waiting*: it is retried after ``retry_delay``, and asks again with the numbers of then; after the last of its
    ``retries`` it fails. If the rollout ends before anybody answers, the task succeeds.

    Args:
        judgement: What to show instead of the rollout's last judgement: a mapping with ``verdict``, ``detail`` and
            ``reason``, such as the output of a check; templated.
        kwargs: Those of :class:`~airflow_provider_versioned.gates.question.QuestionOperator`. When
            ``response_timeout`` is over, that counts as Roll back.
    """

    template_fields: Sequence[str] = (*QuestionOperator.template_fields, "judgement")

    def __init__(
        self,
        *,
        judgement: Any = None,
        retries: int = 20,
        retry_delay: timedelta = timedelta(minutes=5),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            options=[GO_ON, ROLL_BACK, KEEP_WAITING],
            defaults=ROLL_BACK,
            retries=retries,
            retry_delay=retry_delay,
            **kwargs,
        )
        self.judgement = judgement

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, unless the rollout is over."""
        with no_vain_retry(NotFoundError):
            rollout = self.live_rollout()
            if rollout is None:
                return self._over("no rollout is on")
            body = self._describe(rollout)
        subject = f"{self.alias} of {self.name}: what shall become of version {rollout.canary} at {rollout.weight} %?"
        return self.ask(context, subject, body, rollout.id)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Act on the answer."""
        if "ended" in event:
            return self._over(event["ended"])
        answer = Answer.of(HITLOperator.execute_complete(self, context, event))
        self.log.info("%s.", answer)
        if answer.option == ROLL_BACK:
            raise AirflowFailException(
                f"The rollout of {self.alias!r} of {self.name!r} shall be rolled back: {answer}."
            )
        if answer.option == KEEP_WAITING:
            raise StillWaitingError(f"Asking again about the rollout of {self.alias!r} of {self.name!r}: {answer}.")
        return {"option": answer.option, "by": answer.by, "at": answer.at, "comment": answer.comment}

    def _describe(self, rollout: Rollout) -> str:
        judgement = self.judgement or rollout.judgement
        said = describe_judgement(judgement) if judgement else "No check has judged it yet."
        outcomes = self.hook.repository.get_outcomes(self.name, self.alias, rollout=rollout.id)
        return "\n\n".join(filter(None, (said, describe_outcomes(outcomes))))

    def _over(self, how: str) -> dict[str, Any]:
        self.log.info("Nothing to ask: %s.", how)
        return {"option": None, "by": None, "at": None, "comment": how}
