"""Values as text, and arguments from text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import click
import pytest

from airflow_provider_versioned.cli import arguments, text


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (999_949_999, "999.9 MB"),
        (999_950_001, "1.0 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_size_is_shown_in_units(count: int | None, shown: str) -> None:
    assert text.size(count) == shown


def test_time_is_shown_in_utc() -> None:
    assert text.moment(datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-30 23:00:00Z"


def test_targets_are_shown_with_their_shares() -> None:
    assert text.targets("7", None, None) == "7"
    assert text.targets("7", "8", 20) == "7 (80 %) + 8 (20 %)"
    assert text.targets(None, None, None) == "deleted"


def test_table_lines_up_and_leaves_no_blanks_at_the_end() -> None:
    assert text.table(("A", "LONG"), [("value", None), ("x", "y")]) == ["A      LONG", "value  -", "x      y"]


@pytest.mark.parametrize(
    ("said", "seconds"), [("90d", 7776000), ("1.5h", 5400), ("2w", 1209600), ("30m", 1800), ("5s", 5), ("7", 7)]
)
def test_duration_is_read(said: str, seconds: float) -> None:
    assert arguments.duration(said) == seconds


@pytest.mark.parametrize("said", ["", "d", "-1d", "1 d", "1y", "one"])
def test_duration_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(click.BadParameter, match="is no duration"):
        arguments.duration(said)


def test_time_is_read_in_utc_unless_it_says_otherwise() -> None:
    assert arguments.moment("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert arguments.moment("2026-01-31T14:30:05Z") == datetime(2026, 1, 31, 14, 30, 5, tzinfo=UTC)
    assert arguments.moment("2026-01-31T14:30+02:00") == datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    before = datetime.now(UTC) - timedelta(days=3)
    assert before <= arguments.moment("3d") <= datetime.now(UTC) - timedelta(days=3)


@pytest.mark.parametrize("said", ["", "yesterday", "2026-13-01", "12:30", "99999999d"])
def test_time_that_is_none_is_refused(said: str) -> None:
    with pytest.raises(click.BadParameter, match="is no time"):
        arguments.moment(said)
