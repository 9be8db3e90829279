"""Doing the same to many artifacts: several at a time, few in memory, each failing for itself."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository.many import at_once, both_at_once, for_each

if TYPE_CHECKING:
    from collections.abc import Iterator


def halve(number: int) -> int:
    """Fail for odd numbers."""
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_each_is_told_once_with_its_result_or_its_error(workers: int) -> None:
    done = sorted(for_each(range(100), halve, workers), key=lambda one: one.entry)

    assert [one.entry for one in done] == list(range(100))
    assert [one.result for one in done] == [None if number % 2 else number // 2 for number in range(100)]
    assert [str(one.error) for one in done if one.error] == [f"{number} is odd" for number in range(1, 100, 2)]


def test_no_more_entries_are_taken_than_are_needed() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    told = for_each(numbers(), lambda number: number, 3)
    for count in range(1, 50):
        next(told)
        assert len(taken) <= count + 2 * 3 + 3
    told.close()  # type: ignore[attr-defined] # it is a generator


def test_as_many_run_at_a_time_as_there_are_workers() -> None:
    meeting = threading.Barrier(4)

    assert {done.result for done in for_each(range(8), lambda _number: meeting.wait(60) >= 0, 4)} == {True}


def test_consumer_that_ends_early_stops_what_runs_and_begins_nothing_else() -> None:
    stopped, begun = threading.Event(), []

    def wait_until_stopped(number: int) -> int:
        begun.append(number)
        if number:
            assert stopped.wait(60)
        return number

    def end_early() -> None:
        for done in for_each(range(1000), wait_until_stopped, 2, stopped.set):
            assert done.entry == 0
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        end_early()
    assert stopped.wait(60), "the generator was closed with the exception"
    assert len(begun) <= 5


def test_names_that_cannot_be_listed_to_the_end_end_the_work() -> None:
    stopped = threading.Event()

    def numbers() -> Iterator[int]:
        yield 0
        raise OSError("listing broke off")

    with pytest.raises(OSError, match="broke off"):
        list(for_each(numbers(), halve, 2, stopped.set))
    assert stopped.is_set()


def test_calls_at_once_return_in_their_order() -> None:
    gate = threading.Barrier(3)

    def wait(number: int) -> int:
        gate.wait(60)
        return number

    assert at_once(*(partial(wait, number) for number in range(3))) == [0, 1, 2]
    gate = threading.Barrier(2)
    assert both_at_once(partial(wait, 1), lambda: str(wait(2))) == (1, "2")
    assert at_once(*(partial(halve, number) for number in range(0, 100, 2))) == list(range(50))
    assert at_once() == []


def test_error_of_a_call_at_once_is_the_callers_after_all_that_began_have_ended() -> None:
    ended: list[int] = []
    gate = threading.Barrier(2)

    def work(number: int) -> None:
        gate.wait(60)
        if number == 0:
            raise ValueError("no")
        ended.append(number)

    with pytest.raises(ValueError, match="no"):
        at_once(partial(work, 0), partial(work, 1))
    with pytest.raises(ValueError, match="no"):
        both_at_once(partial(work, 0), partial(work, 2))
    with pytest.raises(ValueError, match="no"):
        both_at_once(partial(work, 3), partial(work, 0))
    assert ended == [1, 2, 3]
