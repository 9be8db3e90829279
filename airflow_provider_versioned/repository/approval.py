"""What a person's approval of a change of an alias says, and what it allows. Pure: no AWS, no Airflow.

An approval is a mapping. ``approved_by``, ``approved_at`` and ``comment`` are kept in the alias's history. It may also
say what was approved, as the task does that asked: then the alias is moved exactly so, from the revision that the
person saw, or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.inputs import ABSENT, check_text, check_version

if TYPE_CHECKING:
    from airflow_provider_versioned.repository.alias_change import Change

KEPT = ("approved_by", "approved_at", "comment")
APPROVED = ("name", "alias", "version", "secondary_version", "secondary_version_weight", "revision")
_ALLOWED = {*KEPT, *APPROVED, "approved"}


def check_approval(approval: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what of an approval is kept: who (text), when (ISO 8601 in UTC), comment (text or None).

    Raises:
        InvalidTypeError: It is no mapping, or a value has the wrong type.
        InvalidInputError: A key is unknown or missing, the time has no time zone, or it says that nothing was approved.
    """
    if approval is None:
        return None
    if not isinstance(approval, Mapping):
        raise InvalidTypeError(f"approval must be a mapping with {', '.join(KEPT)}, got {approval!r}.")
    if unknown := sorted(map(str, set(approval) - _ALLOWED)):
        raise InvalidInputError(f"approval has unknown keys {', '.join(unknown)}; allowed are {', '.join(KEPT)}.")
    if approval.get("approved", True) is not True:
        raise InvalidInputError(
            f"Nothing may be moved: {approval.get('approved_by') or 'nobody'} did not approve it; ask again."
        )
    by = check_text("approved_by", approval.get("approved_by"))
    if by is None:
        raise InvalidInputError("approval must say who approved, in approved_by.")
    return {"approved_by": by, "approved_at": _moment(approval), "comment": check_text("comment", _comment(approval))}


def with_approval(change: Change, approval: Mapping[str, Any] | None) -> Change:
    """Return a change that keeps its approval and, where that says what was approved, is bound to it.

    Raises:
        InvalidInputError: As :func:`check_approval`.
        ConflictError: Another change was approved.
    """
    kept = check_approval(approval)
    if approval is None or not set(approval) & set(APPROVED):
        return replace(change, approval=kept)
    bound = replace(change, approval=kept, if_revision=approval.get("revision") or ABSENT)
    asked, approved = _asked(change), _approved(approval)
    if asked != approved or change.if_revision not in {None, bound.if_revision}:
        raise ConflictError(
            f"{change.asked} to {_say(asked)} failed: {kept and kept['approved_by']} approved {_say(approved)} at "
            f"revision {bound.if_revision}; have this change approved.",
            name=change.name,
            alias=change.alias,
        )
    return bound


_Targets = tuple[str, str, str | None, str | None, int | None]


def _asked(change: Change) -> _Targets:
    targets = change.targets
    return (
        *(change.name, change.alias, targets.version),
        *(targets.secondary_version, targets.secondary_version_weight),
    )


def _approved(approval: Mapping[str, Any]) -> _Targets:
    secondary = approval.get("secondary_version")
    return (
        str(approval.get("name")),
        str(approval.get("alias")),
        check_version(approval.get("version")),
        None if secondary is None else check_version(secondary),
        approval.get("secondary_version_weight"),
    )


def _say(targets: _Targets) -> str:
    name, alias, version, secondary, weight = targets
    split = f" with {weight} % to {secondary}" if secondary else ""
    return f"version {version}{split} of {alias!r} of {name!r}"


def _moment(approval: Mapping[str, Any]) -> str:
    given = approval.get("approved_at")
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else given
    except ValueError:
        moment = None
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise InvalidInputError(f"approved_at must be a time in ISO 8601 with its zone, got {given!r}.")
    return moment.astimezone(UTC).isoformat()


def _comment(approval: Mapping[str, Any]) -> Any:
    return approval.get("comment") or None
