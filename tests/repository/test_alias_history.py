"""What a history says: where a rollback leads, and what an alias was at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_versioned.repository.alias_history import rollback_target, state_at
from airflow_provider_versioned.repository.model import AliasChange

START = datetime(2026, 11, 22, tzinfo=UTC)


class History:
    """Rows as the repository writes them, kept newest first."""

    def __init__(self) -> None:
        self.rows: list[AliasChange] = []

    def add(
        self, version: str | None, secondary: str | None = None, action: str = "put", restored: int | None = None
    ) -> AliasChange:
        sequence = len(self.rows) + 1
        moment = START + timedelta(minutes=sequence)
        weight = 5 if secondary else None
        row = AliasChange(
            "m", "prod", sequence, action, moment, version, secondary, weight, "r", restored_sequence=restored
        )
        self.rows.insert(0, row)
        return row

    def roll_back(self) -> str | None:
        """Do what the repository does; return the version it leads to, None when there is none."""
        target = rollback_target(self.rows)
        if target is None:
            return None
        assert target.secondary_version is None
        self.add(target.version, action="rollback", restored=target.sequence)
        return target.version


def history(*states: str) -> History:
    """Make a history of states such as ``"1"``, ``"1+2"`` (2 as canary) and ``"-"`` (deleted)."""
    made = History()
    for state in states:
        primary, _, secondary = state.partition("+")
        made.add(None if primary == "-" else primary, secondary or None, "delete" if primary == "-" else "put")
    return made


@pytest.mark.parametrize(
    ("states", "leads_to"),
    [
        (["1", "2"], ["1", None]),
        (["1", "2", "3"], ["2", "1", None]),
        (["1", "2", "3", "2"], ["3", "2", "1", None]),
        (["1", "1+2"], ["1", None]),
        (["1", "1+2", "1+2"], ["1", None]),
        (["1", "2", "2+3"], ["2", "1", None]),
        (["1", "1+2", "2"], ["1", None]),
        (["1+2"], [None]),
        (["1"], [None]),
        (["1", "-", "2"], ["1", None]),
        (["1", "2", "-", "2"], ["1", None]),
        ([], [None]),
    ],
)
def test_rollback_repeated_goes_further_back_each_time(states: list[str], leads_to: list[str | None]) -> None:
    made = history(*states)

    assert [made.roll_back() for _ in leads_to] == leads_to


def test_rollback_after_a_new_put_leads_to_the_state_before_that_put() -> None:
    made = history("1", "2", "3")
    made.roll_back()
    made.add("4")

    assert [made.roll_back(), made.roll_back(), made.roll_back()] == ["2", "1", None]


def test_rollback_after_a_rollback_to_a_named_version_leads_to_what_was_before_it() -> None:
    made = history("1", "2", "3")
    made.add("1", action="rollback")

    assert made.roll_back() == "3"


def test_rollback_follows_an_observed_state_of_another_tool() -> None:
    made = history("1")
    made.add("2", action="observed")
    made.add("3")

    assert [made.roll_back(), made.roll_back()] == ["2", "1"]


@given(st.lists(st.sampled_from(["1", "2", "3", "1+2", "2+3", "-", "rollback"]), max_size=25))
def test_rollback_agrees_with_a_stack_of_states(operations: list[str]) -> None:
    made, stack = History(), list[tuple[str | None, str | None]]()
    for operation in operations:
        if operation != "rollback":
            row = history(operation).rows[0]
            made.add(row.version, row.secondary_version, row.action)
            stack.append((row.version, row.secondary_version))
            continue
        current = stack[-1] if stack else (None, None)
        earlier = [
            place
            for place, (version, secondary) in enumerate(stack[:-1])
            if version is not None and secondary is None and (current[1] is not None or version != current[0])
        ]
        assert made.roll_back() == (stack[earlier[-1]][0] if earlier else None)
        del stack[earlier[-1] + 1 if earlier else len(stack) :]


def test_state_at_is_the_change_in_force_at_that_time() -> None:
    made = history("1", "2", "-")
    first, second, third = reversed(made.rows)

    assert state_at(made.rows, START) is None
    assert state_at(made.rows, first.changed_at - timedelta(microseconds=1)) is None
    assert state_at(made.rows, first.changed_at) is first
    assert state_at(made.rows, second.changed_at - timedelta(microseconds=1)) is first
    assert state_at(made.rows, second.changed_at) is second
    assert state_at(made.rows, third.changed_at + timedelta(days=1)) is third
