"""Moving an alias to a new version in stages, with a check between the stages and a rollback when one fails.

:func:`staged_promotion` makes the task group; the rest is what a check is given and what it answers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.rollout.combining import all_of
    from airflow_provider_versioned.rollout.consequences import Consequence, Consequences
    from airflow_provider_versioned.rollout.group import staged_promotion
    from airflow_provider_versioned.rollout.outcome_judge import OutcomeJudge
    from airflow_provider_versioned.rollout.verdict import CanaryStep, Judgement, Verdict

_HOME = {
    "CanaryStep": "verdict",
    "Consequence": "consequences",
    "Consequences": "consequences",
    "Judgement": "verdict",
    "OutcomeJudge": "outcome_judge",
    "Verdict": "verdict",
    "all_of": "combining",
    "staged_promotion": "group",
}

__all__ = [
    "CanaryStep",
    "Consequence",
    "Consequences",
    "Judgement",
    "OutcomeJudge",
    "Verdict",
    "all_of",
    "staged_promotion",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module, so that judges can be used where there is no Airflow."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
