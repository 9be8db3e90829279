"""How the doctor reads raw items: whatever stands there is named, nothing raises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_versioned.repository.doctor import reading
from airflow_provider_versioned.repository.doctor.facts import CLAIMED, DELETED, GHOST, LIVE, PURGING
from airflow_provider_versioned.repository.revisions import begun_at, new_revision

A = "a" * 64
RAW: dict[str, Any] = {
    "pk": {"S": "app"},
    "sk": {"S": "000001"},
    "is_deleted": {"BOOL": False},
    "sha256": {"S": A},
    "update_at": {"S": "2026-11-22T10:20:44.000000+0000"},
}


def changed(**attributes: Any) -> dict[str, Any]:
    """Return the raw item with attributes changed, or without those that are None."""
    return {name: value for name, value in {**RAW, **attributes}.items() if value is not None}


@pytest.mark.parametrize(
    ("raw", "state", "lacking", "wrong"),
    [
        (RAW, LIVE, (), ()),
        (changed(is_deleted={"BOOL": True}), DELETED, (), ()),
        (changed(is_deleted={"BOOL": True}, state={"S": "claimed"}), CLAIMED, (), ()),
        (changed(is_deleted={"BOOL": True}, state={"S": "purging"}), PURGING, (), ()),
        (changed(state={"S": "purging"}), LIVE, (), ()),
        (changed(sha256=None, update_at=None), GHOST, (), ()),
        (changed(sha256=None), LIVE, ("sha256",), ()),
        (changed(sha256={"NULL": True}), LIVE, ("sha256",), ()),
        (changed(is_deleted=None), LIVE, ("is_deleted",), ()),
        (changed(is_deleted={"NULL": True}), LIVE, ("is_deleted",), ()),
        (changed(update_at=None), LIVE, ("update_at",), ()),
        (changed(update_at={"S": "2026-11-22T10:20:44+00:00"}), LIVE, ("update_at",), ()),
        (changed(update_at={"S": ""}, is_deleted={"BOOL": True}), DELETED, ("update_at",), ()),
        (changed(is_deleted={"S": "no"}), LIVE, (), ("is_deleted",)),
        (changed(update_at={"N": "5"}, size={"S": "5"}), LIVE, (), ("size", "update_at")),
        (changed(deleted_at={"S": "yesterday"}), LIVE, (), ("deleted_at",)),
        (changed(aliases={"L": []}), LIVE, (), ("aliases",)),
    ],
)
def test_record_is_read_whatever_stands_there(
    raw: dict[str, Any], state: str, lacking: tuple[str, ...], wrong: tuple[str, ...]
) -> None:
    found = reading.read_record(raw)
    assert (found.state, found.lacking, found.wrong) == (state, lacking, wrong)


@pytest.mark.parametrize(
    ("attributes", "wrong", "mendable"),
    [
        ({"version": {"S": "000001"}}, (), False),
        ({"version": {"S": "1"}}, (), False),
        ({"version": {"S": "LATEST"}, "secondary_version": {"NULL": True}}, (), False),
        ({"version": {"S": "000000"}}, ("version",), False),
        ({"version": {"S": "1000000"}}, ("version",), False),
        ({"version": {"N": "1"}}, ("version",), False),
        ({"version": {"S": "1"}, "secondary_version": {"S": "old"}}, ("secondary_version",), False),
        ({"version": {"S": "1"}, "update_at": {"S": "2026-11-22T10:20:44Z"}}, ("update_at",), True),
        ({"version": {"S": "1"}, "update_at": {"S": "then"}}, ("update_at",), False),
        ({"version": {"S": "x"}, "update_at": {"S": "2026-11-22T10:20:44Z"}}, ("version", "update_at"), False),
    ],
)
def test_alias_is_read_whatever_stands_there(
    attributes: dict[str, Any], wrong: tuple[str, ...], *, mendable: bool
) -> None:
    raw = {"pk": {"S": "__app-alias"}, "sk": {"S": "prod"}, **attributes}
    found = reading.read_alias("prod", raw, None, None, None)
    assert (found.wrong, found.mendable) == (wrong, mendable)
    assert (found.pointing is None) == bool(set(wrong) - {"update_at"})


def test_revision_tells_when_it_was_made_and_one_of_another_tool_does_not() -> None:
    before = datetime.now(UTC)
    revisions = [new_revision() for _ in range(100)]
    after = datetime.now(UTC)

    assert len(set(revisions)) == 100
    for revision in revisions:
        begun = begun_at(revision)
        assert begun is not None
        assert before - timedelta(milliseconds=1) <= begun <= after
    for foreign in (None, "", "observed-deletion", "f" * 32, "observed-0123456789abcdef01234567"):
        assert begun_at(foreign) is None
