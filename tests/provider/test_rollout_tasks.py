"""The tasks of a rollout one by one: repeated, cleared, resumed, disturbed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowFailException
from botocore.exceptions import ReadTimeoutError

from airflow_provider_versioned.repository.errors import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    InvalidInputError,
    StorageUnavailableError,
)
from airflow_provider_versioned.rollout import CanaryStep, staged_promotion
from tests.provider.rollout_group import Group, state
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)

ROLLBACK = "roll_back_unless_promoted"


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1, 2 and 3, and alias ``prod`` at version 1."""
    for content in (b"one", b"two", b"three"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1, changed_by="ann")
    return connection


def test_group_is_a_straight_line_from_start_to_the_rollback(run: FakeRun) -> None:
    dag = Group(run, check=lambda step: True).dag  # noqa: ARG005 -- called with the step

    edges = {(one.task_id[6:], two[6:]) for one in dag.tasks for two in one.downstream_task_ids}
    line = ["start", "shift_5", "bake_5", "check_5", "shift_25", "bake_25", "check_25", "promote", ROLLBACK]
    line.append("fail_unless_promoted")
    assert edges == {*pairwise(line), ("start", ROLLBACK), ("start", "fail_unless_promoted")}
    assert [one.task_id for one in dag.tasks if one.is_setup] == ["group.start"]
    teardowns = {one.task_id: one.on_failure_fail_dagrun for one in dag.tasks if one.is_teardown}
    assert teardowns == {"group.roll_back_unless_promoted": False, "group.fail_unless_promoted": True}
    assert dag.get_task("group.roll_back_unless_promoted").retries == 3


def test_group_with_a_check_task_is_the_same_line(run: FakeRun) -> None:
    @task(retries=2)
    def check(step: dict[str, Any]) -> bool:
        return bool(step)

    dag = Group(run, check=check, retries=5).dag

    assert dag.get_task("group.check_5").upstream_task_ids == {"group.bake_5"}
    assert dag.get_task("group.shift_25").upstream_task_ids == {"group.check_5"}
    assert dag.get_task("group.check_5").retries == 5


def test_group_inside_another_group_finds_its_tasks(run: FakeRun) -> None:
    from airflow.sdk import TaskGroup  # noqa: PLC0415 -- only here

    with DAG("dag") as dag, TaskGroup("outer"):
        staged_promotion(name="model", alias="prod", version=2, bake=0, steps=(5,), default_args={"owner": "ann"})

    shift: Any = dag.get_task("outer.staged_promotion.shift_5")
    assert (shift.start_task_id, shift.owner) == ("outer.staged_promotion.start", "ann")
    assert run.xcoms == {}


@pytest.mark.parametrize("steps", [(), (0, 5), (25, 5), (5, 100)])
def test_wrong_weights_are_refused_when_the_dag_is_parsed(run: FakeRun, steps: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="ascending order"):
        Group(run, steps=steps)


def test_check_that_cannot_be_called_is_refused_when_the_dag_is_parsed(run: FakeRun) -> None:
    with pytest.raises(InvalidInputError, match="check must be a callable"):
        Group(run, check="accuracy > 0.9")


def test_alias_that_does_not_exist_is_refused_with_what_to_do(versions: Repository, run: FakeRun) -> None:
    with pytest.raises(AliasNotFoundError, match=r"no stable version to start from .* PromoteAliasOperator"):
        Group(run, alias="staging")("start")
    assert versions.list_aliases("model")[0].alias == "prod"


