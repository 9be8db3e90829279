"""What all questions to a person share: the form, the waiting, and who answered.

Built on the operators of the standard provider, so Airflow shows, authorises and records the answer. A question about a
running rollout also ends when the rollout does: its task waits in the triggerer, where both are looked at.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.execution_time.hitl import upsert_hitl_detail

from airflow_provider_versioned.gates.answer import COMMENT
from airflow_provider_versioned.repository.errors import NotFoundError
from airflow_provider_versioned.task.base import RepositoryOperator
from airflow_provider_versioned.task.fields import optional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context
    from airflow.sdk.execution_time.hitl import HITLUser

    from airflow_provider_versioned.repository.rollouts.model import Rollout

UI_COLOR = "#f3e3f7"


class QuestionOperator(RepositoryOperator, HITLOperator):
    """Base of the tasks that ask a person.

    Args:
        name: Artifact name.
        alias: The alias that is asked about.
        subject: The headline; None: says what is asked.
        body: Words to the person, in Markdown, above the facts.
        assigned_users: Who may answer, ``{"id": …, "name": …}`` each; None: whoever Airflow lets answer.
        response_timeout: How long to wait for an answer; then the default counts. None: for ever.
        notifiers: Called when the question is asked.
        poke_interval: Seconds between two looks at a running rollout.
        retries: At least one is wise: up to Airflow 3.3.2, a person who answers in the very second in which the task
            begins to wait makes it fail, and it asks again.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "name", "alias", "subject", "body")
    ui_color = UI_COLOR

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        subject: str | None = None,
        body: str | None = None,
        assigned_users: HITLUser | list[HITLUser] | None = None,
        response_timeout: timedelta | None = None,
        retries: int = 2,
        retry_delay: timedelta = timedelta(seconds=10),
        poke_interval: float = 5.0,
        params: Any = None,  # noqa: ARG002 -- Airflow passes those of the Dag, which are no fields of the form
        **kwargs: Any,
    ) -> None:
        comment = Param(None, type=["null", "string"], description="Kept with your answer", source="task")
        super().__init__(
            subject=subject,
            body=body,
            params={COMMENT: comment},
            assigned_users=assigned_users,
            response_timeout=response_timeout,
            retries=retries,
            retry_delay=retry_delay,
            **kwargs,
        )
        self.name = name
        self.alias = alias
        self.poke_interval = poke_interval

    def ask(
        self, context: Context, subject: str, body: str, rollout: str | None = None, *, asked: bool = False
    ) -> NoReturn:
        """Ask, and leave the worker; the task goes on in ``execute_complete``.

        Args:
            rollout: Id of the running rollout that the question is about: when it ends, ``execute_complete`` is called
                with ``{"ended": …}``.
            asked: An earlier try of the task may have asked that already; only with a rollout. If it has, and somebody
                answered, ``execute_complete`` is called with that answer and ``"left_over": True``; if it has not, with
                ``{"unasked": True}``.
        """
        self.subject = optional(self.subject) or subject
        self.body = "\n\n".join(part for part in (optional(self.body), body) if part)
        if rollout is None:
            HITLOperator.execute(self, context)
            raise RuntimeError("Airflow's operator did not wait for an answer.")
        if not asked:
            self._put_question(context)
        self._wait_while_live(context, rollout, asked=not asked)

    def _put_question(self, context: Context) -> None:
        upsert_hitl_detail(
            ti_id=context["ti"].id,
            options=self.options,
            subject=self.subject,
            body=self.body,
            defaults=self.defaults,
            multiple=self.multiple,
            params=self.serialized_params,
            assigned_users=self.assigned_users,
        )
        for notifier in self.notifiers:
            notifier(context)

    def _wait_while_live(self, context: Context, rollout: str, *, asked: bool) -> NoReturn:
        from airflow_provider_versioned.triggers.rollout_answer import RolloutAnswerTrigger  # noqa: PLC0415 -- keeps Dag files light

        deadline = (datetime.now(UTC) + self.response_timeout).isoformat() if self.response_timeout else None
        self.defer(
            trigger=RolloutAnswerTrigger(
                name=self.name,
                alias=self.alias,
                rollout=rollout,
                ti_id=str(context["ti"].id),
                defaults=list(self.defaults or ()),
                deadline=deadline,
                until=self.until(context),
                asked=asked,
                poke_interval=self.poke_interval,
                **self.hook_arguments(),
            ),
            method_name="execute_complete",
        )

    def until(self, context: Context) -> dict[str, Any] | None:  # noqa: ARG002 -- for subclasses
        """Return the task after whose end nobody waits for an answer any more: ``dag_id``, ``run_id``, ``task_id``."""
        return None

    def live_rollout(self) -> Rollout | None:
        """Return the rollout that the alias is in, if one is on."""
        try:
            rollout = self.hook.repository.get_rollout(self.name, self.alias)
        except NotFoundError:
            return None
        return rollout if rollout.is_live else None
