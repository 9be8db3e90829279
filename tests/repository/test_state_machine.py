"""Two repositories at one place, driven at random beside a plain model, with faults; and a test of that test."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from airflow_provider_versioned.repository import VersionedError
from airflow_provider_versioned.repository.alias_change import Attempt
from airflow_provider_versioned.repository.aliases import Aliases
from airflow_provider_versioned.repository.latest import Latest
from airflow_provider_versioned.repository.objects import Objects
from airflow_provider_versioned.repository.publish import Publisher
from airflow_provider_versioned.repository.versions import Hiding
from tests.repository.machine_rules import START, Everything, Rivals, machine
from tests.repository.planting import plant
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws, PlaceArguments

pytestmark = pytest.mark.backends(MOTO)
EXAMPLES = int(os.environ.get("VERSIONED_TEST_EXAMPLES", "25"))
LONGEST_SHRUNK = 3

# Each condition stands beside others that catch most of what it lets through, so some bugs take two to show.
PLANTED: dict[str, tuple[tuple[object, str, str, str], ...]] = {
    "a deleted version may become a target": (
        (Attempt, "_move", "version, live(), forget=False", "version, ArtifactItem.pk.exists(), forget=False"),
    ),
    "if_revision is not demanded": ((Aliases, "_demand_revision", "change.if_revision is None", "True"),),
    "former targets are not forgotten": (
        (Attempt, "_move", "self._view.targets.versions - self._change.targets.versions - gone", "()"),
    ),
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
    "LATEST is taken for unchanged while deleted": ((Latest, "_announce", "live() & (Art", "(Art"),),
    "a copy is not compared with its source": ((Objects, "copy", "if etag != stored.etag:", "if False:"),),
}

# Shrinking takes minutes for the others; VERSIONED_TEST_PLANTED=all runs every one.
QUICK = ["former targets are not forgotten", "a copy is not compared with its source", "if_revision is not demanded"]


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


@pytest.mark.parametrize("bug", [*PLANTED] if os.environ.get("VERSIONED_TEST_PLANTED") == "all" else QUICK)
def test_machine_finds_a_planted_bug_and_shows_it_in_few_steps(
    aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    for piece in PLANTED[bug]:
        plant(monkeypatch, *piece)
    bound = machine(Rivals, aws, unique_place, repository, START)
    with pytest.raises((AssertionError, VersionedError)) as caught:
        run(bound, 400, steps=5)
    lines = [line for note in getattr(caught.value, "__notes__", ()) for line in note.splitlines()]
    steps = [line for line in lines if line.startswith("state.") and "teardown" not in line]
    sys.stderr.write("\n".join([f"{bug}: {bound.tally}", *lines, ""]))  # read it with pytest -s
    assert 1 <= len(steps) <= LONGEST_SHRUNK
