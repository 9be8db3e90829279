"""Uses of an alias as context manager and decorator: which version, and what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import (
    AliasNotFoundError,
    InvalidInputError,
    Repository,
    StorageUnavailableError,
)
from tests.repository.traffic import Traffic
from tests.servers import MOTO

if TYPE_CHECKING:
    from tests.repository.store import Store

pytestmark = pytest.mark.backends(MOTO)


@pytest.fixture
def split(repository: Repository) -> Repository:
    """Versions 1 and 2, and alias ``prod`` split evenly between them by rollout ``r``."""
    for content in (b"one", b"two"):
        repository.publish_artifact_version("m", content=content)
    repository.put_alias("m", "prod", 1, 2, 50, rollout="r")
    return repository


def counted(repository: Repository) -> dict[tuple[int | None, str], tuple[int, int]]:
    """Return (successes, failures) by weight and version."""
    return {
        (weight, version): (part.counts.successes, part.counts.failures)
        for weight, versions in repository.get_outcomes("m", "prod", rollout="r").by_weight.items()
        for version, part in versions.items()
    }


def test_block_that_ends_is_a_success_of_the_version_it_got(split: Repository) -> None:
    versions = [split.get_alias("m", "prod").route(f"customer-{number}") for number in range(8)]
    for number, version in enumerate(versions):
        with split.outcome("m", "prod", key=f"customer-{number}") as use:
            assert use.version == version
            assert use.artifact.get_content() == {"1": b"one", "2": b"two"}[version]
    assert counted(split) == {(50, version): (versions.count(version), 0) for version in ("1", "2")}


def test_block_that_raises_is_a_failure_and_its_error_goes_on(split: Repository) -> None:
    with pytest.raises(ZeroDivisionError), split.outcome("m", "prod", 2):
        raise ZeroDivisionError
    assert counted(split) == {(50, "2"): (0, 1)}


def test_block_that_says_so_is_a_failure(split: Repository) -> None:
    with split.outcome("m", "prod", 2) as use:
        use.fail()
    assert counted(split) == {(50, "2"): (0, 1)}


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_block_that_is_stopped_from_outside_has_no_outcome(split: Repository, stop: type[BaseException]) -> None:
    with pytest.raises(stop), split.outcome("m", "prod", 2):
        raise stop
    assert counted(split) == {}


def test_measures_are_reported_with_the_outcome(split: Repository) -> None:
    with split.outcome("m", "prod", 2) as use:
        use.measure("seconds", 0.5)
        use.measure("seconds", 1)
        use.measure("score", 0.9)
        use.fail()
    metrics = split.get_outcomes("m", "prod").of("2").metrics
    assert {name: (facts.count, facts.total) for name, facts in metrics.items()} == {
        "seconds": (2, 1.5),
        "score": (1, 0.9),
    }


def test_side_by_hand_counts_without_a_weight(split: Repository) -> None:
    with split.outcome("m", "prod", side="secondary") as use:
        assert use.version == "2"
    with split.outcome("m", "prod", key="customer-1", side="primary") as use:
        assert use.version == "1"
    assert counted(split) == {(None, "1"): (1, 0), (None, "2"): (1, 0)}


def test_version_by_chance_follows_the_weight(split: Repository) -> None:
    for _ in range(40):
        with split.outcome("m", "prod"):
            pass
    outcomes = counted(split)
    assert sum(successes for successes, _ in outcomes.values()) == 40
    assert set(outcomes) == {(50, "1"), (50, "2")}  # missing one would happen once in 10^12 runs


def test_outcome_belongs_to_the_alias_as_it_was_when_the_block_began(split: Repository) -> None:
    with split.outcome("m", "prod", key="customer-1") as use:
        split.put_alias("m", "prod", 1, 2, 99, rollout="another")
        assert use.alias.secondary_version_weight == 50
    assert sum(successes for successes, _ in counted(split).values()) == 1
    assert split.get_outcomes("m", "prod").by_weight == {}


def test_alias_read_before_costs_one_request(split: Repository, store: Store) -> None:
    traffic = Traffic()
    watched = traffic.repository(store.aws, store.place)
    watched.list_aliases("warm-up")
    alias = watched.get_alias("m", "prod")

    def use(which: Any) -> None:
        with watched.outcome("m", which, key="customer-1"):
            pass

    assert traffic.of(lambda: use(alias)) == ["TransactWriteItems"]
    assert traffic.of(lambda: use("prod")) == ["GetItem", "TransactWriteItems"]


def test_decorated_function_is_a_use_each_time(split: Repository) -> None:
    @split.outcome("m", "prod", 2)
    def divide(by: int) -> float:
        return 1 / by

    assert divide(2) == 0.5
    split.put_alias("m", "prod", 1, 2, 60, rollout="r")
    assert divide(4) == 0.25
    with pytest.raises(ZeroDivisionError):
        divide(0)
    assert counted(split) == {(50, "2"): (1, 0), (60, "2"): (1, 1)}


def test_key_counts_a_use_once(split: Repository) -> None:
    for _ in range(3):
        with split.outcome("m", "prod", 2, idempotency_key="request-7"):
            pass
    assert counted(split) == {(50, "2"): (1, 0)}


def test_failure_that_cannot_be_counted_keeps_its_error_with_a_note(split: Repository, store: Store) -> None:
    traffic = Traffic()
    watched = traffic.repository(store.aws, store.place)
    watched.list_aliases("warm-up")
    traffic.answers["TransactWriteItems"] = (500, "InternalServerError", "down")

    with pytest.raises(ZeroDivisionError) as caught, watched.outcome("m", "prod", 2):
        raise ZeroDivisionError
    assert any("this failure could not be counted" in note for note in caught.value.__notes__)
    with pytest.raises(StorageUnavailableError), watched.outcome("m", "prod", 2):
        pass


def test_use_of_no_alias_or_of_two_choices_is_refused_before_the_block(split: Repository) -> None:
    ran: list[bool] = []
    with pytest.raises(AliasNotFoundError), split.outcome("m", "none"):
        ran.append(True)
    with pytest.raises(InvalidInputError, match="version=1 was given with key or side"):
        split.outcome("m", "prod", 1, key="customer-1")
    side: Any = "canary"
    with pytest.raises(InvalidInputError, match="side must be one of"):
        split.outcome("m", "prod", side=side)
    assert ran == []
