"""The tasks of a rollout among others: other runs, people who steer, and the steps that a run asks for."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException

from tests.provider.rollout_group import Group, state
from tests.repository.rollout_stage import three_versions
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)

ROLLBACK = "roll_back_unless_promoted"


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1, 2 and 3, and alias ``prod`` at version 1."""
    three_versions(connection, "model")
    return connection


def test_start_repeated_after_an_abort_does_not_begin_again(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group("start", "shift_5")
    versions.abort_rollout("model", "prod", changed_by="ann", reason="too slow")

    with pytest.raises(AirflowFailException, match=r"was rolled back by ann .* \(too slow\)"):
        group("start")
    assert versions.get_rollout("model", "prod").is_live is False


@pytest.mark.parametrize(
    ("on_live", "left", "stable_first"), [("supersede", ("1", None, None), True), ("resume", ("1", "2", 5), False)]
)
def test_rollout_of_another_run_is_superseded_or_resumed(
    versions: Repository, run: FakeRun, on_live: str, left: tuple[str, str | None, int | None], stable_first: bool
) -> None:
    old = Group(run)
    old("start", "shift_5")
    other = type(run)(run_id="run-2")
    new = Group(other, on_live=on_live)
    new("start")
    assert state(versions) == left

    with pytest.raises(AirflowFailException, match="was superseded by dag/run-2/group"):
        old("shift_25")
    assert old(ROLLBACK)["rolled_back"] is False
    assert state(versions) == left
    assert new("shift_5")["live"] is True
    assert new("shift_25", "promote", "fail_unless_promoted") is None
    assert state(versions) == ("2", None, None)
    with pytest.raises(AirflowFailException, match="superseded"):
        old("fail_unless_promoted")
    assert stable_first == (on_live == "supersede")


def test_second_run_is_refused_with_whose_rollout_is_on(versions: Repository, run: FakeRun) -> None:
    Group(run)("start", "shift_5")

    with pytest.raises(
        AirflowFailException,
        match=r"'dag/run-1/group' of version 2 .* at 5 % \(step 1 of 2\), begun by airflow:.*abort",
    ):
        Group(type(run)(run_id="run-2"), version=3)("start")
    assert state(versions) == ("1", "2", 5)


def test_promoted_by_a_person_lets_every_task_pass(versions: Repository, run: FakeRun) -> None:
    group = Group(run, bake=3600, check=lambda step: False)  # noqa: ARG005 -- called with the step
    group("start", "shift_5")
    versions.promote_rollout("model", "prod", changed_by="ann")

    assert group("bake_5")["live"] is False
    assert group("check_5", "shift_25", "bake_25", "check_25", "promote", ROLLBACK, "fail_unless_promoted") is None
    assert state(versions) == ("2", None, None)


def test_aborted_by_a_person_fails_every_task_with_who_and_why(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=lambda step: True)  # noqa: ARG005 -- called with the step
    group("start", "shift_5")
    versions.abort_rollout("model", "prod", changed_by="ann", reason="wrong data")

    for task_id in ("bake_5", "check_5", "shift_25", "promote", "fail_unless_promoted"):
        with pytest.raises(AirflowFailException, match=r"was rolled back by ann at .*Z \(wrong data\)"):
            group(task_id)
    assert group(ROLLBACK)["rolled_back"] is False
    assert state(versions) == ("1", None, None)


def test_steps_of_one_template_leave_slots_that_pass_at_once(versions: Repository, run: FakeRun) -> None:
    group = Group(run, steps="[10, 40]", max_steps=3, bake="0, 0", check=lambda step: True)  # noqa: ARG005 -- as above

    assert "shift_step_3" in group.task_ids
    group.to("fail_unless_promoted")

    assert [row.secondary_version_weight for row in versions.list_alias_history("model", "prod")] == [
        *(None, 40, 10),
        None,
    ]
    assert run.xcoms["group.bake_step_3", "return_value"]["live"] is False


def test_more_steps_than_there_are_tasks_for_are_refused_before_anything_moves(
    versions: Repository, run: FakeRun
) -> None:
    with pytest.raises(AirflowFailException, match=r"has 3 steps .* its tasks can make 2"):
        Group(run, steps="1, 2, 3", max_steps=2)("start")
    with pytest.raises(LookupError):
        versions.get_rollout("model", "prod")


def test_graph_with_gates_and_a_final_check_is_still_one_line(run: FakeRun) -> None:
    dag = Group(
        run,
        steps=(5,),
        check=bool,
        final_bake=60,
        ask=True,
        approve_before=(5, 100),
        control=True,
    ).dag

    edges = {(one.task_id[6:], two[6:]) for one in dag.tasks for two in one.downstream_task_ids}
    line = ["start", "approve_5", "shift_5", "bake_5", "check_5", "ask_5", "approve_100", "promote", "bake_final"]
    line += ["check_final", ROLLBACK, "fail_unless_promoted"]
    aside = {("start", ROLLBACK), ("start", "fail_unless_promoted")}
    aside |= {("start", "control"), ("control", "fail_unless_promoted")}
    assert edges == {*pairwise(line), *aside}
