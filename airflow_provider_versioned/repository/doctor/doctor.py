"""The doctor: verifies a repository that goes on changing, and repairs what is safe to repair.

Nothing that is read is a snapshot, and a publisher at work looks like one that died. So an artifact is read until two
readings in a row agree: a case counts when the same items and objects led to it both times. Every write changes a
revision, hence what agrees was so in between, and was no work in progress. What is meant to take a while (a claim, an
announced write, a purge) is left alone until it is old.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.doctor.diagnosis import diagnose, diagnose_repository
from airflow_provider_versioned.repository.doctor.findings import Repair

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_versioned.repository.doctor.cases import Case
    from airflow_provider_versioned.repository.doctor.examination import Examiner
    from airflow_provider_versioned.repository.doctor.findings import Finding
    from airflow_provider_versioned.repository.doctor.remedies import Remedies

log = logging.getLogger(__name__)
_LOOKS = 5  # after the first
_Cases = dict[tuple[str, str, str], "Case"]


class Doctor:
    """Verifies and repairs any artifact, or all of them."""

    def __init__(self, examiner: Examiner, remedies: Remedies) -> None:
        self._examiner = examiner
        self._remedies = remedies

    def verify(self, name: str | None, before: datetime, *, read_content: bool) -> Iterator[Finding]:
        """Yield what is wrong; writes nothing."""
        for _, cases in self._rounds(name, before, read_content=read_content):
            for case in cases:
                yield case.finding

    def repair(self, name: str | None, before: datetime) -> Iterator[Repair]:
        """Repair artifact by artifact what is safe; yield what became of each finding."""
        for artifact, cases in self._rounds(name, before):
            safe = [case for case in cases if case.finding.repairable]
            tried = self._remedies.attempt(artifact, safe) if artifact is not None and safe else []
            left = self._look(artifact, before, cases).keys() if artifact is not None and tried else set()
            for case, said in tried:
                yield _outcome(case, said, done=case.key not in left)
            for case in cases:
                if not case.finding.repairable:
                    yield Repair(case.finding, done=False, said=case.finding.advice)

    def _rounds(
        self, name: str | None, before: datetime, *, read_content: bool = False
    ) -> Iterator[tuple[str | None, list[Case]]]:
        if name is not None:
            yield name, self._confirmed(name, before, read_content=read_content)
            return
        census = self._examiner.census()
        strange = {"items": census.strange_items, "objects": census.strange_objects}
        yield None, list(diagnose_repository(marked=census.marked, **strange))
        for found in census.names:
            yield found, self._confirmed(found, before, read_content=read_content)

    def _confirmed(self, name: str, before: datetime, *, read_content: bool) -> list[Case]:
        """Read an artifact until two readings in a row agree on every case."""
        confirmed: _Cases = {}
        found = self._look(name, before, None, read_content=read_content)
        for _ in range(_LOOKS):
            if found.keys() <= confirmed.keys():
                return list(confirmed.values())
            earlier, found = found, self._look(name, before, found.values(), read_content=read_content)
            confirmed |= {key: case for key, case in found.items() if earlier.get(key) == case}
        log.info("Verifying %r: %d suspicions changed at every look", name, len(found.keys() - confirmed.keys()))
        return list(confirmed.values())

    def _look(
        self, name: str, before: datetime, earlier: Iterable[Case] | None, *, read_content: bool = False
    ) -> _Cases:
        """Read an artifact and judge it; after the first time only what looked wrong is looked at closely."""
        only = None if earlier is None else frozenset(case.record.sk for case in earlier if case.record is not None)
        facts = self._examiner.examine(name, only=only, read_content=read_content)
        return {case.key: case for case in diagnose(facts, before)}


def moment_before(older_than_secs: float) -> datetime:
    """Return the moment so long ago; one before the calendar is its beginning."""
    try:
        return datetime.now(UTC) - timedelta(seconds=older_than_secs)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _outcome(case: Case, said: str, *, done: bool) -> Repair:
    if done:
        return Repair(case.finding, done=True, said=f"{said} The finding is gone.")
    return Repair(case.finding, done=False, said=f"{said} The finding is still there, or there again.")
