"""Doing several things at a time: the same to many artifacts, each failing for itself, or requests of one operation."""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Entry = TypeVar("Entry")
Result = TypeVar("Result")
Other = TypeVar("Other")

_AHEAD = 2  # entries begun or waiting, per worker
_AT_ONCE = 6  # of the ten connections that boto3 keeps open


@dataclass(frozen=True)
class Done(Generic[Entry, Result]):
    """What became of one entry.

    Attributes:
        result: What the work returned; None when it failed.
        error: Why it failed; None when it did not.
    """

    entry: Entry
    result: Result | None
    error: Exception | None


def for_each(
    entries: Iterable[Entry],
    work: Callable[[Entry], Result],
    max_workers: int = 1,
    stop: Callable[[], None] = lambda: None,
) -> Iterator[Done[Entry, Result]]:
    """Work on entries in threads, and tell of each when it is done, in the order in which they end.

    Takes entries as it goes, and holds few of them: a slow consumer slows the work.

    Args:
        stop: Called when the consumer ends before the entries do, to hasten what is under way; no other is begun.
    """
    if max_workers == 1:
        yield from (_tried(entry, work) for entry in entries)
        return
    executor = ThreadPoolExecutor(max_workers, thread_name_prefix="versioned-artifacts")
    under_way: set[Future[Done[Entry, Result]]] = set()
    try:
        for entry in entries:
            under_way.add(executor.submit(_tried, entry, work))
            if len(under_way) >= _AHEAD * max_workers:
                ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        while under_way:
            ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    except BaseException:
        stop()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def at_once(*calls: Callable[[], Result]) -> list[Result]:
    """Call several functions at the same time, a few at once, and return what they return, in their order.

    When one fails, those that have begun still end, no other begins, and the first error in their order is raised.
    """
    if len(calls) <= 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(len(calls), _AT_ONCE), thread_name_prefix="versioned-requests") as executor:
        futures = [executor.submit(call) for call in calls]
        try:
            return [future.result() for future in futures]
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise


def in_order(entries: Iterable[Entry], work: Callable[[Entry], Result], max_workers: int) -> list[Result]:
    """Work on entries in threads, two ahead of the threads, and return the results in the order of the entries.

    When one fails, those that have begun still end, no other is taken, and its error is raised.
    """
    results: list[Result] = []
    under_way: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers, thread_name_prefix="versioned-parts") as executor:
        try:
            for entry in entries:
                under_way.append(executor.submit(work, entry))
                if len(under_way) > max_workers + 1:
                    results.append(under_way.popleft().result())
            results += [future.result() for future in under_way]
        except BaseException:
            executor.shutdown(wait=True, cancel_futures=True)
            raise
    return results


def both_at_once(one: Callable[[], Result], other: Callable[[], Other]) -> tuple[Result, Other]:
    """Call two functions at the same time; as :func:`at_once`, for results of different types."""
    with ThreadPoolExecutor(1, thread_name_prefix="versioned-requests") as executor:
        later = executor.submit(other)
        result = one()
        return result, later.result()


def _tried(entry: Entry, work: Callable[[Entry], Result]) -> Done[Entry, Result]:
    try:
        return Done(entry, work(entry), None)
    except Exception as error:  # noqa: BLE001 -- told to the consumer, who decides
        return Done(entry, None, error)
