"""The tasks that bake and check a step, executed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException, TaskDeferred

from airflow_provider_versioned.rollout import CanaryStep
from airflow_provider_versioned.rollout.verdict import VerdictError
from tests.provider.rollout_group import Group
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1, 2 and 3, and alias ``prod`` at version 1."""
    for content in (b"one", b"two", b"three"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1, changed_by="ann")
    return connection


def test_check_is_called_with_what_it_names(versions: Repository, run: FakeRun) -> None:
    seen: list[Any] = []

    def check(step: CanaryStep, hook: Any, ti: Any, *, params: Any) -> tuple[bool, dict[str, Any]]:
        seen.extend([step, hook.repository.get_alias(step.name, step.alias), ti.task_id, params])
        return True, {"seen": len(seen)}

    result = Group(run, check=check).to("check_5")

    alias = versions.get_alias("model", "prod")
    step = CanaryStep("model", "prod", "1", "2", 5, "dag/run-1/group", alias.update_at)
    assert seen == [step, alias, "group.check_5", {}]
    assert result == {"verdict": "success", "detail": {"seen": 4}}
    assert run.xcoms["group.check_5", "judgement"] == {**result, "attempt": 1}


def skip(step: CanaryStep) -> None:
    """Skip instead of answering."""
    raise AirflowSkipException


def crash(step: CanaryStep) -> None:
    """Go wrong."""
    raise ZeroDivisionError("no traffic")


@pytest.mark.parametrize(
    ("check", "error", "verdict"),
    [
        (lambda _: False, AirflowFailException, "failure"),
        (lambda _: "inconclusive", VerdictError, "inconclusive"),
        (lambda _: "error", VerdictError, "error"),
        (lambda _: None, VerdictError, "error"),
        (skip, VerdictError, "error"),
        (crash, ZeroDivisionError, "error"),
    ],
)
@pytest.mark.usefixtures("versions")
def test_only_failure_is_not_asked_again(run: FakeRun, check: Any, error: type[Exception], verdict: str) -> None:
    with pytest.raises(error):
        Group(run, check=check).to("check_5")
    assert run.xcoms["group.check_5", "judgement"]["verdict"] == verdict


def test_bake_counts_from_the_shift(versions: Repository, run: FakeRun) -> None:
    group = Group(run, bake="60")
    shifted = group("start", "shift_5")
    due = datetime.fromisoformat(shifted["since"]) + timedelta(seconds=60)

    with pytest.raises(AirflowRescheduleException) as caught:
        group("bake_5")
    assert caught.value.reschedule_date == due
    with time_machine.travel(due + timedelta(seconds=1)):
        assert group("bake_5") == shifted
    assert versions.get_alias("model", "prod").update_at == datetime.fromisoformat(shifted["since"])


@pytest.mark.usefixtures("versions")
def test_deferrable_bake_sleeps_in_the_triggerer_and_looks_again(run: FakeRun) -> None:
    group = Group(run, bake=timedelta(minutes=1), deferrable=True)
    shifted = group("start", "shift_5")
    baking: Any = group.dag.get_task("group.bake_5")

    with pytest.raises(TaskDeferred) as caught:
        group("bake_5")
    assert isinstance(caught.value.trigger, DateTimeTrigger)
    with pytest.raises(TaskDeferred):
        baking.execute_complete(run.context("group.bake_5"), None)
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        assert baking.execute_complete(run.context("group.bake_5"), None) == shifted


@pytest.mark.usefixtures("versions")
def test_bake_that_is_no_duration_fails_for_good(run: FakeRun) -> None:
    with pytest.raises(AirflowFailException, match="bake must be a number of seconds"):
        Group(run, bake="soon").to("bake_5")
