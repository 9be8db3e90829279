"""The sequential test: exact where it can be computed, simulated where it cannot, and its verdicts.

The figures in docs/judging.md come from the simulations here, with more paths.
"""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from airflow_provider_versioned.repository import InvalidInputError
from airflow_provider_versioned.repository.judges import SequentialTest
from airflow_provider_versioned.repository.judges.sequential import (
    Alternative,
    equal,
    log_e_value,
    log_mean,
    log_ratio,
    worse_than,
)
from airflow_provider_versioned.repository.outcomes.facts import Block, Counts, Evidence
from airflow_provider_versioned.repository.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

RATES = (0.001, 0.02, 0.3, 0.5, 0.9, 0.999)
ALPHA = 0.05


@dataclass(frozen=True)
class Traffic:
    """Traffic of a simulated rollout: outcomes in each look, share of the canary, failure rates, number of looks."""

    per_look: int
    share: float
    stable: float
    canary: float
    looks: int

    def path(self, rng: np.random.Generator) -> Iterator[Block]:
        """Draw one rollout, look by look."""
        for _ in range(self.looks):
            canary = int(rng.binomial(self.per_look, self.share))
            stable = self.per_look - canary
            failed, broken = int(rng.binomial(stable, self.stable)), int(rng.binomial(canary, self.canary))
            yield Block(None, Counts(stable - failed, failed), Counts(canary - broken, broken))


def rolled_back(blocks: Iterator[Block], alternatives: list[Alternative]) -> bool:
    """Tell whether any look at the growing evidence says failure, as :class:`SequentialTest` would."""
    sums = [point.log_weight for point in alternatives]
    for block in blocks:
        sums = [total + log_ratio(block, point, 0.0) for total, point in zip(sums, alternatives, strict=True)]
        if log_mean(sums) >= -math.log(ALPHA):
            return True
    return False


def rolled_back_by_z(blocks: Iterator[Block]) -> bool:
    """Tell whether any look at a one-sided z-test of two proportions at the same level says failure."""
    total = Block(None, Counts(), Counts())
    for block in blocks:
        total += block
        n, m = total.canary.count, total.stable.count
        pooled = (total.canary.failures + total.stable.failures) / (n + m)
        deviation = math.sqrt(pooled * (1 - pooled) * (1 / max(n, 1) + 1 / m))
        if deviation and (total.canary.failure_rate - total.stable.failure_rate) / deviation > 1.645:
            return True
    return False


def share_rolled_back(traffic: Traffic, paths: int, seed: int) -> float:
    """Simulate rollouts; return the share in which some look said failure."""
    rng, alternatives = np.random.default_rng(seed), worse_than(0.0)
    return sum(rolled_back(traffic.path(rng), alternatives) for _ in range(paths)) / paths


def binomial(n: int, k: int, rate: float) -> float:
    return math.comb(n, k) * rate**k * (1 - rate) ** (n - k)


def expectation(
    point: Alternative, margin: float, canary_rate: float, stable_rate: float, sizes: tuple[int, int]
) -> float:
    """Return the expectation of one block's e-value, summed over every result that the block can have."""
    n, m = sizes
    return math.fsum(
        binomial(n, k, canary_rate)
        * binomial(m, j, stable_rate)
        * math.exp(log_ratio(Block(None, Counts(m - j, j), Counts(n - k, k)), point, margin))
        for k in range(n + 1)
        for j in range(m + 1)
    )


@pytest.mark.parametrize("sizes", [(1, 1), (2, 7), (1, 19), (6, 2)])
@pytest.mark.parametrize("margin", [0.0, 0.01, 0.2])
def test_no_block_of_a_canary_within_the_null_is_expected_to_speak_against_it(
    sizes: tuple[int, int], margin: float
) -> None:
    within = [(c, s) for c, s in itertools.product(RATES, RATES) if c <= s + margin]
    edge = [(s + margin, s) for s in RATES if s + margin < 1]
    for point in worse_than(margin)[::3]:
        for canary, stable in within + edge:
            assert expectation(point, margin, canary, stable, sizes) <= 1 + 1e-9


