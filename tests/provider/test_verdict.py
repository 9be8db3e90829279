"""What the answer of a check means."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from airflow_provider_versioned.rollout import CanaryStep, Judgement, Verdict
from airflow_provider_versioned.rollout.verdict import VerdictError, judge


@pytest.mark.parametrize(
    ("answer", "verdict", "detail"),
    [
        (True, "success", {}),
        (False, "failure", {}),
        (np.float64(0.9) > 0.5, "success", {}),
        (np.False_, "failure", {}),
        ("inconclusive", "inconclusive", {}),
        (Verdict.ERROR, "error", {}),
        (Judgement(Verdict.FAILURE, {"n": 3}), "failure", {"n": 3}),
        ((True, {"accuracy": 0.97}), "success", {"accuracy": 0.97}),
        (["failure", {"accuracy": 0.1}], "failure", {"accuracy": 0.1}),
        ({"verdict": "success", "detail": {"n": 1}}, "success", {"n": 1}),
        ({"verdict": "failure"}, "failure", {}),
    ],
)
def test_answer_is_understood(answer: object, verdict: str, detail: dict[str, object]) -> None:
    judgement = judge(answer)

    assert (judgement.verdict, judgement.detail) == (verdict, detail)
    assert judge(json.loads(json.dumps(judgement.to_dict()))) == judgement


@pytest.mark.parametrize("answer", [None, 1, 0, "ok", "", {}, [], [True], (True, 1), ("maybe", {}), 0.9, np.float64(1)])
def test_answer_that_is_no_verdict_is_an_error_and_never_success(answer: object) -> None:
    with pytest.raises(VerdictError, match="it must answer True, False, one of success, failure, inconclusive, error"):
        judge(answer)


def test_judgement_is_told_in_one_line() -> None:
    assert str(Judgement(Verdict.FAILURE, {"accuracy": 0.1, "n": 50})) == "failure (accuracy=0.1, n=50)"
    assert str(Judgement(Verdict.SUCCESS)) == "success"


def test_step_survives_json() -> None:
    step = CanaryStep("model", "prod", "1", "2", 5, "dag/run/group", datetime(2026, 1, 1, tzinfo=UTC))

    assert CanaryStep.from_dict(json.loads(json.dumps({**step.to_dict(), "live": True}))) == step
