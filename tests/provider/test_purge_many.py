"""PurgeVersionsOperator over many artifacts: in parallel, one failure for itself, at a limited rate, with progress."""

from __future__ import annotations

import functools
import json
import pickle
import threading
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.operators import ApplyPurgePlanOperator, PurgeVersionsOperator, retention_tally
from airflow_provider_versioned.operators.retention_tally import Tally
from airflow_provider_versioned.operators.retention_work import Treated
from airflow_provider_versioned.repository import (
    PartlyFailedError,
    PurgeDecision,
    PurgePlan,
    StorageUnavailableError,
    pace,
)
from benchmarks.seed import seed
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun
    from tests.servers import Aws, PlaceArguments

NAMES = [f"model-{number}" for number in range(12)]


@pytest.fixture
def many(aws: Aws, unique_place: PlaceArguments, connection: Repository) -> Repository:
    """Twelve artifacts with two versions each."""
    seed(aws, unique_place, NAMES, 2)
    return connection


def purge(**arguments: Any) -> PurgeVersionsOperator:
    """Make the operator: all but the newest version go."""
    rule = {"name": None, "keep_last_n": 1, "older_than": 0, **arguments}
    return PurgeVersionsOperator(task_id="purge", **rule)


def left(repository: Repository) -> dict[str, int]:
    """Return how many numbered versions each artifact has."""
    return {name: len(repository.list_artifact_versions(name)) - 1 for name in repository.list_artifact_names()}


def break_for(operator: Any, method: str, names: set[str], error: Callable[[str], Exception]) -> Any:
    """Have a method of the operator's repository fail for some artifacts."""
    repository = operator.hook.repository
    works = getattr(type(repository), method)

    class Breaking(type(repository)):  # type: ignore[misc] # of the repository that it has
        pass

    def fail(self: Any, name: Any, *arguments: Any, **named: Any) -> Any:
        if getattr(name, "name", name) in names:
            raise error(getattr(name, "name", name))
        return works(self, name, *arguments, **named)

    setattr(Breaking, method, fail)
    repository.__class__ = Breaking
    return operator


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("workers", ["1", 3, 16])
def test_every_artifact_is_purged_whatever_the_number_of_workers(many: Repository, run: FakeRun, workers: Any) -> None:
    result = run.execute(purge(max_workers=workers))

    assert (result["artifacts"], result["purged"], result["kept"]) == (12, 12, 12)
    assert result["purged_by_name"] == dict.fromkeys(NAMES, 1)
    assert left(many) == dict.fromkeys(NAMES, 1)


@pytest.mark.backends(MINISTACK)
def test_as_many_artifacts_as_there_are_workers_are_treated_at_a_time(many: Repository, run: FakeRun) -> None:
    operator, meeting = purge(max_workers=3), threading.Barrier(3)
    repository = type(operator.hook.repository)

    class Meeting(repository):  # type: ignore[misc,valid-type] # of the repository that it has
        def plan_purge(self, *arguments: Any, **named: Any) -> PurgePlan:
            meeting.wait(60)
            plan: PurgePlan = super().plan_purge(*arguments, **named)
            return plan

    operator.hook.repository.__class__ = Meeting

    assert run.execute(operator)["purged"] == 12
    assert left(many) == dict.fromkeys(NAMES, 1)


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("error", [StorageUnavailableError, KeyError])
@pytest.mark.parametrize("method", ["plan_purge", "apply_purge"])
def test_artifacts_that_fail_stop_no_other_and_a_repetition_goes_on(
    many: Repository, run: FakeRun, log_lines: list[str], method: str, error: type[Exception]
) -> None:
    broken = break_for(purge(max_workers=2), method, {"model-3", "model-7"}, lambda name: error(f"{name} is broken"))

    with pytest.raises(PartlyFailedError) as raised:
        run.execute(broken)

    said = str(raised.value)
    assert said.startswith("Retention failed for 2 of 12 artifacts ('model-")
    assert all(f"'{name}': " in said and f"{name} is broken" in said for name in ("model-3", "model-7"))
    assert said.endswith("Repeat the task: what is done stays done.")
    assert str(pickle.loads(pickle.dumps(raised.value))) == said  # noqa: S301 -- our own
    assert [line for line in log_lines if line.startswith("Retention of 'model-3' failed, the others go on: ")]
    assert left(many) == {name: 2 if name in {"model-3", "model-7"} else 1 for name in NAMES}

    assert run.execute(purge())["purged"] == 2
    assert left(many) == dict.fromkeys(NAMES, 1)


@pytest.mark.backends(MINISTACK)
def test_plans_are_applied_in_parallel_each_failing_for_itself(many: Repository, run: FakeRun) -> None:
    plans = run.execute(purge(dry_run=True))["plans"]
    apply = ApplyPurgePlanOperator(task_id="apply", plan=json.dumps(plans), max_workers="4", writes_per_second="1e6")
    broken = break_for(apply, "apply_purge", {"model-3"}, lambda name: StorageUnavailableError(f"{name} is broken"))

    with pytest.raises(PartlyFailedError, match="1 of 12 artifacts"):
        run.execute(broken)

    assert left(many) == {name: 2 if name == "model-3" else 1 for name in NAMES}


