"""How triggers that wait for aliases of one repository share a client and its requests.

Time is simulated where it matters: the event loop jumps to its next timer instead of sleeping.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.hooks.alias_reader import AliasReader
from airflow_provider_versioned.repository.errors import (
    AccessDeniedError,
    InvalidInputError,
    StorageUnavailableError,
)
from airflow_provider_versioned.triggers import AliasVersionTrigger, shared
from airflow_provider_versioned.triggers.shared import shared_looks
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from airflow_provider_versioned.repository import Repository


class _Jumping(selectors.DefaultSelector):
    """Lets time pass at once."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        self.now += max(timeout or 0.0, 0.0)
        return list(super().select(0))


class _SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def simulate(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run in simulated time, without I/O."""
    with asyncio.Runner(loop_factory=_SimulatedLoop) as runner:
        return runner.run(coroutine)


@dataclass
class Server:
    """Stands in for hook, client and server.

    Attributes:
        reads: When, and what was read together.
        answers: By alias; an exception is raised.
        left_out: Aliases that a request for several leaves out, as DynamoDB may.
        fails_to_open: What opening the client raises, in turn.
    """

    reads: list[tuple[float, list[str]]] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    fails_to_open: list[Exception] = field(default_factory=list)
    opened: int = 0
    open_now: int = 0
    takes_secs: float = 0.0
    batch_denied: bool = False

    @property
    def repository(self) -> Any:
        """Refuse bad names, as the repository does."""

        def alias_request(_name: str, alias: str) -> None:
            if "-" in alias:
                raise InvalidInputError("bad alias")

        return SimpleNamespace(alias_request=alias_request)

    @asynccontextmanager
    async def aread_aliases(self) -> AsyncIterator[Any]:
        """Open the client."""
        self.opened += 1
        if self.fails_to_open:
            raise self.fails_to_open.pop(0)
        self.open_now += 1
        try:
            yield self
        finally:
            await asyncio.sleep(0)
            self.open_now -= 1

    async def find(self, name: str, alias: str) -> Any:
        """Read one."""
        found = await self.find_many([(name, alias)])
        return found[name, alias]

    async def find_many(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        """Read many."""
        self.reads.append((round(asyncio.get_running_loop().time(), 1), sorted(alias for _, alias in pairs)))
        await asyncio.sleep(self.takes_secs)
        answers = {pair: self.answers.get(pair[1]) for pair in pairs if pair[1] not in self.left_out}
        errors = [answer for answer in answers.values() if isinstance(answer, Exception)]
        if self.batch_denied and len(pairs) > 1:
            raise AccessDeniedError("BatchGetItem")
        if errors:
            raise errors[0]
        return answers


def together(server: Server, *waits: Coroutine[Any, Any, Any], leave: bool = True) -> list[Any]:
    """Run what waits in simulated time, and make sure that nothing is left open."""

    async def run() -> list[Any]:
        ended = await asyncio.gather(*waits, return_exceptions=True)
        loop = asyncio.get_running_loop()
        if leave:
            assert not shared._looks.get(loop)
            assert server.open_now == 0
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert [timer for timer in loop._scheduled if not timer.cancelled()] == []  # type: ignore[attr-defined] # a test may look
        return ended

    ended: list[Any] = simulate(run())
    return ended


async def look(server: Server, alias: str, *within: float, key: str = "place", after: float = 0.0) -> Any:
    """Look as a trigger does: again and again; return the last answer."""
    await asyncio.sleep(after)
    answer = None
    async with shared_looks(server, key) as looks:  # type: ignore[arg-type] # stands in
        for secs in within:
            answer = await looks.find("model", alias, secs)
    return answer


def test_a_thousand_who_wait_for_one_alias_are_served_by_one_request_a_time() -> None:
    server = Server(answers={"prod": "the answer"})

    answers = together(server, *(look(server, "prod", 0, 60, 60) for _ in range(1000)))

    assert answers == ["the answer"] * 1000
    assert [aliases for _, aliases in server.reads] == [["prod"]] * 3
    assert server.opened == 1


def test_different_aliases_are_read_up_to_a_hundred_at_once() -> None:
    server = Server()

    together(server, *(look(server, f"a{number:03}", 0, 60) for number in range(250)))

    assert [len(aliases) for _, aliases in server.reads] == [100, 100, 50, 100, 100, 50]
    assert {alias for _, aliases in server.reads[3:] for alias in aliases} == {f"a{number:03}" for number in range(250)}


def test_triggers_that_began_at_different_times_come_to_be_read_together() -> None:
    server = Server()

    together(server, look(server, "a", 0, 60, 60), look(server, "b", 0, 60, 60, after=10))

    assert server.reads == [(0, ["a"]), (10, ["b"]), (60, ["a", "b"]), (120, ["a", "b"])]


def test_look_never_comes_later_than_asked_for_nor_much_sooner() -> None:
    server = Server()

    together(server, look(server, "slow", 0, 100, 100), look(server, "quick", 0, *[10.0] * 20))

    at = [when for when, aliases in server.reads if "slow" in aliases]
    assert len(at) == 3
    assert all(80 <= later - earlier <= 101 for earlier, later in itertools.pairwise(at))


def test_who_waits_longest_is_served_by_the_look_of_who_cannot_wait() -> None:
    server = Server(answers={"prod": 1})

    assert together(server, look(server, "prod", 600), look(server, "prod", 5)) == [1, 1]
    assert server.reads == [(5, ["prod"])]


def test_answer_is_never_from_before_the_question() -> None:
    server = Server(takes_secs=3)

    together(server, look(server, "prod", 0), look(server, "prod", 0, after=1))

    assert server.reads == [(0, ["prod"]), (1, ["prod"])]


def test_error_reaches_everyone_with_a_traceback_of_their_own_and_the_next_look_goes_on() -> None:
    server = Server(answers={"prod": StorageUnavailableError("throttled", code="SlowDown")})

    async def outlive() -> Any:
        async with shared_looks(server, "place") as looks:  # type: ignore[arg-type] # stands in
            with pytest.raises(StorageUnavailableError, match="throttled") as raised:
                await looks.find("model", "prod")
            server.answers["prod"] = "back"
            return raised.value, await looks.find("model", "prod", 5)

    ended = together(server, *(outlive() for _ in range(3)))

    assert [answer for _, answer in ended] == ["back"] * 3
    assert len({id(error) for error, _ in ended}) == 3
    assert {error.facts["code"] for error, _ in ended} == {"SlowDown"}
    assert server.opened == 1


def test_client_that_could_not_be_opened_is_opened_again() -> None:
    server = Server(answers={"prod": 1}, fails_to_open=[StorageUnavailableError("no credentials yet")])

    async def insist() -> Any:
        async with shared_looks(server, "place") as looks:  # type: ignore[arg-type] # stands in
            with pytest.raises(StorageUnavailableError):
                await looks.find("model", "prod")
            return await looks.find("model", "prod", 1)

    assert together(server, insist(), insist()) == [1, 1]
    assert server.opened == 2


def test_defect_in_reading_ends_the_wait_of_everyone() -> None:
    server = Server(answers={"a": KeyError("a defect")})

    ended = together(server, look(server, "a", 0), look(server, "b", 0))

    assert [type(error) for error in ended] == [KeyError, KeyError]


def test_names_that_cannot_be_are_refused_before_others_share_the_request() -> None:
    server = Server(answers={"prod": 1})

    bad, good = together(server, look(server, "not-possible", 0), look(server, "prod", 0))

    assert isinstance(bad, InvalidInputError)
    assert good == 1
    assert server.reads == [(0, ["prod"])]


def test_cancelled_triggers_leave_nothing_and_disturb_nobody() -> None:
    server = Server(answers={"prod": 1})

    async def cancel_the_other() -> None:
        other = asyncio.create_task(look(server, "staging", 0, 1000))
        await asyncio.sleep(500)
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other

    together(server, cancel_the_other(), look(server, "prod", 0, 900, 900))

    assert server.reads == [(0, ["prod", "staging"]), (900, ["prod"]), (1800, ["prod"])]


@pytest.mark.parametrize("again_after", [None, 0, 1, 2, 3])
@pytest.mark.parametrize("moment", [0, 0.01, 0.03, 2.5, 50])
def test_last_trigger_cancelled_at_any_moment_closes_the_client(moment: float, again_after: int | None) -> None:
    server = Server(takes_secs=5)

    async def cancel() -> None:
        waiting = asyncio.create_task(look(server, "prod", 0, 100))
        await asyncio.sleep(moment)
        waiting.cancel()
        if again_after is not None:
            for _ in range(again_after):
                await asyncio.sleep(0)
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.sleep(1)

    together(server, cancel())

    assert server.open_now == 0


def test_other_connections_and_places_have_clients_of_their_own() -> None:
    server = Server()

    together(server, look(server, "prod", 0, key="one"), look(server, "prod", 0, key="two"))

    assert server.opened == 2
    assert server.reads == [(0, ["prod"])] * 2


def test_what_dynamodb_leaves_out_is_read_again_and_given_up_in_the_end() -> None:
    server = Server(answers={"a": 1, "b": 2}, left_out={"b"})

    a, b = together(server, look(server, "a", 0), look(server, "b", 0))

    assert a == 1
    assert isinstance(b, StorageUnavailableError)
    assert str(b) == (
        "Reading alias 'b' of 'model' failed: DynamoDB left it out of its answer 8 times; try again later."
    )
    assert [aliases for _, aliases in server.reads] == [["a", "b"], *[["b"]] * 7]


def test_where_batches_are_denied_each_alias_is_read_alone_from_then_on() -> None:
    server = Server(answers={"a": 1, "b": 2}, batch_denied=True)

    assert together(server, look(server, "a", 0, 60), look(server, "b", 0, 60)) == [1, 2]
    assert [aliases for _, aliases in server.reads] == [["a", "b"], ["a"], ["b"], ["a"], ["b"]]


def test_alias_that_is_denied_does_not_deny_the_others() -> None:
    server = Server(answers={"a": 1, "secret": AccessDeniedError("denied"), "b": 2})

    a, denied, b = together(server, *(look(server, alias, 0, 60) for alias in ("a", "secret", "b")))

    assert (a, b) == (1, 2)
    assert isinstance(denied, AccessDeniedError)
    assert server.reads[-1][1] == ["a", "b"]


@pytest.mark.backends(MINISTACK)
def test_triggers_of_one_connection_share_requests_to_a_server(
    connection: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.publish_artifact_version("model", content=b"one")
    aliases = [f"a{number}" for number in range(30)]
    for alias in aliases[:-1]:
        connection.put_alias("model", alias, 1)
    read, sizes = AliasReader.find_many, []

    async def counted(reader: AliasReader, pairs: Sequence[tuple[str, str]]) -> Any:
        sizes.append(len(pairs))
        return await read(reader, pairs)

    monkeypatch.setattr(AliasReader, "find_many", counted)

    async def fire(alias: str, version: int) -> list[Any]:
        condition = {"version": str(version), "min_version": None, "changed_since": None, "unlike_revision": None}
        condition |= {"include_canary": False, "known_version": None}  # type: ignore[dict-item] # as it is stored
        trigger = AliasVersionTrigger(name="model", alias=alias, condition=condition, poke_interval=3.0)
        return [event.payload async for event in trigger.run()]

    async def run() -> list[list[Any]]:
        waiting = [asyncio.create_task(fire(alias, 1)) for alias in aliases for _ in range(3)]
        await asyncio.wait(waiting[:-3])
        assert not any(task.done() for task in waiting[-3:])
        await asyncio.to_thread(connection.put_alias, "model", aliases[-1], 1)
        return await asyncio.gather(*waiting)

    fired = asyncio.run(run())

    assert [events[0]["alias"]["alias"] for events in fired] == [alias for alias in aliases for _ in range(3)]
    assert {len(events) for events in fired} == {1}
    assert len(sizes) < len(aliases), "90 triggers, and not even a request for each alias"
    assert max(sizes) > 1
    assert [looks for looks in shared._looks.values() if looks] == []


@pytest.mark.backends(MINISTACK)
def test_many_aliases_in_one_answer_are_what_single_reads_say(connection: Repository) -> None:
    connection.publish_artifact_version("model", content=b"one")
    connection.publish_artifact_version("other", content=b"two")
    pairs = [(name, alias) for name in ("model", "other", "absent") for alias in ("prod", "test")]
    for name in ("model", "other"):
        connection.put_alias(name, "prod", 1)

    async def read() -> tuple[dict[Any, Any], dict[Any, Any]]:
        from airflow_provider_versioned.hooks.repository import VersionedRepositoryHook  # noqa: PLC0415 -- loads AWS libraries

        async with VersionedRepositoryHook().aread_aliases() as reader:
            return await reader.find_many(pairs), {pair: await reader.find(*pair) for pair in pairs}

    many, single = asyncio.run(read())

    assert many == single
    assert {pair for pair, alias in many.items() if alias} == {("model", "prod"), ("other", "prod")}
