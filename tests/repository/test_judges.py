"""Sample ratio, threshold, metric comparison, several judges together, and a judge on trial."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from airflow_provider_versioned.repository import InvalidInputError
from airflow_provider_versioned.repository.judges import (
    DryRun,
    MetricComparison,
    SampleRatio,
    SequentialTest,
    Threshold,
    combined,
)
from airflow_provider_versioned.repository.judges.ratio import log_mixture
from airflow_provider_versioned.repository.outcomes.facts import Block, Counts, Evidence, MetricFacts
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.judges import Judge


def evidence(stable: tuple[int, int], canary: tuple[int, int], weight: int | None = 5) -> Evidence:
    """Return the evidence of one look; each side as (count, failures)."""
    sides = [Counts(count - failures, failures) for count, failures in (stable, canary)]
    return Evidence.of_counts(sides[0], sides[1], weight)


# -- sample ratio ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("canary", "total", "weight", "tolerance", "verdict"),
    [
        (200, 4000, 5, 1, "success"),
        (230, 4000, 5, 1, "success"),
        (400, 4000, 5, 1, "error"),
        (0, 4000, 5, 1, "error"),
        (2000, 4000, 50, 1, "success"),
        (2300, 4000, 50, 1, "error"),
        (0, 40, 5, 1, "success"),  # too few to say
        (400, 4000, 5, 3, "success"),
        (80, 4000, 5, 3, "success"),
        (1200, 4000, 5, 3, "error"),
        (0, 4000, 5, 3, "error"),
        (4000, 4000, None, 1, "success"),  # no weight, nothing to compare with
        (40, 4000, 0, 1, "success"),  # by hand: nothing else reaches a canary at 0 %
    ],
)
def test_share_that_does_not_fit_the_weight_is_an_error(
    canary: int, total: int, weight: int | None, tolerance: float, verdict: str
) -> None:
    judgement = SampleRatio(tolerance=tolerance).judge(evidence((total - canary, 0), (canary, 0), weight))

    assert judgement.verdict == verdict
    if verdict == "error":
        assert f"{canary} of {total} at {weight} %" in str(judgement.reason)


def test_share_is_checked_at_each_weight() -> None:
    good, bad = Block(5, Counts(3800), Counts(200)), Block(25, Counts(3800), Counts(200))
    assert SampleRatio().judge(Evidence((good, replace(good, weight=None)), 5)).verdict is Verdict.SUCCESS
    judgement = SampleRatio().judge(Evidence((good, bad), 5))
    assert judgement.verdict is Verdict.ERROR
    assert judgement.detail["canary_outcomes"] == {"5 %": "200 of 4000", "25 %": "200 of 4000"}


def test_canary_that_never_reports_is_noticed_before_any_block_ends() -> None:
    judgement = SampleRatio().judge(Evidence((), 5, (Block(5, Counts(400), Counts()),)))
    assert judgement.verdict is Verdict.ERROR


@pytest.mark.parametrize(("share", "tolerance"), [(0.05, 1.0), (0.5, 1.0), (0.05, 3.0)])
def test_share_as_promised_looked_at_after_each_outcome_is_hardly_ever_an_error(share: float, tolerance: float) -> None:
    rng, errors, paths, alpha = np.random.default_rng(3), 0, 300, 0.05
    at_edge = tolerance * share / (1 - share + tolerance * share)
    for _ in range(paths):
        canary = np.cumsum(rng.random(400) < at_edge)
        errors += any(
            log_mixture(int(count), number - int(count), share, tolerance) >= -np.log(alpha)
            for number, count in enumerate(canary, 1)
        )
    assert errors / paths <= alpha


# -- threshold ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("judge", "stable", "canary", "verdict", "reason"),
    [
        (Threshold(max_failure_rate=0.05), (0, 0), (100, 5), "success", "fails at 0.05, within every limit"),
        (Threshold(max_failure_rate=0.05), (0, 0), (100, 6), "failure", "fails at 0.06, above 0.05 (max_failure_rate)"),
        (Threshold(max_failure_rate=0.05), (0, 0), (49, 49), "inconclusive", "there are 49 of the canary"),
        (Threshold(max_increase=0.02), (1000, 10), (100, 3), "success", "within"),
        (Threshold(max_increase=0.02), (1000, 10), (100, 4), "failure", "above 0.03 (max_increase)"),
        (Threshold(max_increase=0.02), (49, 0), (100, 50), "inconclusive", "there are 49 of the stable"),
        (Threshold(max_ratio=2), (1000, 10), (100, 2), "success", "within"),
        (Threshold(max_ratio=2), (1000, 10), (100, 3), "failure", "above 0.02 (max_ratio)"),
        (Threshold(max_ratio=2), (1000, 0), (100, 1), "failure", "above 0 (max_ratio)"),
        (Threshold(max_failure_rate=0.5, max_ratio=2), (1000, 100), (100, 30), "failure", "above 0.2 (max_ratio)"),
        (Threshold(max_failure_rate=0), (0, 0), (100, 0), "success", "within"),
    ],
)
def test_threshold_is_a_plain_limit(
    judge: Threshold, stable: tuple[int, int], canary: tuple[int, int], verdict: str, reason: str
) -> None:
    judgement = judge.judge(evidence(stable, canary))

    assert judgement.verdict == verdict
    assert reason in str(judgement.reason)


def test_threshold_looks_at_the_weight_that_is_judged_alone() -> None:
    first, second = Block(5, Counts(), Counts(0, 100)), Block(25, Counts(), Counts(100, 0))
    assert Threshold(max_failure_rate=0.01).judge(Evidence((first, second), 25)).verdict is Verdict.SUCCESS
    assert Threshold(max_failure_rate=0.01).judge(Evidence((first, second), 5)).verdict is Verdict.FAILURE


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "Give at least one of max_failure_rate, max_increase, max_ratio"),
        ({"max_failure_rate": 1.0}, "max_failure_rate must be from 0 to below 1"),
        ({"max_increase": -0.1}, "max_increase must be from 0"),
        ({"max_ratio": -1}, "max_ratio must be from 0"),
        ({"max_ratio": 2, "min_samples": 0}, "min_samples must be a whole number"),
    ],
)
def test_threshold_without_a_sensible_limit_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        Threshold(**arguments)


# -- metric ------------------------------------------------------------------------------------------------------------


def metric_evidence(canary: np.ndarray[Any, Any], stable: np.ndarray[Any, Any], metric: str = "seconds") -> Evidence:
    facts = [
        MetricFacts(len(values), float(sum(values)), 0.0, tuple(map(float, values))) for values in (canary, stable)
    ]
    return Evidence((), 5, (), {metric: facts[1]}, {metric: facts[0]})


RNG = np.random.default_rng(2)
USUAL, SLOWER, FEW = RNG.lognormal(0, 1, 300), RNG.lognormal(0.8, 1, 100), RNG.lognormal(0, 1, 29)


@pytest.mark.parametrize(
    ("judge", "canary", "verdict"),
    [
        (MetricComparison("seconds", "higher"), SLOWER, "failure"),
        (MetricComparison("seconds", "higher"), USUAL[:100], "success"),
        (MetricComparison("seconds", "lower"), SLOWER, "success"),
        (MetricComparison("seconds", "lower"), 1 / SLOWER, "failure"),
        (MetricComparison("seconds", "higher", min_effect=0.9), SLOWER, "success"),
        (MetricComparison("seconds", "higher", looks=10**12), SLOWER, "success"),
        (MetricComparison("seconds", "higher"), FEW, "inconclusive"),
        (MetricComparison("bytes", "higher"), SLOWER, "inconclusive"),
    ],
)
def test_metric_is_compared_by_ranks(judge: MetricComparison, canary: np.ndarray[Any, Any], verdict: str) -> None:
    stable = 1 / USUAL if judge.worse == "lower" and verdict == "failure" else USUAL
    judgement = judge.judge(metric_evidence(canary, stable))

    assert judgement.verdict == verdict
    json.dumps(judgement.to_dict())
    if verdict == "failure":
        assert judgement.detail["effect"] > 0.6
        assert judgement.detail["limit"] == judge.alpha / judge.looks


def test_metric_without_scipy_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(InvalidInputError, match=r"needs scipy, .*install airflow-provider-versioned\[stats\]"):
        MetricComparison("seconds", "higher").judge(metric_evidence(SLOWER, USUAL))


@pytest.mark.parametrize(
    "arguments", [{"worse": "bigger"}, {"alpha": 0}, {"looks": 0}, {"min_effect": 1}, {"min_samples": 0}]
)
def test_metric_comparison_out_of_range_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="must be"):
        MetricComparison(**{"metric": "seconds", "worse": "higher", **arguments})


# -- together ----------------------------------------------------------------------------------------------------------


class Says:
    """A judge with a fixed answer."""

    def __init__(self, verdict: str) -> None:
        self.verdict = Verdict(verdict)

    def judge(self, _evidence: Evidence) -> Judgement:
        """Say it."""
        return Judgement(self.verdict, {}, f"because of {self.verdict}")


NOTHING = Evidence(())


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        (["success", "failure", "error"], "failure"),
        (["success", "inconclusive", "error"], "error"),
        (["inconclusive", "success"], "inconclusive"),
        (["success", "success"], "success"),
    ],
)
def test_worst_verdict_counts(answers: list[str], verdict: str) -> None:
    judgement = combined([Says(answer) for answer in answers], NOTHING)

    assert (judgement.verdict, judgement.reason) == (verdict, f"because of {verdict}")
    assert [entry["verdict"] for entry in judgement.detail.values()] == answers
    assert list(judgement.detail)[:2] == ["Says", "Says 2"]


def test_no_judge_at_all_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="At least one judge"):
        combined([], NOTHING)


def test_judge_on_trial_reports_and_decides_nothing() -> None:
    judges: list[Judge] = [DryRun(Says("failure")), Says("success")]
    judgement = combined(judges, NOTHING)

    assert judgement.verdict is Verdict.SUCCESS
    assert judgement.detail["DryRun"]["detail"]["dry_run"]["verdict"] == "failure"
    assert judgement.detail["DryRun"]["reason"] == "dry run, would have said failure"


def test_judgements_of_all_judges_are_json() -> None:
    judges: list[Judge] = [SampleRatio(), SequentialTest(), Threshold(max_ratio=2)]
    judgement = combined(judges, evidence((3800, 38), (200, 30)))
    assert judgement.verdict is Verdict.FAILURE
    assert json.loads(json.dumps(judgement.to_dict()))["detail"].keys() == {
        "SampleRatio",
        "SequentialTest",
        "Threshold",
    }
