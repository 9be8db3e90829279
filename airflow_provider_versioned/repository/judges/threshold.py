"""A plain limit on the canary's failure rate. No test: chance is kept out by ``min_samples`` alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.judges.base import demand_count, describe, too_few
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.outcomes.facts import Block, Evidence


@dataclass(frozen=True)
class Threshold:
    """Says failure when the canary's failure rate at this weight is above any of the limits given, else success.

    Inconclusive while the canary (and the stable version, where a limit is relative to it) has fewer than
    ``min_samples`` outcomes at this weight.

    Args:
        max_failure_rate: Limit of its own: 0.02.
        max_increase: Limit relative to the stable version, as a difference of rates.
        max_ratio: Limit relative to the stable version, as a factor; a single failure is above it where the stable
            version has none.
        min_samples: Outcomes before a verdict.

    Raises:
        InvalidInputError: No limit is given, or one out of its range.
    """

    max_failure_rate: float | None = None
    max_increase: float | None = None
    max_ratio: float | None = None
    min_samples: int = 50

    def __post_init__(self) -> None:
        demand_count("min_samples", self.min_samples)
        limits = {
            "max_failure_rate": self.max_failure_rate,
            "max_increase": self.max_increase,
            "max_ratio": self.max_ratio,
        }
        given = {what: limit for what, limit in limits.items() if limit is not None}
        if not given:
            raise InvalidInputError(f"Give at least one of {', '.join(limits)}.")
        for what, limit in given.items():
            highest = float("inf") if what == "max_ratio" else 1.0
            if isinstance(limit, bool) or not 0 <= limit < highest:
                raise InvalidInputError(f"{what} must be from 0 to below {highest:g}, got {limit!r}.", what=what)

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge."""
        here = evidence.at_weight
        detail: dict[str, Any] = {"canary": describe(here.canary)}
        counts = {"canary": here.canary.count}
        if self.max_increase is not None or self.max_ratio is not None:
            detail["stable"] = describe(here.stable)
            counts["stable"] = here.stable.count
        short = too_few(self.min_samples, **counts)
        if short:
            return Judgement(Verdict.INCONCLUSIVE, detail, short)
        limits = self._limits(here)
        rate = here.canary.failure_rate
        above = [f"{limit:.4g} ({what})" for what, limit in limits.items() if rate > limit]
        if above:
            return Judgement(Verdict.FAILURE, detail, f"the canary fails at {rate:.4g}, above {', '.join(above)}")
        return Judgement(Verdict.SUCCESS, detail, f"the canary fails at {rate:.4g}, within every limit")

    def _limits(self, here: Block) -> dict[str, float]:
        stable = here.stable.failure_rate
        limits = {
            "max_failure_rate": self.max_failure_rate,
            "max_increase": None if self.max_increase is None else stable + self.max_increase,
            "max_ratio": None if self.max_ratio is None else stable * self.max_ratio,
        }
        return {what: limit for what, limit in limits.items() if limit is not None}
