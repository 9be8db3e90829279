"""Gates: a person, or an alarm, decides whether an alias is moved.

Loaded on first use: a Dag file that has no gate pays for none.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_versioned.gates.alarms import CloudWatchAlarmJudge
    from airflow_provider_versioned.gates.approval import ApprovePromotionOperator
    from airflow_provider_versioned.gates.ask import AskOperator
    from airflow_provider_versioned.gates.control import RolloutControlOperator

_HOME = {
    "ApprovePromotionOperator": "approval",
    "AskOperator": "ask",
    "CloudWatchAlarmJudge": "alarms",
    "RolloutControlOperator": "control",
}

__all__ = ["ApprovePromotionOperator", "AskOperator", "CloudWatchAlarmJudge", "RolloutControlOperator"]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
