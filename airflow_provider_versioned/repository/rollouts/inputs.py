"""What a caller may pass to the operations on rollouts. Pure."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from airflow_provider_versioned.repository.errors import InvalidInputError, InvalidTypeError
from airflow_provider_versioned.repository.inputs import LATEST, check_text, check_version

LOWEST, HIGHEST = 1, 99  # a canary at 100 % is no canary: that is the promotion
ON_LIVE = ("refuse", "supersede", "resume")
MAX_JUDGEMENT = 20_000


def check_canary(version: Any) -> str:
    """Allow a version as canary: a number, because LATEST may change under way."""
    canary = check_version(version)
    if version is None or canary == LATEST:
        raise InvalidInputError(f"A rollout needs a numbered version, got {version!r}.", version=version)
    return canary


def check_weights(weights: Sequence[int]) -> tuple[int, ...]:
    """Allow the weights of the steps: whole percent from 1 to 99, each more than the one before."""
    given = list(weights) if isinstance(weights, Sequence) and not isinstance(weights, str) else [weights]
    whole = all(isinstance(weight, int) and not isinstance(weight, bool) for weight in given)
    ascending = whole and all(low < high for low, high in itertools.pairwise(given))
    if not given or not ascending or not LOWEST <= given[0] <= given[-1] <= HIGHEST:
        raise InvalidInputError(
            f"The steps of a rollout must be one or more weights from {LOWEST} to {HIGHEST} in ascending order, got "
            f"{given!r}.",
            steps=given,
        )
    return tuple(given)


def check_rollout_id(rollout_id: str | None) -> str:
    """Allow the id of a rollout."""
    checked = check_text("rollout_id", rollout_id)
    if not checked:
        raise InvalidInputError("A rollout needs an id that is the same for all its calls, in rollout_id.")
    return checked


def check_on_live(on_live: str) -> str:
    """Allow what becomes of a live rollout that is met."""
    if on_live not in ON_LIVE:
        raise InvalidInputError(f"on_live must be one of {', '.join(ON_LIVE)}, got {on_live!r}.", on_live=on_live)
    return on_live


def check_attempt(attempt: int) -> int:
    """Allow the number of an attempt."""
    if not isinstance(attempt, int) or isinstance(attempt, bool):
        raise InvalidTypeError(f"attempt must be a whole number, got {attempt!r}.")
    if attempt < 1:
        raise InvalidInputError(f"attempt must be 1 or more, got {attempt}.")
    return attempt


def check_judgement(judgement: Mapping[str, Any]) -> dict[str, Any]:
    """Return a judgement as strict JSON-able values: no NaN, which JSON does not know."""
    if not isinstance(judgement, Mapping) or "verdict" not in judgement:
        raise InvalidTypeError(f"A judgement must be a mapping with a verdict, got {judgement!r}.")
    plain: dict[str, Any] = _strict(dict(judgement))
    if len(json.dumps(plain)) > MAX_JUDGEMENT:
        raise InvalidInputError(f"A judgement must be at most {MAX_JUDGEMENT} characters of JSON; tell less.")
    return plain


def _strict(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _strict(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_strict(entry) for entry in value]
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)
