"""The pace of a long job: on a clock that is moved by hand, and at the table."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from airflow_provider_versioned.repository import InvalidInputError, StorageUnavailableError
from airflow_provider_versioned.repository.pace import Pace, PaceStoppedError
from tests.repository.traffic import Traffic
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments


class Clock:
    """Time that passes when somebody waits."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def wait(self, secs: float) -> bool:
        """Let time pass; the job goes on."""
        self.waits.append(secs)
        self.now += secs
        return False

    def pace(self, rate: float | None = None) -> Pace:
        """Make a pace on this clock."""
        return Pace(rate, clock=self, wait=self.wait)


def rate_over(clock: Clock, pace: Pace, writes: Iterable[int]) -> float:
    """Write as fast as the pace allows; return how many writes a second that came to."""
    begun, sizes = clock.now, list(writes)
    for size in sizes:
        pace.take(size)
    return sum(sizes[:-1]) / (clock.now - begun)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("rate", [0.5, 40, 1000])
def test_writes_keep_to_the_rate_as_an_average(size: int, rate: float) -> None:
    clock = Clock()

    assert rate_over(clock, clock.pace(rate), [size] * 50) == pytest.approx(rate)


def test_first_write_and_reads_wait_for_nothing() -> None:
    clock = Clock()
    pace = clock.pace(1)

    pace.take(100)
    assert clock.waits == []
    pace.take(0)
    assert clock.waits == []
    pace.take(1)
    assert clock.waits == [100]


def test_without_a_rate_nobody_waits_until_the_server_throttles() -> None:
    clock = Clock()
    pace = clock.pace()
    for _ in range(100):
        clock.now += 0.1
        pace.take(20)
    assert (clock.waits, pace.rate) == ([], None)

    pace.throttled()

    assert pace.rate == pytest.approx(100, rel=0.05), "half of the 200 a second that were written"
    assert rate_over(clock, pace, [10] * 20) == pytest.approx(100, rel=0.2)


def test_throttles_of_one_moment_halve_the_rate_once_and_later_ones_again() -> None:
    clock = Clock()
    pace = clock.pace(800)

    for _ in range(8):
        pace.throttled()
    assert pace.rate == 400
    clock.now += 1
    pace.throttled()

    assert pace.rate == pytest.approx(200, rel=0.02)
    assert pace.throttles == 2


@pytest.mark.parametrize(("limit", "lowest"), [(800, 5), (2, 2), (None, 5)])
def test_rate_never_falls_to_nothing(limit: float | None, lowest: float) -> None:
    clock = Clock()
    pace = clock.pace(limit)
    for _ in range(50):
        pace.throttled()
        clock.now += 1

    assert pace.rate == pytest.approx(lowest, rel=0.02)


def test_rate_comes_back_slowly_and_ends_at_the_limit() -> None:
    clock = Clock()
    pace = clock.pace(800)
    pace.throttled()

    clock.now += 30
    assert pace.rate == pytest.approx(400 * 2**0.5)
    clock.now += 31
    assert pace.rate == 800
    clock.now += 3600
    assert pace.rate == 800


def test_stopped_job_writes_no_more_and_wakes_who_waits() -> None:
    pace, ended = Pace(0.001), threading.Event()
    pace.take(1)

    def wait_for_my_turn() -> None:
        with pytest.raises(PaceStoppedError, match="stopped before this write"):
            pace.take(1)
        ended.set()

    threading.Thread(target=wait_for_my_turn, daemon=True).start()
    pace.stop()

    assert ended.wait(60)
    with pytest.raises(PaceStoppedError):
        pace.take(1)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_rate_that_cannot_be_is_refused(rate: float) -> None:
    with pytest.raises(InvalidInputError, match="writes_per_second must be a positive number"):
        Pace(rate)


@pytest.mark.backends(MINISTACK)
def test_writes_of_a_repository_are_counted_by_items_and_reads_not(repository: Repository) -> None:
    for content in (b"1", b"2", b"3", b"4"):
        repository.publish_artifact_version("model", content=content)
    clock = Clock()
    pace = clock.pace(1)
    paced = repository.paced(pace)

    plan = paced.plan_purge("model", 1, 0)
    assert clock.waits == []
    assert len(paced.apply_purge(plan).purged) == 3
    pace.take(1)

    assert clock.waits == [3], "of the three that one transaction hid"
    assert [artifact.version for artifact in repository.list_artifact_versions("model")] == ["LATEST", "4"]


THROTTLES = [
    (400, "ProvisionedThroughputExceededException", "too fast"),
    (400, "ThrottlingException", "too fast"),
    (400, "RequestLimitExceeded", "too fast"),
]


@pytest.mark.backends(MINISTACK)
@pytest.mark.parametrize("throttle", THROTTLES)
def test_throttled_job_slows_down_and_goes_on(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, throttle: tuple[int, str, str]
) -> None:
    for content in (b"1", b"2"):
        repository.publish_artifact_version("model", content=content)
    traffic, clock = Traffic(), Clock()
    watched = traffic.repository(aws, unique_place)
    pace = clock.pace(1000)
    paced = watched.paced(pace)
    plan = paced.plan_purge("model", 1, 0)
    traffic.answers["UpdateItem"] = throttle
    wait = clock.wait

    def recover(secs: float) -> bool:
        if pace.throttles:
            traffic.answers.clear()
        return wait(secs)

    pace._wait = recover
    assert [artifact.version for artifact in paced.apply_purge(plan).purged] == ["1"]

    assert pace.throttles == 1
    assert pace.rate is not None
    assert pace.rate < 1000
    assert [artifact.version for artifact in repository.list_artifact_versions("model")] == ["LATEST", "2"]


@pytest.mark.backends(MINISTACK)
def test_without_a_pace_a_throttle_is_the_callers(
    aws: Aws, unique_place: PlaceArguments, repository: Repository
) -> None:
    for content in (b"1", b"2"):
        repository.publish_artifact_version("model", content=content)
    traffic = Traffic()
    watched = traffic.repository(aws, unique_place)
    traffic.answers["UpdateItem"] = THROTTLES[0]

    with pytest.raises(StorageUnavailableError):
        watched.purge_artifact_versions("model", 1, 0)
    assert len(repository.list_artifact_versions("model")) == 3
