"""CloudWatchAlarmJudge: states of real alarms as verdicts; and several checks as one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.gates import CloudWatchAlarmJudge
from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.repository.errors import InvalidInputError, StorageError
from airflow_provider_versioned.rollout import CanaryStep, Judgement, Verdict, all_of
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MINISTACK)

STEP = CanaryStep("model", "prod", "1", "2", 5, "rollout", datetime(2026, 11, 23, tzinfo=UTC))


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    """A client of CloudWatch on the embedded server."""
    return aws.session().client("cloudwatch", endpoint_url=aws.s3_endpoint)


@pytest.fixture
def alarm(cloudwatch: Any, unique_place: PlaceArguments) -> Callable[..., str]:
    """Make an alarm in a state, and return its name."""

    def make(state: str, number: int = 1) -> str:
        name = f"{unique_place['s3_bucket']}-{number}-{state}"
        watched = {"Namespace": "shop", "MetricName": "errors", "Statistic": "Sum", "Period": 60}
        rule = {"EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
        cloudwatch.put_metric_alarm(AlarmName=name, **watched, **rule)
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="as the test says")
        return name

    return make


def connect(aws: Aws, place: PlaceArguments, service: str = "cloudwatch") -> str:
    """Return a connection that leads to CloudWatch on the embedded server, too."""
    connection: dict[str, Any] = json.loads(aws.connection_json(place))
    connection["extra"]["service_config"][service] = {"endpoint_url": aws.s3_endpoint}
    return json.dumps(connection)


@pytest.fixture
def hook(aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch) -> VersionedRepositoryHook:
    """The hook that a rollout hands to its check."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connect(aws, unique_place))
    return VersionedRepositoryHook()


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        (["OK"], Verdict.SUCCESS),
        (["OK", "ALARM"], Verdict.FAILURE),
        (["OK", "INSUFFICIENT_DATA"], Verdict.INCONCLUSIVE),
        (["INSUFFICIENT_DATA", "ALARM"], Verdict.FAILURE),
    ],
)
def test_worst_state_of_the_alarms_decides(
    hook: VersionedRepositoryHook, alarm: Callable[..., str], states: list[str], verdict: Verdict
) -> None:
    names = [alarm(state, number) for number, state in enumerate(states)]

    judgement = CloudWatchAlarmJudge(names)(STEP, hook)

    assert judgement.verdict is verdict
    assert [judgement.detail[name]["state"] for name in names] == states
    assert json.dumps(judgement.to_dict())
    if verdict is Verdict.FAILURE:
        assert judgement.reason == f"alarm {names[-1]!r} is ALARM"


def test_name_that_no_alarm_has_is_an_error_that_names_it(
    hook: VersionedRepositoryHook, alarm: Callable[..., str]
) -> None:
    quiet = alarm("OK")

    judgement = CloudWatchAlarmJudge([quiet, f"{quiet}-misspelt"])(STEP, hook)

    assert judgement.verdict is Verdict.ERROR
    assert f"no alarm '{quiet}-misspelt'" in str(judgement.reason)
    assert CloudWatchAlarmJudge([alarm("ALARM"), "misspelt"])(STEP, hook).verdict is Verdict.FAILURE


def test_composite_alarm_is_looked_at_too(
    hook: VersionedRepositoryHook, alarm: Callable[..., str], cloudwatch: Any
) -> None:
    part = alarm("OK")
    cloudwatch.put_composite_alarm(AlarmName=f"{part}-all", AlarmRule=f"ALARM({part})")
    for state, verdict in (("ALARM", Verdict.FAILURE), ("OK", Verdict.SUCCESS)):
        cloudwatch.set_alarm_state(AlarmName=f"{part}-all", StateValue=state, StateReason="as the test says")
        assert CloudWatchAlarmJudge(f"{part}-all")(STEP, hook).verdict is verdict


def test_alarms_of_another_connection_and_more_than_one_request_takes_are_found(
    aws: Aws,
    unique_place: PlaceArguments,
    alarm: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    hook: VersionedRepositoryHook,
) -> None:
    names = [alarm("OK"), alarm("ALARM")]
    monkeypatch.setenv("AIRFLOW_CONN_MONITORING", connect(aws, unique_place))
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", connect(aws, unique_place, "other"))
    many = [names[0], *(f"missing-{number}" for number in range(110)), names[1]]

    judgement = CloudWatchAlarmJudge(many, aws_conn_id="monitoring", region_name=aws.region)(STEP, hook)

    assert judgement.reason == f"alarm {names[1]!r} is ALARM"
    assert judgement.detail[names[0]]["state"] == "OK"


def test_cloudwatch_that_cannot_be_reached_is_an_error_of_storage(
    aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(connect(aws, unique_place))
    connection["extra"]["service_config"]["cloudwatch"]["endpoint_url"] = "http://127.0.0.1:1"
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))

    with pytest.raises(StorageError, match="Reading the state of alarms"):
        CloudWatchAlarmJudge(["any"])(STEP, VersionedRepositoryHook())


@pytest.mark.parametrize("names", [[], "", [""], [7]])
def test_judge_without_names_of_alarms_is_refused(names: Any) -> None:
    with pytest.raises(InvalidInputError, match="alarm_names must be"):
        CloudWatchAlarmJudge(names)


# -- several checks as one -----------------------------------------------------------------------------------------


def said(verdict: str) -> Callable[..., Any]:
    """Return a check that says always the same."""
    return lambda step: (verdict, {"weight": step.weight})


def broken(step: CanaryStep) -> bool:
    raise RuntimeError(f"no numbers at {step.weight} %")


def skipping(step: CanaryStep) -> bool:
    from airflow.sdk.exceptions import AirflowSkipException  # noqa: PLC0415 -- after pytest_configure has set the environment

    raise AirflowSkipException


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([said("success"), said("success")], Verdict.SUCCESS),
        ([said("success"), said("inconclusive")], Verdict.INCONCLUSIVE),
        ([said("inconclusive"), broken], Verdict.ERROR),
        ([broken, said("failure")], Verdict.FAILURE),
        ([said("success"), skipping], Verdict.ERROR),
        ([said("success"), lambda _step: None], Verdict.ERROR),
    ],
)
def test_worst_verdict_of_all_checks_counts(checks: list[Callable[..., Any]], verdict: Verdict) -> None:
    assert all_of(*checks)(STEP, hook=None).verdict is verdict


def test_each_check_gets_what_it_names_and_is_told_of_by_its_name() -> None:
    def by_run(step: CanaryStep, run_id: str, hook: str) -> Judgement:
        return Judgement(Verdict.SUCCESS, {"seen": f"{step.canary} {run_id} {hook}"})

    judgement = all_of(by_run, broken, said("success"))(STEP, hook="hook", run_id="run", ti=None)

    assert judgement.detail["by_run"]["detail"] == {"seen": "2 run hook"}
    assert judgement.reason == "broken raised RuntimeError: no numbers at 5 %"
    assert set(judgement.detail) == {"by_run", "broken", "<lambda>"}


@pytest.mark.parametrize("checks", [(), ("name",), (broken, None)])
def test_all_of_nothing_or_of_what_cannot_be_called_is_refused(checks: Any) -> None:
    with pytest.raises(InvalidInputError, match="all_of needs"):
        all_of(*checks)
