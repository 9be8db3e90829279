"""What follows from each verdict of a check. Pure: no Airflow, no AWS."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.verdict import Verdict


class Consequence(StrEnum):
    """What a rollout does next.

    Attributes:
        GO_ON: To the next step.
        WAIT: Ask the check again, after ``check_interval``, until ``check_timeout``.
        ASK: Freeze, and let a person decide.
        FREEZE: Leave the alias as it is until somebody unfreezes the rollout; then the check is asked again.
        ROLL_BACK: Drop the canary, and end.
    """

    GO_ON = "go_on"
    WAIT = "wait"
    ASK = "ask"
    FREEZE = "freeze"
    ROLL_BACK = "roll_back"


@dataclass(frozen=True)
class Consequences:
    """One consequence for each verdict; given by name or as :class:`Consequence`.

    Args:
        timeout: What follows when waiting was in vain; None: what follows from failure.

    Raises:
        InvalidInputError: One is not known, or waiting would never end: success or timeout that waits.
    """

    success: Consequence | str = Consequence.GO_ON
    failure: Consequence | str = Consequence.ROLL_BACK
    inconclusive: Consequence | str = Consequence.WAIT
    error: Consequence | str = Consequence.WAIT
    timeout: Consequence | str | None = None

    def __post_init__(self) -> None:
        for verdict in (*Verdict, "timeout"):
            given = getattr(self, verdict)
            if verdict == "timeout" and given is None:
                continue
            if given not in set(Consequence):
                raise InvalidInputError(
                    f"The consequence of {verdict} must be one of {', '.join(Consequence)}, got {given!r}."
                )
            object.__setattr__(self, verdict, Consequence(given))
        if Consequence.WAIT in {self.success, self.timeout}:
            raise InvalidInputError(
                "The consequence of success and timeout must not be wait: the rollout would never go on."
            )

    def of(self, verdict: Verdict) -> Consequence:
        """Return what follows from a verdict."""
        return Consequence(getattr(self, verdict))

    @property
    def in_vain(self) -> Consequence:
        """What follows when the check was asked again and again and never could tell."""
        last = self.failure if self.timeout is None else self.timeout
        return Consequence.ROLL_BACK if last == Consequence.WAIT else Consequence(last)