@pytest.mark.backends(MINISTACK)
def test_names_that_cannot_be_fail_for_good_after_the_others_are_done(many: Repository, run: FakeRun) -> None:
    with pytest.raises(AirflowFailException, match="1 of 3 artifacts"):
        run.execute(purge(name=["model-1", "", "model-2"]))

    assert left(many) == {name: 1 if name in {"model-1", "model-2"} else 2 for name in NAMES}


@pytest.mark.backends(MINISTACK)
def test_mapped_over_lists_of_names_each_task_has_a_share(many: Repository, run: FakeRun) -> None:
    shares = [NAMES[start : start + 5] for start in range(0, len(NAMES), 5)]

    results = [run.execute(purge(name=share), map_index=index) for index, share in enumerate(shares)]

    assert [result["artifacts"] for result in results] == [5, 5, 2]
    assert left(many) == dict.fromkeys(NAMES, 1)


@pytest.mark.backends(MINISTACK)
def test_writes_wait_for_their_turn_at_the_rate_that_was_asked_for(
    many: Repository, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []

    def wait(secs: float) -> bool:
        waits.append(secs)
        return False

    monkeypatch.setattr(pace, "Pace", functools.partial(pace.Pace, clock=lambda: 0.0, wait=wait))

    run.execute(purge(max_workers=1, writes_per_second=0.001))

    assert left(many) == dict.fromkeys(NAMES, 1)
    assert waits == [1000 * number for number in range(1, 12)]


@pytest.mark.backends(MOTO)
@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"max_workers": 0}, "max_workers must be 1 to 100, got 0"),
        ({"max_workers": "many"}, "max_workers must be a whole number"),
        ({"writes_per_second": "0"}, "writes_per_second must be a positive number, got '0'"),
        ({"writes_per_second": True}, "writes_per_second must be a positive number"),
        ({"writes_per_second": "fast"}, "writes_per_second must be a positive number"),
    ],
)
def test_wrong_pace_fails_for_good_and_purges_nothing(
    connection: Repository, run: FakeRun, wrong: dict[str, Any], words: str
) -> None:
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)

    with pytest.raises(AirflowFailException, match=words):
        run.execute(purge(**wrong))

    assert left(connection) == {"model": 2}


def treated(name: str, versions: int) -> Treated:
    """Return what a purge of an artifact comes to."""
    decisions = [PurgeDecision(str(number), purge=True, rule="expired", reason="old") for number in range(versions)]
    return Treated(PurgePlan(name, None, 1, 0, tuple(decisions)))  # type: ignore[arg-type] # the moment does not matter


def test_progress_is_said_every_ten_seconds_and_the_tally_stays_small() -> None:
    lines: list[str] = []
    now = [0.0]
    tally = Tally(dry_run=False, say=lines.append, total=1000, clock=lambda: now[0])

    for number in range(1000):
        now[0] += 0.05
        if number % 100:
            tally.add(treated(f"model-{number}", 100))
        else:
            tally.add_failure(f"model-{number}", OSError())

    progress = [line for line in lines if "artifacts done" in line]
    assert len(progress) == 4 or len(progress) == 5
    assert progress[0] == (
        "200 of 1,000 artifacts done in 10 s (20.0/s), 2 of them failed; versions: 19,800 purged (1980.0/s), 0 kept."
    )
    assert sum(line.startswith("Purged version") for line in lines) == 99_000
    result = tally.to_dict()
    assert (result["artifacts"], result["purged"]) == (990, 99_000)
    assert len(json.dumps(result)) < 30_000
    assert len(pickle.dumps(tally.__dict__ | {"say": None, "clock": None})) < 100_000
    assert tally.failures() == (
        "Retention failed for 10 of 1000 artifacts ('model-0': OSError; 'model-100': OSError; 'model-200': OSError; "
        "'model-300': OSError; 'model-400': OSError; and 5 more, which the log names)."
    )


def test_plans_too_large_to_be_returned_are_left_out_as_a_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_tally, "PLANNED", 5)
    plan = PurgePlan.from_dict({**PLAN, "decisions": [DECISION] * 3})
    tally = Tally(dry_run=True, say=lambda _line: None)

    tally.add(Treated(plan))
    assert tally.to_dict()["plans"] == [plan.to_dict()]
    tally.add(Treated(plan))
    assert tally.to_dict()["plans"] is None
    for _ in range(3):
        tally.add(Treated(plan))
        assert tally.to_dict()["plans"] is None
        assert tally._plans == [], "what is not returned is not kept"


DECISION = {"version": "1", "purge": True, "rule": "expired", "reason": "old", "revision": None}
PLAN = {
    "name": "model",
    "planned_at": "2026-11-22T00:00:00+00:00",
    "keep_last_n": 1,
    "purge_older_than_secs": 0.0,
    "keep_previous_secs": 0.0,
    "keep_published_secs": 0.0,
}
