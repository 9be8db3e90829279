"""Staged promotions in Dag runs of a real Airflow: what the run ends as, and where the alias stands then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import Ran

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def two_versions(connection: Repository) -> Repository:
    """A repository whose alias ``prod`` is at version 1, with a version 2 to roll out."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1, changed_by="the beginning")
    return connection


def history(repository: Repository) -> list[tuple[str | None, str | None, int | None]]:
    """Return what the alias was, from first to last."""
    changes = reversed(list(repository.list_alias_history("model", "prod")))
    return [(change.version, change.secondary_version, change.secondary_version_weight) for change in changes]


def in_group(ran: Ran, task_id: str) -> str:
    """Return the state of a task of the group."""
    return ran.tasks[f"staged_promotion.{task_id}"]


@pytest.mark.parametrize("dag_id", ["rollout_by_callable", "rollout_by_task"])
def test_rollout_of_a_good_version_ends_promoted_and_later_tasks_run(
    two_versions: Repository, run_dag: Callable[..., Ran], dag_id: str
) -> None:
    ran = run_dag(dag_id, name="model", version=2)

    assert (ran.state, set(ran.tasks.values())) == ("success", {"success"})
    assert history(two_versions) == [("1", None, None), ("1", "2", 5), ("1", "2", 25), ("2", None, None)]
    alias = two_versions.get_alias("model", "prod")
    assert alias.changed_by is not None
    assert alias.changed_by.endswith("/staged_promotion.promote")
    assert (alias.reason or "").startswith("promotion: run manual__")


@pytest.mark.parametrize(
    ("dag_id", "answer"),
    [
        ("rollout_by_callable", False),
        ("rollout_by_callable", "inconclusive"),
        ("rollout_by_task", "failure"),
        ("rollout_by_task", None),
    ],
)
def test_rollout_whose_second_check_does_not_say_success_ends_failed_on_the_stable_version(
    two_versions: Repository, run_dag: Callable[..., Ran], dag_id: str, answer: object
) -> None:
    ran = run_dag(dag_id, name="model", version=2, checks={"25": answer})

    assert ran.state == "failed"
    assert (in_group(ran, "promote"), ran.tasks["after"]) in {
        ("upstream_failed", "upstream_failed"),
        ("failed", "upstream_failed"),
    }
    assert (in_group(ran, "roll_back_unless_promoted"), in_group(ran, "fail_unless_promoted")) == ("success", "failed")
    assert history(two_versions) == [("1", None, None), ("1", "2", 5), ("1", "2", 25), ("1", None, None)]


def test_rollback_records_the_numbers_of_the_check(two_versions: Repository, run_dag: Callable[..., Ran]) -> None:
    ran = run_dag("rollout_by_callable", name="model", version=2, checks={"5": ["failure", {"accuracy": 0.1}]})

    judgement = ran.xcom("staged_promotion.check_5", "judgement")
    assert (judgement["verdict"], judgement["detail"]) == ("failure", {"accuracy": 0.1})
    assert two_versions.get_rollout("model", "prod").judgement == judgement
    assert two_versions.get_alias("model", "prod").reason == "the check at 5 % said failure (accuracy=0.1)"


def test_rollout_whose_check_crashes_is_rolled_back(two_versions: Repository, run_dag: Callable[..., Ran]) -> None:
    ran = run_dag("rollout_by_callable", name="model", version=2, checks={"5": "crash"})

    assert (ran.state, two_versions.get_alias("model", "prod").secondary_version) == ("failed", None)
    assert "the check crashed" in str(two_versions.get_alias("model", "prod").reason)


def test_rollout_whose_check_task_skips_itself_does_not_promote_and_ends_failed(
    two_versions: Repository, run_dag: Callable[..., Ran]
) -> None:
    ran = run_dag("rollout_by_task", name="model", version=2, checks={"25": "skip"})

    assert (ran.state, in_group(ran, "check_25"), in_group(ran, "promote")) == ("failed", "skipped", "failed")
    assert two_versions.get_alias("model", "prod").version == "1"
    assert two_versions.get_alias("model", "prod").secondary_version is None


def test_alias_moved_by_somebody_else_stops_the_rollout_and_is_left_alone(
    two_versions: Repository, run_dag: Callable[..., Ran]
) -> None:
    two_versions.publish_artifact_version("model", content=b"three")
    ran = run_dag("rollout_by_callable", name="model", version=3, checks={"5": "move"})

    assert (ran.state, in_group(ran, "check_5"), ran.tasks["after"]) == ("failed", "failed", "upstream_failed")
    alias = two_versions.get_alias("model", "prod")
    assert (alias.version, alias.secondary_version, alias.changed_by) == ("1", None, "somebody else")
    left = ran.xcom("staged_promotion.roll_back_unless_promoted")
    assert left["rolled_back"] is False
    assert "was overtaken: the alias was moved without it by somebody else" in left["detail"]


@pytest.mark.parametrize("dag_id", ["rollout_by_callable", "rollout_by_task"])
def test_rollout_of_the_version_that_is_promoted_already_does_nothing_and_succeeds(
    two_versions: Repository, run_dag: Callable[..., Ran], dag_id: str
) -> None:
    ran = run_dag(dag_id, name="model", version=1, checks={"100": False})

    assert (ran.state, set(ran.tasks.values())) == ("success", {"success"})
    assert history(two_versions) == [("1", None, None)]


def test_rollout_that_cannot_begin_fails_and_moves_nothing(
    two_versions: Repository, run_dag: Callable[..., Ran]
) -> None:
    ran = run_dag("rollout_templated", name="model", version=2, steps=[0, 5], bake=0)

    assert (ran.state, in_group(ran, "start")) == ("failed", "failed")
    assert in_group(ran, "roll_back_unless_promoted") == "upstream_failed"
    assert history(two_versions) == [("1", None, None)]


def test_rollout_with_templated_steps_and_bake_runs_them(two_versions: Repository, run_dag: Callable[..., Ran]) -> None:
    ran = run_dag("rollout_templated", name="model", version="2", steps=[1, 99], bake="0.5")

    assert ran.state == "success"
    assert history(two_versions)[1:] == [("1", "2", 1), ("1", "2", 99), ("2", None, None)]


def test_rollout_that_waits_in_the_triggerer_is_promoted(two_versions: Repository, run_dag: Callable[..., Ran]) -> None:
    ran = run_dag("rollout_deferred", name="model", version=2, steps=[10, 20])

    assert (ran.state, set(ran.tasks.values())) == ("success", {"success"})
    assert history(two_versions)[1:] == [("1", "2", 10), ("1", "2", 20), ("2", None, None)]
    rollout = two_versions.get_rollout("model", "prod")
    assert (rollout.state, (rollout.judgement or {})["weight"]) == ("promoted", 100)
    assert ran.xcom("staged_promotion.bake_step_3")["live"] is False  # a step that this run does not have
