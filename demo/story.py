"""What is run, in which order, and what the spectator is told while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import AliasNotFoundError
from demo.facts import Check
from demo.rest import RUN_ENDED, TaskInstance
from demo.split_bar import split_bar
from demo.timeline import check_text
from demo.verification import EXPECTED_RUN_STATES

if TYPE_CHECKING:
    from demo.progress import Progress
    from demo.stage import Stage
    from demo.stop import StopFlag

ARTIFACT = "digits"
ALIAS = "prod"
RUN_ID = "demo"
RUN_TIMEOUT_SECS = 300.0
POLL_SECS = 1.0
BUSY_STATES = {
    "running": "runs",
    "deferred": "waits in the triggerer",
    "up_for_reschedule": "sleeps",
    "up_for_retry": "failed, will be tried again",
}
UNTOLD_STATES = {"skipped", "removed", "upstream_failed"}


@dataclass
class Run:
    """A started Dag run and what is known of it."""

    dag_id: str
    run_id: str
    state: str = "queued"
    tasks: list[TaskInstance] = field(default_factory=list)
    told: set[tuple[str, int]] = field(default_factory=set)
    checks: list[Check] = field(default_factory=list)
    deferral_told: bool = False

    @property
    def ended(self) -> bool:
        """Whether Airflow says so."""
        return self.state in RUN_ENDED


class RunError(Exception):
    """A Dag run did not end, or not as expected."""

    def __init__(self, run: Run, text: str) -> None:
        super().__init__(text)
        self.run = run


class Story:
    """Starts Dag runs, follows them, and tells each task that ends and each move of the alias."""

    def __init__(self, set_up: Stage, progress: Progress, stop: StopFlag, blocks: str) -> None:
        self._api = set_up.api
        self._repository = set_up.repository
        self._server = set_up.server
        self._progress = progress
        self._stop = stop
        self._blocks = blocks
        self._sequence = 0
        self._split = ""
        self.runs: list[Run] = []

    def start(self, dag_id: str, **conf: Any) -> Run:
        """Start a run and go on at once."""
        run = Run(dag_id, RUN_ID)
        self._api.trigger(dag_id, run.run_id, conf)
        self.runs.append(run)
        return run

    def play(self, dag_id: str, **conf: Any) -> None:
        """Start a run and follow it to its end."""
        self.follow(self.start(dag_id, **conf))

    def follow(self, awaited: Run) -> None:
        """Tell what happens, in all runs, until the awaited one has ended.

        Raises:
            RunError: It ended otherwise than the play wants, or not in time.
        """
        if not self._stop.wait_until(lambda: self._look(awaited), RUN_TIMEOUT_SECS, POLL_SECS):
            raise RunError(awaited, f"{awaited.dag_id} did not end within {RUN_TIMEOUT_SECS:.0f} s")
        expected = EXPECTED_RUN_STATES[awaited.dag_id]
        if awaited.state != expected:
            raise RunError(awaited, f"{awaited.dag_id} ended in state {awaited.state}, expected was {expected}")
        self._progress.line(f"{awaited.dag_id}: {awaited.state}" + (", as it should" if expected == "failed" else ""))

    def _look(self, awaited: Run) -> bool:
        self._server.raise_if_ended()
        for run in self.runs:
            if not run.ended:
                self._update(run)
        self._tell_alias()
        self._progress.tick("   ".join(part for part in (self._split, self._busy()) if part))
        return awaited.ended

    def _busy(self) -> str:
        tasks = [task for run in self.runs for task in run.tasks if task.state in BUSY_STATES]
        return ", ".join(f"{task.label} {BUSY_STATES[task.state]}" for task in tasks)

    def _update(self, run: Run) -> None:
        run.state = self._api.run_state(run.dag_id, run.run_id)
        run.tasks = self._api.task_instances(run.dag_id, run.run_id)
        for task in run.tasks:
            if task.state == "deferred" and not run.deferral_told:
                run.deferral_told = True
                self._progress.line(f"{task.label:<28} waits in the triggerer, without a worker")
            if task.ended and task.key not in run.told:
                run.told.add(task.key)
                self._tell_task(run, task)

    def _tell_task(self, run: Run, task: TaskInstance) -> None:
        if task.state in UNTOLD_STATES:
            return
        took = "" if task.duration_secs is None else f"{task.duration_secs:7.1f} s"
        self._progress.line(f"{task.label:<28} {self._progress.coloured(task.state, f'{task.state:<8}')}{took}")
        if check := self._check_of(run, task):
            run.checks.append(check)
            self._progress.line(check_text(check))

    def _check_of(self, run: Run, task: TaskInstance) -> Check | None:
        judgement = self._api.xcom(run.dag_id, run.run_id, task.task_id, key="judgement")
        if judgement is None or "canary_accuracy" not in judgement["detail"]:
            return None
        step = self._api.xcom(run.dag_id, run.run_id, task.task_id.replace("check_", "shift_"))
        return Check.from_xcoms(step, judgement)

    def _tell_alias(self) -> None:
        try:
            if (self._repository.get_alias(ARTIFACT, ALIAS).sequence or 0) <= self._sequence:
                return
        except AliasNotFoundError:
            return
        changes = list(self._repository.list_alias_history(ARTIFACT, ALIAS))
        for change in reversed(changes):
            if change.sequence > self._sequence:
                self._split = f"{ALIAS}  {split_bar(change, self._blocks)}"
                self._progress.line(self._split)
        self._sequence = changes[0].sequence
