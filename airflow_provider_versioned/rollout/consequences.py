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
        WAIT: Ask the check again.
        ASK: Let a person decide.
        FREEZE: Leave the alias as it is, and end.
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

    Raises:
        InvalidInputError: One is not known, or waiting would never end: success that waits.
    """

    success: Consequence | str = Consequence.GO_ON
    failure: Consequence | str = Consequence.ROLL_BACK
    inconclusive: Consequence | str = Consequence.WAIT
    error: Consequence | str = Consequence.WAIT

    def __post_init__(self) -> None:
        for verdict in Verdict:
            given = getattr(self, verdict)
            if given not in set(Consequence):
                raise InvalidInputError(
                    f"The consequence of {verdict} must be one of {', '.join(Consequence)}, got {given!r}."
                )
            object.__setattr__(self, verdict, Consequence(given))
        if self.success is Consequence.WAIT:
            raise InvalidInputError("The consequence of success must not be wait: the rollout would never go on.")

    def of(self, verdict: Verdict) -> Consequence:
        """Return what follows from a verdict."""
        return Consequence(getattr(self, verdict))
