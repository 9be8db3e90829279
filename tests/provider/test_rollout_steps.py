"""Steps and bakes, read from what a template renders to, and steps grown by a rule."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.rollout import exponential, linear
from airflow_provider_versioned.rollout.steps import parse_bake, parse_steps


@pytest.mark.parametrize(
    "steps", [[5, 25], ("5", " 25"), "[5, 25]", "5, 25", "(5, 25)", "['5', '25']", " 5,25 ", ["5", 25]]
)
def test_steps_are_read_however_they_are_written(steps: Any) -> None:
    assert parse_steps(steps) == (5, 25)


@pytest.mark.parametrize("steps", [[], "", "[]", [0], [100], [25, 5], [5, 5], "x", [5.5], [True], [None], None, {5: 1}])
def test_other_steps_are_refused(steps: Any) -> None:
    with pytest.raises(InvalidInputError, match="step"):
        parse_steps(steps)


@pytest.mark.parametrize(
    ("bake", "seconds"),
    [
        (60, [60, 60, 60]),
        ("60", [60, 60, 60]),
        (timedelta(minutes=1), [60, 60, 60]),
        ([1, timedelta(seconds=2)], [1, 2, 2]),
        ("[1, 2.5, 3]", [1, 2.5, 3]),
        ("1, 2", [1, 2, 2]),
    ],
)
def test_bake_of_each_step(bake: Any, seconds: list[float]) -> None:
    assert [parse_bake(bake, step) for step in range(3)] == seconds


@pytest.mark.parametrize("bake", ["soon", "", [], "[]", -1, [1, "x"], None])
def test_bake_that_is_no_duration_is_refused(bake: Any) -> None:
    with pytest.raises(InvalidInputError, match="bake must be"):
        [parse_bake(bake, step) for step in range(2)]


def test_steps_grow_by_a_rule() -> None:
    assert linear(20) == [20, 40, 60, 80]
    assert linear(10, first=5, last=30) == [5, 15, 25]
    assert exponential() == [1, 2, 4, 8, 16, 32, 64]
    assert exponential(10, factor=3) == [10, 30, 90]
    for factor in (1.01, 1.1, 1.5):
        assert all(low < high for low, high in itertools.pairwise(exponential(factor=factor)))


@pytest.mark.parametrize(
    "grow", [lambda: linear(0), lambda: linear(100), lambda: exponential(0), lambda: exponential(5, factor=1)]
)
def test_growth_that_makes_no_steps_is_refused(grow: Any) -> None:
    with pytest.raises(InvalidInputError, match="makes no weights"):
        grow()
