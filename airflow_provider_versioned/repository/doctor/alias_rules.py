"""The doctor's rules for aliases: where they point, who knows of it, whether their history is true. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_versioned.repository.doctor.cases import Case
from airflow_provider_versioned.repository.doctor.facts import DELETED, AliasFacts, ArtifactFacts, Pointing, Record
from airflow_provider_versioned.repository.doctor.findings import Problem
from airflow_provider_versioned.repository.inputs import LATEST
from airflow_provider_versioned.repository.keys import decode_version, encode_version

if TYPE_CHECKING:
    from collections.abc import Iterator


def diagnose_aliases(facts: ArtifactFacts) -> Iterator[Case]:
    """Find what is wrong with an artifact's aliases."""
    for alias in facts.aliases:
        if alias.wrong:
            yield _unreadable(facts, alias)
        yield from _targets(facts, alias)
    yield from _registrations(facts)
    for alias in facts.aliases:
        yield from _history(facts, alias)


def _unreadable(facts: ArtifactFacts, alias: AliasFacts) -> Case:
    advice = "repair writes the same time in the form that `versioned` reads."
    if not alias.mendable:
        advice = f"Mend the item {alias.alias!r} under pk '__{facts.name}-alias' by hand."
    return Case.of(
        Problem.ALIAS_UNREADABLE,
        facts.name,
        alias.alias,
        f"An alias should have the attributes of the stored format, but {', '.join(alias.wrong)} cannot be read by "
        f"{'`versioned`' if alias.mendable else 'anybody'}.",
        advice,
        repairable=alias.mendable,
        alias=alias,
    )


# -- targets ---------------------------------------------------------------------------------------------------------


def _targets(facts: ArtifactFacts, alias: AliasFacts) -> Iterator[Case]:
    for version in alias.pointing.versions if alias.pointing else ():
        record = facts.records.get(encode_version(version))
        if not facts.is_visible(encode_version(version)):
            yield _dangling(facts, alias, version, record)
        elif record is not None and alias.alias not in record.aliases and not record.wrong:
            yield Case.of(
                Problem.ALIAS_UNREGISTERED,
                facts.name,
                alias.alias,
                f"Version {version} should know that alias {alias.alias!r} points at it, but does not: `versioned` "
                "moved the alias.",
                "repair registers the alias with the version.",
                repairable=_decodable(alias),
                record=record,
                alias=alias,
            )


def _decodable(alias: AliasFacts) -> bool:
    return alias.mendable or not alias.wrong


def _dangling(facts: ArtifactFacts, alias: AliasFacts, version: str, record: Record | None) -> Case:
    instead = f"move it with put_alias or rollback_alias({facts.name!r}, {alias.alias!r}, to_version=…)."
    there = encode_version(version) in facts.objects
    if record is not None and record.state == DELETED and there and record.sha256 is not None:
        advice = f"Bring the version back with restore_artifact_version({facts.name!r}, {version!r}), or {instead}"
    elif version == LATEST:
        advice = f"Put content with put_artifact, or {instead}"
    else:
        advice = f"{instead[0].upper()}{instead[1:]}"
    state = "does not exist" if record is None else f"is {record.state}"
    return Case.of(
        Problem.DANGLING_ALIAS,
        facts.name,
        alias.alias,
        f"Alias {alias.alias!r} should point at live versions, but version {version} {state}.",
        advice,
        record=record,
        alias=alias,
    )


def _registrations(facts: ArtifactFacts) -> Iterator[Case]:
    aliases = {alias.alias: alias for alias in facts.aliases}
    for record in facts.records.values():
        version = decode_version(record.sk)
        for name in sorted(() if record.wrong else record.aliases):
            alias = aliases.get(name) or AliasFacts(name, exists=False, pointing=Pointing())
            if alias.pointing is not None and version not in alias.pointing.versions:
                yield Case.of(
                    Problem.STALE_REGISTRATION,
                    facts.name,
                    name,
                    f"Version {version} should be registered with the aliases that point at it alone, but names "
                    f"{name!r}, which points at {alias.pointing}: `versioned` moved the alias.",
                    "repair removes the registration, which keeps the bytes of a deleted version from being freed.",
                    repairable=_decodable(alias),
                    record=record,
                    alias=alias,
                )


# -- history ---------------------------------------------------------------------------------------------------------


def _history(facts: ArtifactFacts, alias: AliasFacts) -> Iterator[Case]:
    head, last = alias.head, alias.last
    if alias.flaw is not None:
        yield _broken(facts, alias, f"every change should be in it once, in order, but {alias.flaw}.")
    elif head is None and last is not None:
        yield Case.of(
            Problem.HEAD_MISSING,
            facts.name,
            alias.alias,
            f"The history of {last.sequence} changes should have a head, but it is missing, so no change can be made.",
            "repair makes the head from the newest change.",
            repairable=True,
            alias=alias,
        )
    elif head is not None and (last is None or (last.sequence, last.revision) != (head.sequence, head.revision)):
        found = f"is change {last.sequence}" if last else "is missing"
        yield _broken(facts, alias, f"its newest change should be {head.sequence}, as its head says, but {found}.")
    elif _moved_by_others(alias):
        if alias.pointing is not None and not alias.wrong:
            yield _unrecorded(facts, alias)
    elif last is not None and alias.pointing not in {None, last.pointing}:
        yield _broken(
            facts, alias, f"it should lead to what the alias points at, {alias.pointing}, but leads to {last.pointing}."
        )


def _moved_by_others(alias: AliasFacts) -> bool:
    if alias.head is None or alias.head.is_deleted:
        return alias.exists
    return not alias.exists or alias.revision != alias.head.revision


def _unrecorded(facts: ArtifactFacts, alias: AliasFacts) -> Case:
    known = alias.last.pointing if alias.last else Pointing()
    return Case.of(
        Problem.ALIAS_UNRECORDED,
        facts.name,
        alias.alias,
        f"The history should know that the alias points at {alias.pointing}, but its end is {known}: `versioned` moved "
        "the alias.",
        "repair records the state as observed.",
        repairable=True,
        alias=alias,
    )


def _broken(facts: ArtifactFacts, alias: AliasFacts, flaw: str) -> Case:
    return Case.of(
        Problem.HISTORY_BROKEN,
        facts.name,
        alias.alias,
        f"In the history of alias {alias.alias!r}, {flaw}",
        "No call of ours does this: see who wrote under pk "
        f"'__{facts.name}-meta', and bring the items back from a backup.",
        alias=alias,
    )
