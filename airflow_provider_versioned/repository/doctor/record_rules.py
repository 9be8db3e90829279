"""The doctor's rules for records: whether a version, or LATEST, is what its record and its object say. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.doctor.cases import Case
from airflow_provider_versioned.repository.doctor.facts import (
    CLAIMED,
    DELETED,
    LIVE,
    PURGING,
    ArtifactFacts,
    ObjectFacts,
    Record,
)
from airflow_provider_versioned.repository.doctor.findings import Problem
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.keys import decode_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

_PUBLISH_AGAIN = (
    "Put the object back from a backup; or move aliases away, delete_artifact_version, and publish the content again."
)


def unreadable(facts: ArtifactFacts, record: Record) -> Case:
    """Say that a record cannot be read, whatever else it may be."""
    return Case.of(
        Problem.RECORD_UNREADABLE,
        facts.name,
        decode_version(record.sk),
        f"Attributes should have the types of the stored format, but {', '.join(record.wrong)} cannot be read.",
        f"Mend the item {record.sk!r} under pk {facts.name!r} by hand; while it is so, listing the versions fails.",
        record=record,
    )


def diagnose_number(
    facts: ArtifactFacts, record: Record, there: ObjectFacts | None, before: datetime
) -> Iterator[Case]:
    """Find what is wrong with a numbered version."""
    if record.state == CLAIMED:
        yield from _claim(facts, record, before)
    elif record.state == PURGING:
        yield from _purge(facts, record, there, before)
    else:
        yield from _record(facts, record, there)


def _claim(facts: ArtifactFacts, record: Record, before: datetime) -> Iterator[Case]:
    if record.written_at is None or record.written_at <= before:
        since = f"since {record.written_at:%Y-%m-%d %H:%M:%S}Z" if record.written_at else "for an unknown time"
        yield Case.of(
            Problem.STUCK_CLAIM,
            facts.name,
            decode_version(record.sk),
            f"A claimed number should be published soon, but its publisher has not come back {since}.",
            f"Repeat the publisher's call with its key, or sweep_artifact({facts.name!r}) to give the number up.",
            record=record,
        )


def _purge(facts: ArtifactFacts, record: Record, there: ObjectFacts | None, before: datetime) -> Iterator[Case]:
    """A purge under way looks like one that died; what is left in the end has neither date nor bytes."""
    if record.written_at is not None and record.written_at > before:
        return
    if record.has_deletion_date or there is not None:
        left = "its bytes and its record are" if there is not None else "its record is"
        yield Case.of(
            Problem.UNFINISHED_PURGE,
            facts.name,
            decode_version(record.sk),
            f"A version that is being purged should be gone soon, but {left} left by a purge that died.",
            "repair removes what is left.",
            repairable="/" not in facts.name,
            record=record,
            content=there,
            highest=facts.highest,
        )


def _record(facts: ArtifactFacts, record: Record, there: ObjectFacts | None) -> Iterator[Case]:
    """Compare a version that is live, or that can be restored, with its object."""
    if record.lacking:
        yield _incomplete(facts, record, there)
    if there is None:
        if record.state == LIVE or record.sha256 is not None:
            yield _without_bytes(facts, record)
    elif record.state == LIVE:
        yield from _against_object(facts, record, there)


def _incomplete(facts: ArtifactFacts, record: Record, there: ObjectFacts | None) -> Case:
    return Case.of(
        Problem.RECORD_INCOMPLETE,
        facts.name,
        decode_version(record.sk),
        f"A record should have sha256, is_deleted, and update_at in the one form that `versioned` reads, but "
        f"{' and '.join(record.lacking)} is missing or of another form.",
        "repair completes the record if the object's own metadata names artifact and digest and its bytes have it, "
        "and rewrites a time in another form; else mend the item by hand.",
        repairable=True,
        record=record,
        content=there,
    )


def _without_bytes(facts: ArtifactFacts, record: Record) -> Case:
    version = decode_version(record.sk)
    if record.state == DELETED:
        return Case.of(
            Problem.DELETED_WITHOUT_BYTES,
            facts.name,
            version,
            "A deleted version should keep its bytes until they are freed, but its object is missing, so restoring it "
            "would bring back a record without bytes.",
            f"Put the object back from a backup, or free_artifact_versions({facts.name!r}) to drop the record after "
            "its grace period.",
            record=record,
        )
    again = "Put the object back from a backup, or put_artifact again." if record.sk == LATEST else _PUBLISH_AGAIN
    return Case.of(
        Problem.RECORD_WITHOUT_BYTES,
        facts.name,
        version,
        f"There should be an object with sha256 {record.sha256}, but there is none.",
        again,
        record=record,
    )


def _against_object(facts: ArtifactFacts, record: Record, there: ObjectFacts) -> Iterator[Case]:
    problem = _difference(record, there)
    if problem is None:
        return
    message, advice = {
        Problem.CONTENT_MISMATCH: (
            f"The bytes should have sha256 {record.sha256}, but have {there.content_sha256}.",
            _PUBLISH_AGAIN,
        ),
        Problem.SIZE_MISMATCH: (
            f"The object should have {record.size} bytes, but has {there.size}.",
            _PUBLISH_AGAIN,
        ),
        Problem.SHA256_MISMATCH: (
            f"The object's metadata should name sha256 {record.sha256}, but names {there.sha256}.",
            f"Find out whose bytes they are with verify(read_content=True). {_PUBLISH_AGAIN}",
        ),
        Problem.METADATA_MISSING: (
            "The object's metadata should name its sha256, but does not: somebody wrote the object by other means.",
            f"If verify(read_content=True) finds the bytes right, {_copy_onto_itself(facts.name, record)}",
        ),
        Problem.ETAG_MISMATCH: (
            f"The object should have ETag {record.etag}, but has {there.etag}: somebody wrote it again.",
            f"repair notes the new ETag if the bytes have the record's sha256. {_PUBLISH_AGAIN}",
        ),
    }[problem]
    repairable = problem is Problem.ETAG_MISMATCH
    version = decode_version(record.sk)
    yield Case.of(problem, facts.name, version, message, advice, repairable=repairable, record=record, content=there)


def _copy_onto_itself(name: str, record: Record) -> str:
    return f"copy the object onto itself with metadata artifact_name={name} and artifact_sha256={record.sha256}."


def _difference(record: Record, there: ObjectFacts) -> Problem | None:
    """Return the gravest difference between a record and its object, as far as both say."""
    if _differ(record.sha256, there.content_sha256):
        return Problem.CONTENT_MISMATCH
    if _differ(record.size, there.size):
        return Problem.SIZE_MISMATCH
    if _differ(record.sha256, there.sha256):
        return Problem.SHA256_MISMATCH
    if there.described and there.sha256 is None:
        return Problem.METADATA_MISSING
    return Problem.ETAG_MISMATCH if _differ(record.etag, there.etag) else None


def _differ(recorded: str | int | None, found: str | int | None) -> bool:
    return recorded is not None and found is not None and recorded != found


# -- LATEST ----------------------------------------------------------------------------------------------------------


def diagnose_latest(
    facts: ArtifactFacts, record: Record, there: ObjectFacts | None, before: datetime
) -> Iterator[Case]:
    """Find what is wrong with LATEST, whose record and object no request changes together."""
    if record.pending is not None:
        yield from _pending(facts, record, there, before)
    elif record.state == PURGING:
        for case in _purge(facts, record, there, before):
            yield case if there is None else _purge_of_latest(facts, case)
    elif record.state != LIVE or there is None or not there.described or record.lacking:
        yield from _record(facts, record, there)
    elif record.etag not in {None, there.etag} or (record.etag is None and record.sha256 != there.sha256):
        yield Case.of(
            Problem.LATEST_APART,
            facts.name,
            LATEST,
            f"The record should say what the object is, but names sha256 {record.sha256} and ETag {record.etag}, while "
            f"the object has {there.sha256} and {there.etag}: a put died between the two, or somebody wrote the object "
            "by other means.",
            "repair makes the record say what the object is.",
            repairable=True,
            record=record,
            content=there,
        )
    else:
        yield from _against_object(facts, record, there)


def _purge_of_latest(facts: ArtifactFacts, case: Case) -> Case:
    """A put of the same content would leave the same ETag, so no condition tells that the object may go."""
    advice = f"Repeat purge_artifact({facts.name!r}) when nobody puts, or put_artifact to use the name again."
    return replace(case, finding=replace(case.finding, repairable=False, advice=advice))


def _pending(facts: ArtifactFacts, record: Record, there: ObjectFacts | None, before: datetime) -> Iterator[Case]:
    """A mark that is old was left by a writer that died; one on a LATEST that nobody sees matters to nobody."""
    if record.pending_since is not None and record.pending_since > before:
        return
    if not facts.is_visible(LATEST):
        return
    if there is None and not facts.is_visible(record.pending_version or ""):
        yield _without_bytes(facts, record)
        return
    since = f"{record.pending_since:%Y-%m-%d %H:%M:%S}Z" if record.pending_since else "an unknown time"
    yield Case.of(
        Problem.STALE_PENDING,
        facts.name,
        LATEST,
        f"An announced write should end soon, but its writer has not come back since {since}.",
        "repair finishes the write if it got as far as its bytes, and withdraws the announcement otherwise.",
        repairable=True,
        record=record,
        content=there,
    )
