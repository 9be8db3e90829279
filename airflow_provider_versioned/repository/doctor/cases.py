"""A finding of the doctor together with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.doctor.findings import Finding, Problem

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.doctor.facts import AliasFacts, ObjectFacts, Record


@dataclass(frozen=True)
class Case:
    """A finding, and what was read that led to it; two cases are equal when both are.

    Attributes:
        highest: Stored form of the highest number that has a record, where that matters.
        counter: The counter, where that matters.
    """

    finding: Finding
    record: Record | None = None
    content: ObjectFacts | None = None
    alias: AliasFacts | None = None
    highest: str | None = None
    counter: int | None = None

    @classmethod
    def of(
        cls,
        problem: Problem,
        name: str | None,
        where: str,
        message: str,
        advice: str,
        *,
        repairable: bool = False,
        record: Record | None = None,
        content: ObjectFacts | None = None,
        alias: AliasFacts | None = None,
        highest: str | None = None,
        counter: int | None = None,
    ) -> Case:
        """Put a case together."""
        finding = Finding(name, where, problem, message, repairable, advice)
        return cls(finding, record, content, alias, highest, counter)

    @property
    def key(self) -> tuple[str, str, str]:
        """What tells it from other cases of the same artifact."""
        return self.finding.problem, self.finding.where, self.finding.message
