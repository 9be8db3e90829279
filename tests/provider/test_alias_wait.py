"""AliasCondition: when an alias is what somebody waits for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_versioned.repository import Alias
from airflow_provider_versioned.repository.alias_wait import AliasCondition
from airflow_provider_versioned.repository.errors import InvalidInputError

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def alias(version: str = "7", canary: str | None = None) -> Alias:
    """An alias that was moved at noon, in write ``r1``."""
    weight = None if canary is None else 5
    uri = None if canary is None else "s3://b/c"
    return Alias("model", "prod", NOON, version, canary, weight, "s3://b/v", uri, revision="r1")


@pytest.mark.parametrize(
    ("condition", "at", "met"),
    [
        ({"version": "7"}, alias("7"), True),
        ({"version": 7}, alias("7"), True),
        ({"version": "7"}, alias("8"), False),
        ({"version": "7"}, alias("6", "7"), False),
        ({"version": "7", "include_canary": True}, alias("6", "7"), True),
        ({"version": "LATEST"}, alias("LATEST"), True),
        ({"min_version": 7}, alias("10"), True),
        ({"min_version": "7"}, alias("7"), True),
        ({"min_version": 7}, alias("6"), False),
        ({"min_version": 7}, alias("LATEST"), False),
        ({"min_version": 7}, alias("6", "8"), False),
        ({"min_version": 7, "include_canary": True}, alias("6", "8"), True),
        ({"min_version": 7, "include_canary": True}, alias("8", "6"), True),
        ({"changed_since": NOON}, alias(), True),
        ({"changed_since": NOON + timedelta(microseconds=1)}, alias(), False),
        ({"changed_since": "r0"}, alias(), True),
        ({"changed_since": "r1"}, alias(), False),
        ({"changed_since": NOON, "known_version": "7"}, alias("7", "8"), False),
        ({"changed_since": NOON, "known_version": "7", "include_canary": True}, alias("7", "8"), True),
        ({"changed_since": NOON, "known_version": "6"}, alias("7"), True),
        ({"changed_since": "r1", "known_version": "6"}, alias("7"), False),
    ],
)
def test_condition_is_met_by_an_alias_or_not(condition: dict[str, Any], at: Alias, met: bool) -> None:
    made = AliasCondition(**condition)

    assert made.met_by(at) is met
    assert made.met_by(None) is False
    assert AliasCondition.from_dict(json.loads(json.dumps(made.to_dict()))) == made


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({}, "got none"),
        ({"version": 1, "min_version": 2}, "got version and min_version"),
        ({"version": 1, "changed_since": NOON}, "got version and changed_since"),
        ({"version": 0}, "Version 0 is not allowed"),
        ({"min_version": "LATEST"}, "min_version must be a number"),
        ({"changed_since": datetime(2026, 1, 1)}, "must name its time zone"),  # noqa: DTZ001 -- that is the point
    ],
)
def test_condition_that_cannot_be_is_refused(condition: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        AliasCondition(**condition)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"version": 7}, "points at version 7"),
        ({"min_version": 7, "include_canary": True}, "points at version 7 or higher (also as canary)"),
        ({"changed_since": NOON}, "moves after 2026-01-01T12:00:00+00:00"),
        ({"changed_since": "r1"}, "leaves revision r1"),
    ],
)
def test_condition_is_told_in_words(condition: dict[str, Any], words: str) -> None:
    assert AliasCondition(**condition).describe() == words
