"""Two repositories at one place, driven at random beside a plain model, with faults; and a test of that test."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.shrinker import Shrinker
from hypothesis.stateful import run_state_machine_as_test

from airflow_provider_versioned.repository import VersionedError
from airflow_provider_versioned.repository.alias_change import Attempt
from airflow_provider_versioned.repository.aliases import Aliases
from airflow_provider_versioned.repository.publish import Publisher
from airflow_provider_versioned.repository.versions import Hiding
from tests.repository.machine import CALM, CURRENT, PUBLISH, Call, Weather
from tests.repository.machine_rules import START, Everything, Rivals, machine
from tests.repository.planting import plant
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MOTO)
EXAMPLES = 25
LONGEST_SHRUNK = 3

# Each condition stands beside others that catch most of what it lets through, so some bugs take two to show.
PLANTED: dict[str, tuple[tuple[object, str, str, str], ...]] = {
    "a deleted version may become a target": (
        (Attempt, "_move", "version, live(), forget=False", "version, ArtifactItem.pk.exists(), forget=False"),
    ),
    "if_revision is not demanded": ((Aliases, "demand_revision", "change.if_revision is None", "True"),),
    "deletion does not look at the set of aliases": ((Hiding, "__init__", "there & free", "there"),),
    "a number is given twice": (
        (Publisher, "_claim_writes", "unmoved, CounterItem.highest.set", "None, CounterItem.highest.set"),
        (
            Publisher,
            "_claim_writes",
            "put(claim, ArtifactItem.pk.does_not_exist() if guessed else ",
            "put(claim, None and ",
        ),
    ),
}

# The others take minutes; VERSIONED_TEST_PLANTED=all runs every one.
QUICK = ["a deleted version may become a target", "if_revision is not demanded"]


def run(bound: type[Rivals], examples: int, steps: int) -> None:
    """Run a machine, the same one each time."""
    profile = settings(
        max_examples=examples,
        stateful_step_count=steps,
        derandomize=True,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    # In a thread of its own, whose stack begins empty: CPython maps and unmaps memory whenever a deep stack, such as
    # pytest's, hypothesis's and botocore's together, crosses a page of frames, and that doubled the time.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(run_state_machine_as_test, bound, settings=profile).result()


def test_two_repositories_at_one_place_do_what_the_model_does(
    aws: Aws, unique_place: PlaceArguments, repository: Repository
) -> None:
    bound = machine(Everything, aws, unique_place, repository)
    run(bound, EXAMPLES, steps=20)
    assert bound.tally.examples >= EXAMPLES
    assert bound.tally.faults > 0
    assert bound.tally.interleaved > 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        # Found by the machine: the second call comes in the middle of the first.
        (Call("rollback_alias", {"alias": "prod", "if_revision": CURRENT}), Call("delete_alias", {"alias": "prod"})),
        (Call("restore_artifact_version", {"version": "1"}), Call("delete_artifact_version", {"version": "1"})),
        (Call(PUBLISH, {"content": b"one"}), Call("purge_artifact")),
    ],
    ids=lambda call: call.method,
)
def test_one_call_in_the_middle_of_another_is_as_if_before_or_after(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, first: Call, second: Call
) -> None:
    bound = machine(Rivals, aws, unique_place, repository, START)
    for at in range(1, 7):
        driver = bound().driver
        driver.step(Call("delete_artifact_version", {"version": "1"}), 0, CALM)
        driver.step(first, 0, Weather(at=at, other=second))
        driver.check()
        driver.forget()


@pytest.mark.parametrize("bug", [*PLANTED] if os.environ.get("VERSIONED_TEST_PLANTED") == "all" else QUICK)
def test_machine_finds_a_planted_bug_and_shows_it_in_few_steps(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    for piece in PLANTED[bug]:
        plant(monkeypatch, *piece)
    # After so many tries in vain it is small enough; Hypothesis itself would go on for minutes.
    monkeypatch.setattr(Shrinker, "max_stall", property(lambda _: 30, lambda *_: None), raising=False)
    bound = machine(Rivals, aws, unique_place, repository, START)
    with pytest.raises((AssertionError, VersionedError)) as caught:
        run(bound, 400, steps=4)
    lines = [line for note in getattr(caught.value, "__notes__", ()) for line in note.splitlines()]
    steps = [line for line in lines if line.startswith("state.") and "teardown" not in line]
    sys.stderr.write("\n".join([f"{bug}: {bound.tally}", *lines, ""]))  # read it with pytest -s
    assert 1 <= len(steps) <= LONGEST_SHRUNK
