"""The task group of a staged promotion: which tasks there are and in which order they run.

What they do is told in :mod:`~airflow_provider_versioned.rollout.start`, ``moves``, ``check`` and ``ending``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf
from airflow.sdk import TaskGroup

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.rollouts.inputs import check_weights
from airflow_provider_versioned.rollout.stages import MOVES, Checking, Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from airflow_provider_versioned.rollout.consequences import Consequences
    from airflow_provider_versioned.rollout.steps import Bake

_MAX_STEPS = 5
_ALL = 100  # percent: the promotion


def staged_promotion(
    *,
    name: str,
    alias: str,
    version: int | str,
    bake: Bake,
    steps: Sequence[int | str] | str = (5, 25, 50),
    max_steps: int | None = None,
    final_bake: float | str | timedelta | None = None,
    check: Callable[..., Any] | None = None,
    consequences: Consequences | None = None,
    check_interval: float | str | timedelta = 60,
    check_timeout: float | str | timedelta = 3600,
    ask: bool | Mapping[str, Any] = False,
    approve_before: Sequence[int] = (),
    approval: Mapping[str, Any] | None = None,
    control: bool | Mapping[str, Any] = False,
    on_live: str = "refuse",
    group_id: str = "staged_promotion",
    reason: str | None = None,
    deferrable: bool | None = None,
    poke_interval: float = 30.0,
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
    happened, ``roll_back_unless_promoted``: it puts the alias back on the stable version if this rollout is still on.
    Without a promotion ``fail_unless_promoted`` ends the run failed, and tasks after the group do not run.

    An alias has one live rollout. If it is at ``version`` alone already, the tasks succeed and do nothing. If it does
    not exist, or has a canary that is no rollout's, ``start`` fails and nothing moves. If somebody else moves the alias
    on the way, the rollout stops and leaves it as it is. Tasks may be retried and cleared: each goes on from where the
    rollout stands, and no weight is ever lowered. Clear the whole group to begin anew after a rollback.

    People steer it while it runs, with the command ``versioned-artifacts rollout`` or ``control=True``: promote now,
    abort, skip a step, freeze, unfreeze.

    A rollback does not run when ``dagrun_timeout`` ends the run, because Airflow then skips every task: see
    :class:`~airflow_provider_versioned.rollout.abandoned.AbortRolloutOfRun`.

    Args:
        name: Artifact name; templated, as are ``alias``, ``version``, ``bake``, ``final_bake``, ``check_interval``,
            ``check_timeout``, ``on_live``, ``reason``, ``steps``, and all that name the repository.
        version: The canary, a number.
        bake: How long each step runs before it is judged: seconds or a timedelta, from when the weight was given; or a
            list of these, one for each step.
        steps: Weights of the canary in whole percent, from 1 to 99, ascending. ``linear`` and ``exponential`` grow
            them. Tasks are named for weights given as int, otherwise for their place: ``shift_step_1``. A single
            template, such as ``"{{ params.steps }}"``, may render to more or fewer steps in each run.
        max_steps: How many steps there are tasks for when ``steps`` is a single template; those that a run does not
            need pass at once. None: 5.
        final_bake: How long the promoted version is watched before the last check, ``check_final``; if that fails, the
            promotion is rolled back. None: the promotion is the end.
        check: Judges each step after its bake; None: nothing is judged. ``OutcomeJudge()`` judges what consumers
            report. Else a callable, called with a :class:`CanaryStep` and whatever it names of the Airflow context and
            ``hook``; or a function decorated with ``@task``, called with the step as a dict, whose answer is read by
            the next task. See :func:`~airflow_provider_versioned.rollout.verdict.judge` for answers.
        consequences: What follows from each verdict; None: failure rolls back, inconclusive and error wait.
        check_interval: How long to wait before a check is asked again.
        check_timeout: For how long it is asked again, from its first answer.
        ask: A task ``ask_5`` after each check asks a person where the consequence is ``ask``; a mapping gives
            :class:`~airflow_provider_versioned.gates.AskOperator` arguments.
        approve_before: Weights, 100 among them, before which a person must approve, in tasks ``approve_50``.
        approval: Arguments of these :class:`~airflow_provider_versioned.gates.ApprovePromotionOperator`.
        control: A task ``control`` beside the steps has the buttons promote now, abort, skip, freeze; a mapping gives
            :class:`~airflow_provider_versioned.gates.control.RolloutControlOperator` arguments.
        on_live: ``refuse``, ``supersede`` or ``resume``: what becomes of a live rollout of another run; see
            :class:`StartRolloutOperator`.
        group_id: Id of the task group.
        reason: Why, for the alias's history.
        deferrable: Wait in the triggerer; None: as Airflow is configured.
        poke_interval: Seconds between two looks of a waiting task at the rollout.
        retries: Retries of the checks, for when their worker dies or AWS cannot be reached; None: 3, as of all tasks.
        default_args: Arguments for all tasks of the group.
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
    labels = _labels(steps, max_steps, approve_before)
    if check is not None and not callable(check):
        raise InvalidTypeError(f"check must be a callable or a function decorated with @task, got {check!r}.")
    if deferrable is None:
        deferrable = conf.getboolean("operators", "default_deferrable", fallback=False)
    waiting = {**place, **MOVES, "deferrable": deferrable, "poke_interval": poke_interval}
    checking = Checking(
        check,
        {"check_interval": check_interval, "check_timeout": check_timeout, "consequences": consequences},
        {} if retries is None else {"retries": retries},
        None if ask is False else dict(ask if ask is not True else {}),
    )
    arguments: Any = dict(default_args or {})  # TaskGroup's own annotation cannot be met
    with TaskGroup(group_id=group_id, default_args=arguments, tooltip=_tooltip(steps)) as group:
        stages = Stages(name, alias, version, {**place, **MOVES}, waiting, checking)
        stages.start(steps=steps, on_live=on_live, reason=reason, max_steps=len(labels))
        for index, label in enumerate(labels):
            gated = label in map(str, approve_before)
            stages.add(index, label, bake, stages.approve(int(label), dict(approval or {})) if gated else None)
        stages.promote(stages.approve(_ALL, dict(approval or {})) if _ALL in approve_before else None)
        if final_bake is not None:
            stages.watch(final_bake)
        stages.finish(None if control is False else dict(control if control is not True else {}))
    return group


def _labels(steps: Sequence[int | str] | str, max_steps: int | None, approve_before: Sequence[int]) -> list[str]:
    """Return what the tasks of each step are named for."""
    if isinstance(steps, str):
        labels = [f"step_{index + 1}" for index in range(_MAX_STEPS if max_steps is None else max_steps)]
    else:
        if all(isinstance(step, int) for step in steps):
            check_weights([int(step) for step in steps])
        labels = [str(step) if isinstance(step, int) else f"step_{index + 1}" for index, step in enumerate(steps)]
    if not labels:
        raise InvalidInputError("max_steps must be 1 or more.")
    unknown = {str(weight) for weight in approve_before} - {*labels, str(_ALL)}
    if unknown:
        raise InvalidInputError(
            f"approve_before={list(approve_before)!r} names weights that are no steps; it can name those that are "
            "given as int, and 100."
        )
    return labels


def _tooltip(steps: Sequence[int | str] | str) -> str:
    said = steps if isinstance(steps, str) else ", ".join(f"{step} %" for step in steps)
    return f"Moves an alias in stages: {said}, 100 %; rolls back when a check fails"
