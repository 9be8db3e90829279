"""Rollouts judged by what consumers report."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException

from airflow_provider_versioned.repository import InvalidInputError
from airflow_provider_versioned.repository.judges import MetricComparison, SampleRatio, SequentialTest, Threshold
from airflow_provider_versioned.rollout import Consequence, Consequences, OutcomeJudge, Verdict
from tests.provider.rollout_group import Group, state
from tests.servers import MINISTACK, MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun, Ran

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1, 2 and 3, and alias ``prod`` at version 1."""
    for content in (b"one", b"two", b"three"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1, changed_by="ann")
    return connection


def report(repository: Repository, stable: tuple[int, int], canary: tuple[int, int], **metrics: Any) -> None:
    """Report outcomes of both sides as consumers would; each side as (count, failures)."""
    alias = repository.get_alias("model", "prod")
    for version, (count, failures) in ((1, stable), (2, canary)):
        repository.record_outcomes(
            *("model", alias, version),
            successes=count - failures,
            failures=failures,
            metrics=metrics.get(f"v{version}"),
        )


def test_rollout_goes_on_with_a_healthy_canary(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge())
    group.to("shift_5")
    report(versions, (3800, 38), (200, 2))

    result = group("bake_5", "check_5")

    assert result["verdict"] == "success"
    assert result["detail"]["SequentialTest"]["detail"]["canary"] == {"count": 200, "failures": 2, "failure_rate": 0.01}
    group("shift_25")
    assert state(versions) == ("1", "2", 25)


def test_rollout_fails_with_a_broken_canary_and_the_reason_is_kept(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge())
    group.to("shift_5")
    report(versions, (3800, 38), (200, 20))

    with pytest.raises(AirflowFailException, match="20 failures in 200"):
        group("bake_5", "check_5")
    group("roll_back_unless_promoted")

    assert state(versions) == ("1", None, None)
    assert "20 failures in 200" in str(versions.get_alias("model", "prod").reason)


def demand_asked_again(repository: Repository, verdict: str, reason: str) -> None:
    """Demand that the record of the rollout holds such a verdict, and that the check will be asked again."""
    judgement = repository.get_rollout("model", "prod").judgement
    assert judgement is not None
    assert (judgement["verdict"], judgement["consequence"]) == (verdict, "wait")
    assert re.search(reason, judgement["reason"])


def test_too_little_traffic_is_asked_again_until_there_is_enough(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge())
    group.to("bake_5")
    for count in (0, 30, 60):
        if count:
            report(versions, (19 * count, 0), (count, 0))
        with pytest.raises(AirflowRescheduleException):
            group("check_5")
        demand_asked_again(versions, "inconclusive", "100 outcomes are needed at this weight")
    report(versions, (950, 0), (50, 0))
    assert group("check_5")["verdict"] == "success"


def test_next_step_needs_samples_of_its_own(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge())
    group.to("shift_5")
    report(versions, (3800, 0), (200, 0))
    group("bake_5", "check_5", "shift_25", "bake_25")
    with pytest.raises(AirflowRescheduleException):
        group("check_25")
    demand_asked_again(versions, "inconclusive", "there are 0 of the canary and 0 of the stable")


def test_counts_of_an_earlier_rollout_judge_nobody(versions: Repository, run: FakeRun) -> None:
    versions.put_alias("model", "prod", 1, 2, 5, rollout="an earlier one")
    report(versions, (100, 0), (100, 100))
    versions.put_alias("model", "prod", 1)
    group = Group(run, check=OutcomeJudge())
    group.to("shift_5")
    report(versions, (1900, 0), (100, 0))
    assert group("bake_5", "check_5")["verdict"] == "success"


def test_rollout_begun_anew_is_judged_anew(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge())
    group.to("shift_5")
    report(versions, (3800, 38), (200, 100))
    with pytest.raises(AirflowFailException):
        group("bake_5", "check_5")
    group("roll_back_unless_promoted")

    run.clear_number = 1
    group("start", "shift_5", "bake_5")
    with pytest.raises(AirflowRescheduleException):
        group("check_5")
    demand_asked_again(versions, "inconclusive", "100 outcomes are needed")
    report(versions, (1900, 19), (100, 1))
    assert group("check_5")["verdict"] == "success"


def test_traffic_that_does_not_follow_the_weight_is_no_success(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge())
    group.to("shift_5")
    report(versions, (2000, 0), (2000, 0))
    with pytest.raises(AirflowRescheduleException):
        group("bake_5", "check_5")
    demand_asked_again(versions, "error", r"the canary's share .* \(2000 of 4000 at 5 %\)")


def test_dry_run_reports_and_goes_on(versions: Repository, run: FakeRun) -> None:
    group = Group(run, check=OutcomeJudge(dry_run=True))
    group.to("shift_5")
    report(versions, (2000, 0), (2000, 2000))
    result = group("bake_5", "check_5")
    assert result["verdict"] == "success"
    assert {entry["detail"]["dry_run"]["verdict"] for entry in result["detail"].values()} == {"error", "failure"}


def test_judges_of_choice_see_metrics_and_counts(versions: Repository, run: FakeRun) -> None:
    judge = OutcomeJudge((Threshold(max_failure_rate=0.02), MetricComparison("seconds", "higher", min_samples=20)))
    group = Group(run, check=judge)
    group.to("shift_5")
    report(versions, (95, 0), (50, 0), v1={"seconds": [0.1 * n for n in range(95)]}, v2={"seconds": [10.0] * 50})
    with pytest.raises(AirflowFailException, match=r"seconds of the canary is higher in 100% of pairs"):
        group("bake_5", "check_5")


def test_check_is_light_to_import_and_to_repeat() -> None:
    assert OutcomeJudge() == OutcomeJudge((SampleRatio(), SequentialTest()))


# -- consequences ------------------------------------------------------------------------------------------------------


def test_consequences_have_sensible_defaults_and_take_names() -> None:
    assert [Consequences().of(verdict) for verdict in Verdict] == ["go_on", "roll_back", "wait", "wait"]
    given = Consequences(failure="freeze", inconclusive=Consequence.ASK, error="roll_back")
    assert [given.of(verdict) for verdict in Verdict] == ["go_on", "freeze", "ask", "roll_back"]
    assert isinstance(given.failure, Consequence)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"failure": "explode"}, "The consequence of failure must be one of go_on, wait, ask, freeze, roll_back"),
        ({"success": "wait"}, "must not be wait"),
    ],
)
def test_consequence_that_makes_no_sense_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Consequences(**arguments)


# -- in a real Airflow -------------------------------------------------------------------------------------------------


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize(
    ("broken", "end", "state_of_run"), [([], ("2", None, None), "success"), (["2"], ("1", None, None), "failed")]
)
def test_consumers_decide_a_rollout(
    versions: Repository, run_dag: Callable[..., Ran], broken: list[str], end: tuple[str, None, None], state_of_run: str
) -> None:
    ran = run_dag("outcomes_judged", name="model", version=2, customers=120, broken=broken)

    assert (ran.state, state(versions)) == (state_of_run, end)
    judgement = ran.xcom("staged_promotion.check_25", "judgement")
    assert judgement["verdict"] == ("failure" if broken else "success")
    assert judgement["detail"]["SampleRatio"]["verdict"] == "success"
    rollout = next(change.rollout for change in versions.list_alias_history("model", "prod") if change.rollout)
    assert versions.get_outcomes("model", "prod", rollout=rollout).of("2").counts.count > 20
