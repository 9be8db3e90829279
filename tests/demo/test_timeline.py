"""What the spectator reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from demo.split_bar import ASCII_BLOCKS, BLOCKS, blocks_for, split_bar
from demo.timeline import retention_report, timeline

if TYPE_CHECKING:
    from demo.facts import Facts


def _without_times(lines: list[str]) -> list[str]:
    return [line[8:].strip() if line[0].isdigit() else line.strip() for line in lines]


def test_timeline_tells_publications_splits_and_checks_in_the_order_of_time(facts: Facts) -> None:
    lines = _without_times(timeline(facts, ASCII_BLOCKS))

    assert lines[:6] == [
        "v1 published: digits, 20.0 MB, sha256 111111111111",
        "prod  v1 #################### 100 %",
        "reason: the first model",
        "v2 published: digits, 20.0 MB, sha256 222222222222",
        "prod  v1 ###################-  95 % | v2 5 %",
        "reason: step 1 of 3",
    ]
    assert lines[6] == "check at 5 %: success. Read right: v2 97.0 % of 500 images, v1 90.0 % of 3000"


def test_timeline_of_a_promotion_says_who_is_alone_now(facts: Facts) -> None:
    assert "prod  v2 #################### 100 %  <- v2 promoted" in _without_times(timeline(facts, ASCII_BLOCKS))


def test_timeline_of_a_rollback_says_what_was_dropped_and_why(facts: Facts) -> None:
    assert _without_times(timeline(facts, ASCII_BLOCKS))[-3:] == [
        "check at 5 %: failure. Read right: v3 10.0 % of 500 images, v2 90.0 % of 3000",
        "prod  v2 #################### 100 %  <- v3 rolled back",
        "reason: check_5 said no",
    ]


def test_timeline_shows_latest_not_as_a_version(facts: Facts) -> None:
    assert not any("LATEST" in line for line in timeline(facts))


def test_timeline_starts_a_line_with_a_time_only_for_an_event(facts: Facts) -> None:
    dated = [line for line in timeline(facts) if line[0].isdigit()]

    assert len(dated) == 3 + len(facts.history)
    assert dated == sorted(dated, key=lambda line: line[:8])


def test_timeline_of_a_version_without_a_size_says_so(facts: Facts) -> None:
    unknown = replace(facts, artifacts=(replace(facts.artifacts[-1], size=None),), history=())

    assert "size unknown" in timeline(unknown)[0]


def test_retention_report_says_what_would_go_and_why(facts: Facts) -> None:
    assert retention_report(facts.plan) == [
        "digits v3   stays:           one of the newest 1",
        "digits v2   stays:           alias prod",
        "digits v1   would be purged: not among the newest 1, no alias",
    ]


@pytest.mark.parametrize(("weight", "cells"), [(1, 1), (5, 1), (25, 5), (50, 10), (95, 19), (99, 20)])
def test_split_bar_gives_the_canary_its_share_and_at_least_one_cell(facts: Facts, weight: int, cells: int) -> None:
    split = replace(facts.alias, secondary_version="3", secondary_version_weight=weight)

    bar = split_bar(split)

    assert (bar.count("█"), bar.count("░")) == (20 - cells, cells)
    assert bar.endswith(f"v3 {weight} %")


def test_split_bar_of_a_deleted_alias_says_so(facts: Facts) -> None:
    assert split_bar(replace(facts.history[0], version=None)) == "deleted"


@pytest.mark.parametrize(
    ("encoding", "blocks"),
    [("utf-8", BLOCKS), ("ascii", ASCII_BLOCKS), ("latin-1", ASCII_BLOCKS), (None, ASCII_BLOCKS), ("?", ASCII_BLOCKS)],
)
def test_blocks_for_an_output_that_cannot_show_them_are_ascii(encoding: str | None, blocks: str) -> None:
    assert blocks_for(encoding) == blocks