@pytest.mark.parametrize("sizes", [(1, 1), (2, 7), (6, 2)])
@pytest.mark.parametrize("increase", [0.01, 0.2])
def test_no_block_of_a_bad_canary_is_expected_to_speak_for_it(sizes: tuple[int, int], increase: float) -> None:
    beyond = [(c, s) for c, s in itertools.product(RATES, RATES) if c >= s + increase]
    edge = [(s + increase, s) for s in RATES if s + increase < 1]
    for point in equal(increase):
        for canary, stable in beyond + edge:
            assert expectation(point, increase, canary, stable, sizes) <= 1 + 1e-9


def test_block_of_a_worse_canary_is_expected_to_speak_against_it() -> None:
    point = Alternative(0.05, 0.01, 0.0)
    assert expectation(point, 0.0, 0.05, 0.01, (10, 40)) > 1.1


def test_margin_of_nearly_nothing_is_the_closed_form() -> None:
    block = Block(None, Counts(990, 10), Counts(45, 5))
    for point in worse_than(0.0):
        assert log_ratio(block, point, 0.0) == pytest.approx(log_ratio(block, point, 1e-12), abs=1e-6)


@pytest.mark.parametrize("rate", [0.01, 0.1])
def test_healthy_canary_looked_at_60_times_is_rarely_rolled_back_and_by_z_test_often(rate: float) -> None:
    traffic = Traffic(per_look=200, share=0.05, stable=rate, canary=rate, looks=60)
    rng = np.random.default_rng(7)

    assert share_rolled_back(traffic, 600, seed=6) <= ALPHA / 2
    assert sum(rolled_back_by_z(traffic.path(rng)) for _ in range(600)) / 600 > 0.25


def test_canary_failing_5_instead_of_1_percent_is_found_within_200_of_its_requests() -> None:
    traffic = Traffic(per_look=200, share=0.05, stable=0.01, canary=0.05, looks=20)

    assert share_rolled_back(traffic, 500, seed=5) > 0.78


