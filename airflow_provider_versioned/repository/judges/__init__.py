"""Judges: from what was reported of a canary and of the stable version to a verdict. Pure: no AWS, no Airflow.

Each judge is a frozen value with a method ``judge(evidence) -> Judgement``. Several are put together by
:func:`combined`; :class:`DryRun` lets one report without deciding.
"""

from __future__ import annotations

from airflow_provider_versioned.repository.judges.base import DryRun, Judge, combined, worst
from airflow_provider_versioned.repository.judges.metric import MetricComparison
from airflow_provider_versioned.repository.judges.ratio import SampleRatio
from airflow_provider_versioned.repository.judges.sequential import SequentialTest
from airflow_provider_versioned.repository.judges.threshold import Threshold

__all__ = ["DryRun", "Judge", "MetricComparison", "SampleRatio", "SequentialTest", "Threshold", "combined", "worst"]
