"""What a judge answers: one of four verdicts, with the numbers and a sentence. Pure: no Airflow, no AWS."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Verdict(StrEnum):
    """The answer of a judge, and what a rollout makes of it unless told otherwise.

    Attributes:
        SUCCESS: Go on to the next step.
        FAILURE: Roll back.
        INCONCLUSIVE: Not enough to say; ask again as often as the task's retries allow, then roll back.
        ERROR: The check itself went wrong, or its numbers cannot be trusted; as inconclusive.
    """

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True)
class Judgement:
    """A verdict with what led to it, for the log and for whoever reads the run.

    Args:
        detail: JSON-able values.
        reason: One sentence for a person.
    """

    verdict: Verdict
    detail: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None

    def __str__(self) -> str:
        """Say it in one line."""
        facts = ", ".join(f"{key}={value}" for key, value in self.detail.items())
        sentence = f"{self.verdict}: {self.reason}" if self.reason else str(self.verdict)
        return f"{sentence} ({facts})" if facts else sentence

    def to_dict(self) -> dict[str, Any]:
        """Return the judgement as JSON-able values."""
        reason = {"reason": self.reason} if self.reason else {}
        return {"verdict": str(self.verdict), "detail": dict(self.detail), **reason}
