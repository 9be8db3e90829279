"""Blocks between looks: what ends one, what a new attempt forgets, and the arithmetic of counts."""

from __future__ import annotations

import json

import pytest

from airflow_provider_versioned.repository.outcomes.facts import (
    AliasOutcomes,
    Block,
    Counts,
    Looks,
    MetricFacts,
    VersionOutcomes,
)


def block(stable: int, canary: int, failures: int = 0, weight: int | None = 5) -> Block:
    return Block(weight, Counts(stable, 0), Counts(canary - failures, failures))


def test_blocks_are_what_came_between_the_looks() -> None:
    looks = Looks()
    for now in (block(20, 1), block(50, 3, 1), block(90, 3, 1), block(95, 5, 2)):
        looks = looks.look(1, [now])
    assert looks.blocks == (block(20, 1), block(30, 2, 1), block(45, 2, 1))
    assert looks.earlier == ()


@pytest.mark.parametrize("now", [block(100, 0), block(0, 100), block(0, 0)])
def test_side_without_news_ends_no_block(now: Block) -> None:
    assert Looks().look(1, [now]).blocks == ()


def test_weights_are_kept_apart() -> None:
    first = Looks().look(1, [block(20, 1), block(30, 5, weight=25)])
    second = first.look(1, [block(20, 1), block(60, 15, weight=25)])
    assert second.blocks == (block(20, 1), block(30, 5, weight=25), block(30, 10, weight=25))


def test_number_of_blocks_grows_with_the_logarithm_of_the_outcomes() -> None:
    looks = Looks()
    for canary in range(20, 20_001, 20):
        looks = looks.look(1, [block(19 * canary, canary)])
    assert len(looks.blocks) < 500
    assert sum(part.canary.count for part in looks.blocks) > 0.98 * 20_000


def test_whether_a_block_ends_does_not_depend_on_failures() -> None:
    good = bad = Looks()
    for step in range(1, 500):
        good = good.look(1, [block(19 * step, step)])
        bad = bad.look(1, [block(19 * step, step, failures=step)])
    assert [part.canary.count for part in good.blocks] == [part.canary.count for part in bad.blocks]


def test_new_attempt_begins_where_the_last_look_was() -> None:
    first = Looks().look(1, [block(100, 10, 9)]).look(1, [block(150, 12, 11)])
    second = first.look(3, [block(200, 20, 12)])
    assert (second.attempt, second.earlier, second.blocks) == (3, (block(150, 12, 11),), (block(50, 8, 1),))
    assert second.reported([block(260, 25, 12), block(7, 2, weight=25)]) == (block(110, 13, 1), block(7, 2, weight=25))
    third = second.look(3, [block(300, 30, 12)])
    assert (third.earlier, third.blocks[0]) == (second.earlier, second.blocks[0])


def test_counts_that_went_down_end_no_block() -> None:
    first = Looks().look(1, [block(100, 10, 5)])
    assert first.look(1, [block(200, 20, 4)]).blocks == first.blocks


def test_looks_survive_json() -> None:
    looks = Looks().look(1, [block(100, 10, 5, None)]).look(2, [block(150, 12, 5, None), block(5, 5, weight=50)])
    assert Looks.from_list(2, json.loads(json.dumps(looks.to_list()))) == looks


def test_versions_are_summed_over_weights() -> None:
    seconds = MetricFacts(2, 3.0, 5.0, (1.0, 2.0))
    outcomes = AliasOutcomes(
        "m",
        "prod",
        "r",
        {
            5: {"1": VersionOutcomes(Counts(90, 10)), "2": VersionOutcomes(Counts(4, 1), {"s": seconds})},
            None: {"1": VersionOutcomes(Counts(3, 0)), "3": VersionOutcomes(Counts(1, 0), {"s": seconds})},
        },
    )
    assert outcomes.versions == ["1", "2", "3"]
    assert outcomes.of("1").counts == Counts(93, 10)
    assert outcomes.at(None, "1").counts == Counts(3, 0)
    assert outcomes.at(50, "1") == outcomes.of("4") == VersionOutcomes()
    both = outcomes.of("2") + outcomes.of("3")
    assert both.metrics["s"] == MetricFacts(4, 6.0, 10.0, (1.0, 2.0, 1.0, 2.0))
    assert (both.metrics["s"].mean, MetricFacts().mean, Counts().failure_rate) == (1.5, 0.0, 0.0)
    assert json.loads(json.dumps(outcomes.to_dict()))["by_weight"]["5"]["2"]["failures"] == 1
