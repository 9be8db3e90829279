"""Is what the demo shows true? Each claim is checked against the repository's own records.

Pure: facts in, claims out. The demo succeeds only when every claim is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_versioned.repository.model import AliasChange
    from demo.facts import Check, Facts

MIN_BYTES = 10_000_000
MAX_BYTES = 100_000_000

FIRST, BETTER, BAD = "1", "2", "3"
STEPS = (5, 25, 50)

PUBLISH_DAG = "example_publish_and_promote"
CANARY_DAG = "example_staged_canary"
ROLLED_BACK_DAG = "example_canary_rolled_back"
CONSUME_DAG = "example_consume_by_alias"
RETENTION_DAG = "example_nightly_retention"

EXPECTED_RUN_STATES = {
    PUBLISH_DAG: "success",
    CANARY_DAG: "success",
    ROLLED_BACK_DAG: "failed",
    CONSUME_DAG: "success",
    RETENTION_DAG: "success",
}

State = tuple[str | None, str | None, int | None]
EXPECTED_STATES: tuple[State, ...] = (
    (FIRST, None, None),
    *((FIRST, BETTER, weight) for weight in STEPS),
    (BETTER, None, None),
    (BETTER, BAD, STEPS[0]),
    (BETTER, None, None),
)


@dataclass(frozen=True)
class Claim:
    """Something that the demo asserts.

    Attributes:
        found: What was found, for the reader when the claim is false.
    """

    text: str
    true: bool
    found: str


def verify(facts: Facts) -> list[Claim]:
    """Every claim of the demo, true or not."""
    return [
        _runs(facts),
        _contents(facts),
        _history(facts),
        _alias(facts),
        *_checks(facts),
        _consumer(facts),
        *_retention(facts),
    ]


def _runs(facts: Facts) -> Claim:
    states = dict(facts.run_states)
    return Claim(
        "every Dag run succeeded, except the bad canary's, which ended failed",
        states == EXPECTED_RUN_STATES,
        f"{states}",
    )


def _contents(facts: Facts) -> Claim:
    sizes = {artifact.version: artifact.size for artifact in facts.artifacts if artifact.version != "LATEST"}
    complete = set(sizes) == {FIRST, BETTER, BAD}
    large = all(size is not None and MIN_BYTES <= size <= MAX_BYTES for size in sizes.values())
    return Claim(
        "three versions are live, tens of MB each, and their bytes hash to the sha256 in their records",
        complete and large and not facts.damaged,
        f"sizes {sizes}, damaged {list(facts.damaged)}",
    )


def _history(facts: Facts) -> Claim:
    states = tuple(_state(change) for change in facts.history)
    sequences = [change.sequence for change in facts.history]
    return Claim(
        "the alias's history has every weight once, in order: "
        + ", ".join(f"{weight} %" for weight in (*STEPS, 100))
        + f" for the better model, {STEPS[0]} % and back for the bad one",
        states == EXPECTED_STATES and sequences == list(range(1, len(sequences) + 1)),
        f"states {list(states)}, sequences {sequences}",
    )


def _alias(facts: Facts) -> Claim:
    alias = facts.alias
    now = (alias.version, alias.secondary_version, alias.secondary_version_weight)
    last = facts.history[-1] if facts.history else None
    agrees = last is not None and last.sequence == alias.sequence and _state(last) == now
    return Claim(
        f"{alias.alias} is back on v{BETTER} alone, and its history ends there",
        now == (BETTER, None, None) and agrees,
        f"{now}, history ends with {last}",
    )


def _checks(facts: Facts) -> Iterator[Claim]:
    better = [check for check in facts.checks if check.canary == BETTER]
    bad = [check for check in facts.checks if check.canary == BAD]
    yield Claim(
        "the better model won on real predictions at every step",
        [check.weight for check in better] == list(STEPS) and all(_passed(check) for check in better),
        f"{better}",
    )
    yield Claim(
        f"the model with shuffled labels lost at {STEPS[0]} %, and went no further",
        [check.weight for check in bad] == [STEPS[0]] and all(_failed(check) for check in bad),
        f"{bad}",
    )


def _consumer(facts: Facts) -> Claim:
    sha256 = {artifact.version: artifact.sha256 for artifact in facts.artifacts}
    consumed = facts.consumed
    waited = consumed is not None and (consumed.met_version, consumed.met_canary) == (BETTER, None)
    got = consumed is not None and (consumed.version, consumed.sha256) == (BETTER, sha256.get(BETTER))
    return Claim(
        f"the consumer waited until v{BETTER} was alone, and got exactly its bytes", waited and got, f"{consumed}"
    )


def _retention(facts: Facts) -> Iterator[Claim]:
    decisions = {entry.version: entry for entry in facts.plan}
    yield Claim(
        "retention's plan gives a reason for each version",
        set(decisions) == {FIRST, BETTER, BAD} and all(entry.reason for entry in facts.plan),
        f"{list(facts.plan)}",
    )
    purged = {entry.version for entry in facts.plan if entry.purge}
    live = {artifact.version for artifact in facts.artifacts}
    yield Claim(
        f"it would purge v{FIRST} and keep what {facts.alias.alias} uses; being a dry run, it purged nothing",
        purged == {FIRST} and purged <= live,
        f"would purge {sorted(purged)}, live {sorted(live)}",
    )


def _state(change: AliasChange) -> State:
    return (change.version, change.secondary_version, change.secondary_version_weight)


def _passed(check: Check) -> bool:
    return check.verdict == "success" and check.canary_requests > 0 and check.canary_accuracy > check.stable_accuracy


def _failed(check: Check) -> bool:
    return check.verdict == "failure" and check.canary_requests > 0 and check.canary_accuracy < check.stable_accuracy
