"""What the doctor does about a finding that is safe to repair: one conditional write, or one transaction.

Each write demands that what the finding rests on is still as it was read, so a repair that comes too late writes
nothing, and one that died is simply begun again. LATEST and what a purge left are put right by the protocols that
would have done it: :mod:`~airflow_provider_versioned.repository.latest` and
:mod:`~airflow_provider_versioned.repository.remains`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.doctor import alias_remedies
from airflow_provider_versioned.repository.doctor.findings import Problem
from airflow_provider_versioned.repository.doctor.reading import moment_of
from airflow_provider_versioned.repository.errors import ConflictError
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.items import PURGING, ArtifactItem, CounterItem, both, ghost
from airflow_provider_versioned.repository.keys import COUNTER, decode_version, is_version_sk, meta_pk
from airflow_provider_versioned.repository.remains import forgetting_latest
from airflow_provider_versioned.repository.revisions import new_revision
from airflow_provider_versioned.repository.table import Refused, Write, check, delete, put, update

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pynamodb.expressions.condition import Condition
    from pynamodb.expressions.update import Action

    from airflow_provider_versioned.repository.doctor.cases import Case
    from airflow_provider_versioned.repository.doctor.examination import Examiner
    from airflow_provider_versioned.repository.doctor.facts import AliasFacts, Record
    from airflow_provider_versioned.repository.latest import Latest
    from airflow_provider_versioned.repository.objects import Objects, Stored
    from airflow_provider_versioned.repository.remains import Remains
    from airflow_provider_versioned.repository.table import Table

_TOO_LATE = "Nothing was written: another process changed it in the same moment."


class _Unsure(Exception):  # noqa: N818 -- a signal inside this module, no error of ours
    """What would have to be known to repair it safely is not known."""


class Remedies:
    """Repairs findings of any artifact."""

    def __init__(self, table: Table, objects: Objects, latest: Latest, remains: Remains, examiner: Examiner) -> None:
        self._table = table
        self._objects = objects
        self._latest = latest
        self._remains = remains
        self._examiner = examiner
        # In the order in which to go: what one writes, a later one may demand to be unchanged.
        self._by_problem: dict[Problem, Callable[[str, str, Case], str]] = {
            Problem.STALE_PENDING: self._complete_latest,
            Problem.LATEST_APART: self._settle_latest,
            Problem.BYTES_WITHOUT_RECORD: self._settle_latest,
            Problem.RECORD_INCOMPLETE: self._complete_record,
            Problem.ETAG_MISMATCH: self._note_etag,
            Problem.ALIAS_UNREADABLE: self._mend_alias,
            Problem.STALE_REGISTRATION: self._mend_alias,
            Problem.ALIAS_UNREGISTERED: self._mend_alias,
            Problem.HEAD_MISSING: self._mend_alias,
            Problem.ALIAS_UNRECORDED: self._mend_alias,
            Problem.COUNTER_MISSING: self._raise_counter,
            Problem.COUNTER_LOW: self._raise_counter,
            Problem.UNFINISHED_PURGE: self._finish_purge_of_latest,
            Problem.GHOST: self._remove_ghost,
        }

    def attempt(self, name: str, cases: Sequence[Case]) -> list[tuple[Case, str]]:
        """Try to repair; return with each case what was done, or why nothing was."""
        asked = f"Repairing {name!r}"
        order = list(self._by_problem)
        cases = sorted(cases, key=lambda case: order.index(case.finding.problem))
        purges = [case for case in cases if _is_purge_of_a_number(case)]
        if purges:
            self._finish_purges(asked, name, purges)
        return [
            (case, "Removed what a purge had left." if case in purges else self._attempt(asked, name, case))
            for case in cases
        ]

    def _attempt(self, asked: str, name: str, case: Case) -> str:
        try:
            return self._by_problem[case.finding.problem](asked, name, case)
        except Refused:
            return _TOO_LATE
        except ConflictError as error:
            return error.message
        except _Unsure as unsure:
            return f"Nothing was written: {unsure} {case.finding.advice}"

    # -- LATEST ------------------------------------------------------------------------------------------------------

    def _complete_latest(self, asked: str, name: str, _case: Case) -> str:
        self._latest.complete(asked, name)
        return "Ended the write that its writer had announced."

    def _settle_latest(self, asked: str, name: str, _case: Case) -> str:
        self._latest.settle(asked, name)
        return "Made the record say what the object is."

    # -- records -----------------------------------------------------------------------------------------------------

    def _complete_record(self, asked: str, name: str, case: Case) -> str:
        record = _record_of(case)
        actions: list[Action] = []
        if "is_deleted" in record.lacking:
            actions.append(ArtifactItem.is_deleted.set(False))
        moment = moment_of(record.raw.get("update_at", {}).get("S"))
        if "sha256" in record.lacking or moment is None:
            sha256, stored = self._confirmed(asked, name, record)
            moment = moment or stored.written_at
            actions += [ArtifactItem.sha256.set(sha256), *_as_stored(stored)]
        self._table.write(asked, _mend(name, record, *actions, ArtifactItem.update_at.set(moment)))
        return f"Completed the record: {', '.join(record.lacking)}."

    def _note_etag(self, asked: str, name: str, case: Case) -> str:
        record = _record_of(case)
        _, stored = self._confirmed(asked, name, record)
        self._table.write(asked, _mend(name, record, *_as_stored(stored)))
        return "Noted the object's ETag; its bytes have the record's sha256."

    def _confirmed(self, asked: str, name: str, record: Record) -> tuple[str, Stored]:
        """Hash a record's object; return its digest, which is what record or metadata say, and its description.

        Raises:
            _Unsure: There is no object, it does not say whose it is, or its bytes are others.
        """
        version = decode_version(record.sk)
        stored = self._objects.head(asked, name, version)
        if stored is None:
            raise _Unsure("there is no object that could confirm the record.")
        expected = record.sha256 or stored.sha256
        if expected is None or (record.sha256 is None and stored.artifact_name != name):
            raise _Unsure("the object's metadata does not say whose bytes they are.")
        digest = self._examiner.digest(asked, name, record.sk, expected, stored.etag)
        again = self._objects.head(asked, name, version)
        if digest != expected or again is None or again.etag != stored.etag:
            raise _Unsure(f"the bytes should have sha256 {expected}, but have {digest}.")
        return expected, stored

    # -- aliases -----------------------------------------------------------------------------------------------------

    def _mend_alias(self, asked: str, name: str, case: Case) -> str:
        remedy = _alias_remedy(name, _alias_of(case), case)
        if remedy is None:
            raise _Unsure("the newest change of the history does not say when it was.")
        writes, said = remedy
        self._table.write_together(asked, writes)
        return said

    # -- numbers -----------------------------------------------------------------------------------------------------

    def _raise_counter(self, asked: str, name: str, case: Case) -> str:
        highest = int(case.highest or 0)
        self._remains.reserve(asked, name, highest)
        return f"Raised the counter to {highest}."

    def _finish_purges(self, asked: str, name: str, cases: Sequence[Case]) -> None:
        """Remove bytes and records of numbers from which no way leads back, in few requests."""
        highest = [case.highest for case in cases if case.highest is not None]
        self._remains.remove(asked, name, [_record_of(case).sk for case in cases], highest)

    def _finish_purge_of_latest(self, asked: str, name: str, case: Case) -> str:
        raw = _record_of(case).raw
        self._table.write(asked, forgetting_latest(name, raw, raw.get("revision", {}).get("S")))
        return "Removed what a purge had left."

    def _remove_ghost(self, asked: str, name: str, case: Case) -> str:
        """Remove a ghost; leave a tombstone where it alone told `versioned` how far the numbers have got."""
        item, needed = ArtifactItem(name, _record_of(case).sk), _tombstone(case)
        if needed is None:
            self._table.write(asked, delete(item, _bare()))
            return "Removed the mark."
        marks = ArtifactItem.state.set(PURGING), ArtifactItem.is_deleted.set(True)
        if needed == item.sk:
            self._table.write(asked, update(item, _bare(), *marks))
            return "Made the mark a tombstone: its number is the last that was given."
        tombstone = ArtifactItem(name, needed, is_deleted=True, state=PURGING, revision=new_revision())
        counter = CounterItem(meta_pk(name), COUNTER)
        self._table.transact(
            asked,
            [
                delete(item, _bare()),
                put(tombstone, ArtifactItem.pk.does_not_exist()),
                check(counter, CounterItem.highest == case.counter),
            ],
        )
        return f"Removed the mark; a tombstone at {needed} says that this number was given."


def _record_of(case: Case) -> Record:
    if case.record is None:
        raise _Unsure("the finding is about no record.")
    return case.record


def _alias_of(case: Case) -> AliasFacts:
    if case.alias is None:
        raise _Unsure("the finding is about no alias.")
    return case.alias


def _alias_remedy(name: str, alias: AliasFacts, case: Case) -> alias_remedies.Remedy | None:
    match case.finding.problem:
        case Problem.ALIAS_UNREADABLE:
            return alias_remedies.rewrite_time(name, alias)
        case Problem.STALE_REGISTRATION:
            return alias_remedies.unregister(name, alias, _record_of(case))
        case Problem.ALIAS_UNREGISTERED:
            return alias_remedies.register(name, alias, _record_of(case))
        case Problem.HEAD_MISSING:
            return alias_remedies.make_head(name, alias)
        case _:
            return alias_remedies.record_as_observed(name, alias)


def _is_purge_of_a_number(case: Case) -> bool:
    return case.finding.problem is Problem.UNFINISHED_PURGE and case.finding.where != LATEST


def _as_stored(stored: Stored) -> tuple[Action, Action]:
    return ArtifactItem.etag.set(stored.etag), ArtifactItem.size.set(stored.size)


def _mend(name: str, record: Record, *actions: Action) -> Write:
    """Change a record that is still as it was read."""
    item = ArtifactItem(name, record.sk)
    return update(item, _as_read(record), *actions, ArtifactItem.revision.set(new_revision()))


def _as_read(record: Record) -> Condition:
    """Demand that nobody has written the record since: neither we, who stamp a revision, nor the library."""
    condition: Condition = ArtifactItem.pk.exists() & ArtifactItem.pending.does_not_exist()
    for attribute in (ArtifactItem.revision, ArtifactItem.sha256, ArtifactItem.etag, ArtifactItem.state):
        value = record.raw.get(attribute.attr_name, {}).get("S")
        condition = both(condition, attribute.does_not_exist() if value is None else attribute == value)
    deleted = record.raw.get("is_deleted", {}).get("BOOL")
    return condition if deleted is None else both(condition, ArtifactItem.is_deleted == deleted)


def _bare() -> Condition:
    """The item is the mark of a deletion and nothing else."""
    for_nobody = both(ArtifactItem.aliases.does_not_exist(), ArtifactItem.pending.does_not_exist())
    return both(both(ghost(), ArtifactItem.update_at.does_not_exist()), for_nobody)


def _tombstone(case: Case) -> str | None:
    """Return the number at which a tombstone has to stand before a ghost may go, if any.

    `versioned` gives the number after the highest that has an item. If that is the ghost, and the last number given has
    no item any more, then it would be given again.
    """
    sk, highest, counter = _record_of(case).sk, int(case.highest or 0), case.counter or 0
    is_last = is_version_sk(sk) and sk != LATEST and int(sk) > highest
    return f"{counter:06d}" if is_last and counter > highest else None
