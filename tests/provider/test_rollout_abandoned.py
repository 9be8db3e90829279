"""Rollouts that nobody works on any more, and what waits for rollouts in the triggerer."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.repository.errors import StorageUnavailableError
from airflow_provider_versioned.rollout import (
    AbortRolloutOfRun,
    AbortStaleRolloutsOperator,
    RollBackPromotionOperator,
)
from airflow_provider_versioned.triggers.rollout import RolloutTrigger
from tests.provider.rollout_group import Group, state
from tests.repository.rollout_stage import three_versions
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)

HERE = ("model", "prod")


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1, 2 and 3, and alias ``prod`` at version 1."""
    three_versions(connection, "model")
    return connection


@pytest.mark.parametrize(("run_id", "left"), [("run-1", ("1", None, None)), ("run-2", ("1", "2", 5))])
def test_callback_of_a_failed_run_aborts_its_own_rollout_only(
    versions: Repository, run: FakeRun, run_id: str, left: tuple[str, str | None, int | None]
) -> None:
    Group(run)("start", "shift_5")
    context: Any = {"dag_run": SimpleNamespace(dag_id="dag", run_id=run_id), "reason": "timed_out"}

    AbortRolloutOfRun(*HERE)(context)
    AbortRolloutOfRun(*HERE)(context)

    assert state(versions) == left
    if run_id == "run-1":
        rollout = versions.get_rollout(*HERE)
        assert (rollout.ended_by, rollout.end_reason) == ("airflow:dag/run-1", "the run failed (timed_out)")


def test_callback_where_there_is_no_rollout_does_nothing(versions: Repository) -> None:
    AbortRolloutOfRun(*HERE)({"dag_run": SimpleNamespace(dag_id="dag", run_id="run-1")})
    assert state(versions) == ("1", None, None)


@pytest.mark.parametrize("frozen", [False, True])
def test_stale_rollout_is_aborted_and_one_that_gets_on_or_is_frozen_is_not(
    versions: Repository, run: FakeRun, frozen: bool
) -> None:
    Group(run)("start", "shift_5")
    if frozen:
        versions.freeze_rollout(*HERE)
    nightly = AbortStaleRolloutsOperator(task_id="nightly", stale_after="3600")

    assert [kept["id"] for kept in run.execute(nightly)["kept"]] == ["dag/run-1/group"]
    with time_machine.travel(datetime.now(UTC) + timedelta(hours=2)):
        result = run.execute(nightly)
        assert [aborted["id"] for aborted in result["aborted"]] == ([] if frozen else ["dag/run-1/group"])
        if frozen:
            eager = AbortStaleRolloutsOperator(task_id="nightly", stale_after=3600, name="model", frozen_too="yes")
            assert len(run.execute(eager)["aborted"]) == 1
    assert state(versions) == ("1", None, None)
    assert "it has not got on since" in str(versions.get_rollout(*HERE).end_reason)


def test_promotion_is_rolled_back_by_a_task(versions: Repository, run: FakeRun) -> None:
    Group(run).to("promote")
    back = RollBackPromotionOperator(task_id="undo", name="model", alias="prod", within="60", reason="worse")

    assert run.execute(back)["state"] == "rolled_back"
    assert state(versions) == ("1", None, None)
    assert run.execute(back)["state"] == "rolled_back"

    run.clear_number = 1
    Group(run)("start")
    other = RollBackPromotionOperator(task_id="undo", name="model", alias="prod", rollout_id="another")
    with pytest.raises(AirflowFailException, match="has taken its place"):
        run.execute(other)


# -- in the triggerer --------------------------------------------------------------------------------------------------


def fired(trigger: RolloutTrigger) -> Any:
    """Run a trigger until it fires."""

    async def first() -> Any:
        events: Any = trigger.run()
        return (await anext(events)).payload

    return asyncio.run(asyncio.wait_for(first(), timeout=120))


def trigger_for(versions: Repository, **arguments: Any) -> RolloutTrigger:
    """Make a trigger that has seen the rollout as it stands."""
    rollout = versions.get_rollout(*HERE)
    given = {"name": "model", "alias": "prod", "rollout_id": rollout.id, "seen": rollout.course, **arguments}
    return RolloutTrigger(**given, poke_interval=0.1)


def test_trigger_fires_when_the_time_has_come(versions: Repository, run: FakeRun) -> None:
    Group(run)("start", "shift_5")
    until = datetime.now(UTC) + timedelta(seconds=0.3)

    assert fired(trigger_for(versions, until=until.isoformat())) == "time"
    assert datetime.now(UTC) >= until


@pytest.mark.parametrize(
    "steer",
    [
        lambda r: r.freeze_rollout(*HERE),
        lambda r: r.skip_rollout_step(*HERE),
        lambda r: r.abort_rollout(*HERE),
        lambda r: r.promote_rollout(*HERE),
        lambda r: r.put_alias(*HERE, 3),
        lambda r: r.start_rollout(*HERE, 3, [50], rollout_id="b", on_live="supersede"),
    ],
)
def test_trigger_fires_when_somebody_steers(
    versions: Repository, run: FakeRun, steer: Callable[[Repository], object]
) -> None:
    Group(run)("start", "shift_5")
    waiting = trigger_for(versions)
    steer(versions)

    assert fired(waiting) == "changed"


def test_trigger_does_not_fire_for_a_judgement_and_waits_through_an_outage(
    versions: Repository, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    Group(run)("start", "shift_5")
    waiting = trigger_for(versions)
    versions.record_judgement(*HERE, {"verdict": "success"}, rollout_id="dag/run-1/group")
    looks: list[int] = []

    def look(_self: Any, *_: Any, **__: Any) -> Any:
        looks.append(1)
        if len(looks) == 1:
            raise StorageUnavailableError("throttled")
        if len(looks) == 4:
            versions.freeze_rollout(*HERE)
        return versions.get_rollout(*HERE) if len(looks) < 9 else None

    monkeypatch.setattr(waiting, "looks", _looking(look))
    assert fired(waiting) == "changed"
    assert len(looks) == 4


def test_trigger_hands_what_no_waiting_cures_to_the_task(versions: Repository, run: FakeRun) -> None:
    Group(run)("start", "shift_5")
    assert "error" in fired(trigger_for(versions, rollout_id="never begun"))


def _looking(look: Any) -> Any:
    """Return what stands for the looks that triggers share."""
    from contextlib import asynccontextmanager  # noqa: PLC0415 -- only here

    @asynccontextmanager
    async def looks() -> Any:
        repository = SimpleNamespace(get_rollout=lambda *where, **which: look(None, *where, **which))
        yield SimpleNamespace(hook=SimpleNamespace(repository=repository))

    return looks
