"""Outcomes reported by tasks: hook and operator, each counted once however often a task is tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    AirflowTaskTimeout,
    TaskDeferred,
)

from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.operators import DownloadArtifactOperator, RecordOutcomeOperator
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun, Ran

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def split(connection: Repository) -> Repository:
    """Versions 1 and 2, and alias ``prod`` split evenly between them by rollout ``r``."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1, 2, 50, rollout="r")
    return connection


def counted(repository: Repository) -> dict[tuple[int | None, str], tuple[int, int]]:
    """Return (successes, failures) by weight and version."""
    return {
        (weight, version): (part.counts.successes, part.counts.failures)
        for weight, versions in repository.get_outcomes("model", "prod", rollout="r").by_weight.items()
        for version, part in versions.items()
    }


@pytest.mark.usefixtures("split")
def test_outside_a_task_each_report_counts(split: Repository) -> None:
    hook = VersionedRepositoryHook()
    for _ in range(2):
        assert hook.record_outcome("model", "prod", 2, success=True)
        with hook.outcome("model", "prod", 2):
            pass
    assert hook.record_outcome("model", "prod", 2, success=False, idempotency_key="k", count=3)
    assert not hook.record_outcome("model", "prod", 2, success=False, idempotency_key="k")
    assert counted(split) == {(50, "2"): (4, 3)}


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (AirflowTaskTimeout("slow"), (0, 1)),
        (RuntimeError(), (0, 1)),
        (AirflowSkipException(), None),
        (TaskDeferred(trigger=None, method_name="x"), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_airflows_own_exceptions_are_understood(
    split: Repository, error: BaseException, outcome: tuple[int, int] | None
) -> None:
    with pytest.raises(type(error)), VersionedRepositoryHook().outcome("model", "prod", 2):
        raise error
    assert counted(split) == ({(50, "2"): outcome} if outcome else {})


def record(**arguments: Any) -> RecordOutcomeOperator:
    """Make the operator."""
    return RecordOutcomeOperator(task_id="record", **arguments)


USED = {"name": "model", "version": "2", "alias": "prod", "rollout": "r", "weight": 50}


def test_operator_counts_once_for_all_tries_and_clearings(split: Repository, run: FakeRun) -> None:
    first = run.execute(record(used=USED, success="false", metrics={"seconds": 2.5}))
    again = run.execute(record(used=USED, success=True), try_number=3)
    run.clear_number += 1
    run.execute(record(used=USED, success=True), try_number=4)
    other = run.execute(record(used=USED, success=True), map_index=1)

    assert (first, again) == (
        {"version": "2", "success": False, "counted": True},
        {"version": "2", "success": True, "counted": False},
    )
    assert other["counted"]
    assert counted(split) == {(50, "2"): (1, 1)}
    assert split.get_outcomes("model", "prod").of("2").metrics["seconds"].total == 2.5


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ({"use": "success"}, (1, 0)),
        ({"use_0": "success", "use_1": "failed", "other": "skipped"}, (0, 1)),
        ({"use": "upstream_failed", "other": "success"}, None),
        ({"use": "skipped"}, None),
        ({}, None),
    ],
)
def test_operator_reads_the_outcome_from_the_tasks_before(
    split: Repository,
    run: FakeRun,
    monkeypatch: pytest.MonkeyPatch,
    states: dict[str, str],
    outcome: tuple[int, int] | None,
) -> None:
    operator, context = record(used=USED), run.context("record")
    asked: list[Any] = []

    def get_task_states(**arguments: Any) -> Any:
        asked.append(arguments)
        return {"run-1": states} if states else {}

    monkeypatch.setattr(context["ti"], "get_task_states", get_task_states, raising=False)
    if outcome is None:
        with pytest.raises(AirflowSkipException, match="no outcome"):
            operator.execute(context)
    else:
        operator.execute(context)
    assert counted(split) == ({(50, "2"): outcome} if outcome else {})
    assert asked == [{"dag_id": "dag", "map_index": None, "task_ids": [], "run_ids": ["run-1"]}]


@pytest.mark.parametrize(
    ("used", "error", "words"),
    [
        (None, AirflowSkipException, "Nothing was downloaded"),
        ("text", AirflowFailException, "used must be what DownloadArtifactOperator returned"),
        ({"name": "model", "version": "1"}, AirflowFailException, "used lacks alias, rollout, weight"),
    ],
)
@pytest.mark.usefixtures("split")
def test_operator_without_a_use_counts_nothing(
    run: FakeRun, used: Any, error: type[Exception], words: str, split: Repository
) -> None:
    with pytest.raises(error, match=words):
        run.execute(record(used=used, success=True))
    assert counted(split) == {}


@pytest.mark.parametrize(
    ("route", "weight"),
    [({"route": "key", "route_key": "c"}, 50), ({"route": "random"}, 50), ({"route": "secondary"}, None)],
)
def test_download_says_what_its_outcome_is_counted_under(
    split: Repository, run: FakeRun, tmp_path: Path, route: dict[str, str], weight: int | None
) -> None:
    operator = DownloadArtifactOperator(task_id="download", name="model", path=tmp_path / "f", alias="prod", **route)
    used = run.execute(operator)
    assert (used["rollout"], used["weight"]) == ("r", weight)
    run.execute(record(used=used, success=True))
    assert counted(split) == {(weight, used["version"]): (1, 0)}


# -- in a real Airflow -------------------------------------------------------------------------------------------------

in_airflow = pytest.mark.backends(MINISTACK)


@in_airflow
def test_task_that_is_tried_twice_reports_once(split: Repository, run_dag: Callable[..., Ran]) -> None:
    ran = run_dag("outcomes_retried", name="model")

    assert ran.state == "success"
    assert ran.xcom("flaky") is False  # its second try found everything counted
    assert counted(split) == {(None, "2"): (1, 0), (None, "1"): (0, 1), (50, "1"): (40, 2)}


@in_airflow
@pytest.mark.parametrize(("fails", "outcome"), [("", (1, 0)), ("yes", (0, 1))])
def test_outcome_of_tasks_is_counted_whatever_became_of_them(
    split: Repository, run_dag: Callable[..., Ran], tmp_path: Path, fails: str, outcome: tuple[int, int]
) -> None:
    ran = run_dag("outcomes_of_tasks", name="model", alias="prod", path=str(tmp_path / "file"), fails=fails)

    version = split.get_alias("model", "prod").route("customer-1")
    assert (ran.state, ran.tasks["record"]) == ("failed" if fails else "success", "success")
    assert counted(split) == {(50, version): outcome}


@in_airflow
@pytest.mark.usefixtures("split")
def test_outcome_of_what_was_never_downloaded_is_none(run_dag: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run_dag("outcomes_of_tasks", name="model", alias="none", path=str(tmp_path / "file"), fails="")
    assert (ran.state, ran.tasks["download"], ran.tasks["record"]) == ("failed", "failed", "skipped")
