"""The retention rule: what goes, what stays, and why, as data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_versioned.repository import retention
from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact
from airflow_provider_versioned.repository.retention import Departure, RetentionRule
from airflow_provider_versioned.repository.retention_plan import PurgeDecision, PurgePlan, PurgeResult

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def version(number: int | str, age_days: float = 100) -> Artifact:
    return Artifact("model", str(number), NOW - timedelta(days=age_days), f"s3://b/{number}", "0" * 64)


def alias(name: str, primary: str, secondary: str | None = None) -> Alias:
    return Alias("model", name, NOW, primary, secondary, 5 if secondary else None, "", None)


def plan(artifacts: list[Artifact], *aliases: Alias, keep: int = 0, secs: float = 0) -> PurgePlan:
    return retention.plan("model", artifacts, aliases, {}, RetentionRule(keep, secs), now=NOW)


def reasons(made: PurgePlan) -> dict[str, tuple[bool, str]]:
    return {decision.version: (decision.purge, decision.reason) for decision in made.decisions}


def test_plan_says_for_each_version_whether_it_goes_and_why() -> None:
    made = plan(
        [version("LATEST"), version(6), version(5), version(4), version(3, 1), version(2), version(1)],
        alias("prod", "2"),
        alias("stage", "LATEST", "1"),
        alias("next", "6"),
        keep=2,
        secs=timedelta(days=30).total_seconds(),
    )

    assert reasons(made) == {
        "LATEST": (False, "LATEST is never purged"),
        "6": (False, "alias next"),
        "5": (False, "one of the newest 2"),
        "4": (True, "written 2026-08-14 12:00:00Z, not among the newest 2, no alias"),
        "3": (False, "written 2026-11-21 12:00:00Z, not older than 30 days, 0:00:00"),
        "2": (False, "alias prod"),
        "1": (False, "alias stage (secondary)"),
    }
    assert [decision.version for decision in made.to_purge] == ["4"]


def test_plan_names_every_alias_that_keeps_a_version() -> None:
    made = plan([version(1)], alias("a", "1"), alias("b", "2", "1"))

    assert reasons(made)["1"] == (False, "alias a, b (secondary)")


@pytest.mark.parametrize("latest", [[version("LATEST")], []])
def test_plan_counts_numbers_only_whether_or_not_there_is_latest(latest: list[Artifact]) -> None:
    made = plan([*latest, version(3), version(2), version(1)], keep=2)

    assert [decision.version for decision in made.to_purge] == ["1"]


def test_plan_never_purges_latest() -> None:
    made = plan([version("LATEST"), version(1)])

    assert [decision.version for decision in made.to_purge] == ["1"]


def test_plan_keeps_what_is_exactly_as_old_as_the_rule() -> None:
    made = plan([version(2, 1), version(1, 1.0001)], secs=86_400)

    assert [decision.version for decision in made.to_purge] == ["1"]


@pytest.mark.parametrize("secs", [1e11, 1e15, 1e300])
def test_plan_with_an_age_beyond_the_calendar_keeps_everything(secs: float) -> None:
    assert plan([version(1)], secs=secs).to_purge == ()


@given(
    numbers=st.sets(st.integers(1, 50), max_size=20),
    keep=st.integers(0, 25),
    days=st.integers(0, 60),
    pointing=st.sets(st.integers(1, 50), max_size=5),
)
def test_plan_purges_exactly_what_the_rule_allows(numbers: set[int], keep: int, days: int, pointing: set[int]) -> None:
    ordered = sorted(numbers, reverse=True)
    made = plan(
        [version(number, age_days=50 - number + 0.5) for number in ordered],
        *(alias(f"a{number}", str(number)) for number in pointing),
        keep=keep,
        secs=days * 86_400,
    )

    expected = [number for number in ordered[keep:] if 50 - number + 0.5 > days and number not in pointing]
    assert [int(decision.version) for decision in made.to_purge] == expected
    assert [int(decision.version) for decision in made.decisions] == ordered


def test_plan_survives_storage_as_json() -> None:
    made = plan([version(3), version(2), version(1)], alias("prod", "1"), keep=1, secs=60)

    assert PurgePlan.from_dict(json.loads(json.dumps(made.to_dict()))) == made


def test_result_as_dict_is_json_with_versions_by_number() -> None:
    result = PurgeResult("model", (version(2),), (PurgeDecision("1", purge=False, rule="alias", reason="alias prod"),))

    assert json.loads(json.dumps(result.to_dict())) == {
        "name": "model",
        "purged": ["2"],
        "kept": [{"version": "1", "purge": False, "rule": "alias", "reason": "alias prod", "revision": None}],
    }


def rule_of(made: PurgePlan) -> dict[str, str]:
    return {decision.version: decision.rule for decision in made.decisions}


def change(sequence: int, hours_ago: float, primary: str | None, secondary: str | None = None) -> AliasChange:
    moment = NOW - timedelta(hours=hours_ago)
    return AliasChange("model", "prod", sequence, "put", moment, primary, secondary, None, f"r{sequence}")


def test_each_reason_has_its_rule_in_the_order_of_their_strength() -> None:
    artifacts = [
        version("LATEST"),
        *(version(number, age) for number, age in [(7, 1), (6, 1), (5, 2), (4, 20), (3, 99)]),
    ]
    artifacts += [replace(version(2), protected="audit"), version(1)]
    left = {"2": Departure("prod", NOW), "1": Departure("prod", NOW - timedelta(days=2)), "7": Departure("x", NOW)}
    rule = RetentionRule(1, timedelta(days=30).total_seconds(), 1.0, timedelta(days=1.5).total_seconds())

    made = retention.plan("model", artifacts, [alias("prod", "7")], left, rule, now=NOW)

    assert rule_of(made) == {
        "LATEST": "latest",
        "7": "alias",
        "6": "published",
        "5": "age",
        "4": "age",
        "3": "expired",
        "2": "protected",
        "1": "previous",
    }
    assert reasons(made)["1"] == (False, "alias prod pointed at it until 2026-11-20 12:00:00Z")
    assert reasons(made)["6"] == (False, "written 2026-11-21 12:00:00Z, less than 1 day, 12:00:00 ago")


def test_departures_are_what_an_alias_pointed_at_until_some_moment_since_then() -> None:
    history = [change(5, 1, "4"), change(4, 2, "3", "4"), change(3, 10, "2"), change(2, 30, "1"), change(1, 40, "9")]

    assert retention.departures(history, NOW - timedelta(hours=20)) == {
        "4": Departure("prod", NOW - timedelta(hours=1)),
        "3": Departure("prod", NOW - timedelta(hours=1)),
        "2": Departure("prod", NOW - timedelta(hours=2)),
        "1": Departure("prod", NOW - timedelta(hours=10)),
    }


def test_departures_of_a_deleted_alias_count_from_its_deletion() -> None:
    history = [change(2, 1, None), change(1, 40, "3")]

    assert retention.departures(history, NOW - timedelta(hours=2)) == {"3": Departure("prod", NOW - timedelta(hours=1))}
    assert retention.departures(history, NOW) == {}


def test_departures_read_no_further_than_they_must() -> None:
    def history() -> Iterator[AliasChange]:
        yield change(3, 1, "3")
        yield change(2, 30, "2")
        pytest.fail("the change before the last one of interest was read")

    assert list(retention.departures(history(), NOW - timedelta(hours=20))) == ["2"]


@pytest.mark.parametrize(
    "damage",
    [
        {"planned_at": "yesterday"},
        {"planned_at": "2026-11-22T12:00:00"},
        {"decisions": [{"version": "1"}]},
        {"decisions": None},
        {"decisions": [{"version": "1", "purge": "false", "rule": "age", "reason": ""}]},
        {"surplus": 1},
    ],
)
def test_stored_plan_that_was_damaged_is_refused(damage: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="Reading a stored purge plan"):
        PurgePlan.from_dict({**plan([version(1)]).to_dict(), **damage})


def test_plan_stored_before_there_were_more_rules_is_read() -> None:
    stored = plan([version(1)]).to_dict()
    del stored["keep_previous_secs"], stored["keep_published_secs"]

    assert PurgePlan.from_dict(stored) == plan([version(1)])


@pytest.mark.parametrize(("hours", "free"), [(23.9, False), (24, True), (25, True)])
def test_bytes_go_when_the_grace_period_is_over(hours: float, free: bool) -> None:
    found = retention.decide_freeing(
        "1",
        deleted_at=NOW - timedelta(hours=hours),
        size=1,
        protected=None,
        begun=False,
        now=NOW,
        grace_secs=86_400,
    )

    assert (found.free, found.rule) == (free, "expired" if free else "grace")
