"""Lays the tasks of a staged promotion in a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import chain

from airflow_provider_versioned.rollout.check import BakeOperator, CheckCanaryOperator
from airflow_provider_versioned.rollout.ending import AbortRolloutOperator, FailUnlessPromotedOperator
from airflow_provider_versioned.rollout.moves import PromoteCanaryOperator, ShiftWeightOperator
from airflow_provider_versioned.rollout.rules import FINAL
from airflow_provider_versioned.rollout.start import StartRolloutOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import BaseOperator

    from airflow_provider_versioned.rollout.steps import Bake

# Every task may be repeated; a throttle is no reason to give up.
MOVES = {"retries": 3, "retry_delay": timedelta(seconds=10)}


@dataclass(frozen=True)
class Checking:
    """How steps are judged.

    Attributes:
        arguments: Of the checks whose answers have consequences in their own task.
        retries: Of the checks, if said.
        ask: Arguments of the tasks that ask a person; None: there are none.
    """

    check: Callable[..., Any] | None
    arguments: dict[str, Any]
    retries: dict[str, int]
    ask: dict[str, Any] | None

    @property
    def by_task(self) -> bool:
        """Whether the check is a task of the author's own."""
        return hasattr(self.check, "override")


class Stages:
    """The row, from ``start`` on.

    Args:
        place: Arguments of tasks that act at once.
        waiting: Arguments of tasks that may wait.
    """

    def __init__(
        self,
        name: str,
        alias: str,
        version: int | str,
        place: dict[str, Any],
        waiting: dict[str, Any],
        checking: Checking,
    ) -> None:
        self._what: dict[str, Any] = {"name": name, "alias": alias}
        self._version = version
        self._place = place
        self._waiting = waiting
        self._checking = checking
        self._judged: dict[str, Any] = {}  # what the next move has to know of the check before it
        self._begin: BaseOperator
        self._last: BaseOperator

    def start(self, **arguments: Any) -> None:
        """Add the beginning."""
        steps = arguments.pop("steps")
        start = StartRolloutOperator(
            task_id="start",
            **self._what,
            version=self._version,
            steps=steps if isinstance(steps, str) else list(steps),
            **arguments,
            **self._place,
        )
        self._begin = self._last = start
        self._waiting = {**self._waiting, "start_task_id": start.task_id}

    def add(self, index: int, label: str, bake: Bake, approval: BaseOperator | None) -> None:
        """Add one step: shift, bake and check."""
        gated: dict[str, Any] = {} if approval is None else {"approval": approval.output}
        shift = ShiftWeightOperator(task_id=f"shift_{label}", step=index, **gated, **self._judged, **self._waiting)
        self._append(shift)
        self._bake_and_check(index, label, bake)

    def promote(self, approval: BaseOperator | None) -> None:
        """Add the promotion."""
        gated: dict[str, Any] = {} if approval is None else {"approval": approval.output}
        self._append(PromoteCanaryOperator(task_id="promote", **gated, **self._judged, **self._waiting))

    def watch(self, bake: Bake) -> None:
        """Add a last bake and check, after the promotion."""
        self._bake_and_check(FINAL, "final", bake)

    def approve(self, weight: int, arguments: dict[str, Any]) -> BaseOperator:
        """Add a person's approval before a weight."""
        from airflow_provider_versioned.rollout.approving import ApproveStepOperator  # noqa: PLC0415 -- only who wants it loads it

        gate = ApproveStepOperator(
            task_id=f"approve_{weight}",
            start_task_id=self._begin.task_id,
            **self._what,
            version=self._version,
            weight=None if weight == 100 else weight,  # noqa: PLR2004 -- percent
            **{**self._repository(), **arguments},
        )
        return self._append(gate)

    def finish(self, control: dict[str, Any] | None) -> None:
        """Add the rollback that runs whatever happens, and the verdict on the run."""
        start_task_id = self._begin.task_id
        roll_back = AbortRolloutOperator(
            task_id="roll_back_unless_promoted", start_task_id=start_task_id, **self._place
        ).as_teardown(setups=self._begin)
        end = FailUnlessPromotedOperator(
            task_id="fail_unless_promoted", start_task_id=start_task_id, **self._place
        ).as_teardown(setups=self._begin, on_failure_fail_dagrun=True)
        chain(self._last, roll_back, end)
        if control is not None:
            chain(self._begin, self._control(control, roll_back.task_id), end)

    def _control(self, control: dict[str, Any], until_task_id: str) -> BaseOperator:
        """Return the buttons; not the last task, so that what becomes of them does not decide the run."""
        from airflow_provider_versioned.gates.control import RolloutControlOperator  # noqa: PLC0415 -- only who wants it loads it

        arguments = {**self._repository(), "until_task_id": until_task_id, **control}
        return RolloutControlOperator(task_id="control", **self._what, **arguments)

    def _bake_and_check(self, index: int, label: str, bake: Bake) -> None:
        baking = BakeOperator(task_id=f"bake_{label}", step=index, bake=bake, **self._waiting)
        self._append(baking)
        self._judged = {}
        if self._checking.check is not None and self._checking.by_task and index != FINAL:
            self._judge_by_task(f"check_{label}", baking)
        elif self._checking.check is not None and not self._checking.by_task:
            self._judge(self._checking.check, label, index)

    def _judge(self, check: Callable[..., Any], label: str, index: int) -> None:
        asks = self._checking.ask is not None and index != FINAL
        arguments = {**self._waiting, **self._checking.arguments, **self._checking.retries}
        judging = CheckCanaryOperator(task_id=f"check_{label}", step=index, check=check, asks=asks, **arguments)
        self._append(judging)
        if self._checking.ask is not None and asks:
            from airflow_provider_versioned.rollout.asking import AskAboutStepOperator  # noqa: PLC0415 -- only who wants it loads it

            ask = AskAboutStepOperator(
                task_id=f"ask_{label}",
                start_task_id=self._begin.task_id,
                check_task_id=judging.task_id,
                **self._what,
                **{**self._repository(), **self._checking.ask},
            )
            self._append(ask)

    def _judge_by_task(self, task_id: str, baking: BaseOperator) -> None:
        check: Any = self._checking.check
        answer = check.override(task_id=task_id, **self._checking.retries)(baking.output)
        # A check that skips itself must not skip the promotion too: the next move runs, and finds no verdict.
        self._judged = {
            "judged": answer,
            "judged_task": True,
            "step_task_id": baking.task_id,
            "trigger_rule": "none_failed",
            "consequences": self._checking.arguments["consequences"],
        }
        self._last = answer.operator

    def _append(self, task: BaseOperator) -> BaseOperator:
        chain(self._last, task)
        self._last = task
        return task

    def _repository(self) -> dict[str, Any]:
        """Return where the repository is, for tasks that have retries of their own."""
        return {name: value for name, value in self._place.items() if name not in MOVES}