@pytest.mark.parametrize(
    ("version", "error"), [("9", ArtifactNotFoundError), ("LATEST", AirflowFailException), ("", AirflowFailException)]
)
def test_canary_that_cannot_be_is_refused_before_anything_moves(
    versions: Repository, run: FakeRun, version: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        Group(run, version=version)("start")
    assert state(versions) == ("1", None, None)


def test_templated_weights_that_are_wrong_are_refused_before_anything_moves(versions: Repository, run: FakeRun) -> None:
    with pytest.raises(AirflowFailException, match="ascending order"):
        Group(run, steps=("25", "5"))("start")
    assert state(versions) == ("1", None, None)


def test_canary_of_somebody_else_is_refused_with_who_it_is(versions: Repository, run: FakeRun) -> None:
    versions.put_alias("model", "prod", 1, 3, 10, changed_by="bob", rollout="other/run/group")

    with pytest.raises(
        AirflowFailException, match=r"with version 3 at 10 %, moved by bob .* in rollout 'other/run/group'"
    ):
        Group(run)("start")
    assert state(versions) == ("1", "3", 10)


def test_every_task_repeated_leaves_the_alias_where_it_is(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=lambda step: True)  # noqa: ARG005 -- called with the step
    for task_id in group.task_ids:
        first = group(task_id)
        before = versions.get_alias("model", "prod")

        assert group(task_id) == first
        assert versions.get_alias("model", "prod") == before
    assert state(versions) == ("2", None, None)


def test_lost_reply_of_a_shift_is_no_conflict_with_ourselves(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group("start")
    shift: Any = group.dag.get_task("group.shift_5")

    def lose_reply(**_: Any) -> None:
        raise ReadTimeoutError(endpoint_url="http://aws")

    events = shift.hook.dynamodb_client.meta.events
    events.register("after-call.dynamodb.TransactWriteItems", lose_reply)
    with pytest.raises(StorageUnavailableError):
        group("shift_5")
    events.unregister("after-call.dynamodb.TransactWriteItems", lose_reply)
    assert state(versions) == ("1", "2", 5)

    assert group("shift_5")["live"] is True
    group("shift_25", "promote")
    assert state(versions) == ("2", None, None)


def test_whole_group_cleared_under_way_goes_on_from_the_weight_it_has(versions: Repository, run: FakeRun) -> None:
    asked: list[int] = []

    def check(step: CanaryStep) -> bool:
        asked.append(step.weight)
        return True

    group = Group(run, check=check)
    group.to("check_25")
    run.clear_number = 1

    assert group("start", "shift_5")["live"] is False
    group("bake_5", "check_5")
    assert state(versions) == ("1", "2", 25)
    assert group("shift_25", "bake_25", "check_25", "promote")["weight"] == 100

    assert state(versions) == ("2", None, None)
    assert asked == [5, 25, 25]


def test_group_cleared_after_a_rollback_begins_anew(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group("start", "shift_5", "roll_back_unless_promoted")
    assert state(versions) == ("1", None, None)
    run.clear_number = 1

    group.to("promote")

    assert state(versions) == ("2", None, None)


def test_check_cleared_alone_after_a_rollback_judges_nothing(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=lambda step: True)  # noqa: ARG005 -- called with the step
    group.to("bake_5")
    group("roll_back_unless_promoted")

    for task_id in ("check_5", "shift_25"):
        with pytest.raises(
            AirflowFailException, match=r"was rolled back by airflow:.*\(the rollout ended .*clear the whole group"
        ):
            group(task_id)
    assert state(versions) == ("1", None, None)


def test_group_cleared_with_another_version_drops_its_own_canary_first(versions: Repository, run: FakeRun) -> None:
    Group(run)("start", "shift_5")
    run.clear_number = 1

    Group(run, version=3).to("shift_25")

    assert state(versions) == ("1", "3", 25)
    moves = [(row.action, row.version, row.secondary_version) for row in versions.list_alias_history("model", "prod")]
    assert moves[::-1] == [
        *(("put", "1", None), ("put", "1", "2"), ("rollback", "1", None)),
        *(("put", "1", "3"), ("put", "1", "3")),
    ]


@pytest.mark.parametrize("task_id", ["shift_25", "promote"])
def test_task_out_of_turn_conflicts(versions: Repository, run: FakeRun, task_id: str) -> None:
    group = Group(run)
    group("start")

    with pytest.raises(AirflowFailException, match=r"step (before )?has not been made"):
        group(task_id)
    assert state(versions) == ("1", None, None)


def test_alias_moved_between_start_and_the_first_step_conflicts(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group("start")
    versions.put_alias("model", "prod", 3, changed_by="bob")
    versions.put_alias("model", "prod", 1, changed_by="bob")

    with pytest.raises(AirflowFailException, match="was overtaken: the alias was moved without it by bob"):
        group("shift_5")
    assert group("roll_back_unless_promoted")["rolled_back"] is False
    assert state(versions) == ("1", None, None)


def test_rollback_that_loses_a_race_looks_again(
    versions: Repository, run: FakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = Group(run)
    group("start", "shift_5")
    repository = group.dag.get_task("group.roll_back_unless_promoted").hook.repository  # type: ignore[union-attr]
    abort = repository.abort_rollout

    def late(*where: str, **how: Any) -> Any:
        versions.put_alias("model", "prod", 3, changed_by="bob")
        return abort(*where, **how)

    monkeypatch.setattr(repository, "abort_rollout", late)

    assert "overtaken: the alias was moved without it by bob" in group("roll_back_unless_promoted")["detail"]
    assert state(versions) == ("3", None, None)


def test_rollback_goes_to_the_version_that_the_rollout_began_with(versions: Repository, run: FakeRun) -> None:
    versions.put_alias("model", "prod", 3, 1, 10)
    versions.put_alias("model", "prod", 3)
    group = Group(run)
    group("start", "shift_5")

    assert group("roll_back_unless_promoted")["rolled_back"] is True
    assert state(versions) == ("3", None, None)


def test_run_ends_well_only_after_the_promotion(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group("start", "shift_5")
    with pytest.raises(AirflowFailException, match=r"Version 2 was not promoted: .* is live at 5 %"):
        group("fail_unless_promoted")

    group("roll_back_unless_promoted")
    with pytest.raises(AirflowFailException, match=r"Version 2 was not promoted: .* was rolled back by airflow:"):
        group("fail_unless_promoted")

    run.clear_number = 1
    assert group.to("fail_unless_promoted") is None
    assert state(versions) == ("2", None, None)


def test_promotion_of_an_earlier_attempt_does_not_count(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group.to("fail_unless_promoted")
    versions.rollback_alias("model", "prod")
    run.clear_number = 1
    group("start")

    with pytest.raises(AirflowFailException, match="Version 2 was not promoted"):
        group("shift_5", "roll_back_unless_promoted", "fail_unless_promoted")


def test_rollback_is_not_explained_by_a_check_of_an_earlier_attempt(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=lambda step: step.weight < 25)
    with pytest.raises(AirflowFailException):
        group.to("check_25")
    assert group(ROLLBACK)["reason"] == "the check at 25 % said failure"

    run.clear_number = 1
    group("start", "shift_5")

    assert group(ROLLBACK)["reason"] == "the rollout ended before the promotion"
    assert state(versions) == ("1", None, None)


def test_rollback_without_an_alias_leaves_it_so(versions: Repository, run: FakeRun) -> None:
    group = Group(run)
    group("start", "shift_5")
    versions.delete_alias("model", "prod")

    assert group("roll_back_unless_promoted")["detail"].endswith("(the alias was deleted)")


def test_rollouts_of_mapped_groups_do_not_take_each_other_for_themselves(versions: Repository, run: FakeRun) -> None:
    start: Any = Group(run, on_live="supersede").dag.get_task("group.start")

    ids = [run.execute(start, map_index=index)["id"] for index in (None, -1, 0, 1)]

    assert ids == ["dag/run-1/group", "dag/run-1/group", "dag/run-1/group[0]", "dag/run-1/group[1]"]
    assert state(versions) == ("1", None, None)
