"""The tasks of a rollout that move the alias: start, shift, promote, roll back; and the one that ends the run.

Each reads the alias, asks :mod:`~airflow_provider_versioned.rollout.rules` what is right, and moves it on condition of
the revision that it read. Tasks find the rollout in the XCom of the group's ``start``.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException
from airflow.sdk import BaseOperator

from airflow_provider_versioned.repository.errors import AliasNotFoundError, ConflictError, InvalidInputError
from airflow_provider_versioned.rollout import rules
from airflow_provider_versioned.rollout.rules import Rollout
from airflow_provider_versioned.rollout.verdict import CanaryStep, Verdict, VerdictError, judge
from airflow_provider_versioned.task.base import RepositoryOperator, no_vain_retry
from airflow_provider_versioned.task.fields import optional
from airflow_provider_versioned.task.identity import author

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_provider_versioned.repository import Alias

JUDGEMENT_KEY = "judgement"  # XCom under which a check leaves its verdict, also when its task fails
_TRIES = 10
_REASON_LENGTH = 500


class RolloutOperator(RepositoryOperator):
    """Base of the tasks after ``start``.

    Args:
        start_task_id: Where the rollout was begun.
    """

    ui_color = "#fdf1d7"

    def __init__(self, *, start_task_id: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start_task_id = start_task_id


class StartRolloutOperator(RepositoryOperator):
    """Finds out from which version the rollout starts; moves nothing, unless an own canary is in the way.

    Cleared together with a later task, it takes the rollout up where the alias stands.

    Args:
        version: The canary.
        group: Full id of the task group.
        steps: Checked here too, so that a bad one fails before anything moves.
    """

    ui_color = "#fdf1d7"
    template_fields: Sequence[str] = (
        *RepositoryOperator.template_fields,
        "name",
        "alias",
        "version",
        "steps",
        "reason",
    )

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        version: int | str,
        group: str,
        steps: Sequence[int | str],
        reason: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.alias = alias
        self.version = version
        self.group = group
        self.steps = steps
        self.reason = reason

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin the rollout, take it up again, or say that nothing is to be done."""
        with no_vain_retry(ConflictError):
            rules.check_weights(self.steps)
            canary, rollout_id = rules.check_canary(optional(self.version)), self._rollout_id(context)
            self.hook.repository.get_artifact_version(self.name, canary)
            alias = self._without_own_other_canary(self._alias(), canary, rollout_id, author(context))
            rollout = rules.begin(alias, canary, rollout_id)
        if rollout.promoted:
            self.log.info("Alias %r of %r is at version %s alone: nothing to do.", self.alias, self.name, canary)
        else:
            self.log.info("Rollout %r of version %s begins at %s.", rollout_id, canary, rules.state(alias))
        return replace(rollout, attempt=context["ti"].try_number, reason=optional(self.reason)).to_dict()

    def _alias(self) -> Alias:
        alias = self.hook.find_alias(self.name, self.alias)
        if alias is None:
            raise AliasNotFoundError(
                f"Artifact {self.name!r} has no alias {self.alias!r}, so a rollout has no stable version to start from "
                "and to go back to; create the alias with PromoteAliasOperator.",
                name=self.name,
                alias=self.alias,
            )
        return alias

    def _without_own_other_canary(self, alias: Alias, canary: str, rollout_id: str, changed_by: str) -> Alias:
        """Drop the canary that an earlier run of this very task brought, if the version asked for is now another."""
        if not rules.carries(alias, rollout_id) or alias.secondary_version == canary:
            return alias
        return self.hook.repository.rollback_alias(
            *(self.name, self.alias),
            to_version=alias.version,
            if_revision=alias.revision,
            reason=f"rollout begun anew with version {canary}",
            changed_by=changed_by,
        )

    def _rollout_id(self, context: Context) -> str:
        ti = context["ti"]
        mapped = "" if ti.map_index in (None, -1) else f"[{ti.map_index}]"
        return f"{ti.dag_id}/{ti.run_id}/{self.group}{mapped}"


