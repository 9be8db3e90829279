"""The demo may succeed only when everything that it shows is true."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from demo.facts import Consumed
from demo.verification import CANARY_DAG, ROLLED_BACK_DAG, verify

if TYPE_CHECKING:
    from collections.abc import Callable

    from demo.facts import Facts


def test_verify_when_all_is_well_finds_every_claim_true(facts: Facts) -> None:
    assert [claim.text for claim in verify(facts) if not claim.true] == []


def _with_state(dag_id: str, state: str) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, run_states={**facts.run_states, dag_id: state})


def _with_size(size: int | None) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, artifacts=tuple(replace(artifact, size=size) for artifact in facts.artifacts))


def _without_change(index: int) -> Callable[[Facts], Facts]:
    return lambda facts: replace(facts, history=(*facts.history[:index], *facts.history[index + 1 :]))


def _with_check(index: int, **values: float | str) -> Callable[[Facts], Facts]:
    def changed(facts: Facts) -> Facts:
        checks = list(facts.checks)
        checks[index] = replace(checks[index], **values)  # type: ignore[arg-type] # fields of several types
        return replace(facts, checks=tuple(checks))

    return changed


def _with_sequences(*sequences: int) -> Callable[[Facts], Facts]:
    return lambda facts: replace(
        facts,
        history=tuple(replace(row, sequence=number) for row, number in zip(facts.history, sequences, strict=True)),
    )


def _live(*versions: str) -> Callable[[Facts], Facts]:
    return lambda facts: replace(
        facts, artifacts=tuple(artifact for artifact in facts.artifacts if artifact.version in versions)
    )


@pytest.mark.parametrize(
    ("change", "claim"),
    [
        (_with_state(CANARY_DAG, "failed"), "every Dag run"),
        (_with_state(ROLLED_BACK_DAG, "success"), "every Dag run"),
        (lambda facts: replace(facts, run_states={}), "every Dag run"),
        (_with_size(9_999_999), "tens of MB"),
        (_with_size(None), "tens of MB"),
        (_live("LATEST", "3", "2"), "three versions are live"),
        (lambda facts: replace(facts, damaged=("2",)), "hash to the sha256"),
        (_without_change(2), "every weight once"),
        (_without_change(6), "every weight once"),
        (_with_sequences(1, 2, 3, 4, 5, 7, 8), "every weight once"),
        (lambda facts: replace(facts, history=()), "every weight once"),
        (lambda facts: replace(facts, alias=replace(facts.alias, version="3")), "back on v2 alone"),
        (
            lambda facts: replace(facts, alias=replace(facts.alias, secondary_version="3", secondary_version_weight=5)),
            "back on v2 alone",
        ),
        (lambda facts: replace(facts, alias=replace(facts.alias, sequence=8)), "its history ends there"),
        (_with_check(1, canary_accuracy=0.9), "won on real predictions"),
        (_with_check(1, canary_requests=0), "won on real predictions"),
        (_with_check(0, verdict="inconclusive"), "won on real predictions"),
        (lambda facts: replace(facts, checks=facts.checks[1:]), "won on real predictions"),
        (_with_check(3, canary_accuracy=0.95), "shuffled labels lost"),
        (_with_check(3, weight=25), "shuffled labels lost"),
        (lambda facts: replace(facts, checks=facts.checks[:3]), "shuffled labels lost"),
        (lambda facts: replace(facts, consumed=None), "the consumer"),
        (lambda facts: replace(facts, consumed=Consumed("1", "1" * 64, "2", None)), "the consumer"),
        (lambda facts: replace(facts, consumed=Consumed("2", "1" * 64, "2", None)), "the consumer"),
        (lambda facts: replace(facts, consumed=Consumed("2", "2" * 64, "1", "2")), "the consumer"),
        (lambda facts: replace(facts, plan=facts.plan[1:]), "a reason for each version"),
        (
            lambda facts: replace(facts, plan=(*facts.plan[:2], replace(facts.plan[2], reason=""))),
            "a reason for each version",
        ),
        (
            lambda facts: replace(facts, plan=tuple(replace(entry, purge=True) for entry in facts.plan)),
            "it would purge v1",
        ),
        (_live("LATEST", "3", "2"), "it would purge v1"),
    ],
)
def test_verify_when_something_is_not_so_finds_that_claim_false(
    facts: Facts, change: Callable[[Facts], Facts], claim: str
) -> None:
    false = [found.text for found in verify(change(facts)) if not found.true]

    assert any(claim in text for text in false), false
