"""Every operation on a rollout, disturbed at every request: whole effect or none, and repeating it converges."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_versioned.repository import Repository
from tests.repository import fault_wire
from tests.repository.fault_wire import Died, Wire
from tests.repository.invariants import Ledger, rows_of, targets_of
from tests.repository.rollout_stage import begin, bring, three_versions
from tests.servers import MINISTACK

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Aws, PlaceArguments

    Operation = Callable[[Repository, str], object]

pytestmark = pytest.mark.backends(MINISTACK)

JUDGEMENT = {"verdict": "success", "n": 1}
OPERATIONS: dict[str, tuple[str, Operation]] = {
    "start": ("absent", lambda r, n: r.start_rollout("m", n, 2, [5, 25], rollout_id="a")),
    "start with nothing to do": ("promoted", lambda r, n: r.start_rollout("m", n, 2, [5], rollout_id="again")),
    "supersede": ("at 5", lambda r, n: r.start_rollout("m", n, 3, [9], rollout_id="b", on_live="supersede")),
    "resume": ("at 5", lambda r, n: r.start_rollout("m", n, 2, [5, 9], rollout_id="b", on_live="resume")),
    "begin anew": ("rolled_back", lambda r, n: r.start_rollout("m", n, 2, [9], rollout_id="a", attempt=2)),
    "begin anew with another": ("at 5", lambda r, n: r.start_rollout("m", n, 3, [9], rollout_id="a", attempt=2)),
    "shift": ("begun", lambda r, n: r.shift_rollout("m", n, 5, rollout_id="a")),
    "shift on": ("at 5", lambda r, n: r.shift_rollout("m", n, 25, rollout_id="a")),
    "promote": ("at 25", lambda r, n: r.promote_rollout("m", n, rollout_id="a", in_turn=True)),
    "promote now": ("frozen", lambda r, n: r.promote_rollout("m", n)),
    "abort": ("at 25", lambda r, n: r.abort_rollout("m", n)),
    "abort before the first step": ("begun", lambda r, n: r.abort_rollout("m", n, rollout_id="a")),
    "skip": ("frozen", lambda r, n: r.skip_rollout_step("m", n)),
    "freeze": ("at 5", lambda r, n: r.freeze_rollout("m", n)),
    "unfreeze": ("frozen", lambda r, n: r.unfreeze_rollout("m", n)),
    "judge": ("at 5", lambda r, n: r.record_judgement("m", n, JUDGEMENT, rollout_id="a")),
    "roll back": ("promoted", lambda r, n: r.roll_back_promotion("m", n)),
}


@dataclass
class Stage:
    """A repository whose wire can fail, and one beside it."""

    sound: Repository
    disturbed: Repository
    wire: Wire
    aws: Aws
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def brought(self, state: str) -> str:
        """Make an alias whose rollout is in a state."""
        alias = f"prod{next(self.numbers)}"
        self.sound.put_alias("m", alias, 1)
        if state != "absent":
            begin(self.sound, ("m", alias))
            bring(self.sound, state, ("m", alias))
        return alias

    def disturb(self, fault: Any, at: int, times: int = 1) -> None:
        """Have a fault happen at the k-th request from now on."""
        self.wire.sent, self.wire.at, self.wire.times, self.wire.fault = 0, at, times, fault

    def look(self, alias: str) -> Any:
        """Return everything that a reader sees of alias and rollouts, without what differs from run to run."""
        found = [rollout for rollout in self.sound.list_rollouts("m") if rollout.alias == alias]
        for id_ in ("a", "b", "again"):
            try:
                found.append(self.sound.get_rollout("m", alias, rollout_id=id_))
            except LookupError:
                continue
        told = [
            (r.id, r.state, r.weight, r.step, r.weights, r.canary, r.skipped, r.attempt, r.judgement, r.superseded_by)
            for r in found
        ]
        return targets_of(self.sound.get_alias("m", alias)), rows_of(self.sound, "m", alias), told


@pytest.fixture
def stage(aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Stage:
    wire, s3, dynamodb = Wire(), aws.new_s3(), aws.new_dynamodb()
    wire.join(s3, dynamodb)
    disturbed = Repository(**unique_place, s3_client=s3, dynamodb_client=dynamodb)
    disturbed.list_aliases("warm-up")
    monkeypatch.setattr(disturbed._table, "_sleep", lambda _: None)
    three_versions(repository)
    return Stage(repository, disturbed, wire, aws)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_disturbed_at_any_request_has_whole_effect_or_none_and_may_be_repeated(
    stage: Stage, operation: str
) -> None:
    state, call = OPERATIONS[operation]
    alias = stage.brought(state)
    before = stage.look(alias)
    stage.disturb(None, 0)
    call(stage.disturbed, alias)
    requests, after = stage.wire.sent, stage.look(alias)
    assert after != before

    for at in range(1, requests + 1):
        for fault in (fault_wire.die_before, fault_wire.die_after):
            alias = stage.brought(state)
            stage.disturb(fault, at)
            with pytest.raises(Died):
                call(stage.disturbed, alias)
            assert stage.look(alias) in (before, after), f"torn by death at request {at}"
            call(stage.sound, alias)
            assert stage.look(alias) == after, f"repeated after death at request {at}"
        for fault, times in ((fault_wire.lose_answer, 1), (fault_wire.contend, 2)):
            alias = stage.brought(state)
            stage.disturb(fault, at, times)
            call(stage.disturbed, alias)
            assert stage.look(alias) == after, f"{fault.__name__} at request {at} was noticed"
    Ledger().check(stage.sound, stage.aws.dynamodb, "m")