def test_rates_that_change_for_both_sides_are_no_evidence() -> None:
    """At night 5 % of little traffic, by day 50 % of much: pooled, the canary would look far worse."""
    rng, alternatives, found = np.random.default_rng(4), worse_than(0.0), 0
    for _ in range(300):
        night = Traffic(per_look=500, share=0.05, stable=0.01, canary=0.01, looks=10).path(rng)
        day = Traffic(per_look=500, share=0.5, stable=0.1, canary=0.1, looks=10).path(rng)
        found += rolled_back(itertools.chain(night, day), alternatives)
    assert found / 300 <= ALPHA
    pooled = Block(None, Counts(4750 * 99 // 100 + 2250, 4750 // 100 + 250), Counts(2475, 250))
    assert log_e_value([pooled], alternatives, 0.0) > -math.log(ALPHA)


def test_evidence_does_not_depend_on_where_looks_fall_while_the_share_is_the_same() -> None:
    block = Block(None, Counts(188, 2), Counts(9, 1))
    alternatives = worse_than(0.0)
    once = log_e_value([Block(None, Counts(1880, 20), Counts(90, 10))], alternatives, 0.0)
    assert log_e_value([block] * 10, alternatives, 0.0) == pytest.approx(once)


@pytest.mark.parametrize("block", [Block(5, Counts(), Counts(0, 50)), Block(5, Counts(900, 100), Counts())])
def test_block_without_a_side_says_nothing(block: Block) -> None:
    assert log_e_value([block], worse_than(0.0), 0.0) == pytest.approx(0.0, abs=1e-12)


def evidence(stable: tuple[int, int], canary: tuple[int, int]) -> Evidence:
    """Return the evidence of one look; each side as (count, failures)."""
    sides = [Counts(count - failures, failures) for count, failures in (stable, canary)]
    return Evidence.of_counts(sides[0], sides[1], weight=5)


@pytest.mark.parametrize(
    ("test", "stable", "canary", "verdict", "reason"),
    [
        (SequentialTest(), (3800, 38), (200, 14), "failure", r"14 failures in 200.*fails more often \(p=\d"),
        (SequentialTest(), (3800, 38), (200, 3), "success", "nothing says that it fails more often"),
        (SequentialTest(), (1000, 10), (99, 1), "inconclusive", "100 outcomes are needed.*99 of the canary$"),
        (SequentialTest(), (80, 0), (300, 1), "inconclusive", "80 of the stable$"),
        (SequentialTest(), (0, 0), (300, 300), "inconclusive", "0 of the stable$"),
        (SequentialTest(), (400, 2), (6, 6), "failure", "6 failures in 6"),
        (SequentialTest(margin=0.1), (3800, 38), (200, 14), "success", "nothing"),
        (SequentialTest(margin=0.01), (3800, 38), (200, 24), "failure", "24 failures"),
        (SequentialTest(alpha=1e-9), (3800, 38), (200, 14), "success", "nothing"),
        (SequentialTest(max_increase=0.02), (3800, 38), (200, 2), "inconclusive", "0.02 more is not ruled out yet"),
        (SequentialTest(max_increase=0.02), (20000, 200), (3000, 30), "success", "fails less than 0.02 more often"),
        (SequentialTest(max_increase=0.02), (20000, 200), (3000, 90), "failure", "fails more often"),
    ],
)
def test_verdict_comes_with_numbers_and_a_sentence(
    test: SequentialTest, stable: tuple[int, int], canary: tuple[int, int], verdict: str, reason: str
) -> None:
    judgement = test.judge(evidence(stable, canary))

    assert judgement.verdict == verdict
    assert re.search(reason, str(judgement.reason))
    assert judgement.detail["canary"]["count"] == canary[0]
    assert (judgement.detail["e_value"] >= 1 / test.alpha) == (verdict == "failure")
    assert judgement.detail["p_value"] == pytest.approx(min(1, 1 / judgement.detail["e_value"]), rel=0.1)


def test_min_samples_are_those_of_the_weight_that_is_judged() -> None:
    first = Block(5, Counts(3800, 20), Counts(200, 1))
    second = Block(25, Counts(150, 0), Counts(50, 0))
    test = SequentialTest(min_samples=100)

    assert test.judge(Evidence((first,), 5)).verdict is Verdict.SUCCESS
    assert test.judge(Evidence((first, second), 25)).verdict is Verdict.INCONCLUSIVE
    assert test.judge(Evidence((first, second), 25)).detail["canary"]["count"] == 251


def test_what_no_block_holds_yet_counts_as_samples_and_not_as_evidence() -> None:
    block = Block(5, Counts(90, 0), Counts(90, 0))
    everything = Block(5, Counts(3800, 20), Counts(0, 200))
    judgement = SequentialTest().judge(Evidence((block,), 5, (everything,)))
    assert (judgement.verdict, judgement.detail["canary"]["failures"]) == (Verdict.SUCCESS, 200)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"alpha": 0}, "alpha must be between 0 and 1"),
        ({"alpha": 1}, "alpha must be between 0 and 1"),
        ({"beta": True}, "beta must be between 0 and 1"),
        ({"margin": -0.1}, "margin must be from 0"),
        ({"min_samples": 0}, "min_samples must be a whole number of 1 or more"),
        ({"min_samples": 1.5}, "min_samples must be a whole number"),
        ({"margin": 0.1, "max_increase": 0.1}, r"max_increase must be above margin=0\.1"),
    ],
)
def test_argument_out_of_range_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        SequentialTest(**arguments)


def test_enormous_counts_overflow_nothing() -> None:
    judgement = SequentialTest(max_increase=0.01).judge(evidence((10**9, 10**6), (10**8, 10**8)))
    assert judgement.verdict is Verdict.FAILURE
    assert judgement.detail["p_value"] < 1e-300
    healthy = SequentialTest(max_increase=0.01).judge(evidence((10**9, 10**6), (10**8, 10**5)))
    assert healthy.verdict is Verdict.SUCCESS


def test_document_states_the_defaults_of_the_test() -> None:
    document = (Path(__file__).parents[2] / "docs" / "judging.md").read_text()
    defaults = SequentialTest()
    for what in ("alpha", "margin", "min_samples", "max_increase", "beta"):
        assert f"`{what}={getattr(defaults, what)}`" in document
