"""Races of several processes on real servers, recorded and judged; and a test of the judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import alias_change
from airflow_provider_versioned.repository.alias_change import Attempt
from tests.repository import linearizability, races
from tests.repository.linearizability import (
    CONFLICT,
    NOT_FOUND,
    NOTHING,
    REFUSED,
    AliasState,
    Operation,
    UndecidedError,
    VersionState,
    alias_step,
    linearization,
    register_step,
    version_step,
)
from tests.repository.planting import plant
from tests.repository.race_worker import run
from tests.repository.races import (
    ALIAS_CALLS,
    HEAD_AND_PUBLISH_CALLS,
    HEAD_CALLS,
    VERSION_CALLS,
    Race,
    run_processes,
    task,
)
from tests.servers import MINISTACK, TRANSACTIONAL

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

NOTHING_EARLIER = "InvalidInputError"
ONE, TWO, SPLIT = ("1", None, None), ("2", None, None), ("2", "3", 5)


def call(start: int, end: int | None, kind: str, *arguments: Any, answer: Any = None) -> Operation:
    return Operation("p", start, end, kind, arguments, answer)


def put(start: int, end: int | None, targets: Any, answer: Any = None, if_revision: str | None = None) -> Operation:
    return call(start, end, "put", targets, if_revision, answer=answer)


def get(start: int, end: int, answer: Any) -> Operation:
    return call(start, end, "get", answer=answer)


FIRST = put(0, 1, ONE, (1, "a", ONE))

GOOD = {
    "nothing": [],
    "read before the first change": [get(0, 1, NOT_FOUND), put(2, 3, ONE, (1, "a", ONE))],
    "read during a change, before it": [FIRST, put(2, 9, TWO, (2, "b", TWO)), get(3, 4, (1, "a", ONE))],
    "read during a change, after it": [FIRST, put(2, 9, TWO, (2, "b", TWO)), get(3, 4, (2, "b", TWO))],
    "two changes at once, the later one first": [put(0, 9, ONE, (2, "b", ONE)), put(1, 8, TWO, (1, "a", TWO))],
    "a change that moves nothing": [FIRST, put(2, 3, ONE, (1, "a", ONE))],
    "one of two wins": [FIRST, put(2, 9, TWO, (2, "b", TWO), "a"), put(3, 8, SPLIT, CONFLICT, "a")],
    "died and landed": [FIRST, put(2, None, TWO), get(5, 6, (2, "x", TWO)), get(7, 8, (2, "x", TWO))],
    "died and never landed": [FIRST, put(2, None, TWO), get(5, 6, (1, "a", ONE))],
    "died and landed late": [FIRST, put(2, None, TWO), get(5, 6, (1, "a", ONE)), get(7, 8, (2, "x", TWO))],
    "died, landed, and demanded by who read it": [
        FIRST, put(2, None, TWO), get(5, 6, (2, "x", TWO)), put(7, 8, ONE, (3, "c", ONE), "x"),
    ],
    "deleted, and goes on counting": [
        FIRST, call(2, 3, "delete", None), get(4, 5, NOT_FOUND), put(6, 7, TWO, (3, "c", TWO)),
    ],
    "two deletions, one did nothing": [
        FIRST, call(2, 9, "delete", None, answer=NOTHING), call(3, 8, "delete", None, answer=(2, None)),
    ],
    "rolled back twice": [
        FIRST, put(2, 3, TWO, (2, "b", TWO)), put(4, 5, SPLIT, (3, "c", SPLIT)),
        call(6, 7, "rollback", None, answer=(4, "d", TWO)), call(8, 9, "rollback", None, answer=(5, "e", ONE)),
    ],
    "nothing to roll back to, before a change at the same time": [
        FIRST, put(2, 9, TWO, (2, "b", TWO)), call(3, 8, "rollback", None, answer=NOTHING_EARLIER),
    ],
}  # fmt: skip
BAD = {
    "stale read": [FIRST, put(2, 3, TWO, (2, "b", TWO)), get(4, 5, (1, "a", ONE))],
    "two reads go back": [FIRST, put(2, 9, TWO, (2, "b", TWO)), get(3, 4, (2, "b", TWO)), get(5, 6, (1, "a", ONE))],
    "read of what nobody wrote": [FIRST, get(2, 3, (1, "a", TWO))],
    "lost update": [FIRST, put(2, 3, TWO, (2, "b", TWO)), put(4, 5, SPLIT, (2, "c", SPLIT))],
    "lost without a trace": [FIRST, put(2, 3, TWO, (2, "b", TWO)), get(9, 10, NOT_FOUND)],
    "two win": [FIRST, put(2, 9, TWO, (2, "b", TWO), "a"), put(3, 8, SPLIT, (3, "c", SPLIT), "a")],
    "nobody wins": [FIRST, put(2, 9, TWO, CONFLICT, "a"), put(3, 8, SPLIT, CONFLICT, "a")],
    "conflict without a demand": [FIRST, put(2, 3, TWO, CONFLICT)],
    "died and landed twice": [
        FIRST, put(2, None, TWO), get(5, 6, (2, "x", TWO)), put(7, 8, ONE, (3, "c", ONE)), get(9, 10, (4, "y", TWO)),
    ],
    "landed before it was sent": [FIRST, get(2, 3, (2, "b", TWO)), put(4, 5, TWO, (2, "b", TWO))],
    "deleted and still there": [FIRST, call(2, 3, "delete", None), get(4, 5, (1, "a", ONE))],
    "deletion that did nothing, and the alias was there": [FIRST, call(2, 3, "delete", None, answer=NOTHING)],
    "deletion in another place than its row": [
        FIRST, call(2, 3, "delete", None, answer=(3, None)), put(4, 5, TWO, (2, "b", TWO)),
    ],
    "rolled back to where it was": [
        FIRST, put(2, 3, TWO, (2, "b", TWO)), call(4, 5, "rollback", None, answer=(3, "c", TWO)),
    ],
    "nothing to roll back to, but there was": [
        FIRST, put(2, 3, TWO, (2, "b", TWO)), call(4, 5, "rollback", None, answer=NOTHING_EARLIER),
    ],
    "nothing to roll back to, of a revision that was over": [
        FIRST, put(2, 3, TWO, (2, "b", TWO)), call(4, 5, "rollback", "b", answer=NOTHING_EARLIER),
        call(4, 9, "rollback", None, answer=(3, "c", ONE)),
    ],
    "revision reused": [FIRST, put(2, 3, TWO, (2, "b", TWO)), get(4, 5, (2, "a", TWO))],
}  # fmt: skip


@pytest.mark.parametrize("history", GOOD)
def test_checker_accepts_what_can_have_happened(history: str) -> None:
    order = linearization(GOOD[history], AliasState(), alias_step)
    assert order is not None
    answered = {id(operation) for operation in GOOD[history] if not operation.unanswered}
    assert answered <= {id(operation) for operation in order}


@pytest.mark.parametrize("history", BAD)
def test_checker_rejects_what_cannot_have_happened(history: str) -> None:
    assert linearization(BAD[history], AliasState(), alias_step) is None


def test_checker_of_a_register_finds_a_stale_read() -> None:
    writes = [call(0, 1, "write", "a"), call(2, 9, "write", "b"), call(3, 8, "write", "c")]
    good = [call(4, 5, "read", answer="b"), call(6, 7, "read", answer="c"), call(10, 11, "read", answer="c")]
    assert linearization([*writes, *good], "", register_step)
    assert linearization([*writes, *good, call(12, 13, "read", answer="b")], "", register_step) is None
    assert linearization([*writes, call(10, 11, "read", answer="a")], "", register_step) is None


@pytest.mark.parametrize(
    ("possible", "calls"),
    [
        (True, [call(0, 1, "remove", "1"), call(2, 3, "restore", "1"), call(4, 5, "aim")]),
        (True, [call(0, 9, "remove", "1"), call(1, 8, "aim")]),
        (True, [call(0, 1, "protect", "1"), call(2, 3, "remove", "1", answer=REFUSED)]),
        (True, [call(0, 1, "remove", "1"), call(2, 3, "protect", "1", answer=REFUSED)]),
        (True, [call(0, None, "hide", 4), call(2, 3, "protect", "1", answer=REFUSED)]),
        (True, [call(0, 1, "protect", "1"), call(2, 3, "unprotect", "1"), call(4, 5, "hide", 4, answer=("1",))]),
        (False, [call(0, 1, "remove", "1"), call(2, 3, "aim")]),
        (False, [call(0, 1, "remove", "1"), call(2, 9, "aim"), call(3, 8, "hide", 4, answer=("1",))]),
        (False, [call(0, 1, "protect", "1"), call(2, 3, "remove", "1")]),
        (False, [call(0, 1, "protect", "1"), call(2, 9, "hide", 4, answer=("1",))]),
        (False, [call(0, 1, "remove", "1"), call(2, 3, "remove", "1", answer=REFUSED)]),
        (False, [call(0, None, "hide", 4), call(2, 3, "protect", "1", answer=REFUSED), call(4, 5, "aim")]),
    ],
)
def test_checker_of_a_version_knows_what_a_removal_allows(possible: bool, calls: list[Operation]) -> None:
    assert (linearization(calls, VersionState(), version_step) is not None) is possible


def test_checker_of_a_history_too_wide_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linearizability, "BUDGET", 50)
    wide = [call(0, 100, "write", str(number)) for number in range(12)]
    with pytest.raises(UndecidedError):
        linearization([*wide, call(101, 102, "read", answer="none of them")], "", register_step)


@pytest.mark.backends(*TRANSACTIONAL)
def test_processes_with_crashes_and_clocks_apart_keep_all_invariants(
    repository: Repository, aws: Aws, unique_place: PlaceArguments
) -> None:
    races.prepare(repository, "m")
    crashing = {"fault_percent": 4}
    race = run_processes(
        [
            task(aws, unique_place, "promoter", ALIAS_CALLS, calls=25),
            task(aws, unique_place, "late promoter", ALIAS_CALLS, skew_secs=-600, **crashing),
            task(aws, unique_place, "publisher", {**VERSION_CALLS, "put": 2}, skew_secs=600, **crashing),
        ]
    )
    assert len(race.history) == 8 * (25 + 20 + 20)
    assert race.faults > 0
    races.check_everything(race, repository, aws, "m")


@pytest.mark.backends(*TRANSACTIONAL)
def test_latest_written_by_processes_at_once_is_a_register(
    repository: Repository, aws: Aws, unique_place: PlaceArguments
) -> None:
    mix = HEAD_CALLS if aws.name == MINISTACK else HEAD_AND_PUBLISH_CALLS
    repository.put_artifact("m", b"first")
    tasks = [task(aws, unique_place, f"process {number}", mix, threads=2, calls=25) for number in range(3)]
    race = run_processes(tasks)
    races.check_latest(race, repository, "m", first=b"first")
    races.check_versions(race, repository, "m")


@pytest.mark.backends(MINISTACK)
def test_checker_finds_a_planted_lost_update(
    repository: Repository, aws: Aws, unique_place: PlaceArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, Attempt, "_move", "as_read = unmoved(self.view.item)", "as_read = None")
    plant(monkeypatch, Attempt, "_head_write", "HeadItem.pk.does_not_exist()", "None")
    plant(monkeypatch, Attempt, "_head_write", "HeadItem.revision == self.view.head.revision", "None")
    plant(monkeypatch, alias_change, "history_write", "put(item, HistoryItem.pk.does_not_exist())", "put(item, None)")
    races.prepare(repository, "m")
    history, *_ = run(task(aws, unique_place, "promoter", {"get": 1, "put": 3}, calls=30))
    with pytest.raises(AssertionError, match="not linearizable"):
        races.check_alias(Race(history), repository, "m")
    with pytest.raises(AssertionError):
        races.check_history(Race(history), repository, "m")
