"""Moving an alias to a new version in stages, with a check between the stages and a rollback when one fails.

:func:`staged_promotion` makes the task group; the operators are its parts, for Dags of one's own; the rest is what a
check is given and what it answers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.rollout.abandoned import AbortRolloutOfRun, AbortStaleRolloutsOperator
    from airflow_provider_versioned.rollout.check import BakeOperator, CheckCanaryOperator
    from airflow_provider_versioned.rollout.combining import all_of
    from airflow_provider_versioned.rollout.consequences import Consequence, Consequences
    from airflow_provider_versioned.rollout.ending import AbortRolloutOperator, FailUnlessPromotedOperator
    from airflow_provider_versioned.rollout.group import staged_promotion
    from airflow_provider_versioned.rollout.moves import (
        PromoteCanaryOperator,
        RollBackPromotionOperator,
        ShiftWeightOperator,
    )
    from airflow_provider_versioned.rollout.outcome_judge import OutcomeJudge
    from airflow_provider_versioned.rollout.start import StartRolloutOperator
    from airflow_provider_versioned.rollout.steps import exponential, linear
    from airflow_provider_versioned.rollout.verdict import CanaryStep, Judgement, Verdict

_HOME = {
    "AbortRolloutOfRun": "abandoned",
    "AbortRolloutOperator": "ending",
    "AbortStaleRolloutsOperator": "abandoned",
    "BakeOperator": "check",
    "CanaryStep": "verdict",
    "CheckCanaryOperator": "check",
    "Consequence": "consequences",
    "Consequences": "consequences",
    "FailUnlessPromotedOperator": "ending",
    "Judgement": "verdict",
    "OutcomeJudge": "outcome_judge",
    "PromoteCanaryOperator": "moves",
    "RollBackPromotionOperator": "moves",
    "ShiftWeightOperator": "moves",
    "StartRolloutOperator": "start",
    "Verdict": "verdict",
    "all_of": "combining",
    "exponential": "steps",
    "linear": "steps",
    "staged_promotion": "group",
}

__all__ = [
    "AbortRolloutOfRun",
    "AbortRolloutOperator",
    "AbortStaleRolloutsOperator",
    "BakeOperator",
    "CanaryStep",
    "CheckCanaryOperator",
    "Consequence",
    "Consequences",
    "FailUnlessPromotedOperator",
    "Judgement",
    "OutcomeJudge",
    "PromoteCanaryOperator",
    "RollBackPromotionOperator",
    "ShiftWeightOperator",
    "StartRolloutOperator",
    "Verdict",
    "all_of",
    "exponential",
    "linear",
    "staged_promotion",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module, so that judges can be used where there is no Airflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
