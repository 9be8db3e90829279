"""RolloutAnswerTrigger: the answer, the rollout's end, the end of those who wait, a deadline; whichever comes first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_provider_versioned.repository import Repository
from airflow_provider_versioned.repository.errors import StorageUnavailableError
from airflow_provider_versioned.triggers import rollout_answer
from airflow_provider_versioned.triggers.rollout_answer import RolloutAnswerTrigger
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.backends(MOTO)

AT = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
TI_ID = uuid4()


@pytest.fixture
def model(connection: Repository) -> Repository:
    """A repository whose alias ``prod`` is in rollout ``r``."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    connection.start_rollout("model", "prod", 2, [25], rollout_id="r")
    return connection


class Airflow:
    """Stands for the API that a trigger asks: the form of one task, and the states of tasks."""

    def __init__(self) -> None:
        self.looks = 0
        self.on_look: Callable[[int], None] = lambda look: None  # noqa: ARG005 -- nothing happens meanwhile
        self.ended_tasks: list[str] = []
        self.form: dict[str, Any] = {"chosen_options": None, "responded_by_user": None}

    def answer(self, option: str, by: Any = None) -> None:
        """Fill the form."""
        self.form = {"chosen_options": [option], "responded_by_user": by}

    def read(self, ti_id: Any) -> Any:
        """Return the form."""
        assert ti_id == TI_ID
        self.looks += 1
        self.on_look(self.looks)
        answered = self.form["chosen_options"] is not None
        return SimpleNamespace(**self.form, response_received=answered, responded_at=AT, params_input={})

    def write(self, ti_id: Any, chosen_options: list[str], params_input: dict[str, Any]) -> None:
        """Fill the form in nobody's name."""
        assert (ti_id, params_input) == (TI_ID, {})
        self.answer(chosen_options[0])

    def count(self, task_ids: list[str], run_ids: list[str], states: list[str], **_where: Any) -> int:
        """Count tasks in certain states."""
        assert (run_ids, "failed" in states) == (["run"], True)
        return len({*task_ids} & {*self.ended_tasks})


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """What the trigger asks."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance  # noqa: PLC0415 -- after pytest_configure has set the environment

    made = Airflow()
    monkeypatch.setattr(rollout_answer, "get_hitl_detail_content_detail", made.read)
    monkeypatch.setattr(rollout_answer, "update_hitl_detail_response", made.write)
    monkeypatch.setattr(RuntimeTaskInstance, "get_ti_count", made.count)
    return made


def fired(**arguments: Any) -> dict[str, Any]:
    """Run a trigger to its event, and return that event's payload."""
    given = {"name": "model", "alias": "prod", "rollout": "r", "ti_id": str(TI_ID), "poke_interval": 0.1, **arguments}
    trigger = RolloutAnswerTrigger(**given)

    async def run() -> Any:
        return [event.payload async for event in trigger.run()]

    [payload] = asyncio.run(run())
    return dict(payload)


@pytest.mark.usefixtures("model")
def test_answer_fires_with_who_gave_it(airflow: Airflow) -> None:
    by = SimpleNamespace(id="ann", name="Ann Lee")
    airflow.on_look = lambda look: airflow.answer("Freeze", by) if look == 3 else None

    assert fired() == {
        "chosen_options": ["Freeze"],
        "params_input": {},
        "responded_at": AT,
        "responded_by_user": {"id": "ann", "name": "Ann Lee"},
        "timedout": False,
    }


@pytest.mark.usefixtures("model")
def test_answer_that_an_earlier_try_has_left_fires_at_once_and_says_so(airflow: Airflow) -> None:
    airflow.answer("Abort")

    assert (fired(asked=False)["left_over"], fired(asked=False)["chosen_options"]) == (True, ["Abort"])
    assert "left_over" not in fired()


@pytest.mark.usefixtures("model")
def test_question_that_an_earlier_try_has_left_is_waited_for(airflow: Airflow) -> None:
    airflow.on_look = lambda look: airflow.answer("Freeze") if look == 3 else None

    event = fired(asked=False)

    assert (event["chosen_options"], "left_over" in event) == (["Freeze"], False)


@pytest.mark.usefixtures("model")
def test_question_that_was_never_asked_fires_that_only_when_the_task_did_not_ask(airflow: Airflow) -> None:
    def fail(status: int) -> None:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": status}))

    airflow.on_look = lambda _look: fail(404)
    assert fired(asked=False) == {"unasked": True}
    with pytest.raises(AirflowRuntimeError):
        fired()
    airflow.on_look = lambda _look: fail(500)
    with pytest.raises(AirflowRuntimeError):
        fired(asked=False)


def test_end_of_the_rollout_fires_with_how_it_ended(model: Repository, airflow: Airflow) -> None:
    def abort(look: int) -> None:
        if look == 2:
            model.abort_rollout("model", "prod", changed_by="bob", reason="enough")

    airflow.on_look = abort
    ended = fired()["ended"]
    assert ended.startswith("rollout 'r' of version 2 for alias 'prod' of 'model' was rolled back by bob")
    assert "enough" in ended


def test_rollout_that_another_one_took_over_has_ended(model: Repository, airflow: Airflow) -> None:
    model.start_rollout("model", "prod", 2, [50], rollout_id="s", on_live="supersede")

    assert "rollout 'r'" in fired()["ended"]
    assert airflow.looks == 1


@pytest.mark.usefixtures("airflow", "model")
def test_rollout_that_never_was_has_ended() -> None:
    assert "'never'" in fired(rollout="never")["ended"]


def test_frozen_rollout_is_waited_for(model: Repository, airflow: Airflow) -> None:
    model.freeze_rollout("model", "prod")
    airflow.on_look = lambda look: airflow.answer("Unfreeze") if look == 4 else None

    assert fired()["chosen_options"] == ["Unfreeze"]


@pytest.mark.usefixtures("model")
def test_end_of_the_task_that_is_waited_for_fires_though_the_rollout_is_live(airflow: Airflow) -> None:
    def end(look: int) -> None:
        if look == 2:
            airflow.ended_tasks.append("group.end")

    airflow.on_look = end
    until = {"dag_id": "dag", "run_id": "run", "task_id": "group.end", "map_index": -1}
    assert fired(until=until) == {"ended": "task 'group.end' has ended"}


@pytest.mark.usefixtures("model")
def test_deadline_fires_the_default_in_nobodys_name(airflow: Airflow) -> None:
    event = fired(defaults=["Reject"], deadline=datetime(2026, 1, 1, tzinfo=UTC).isoformat())

    assert (event["chosen_options"], event["responded_by_user"], event["timedout"]) == (["Reject"], None, True)
    assert airflow.form["chosen_options"] == ["Reject"]


@pytest.mark.usefixtures("model")
def test_storage_that_is_away_for_a_while_is_waited_for(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    read, failures = Repository.get_rollout, iter((True, True))

    def unsteady(repository: Repository, *arguments: Any, **named: Any) -> Any:
        if next(failures, False):
            raise StorageUnavailableError("throttled", code="ThrottlingException")
        airflow.answer("Freeze")
        return read(repository, *arguments, **named)

    monkeypatch.setattr(Repository, "get_rollout", unsteady)
    assert fired()["chosen_options"] == ["Freeze"]


@pytest.mark.usefixtures("airflow", "connection")
def test_what_no_waiting_cures_fires_an_error() -> None:
    event = fired(aws_conn_id="nowhere")

    assert event["error_type"] == "unknown"
    assert "nowhere" in event["error"]
