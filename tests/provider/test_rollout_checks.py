"""The tasks that bake and check a step, executed by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException, TaskDeferred

from airflow_provider_versioned.rollout import CanaryStep, Consequences
from airflow_provider_versioned.triggers.rollout import RolloutTrigger
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
    kept = run.xcoms["group.check_5", "judgement"]
    assert {**result, "attempt": 1, "weight": 5, "step": 0, "consequence": "go_on"}.items() <= kept.items()
    assert versions.get_rollout("model", "prod").judgement == kept


def skip(step: CanaryStep) -> None:
    """Skip instead of answering."""
    raise AirflowSkipException


def crash(step: CanaryStep) -> None:
    """Go wrong."""
    raise ZeroDivisionError("no traffic")


UNDECIDED = [lambda _: "inconclusive", lambda _: "error", lambda _: None, skip, crash]


@pytest.mark.usefixtures("versions")
def test_failure_is_not_asked_again(run: FakeRun) -> None:
    with pytest.raises(AirflowFailException, match=r"Version 2 at 5 % .*: failure"):
        Group(run, check=lambda _: False).to("check_5")
    assert run.xcoms["group.check_5", "judgement"]["verdict"] == "failure"


@pytest.mark.parametrize("check", UNDECIDED)
def test_check_that_cannot_tell_is_asked_again_until_its_time_is_over(
    versions: Repository, run: FakeRun, check: Any
) -> None:
    group = Group(run, check=check, check_interval=60, check_timeout="100", poke_interval=3600.0)
    begun = datetime.now(UTC)
    with pytest.raises(AirflowRescheduleException) as caught:
        group.to("check_5")
    assert caught.value.reschedule_date > begun + timedelta(seconds=50)

    with time_machine.travel(begun + timedelta(seconds=80)), pytest.raises(AirflowRescheduleException) as caught:
        group("check_5")
    assert caught.value.reschedule_date < begun + timedelta(seconds=130)  # no longer than its time
    with time_machine.travel(begun + timedelta(seconds=200)), pytest.raises(AirflowFailException):
        group("check_5")
    judgement = versions.get_rollout("model", "prod").judgement
    assert judgement is not None
    assert judgement["consequence"] == "roll_back"


@pytest.mark.parametrize("consequence", ["freeze", "ask"])
def test_check_may_freeze_the_rollout_and_is_asked_again_when_it_is_unfrozen(
    versions: Repository, run: FakeRun, consequence: str
) -> None:
    answers = [False, True]
    group = Group(
        run, check=lambda _: answers.pop(0), consequences=Consequences(failure=consequence), poke_interval=3600.0
    )
    with pytest.raises(AirflowRescheduleException):
        group.to("check_5")
    rollout = versions.get_rollout("model", "prod")
    assert (rollout.state, rollout.weight) == ("frozen", 5)
    assert "5 %" in str(rollout.freeze_reason)
    for task_id in ("check_5", "shift_25"):
        with pytest.raises(AirflowRescheduleException):
            group(task_id)
    assert answers == [True]

    versions.unfreeze_rollout("model", "prod", changed_by="ann")

    assert group("check_5")["verdict"] == "success"
    assert group("shift_25")["live"] is True


def test_step_skipped_by_a_person_is_neither_baked_nor_judged(versions: Repository, run: FakeRun) -> None:
    group = Group(run, bake=3600, check=lambda _: False)
    group("start", "shift_5")
    versions.freeze_rollout("model", "prod")
    versions.skip_rollout_step("model", "prod", changed_by="ann")

    assert group("bake_5")["live"] is False
    assert group("check_5") is None
    assert group("shift_25")["live"] is True
    with pytest.raises(AirflowRescheduleException):
        group("bake_25")


@pytest.mark.parametrize(("verdict", "state", "judged"), [(True, "promoted", "go_on"), (False, "rolled_back", None)])
def test_final_check_rolls_the_promotion_back_if_it_fails(
    versions: Repository, run: FakeRun, verdict: bool, state: str, judged: str | None
) -> None:
    group = Group(run, check=lambda step: verdict or step.weight < 100, final_bake=60)
    group.to("promote")
    with pytest.raises(AirflowRescheduleException):
        group("bake_final")

    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        assert group("bake_final")["weight"] == 100
        if verdict:
            group("check_final", "fail_unless_promoted")
        else:
            for task_id in ("check_final", "fail_unless_promoted"):
                with pytest.raises(AirflowFailException):
                    group(task_id)
    assert versions.get_rollout("model", "prod").state == state
    assert versions.get_alias("model", "prod").version == ("2" if verdict else "1")
    assert judged is None or (versions.get_rollout("model", "prod").judgement or {})["consequence"] == judged


def test_bake_counts_from_the_shift_without_the_time_in_which_it_was_frozen(versions: Repository, run: FakeRun) -> None:
    group = Group(run, bake="[60, 5]", poke_interval=3600.0)
    shifted = group("start", "shift_5")
    since = datetime.fromisoformat(shifted["since"])

    def waits_until(seconds: int) -> float:
        with (
            time_machine.travel(since + timedelta(seconds=seconds)),
            pytest.raises(AirflowRescheduleException) as asked,
        ):
            group("bake_5")
        waits: timedelta = asked.value.reschedule_date - since
        return round(waits.total_seconds())

    assert waits_until(1) == 60
    with time_machine.travel(since + timedelta(seconds=20)):
        versions.freeze_rollout("model", "prod")
    assert waits_until(1000) == 1000 + 3600
    with time_machine.travel(since + timedelta(seconds=2020)):
        versions.unfreeze_rollout("model", "prod")
    assert waits_until(2030) == 2060
    with time_machine.travel(since + timedelta(seconds=2061)):
        assert group("bake_5") == shifted


@pytest.mark.usefixtures("versions")
def test_deferrable_bake_waits_in_the_triggerer_and_looks_again(run: FakeRun) -> None:
    group = Group(run, bake=timedelta(minutes=1), deferrable=True)
    shifted = group("start", "shift_5")
    baking: Any = group.dag.get_task("group.bake_5")

    with pytest.raises(TaskDeferred) as caught:
        group("bake_5")
    path, arguments = caught.value.trigger.serialize()
    assert path == "airflow_provider_versioned.triggers.rollout.RolloutTrigger"
    assert arguments["seen"] == ["dag/run-1/group", 1, "live", 0, False]
    assert RolloutTrigger(**arguments).serialize() == (path, arguments)
    with pytest.raises(TaskDeferred):
        baking.execute_complete(run.context("group.bake_5"), "changed")
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=61)):
        assert baking.execute_complete(run.context("group.bake_5"), "time") == shifted


@pytest.mark.usefixtures("versions")
def test_bake_that_is_no_duration_fails_for_good(run: FakeRun) -> None:
    with pytest.raises(AirflowFailException, match="bake must be a number of seconds"):
        Group(run, bake="soon").to("bake_5")
