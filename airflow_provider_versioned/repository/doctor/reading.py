"""From raw items to the doctor's facts, whatever an older tool or a person has made of them.

Nothing here raises for what stands in the table: an attribute of the wrong type or form is named, not decoded.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository import items
from airflow_provider_versioned.repository.doctor import facts
from airflow_provider_versioned.repository.doctor.facts import (
    AliasFacts,
    ChangeFacts,
    HeadFacts,
    Pointing,
    Record,
)
from airflow_provider_versioned.repository.keys import decode_version, is_version_sk
from airflow_provider_versioned.repository.revisions import begun_at

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.table import RawItem

_UPDATE_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000")  # the library fails on any other form
_TYPES = {
    **dict.fromkeys(("update_at", "sha256", "etag", "revision", "state", "deleted_at"), "S"),
    **dict.fromkeys(("published_by", "protected", "pending", "pending_version"), "S"),
    "is_deleted": "BOOL",
    "size": "N",
    "aliases": "SS",
}
_ALIAS_TYPES = {
    **dict.fromkeys(("update_at", "secondary_version", "revision", "changed_by", "reason", "rollout"), "S"),
    **dict.fromkeys(("secondary_version_weight", "sequence"), "N"),
    "version": "S",
}


def comparable(raw: RawItem) -> RawItem:
    """Put sets in order: DynamoDB gives them in none."""
    return {
        name: {kind: sorted(value) if kind == "SS" else value for kind, value in typed.items()}
        for name, typed in raw.items()
    }


def is_bare(raw: RawItem) -> bool:
    """Tell a ghost of the library ``versioned``: a deletion mark and nothing else."""
    return raw.keys() <= {"pk", "sk", "is_deleted"}


def read_record(raw: RawItem) -> Record:
    """Read the item of a version, of LATEST, or a ghost."""
    wrong = _wrong(raw, _TYPES, times=("deleted_at",))
    state, update_at = _state(raw), _text(raw, "update_at")
    mark, revision = _text(raw, "pending"), _text(raw, "revision")
    return Record(
        sk=raw["sk"]["S"],
        state=state,
        visible=state == facts.LIVE and update_at is not None,
        sha256=_text(raw, "sha256"),
        etag=_text(raw, "etag"),
        size=_number(raw, "size"),
        aliases=frozenset(raw.get("aliases", {}).get("SS", ())),
        lacking=() if wrong or state in {facts.GHOST, facts.CLAIMED} else tuple(_lacking(raw, state)),
        wrong=wrong,
        has_deletion_date="deleted_at" in raw,
        written_at=moment_of(update_at) if state == facts.CLAIMED else begun_at(revision),
        pending=mark,
        pending_since=begun_at(mark),
        pending_version=_text(raw, "pending_version"),
        raw=comparable(raw),
    )


def _state(raw: RawItem) -> str:
    if is_bare(raw):
        return facts.GHOST
    if raw.get("is_deleted", {}).get("BOOL") is not True:
        return facts.LIVE
    return {items.CLAIMED: facts.CLAIMED, items.PURGING: facts.PURGING}.get(_text(raw, "state") or "", facts.DELETED)


def _lacking(raw: RawItem, state: str) -> list[str]:
    update_at = _text(raw, "update_at")
    lacking = [] if update_at is None or _UPDATE_AT.fullmatch(update_at) else ["update_at"]
    if state == facts.LIVE:
        lacking += ["update_at"] if update_at is None else []
        lacking += ["sha256"] if _text(raw, "sha256") is None else []
        lacking += ["is_deleted"] if raw.get("is_deleted", {}).get("BOOL") is None else []
    return lacking


def read_alias(
    alias: str, raw: RawItem | None, head: HeadFacts | None, last: ChangeFacts | None, flaw: str | None
) -> AliasFacts:
    """Read an alias's item (None: there is none) beside its bookkeeping."""
    if raw is None:
        return AliasFacts(alias, exists=False, pointing=Pointing(), head=head, last=last, flaw=flaw)
    wrong = _wrong(raw, _ALIAS_TYPES, times=())
    wrong += tuple(name for name in ("version", "secondary_version") if name not in wrong and _is_no_version(raw, name))
    update_at = _text(raw, "update_at")
    ill_timed = "update_at" not in wrong and update_at is not None and not _UPDATE_AT.fullmatch(update_at)
    return AliasFacts(
        alias,
        exists=True,
        pointing=None if wrong else _pointing(raw, decode=True),
        revision=_text(raw, "revision"),
        wrong=(*wrong, "update_at") if ill_timed else wrong,
        mendable=ill_timed and not wrong and moment_of(update_at) is not None,
        head=head,
        last=last,
        flaw=flaw,
        raw=comparable(raw),
    )


def read_head(raw: RawItem) -> HeadFacts | None:
    """Read the head of an alias; None when it cannot be read."""
    sequence, revision = _number(raw, "sequence"), _text(raw, "revision")
    if sequence is None or revision is None:
        return None
    return HeadFacts(sequence, revision, raw.get("is_deleted", {}).get("BOOL") is True, comparable(raw))


def read_change(raw: RawItem) -> ChangeFacts:
    """Read one item of a history."""
    sequence = int(raw["sk"]["S"].rpartition("#")[2])
    return ChangeFacts(sequence, _text(raw, "revision") or "", _pointing(raw, decode=False), comparable(raw))


def read_counter(raw: RawItem) -> int | None:
    """Read the highest number given; None when it cannot be read."""
    return _number(raw, "highest")


def moment_of(text: str | None) -> datetime | None:
    """Read a time in any ISO 8601 form; None when it has none."""
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def _pointing(raw: RawItem, *, decode: bool) -> Pointing:
    version, secondary = _text(raw, "version"), _text(raw, "secondary_version")
    weight = _number(raw, "secondary_version_weight")
    if decode:
        version = decode_version(version) if version else None
        secondary = decode_version(secondary) if secondary else None
    return Pointing(version, secondary, weight)


def _is_no_version(raw: RawItem, name: str) -> bool:
    text = _text(raw, name)
    return text is not None and not is_version_sk(text.zfill(6))


def _wrong(raw: RawItem, types: dict[str, str], times: tuple[str, ...]) -> tuple[str, ...]:
    """Name the attributes of another type than theirs, and the times in no known form."""
    ill_typed = {name for name, kind in types.items() if name in raw and raw[name].keys() - {kind, "NULL"}}
    ill_formed = {name for name in times if (text := _text(raw, name)) is not None and moment_of(text) is None}
    return tuple(sorted(ill_typed | ill_formed))


def _text(raw: RawItem, name: str) -> str | None:
    text: Any = raw.get(name, {}).get("S")
    return None if text is None else str(text)


def _number(raw: RawItem, name: str) -> int | None:
    digits = raw.get(name, {}).get("N")
    return None if digits is None else int(float(digits))
