"""A demo in which everything went as it should."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_versioned.repository.model import Alias, AliasChange, Artifact
from demo.facts import Check, Consumed, Facts, Retained
from demo.verification import EXPECTED_RUN_STATES, EXPECTED_STATES

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REASONS = (
    "the first model",
    "step 1 of 3",
    "step 2 of 3",
    "step 3 of 3",
    "promotion",
    "step 1 of 3",
    "check_5 said no",
)


def _artifact(version: str, minutes: int) -> Artifact:
    at = START + timedelta(minutes=minutes)
    return Artifact("digits", version, at, f"s3://bucket/digits/{version}", sha256=version * 64, size=20_000_000)


def _change(index: int) -> AliasChange:
    version, secondary_version, weight = EXPECTED_STATES[index]
    return AliasChange(
        name="digits",
        alias="prod",
        sequence=index + 1,
        action="put",
        changed_at=START + timedelta(minutes=index + 1, seconds=30),
        version=version,
        secondary_version=secondary_version,
        secondary_version_weight=weight,
        revision=f"r{index}",
        reason=REASONS[index],
    )


def _check(weight: int, stable: str, canary: str, canary_accuracy: float, verdict: str) -> Check:
    return Check(weight, stable, canary, 0.9, canary_accuracy, 3000, 100 * weight, verdict)


@pytest.fixture
def facts() -> Facts:
    """What a demo finds when all is well."""
    return Facts(
        run_states=dict(EXPECTED_RUN_STATES),
        artifacts=(_artifact("LATEST", 6), _artifact("3", 6), _artifact("2", 2), _artifact("1", 1)),
        damaged=(),
        alias=Alias("digits", "prod", START, "2", None, None, "s3://bucket/digits/2", None, sequence=7),
        history=tuple(_change(index) for index in range(len(EXPECTED_STATES))),
        checks=(
            *(_check(weight, "1", "2", 0.97, "success") for weight in (5, 25, 50)),
            _check(5, "2", "3", 0.1, "failure"),
        ),
        consumed=Consumed("2", "2" * 64, met_version="2", met_canary=None),
        plan=(
            Retained("digits", "3", purge=False, reason="one of the newest 1"),
            Retained("digits", "2", purge=False, reason="alias prod"),
            Retained("digits", "1", purge=True, reason="not among the newest 1, no alias"),
        ),
    )
