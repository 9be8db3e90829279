"""The steps of a rollout: reading them from a template, and growing them by a rule. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any

from airflow_provider_versioned.repository.errors import InvalidInputError
from airflow_provider_versioned.repository.rollouts.inputs import HIGHEST, LOWEST, check_weights
from airflow_provider_versioned.task.fields import parse_int, parse_seconds

Bake = Any  # seconds as number or text, a timedelta, a template of these, or a list with one for each step


def linear(by: int, *, first: int | None = None, last: int = HIGHEST) -> list[int]:
    """Return weights that grow by the same each time: ``linear(25)`` is 25, 50, 75.

    Args:
        by: Percent by which each step is wider than the one before.
        first: Weight of the first step; None: ``by``.
        last: No step is wider.

    Raises:
        InvalidInputError: These make no steps.
    """
    start = by if first is None else first
    if by < 1 or not LOWEST <= start <= last <= HIGHEST:
        raise InvalidInputError(f"linear(by={by}, first={first}, last={last}) makes no weights from 1 to 99.")
    return list(range(start, last + 1, by))


def exponential(first: int = 1, *, factor: float = 2, last: int = HIGHEST) -> list[int]:
    """Return weights each of which is a multiple of the one before: ``exponential(5)`` is 5, 10, 20, 40, 80.

    Args:
        first: Weight of the first step.
        factor: More than 1.
        last: No step is wider.

    Raises:
        InvalidInputError: These make no steps.
    """
    if factor <= 1 or not LOWEST <= first <= last <= HIGHEST:
        raise InvalidInputError(f"exponential({first}, factor={factor}, last={last}) makes no weights from 1 to 99.")
    weights, weight = [], float(first)
    while round(weight) <= last:
        weights.append(round(weight))
        weight = max(weight * factor, weights[-1] + 1)
    return weights


def parse_steps(steps: Any) -> tuple[int, ...]:
    """Read weights: a list of numbers or of their texts, or the text of a list, such as ``[5, 25]`` or ``5, 25``.

    Raises:
        InvalidInputError: They are not whole percent from 1 to 99 in ascending order.
    """
    given = _listed(steps)
    return check_weights([parse_int("A step of the rollout", step) for step in given])


def parse_bake(bake: Bake, step: int) -> float:
    """Return the seconds of one step: of the only value given, or of the one in its place.

    Args:
        step: From 0; with fewer values than steps, the last counts for the rest.

    Raises:
        InvalidInputError: It is no duration.
    """
    several = isinstance(bake, (list, tuple)) or (isinstance(bake, str) and ("," in bake or bake.strip()[:1] == "["))
    if not several:
        return parse_seconds("bake", bake)
    given = _listed(bake)
    if not given:
        raise InvalidInputError("bake must be a number of seconds of 0 or more, a timedelta, or a list of these.")
    return parse_seconds("bake", given[min(step, len(given) - 1)])


def _listed(given: Any) -> list[Any]:
    if isinstance(given, str):
        text = given.strip()
        try:
            given = json.loads(text)
        except ValueError:
            try:
                given = ast.literal_eval(text)
            except (ValueError, SyntaxError):
                given = [part.strip() for part in text.split(",") if part.strip()]
    if isinstance(given, Iterable) and not isinstance(given, (str, bytes, dict)):
        return list(given)
    return [given]
