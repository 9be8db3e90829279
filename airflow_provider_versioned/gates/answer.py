"""What a person answered: which option, who, when, with which words. Pure: no Airflow, no AWS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

COMMENT = "comment"  # the field of the form that a person may fill
NOBODY = "nobody (the time to answer was over)"


@dataclass(frozen=True)
class Answer:
    """An answer.

    Attributes:
        by: Name of the person, with the user's id where that is another.
        at: ISO 8601.
    """

    option: str
    by: str
    at: str
    comment: str | None = None

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Answer:
        """Read the event with which Airflow resumes a task that asked."""
        [option] = event["chosen_options"]
        at = event["responded_at"]
        said = (event.get("params_input") or {}).get(COMMENT)
        return cls(
            option,
            _person(event.get("responded_by_user")),
            at.isoformat() if isinstance(at, datetime) else str(at),
            str(said).strip() or None if said is not None else None,
        )

    @property
    def approval(self) -> dict[str, Any]:
        """What the alias's history keeps of it."""
        return {"approved_by": self.by, "approved_at": self.at, "comment": self.comment}

    def __str__(self) -> str:
        """Say it in words."""
        return f"{self.by} chose {self.option!r}" + (f": {self.comment}" if self.comment else "")


def _person(user: Mapping[str, Any] | None) -> str:
    if user is None:
        return NOBODY
    name, user_id = str(user.get("name") or ""), str(user.get("id") or "")
    return f"{name} ({user_id})" if name and user_id and name != user_id else name or user_id or "somebody"
