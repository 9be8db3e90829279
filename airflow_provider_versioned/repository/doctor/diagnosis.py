"""The doctor's rules: from what was read of one artifact to what is wrong with it.

Pure. A case is a finding with the evidence for it: the very items and objects that a rule looked at. What was read is
no snapshot, so a case counts only when a second reading gives the same case with the same evidence. Here are the rules
for what has no record; those for versions and LATEST are in
:mod:`~airflow_provider_versioned.repository.doctor.record_rules`, those for aliases in
:mod:`~airflow_provider_versioned.repository.doctor.alias_rules`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.doctor import alias_rules, record_rules
from airflow_provider_versioned.repository.doctor.cases import Case
from airflow_provider_versioned.repository.doctor.facts import (
    GHOST,
    ArtifactFacts,
    ObjectFacts,
    Record,
    Strays,
)
from airflow_provider_versioned.repository.doctor.findings import Problem
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.keys import COUNTER, decode_version, is_version_sk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime


def diagnose(facts: ArtifactFacts, before: datetime) -> Iterator[Case]:
    """Find everything that is wrong with an artifact.

    Args:
        before: What was begun after this moment is taken to be still under way.
    """
    for sk, record in facts.records.items():
        there = facts.objects.get(sk)
        if record.wrong:
            yield record_rules.unreadable(facts, record)
        elif record.state == GHOST:
            yield _ghost(facts, record, there)
        elif sk == LATEST:
            yield from record_rules.diagnose_latest(facts, record, there, before)
        else:
            yield from record_rules.diagnose_number(facts, record, there, before)
    yield from _ownerless(facts)
    yield from alias_rules.diagnose_aliases(facts)
    yield from _counter(facts)
    yield from _strange(facts)


# -- ghosts and objects without a record -----------------------------------------------------------------------------


def _ghost(facts: ArtifactFacts, record: Record, there: ObjectFacts | None) -> Case:
    message = (
        "There should be no item for what never existed, but `versioned` left the mark of a deletion"
        f"{', and an object stands there without a record' if there else ''}."
    )
    advice = "repair removes the mark."
    if there is not None:
        advice = f"Look at the object {there.key!r}; when nobody needs it, delete it by hand, then repair."
    elif not is_version_sk(record.sk):
        advice = "repair removes the mark, over which `versioned` fails to publish."
    return Case.of(
        Problem.GHOST,
        facts.name,
        decode_version(record.sk),
        message,
        advice,
        repairable=there is None,
        record=record,
        content=there,
        highest=facts.highest,
        counter=facts.counter,
    )


def _ownerless(facts: ArtifactFacts) -> Iterator[Case]:
    foreign = facts.strange_objects
    for sk, there in facts.objects.items():
        if sk in facts.records or not there.described:
            continue
        if there.artifact_name != facts.name:
            foreign = foreign.with_one(there.key)
            continue
        advice = f"sweep_artifact({facts.name!r}) removes it once it is older than a safety age."
        if sk == LATEST:
            advice = "repair writes the record that the object's own metadata describes."
        yield Case.of(
            Problem.BYTES_WITHOUT_RECORD,
            facts.name,
            decode_version(sk),
            f"There should be a record of the object {there.key!r}, whose metadata names this artifact, but there is "
            "none: a publisher or put of `versioned` died before it wrote it, or somebody removed it.",
            advice,
            repairable=sk == LATEST,
            content=there,
        )
    if foreign.count:
        yield _foreign(Problem.FOREIGN_OBJECTS, facts.name, "objects in its folder", foreign)


# -- the rest --------------------------------------------------------------------------------------------------------


def _counter(facts: ArtifactFacts) -> Iterator[Case]:
    highest = int(facts.highest or 0)
    if facts.counter_wrong:
        message = "The counter should be a number, but cannot be read; publishing fails."
        advice = f"Set the attribute highest of the item 'counter' to {highest} or more by hand."
        yield Case.of(Problem.RECORD_UNREADABLE, facts.name, COUNTER, message, advice)
    elif highest > (facts.counter or 0):
        missing = facts.counter is None
        yield Case.of(
            Problem.COUNTER_MISSING if missing else Problem.COUNTER_LOW,
            facts.name,
            COUNTER,
            f"The counter should be at {highest}, the highest number given, but "
            f"{'is missing' if missing else f'is at {facts.counter}'}.",
            f"repair raises it to {highest}.",
            repairable=True,
            highest=facts.highest,
            counter=facts.counter,
        )


def _strange(facts: ArtifactFacts) -> Iterator[Case]:
    if facts.strange_items.count:
        yield _foreign(Problem.FOREIGN_ITEMS, facts.name, "items in its partitions", facts.strange_items)


def _foreign(problem: Problem, name: str, what: str, strays: Strays) -> Case:
    return Case.of(
        problem,
        name,
        strays.first[0],
        f"There should be no {what} that are not the artifact's, but there are {strays}.",
        "Nothing here touches them; see whose they are.",
    )


def diagnose_repository(*, marked: bool, items: Strays, objects: Strays) -> Iterator[Case]:
    """Find what is wrong beside the artifacts."""
    if not marked:
        yield Case.of(
            Problem.MARKER_MISSING,
            None,
            "marker",
            "The table should say which bucket, prefix and suffix it serves, but does not, so another repository "
            "could write into it.",
            "Call bootstrap() once.",
        )
    for problem, what, strays in (
        (Problem.FOREIGN_ITEMS, "items in the table", items),
        (Problem.FOREIGN_OBJECTS, "objects under the prefix", objects),
    ):
        if strays.count:
            yield Case.of(
                problem,
                None,
                strays.first[0],
                f"There should be no {what} that belong to no artifact, but there are {strays}.",
                "Nothing here touches them; see whose they are.",
            )
