"""What every judge is, how several agree, and how one is tried without consequences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_versioned.repository.outcomes.facts import Counts, Evidence

_WORST_FIRST = (Verdict.FAILURE, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.SUCCESS)


class Judge(Protocol):
    """Anything that turns evidence into a judgement."""

    def judge(self, evidence: Evidence) -> Judgement:
        """Judge."""


@dataclass(frozen=True)
class DryRun:
    """Lets a judge report what it would have said, and always says success itself.

    Args:
        tried: The judge that is being tried.
    """

    tried: Judge

    def judge(self, evidence: Evidence) -> Judgement:
        """Report."""
        would = self.tried.judge(evidence)
        return Judgement(Verdict.SUCCESS, {"dry_run": would.to_dict()}, f"dry run, would have said {would.verdict}")


def combined(judges: Sequence[Judge], evidence: Evidence) -> Judgement:
    """Ask several judges; the worst verdict counts: failure, then error, inconclusive, success.

    The detail holds each judge's own, by its class's name; the reason is that of the first with the worst verdict.

    Raises:
        InvalidInputError: There is no judge.
    """
    if not judges:
        raise InvalidInputError("At least one judge must be given.")
    return worst([(type(judge).__name__, judge.judge(evidence)) for judge in judges])


def worst(named: Sequence[tuple[str, Judgement]]) -> Judgement:
    """Put judgements together as :func:`combined` does; each comes with the name that its detail gets."""
    judgement = min((one for _, one in named), key=lambda one: _WORST_FIRST.index(one.verdict))
    detail: dict[str, Any] = {}
    for name, one in named:
        detail[_free_name(name, detail)] = one.to_dict()
    return Judgement(judgement.verdict, detail, judgement.reason)


def _free_name(name: str, taken: dict[str, Any]) -> str:
    again = sum(other.partition(" ")[0] == name for other in taken)
    return f"{name} {again + 1}" if again else name


def describe(counts: Counts) -> dict[str, Any]:
    """Return the numbers of one side for a judgement's detail."""
    return {"count": counts.count, "failures": counts.failures, "failure_rate": round(counts.failure_rate, 6)}


def too_few(min_samples: int, **sides: int) -> str | None:
    """Return a sentence when a side has fewer than ``min_samples``, else None."""
    short = [f"{count} of the {side}" for side, count in sides.items() if count < min_samples]
    return f"{min_samples} outcomes are needed at this weight, there are {' and '.join(short)}" if short else None


def demand_share(what: str, value: float) -> None:
    """Demand a number between 0 and 1, both excluded.

    Raises:
        InvalidInputError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise InvalidInputError(f"{what} must be between 0 and 1, got {value!r}.", what=what)


def demand_count(what: str, value: int) -> None:
    """Demand a whole number of 1 or more.

    Raises:
        InvalidInputError: It is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InvalidInputError(f"{what} must be a whole number of 1 or more, got {value!r}.", what=what)
