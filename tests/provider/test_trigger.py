"""AliasVersionTrigger, against a server: what it sends, when it fires, and when it gives up."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk._shared.module_loading import import_string

from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.repository.alias_wait import AliasCondition
from airflow_provider_versioned.repository.errors import StorageUnavailableError
from airflow_provider_versioned.triggers import AliasVersionTrigger
from tests.servers import WITH_ENDPOINT

if TYPE_CHECKING:
    from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

    from airflow_provider_versioned.repository import Alias, Repository

pytestmark = pytest.mark.backends(*WITH_ENDPOINT)

ARGUMENTS: dict[str, Any] = {
    "name": "model",
    "alias": "prod",
    "condition": AliasCondition(version="2").to_dict(),
    "poke_interval": 3.5,
    "deadline": "2026-01-01T00:00:00+00:00",
    "aws_conn_id": "other",
    "s3_bucket": "bucket",
    "s3_prefix": "prefix",
    "dynamodb_table_name": "table",
    "suffix": ".bin",
    "region_name": "eu-west-1",
    "verify": False,
    "botocore_config": {"retries": {"total_max_attempts": 1}},
}


def trigger(version: object = 2, seconds: float = 20, **arguments: Any) -> AliasVersionTrigger:
    """Make a trigger that waits so long."""
    deadline = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()
    condition = AliasCondition(version=version).to_dict()  # type: ignore[arg-type] # as an operator would pass it
    waiting = {"condition": condition, "poke_interval": 0.1, "deadline": deadline, **arguments}
    return AliasVersionTrigger(name="model", alias="prod", **waiting)


async def first_event(waiting: AliasVersionTrigger) -> dict[str, Any]:
    """Run a trigger until it fires, and make sure that it fires once."""
    events = [event.payload async for event in waiting.run()]
    assert len(events) == 1
    payload: dict[str, Any] = json.loads(json.dumps(events[0]))
    return payload


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1 and 2, and alias ``prod`` at version 1."""
    for content in (b"one", b"two"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    return connection


@pytest.mark.parametrize("changed", [{}, *({key: value} for key, value in ARGUMENTS.items())])
def test_trigger_rebuilt_from_its_serialised_form_is_the_same(changed: dict[str, Any]) -> None:
    made = AliasVersionTrigger(**{**{key: ARGUMENTS[key] for key in ("name", "alias", "condition")}, **changed})

    path, kwargs = made.serialize()
    rebuilt = import_string(path)(**json.loads(json.dumps(kwargs)))

    assert rebuilt.serialize() == (path, kwargs)
    assert set(kwargs) == set(ARGUMENTS)
    assert {key: kwargs[key] for key in changed} == changed


def test_alias_that_meets_the_condition_already_fires_at_once(versions: Repository) -> None:
    event = asyncio.run(first_event(trigger(1)))

    assert event == {"status": "success", "alias": versions.get_alias("model", "prod").to_dict()}


def test_alias_that_is_moved_while_waiting_fires(versions: Repository) -> None:
    async def move_meanwhile() -> dict[str, Any]:
        waiting = asyncio.create_task(first_event(trigger(2)))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        await asyncio.to_thread(versions.put_alias, "model", "prod", 2)
        return await waiting

    assert asyncio.run(move_meanwhile())["alias"]["version"] == "2"


def test_alias_that_does_not_exist_is_waited_for(connection: Repository) -> None:
    assert connection.list_artifact_names() == []
    assert asyncio.run(first_event(trigger(seconds=0.5))) == {"status": "timeout"}


@pytest.mark.usefixtures("versions")
def test_deadline_ends_a_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = trigger(2, deadline=None)

    def pause_past_the_deadline(_: float) -> float:
        waiting.deadline = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
        return 60.0

    monkeypatch.setattr(waiting, "_wait_secs", pause_past_the_deadline)

    assert asyncio.run(asyncio.wait_for(first_event(waiting), 50)) == {"status": "timeout"}


def test_last_look_is_taken_at_the_deadline(versions: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = trigger(2, deadline=None)

    def move_and_pass_the_deadline(_: float) -> float:
        versions.put_alias("model", "prod", 2)
        waiting.deadline = datetime.now(UTC).isoformat()
        return 60.0

    monkeypatch.setattr(waiting, "_wait_secs", move_and_pass_the_deadline)

    assert asyncio.run(asyncio.wait_for(first_event(waiting), 50))["alias"]["version"] == "2"


@pytest.mark.usefixtures("versions")
def test_missing_table_ends_the_wait_with_our_error() -> None:
    event = asyncio.run(first_event(trigger(dynamodb_table_name="no-such-table")))

    assert (event["status"], event["error"]) == ("error", "StorageNotFoundError")
    assert event["message"].startswith("Reading alias 'prod' of 'model' failed: table 'no-such-table' does not exist")


def test_missing_connection_ends_the_wait_with_our_error() -> None:
    event = asyncio.run(first_event(trigger(aws_conn_id="missing")))

    assert (event["status"], event["error"]) == ("error", "NotFoundError")


def test_one_client_serves_the_whole_wait(versions: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    make = VersionedRepositoryHook.aws_hook

    def make_and_tell(self: VersionedRepositoryHook, service: str) -> AwsBaseHook:
        made.append(service)
        return make(self, service)

    monkeypatch.setattr(VersionedRepositoryHook, "aws_hook", make_and_tell)

    assert asyncio.run(first_event(trigger(seconds=1)))["status"] == "timeout"
    assert made == ["dynamodb"]
    assert versions.get_alias("model", "prod").version == "1"


def test_event_loop_never_waits_for_a_thread_that_waits_for_the_event_loop(versions: Repository) -> None:
    """In the triggerer a connection is read through the event loop, also in a thread."""
    begun, answered = threading.Event(), threading.Event()

    class OtherHook(VersionedRepositoryHook):
        @classmethod
        def get_connection(cls, conn_id: str) -> Any:
            begun.set()
            assert answered.wait(5), "The event loop stood still."
            return super().get_connection(conn_id)

    async def look_meanwhile() -> Alias | None:
        async with trigger().looks() as looks:
            other = asyncio.create_task(asyncio.to_thread(lambda: OtherHook().repository))
            await asyncio.to_thread(begun.wait)
            asyncio.get_running_loop().call_later(0.2, answered.set)
            found = await looks.find("model", "prod")
            await other
        return found

    assert asyncio.run(look_meanwhile()) == versions.get_alias("model", "prod")


def test_outage_is_waited_through_with_growing_pauses_that_end_with_it() -> None:
    waiting, answers = AliasVersionTrigger(**{**ARGUMENTS, "poke_interval": 10.0, "deadline": None}), iter("fffss")
    waits: list[float] = []

    async def find_alias(_name: str, _alias: str, within_secs: float) -> Alias | None:
        waits.append(within_secs)
        if len(waits) == 5:
            waiting.deadline = datetime.now(UTC).isoformat()
        if next(answers) == "f":
            raise StorageUnavailableError("throttled")
        return None

    assert asyncio.run(waiting._wait(find_alias, AliasCondition(version="1"))) == {"status": "timeout"}
    assert waits == [0, 20, 40, 80, 10]
