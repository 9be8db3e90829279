"""Rollouts on servers whose transactions are real: one winner, and never a canary of a rollout that is over."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import ConflictError, Rollout
from tests.repository.invariants import Ledger
from tests.repository.rollout_stage import begin, bring, three_versions
from tests.repository.test_races import at_once, sibling
from tests.servers import TRANSACTIONAL

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.servers import Aws

pytestmark = pytest.mark.backends(*TRANSACTIONAL)

ROUNDS = 5


def carried_by(repository: Repository, name: str) -> str | None:
    """Return the rollout whose canary is on the alias, and assert that it is the one that is live."""
    alias, last = repository.get_alias(name, "prod"), repository.get_rollout(name, "prod")
    if alias.secondary_version is None:
        return None
    assert (last.is_live, last.id, last.weight) == (True, alias.rollout, alias.secondary_version_weight)
    return alias.rollout


def test_many_begin_at_once_one_wins_and_is_named(repository: Repository, aws: Aws) -> None:
    three_versions(repository)
    siblings = [sibling(repository, aws) for _ in range(8)]
    results = at_once(
        [
            partial(r.start_rollout, "m", "prod", 2 + n % 2, [5], rollout_id=f"run {n}", started_by=f"person {n}")
            for n, r in enumerate(siblings)
        ]
    )
    [winner] = [result for result in results if isinstance(result, Rollout)]
    losers = [str(result) for result in results if isinstance(result, ConflictError)]
    assert len(losers) == 7
    assert all(f"rollout {winner.id!r}" in loser and f"begun by {winner.began_by}" in loser for loser in losers)
    assert repository.get_rollout("m", "prod") == winner


def test_same_run_begins_many_times_at_once_as_one(repository: Repository, aws: Aws) -> None:
    three_versions(repository)
    siblings = [sibling(repository, aws) for _ in range(6)]
    results = at_once([partial(r.start_rollout, "m", "prod", 2, [5], rollout_id="a") for r in siblings])
    assert {result.began_at for result in results} == {repository.get_rollout("m", "prod").began_at}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_abort_against_shift_and_promotion_never_leaves_a_canary(repository: Repository, aws: Aws, round_: int) -> None:
    three_versions(repository)
    begin(repository)
    bring(repository, "at 5")
    one, two, three = (sibling(repository, aws) for _ in range(3))
    results: list[Any] = at_once(
        [
            partial(one.shift_rollout, "m", "prod", 25, rollout_id="a"),
            partial(two.abort_rollout, "m", "prod", changed_by="ann"),
            *([partial(three.promote_rollout, "m", "prod", rollout_id="a")] if round_ % 2 else []),
        ]
    )
    assert carried_by(repository, "m") is None
    state = repository.get_rollout("m", "prod").state
    assert repository.get_alias("m", "prod").version == {"rolled_back": "1", "promoted": "2"}[state]
    assert len([r for r in results[1:] if not isinstance(r, Exception)]) == 1
    Ledger().check(repository, aws.dynamodb, "m")


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_superseding_against_a_late_worker_leaves_the_new_rollouts_canary_or_none(
    repository: Repository, aws: Aws, round_: int
) -> None:
    name = f"m{round_}"
    three_versions(repository, name)
    begin(repository, (name, "prod"))
    bring(repository, "at 5", (name, "prod"))
    late, new = sibling(repository, aws), sibling(repository, aws)

    def supersede_and_shift() -> None:
        new.start_rollout(name, "prod", 3, [9, 40], rollout_id="b", on_live="supersede")
        new.shift_rollout(name, "prod", 9, rollout_id="b")

    moves = [partial(late.shift_rollout, name, "prod", 25, rollout_id="a")]
    moves += [partial(late.promote_rollout, name, "prod", rollout_id="a", in_turn=True)]
    results = at_once([supersede_and_shift, *moves])

    assert results[0] is None
    assert carried_by(repository, name) == "b"
    # The late worker may have been the quicker one, and at the end before the other rollout began.
    state = "promoted" if isinstance(results[2], Rollout) else "superseded"
    assert repository.get_rollout(name, "prod", rollout_id="a").state == state
    assert repository.get_rollout(name, "prod").stable == {"promoted": "2", "superseded": "1"}[state]
    if state == "superseded":
        with pytest.raises(ConflictError, match="superseded by b"):
            late.shift_rollout(name, "prod", 25, rollout_id="a")
    else:
        assert late.shift_rollout(name, "prod", 25, rollout_id="a").state == state
        assert carried_by(repository, name) == "b"
    Ledger().check(repository, aws.dynamodb, name)


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_person_who_moves_the_alias_against_a_rollout_is_never_overruled(
    repository: Repository, aws: Aws, round_: int
) -> None:
    name = f"m{round_}"
    three_versions(repository, name)
    begin(repository, (name, "prod"))
    bring(repository, "at 5", (name, "prod"))
    one, two = sibling(repository, aws), sibling(repository, aws)
    at_once(
        [
            partial(one.shift_rollout, name, "prod", 25, rollout_id="a"),
            partial(two.put_alias, name, "prod", 3, changed_by="ann"),
            partial(one.abort_rollout if round_ % 2 else one.skip_rollout_step, name, "prod", rollout_id="a"),
        ]
    )
    assert repository.get_alias(name, "prod").version == "3"
    assert repository.get_alias(name, "prod").changed_by == "ann"
    assert not repository.get_rollout(name, "prod").is_live
    Ledger().check(repository, aws.dynamodb, name)


def test_steering_at_once_loses_nothing(repository: Repository, aws: Aws) -> None:
    three_versions(repository)
    begin(repository)
    bring(repository, "at 5")
    siblings = [sibling(repository, aws) for _ in range(4)]
    judge = {"verdict": "success"}
    at_once(
        [
            partial(siblings[0].record_judgement, "m", "prod", judge, rollout_id="a"),
            partial(siblings[1].freeze_rollout, "m", "prod"),
            partial(siblings[2].record_judgement, "m", "prod", judge, rollout_id="a"),
        ]
    )
    rollout = repository.get_rollout("m", "prod")
    assert (rollout.state, rollout.judgement) == ("frozen", judge)
