"""AliasVersionSensor: what it waits for, what it waits through, and what it fails at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_versioned.repository.errors import (
    AccessDeniedError,
    StorageNotFoundError,
    StorageUnavailableError,
)
from airflow_provider_versioned.sensors import AliasVersionSensor
from airflow_provider_versioned.triggers import AliasVersionTrigger
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1 to 4, and alias ``prod`` at version 1."""
    for content in (b"one", b"two", b"three", b"four"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    return connection


def sensor(**arguments: Any) -> AliasVersionSensor:
    """Make a sensor that gives up after its first look."""
    waiting = {"poke_interval": 0, "timeout": 0, "deferrable": False, **arguments}
    return AliasVersionSensor(task_id="wait", name="model", **{"alias": "prod", **waiting})


def met(run: FakeRun, **condition: Any) -> bool:
    """Tell whether the condition is met at once."""
    try:
        found = run.execute(sensor(**condition))
    except AirflowSensorTimeout:
        return False
    assert found["name"] == "model"
    return True


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_met_condition_returns_the_alias(versions: Repository, run: FakeRun, mode: str) -> None:
    result = run.execute(sensor(version="{{ 1 }}".strip("{ }"), mode=mode))

    assert result == versions.get_alias("model", "prod").to_dict()
    assert run.xcoms["wait", "version"] == "1"


@pytest.mark.parametrize(
    ("mode", "error"), [("poke", AirflowSensorTimeout), ("reschedule", AirflowRescheduleException)]
)
@pytest.mark.usefixtures("versions")
def test_unmet_condition_is_waited_for(run: FakeRun, mode: str, error: type[Exception]) -> None:
    waiting = sensor(version=2, mode=mode, timeout=0 if mode == "poke" else 60)

    with pytest.raises(error):
        run.execute(waiting)


def test_alias_that_does_not_exist_is_waited_for(versions: Repository, run: FakeRun) -> None:
    assert not met(run, alias="staging", min_version=1)
    versions.put_alias("model", "staging", 2)
    assert met(run, alias="staging", min_version=1)


def test_canary_counts_only_where_it_is_asked_for(versions: Repository, run: FakeRun) -> None:
    versions.put_alias("model", "prod", 1, 3, 10)

    assert not met(run, version=3)
    assert met(run, version=3, include_canary="true")
    assert not met(run, min_version=2)
    assert met(run, min_version="2", include_canary=True)


def test_without_a_condition_any_move_since_the_run_started_counts(versions: Repository, run: FakeRun) -> None:
    run.start_date = datetime.now(UTC)
    assert not met(run)

    versions.put_alias("model", "prod", 1, 2, 5)
    assert not met(run)
    assert met(run, include_canary=True)

    versions.put_alias("model", "prod", 2)
    assert met(run)
    assert met(run), "a retry sees it as well"


def test_alias_that_moved_away_and_back_is_not_new(versions: Repository, run: FakeRun) -> None:
    run.start_date = datetime.now(UTC)
    versions.put_alias("model", "prod", 2)
    versions.put_alias("model", "prod", 1)

    assert not met(run)
    assert met(run, include_canary=True)


def test_alias_made_since_the_run_started_is_new(versions: Repository, run: FakeRun) -> None:
    run.start_date = datetime.now(UTC)
    versions.put_alias("model", "fresh", 1)

    assert met(run, alias="fresh")


def test_changed_since_takes_a_moment_or_a_revision(versions: Repository, run: FakeRun) -> None:
    before = versions.get_alias("model", "prod")
    assert not met(run, changed_since=before.revision)
    assert not met(run, changed_since=(datetime.now(UTC) + timedelta(seconds=5)).isoformat())

    versions.put_alias("model", "prod", 1, 2, 5)
    assert not met(run, changed_since=before.revision)
    assert met(run, changed_since=before.revision, include_canary=True)

    versions.put_alias("model", "prod", 2)
    assert met(run, changed_since=before.revision)
    assert met(run, changed_since=before.update_at)


@pytest.mark.parametrize(
    "condition", [{"version": 1, "min_version": 1}, {"version": "x"}, {"changed_since": 5}, {"include_canary": "?"}]
)
@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.usefixtures("versions")
def test_condition_that_cannot_be_fails_for_good(run: FakeRun, condition: dict[str, Any], deferrable: bool) -> None:
    with pytest.raises(AirflowFailException):
        run.execute(sensor(**condition, deferrable=deferrable))


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.usefixtures("versions")
def test_missing_table_fails_at_once(run: FakeRun, deferrable: bool) -> None:
    with pytest.raises(StorageNotFoundError, match="table 'no-such-table' does not exist"):
        run.execute(sensor(version=2, dynamodb_table_name="no-such-table", timeout=600, deferrable=deferrable))


def answer(waiting: AliasVersionSensor, code: str, times: int) -> None:
    """Let AWS refuse the sensor's next reads."""
    left = [times]

    def refuse(model: Any, **_: Any) -> tuple[Any, dict[str, Any]] | None:
        left[0] -= 1
        if left[0] < 0:
            return None
        parsed = {"Error": {"Code": code, "Message": "refused"}, "ResponseMetadata": {"HTTPStatusCode": 400}}
        response = type("Response", (), {"status_code": 400, "raw": None, "content": b"", "headers": {}})()
        return response, {**parsed, "model": model.name}

    waiting.hook.dynamodb_client.meta.events.register("before-call.dynamodb", refuse)  # type: ignore[arg-type] # stubs


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.usefixtures("versions")
def test_denied_access_fails_at_once(run: FakeRun, deferrable: bool) -> None:
    waiting = sensor(version=1, timeout=600, deferrable=deferrable)
    answer(waiting, "AccessDeniedException", times=100)

    with pytest.raises(AccessDeniedError, match="grant the permission"):
        run.execute(waiting)


@pytest.mark.usefixtures("versions")
def test_throttling_and_outages_are_waited_through(run: FakeRun) -> None:
    waiting = sensor(version=1, timeout=600)
    answer(waiting, "ThrottlingException", times=2)

    assert run.execute(waiting)["version"] == "1"


def deferred(run: FakeRun, waiting: AliasVersionSensor) -> TaskDeferred:
    """Execute a sensor that is to be deferred, and return how."""
    with pytest.raises(TaskDeferred) as caught:
        run.execute(waiting)
    return caught.value


@pytest.mark.usefixtures("versions")
def test_deferrable_sensor_looks_once_before_it_defers(run: FakeRun) -> None:
    assert run.execute(sensor(version=1, deferrable=True))["version"] == "1"

    waiting = sensor(version=2, deferrable=True, timeout=90, poke_interval=7, region_name="us-east-1", verify="true")
    deferral = deferred(run, waiting)

    assert isinstance(deferral.trigger, AliasVersionTrigger)
    kwargs = deferral.trigger.serialize()[1]
    assert (kwargs["condition"]["version"], kwargs["poke_interval"]) == ("2", 7)
    assert (kwargs["region_name"], kwargs["verify"], kwargs["aws_conn_id"]) == ("us-east-1", True, "aws_default")
    assert deferral.timeout == timedelta(seconds=90)
    left = datetime.fromisoformat(kwargs["deadline"]) - datetime.now(UTC)
    assert timedelta(seconds=80) < left <= timedelta(seconds=90)


def test_deferral_without_a_condition_keeps_the_start_of_the_run(versions: Repository, run: FakeRun) -> None:
    run.start_date = datetime(2026, 1, 1, tzinfo=UTC)
    versions.put_alias("model", "prod", 1, 2, 5)
    run.start_date = datetime.now(UTC)

    condition = deferred(run, sensor(deferrable=True, timeout=60)).trigger.serialize()[1]["condition"]

    assert condition["changed_since"] == run.start_date.isoformat()
    assert condition["known_version"] == "1"


def test_outage_while_deferring_is_waited_through(versions: Repository, run: FakeRun) -> None:
    waiting = sensor(deferrable=True, timeout=600)
    answer(waiting, "ThrottlingException", times=2)

    assert deferred(run, waiting).trigger.serialize()[1]["condition"]["known_version"] == "1"
    assert versions.get_alias("model", "prod").version == "1"


@pytest.mark.usefixtures("versions")
def test_outage_until_the_timeout_is_an_error(run: FakeRun) -> None:
    waiting = sensor(deferrable=True, timeout=0)
    answer(waiting, "ThrottlingException", times=100)

    with pytest.raises(StorageUnavailableError, match="try again later"):
        run.execute(waiting)


def test_event_of_the_trigger_is_taken_up(run: FakeRun) -> None:
    waiting, context = sensor(deferrable=True, timeout=90), run.context("wait")

    assert waiting.execute_complete(context, {"status": "success", "alias": {"version": "2"}}) == {"version": "2"}
    with pytest.raises(AirflowSensorTimeout, match="waited for during 90 seconds in vain"):
        waiting.execute_complete(context, {"status": "timeout"})
    with pytest.raises(StorageNotFoundError, match="gone"):
        waiting.execute_complete(context, {"status": "error", "error": "StorageNotFoundError", "message": "gone"})
    with pytest.raises(AirflowFailException, match="not understood"):
        waiting.execute_complete(context, {"status": "?"})


@pytest.mark.parametrize("leniency", ["soft_fail", "never_fail"])
def test_lenient_sensor_skips_where_it_would_fail(run: FakeRun, leniency: str) -> None:
    waiting = sensor(version="x", deferrable=True, **{leniency: True})
    with pytest.raises(AirflowSkipException):
        run.execute(waiting)
    with pytest.raises(AirflowSkipException):
        waiting.resume_execution("execute_complete", {"event": {"status": "timeout"}}, run.context("wait"))
