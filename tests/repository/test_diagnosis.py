"""The doctor's rules, one by one, on facts made by hand; and how facts are read from raw items. No server."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import Problem
from airflow_provider_versioned.repository.doctor.diagnosis import diagnose, diagnose_repository
from airflow_provider_versioned.repository.doctor.facts import (
    CLAIMED,
    DELETED,
    GHOST,
    LIVE,
    PURGING,
    AliasFacts,
    ArtifactFacts,
    ChangeFacts,
    HeadFacts,
    ObjectFacts,
    Pointing,
    Record,
    Strays,
)

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.doctor.cases import Case

BEFORE = datetime(2026, 11, 22, 12, tzinfo=UTC)
YOUNG, OLD = BEFORE + timedelta(seconds=1), BEFORE
A, B = "a" * 64, "b" * 64
P = Problem


def record(sk: str = "000001", state: str = LIVE, **said: Any) -> Record:
    """Return a healthy record of content A."""
    facts: dict[str, Any] = {"sha256": A, "etag": '"a"', "size": 1, "visible": state == LIVE, **said}
    return Record(sk, state, **facts)


def there(sk: str = "000001", **said: Any) -> ObjectFacts:
    """Return the object of content A."""
    facts = {"etag": '"a"', "size": 1, "described": True, "sha256": A, "artifact_name": "app", **said}
    return ObjectFacts(f"artifacts/app/{sk}.bin", written_at=OLD, **facts)


def artifact(
    *records: Record, objects: dict[str, ObjectFacts] | None = None, counter: int | None = 9, **said: Any
) -> ArtifactFacts:
    """Return an artifact; each record has its object unless objects are given."""
    known = {entry.sk: entry for entry in records}
    return ArtifactFacts(
        "app", known, {sk: there(sk) for sk in known} if objects is None else objects, counter=counter, **said
    )


def cases(facts: ArtifactFacts) -> list[Case]:
    return list(diagnose(facts, BEFORE))


def said(facts: ArtifactFacts) -> set[tuple[str, str]]:
    """Return what is found."""
    return {(case.finding.problem, case.finding.where) for case in cases(facts)}


def test_healthy_artifact_gives_nothing() -> None:
    facts = artifact(record(), record("000002", DELETED), record("LATEST"))
    assert said(facts) == set()


# -- records and objects ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (there(), None),
        (there(sha256=B), P.SHA256_MISMATCH),
        (there(sha256=None), P.METADATA_MISSING),
        (there(sha256=None, described=False), None),
        (there(size=2, etag='"b"', sha256=B), P.SIZE_MISMATCH),
        (there(etag='"b"'), P.ETAG_MISMATCH),
        (there(etag='"b"', sha256=B), P.SHA256_MISMATCH),
        (there(content_sha256=A), None),
        (there(content_sha256=B), P.CONTENT_MISMATCH),
        (there(content_sha256=B, size=2, etag='"b"', sha256=B), P.CONTENT_MISMATCH),
    ],
)
def test_object_beside_its_record_gives_the_gravest_difference_alone(
    found: ObjectFacts, problem: Problem | None
) -> None:
    expected = set() if problem is None else {(problem, "1")}
    assert said(artifact(record(), objects={"000001": found})) == expected


def test_record_of_the_library_has_neither_etag_nor_size_and_is_healthy() -> None:
    assert said(artifact(record(etag=None, size=None))) == set()


@pytest.mark.parametrize(
    ("known", "problem"),
    [
        (record(), P.RECORD_WITHOUT_BYTES),
        (record(state=DELETED), P.DELETED_WITHOUT_BYTES),
        (record(state=DELETED, sha256=None), None),
        (record(state=CLAIMED, written_at=YOUNG), None),
        (record(state=CLAIMED, written_at=OLD), P.STUCK_CLAIM),
        (record(state=CLAIMED, written_at=None), P.STUCK_CLAIM),
        (record(state=PURGING, written_at=OLD), None),
        (record(state=PURGING, written_at=OLD, has_deletion_date=True), P.UNFINISHED_PURGE),
        (record(state=PURGING, written_at=YOUNG, has_deletion_date=True), None),
        (record(state=PURGING, written_at=None, has_deletion_date=True), P.UNFINISHED_PURGE),
        (record(state=GHOST, sha256=None), P.GHOST),
        (record(wrong=("size",)), P.RECORD_UNREADABLE),
    ],
)
def test_record_without_an_object(known: Record, problem: Problem | None) -> None:
    assert said(artifact(known, objects={})) == (set() if problem is None else {(problem, "1")})


@pytest.mark.parametrize("state", [DELETED, CLAIMED])
def test_object_of_a_version_that_nobody_sees_is_not_compared(state: str) -> None:
    assert said(artifact(record(state=state, written_at=YOUNG), objects={"000001": there(sha256=B, size=2)})) == set()


def test_object_that_came_back_after_a_purge_is_left_of_it() -> None:
    (case,) = cases(artifact(record(state=PURGING, written_at=OLD)))
    assert (case.finding.problem, case.finding.repairable) == (P.UNFINISHED_PURGE, True)


def test_purge_in_a_folder_that_is_shared_is_not_repaired() -> None:
    facts = replace(artifact(record(state=PURGING, written_at=OLD)), name="a/b")
    (case,) = cases(facts)
    assert not case.finding.repairable


@pytest.mark.parametrize(
    ("owner", "problem"), [("app", P.BYTES_WITHOUT_RECORD), ("x", P.FOREIGN_OBJECTS), (None, P.FOREIGN_OBJECTS)]
)
@pytest.mark.parametrize("sk", ["000001", "LATEST"])
def test_object_without_a_record_is_ours_if_its_metadata_says_so(sk: str, owner: str | None, problem: Problem) -> None:
    (case,) = cases(artifact(objects={sk: there(sk, artifact_name=owner)}))
    assert case.finding.problem == problem
    assert case.finding.repairable == (owner == "app" and sk == "LATEST")


# -- LATEST ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "found", "problem"),
    [
        (record("LATEST"), there(etag='"b"', sha256=B), P.LATEST_APART),
        (record("LATEST"), there(etag='"b"'), P.LATEST_APART),
        (record("LATEST", etag=None), there(etag='"b"'), None),
        (record("LATEST", etag=None), there(sha256=B), P.LATEST_APART),
        (record("LATEST"), there(sha256=B), P.SHA256_MISMATCH),
        (record("LATEST"), None, P.RECORD_WITHOUT_BYTES),
        (record("LATEST", DELETED), there(etag='"b"', sha256=B), None),
        (record("LATEST", DELETED), None, P.DELETED_WITHOUT_BYTES),
        (record("LATEST", PURGING, has_deletion_date=True), None, P.UNFINISHED_PURGE),
        (record("LATEST", pending="x", pending_since=YOUNG), there(etag='"b"'), None),
        (record("LATEST", pending="x", pending_since=YOUNG), None, None),
        (record("LATEST", pending="x", pending_since=OLD), there(etag='"b"'), P.STALE_PENDING),
        (record("LATEST", pending="x"), there(), P.STALE_PENDING),
        (record("LATEST", pending="x"), None, P.RECORD_WITHOUT_BYTES),
        (record("LATEST", DELETED, pending="x"), there(), None),
        (record("LATEST", DELETED, pending="x"), there(etag='"b"'), P.STALE_PENDING),
        (record("LATEST", DELETED, pending="x", sha256=None, etag=None), None, None),
    ],
)
def test_latest_beside_its_object(known: Record, found: ObjectFacts | None, problem: Problem | None) -> None:
    facts = artifact(known, objects={} if found is None else {"LATEST": found})
    assert said(facts) == (set() if problem is None else {(problem, "LATEST")})


def test_latest_that_lives_on_a_version_is_stale_only_when_old() -> None:
    mark = {"pending": "x", "pending_version": "000001", "visible": False}
    for since, expected in ((YOUNG, set()), (OLD, {(P.STALE_PENDING, "LATEST")})):
        facts = artifact(record(), record("LATEST", DELETED, **mark, pending_since=since), objects={"000001": there()})
        assert said(facts) == expected
        assert facts.is_visible("LATEST")


def test_purge_of_latest_with_bytes_is_asked_for() -> None:
    (case,) = cases(artifact(record("LATEST", PURGING, has_deletion_date=True)))
    assert (case.finding.repairable, "Repeat purge_artifact('app')" in case.finding.advice) == (False, True)


# -- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "known", "problem"),
    [
        (None, [record("000003", CLAIMED, written_at=YOUNG)], P.COUNTER_MISSING),
        (2, [record("000003", PURGING, written_at=OLD)], P.COUNTER_LOW),
        (3, [record("000003", DELETED)], None),
        (4, [record("000003", DELETED)], None),
        (None, [record("LATEST")], None),
        (None, [], None),
        (2, [record("000002"), record("000009", GHOST, sha256=None)], None),
    ],
)
def test_counter_is_at_the_highest_number_that_is_no_ghost(
    counter: int | None, known: list[Record], problem: Problem | None
) -> None:
    facts = artifact(*known, counter=counter, objects={entry.sk: there(entry.sk) for entry in known if entry.visible})
    found = {case.finding.problem for case in cases(facts)} & {P.COUNTER_LOW, P.COUNTER_MISSING}
    assert found == (set() if problem is None else {problem})


def test_ghost_over_bytes_is_asked_for_and_an_odd_one_repaired() -> None:
    over, odd = record("000001", GHOST, sha256=None), record("prod", GHOST, sha256=None)
    found = {
        case.finding.where: case.finding.repairable for case in cases(artifact(over, odd, objects={"000001": there()}))
    }
    assert found == {"1": False, "prod": True}


# -- aliases ---------------------------------------------------------------------------------------------------------

AT_1 = Pointing("1")
HEAD = HeadFacts(1, "r1", is_deleted=False)
LAST = ChangeFacts(1, "r1", AT_1)
PROD = AliasFacts("prod", exists=True, pointing=AT_1, revision="r1", head=HEAD, last=LAST)
GONE = AliasFacts(
    "prod",
    exists=False,
    pointing=Pointing(),
    head=replace(HEAD, is_deleted=True),
    last=replace(LAST, pointing=Pointing()),
)


def with_alias(alias: AliasFacts, *records: Record) -> ArtifactFacts:
    known = records or (record(aliases=frozenset({"prod"})),)
    return artifact(*known, aliases=(alias,))


def test_alias_that_is_known_to_its_target_and_history_is_healthy() -> None:
    assert said(with_alias(PROD)) == set()
    assert said(with_alias(GONE, record())) == set()


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (record(state=DELETED), "restore_artifact_version('app', '1')"),
        (record(state=PURGING, written_at=YOUNG), "Move it with put_alias"),
        (record(state=CLAIMED, written_at=YOUNG), "Move it with put_alias"),
        (record("000002"), "Move it with put_alias"),
    ],
)
def test_alias_at_what_is_not_live_dangles(target: Record, words: str) -> None:
    (case,) = cases(with_alias(PROD, target))
    assert (case.finding.problem, case.finding.repairable) == (P.DANGLING_ALIAS, False)
    assert words in case.finding.advice


def test_alias_at_latest_that_is_only_announced_does_not_dangle() -> None:
    alias = replace(PROD, pointing=Pointing("LATEST"), last=replace(LAST, pointing=Pointing("LATEST")))
    latest = record("LATEST", DELETED, pending="x", pending_since=YOUNG, aliases=frozenset({"prod"}))
    assert said(artifact(latest, objects={"LATEST": there("LATEST", etag='"b"')}, aliases=(alias,))) == set()
    (case,) = cases(artifact(latest, aliases=(alias,)))
    assert (case.finding.problem, "restore_artifact_version" in case.finding.advice) == (P.DANGLING_ALIAS, True)
    (case,) = cases(artifact(aliases=(alias,)))
    assert (case.finding.problem, "put_artifact" in case.finding.advice) == (P.DANGLING_ALIAS, True)


@pytest.mark.parametrize(
    ("alias", "known", "expected"),
    [
        (PROD, record(), {P.ALIAS_UNREGISTERED}),
        (GONE, record(aliases=frozenset({"prod"})), {P.STALE_REGISTRATION}),
        (PROD, record("000001", aliases=frozenset({"prod", "old"})), {P.STALE_REGISTRATION}),
        (replace(PROD, pointing=None, wrong=("version",)), record(aliases=frozenset({"prod"})), {P.ALIAS_UNREADABLE}),
    ],
)
def test_registration_of_aliases_with_versions(alias: AliasFacts, known: Record, expected: set[Problem]) -> None:
    assert {case.finding.problem for case in cases(with_alias(alias, known))} == expected


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"revision": None}, P.ALIAS_UNRECORDED),
        ({"revision": "r0"}, P.ALIAS_UNRECORDED),
        ({"revision": None, "head": None, "last": None}, P.ALIAS_UNRECORDED),
        ({"head": replace(HEAD, is_deleted=True)}, P.ALIAS_UNRECORDED),
        ({"head": None}, P.HEAD_MISSING),
        ({"head": replace(HEAD, sequence=2)}, P.HISTORY_BROKEN),
        ({"head": replace(HEAD, revision="r0")}, P.HISTORY_BROKEN),
        ({"last": None}, P.HISTORY_BROKEN),
        ({"last": replace(LAST, pointing=Pointing("2"))}, P.HISTORY_BROKEN),
        ({"last": replace(LAST, pointing=Pointing("1", "2", 5))}, P.HISTORY_BROKEN),
        ({"flaw": "change 1 is missing"}, P.HISTORY_BROKEN),
        ({"flaw": "change 1 is missing", "revision": None}, P.HISTORY_BROKEN),
    ],
)
def test_history_that_does_not_lead_to_the_alias(changed: dict[str, Any], problem: Problem) -> None:
    (case,) = cases(with_alias(replace(PROD, **changed)))
    assert case.finding.problem == problem
    assert case.finding.repairable == (problem is not P.HISTORY_BROKEN)


def test_deleted_alias_whose_history_does_not_end_so() -> None:
    assert said(with_alias(replace(GONE, last=LAST), record())) == {(P.HISTORY_BROKEN, "prod")}
    unknown = replace(GONE, head=HEAD, last=LAST)
    assert said(with_alias(unknown, record())) == {(P.ALIAS_UNRECORDED, "prod")}


# -- evidence, and what is not ours ----------------------------------------------------------------------------------


def test_case_differs_when_the_item_it_rests_on_was_written_again() -> None:
    (first,) = cases(artifact(record(raw={"revision": {"S": "r1"}}), objects={}))
    (same,) = cases(artifact(record(raw={"revision": {"S": "r1"}}), objects={}))
    (later,) = cases(artifact(record(raw={"revision": {"S": "r2"}}), objects={}))
    assert first == same
    assert (first.key, first) != (later.key, later)
    assert first.key == later.key


def test_strays_are_counted_and_the_first_are_named() -> None:
    strays = Strays()
    for number in range(5):
        strays = strays.with_one(f"k{number}")
    assert str(strays) == "5 ('k0', 'k1', 'k2', …)"
    assert str(Strays(1, ("a",)) + Strays(2, ("b", "c"))) == "3 ('a', 'b', 'c')"

    found = [
        (case.finding.problem, case.finding.name)
        for case in diagnose_repository(marked=False, items=strays, objects=strays)
    ]
    assert found == [(P.MARKER_MISSING, None), (P.FOREIGN_ITEMS, None), (P.FOREIGN_OBJECTS, None)]
    assert list(diagnose_repository(marked=True, items=Strays(), objects=Strays())) == []


def test_docs_tell_of_every_problem_once() -> None:
    text = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", text, re.MULTILINE) == [problem.value for problem in Problem]
