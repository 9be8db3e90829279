"""The retention rule: what goes, what stays, and why, as data."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_versioned.repository import retention
from airflow_provider_versioned.repository.model import Alias, Artifact
from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.model import AliasChange
from airflow_provider_versioned.repository.retention import Departure, RetentionRule
from airflow_provider_versioned.repository.retention_plan import PurgeDecision, PurgePlan, PurgeResult

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
