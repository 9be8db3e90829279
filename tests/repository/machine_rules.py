"""The state machine itself: which calls Hypothesis may make, and in which weather."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from airflow_provider_versioned.repository import InvalidInputError, InvalidTypeError
from tests.repository import fault_wire
from tests.repository.machine import CALM, CURRENT, FIRST, PUBLISH, Call, Driver, Start, Tally, Weather, Worker

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

    Wrong = tuple[type[InvalidInputError], Callable[[Repository, str], object]]


def calls(method: str, **arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Call]:
    """Return calls of a method with these arguments; None is left out."""
    return st.builds(_call, st.just(method), st.fixed_dictionaries(arguments))


def _call(method: str, arguments: dict[str, Any]) -> Call:
    return Call(method, {key: value for key, value in arguments.items() if value is not None})


def _two_sides(call: Call) -> bool:
    return bool(call.arguments["version"] != call.arguments["secondary_version"])


CONTENTS = st.sampled_from([b"one", b"two", b"three"])
VERSIONS = st.sampled_from(["1", "2", "LATEST", "3", "1", "2", "4", "9"])
ALIASES = st.sampled_from(["prod", "next"])
KEYS = st.sampled_from([None, None, "task"])
REVISIONS = st.sampled_from([None, None, FIRST, CURRENT])
KEPT = st.integers(0, 2)

PUT = calls("put_artifact", content=CONTENTS)
FREEZE = calls(PUBLISH, idempotency_key=KEYS)
PUBLISH_CONTENT = calls(PUBLISH, content=CONTENTS, idempotency_key=KEYS)
PUBLISH_IF_CHANGED = calls(PUBLISH, content=CONTENTS, idempotency_key=KEYS, if_changed=st.just(value=True))
GET = calls("get_artifact_version", version=VERSIONS)
DELETE = calls("delete_artifact_version", version=VERSIONS)
RESTORE = calls("restore_artifact_version", version=VERSIONS)
POINT = calls("put_alias", alias=ALIASES, version=VERSIONS, if_revision=REVISIONS, idempotency_key=KEYS)
SPLIT = calls(
    "put_alias",
    alias=ALIASES,
    version=VERSIONS,
    secondary_version=VERSIONS,
    weight=st.integers(0, 99),
    if_revision=REVISIONS,
).filter(_two_sides)
ROLL_BACK = calls("rollback_alias", alias=ALIASES, if_revision=REVISIONS, idempotency_key=KEYS)
ROLL_BACK_TO = calls("rollback_alias", alias=ALIASES, to_version=VERSIONS)
DELETE_ALIAS = calls("delete_alias", alias=ALIASES, if_revision=REVISIONS)
PURGE = calls("purge_artifact_versions", keep_last_n=KEPT)
PROTECT = st.one_of(calls("protect", version=VERSIONS), calls("unprotect", version=VERSIONS))
FREE = calls("free_artifact_versions")
SWEEP = calls("sweep_artifact")
DESTROY = calls("purge_artifact")

TOGETHER = st.one_of(
    PUT, FREEZE, PUBLISH_CONTENT, DELETE, RESTORE, POINT, SPLIT, ROLL_BACK, DELETE_ALIAS, PURGE, PROTECT
)
OTHERS = st.one_of(TOGETHER, PUBLISH_IF_CHANGED, DESTROY, FREE, SWEEP)

UNNOTICED = (
    fault_wire.lose_answer,
    fault_wire.time_out,
    fault_wire.reset,
    fault_wire.throttle,
    fault_wire.contend,
    fault_wire.fail_after,
)
AT = st.integers(1, 6)
DEATHS = st.builds(Weather, st.sampled_from([fault_wire.die_before, fault_wire.die_after]), AT)
MISHAPS = st.builds(Weather, st.sampled_from(UNNOTICED), AT)
INTERRUPTIONS = st.builds(lambda at, other: Weather(at=at, other=other), AT, OTHERS)
ALONE = st.one_of(st.just(CALM), MISHAPS, DEATHS)
WEATHERS = st.one_of(st.just(CALM), MISHAPS, DEATHS, INTERRUPTIONS)

RIVALS = ("delete_artifact_version", "put_alias", PUBLISH, "restore_artifact_version")
RIVALED = ("1", "2")
START = (
    Call(PUBLISH, {"content": b"one"}),
    Call(PUBLISH, {"content": b"two"}),
    Call("put_alias", {"alias": "prod", "version": "2"}),
)


def rival(method: str, version: str) -> Call:
    """Return a call that may get into another's way."""
    arguments: dict[str, dict[str, Any]] = {
        PUBLISH: {"content": f"for {version}".encode()},
        "put_alias": {"alias": "prod", "version": version, "if_revision": FIRST},
    }
    return Call(method, arguments.get(method, {"version": version}))


