"""Rollouts: what may begin, move, be steered and end, from every state; and what the record then says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine

from airflow_provider_versioned.repository import (
    AliasNotFoundError,
    ArtifactNotFoundError,
    ConflictError,
    InvalidInputError,
    Repository,
    Rollout,
    RolloutNotFoundError,
)
from tests.repository.invariants import Ledger
from tests.repository.rollout_stage import HERE, begin, bring, everything, history, targets, three_versions
from tests.servers import MOTO

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws

pytestmark = pytest.mark.backends(MOTO)

STEER = ("skip_rollout_step", "freeze_rollout", "unfreeze_rollout")
END = ("promote_rollout", "abort_rollout")


@pytest.fixture
def begun(repository: Repository) -> Repository:
    """Versions 1, 2, 3, alias prod at 1, rollout ``a`` of version 2 begun by ann."""
    three_versions(repository)
    begin(repository)
    return repository


def brought(repository: Repository, state: str) -> Repository:
    """Bring rollout ``a`` from its beginning to a state."""
    bring(repository, state)
    return repository


def test_rollout_walks_its_steps_and_its_record_is_what_each_call_returned(begun: Repository, aws: Aws) -> None:
    seen = [begun.get_rollout(*HERE)]
    for weight in (5, 25):
        seen.append(begun.shift_rollout(*HERE, weight, rollout_id="a", changed_by="ann"))
        assert begun.get_rollout(*HERE) == seen[-1]
    seen.append(begun.promote_rollout(*HERE, rollout_id="a", in_turn=True, changed_by="ann"))

    assert begun.get_rollout(*HERE) == seen[-1] == begun.get_rollout(*HERE, rollout_id="a")
    assert [(r.state, r.weight, r.step) for r in seen] == [
        *(("live", 0, -1), ("live", 5, 0), ("live", 25, 1), ("promoted", 100, 1)),
    ]
    assert history(begun) == [("1", None, None), ("1", "2", 5), ("1", "2", 25), ("2", None, None)]
    rows = list(begun.list_alias_history(*HERE))
    assert [(row.reason, row.rollout) for row in rows[:3]] == [
        *(("promotion: better", "a"), ("step 2 of 2: better", "a"), ("step 1 of 2: better", "a")),
    ]
    assert json.loads(json.dumps(seen[-1].to_dict()))["state"] == "promoted"
    assert [r.id for r in begun.list_rollouts("m")] == ["a"]
    Ledger().check(begun, aws.dynamodb, "m")


def test_beginning_moves_nothing_and_makes_stable_what_the_alias_is_at(begun: Repository) -> None:
    assert targets(begun) == ("1", None, None)
    rollout = begun.get_rollout(*HERE)
    assert (rollout.stable, rollout.canary, rollout.began_by, rollout.reason) == ("1", "2", "ann", "better")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda r: r.start_rollout("m", "none", 2, [5], rollout_id="x"), AliasNotFoundError),
        (lambda r: r.start_rollout("m", "prod", 9, [5], rollout_id="x"), ArtifactNotFoundError),
        (lambda r: r.start_rollout("m", "prod", "LATEST", [5], rollout_id="x"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [], rollout_id="x"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [5, 5], rollout_id="x"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [0], rollout_id="x"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [100], rollout_id="x"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [True], rollout_id="x"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [5], rollout_id=""), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [5], rollout_id="x", on_live="?"), InvalidInputError),
        (lambda r: r.start_rollout("m", "prod", 2, [5], rollout_id="x", attempt=0), InvalidInputError),
        (lambda r: r.get_rollout("m", "prod"), RolloutNotFoundError),
        *((lambda r, m=m: getattr(r, m)("m", "prod"), RolloutNotFoundError) for m in (*STEER, *END)),
        (lambda r: r.roll_back_promotion("m", "prod"), RolloutNotFoundError),
        (lambda r: r.record_judgement("m", "prod", {"verdict": "success"}, rollout_id="a"), RolloutNotFoundError),
        (lambda r: r.shift_rollout("m", "prod", 5, rollout_id="a"), RolloutNotFoundError),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    repository: Repository, call: Callable[[Repository], object], error: type[Exception]
) -> None:
    three_versions(repository)
    with pytest.raises(error):
        call(repository)
    assert history(repository) == [("1", None, None)]
    assert list(repository.list_rollouts("m")) == []


@pytest.mark.parametrize("on_live", ["refuse", "resume"])
def test_live_rollout_of_another_id_is_refused_with_whose_since_when_and_where(begun: Repository, on_live: Any) -> None:
    before = everything(brought(begun, "at 5"))
    version = 2 if on_live == "refuse" else 3

    with pytest.raises(ConflictError, match=r"rollout 'a' of version 2 .* at 5 % \(step 1 of 2\), begun by ann at 20"):
        begun.start_rollout(*HERE, version, [5], rollout_id="b", on_live=on_live)
    assert everything(begun) == before


@pytest.mark.parametrize("state", ["begun", "at 5", "frozen"])
def test_superseding_takes_the_canary_along(begun: Repository, aws: Aws, state: str) -> None:
    brought(begun, state)
    begun.start_rollout(*HERE, 3, [50], rollout_id="b", on_live="supersede", started_by="bob", reason="hotfix")

    assert targets(begun) == ("1", None, None)
    old, new = begun.get_rollout(*HERE, rollout_id="a"), begun.get_rollout(*HERE)
    assert (old.state, old.superseded_by, old.ended_by, old.end_reason) == ("superseded", "b", "bob", "hotfix")
    assert (new.id, new.state, new.stable, new.canary) == ("b", "live", "1", "3")
    Ledger().check(begun, aws.dynamodb, "m")


@pytest.mark.parametrize("state", ["begun", "at 5", "frozen"])
def test_resuming_goes_on_under_the_new_id_at_the_weight_it_has(begun: Repository, aws: Aws, state: str) -> None:
    brought(begun, state)
    left = targets(begun)
    new = begun.start_rollout(*HERE, 2, [5, 10, 60], rollout_id="b", on_live="resume", started_by="bob")

    assert targets(begun) == left
    assert new == begun.get_rollout(*HERE)
    assert (new.weight, new.step) == ((0, -1) if state == "begun" else (5, 0))
    if left[1]:
        assert begun.get_alias(*HERE).rollout == "b"
    begun.unfreeze_rollout(*HERE)
    for weight in (5, 10, 60):
        begun.shift_rollout(*HERE, weight, rollout_id="b")
    Ledger().check(begun, aws.dynamodb, "m")


@pytest.mark.parametrize("state", ["superseded", "rolled_back", "overtaken"])
def test_rollout_that_is_over_moves_nothing_however_late_it_wakes(begun: Repository, state: str) -> None:
    before = everything(brought(begun, state))

    for method in (*STEER, "promote_rollout"):
        with pytest.raises(ConflictError, match=f"was {state.replace('_', ' ')}"):
            getattr(begun, method)(*HERE, rollout_id="a")
    with pytest.raises(ConflictError):
        begun.shift_rollout(*HERE, 25, rollout_id="a")
    with pytest.raises(ConflictError):
        begun.record_judgement(*HERE, {"verdict": "success"}, rollout_id="a")
    assert begun.abort_rollout(*HERE, rollout_id="a").state == state  # nothing of it is left to abort
    assert begun.start_rollout(*HERE, 2, [5, 25], rollout_id="a").state == state
    assert everything(begun) == before


def test_rollout_of_an_unknown_id_is_a_conflict_that_names_the_one_that_is_on(begun: Repository) -> None:
    before = everything(begun)
    for method in (*STEER, *END):
        with pytest.raises(ConflictError, match="rollout 'a' has taken its place"):
            getattr(begun, method)(*HERE, rollout_id="z")
    assert everything(begun) == before


@pytest.mark.parametrize(
    ("state", "call"),
    [
        ("at 25", lambda r: r.shift_rollout(*HERE, 5, rollout_id="a")),
        ("at 25", lambda r: r.shift_rollout(*HERE, 25, rollout_id="a")),
        ("promoted", lambda r: r.shift_rollout(*HERE, 25, rollout_id="a")),
        ("promoted", lambda r: r.promote_rollout(*HERE, changed_by="someone else")),
        ("rolled_back", lambda r: r.abort_rollout(*HERE, changed_by="someone else")),
        ("frozen", lambda r: r.freeze_rollout(*HERE, changed_by="someone else")),
        ("at 5", lambda r: r.unfreeze_rollout(*HERE)),
        ("at 5", lambda r: r.start_rollout(*HERE, 2, [5, 25], rollout_id="a", started_by="someone else")),
    ],
)
def test_what_is_done_already_is_not_done_again(
    begun: Repository, state: str, call: Callable[[Repository], Rollout]
) -> None:
    before = everything(brought(begun, state))
    assert call(begun) == begun.get_rollout(*HERE)
    assert everything(begun) == before


@pytest.mark.parametrize(
    ("state", "call", "why"),
    [
        ("begun", lambda r: r.shift_rollout(*HERE, 25, rollout_id="a"), "step before has not been made"),
        ("begun", lambda r: r.promote_rollout(*HERE, in_turn=True), "last step has not been made"),
        ("at 5", lambda r: r.promote_rollout(*HERE, in_turn=True), "last step has not been made"),
        ("begun", lambda r: r.skip_rollout_step(*HERE), "no step that could be skipped"),
        ("frozen", lambda r: r.shift_rollout(*HERE, 25, rollout_id="a"), r"frozen at 5 % .* by bob .*\(hm\); unfreeze"),
        ("frozen", lambda r: r.promote_rollout(*HERE, in_turn=True), "unfreeze it first"),
        ("promoted", lambda r: r.abort_rollout(*HERE), "undone with roll_back_promotion"),
        ("at 25", lambda r: r.roll_back_promotion(*HERE), "no promotion of it to undo"),
        ("rolled_back", lambda r: r.roll_back_promotion(*HERE), "no promotion of it to undo"),
        ("overtaken", lambda r: r.roll_back_promotion(*HERE), "no promotion of it to undo"),
    ],
)
def test_what_is_not_its_turn_is_refused_with_why(
    begun: Repository, state: str, call: Callable[[Repository], Rollout], why: str
) -> None:
    before = everything(brought(begun, state))
    with pytest.raises(ConflictError, match=why):
        call(begun)
    assert everything(begun) == before


@pytest.mark.parametrize("state", ["begun", "at 5", "at 25", "frozen"])
@pytest.mark.parametrize(("method", "left"), [("promote_rollout", "2"), ("abort_rollout", "1")])
def test_people_may_promote_or_abort_from_anywhere(
    begun: Repository, aws: Aws, state: str, method: str, left: str
) -> None:
    brought(begun, state)
    ended = getattr(begun, method)(*HERE, changed_by="bob", reason="I say so")

    assert ended == begun.get_rollout(*HERE)
    assert targets(begun) == (left, None, None)
    assert (ended.is_live, ended.ended_by, ended.end_reason, ended.frozen_at) == (False, "bob", "I say so", None)
    Ledger().check(begun, aws.dynamodb, "m")


def test_moved_by_hand_the_rollout_says_by_whom_and_another_may_begin(begun: Repository) -> None:
    brought(begun, "overtaken")
    rollout = begun.get_rollout(*HERE)

    assert (rollout.state, rollout.weight, rollout.ended_by, rollout.end_reason) == ("overtaken", None, "bob", "urgent")
    assert [r.state for r in begun.list_rollouts("m")] == ["overtaken"]
    begun.start_rollout(*HERE, 2, [50], rollout_id="b")
    assert begun.get_rollout(*HERE).stable == "3"
    assert begun.get_rollout(*HERE, rollout_id="a").state == "overtaken"


def test_canary_put_by_hand_is_in_no_rollouts_way_but_refused(begun: Repository) -> None:
    begun.put_alias(*HERE, 1, 3, 10, changed_by="bob")
    for on_live in ("refuse", "supersede", "resume"):
        with pytest.raises(ConflictError, match=r"version 3 at 10 %, moved by bob .* no live rollout's"):
            begun.start_rollout(*HERE, 2, [5], rollout_id="b", on_live=on_live)
    assert targets(begun) == ("1", "3", 10)


def test_ended_rollout_begins_anew_only_as_a_higher_attempt(begun: Repository) -> None:
    brought(begun, "rolled_back")
    assert begun.start_rollout(*HERE, 2, [5, 25], rollout_id="a").is_live is False
    again = begun.start_rollout(*HERE, 2, [5, 25], rollout_id="a", attempt=2)

    assert (again.is_live, again.attempt, again.weight, again.judgement) == (True, 2, 0, None)
    begun.shift_rollout(*HERE, 5, rollout_id="a")
    assert targets(begun) == ("1", "2", 5)


def test_promotion_that_stands_stays_when_it_is_begun_anew(begun: Repository) -> None:
    brought(begun, "promoted")
    again = begun.start_rollout(*HERE, 2, [5, 25], rollout_id="a", attempt=2)

    assert (again.state, again.attempt) == ("promoted", 2)
    begun.roll_back_promotion(*HERE)
    assert targets(begun) == ("1", None, None)


def test_version_that_is_alone_already_is_promoted_from_the_start(begun: Repository) -> None:
    brought(begun, "promoted")
    nothing = begun.start_rollout(*HERE, 2, [5], rollout_id="nightly")

    assert (nothing.state, nothing.promoted_at) == ("promoted", None)
    assert begun.get_rollout(*HERE, rollout_id="nightly") == nothing
    assert begun.start_rollout(*HERE, 2, [5], rollout_id="nightly") == nothing
    assert begun.get_rollout(*HERE).id == "a"  # so that its promotion can still be undone
    assert begun.roll_back_promotion(*HERE, changed_by="bob").state == "rolled_back"


def test_promotion_is_undone_within_its_window_once(begun: Repository) -> None:
    brought(begun, "promoted")
    with (
        time_machine.travel(datetime.now(UTC) + timedelta(hours=2)),
        pytest.raises(ConflictError, match=r"7\d\d\d s ago, and the window is 3600 s"),
    ):
        begun.roll_back_promotion(*HERE, within_secs=3600)
    back = begun.roll_back_promotion(*HERE, changed_by="bob", reason="worse")

    assert (back.state, back.ended_by, back.end_reason) == ("rolled_back", "bob", "worse")
    before = everything(begun)
    assert begun.roll_back_promotion(*HERE) == back
    assert everything(begun) == before


def test_promotion_is_not_undone_over_the_head_of_who_moved_the_alias_since(begun: Repository) -> None:
    brought(begun, "promoted")
    begun.put_alias(*HERE, 3, changed_by="eve")

    with pytest.raises(ConflictError, match="the alias was moved since: it is at version 3 alone, moved by eve"):
        begun.roll_back_promotion(*HERE)
    assert targets(begun) == ("3", None, None)


def test_frozen_time_does_not_count_as_baked(begun: Repository) -> None:
    shifted = begun.shift_rollout(*HERE, 5, rollout_id="a").stepped_at
    assert shifted is not None
    with time_machine.travel(shifted + timedelta(seconds=10), tick=False):
        begun.freeze_rollout(*HERE)
    with time_machine.travel(shifted + timedelta(seconds=1000), tick=False):
        assert begun.get_rollout(*HERE).baked_secs() == 10
        begun.unfreeze_rollout(*HERE)
    with time_machine.travel(shifted + timedelta(seconds=1005), tick=False):
        assert begun.get_rollout(*HERE).baked_secs() == 15
        begun.shift_rollout(*HERE, 25, rollout_id="a")
    with time_machine.travel(shifted + timedelta(seconds=1006), tick=False):
        assert begun.get_rollout(*HERE).baked_secs() == 1


def test_skipping_lets_a_frozen_rollout_go_on_and_holds_for_one_step(begun: Repository) -> None:
    brought(begun, "frozen")
    skipped = begun.skip_rollout_step(*HERE, changed_by="eve")

    assert (skipped.state, skipped.skipped, skipped.skipped_by) == ("live", True, "eve")
    assert begun.shift_rollout(*HERE, 25, rollout_id="a").skipped is False


def test_judgement_is_kept_as_strict_json(begun: Repository) -> None:
    brought(begun, "at 5")
    told = {"verdict": "success", "detail": {"ratio": float("nan"), "at": datetime(2026, 1, 1, tzinfo=UTC), "n": [1]}}
    kept = begun.record_judgement(*HERE, told, rollout_id="a").judgement

    assert kept == begun.get_rollout(*HERE).judgement
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept
    for wrong in ({}, {"verdict": "x" * 30_000}, "success"):
        with pytest.raises(InvalidInputError):
            begun.record_judgement(*HERE, wrong, rollout_id="a")  # type: ignore[arg-type] # on purpose


def test_approval_of_a_promotion_is_kept_in_the_history(begun: Repository) -> None:
    approval = {"approved_by": "eve", "approved_at": "2026-01-01T00:00:00+00:00", "comment": "ok"}
    begun.promote_rollout(*HERE, approval=approval)
    assert next(begun.list_alias_history(*HERE)).approval == approval


def test_stable_version_deleted_since_a_promotion_cannot_be_gone_back_to(begun: Repository) -> None:
    brought(begun, "promoted")
    begun.delete_artifact_version("m", 1)
    before = everything(begun)

    with pytest.raises(ArtifactNotFoundError):
        begun.roll_back_promotion(*HERE)
    assert everything(begun) == before


def test_doctor_knows_the_records(begun: Repository) -> None:
    brought(begun, "superseded")
    assert list(begun.verify("m")) == []
