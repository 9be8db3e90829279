"""The short memory of aliases, with a clock of its own."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from airflow_provider_versioned.repository import (
    Alias,
    AliasCache,
    AliasNotFoundError,
    InvalidInputError,
    StorageUnavailableError,
)


@dataclass
class Shelf:
    """Stands for a repository: answers with the version that stands there, or with an error."""

    version: str = "1"
    error: Exception | None = None
    asked: list[tuple[str, str]] = field(default_factory=list)

    def get_alias(self, name: str, alias: str) -> Alias:
        """Answer, and count."""
        self.asked.append((name, alias))
        if self.error:
            raise self.error
        return Alias(name, alias, datetime(2026, 1, 1, tzinfo=UTC), self.version, None, None, "s3://b/1", None)


@dataclass
class Clock:
    """Seconds that pass when a test says so."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def make(max_age_secs: float = 5, max_entries: int = 1000) -> tuple[AliasCache, Shelf, Clock]:
    shelf, clock = Shelf(), Clock()
    return AliasCache(shelf, max_age_secs, max_entries=max_entries, clock=clock), shelf, clock


def test_answer_is_served_until_its_age_and_read_again_then() -> None:
    cache, shelf, clock = make()
    assert cache.get_alias("m", "prod").version == "1"
    shelf.version = "2"
    clock.now += 4.9
    assert cache.get_alias("m", "prod").version == "1"
    clock.now += 0.1
    assert cache.get_alias("m", "prod").version == "2"
    assert len(shelf.asked) == 2


def test_age_counts_from_before_the_question() -> None:
    cache, shelf, clock = make()
    answer = shelf.get_alias

    def answer_slowly(name: str, alias: str) -> Alias:
        clock.now += 4
        return answer(name, alias)

    shelf.get_alias = answer_slowly  # type: ignore[method-assign] # a slower shelf
    cache.get_alias("m", "prod")
    clock.now += 1
    cache.get_alias("m", "prod")
    assert len(shelf.asked) == 2


def test_failure_past_the_age_is_the_callers_and_nothing_stale_is_served() -> None:
    cache, shelf, clock = make()
    cache.get_alias("m", "prod")
    shelf.error = StorageUnavailableError("down")
    assert cache.get_alias("m", "prod").version == "1"
    clock.now += 5
    for _ in range(2):
        with pytest.raises(StorageUnavailableError):
            cache.get_alias("m", "prod")
    shelf.error = None
    assert cache.get_alias("m", "prod").version == "1"


def test_missing_alias_is_asked_for_each_time_and_forgotten() -> None:
    cache, shelf, clock = make()
    cache.get_alias("m", "prod")
    clock.now += 5
    shelf.error = AliasNotFoundError("none")
    for _ in range(2):
        with pytest.raises(AliasNotFoundError):
            cache.get_alias("m", "prod")
    shelf.error = None
    cache.get_alias("m", "prod")
    assert len(shelf.asked) == 4


def test_forgotten_alias_is_read_again() -> None:
    cache, shelf, _ = make()
    cache.get_alias("m", "prod")
    cache.forget("m", "prod")
    cache.forget("m", "never read")
    cache.get_alias("m", "prod")
    assert len(shelf.asked) == 2


def test_number_of_entries_is_bounded_and_the_idle_one_goes() -> None:
    cache, shelf, _ = make(max_entries=2)
    for name in ("a", "b", "a", "c", "a"):
        cache.get_alias(name, "prod")
    assert [name for name, _ in shelf.asked] == ["a", "b", "c"]
    cache.get_alias("b", "prod")
    assert [name for name, _ in shelf.asked] == ["a", "b", "c", "b"]


def test_slow_old_answer_does_not_replace_a_newer_one() -> None:
    cache, shelf, clock = make()
    answer = shelf.get_alias
    asked_inside: list[bool] = []

    def answer_late(name: str, alias: str) -> Alias:
        late = answer(name, alias)
        if not asked_inside:
            asked_inside.append(True)
            clock.now += 1
            shelf.version = "2"
            assert cache.get_alias(name, alias).version == "2"  # asked later, answered earlier
        return late

    shelf.get_alias = answer_late  # type: ignore[method-assign] # a slower shelf
    assert cache.get_alias("m", "prod").version == "1"
    assert cache.get_alias("m", "prod").version == "2"


def test_threads_share_it() -> None:
    cache, shelf, _ = make(max_entries=3)
    gate = threading.Barrier(8)

    def read(thread: int) -> set[str]:
        gate.wait()
        return {cache.get_alias(f"m{(thread + turn) % 5}", "prod").name for turn in range(200)}

    with ThreadPoolExecutor(8) as pool:
        assert all(names == {f"m{number}" for number in range(5)} for names in pool.map(read, range(8)))
    assert len(shelf.asked) < 1600


@pytest.mark.parametrize("arguments", [{"max_age_secs": 0}, {"max_age_secs": -1}, {"max_entries": 0}])
def test_memory_without_room_is_refused(arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidInputError, match="must be positive"):
        AliasCache(Shelf(), **arguments)  # type: ignore[arg-type] # one at a time
