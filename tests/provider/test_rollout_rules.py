"""What a rollout may do next, for every state in which it may find the alias."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_versioned.repository import Alias
from airflow_provider_versioned.repository.errors import ConflictError, InvalidInputError
from airflow_provider_versioned.rollout import rules
from airflow_provider_versioned.rollout.rules import Rollout

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OURS = "dag/run/group"
ROLLOUT = Rollout(OURS, "model", "prod", stable="1", canary="2", revision="r0", promoted=False)


def alias(canary: str | None = None, weight: int | None = None, **facts: Any) -> Alias:
    """An alias at version 1, as it was when the rollout began unless told otherwise."""
    uri = None if canary is None else "s3://b/c"
    made = Alias("model", "prod", NOON, "1", canary, weight, "s3://b/v", uri, revision="r0", changed_by="ann")
    return replace(made, **facts)


UNTOUCHED = alias()
AT_5 = alias("2", 5, revision="r1", rollout=OURS)
AT_25 = alias("2", 25, revision="r2", rollout=OURS)
PROMOTED = alias(version="2", revision="r3", rollout=OURS)
BACK = alias(revision="r4", changed_by="bob", reason="bad")
OF_ANOTHER = alias("3", 5, revision="r5", rollout="dag/other/group", changed_by="airflow:dag/other/shift")
ELSEWHERE = alias(version="9", revision="r6", changed_by="bob")


@pytest.mark.parametrize(
    ("now", "promoted"), [(UNTOUCHED, False), (AT_5, False), (PROMOTED, True), (alias(version="2"), True)]
)
def test_rollout_begins_or_is_taken_up(now: Alias, promoted: bool) -> None:
    rollout = rules.begin(now, "2", OURS)

    assert (rollout.stable, rollout.canary, rollout.revision) == (now.version, "2", now.revision)
    assert rollout.promoted is promoted
    assert Rollout.from_dict(json.loads(json.dumps(rollout.to_dict()))) == rollout


@pytest.mark.parametrize("now", [OF_ANOTHER, alias("2", 5), alias("3", 5, rollout=OURS)])
def test_rollout_does_not_begin_where_another_canary_is_on(now: Alias) -> None:
    with pytest.raises(
        ConflictError, match=r"is at version 1 with version \d at 5 %, moved by .* drop its canary with"
    ):
        rules.begin(now, "2", OURS)


@pytest.mark.parametrize(
    ("now", "weight", "previous", "allowed"),
    [
        (UNTOUCHED, 5, None, True),
        (AT_5, 5, None, False),
        (AT_25, 5, None, False),
        (AT_5, 10, None, True),
        (AT_5, 25, 5, True),
        (AT_25, 25, 5, False),
    ],
)
def test_step_is_made_once_and_never_lowers_the_weight(
    now: Alias, weight: int, previous: int | None, allowed: bool
) -> None:
    assert rules.may_shift(ROLLOUT, now, weight, previous) is allowed


@pytest.mark.parametrize(
    ("now", "weight", "previous"),
    [
        (UNTOUCHED, 25, 5),
        (AT_5, 50, 25),
        *((now, *step) for now in (BACK, OF_ANOTHER, ELSEWHERE, PROMOTED, None) for step in ((5, None), (25, 5))),
    ],
)
def test_step_on_an_alias_that_is_not_where_the_rollout_left_it_conflicts(
    now: Alias | None, weight: int, previous: int | None
) -> None:
    with pytest.raises(ConflictError, match=f"Alias 'prod' of 'model' cannot be shifted to {weight} %"):
        rules.may_shift(ROLLOUT, now, weight, previous)


def test_conflict_says_who_moved_the_alias_when_and_why() -> None:
    with pytest.raises(
        ConflictError, match=r"at version 1 alone, moved by bob at 2026-01-01 12:00:00Z \(reason: bad\)"
    ):
        rules.may_shift(ROLLOUT, BACK, 25, 5)


def test_promotion_is_made_once_after_the_last_step() -> None:
    assert rules.may_promote(ROLLOUT, AT_25, 25) is True
    assert rules.may_promote(ROLLOUT, PROMOTED, 25) is False


@pytest.mark.parametrize("now", [UNTOUCHED, AT_5, BACK, OF_ANOTHER, ELSEWHERE, alias(version="2"), None])
def test_promotion_from_anywhere_else_conflicts(now: Alias | None) -> None:
    with pytest.raises(ConflictError, match="cannot be promoted"):
        rules.may_promote(ROLLOUT, now, 25)


def test_only_the_step_that_the_alias_is_at_is_judged() -> None:
    rules.demand_step(OURS, AT_5, "2", 5)
    for now in (UNTOUCHED, AT_25, BACK, OF_ANOTHER, PROMOTED, None):
        with pytest.raises(ConflictError, match="The step at 5 % of rollout 'dag/run/group' cannot be judged"):
            rules.demand_step(OURS, now, "2", 5)


@pytest.mark.parametrize("steps", [[5], (1, 99), ["5", "25"], [5, "25", 50]])
def test_ascending_weights_are_allowed(steps: list[object]) -> None:
    assert rules.check_weights(steps) == tuple(int(str(step)) for step in steps)


@pytest.mark.parametrize("steps", [[], [0], [100], [25, 5], [5, 5], ["x"], [5.0], [True], [None]])
def test_other_weights_are_refused(steps: list[object]) -> None:
    with pytest.raises(InvalidInputError, match="step"):
        rules.check_weights(steps)


@pytest.mark.parametrize("version", [None, "LATEST", 0, "x"])
def test_canary_must_be_a_number(version: object) -> None:
    with pytest.raises(InvalidInputError):
        rules.check_canary(version)
