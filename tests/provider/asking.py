"""Questions to a person, asked and answered without a running Airflow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from airflow.sdk import exceptions

if TYPE_CHECKING:
    import pytest
    from airflow.sdk import Context

    from tests.provider.conftest import FakeRun

ANN = {"id": "ann", "name": "Ann Lee"}
AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
PARKED = (exceptions.TaskDeferred, getattr(exceptions, "TaskAwaitingInput", exceptions.TaskDeferred))


@dataclass
class Desk:
    """Takes the questions that operators put, in place of Airflow's API, and answers as Airflow would."""

    run: FakeRun
    questions: list[dict[str, Any]] = field(default_factory=list)
    parked: Any = None

    def put(self, **question: Any) -> None:
        """Take a question."""
        self.questions.append(question)

    def context(self, operator: Any, try_number: int = 1) -> Context:
        """Return the context of a try of a task that nobody has cleared."""
        context: Any = self.run.context(operator.task_id, try_number=try_number)
        context["ti"].max_tries = operator.retries
        context["ti"].id = uuid4()
        return {**context, "task_instance": context["ti"], "task": operator}  # type: ignore[typeddict-item] # Airflow's

    def asks(self, operator: Any) -> dict[str, Any]:
        """Execute a task that must leave its worker with a question, and return that."""
        self.parks(operator, self.context(operator))
        return self.questions[-1]

    def parks(self, operator: Any, context: Context) -> None:
        """Execute a task that must leave its worker."""
        self.parked = None
        try:
            operator.execute(context)
        except PARKED as parked:
            self.parked = parked
        assert self.parked is not None, "the task did not wait"

    def answered(self, operator: Any, option: str, comment: str | None = None, by: Any = ANN) -> Any:
        """Let the task go on with an answer."""
        event = {"responded_at": AT, "responded_by_user": by, "timedout": by is None}
        return self.resumed(operator, {**event, "chosen_options": [option], "params_input": {"comment": comment}})

    def resumed(self, operator: Any, event: dict[str, Any]) -> Any:
        """Let the task go on with an event."""
        return operator.execute_complete(self.context(operator), event)


def desk(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Make a desk that takes all questions."""
    made = Desk(run)
    for module in ("airflow.providers.standard.operators.hitl", "airflow_provider_versioned.gates.question"):
        monkeypatch.setattr(f"{module}.upsert_hitl_detail", made.put)
    return made