_BAD_VERSIONS: tuple[Any, ...] = (0, -1, "1.5", "0", "latest", "1000000", "")
_WRONG: list[Wrong] = [
    *((InvalidInputError, lambda r, n, v=v: r.get_artifact_version(n, v)) for v in _BAD_VERSIONS),
    *((InvalidInputError, lambda r, n, v=v: r.delete_artifact_version(n, v)) for v in _BAD_VERSIONS),
    *((InvalidInputError, lambda r, n, v=v: r.put_alias(n, "prod", v)) for v in _BAD_VERSIONS),
    *((InvalidTypeError, lambda r, n, v=v: r.restore_artifact_version(n, v)) for v in (True, 1.0, b"1")),
    *((InvalidInputError, lambda r, n, w=w: r.put_alias(n, "prod", 1, 2, w)) for w in (-1, 100)),
    *((InvalidTypeError, lambda r, n, w=w: r.put_alias(n, "prod", 1, 2, w)) for w in (None, True, 0.5, "5")),
    *((InvalidInputError, lambda r, n, a=a: r.put_artifact(n + a, b"x")) for a in ("/x", " ", "\n", "x" * 128)),
    *((InvalidInputError, lambda r, n, a=a: r.put_alias(n, a, 1)) for a in ("", "a-b", "a#b", "a" * 65)),
    (InvalidInputError, lambda r, n: r.put_alias(n, "prod", 1, secondary_version_weight=5)),
    (InvalidInputError, lambda r, n: r.put_alias(n, "prod", 1, "000001", 5)),
    (InvalidInputError, lambda r, n: r.publish_artifact_version(f"__{n}-alias", content=b"x")),
    (InvalidInputError, lambda r, n: r.publish_artifact_version(n, metadata={"a": "b"})),
    (InvalidTypeError, lambda r, n: r.publish_artifact_version(n, content="text")),  # type: ignore[arg-type] # the mistake
    (InvalidInputError, lambda r, n: r.publish_artifact_version(n, idempotency_key="")),
    (InvalidInputError, lambda r, n: r.rollback_alias(n, "prod", to_version=0)),
    (InvalidInputError, lambda r, n: r.purge_artifact_versions(n, -1, 0)),
    (InvalidInputError, lambda r, n: r.purge_artifact_versions(n, 0, float("nan"))),
    (InvalidTypeError, lambda r, n: r.plan_purge(n, "1", 0)),  # type: ignore[arg-type] # the mistake
    (InvalidInputError, lambda r, n: r.purge_artifact(f"{n}/x")),
    (InvalidInputError, lambda r, n: r.get_alias_at(n, "prod", datetime(2026, 1, 1))),  # noqa: DTZ001 -- the mistake
]  # fmt: skip


