"""AliasMovesTrigger, against a server: one event for each move, none lost or repeated when it is started anew."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk._shared.module_loading import import_string

from airflow_provider_versioned.hooks import VersionedRepositoryHook
from airflow_provider_versioned.repository.errors import StorageUnavailableError
from airflow_provider_versioned.triggers import AliasMovesTrigger, alias_moves
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from airflow.triggers.base import TriggerEvent

    from airflow_provider_versioned.repository import Repository

pytestmark = pytest.mark.backends(MINISTACK)

_SLEEP = asyncio.sleep

ARGUMENTS: dict[str, Any] = {
    "name": "model",
    "alias": "prod",
    "include_canary": True,
    "poke_interval": 3.5,
    "aws_conn_id": "other",
    "s3_bucket": "bucket",
    "s3_prefix": "prefix",
    "dynamodb_table_name": "table",
    "suffix": ".bin",
    "region_name": "eu-west-1",
    "verify": False,
    "botocore_config": {"retries": {"total_max_attempts": 1}},
}


@pytest.fixture
def versions(connection: Repository) -> Repository:
    """A repository with versions 1 to 3, and alias ``prod`` at version 1."""
    for content in (b"one", b"two", b"three"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    return connection


class Store:
    """Airflow's state store of one asset, as Airflow 3.3.2 has it."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def aget(self, key: str) -> Any:
        """Read."""
        return json.loads(self.kept[key]) if key in self.kept else None

    async def aset(self, key: str, value: Any) -> None:
        """Write."""
        self.kept[key] = json.dumps(value)


class BlockingStore:
    """As Airflow 3.3.0 and 3.3.1 have it."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def get(self, key: str) -> Any:
        """Read."""
        return json.loads(self.kept[key]) if key in self.kept else None

    def set(self, key: str, value: Any) -> None:
        """Write."""
        self.kept[key] = json.dumps(value)


class StoreOfManyAssets:
    """As Airflow has it when the trigger watches several assets."""

    async def aget(self, key: str) -> Any:
        """Refuse."""
        raise ValueError(f"Task has 2 concrete inlets and outlets: {key}")

    async def aset(self, key: str, value: Any) -> None:
        """Refuse."""
        raise ValueError(f"Task has 2 concrete inlets and outlets: {key} {value}")


class Triggerer:
    """Runs a trigger as the triggerer does; time passes at once, and what happens meanwhile is scripted.

    Args:
        meanwhile: What is done at each pause of the trigger, in turn; at the last, the triggerer dies.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: Any = None, **arguments: Any) -> None:
        self.trigger = AliasMovesTrigger(name="model", alias="prod", **arguments)
        if store is not None:
            self.trigger.asset_state_store = store
        self.pauses: list[float] = []
        self._monkeypatch = monkeypatch

    def run(self, *meanwhile: Any) -> list[dict[str, Any]]:
        """Run until everything was done that is done meanwhile; return what was fired."""
        todo = iter(meanwhile)

        async def sleep(secs: float) -> None:
            self.pauses.append(secs)
            await _SLEEP(0)
            if secs != alias_moves.HAND_OVER_SECS:
                act = next(todo, None)
                if act is None:
                    raise asyncio.CancelledError
                await asyncio.to_thread(act)

        self._monkeypatch.setattr(asyncio, "sleep", sleep)
        return asyncio.run(self._collect(self.trigger.run()))

    @staticmethod
    async def _collect(events: AsyncIterator[TriggerEvent]) -> list[dict[str, Any]]:
        fired: list[dict[str, Any]] = []
        try:
            async for event in events:
                fired.append(json.loads(json.dumps(event.payload)))  # noqa: PERF401 -- kept when it is cancelled
        except asyncio.CancelledError:
            return fired
        raise AssertionError("a trigger of a watcher never ends")


def nothing() -> None:
    """Happen not."""