class _MoveOperator(RolloutOperator):
    """Base of shift and promote: both judge the check before them, then move the alias one step.

    Args:
        steps: Weights of all steps.
        judged: What the check between the step before and this one answered, where that check is a task of its own;
            None where its task has judged already.
        judged_task: Whether ``judged`` is such an answer.
        step_task_id: Task that left the step before; None for the first.
    """

    template_fields: Sequence[str] = (*RepositoryOperator.template_fields, "steps", "judged")

    def __init__(
        self,
        *,
        steps: Sequence[int | str],
        step_task_id: str | None = None,
        judged: Any = None,
        judged_task: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.steps = steps
        self.step_task_id = step_task_id
        self.judged = judged
        self.judged_task = judged_task

    def execute(self, context: Context) -> dict[str, Any]:
        """Move the alias one step."""
        with no_vain_retry(ConflictError, VerdictError):
            rollout = begun(context, self.start_task_id)
            if rollout.promoted:
                self.log.info("Version %s was the only version already: nothing to do.", rollout.canary)
                return _step(rollout, self.hook.find_alias(rollout.name, rollout.alias), live=False)
            self._demand_success(context)
            return self.move(context, rollout)

    @abstractmethod
    def move(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Move the alias."""

    def _demand_success(self, context: Context) -> None:
        before = pull(context, self.step_task_id) if self.step_task_id else None
        if not self.judged_task or before is None or not before["live"]:
            return
        judgement = judge(self.judged)
        if judgement.verdict is not Verdict.SUCCESS:
            raise VerdictError(f"The check at {before['weight']} % said {judgement}.")

    def put(self, context: Context, rollout: Rollout, alias: Alias | None, reason: str, weight: int | None) -> Alias:
        """Give the canary a weight, or all (None), on condition of the revision that was read."""
        split = (rollout.canary, None, None) if weight is None else (rollout.stable, rollout.canary, weight)
        return self.hook.repository.put_alias(
            *(rollout.name, rollout.alias, *split),
            if_revision=alias.revision if alias else None,
            reason=reason,
            changed_by=author(context),
            rollout=rollout.id,
        )


class ShiftWeightOperator(_MoveOperator):
    """Gives the canary the weight of one step; never less than it has.

    Args:
        index: Which of the steps, from 0.
    """

    def __init__(self, *, index: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.index = index

    def move(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Widen the canary, unless the alias is further already."""
        weights = rules.check_weights(self.steps)
        weight, previous = weights[self.index], weights[self.index - 1] if self.index else None
        alias = self.hook.find_alias(rollout.name, rollout.alias)
        if rules.may_shift(rollout, alias, weight, previous):
            alias = self.put(
                context, rollout, alias, _reason(f"step {self.index + 1} of {len(weights)}", rollout), weight
            )
        now = alias.secondary_version_weight if alias else None
        self.log.info("Version %s has %s %% of alias %r of %r.", rollout.canary, now, rollout.alias, rollout.name)
        return _step(rollout, alias, live=now == weight)


class PromoteCanaryOperator(_MoveOperator):
    """Makes the canary the alias's only version."""

    def move(self, context: Context, rollout: Rollout) -> dict[str, Any]:
        """Promote, unless this rollout has done so already."""
        last = rules.check_weights(self.steps)[-1]
        alias = self.hook.find_alias(rollout.name, rollout.alias)
        if rules.may_promote(rollout, alias, last):
            alias = self.put(context, rollout, alias, _reason("promotion", rollout), None)
        self.log.info("Alias %r of %r is at version %s alone.", rollout.alias, rollout.name, rollout.canary)
        return _step(rollout, alias, live=False)


class RollBackUnlessPromotedOperator(RolloutOperator):
    """Puts the alias back on the stable version if this rollout's canary is still on it.

    Looks at the alias only, never at the states of tasks, so it is right after a failed check, a killed worker and a
    run that a person failed alike. Leaves the alias alone when somebody else moved it.

    Args:
        check_task_ids: Checks, from first to last, whose verdicts explain a rollback.
    """

    def __init__(self, *, check_task_ids: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.check_task_ids = check_task_ids

    def execute(self, context: Context) -> dict[str, Any]:
        """Roll back if needed; returns ``rolled_back`` and a sentence."""
        with no_vain_retry():
            rollout = begun(context, self.start_task_id)
            for _ in range(_TRIES):
                alias = self.hook.find_alias(rollout.name, rollout.alias)
                if alias is None or not rules.carries(alias, rollout.id):
                    return self._left_alone(rollout, alias)
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
        detail = f"was rolled back from {rules.state(alias)} to {rules.state(back)}: {back.reason}"
        self.log.warning("Alias %r of %r %s.", alias.alias, alias.name, detail)
        return {"rolled_back": True, "detail": detail, **back.to_dict()}

    def _left_alone(self, rollout: Rollout, alias: Alias | None) -> dict[str, Any]:
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

    ui_color = RolloutOperator.ui_color

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


def begun(context: Context, start_task_id: str) -> Rollout:
    """Return the rollout that the group's ``start`` began."""
    stored = pull(context, start_task_id)
    if stored is None:
        raise InvalidInputError(
            f"Task {start_task_id!r} left no rollout; clear the whole group, so that it runs again."
        )
    return Rollout.from_dict(stored)


def pull(context: Context, task_id: str, key: str = "return_value") -> Any:
    """Return what another task of the group left, of the same index where the group is mapped."""
    ti = context["ti"]
    return ti.xcom_pull(task_ids=task_id, key=key, map_indexes=-1 if ti.map_index is None else ti.map_index)


def _step(rollout: Rollout, alias: Alias | None, *, live: bool) -> dict[str, Any]:
    """Describe the step to the tasks after it; ``live`` says whether it is to be baked and judged."""
    if alias is None:
        raise InvalidInputError(f"Artifact {rollout.name!r} has no alias {rollout.alias!r} any more.")
    weight = alias.secondary_version_weight
    step = CanaryStep(
        name=rollout.name,
        alias=rollout.alias,
        stable=rollout.stable,
        canary=rollout.canary,
        weight=100 if weight is None else weight,
        rollout=rollout.id,
        since=alias.update_at,
    )
    return {**step.to_dict(), "live": live, "attempt": rollout.attempt}


def _reason(step: str, rollout: Rollout) -> str:
    return f"{step}: {rollout.reason}" if rollout.reason else step
