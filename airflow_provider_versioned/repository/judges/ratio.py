"""Whether the canary has the share of outcomes that its weight promises.

If it has not, consumers do not route as they should, or one side loses reports (say, because a canary that dies does
not report), and no comparison of rates can be trusted. Under the null each outcome is the canary's with a probability
of its weight, so a mixture over other shares, divided by the likelihood of that one, is a test martingale: valid at
every look. M. Lindon, A. Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022, arXiv:2011.03567.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.judges.base import demand_share
from airflow_provider_versioned.repository.judges.sequential import readable
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.outcomes.facts import Evidence

_CONCENTRATION = 20.0  # of the mixture around the weight: as if 20 outcomes had been seen


@dataclass(frozen=True)
class SampleRatio:
    """Says error when the canary's share of outcomes does not fit its weight, success otherwise.

    Outcomes without a weight (a version alone, a side chosen by hand) and at weight 0 do not count.

    Args:
        alpha: Where the share is as promised, error is ever said with at most this probability.
        tolerance: By which factor the odds of the canary may differ from the promised ones. 1: not at all, right for
            keys that make few requests each. Where few keys make most of the requests, the share of requests is a
            matter of chance: 3 allows 1.7 % to 14 % at a weight of 5 %.

    Raises:
        InvalidInputError: An argument is out of its range.
    """

    alpha: float = 0.001
    tolerance: float = 1.0

    def __post_init__(self) -> None:
        demand_share("alpha", self.alpha)
        if not 1 <= self.tolerance < math.inf:
            raise InvalidInputError(f"tolerance must be 1 or more, got {self.tolerance!r}.", tolerance=self.tolerance)

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge."""
        logarithm, shares = 0.0, {}
        for weight, block in evidence.by_weight.items():
            if weight:
                canary, stable = block.canary.count, block.stable.count
                logarithm += log_mixture(canary, stable, weight / 100, self.tolerance)
                shares[f"{weight} %"] = f"{canary} of {canary + stable}"
        detail = {"canary_outcomes": shares, "e_value": readable(logarithm), "alpha": self.alpha}
        if logarithm >= -math.log(self.alpha):
            seen = ", ".join(f"{share} at {weight}" for weight, share in shares.items())
            reason = f"the canary's share of outcomes does not fit its weight ({seen}), so nothing can be compared"
            return Judgement(Verdict.ERROR, detail, reason)
        return Judgement(Verdict.SUCCESS, detail, "the canary's share of outcomes fits its weight")


def log_mixture(canary: int, stable: int, share: float, tolerance: float) -> float:
    """Return the logarithm of the e-value against "the canary's odds are within a factor of its share's"."""
    a, b = _CONCENTRATION * share, _CONCENTRATION * (1 - share)
    mixture = _log_beta(a + canary, b + stable) - _log_beta(a, b)
    likeliest = min(max(canary / max(canary + stable, 1), _at_odds(share, 1 / tolerance)), _at_odds(share, tolerance))
    return mixture - canary * math.log(likeliest) - stable * math.log(1 - likeliest)


def _at_odds(share: float, factor: float) -> float:
    return factor * share / (1 - share + factor * share)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
