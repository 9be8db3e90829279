"""Buttons for a running rollout: one task beside its steps, in which a person may promote, abort, skip or freeze."""

from __future__ import annotations

from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator

from airflow_provider_versioned.assets.announce import announce_move
from airflow_provider_versioned.gates.answer import Answer
from airflow_provider_versioned.gates.plan import table
from airflow_provider_versioned.gates.question import QuestionOperator
from airflow_provider_versioned.hooks.identity import task_identity
from airflow_provider_versioned.repository.errors import NotFoundError, VersionedError
from airflow_provider_versioned.task.fields import optional

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository.rollouts.model import Rollout

PROMOTE, ABORT, SKIP, FREEZE, UNFREEZE = "Promote now", "Abort", "Skip step", "Freeze", "Unfreeze"
_METHODS: Mapping[str, str] = MappingProxyType(
    {
        PROMOTE: "promote_rollout",
        ABORT: "abort_rollout",
        SKIP: "skip_rollout_step",
        FREEZE: "freeze_rollout",
        UNFREEZE: "unfreeze_rollout",
    }
)
_MEANING = (
    (PROMOTE, "all traffic to the canary at once; the rollout is over"),
    (ABORT, "all traffic back to the stable version at once; the rollout is over"),
    (SKIP, "no more baking and checking at the present weight: on to the next step, also if it is frozen"),
    (FREEZE, "the rollout stays where it is until somebody unfreezes it"),
    (UNFREEZE, "the rollout goes on"),
)
_ANSWERS_KEY = "answers"


class RolloutControlOperator(QuestionOperator):
    """Lets a person steer the running rollout of an alias, from Airflow's own page of required actions.

    Waits in the triggerer, without a worker, for as long as the rollout runs: applies each answer in the name of the
    person who gave it, and asks again. Ends with success when the rollout ends, however that comes, or when task
    ``until_task_id`` of the same run has ended, so it never keeps a run from ending. An answer that cannot be applied
    (say, the rollout is frozen already) is logged, and changes nothing. If the task dies after an answer and before it
    was applied, its next try applies it (a step is skipped only if it had begun before); after a clear it asks anew.

    Returns the ``answers`` that were applied or refused, and how the rollout ``ended``.

    Args:
        rollout: Id of the rollout; None: the one that is on when the task starts; templated.
        until_task_id: Full id of a task after whose end nobody waits for an answer any more; templated.
        kwargs: Those of :class:`~airflow_provider_versioned.gates.question.QuestionOperator`, ``response_timeout``
            excepted.
    """

    template_fields: Sequence[str] = (*QuestionOperator.template_fields, "rollout", "until_task_id")

    def __init__(self, *, rollout: str | None = None, until_task_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(options=list(_METHODS), **kwargs)
        self.rollout = rollout
        self.until_task_id = until_task_id

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask, if the rollout is on."""
        return self._ask(context, asked=_is_plain_retry(self, context))

    def _ask(self, context: Context, *, asked: bool) -> dict[str, Any]:
        rollout = self._mine()
        if rollout is None:
            return self._over(context, self._how_it_ended())
        self.rollout = rollout.id
        context["ti"].xcom_push(key="rollout", value=rollout.id)
        subject = f"{self.alias} of {self.name}: steer the rollout of version {rollout.canary}"
        return self.ask(context, subject, _describe(rollout), rollout.id, asked=asked)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Apply the answer, and ask again."""
        if "ended" in event:
            return self._over(context, event["ended"])
        if "unasked" in event:
            return self._ask(context, asked=False)
        answer = Answer.of(HITLOperator.execute_complete(self, context, event))
        self.rollout = self._kept(context, "rollout") or self.rollout
        told = {"option": answer.option, "by": answer.by, "at": answer.at, "comment": answer.comment}
        told["refused"] = self._apply(context, answer, left_over=bool(event.get("left_over")))
        context["ti"].xcom_push(key=_ANSWERS_KEY, value=[*(self._kept(context, _ANSWERS_KEY) or []), told])
        return self._ask(context, asked=False)

    def until(self, context: Context) -> dict[str, Any] | None:
        """Return the task that ends the waiting."""
        task_id = optional(self.until_task_id)
        if task_id is None:
            return None
        dag_id, run_id, _, map_index = task_identity(context)
        return {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}

    def _mine(self) -> Rollout | None:
        rollout, given = self.live_rollout(), optional(self.rollout)
        return rollout if rollout is not None and given in {None, rollout.id} else None

    def _how_it_ended(self) -> str:
        try:
            ended = self.hook.repository.get_rollout(self.name, self.alias, rollout_id=optional(self.rollout))
        except NotFoundError:
            return "no rollout is on"
        return f"rollout {ended.id!r} of {ended}"

    def _apply(self, context: Context, answer: Answer, *, left_over: bool) -> str | None:
        """Do what was chosen; returns why not, if it could not be done."""
        rollout = self._mine() if left_over else None
        if rollout is not None and _is_about_another_step(answer, rollout):
            self.log.warning("%s, which is refused: the task died before, and another step has begun since.", answer)
            return "another step has begun since the answer was given; answer again, if that is to be skipped too"
        arguments: dict[str, Any] = {"rollout_id": self.rollout, "changed_by": answer.by}
        arguments["reason"] = f"{answer.option}: {answer.comment}" if answer.comment else answer.option
        if answer.option == PROMOTE:
            arguments["approval"] = answer.approval
        try:
            before = self.hook.find_alias(self.name, self.alias)
            getattr(self.hook.repository, _METHODS[answer.option])(self.name, self.alias, **arguments)
            after = self.hook.find_alias(self.name, self.alias)
            if before is None or after is None or before.revision != after.revision:
                announce_move(self, context, after, by=answer.by)
        except VersionedError as error:
            self.log.warning("%s, which is refused: %s", answer, error)
            return str(error)
        self.log.info("%s, which is done.", answer)
        return None

    def _kept(self, context: Context, key: str) -> Any:
        ti = context["ti"]
        return ti.xcom_pull(task_ids=ti.task_id, key=key, map_indexes=-1 if ti.map_index is None else ti.map_index)

    def _over(self, context: Context, how: str) -> dict[str, Any]:
        self.log.info("Nothing to steer any more: %s.", how)
        return {"answers": self._kept(context, _ANSWERS_KEY) or [], "ended": how}


def _is_plain_retry(task: RolloutControlOperator, context: Context) -> bool:
    """Tell whether an earlier try has died, and nobody has cleared the task: what it had asked still stands then."""
    ti = context["ti"]
    return bool(ti.try_number > 1 and ti.max_tries == task.retries)


def _is_about_another_step(answer: Answer, rollout: Rollout) -> bool:
    """Tell whether an answer was given before what it would be applied to had begun."""
    began = rollout.stepped_at if answer.option == SKIP and rollout.stepped_at else rollout.began_at
    return began > datetime.fromisoformat(answer.at)


def _describe(rollout: Rollout) -> str:
    weights = ", ".join(f"{weight} %" for weight in rollout.weights)
    facts = [
        ("stable version", rollout.stable),
        ("canary", rollout.canary),
        ("steps", f"{weights}, 100 %"),
        ("begun", rollout.began_at),
        ("by", rollout.began_by),
        ("reason", rollout.reason),
    ]
    return f"{table(('rollout', rollout.id), facts)}\n\n{table(('option', 'what it does'), _MEANING)}"
