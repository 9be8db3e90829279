"""The task group of a staged promotion: which tasks there are and in which order they run.

What they do is told in :mod:`~airflow_provider_versioned.rollout.start`, ``moves``, ``check`` and ``ending``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import TaskGroup, chain

from airflow_provider_versioned.repository.errors import InvalidTypeError
from airflow_provider_versioned.rollout.check import BakeOperator, CheckCanaryOperator
from airflow_provider_versioned.rollout.ending import FailUnlessPromotedOperator, RollBackUnlessPromotedOperator
from airflow_provider_versioned.rollout.moves import PromoteCanaryOperator, ShiftWeightOperator
from airflow_provider_versioned.rollout.rules import check_weights
from airflow_provider_versioned.rollout.start import StartRolloutOperator

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk import BaseOperator

_MOVES = {
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
}  # moves may be repeated; a throttle is no reason to give up


def staged_promotion(
    *,
    name: str,
    alias: str,
    version: int | str,
    bake: float | str | timedelta,
    steps: Sequence[int | str] = (5, 25, 50),
    check: Callable[..., Any] | None = None,
    group_id: str = "staged_promotion",
    reason: str | None = None,
    deferrable: bool | None = None,
    retries: int | None = None,
    default_args: Mapping[str, Any] | None = None,
    aws_conn_id: str | None = "aws_default",
    region_name: str | None = None,
    verify: bool | str | None = None,
    botocore_config: dict[str, Any] | None = None,
    s3_bucket: str | None = None,
    s3_prefix: str | None = None,
    dynamodb_table_name: str | None = None,
    suffix: str | None = None,
) -> TaskGroup:
    """Make the tasks that move an alias from its version (stable) to another (canary) in stages.

    ``start``, then for each step ``shift_5``, ``bake_5``, ``check_5``, then ``promote``, and at the end, whatever
    happened, ``roll_back_unless_promoted``: it puts the alias back on the stable version if this rollout's canary is
    still on it. Without a promotion ``fail_unless_promoted`` ends the run failed, and tasks after the group do not run.

    If the alias is at ``version`` alone already, the tasks succeed and do nothing. If it does not exist, or has a
    canary that is not this rollout's, ``start`` fails and nothing moves. If somebody else moves the alias on the way,
    the rollout stops and leaves it as it is. Tasks may be retried and cleared: each goes on from where the alias
    stands, and no weight is ever lowered. Clear the whole group to begin anew after a rollback.

    A rollback does not run when ``dagrun_timeout`` ends the run: Airflow then skips every task.

    Args:
        name: Artifact name; templated, as are ``alias``, ``version``, ``bake``, ``reason``, each step, and all that
            name the repository.
        version: The canary, a number.
        bake: How long each step runs before it is judged: seconds or a timedelta, from when the weight was given.
        steps: Weights of the canary in whole percent, from 1 to 99, ascending. Tasks are named for weights given as
            int, otherwise for their place: ``shift_step_1``.
        check: Judges each step after its bake; None: nothing is judged. ``OutcomeJudge()`` judges what consumers
            report. Else a callable, called with a :class:`CanaryStep` and whatever it names of the Airflow context and
            ``hook``; or a function decorated with ``@task``, called with the step as a dict, whose answer is read by
            the next task. See :func:`~airflow_provider_versioned.rollout.verdict.judge` for answers.
        group_id: Id of the task group.
        reason: Why, for the alias's history.
        deferrable: Bake in the triggerer; None: as Airflow is configured.
        retries: Retries of the checks, for inconclusive verdicts and errors; None: those of the Dag.
        default_args: Arguments for all tasks of the group. The tasks that move the alias have retries of their own.
        aws_conn_id: This and the rest as in :class:`~airflow_provider_versioned.task.base.RepositoryOperator`.

    Raises:
        InvalidInputError: The steps are given as numbers and are not what is allowed.
    """
    place = {
        "aws_conn_id": aws_conn_id,
        "region_name": region_name,
        "verify": verify,
        "botocore_config": botocore_config,
        "s3_bucket": s3_bucket,
        "s3_prefix": s3_prefix,
        "dynamodb_table_name": dynamodb_table_name,
        "suffix": suffix,
    }
    if all(isinstance(step, int) for step in steps):
        check_weights(steps)
    if check is not None and not callable(check):
        raise InvalidTypeError(f"check must be a callable or a function decorated with @task, got {check!r}.")
    if deferrable is None:
        deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
    arguments: Any = dict(default_args or {})  # TaskGroup's own annotation cannot be met
    with TaskGroup(group_id=group_id, default_args=arguments, tooltip=_tooltip(steps)) as group:
        start = StartRolloutOperator(
            task_id="start",
            name=name,
            alias=alias,
            version=version,
            reason=reason,
            group=str(group.group_id),
            steps=list(steps),
            **{**place, **_MOVES},
        )
        stages = _Stages(start, steps, place)
        for index in range(len(steps)):
            stages.add(index, bake, check, retries, deferrable=deferrable)
        stages.finish()
    return group


class _Stages:
    """Lays the tasks of a group in a row."""

    def __init__(self, start: BaseOperator, steps: Sequence[int | str], place: dict[str, Any]) -> None:
        self._start = start
        self._steps = list(steps)
        self._move = {"start_task_id": start.task_id, **place, **_MOVES}
        self._place = place
        self._last: BaseOperator = start
        self._judged: dict[str, Any] = {}  # what the next move has to know of the check before it
        self._check_task_ids: list[str] = []

    def add(
        self,
        index: int,
        bake: float | str | timedelta,
        check: Callable[..., Any] | None,
        retries: int | None,
        *,
        deferrable: bool,
    ) -> None:
        """Add one step: shift, bake and check."""
        step = self._steps[index]
        label = str(step) if isinstance(step, int) else f"step_{index + 1}"
        shift = ShiftWeightOperator(
            task_id=f"shift_{label}", index=index, steps=self._steps, **self._judged, **self._move
        )
        baking = BakeOperator(task_id=f"bake_{label}", bake=bake, step_task_id=shift.task_id, deferrable=deferrable)
        chain(self._last, shift, baking)
        self._last, self._judged = baking, {}
        if check is not None:
            self._add_check(f"check_{label}", baking, check, {} if retries is None else {"retries": retries})

    def _add_check(
        self, task_id: str, baking: BaseOperator, check: Callable[..., Any], retries: dict[str, int]
    ) -> None:
        if hasattr(check, "override"):
            answer = check.override(task_id=task_id, **retries)(baking.output)
            judging: BaseOperator = answer.operator
            # A check that skips itself must not skip the promotion too: the next move runs, and finds no verdict.
            self._judged = {
                "judged": answer,
                "judged_task": True,
                "step_task_id": baking.task_id,
                "trigger_rule": "none_failed",
            }
        else:
            judging = CheckCanaryOperator(
                task_id=task_id, check=check, step_task_id=baking.task_id, **self._place, **retries
            )
            chain(baking, judging)
        self._check_task_ids.append(judging.task_id)
        self._last = judging

    def finish(self) -> None:
        """Add the promotion, and the rollback that runs whatever happens."""
        promote = PromoteCanaryOperator(task_id="promote", steps=self._steps, **self._judged, **self._move)
        roll_back = RollBackUnlessPromotedOperator(
            task_id="roll_back_unless_promoted", check_task_ids=self._check_task_ids, **self._move
        )
        end = FailUnlessPromotedOperator(
            task_id="fail_unless_promoted",
            start_task_id=self._start.task_id,
            promote_task_id=promote.task_id,
            roll_back_task_id=roll_back.task_id,
            **_MOVES,
        )
        chain(
            *(self._last, promote, roll_back.as_teardown(setups=self._start)),
            end.as_teardown(setups=self._start, on_failure_fail_dagrun=True),
        )


def _tooltip(steps: Sequence[int | str]) -> str:
    return f"Moves an alias in stages: {', '.join(f'{step} %' for step in steps)}, 100 %; rolls back when a check fails"
