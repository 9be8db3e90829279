"""What a check is told about a step, and what its answer means. Pure: no Airflow, no AWS.

A judge is anything that takes a :class:`CanaryStep` and answers with something that :func:`judge` understands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from airflow_provider_versioned.repository.errors import VersionedError
from airflow_provider_versioned.repository.verdict import Judgement, Verdict

__all__ = ["CanaryStep", "Judgement", "Verdict", "VerdictError", "judge"]


@dataclass(frozen=True)
class CanaryStep:
    """Where a rollout stands while a check looks at it.

    Args:
        stable: The version that the alias had before, and goes back to when a check fails.
        canary: The version that is being tried.
        weight: Share of the canary in whole percent.
        rollout: Id of the rollout.
        since: When the canary was given this weight.
        attempt: Which try of the rollout's first task began it: more than 1 when somebody had it begin anew.
    """

    name: str
    alias: str
    stable: str
    canary: str
    weight: int
    rollout: str
    since: datetime
    attempt: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON-able values."""
        return {**asdict(self), "since": self.since.isoformat()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> CanaryStep:
        """Rebuild a step from :meth:`to_dict`; other keys are ignored."""
        facts = {key: stored[key] for key in cls.__dataclass_fields__ if key in stored}
        return cls(**{**facts, "since": datetime.fromisoformat(facts["since"])})


class VerdictError(VersionedError):
    """A check did not say success, or said nothing that can be understood."""


def judge(answer: Any) -> Judgement:
    """Understand a check's answer.

    That is a :class:`Judgement`, a :class:`Verdict` or its name, True (success) or False (failure), or a pair of one of
    these and a mapping of numbers. A check that answers nothing has not said success: None is an error.

    Raises:
        VerdictError: The answer is none of these.
    """
    match answer:
        case Judgement():
            return answer
        case {"verdict": verdict}:
            detail = answer.get("detail")
            return Judgement(
                _verdict(verdict), dict(detail) if isinstance(detail, Mapping) else {}, answer.get("reason")
            )
        case (verdict, Mapping() as detail):
            return Judgement(_verdict(verdict), dict(detail))
        case verdict:
            return Judgement(_verdict(verdict))


def _verdict(answer: Any) -> Verdict:
    if type(answer).__module__ == "numpy" and hasattr(answer, "item"):
        answer = answer.item()  # a comparison of numpy numbers gives numpy's own bool
    if isinstance(answer, bool):
        return Verdict.SUCCESS if answer else Verdict.FAILURE
    if isinstance(answer, str) and answer in set(Verdict):
        return Verdict(answer)
    raise VerdictError(
        f"The check answered {answer!r}; it must answer True, False, one of {', '.join(Verdict)}, or a pair of that "
        "and a mapping of numbers."
    )