@pytest.fixture(params=[Store, BlockingStore])
def store(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A state store."""
    return request.param()  # type: ignore[no-any-return] # the fixture's own parameter


def moves(fired: list[dict[str, Any]]) -> list[tuple[int, str]]:
    """Return sequence and version of what was fired."""
    return [(payload["sequence"], payload["version"]) for payload in fired]


@pytest.mark.parametrize("changed", [{}, *({key: value} for key, value in ARGUMENTS.items())])
def test_trigger_rebuilt_from_its_serialised_form_is_the_same(changed: dict[str, Any]) -> None:
    made = AliasMovesTrigger(**{**{key: ARGUMENTS[key] for key in ("name", "alias")}, **changed})

    path, kwargs = made.serialize()
    rebuilt = import_string(path)(**json.loads(json.dumps(kwargs)))

    assert rebuilt.serialize() == (path, kwargs)
    assert set(kwargs) == set(ARGUMENTS)
    assert {key: kwargs[key] for key in changed} == changed


def test_each_move_fires_once(versions: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    triggerer = Triggerer(monkeypatch)

    fired = triggerer.run(
        nothing,
        lambda: versions.put_alias("model", "prod", 2, changed_by="somebody", reason="better"),
        nothing,
        lambda: [versions.put_alias("model", "prod", version) for version in (3, 1)],
        nothing,
    )

    assert moves(fired) == [(2, "2"), (3, "3"), (4, "1")]
    assert {key: fired[0][key] for key in ("name", "alias", "weights", "previous_weights", "changed_by", "reason")} == {
        "name": "model",
        "alias": "prod",
        "weights": {"2": 100},
        "previous_weights": {"1": 100},
        "changed_by": "somebody",
        "reason": "better",
    }
    assert fired[2]["revision"] == versions.get_alias("model", "prod").revision


@pytest.mark.parametrize(("include_canary", "expected"), [(False, [(3, "2")]), (True, [(2, "1"), (3, "2")])])
def test_move_of_the_canary_alone_fires_for_those_who_want_it(
    versions: Repository, monkeypatch: pytest.MonkeyPatch, include_canary: bool, expected: list[tuple[int, str]]
) -> None:
    fired = Triggerer(monkeypatch, include_canary=include_canary).run(
        lambda: versions.put_alias("model", "prod", 1, 2, 25), lambda: versions.put_alias("model", "prod", 2)
    )

    assert moves(fired) == expected


def test_moves_while_no_triggerer_ran_fire_when_one_runs_again_and_nothing_old_does(
    versions: Repository, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Triggerer(monkeypatch, store).run(lambda: versions.put_alias("model", "prod", 2), nothing)
    for version in (3, 1):
        versions.put_alias("model", "prod", version)
    second = Triggerer(monkeypatch, store).run(nothing)
    third = Triggerer(monkeypatch, store).run(nothing)

    assert [moves(fired) for fired in (first, second, third)] == [[(2, "2")], [(3, "3"), (4, "1")], []]


def test_moves_before_the_first_event_are_kept_too(
    versions: Repository, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Triggerer(monkeypatch, store).run() == []
    versions.put_alias("model", "prod", 2)

    assert moves(Triggerer(monkeypatch, store).run()) == [(2, "2")]


def test_event_that_the_triggerer_took_to_its_grave_fires_again(
    versions: Repository, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Triggerer(monkeypatch, store).run()
    versions.put_alias("model", "prod", 2)

    async def die_before_the_hand_over() -> list[dict[str, Any]]:
        trigger = AliasMovesTrigger(name="model", alias="prod")
        trigger.asset_state_store = store
        events = trigger.run()
        fired = [(await anext(events)).payload]
        await events.aclose()  # type: ignore[attr-defined] # an async generator
        return fired

    assert moves(asyncio.run(die_before_the_hand_over())) == [(2, "2")]
    assert moves(Triggerer(monkeypatch, store).run()) == [(2, "2")]
    assert moves(Triggerer(monkeypatch, store).run()) == []


def test_watchers_that_differ_keep_their_states_apart(
    versions: Repository, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    Triggerer(monkeypatch, store).run()
    Triggerer(monkeypatch, store, include_canary=True).run()
    versions.put_alias("model", "prod", 1, 2, 25)

    assert moves(Triggerer(monkeypatch, store).run()) == []
    assert moves(Triggerer(monkeypatch, store, include_canary=True).run()) == [(2, "1")]


@pytest.mark.parametrize("unusable", [None, StoreOfManyAssets()])
def test_without_a_store_moves_fire_from_the_start_on(
    versions: Repository, unusable: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fired = Triggerer(monkeypatch, unusable).run(lambda: versions.put_alias("model", "prod", 2), nothing)

    assert moves(fired) == [(2, "2")]
    assert moves(Triggerer(monkeypatch, unusable).run(nothing)) == []


def test_outage_and_missing_table_are_waited_through_ever_longer(
    versions: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, failing = VersionedRepositoryHook.aws_hook, iter([True, True, True, False, False])

    def fail(self: VersionedRepositoryHook, service: str) -> Any:
        if service == "dynamodb" and next(failing, False):
            raise StorageUnavailableError("throttled")
        return make(self, service)

    monkeypatch.setattr(VersionedRepositoryHook, "aws_hook", fail)
    triggerer = Triggerer(monkeypatch, poke_interval=10.0)

    fired = triggerer.run(nothing, nothing, nothing, lambda: versions.put_alias("model", "prod", 2), nothing)

    assert moves(fired) == [(2, "2")]
    waited = [pause for pause in triggerer.pauses if pause != alias_moves.HAND_OVER_SECS]
    assert [round(pause / 10 / 2**power) for pause, power in zip(waited, (1, 2, 3, 0, 0, 0), strict=True)] == [1] * 6


def test_connection_that_does_not_exist_ends_nothing(connection: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    assert connection.list_artifact_names() == []
    assert Triggerer(monkeypatch, aws_conn_id="missing").run(nothing, nothing) == []