class Rivals(RuleBasedStateMachine):
    """Two repositories at one place whose calls get into each other's way; a small machine, quick to shrink."""

    tally: ClassVar[Tally]
    start: ClassVar[Start]
    make_driver: ClassVar[Callable[[], Driver]]

    def __init__(self) -> None:
        super().__init__()
        self.driver = type(self).make_driver()
        self.driver.prepare(self.start)

    @rule(method=st.sampled_from(RIVALS), version=st.sampled_from(RIVALED))
    def one(self, method: str, version: str) -> None:
        self.driver.step(rival(method, version), 0, CALM)

    @rule(
        first=st.sampled_from(RIVALS),
        second=st.sampled_from(RIVALS),
        version=st.sampled_from(RIVALED),
        at=st.integers(1, 3),
    )
    def compete(self, first: str, second: str, version: str, at: int) -> None:
        self.driver.step(rival(first, version), 0, Weather(at=at, other=rival(second, version)))

    def teardown(self) -> None:
        """Check all invariants once more."""
        try:
            self.driver.check()
        finally:
            self.driver.forget()


class Everything(Rivals):
    """Every call, also wrong ones, in every weather."""

    who = st.integers(0, 1)

    @rule(call=PUT, who=who, weather=WEATHERS)
    def put(self, call: Call, who: int, weather: Weather) -> None:
        self.driver.step(call, who, weather)

    @rule(call=st.one_of(PUBLISH_CONTENT, FREEZE), who=who, weather=WEATHERS)
    def publish(self, call: Call, who: int, weather: Weather) -> None:
        self.driver.step(call, who, weather)

    @rule(call=st.one_of(POINT, SPLIT), who=who, weather=WEATHERS)
    def promote(self, call: Call, who: int, weather: Weather) -> None:
        self.driver.step(call, who, weather)

    @rule(call=st.one_of(ROLL_BACK, ROLL_BACK_TO, DELETE_ALIAS), who=who, weather=WEATHERS)
    def take_back(self, call: Call, who: int, weather: Weather) -> None:
        self.driver.step(call, who, weather)

    @rule(call=st.one_of(DELETE, RESTORE, PURGE, PROTECT), who=who, weather=WEATHERS)
    def delete_or_restore(self, call: Call, who: int, weather: Weather) -> None:
        self.driver.step(call, who, weather)

    @rule(call=st.one_of(DESTROY, FREE, SWEEP, PUBLISH_IF_CHANGED, GET), who=who, weather=ALONE)
    def uninterrupted(self, call: Call, who: int, weather: Weather) -> None:
        self.driver.step(call, who, weather)

    @rule(call=OTHERS, who=who, weather=DEATHS, repeated_by=who)
    def die_and_repeat(self, call: Call, who: int, weather: Weather, repeated_by: int) -> None:
        self.driver.step(call, who, weather)
        self.driver.step(call, repeated_by, CALM)

    @rule(who=who, keep=KEPT)
    def plan_purge(self, who: int, keep: int) -> None:
        self.driver.plan_purge(who, keep)

    @precondition(lambda self: self.driver.plan is not None)
    @rule(who=who, weather=ALONE)
    def apply_plan(self, who: int, weather: Weather) -> None:
        self.driver.step(Call("apply_purge"), who, weather)

    @rule(number=st.integers(0, len(_WRONG) - 1), who=who)
    def call_wrongly(self, number: int, who: int) -> None:
        self.driver.wrong(who, *_WRONG[number])


Machine = TypeVar("Machine", bound=Rivals)


def machine(
    kind: type[Machine], aws: Aws, place: PlaceArguments, sound: Repository, start: Sequence[Call] = ()
) -> type[Machine]:
    """Return a state machine for one bootstrapped place, whose artifact has these calls behind it."""
    workers, tally = (Worker(aws, place), Worker(aws, place)), Tally()
    make_driver = staticmethod(lambda: Driver(workers, sound, aws, tally))
    members = {"make_driver": make_driver, "tally": tally, "start": Start(start)}
    return type(f"Bound{kind.__name__}", (kind,), members)
