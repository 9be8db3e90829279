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
    "start": ("absent", lambda r, n: r.start_rollout(n, "prod", 2, [5, 25], rollout_id="a")),
    "start with nothing to do": ("promoted", lambda r, n: r.start_rollout(n, "prod", 2, [5], rollout_id="again")),
    "supersede": ("at 5", lambda r, n: r.start_rollout(n, "prod", 3, [9], rollout_id="b", on_live="supersede")),
    "resume": ("at 5", lambda r, n: r.start_rollout(n, "prod", 2, [5, 9], rollout_id="b", on_live="resume")),
    "begin anew": ("rolled_back", lambda r, n: r.start_rollout(n, "prod", 2, [9], rollout_id="a", attempt=2)),
    "begin anew with another": ("at 5", lambda r, n: r.start_rollout(n, "prod", 3, [9], rollout_id="a", attempt=2)),
    "shift": ("begun", lambda r, n: r.shift_rollout(n, "prod", 5, rollout_id="a")),
    "shift on": ("at 5", lambda r, n: r.shift_rollout(n, "prod", 25, rollout_id="a")),
    "promote": ("at 25", lambda r, n: r.promote_rollout(n, "prod", rollout_id="a", in_turn=True)),
    "promote now": ("frozen", lambda r, n: r.promote_rollout(n, "prod")),
    "abort": ("at 25", lambda r, n: r.abort_rollout(n, "prod")),
    "abort before the first step": ("begun", lambda r, n: r.abort_rollout(n, "prod", rollout_id="a")),
    "skip": ("frozen", lambda r, n: r.skip_rollout_step(n, "prod")),
    "freeze": ("at 5", lambda r, n: r.freeze_rollout(n, "prod")),
    "unfreeze": ("frozen", lambda r, n: r.unfreeze_rollout(n, "prod")),
    "judge": ("at 5", lambda r, n: r.record_judgement(n, "prod", JUDGEMENT, rollout_id="a")),
    "roll back": ("promoted", lambda r, n: r.roll_back_promotion(n, "prod")),
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
        """Make an artifact whose rollout is in a state."""
        name = f"m{next(self.numbers)}"
        three_versions(self.sound, name)
        if state != "absent":
            begin(self.sound, (name, "prod"))
            bring(self.sound, state, (name, "prod"))
        return name

    def disturb(self, fault: Any, at: int, times: int = 1) -> None:
        """Have a fault happen at the k-th request from now on."""
        self.wire.sent, self.wire.at, self.wire.times, self.wire.fault = 0, at, times, fault

    def look(self, name: str) -> Any:
        """Return everything that a reader sees of alias and rollouts, without what differs from run to run."""
        found = list(self.sound.list_rollouts(name))
        for id_ in ("a", "b", "again"):
            try:
                found.append(self.sound.get_rollout(name, "prod", rollout_id=id_))
            except LookupError:
                continue
        told = [
            (r.id, r.state, r.weight, r.step, r.weights, r.canary, r.skipped, r.attempt, r.judgement, r.superseded_by)
            for r in found
        ]
        return targets_of(self.sound.get_alias(name, "prod")), rows_of(self.sound, name, "prod"), told


@pytest.fixture
def stage(aws: Aws, unique_place: PlaceArguments, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Stage:
    wire, s3, dynamodb = Wire(), aws.new_s3(), aws.new_dynamodb()
    wire.join(s3, dynamodb)
    disturbed = Repository(**unique_place, s3_client=s3, dynamodb_client=dynamodb)
    disturbed.list_aliases("warm-up")
    monkeypatch.setattr(disturbed._table, "_sleep", lambda _: None)
    return Stage(repository, disturbed, wire, aws)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation_disturbed_at_any_request_has_whole_effect_or_none_and_may_be_repeated(
    stage: Stage, operation: str
) -> None:
    state, call = OPERATIONS[operation]
    name = stage.brought(state)
    before = stage.look(name)
    stage.disturb(None, 0)
    call(stage.disturbed, name)
    requests, after = stage.wire.sent, stage.look(name)
    assert after != before

    for at in range(1, requests + 1):
        for fault in (fault_wire.die_before, fault_wire.die_after):
            name, ledger = stage.brought(state), Ledger()
            stage.disturb(fault, at)
            with pytest.raises(Died):
                call(stage.disturbed, name)
            assert stage.look(name) in (before, after), f"torn by death at request {at}"
            ledger.check(stage.sound, stage.aws.dynamodb, name)
            call(stage.sound, name)
            assert stage.look(name) == after, f"repeated after death at request {at}"
            ledger.check(stage.sound, stage.aws.dynamodb, name)
        for fault, times in ((fault_wire.lose_answer, 1), (fault_wire.contend, 2)):
            name = stage.brought(state)
            stage.disturb(fault, at, times)
            call(stage.disturbed, name)
            assert stage.look(name) == after, f"{fault.__name__} at request {at} was noticed"
