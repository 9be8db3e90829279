"""Talking to an Airflow that is busy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from demo import rest
from demo.rest import AirflowApi, ApiError, TaskInstance, UnreachableError
from demo.stop import StopFlag, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable


class ImpatientFlag(StopFlag):
    """Does not really sleep."""

    def sleep(self, secs: float) -> None:
        """Take no time, unless a signal came."""
        assert secs > 0
        self.check()


def _api(answer: Callable[[httpx.Request], httpx.Response], stop: StopFlag | None = None) -> AirflowApi:
    api = AirflowApi("http://127.0.0.1:1", stop or ImpatientFlag())
    api._client = httpx.Client(base_url="http://127.0.0.1:1", transport=httpx.MockTransport(answer))
    return api


def test_call_that_times_out_is_repeated() -> None:
    attempts = []

    def answer(request: httpx.Request) -> httpx.Response:
        attempts.append(request)
        if len(attempts) < 3:
            raise httpx.ReadTimeout("busy")
        return httpx.Response(200, json={"state": "running"})

    assert _api(answer).run_state("dag", "demo") == "running"
    assert len(attempts) == 3


def test_call_that_times_out_for_long_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "PATIENCE_SECS", -1)

    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("busy")

    with pytest.raises(UnreachableError, match="GET /api/v2/dags/dag/dagRuns/demo: busy"):
        _api(answer).run_state("dag", "demo")


def test_call_that_times_out_ends_when_a_signal_comes() -> None:
    stop = ImpatientFlag()

    def answer(request: httpx.Request) -> httpx.Response:
        stop._signum = 2
        raise httpx.ReadTimeout("busy")

    with pytest.raises(Stopped):
        _api(answer, stop).run_state("dag", "demo")


def test_trigger_that_landed_before_its_answer_was_lost_is_not_an_error() -> None:
    _api(lambda _: httpx.Response(409, json={"detail": "exists"})).trigger("dag", "demo", {})


def test_refusal_says_what_was_asked_and_answered() -> None:
    api = _api(lambda _: httpx.Response(403, text="Forbidden"))

    with pytest.raises(ApiError, match=r"GET /api/v2/importErrors was answered 403: Forbidden"):
        api.import_errors()


def test_xcom_of_a_task_that_returned_nothing_is_none() -> None:
    assert _api(lambda _: httpx.Response(404, json={})).xcom("dag", "demo", "task") is None


def test_task_instance_is_labelled_without_its_group_and_with_what_it_is_mapped_over() -> None:
    answer = {"task_id": "group.plan", "map_index": 0, "rendered_map_index": "digits", "state": None}
    task = TaskInstance.from_json({**answer, "try_number": 0, "duration": None})

    assert (task.label, task.state, task.ended) == ("plan[digits]", "waiting", False)
