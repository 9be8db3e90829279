"""A comparison of a numeric metric by ranks (Mann-Whitney), which assumes no distribution and minds no outlier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.judges.base import demand_count, demand_share
from airflow_provider_versioned.repository.outcomes.facts import MetricFacts
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.outcomes.facts import Evidence


@dataclass(frozen=True)
class MetricComparison:
    """Says failure when a metric of the canary is worse than the stable version's, else success.

    Compares the samples of both at this weight by a one-sided Mann-Whitney test. Unlike the sequential test it is not
    valid at every look: say by ``looks`` how often it may be asked. Needs scipy:
    ``pip install 'airflow-provider-versioned[stats]'``.

    Args:
        metric: Name under which it is reported.
        worse: Whether ``higher`` values are worse (a latency) or ``lower`` ones (a score).
        alpha: A canary as good as the stable version is called a failure with at most this probability in all looks.
        looks: How often the judge may be asked in a rollout: steps times tries; ``alpha`` is divided by it.
        min_effect: Of all pairs of a canary's and a stable version's value, the share in which the canary's is worse
            must be at least this, so that a difference that nobody would notice is no failure; 0.5: any difference.
        min_samples: Values of each side before a verdict.

    Raises:
        InvalidInputError: An argument is out of its range.
    """

    metric: str
    worse: Literal["higher", "lower"]
    alpha: float = 0.05
    looks: int = 10
    min_effect: float = 0.5
    min_samples: int = 30

    def __post_init__(self) -> None:
        demand_share("alpha", self.alpha)
        demand_share("min_effect", self.min_effect)
        demand_count("looks", self.looks)
        demand_count("min_samples", self.min_samples)
        if self.worse not in {"higher", "lower"}:
            raise InvalidInputError(f"worse must be 'higher' or 'lower', got {self.worse!r}.", worse=self.worse)

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge.

        Raises:
            InvalidInputError: scipy is not installed.
        """
        stable = evidence.stable_metrics.get(self.metric, MetricFacts())
        canary = evidence.canary_metrics.get(self.metric, MetricFacts())
        detail: dict[str, Any] = {
            "metric": self.metric,
            "stable": {"count": stable.count, "mean": stable.mean},
            "canary": {"count": canary.count, "mean": canary.mean},
        }
        if min(stable.count, canary.count) < self.min_samples:
            reason = (
                f"{self.min_samples} values of {self.metric} are needed of each side, there are {canary.count} of the "
                f"canary and {stable.count} of the stable version"
            )
            return Judgement(Verdict.INCONCLUSIVE, detail, reason)
        p_value, effect = self._compare(canary.sample, stable.sample)
        limit = self.alpha / self.looks
        detail |= {"p_value": p_value, "effect": effect, "limit": limit}
        seen = f"{self.metric} of the canary is {self.worse} in {effect:.0%} of pairs (p={p_value:.2g})"
        failed = p_value <= limit and effect >= self.min_effect
        return Judgement(Verdict.FAILURE if failed else Verdict.SUCCESS, detail, seen)

    def _compare(self, canary: tuple[float, ...], stable: tuple[float, ...]) -> tuple[float, float]:
        try:
            from scipy.stats import mannwhitneyu  # noqa: PLC0415 -- optional, and slow to load
        except ImportError as error:
            raise InvalidInputError(
                "MetricComparison needs scipy, which is not installed; install airflow-provider-versioned[stats]."
            ) from error
        alternative = "greater" if self.worse == "higher" else "less"
        result = mannwhitneyu(canary, stable, alternative=alternative)
        larger = float(result.statistic) / (len(canary) * len(stable))
        return float(result.pvalue), larger if self.worse == "higher" else 1 - larger
