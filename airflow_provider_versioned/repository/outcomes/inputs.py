"""What a caller may report, checked before anything is written. Pure functions, as in ``inputs``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.inputs import MAX_WEIGHT
from airflow_provider_versioned.repository.outcomes.facts import Counts

MAX_METRICS = 10
MAX_COUNT = 10**12
LARGEST_VALUE = 1e50  # its square and a sum of many of those stay finite
_METRIC = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def check_counts(successes: int, failures: int) -> Counts:
    """Allow numbers of outcomes, not both 0.

    Raises:
        InvalidTypeError: One is no whole number.
        InvalidInputError: One is negative or beyond 10^12, or both are 0.
    """
    for what, count in (("successes", successes), ("failures", failures)):
        if isinstance(count, bool) or not isinstance(count, int):
            raise InvalidTypeError(f"{what} must be an int, got {count!r}.", what=what)
        if not 0 <= count <= MAX_COUNT:
            raise InvalidInputError(f"{what} must be from 0 to {MAX_COUNT}, got {count}.", what=what)
    if not successes and not failures:
        raise InvalidInputError("successes and failures are both 0, so there is nothing to report.")
    return Counts(successes, failures)


def check_weight(weight: int | None) -> int | None:
    """Allow the weight at which a version was chosen.

    Raises:
        InvalidTypeError: It is no whole number.
        InvalidInputError: It is outside 0-99.
    """
    if weight is None:
        return None
    if isinstance(weight, bool) or not isinstance(weight, int):
        raise InvalidTypeError(f"weight must be an int from 0 to {MAX_WEIGHT} or None, got {weight!r}.", weight=weight)
    if not 0 <= weight <= MAX_WEIGHT:
        raise InvalidInputError(f"weight must be from 0 to {MAX_WEIGHT}, got {weight}.", weight=weight)
    return weight


def check_metrics(metrics: Mapping[str, float | Sequence[float]] | None) -> dict[str, list[float]]:
    """Bring metrics into the form of one list of values for each name.

    Raises:
        InvalidTypeError: They are no mapping of names to numbers or sequences of numbers.
        InvalidInputError: There are too many, or a name or a value is not allowed.
    """
    if metrics is None:
        return {}
    if not isinstance(metrics, Mapping):
        raise InvalidTypeError(f"metrics must map names to numbers or lists of numbers, got {metrics!r}.")
    if len(metrics) > MAX_METRICS:
        raise InvalidInputError(f"{len(metrics)} metrics were given; {MAX_METRICS} are allowed in one report.")
    checked = {_metric_name(name): _values(name, values) for name, values in metrics.items()}
    return {name: values for name, values in checked.items() if values}


def _metric_name(name: str) -> str:
    if not isinstance(name, str) or not _METRIC.fullmatch(name):
        raise InvalidInputError(
            f"Metric name {name!r} is not allowed; use 1 to 64 of A-Z a-z 0-9 _ . - and begin with a letter, digit or "
            "_.",
            metric=name,
        )
    return name


def _values(name: str, values: float | Sequence[float]) -> list[float]:
    several = [values] if isinstance(values, (int, float)) else values
    if isinstance(several, (str, bytes)) or not isinstance(several, Sequence):
        raise InvalidTypeError(f"Metric {name!r} must be a number or a list of numbers, got {values!r}.", metric=name)
    return [_value(name, value) for value in several]


def _value(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidTypeError(f"Metric {name!r} must be a number, got {value!r}.", metric=name)
    if not math.isfinite(value) or abs(value) > LARGEST_VALUE:
        raise InvalidInputError(f"Metric {name!r} must be finite and at most 1e50, got {value!r}.", metric=name)
    return float(value)
