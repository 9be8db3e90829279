"""Questions about a running rollout: a gate in it, what to do when a check cannot tell, and buttons beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_versioned.gates import ApprovePromotionOperator, AskOperator, RolloutControlOperator
from airflow_provider_versioned.gates.ask import StillWaitingError
from airflow_provider_versioned.repository.rollouts.model import RolloutState
from airflow_provider_versioned.triggers.rollout_answer import RolloutAnswerTrigger
from tests.provider.asking import AT, Desk, desk
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun

pytestmark = pytest.mark.backends(MOTO)

NUMBERS = {"SequentialTest": {"verdict": "inconclusive", "detail": {"canary": {"failure_rate": 0.0123456}}}}
UNSURE = {"verdict": "inconclusive", "reason": "only 7 | of 100", "detail": NUMBERS, "weight": 25}


@pytest.fixture
def model(connection: Repository) -> Repository:
    """A repository whose alias ``prod`` gives 25 % to a canary, version 2, in rollout ``r``."""
    for content in (b"one", b"two", b"three"):
        connection.publish_artifact_version("model", content=content)
    connection.put_alias("model", "prod", 1)
    connection.start_rollout("model", "prod", 2, [25, 50], rollout_id="r", reason="better")
    connection.shift_rollout("model", "prod", 25, rollout_id="r")
    return connection


@pytest.fixture
def people(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Who is asked."""
    return desk(run, monkeypatch)


def made(operator: type[Any], **arguments: Any) -> Any:
    """Make an operator."""
    return operator(**{"task_id": "question", "name": "model", "alias": "prod", **arguments})


def state(repository: Repository) -> RolloutState:
    """Return where the rollout is."""
    return repository.get_rollout("model", "prod").state


# -- a gate in a rollout -------------------------------------------------------------------------------------------


def test_gate_in_a_rollout_shows_its_last_judgement_and_waits_for_its_end_too(model: Repository, people: Desk) -> None:
    model.record_judgement("model", "prod", UNSURE, rollout_id="r")
    question = people.asks(made(ApprovePromotionOperator, version=2, response_timeout=timedelta(hours=1)))

    assert question["subject"] == "Promote prod of model: 1 (75 %) + 2 (25 %) -> 2?"
    assert "**The check said inconclusive** at 25 %" in question["body"]
    assert "only 7 \\| of 100" in question["body"]
    assert "| SequentialTest detail canary failure\\_rate | 0.0123456 |" in question["body"]
    assert isinstance(people.parked, TaskDeferred)
    trigger = people.parked.trigger
    assert isinstance(trigger, RolloutAnswerTrigger)
    assert (trigger.rollout, trigger.defaults) == ("r", ["Reject"])
    assert trigger.deadline is not None


def test_promotion_of_a_rollout_is_bound_to_its_approval(model: Repository, people: Desk) -> None:
    gate = made(ApprovePromotionOperator, version=2)
    people.asks(gate)
    approval = people.answered(gate, "Approve", "good")

    promoted = model.promote_rollout("model", "prod", rollout_id="r", approval=approval)
    assert promoted.state is RolloutState.PROMOTED
    kept = next(iter(model.list_alias_history("model", "prod"))).approval
    assert kept == {"approved_by": "Ann Lee (ann)", "approved_at": AT.isoformat(), "comment": "good"}


def test_gate_whose_rollout_is_promoted_by_other_means_needs_no_answer(model: Repository, people: Desk) -> None:
    gate = made(ApprovePromotionOperator, version=2)
    people.asks(gate)
    model.promote_rollout("model", "prod", rollout_id="r", changed_by="bob")

    assert people.resumed(gate, {"ended": "rollout 'r' ended"})["approved_by"].startswith("nobody")


def test_gate_whose_rollout_is_aborted_fails_for_good(model: Repository, people: Desk) -> None:
    gate = made(ApprovePromotionOperator, version=2)
    people.asks(gate)
    model.abort_rollout("model", "prod", rollout_id="r")

    with pytest.raises(AirflowFailException, match="too late, so nothing was approved: rollout 'r' was rolled back"):
        people.resumed(gate, {"ended": "rollout 'r' was rolled back"})


def test_gate_for_a_version_that_no_rollout_brings_waits_for_the_answer_alone(model: Repository, people: Desk) -> None:
    assert model.get_rollout("model", "prod").canary == "2"
    people.asks(made(ApprovePromotionOperator, version=3))

    assert not isinstance(getattr(people.parked, "trigger", None), RolloutAnswerTrigger)


# -- asking when a check cannot tell -------------------------------------------------------------------------------


def test_question_shows_the_judgement_and_what_was_reported(model: Repository, people: Desk) -> None:
    model.record_judgement("model", "prod", UNSURE, rollout_id="r")
    model.record_outcomes("model", model.get_alias("model", "prod"), 2, successes=6, failures=1)
    question = people.asks(made(AskOperator))

    assert question["subject"] == "prod of model: what shall become of version 2 at 25 %?"
    assert question["options"] == ["Go on", "Roll back", "Keep waiting"]
    assert "**The check said inconclusive**" in question["body"]
    assert "| 2 | 7 | 1 | 14.29% |" in question["body"]
    other = people.asks(made(AskOperator, judgement={"verdict": "error", "reason": "no numbers"}))
    assert "**The check said error**: no numbers." in other["body"]


@pytest.mark.usefixtures("model")
def test_each_answer_leads_where_it_says(people: Desk) -> None:
    ask = made(AskOperator)
    people.asks(ask)

    assert people.answered(ask, "Go on", "fine")["option"] == "Go on"
    with pytest.raises(AirflowFailException, match="shall be rolled back: Ann Lee"):
        people.answered(ask, "Roll back")
    with pytest.raises(StillWaitingError, match="Keep waiting"):
        people.answered(ask, "Keep waiting")
    assert people.resumed(ask, {"ended": "rollout 'r' was promoted"})["option"] is None


def test_nobody_is_asked_about_a_rollout_that_is_over(model: Repository, people: Desk) -> None:
    model.abort_rollout("model", "prod", rollout_id="r")

    assert made(AskOperator).execute(people.context(made(AskOperator)))["comment"] == "no rollout is on"
    ended = made(RolloutControlOperator).execute(people.context(made(RolloutControlOperator)))["ended"]
    assert ended.startswith("rollout 'r' of version 2 for alias 'prod' of 'model' was rolled back")
    never = made(RolloutControlOperator, alias="other")
    assert never.execute(people.context(never))["ended"] == "no rollout is on"
    assert people.questions == []


# -- buttons -------------------------------------------------------------------------------------------------------


def test_each_button_does_what_it_says_in_the_name_of_the_person_and_is_offered_again(
    model: Repository, people: Desk
) -> None:
    control = made(RolloutControlOperator)
    assert people.asks(control)["options"] == ["Promote now", "Abort", "Skip step", "Freeze", "Unfreeze"]

    for button, after in (
        ("Freeze", RolloutState.FROZEN),
        ("Unfreeze", RolloutState.LIVE),
        ("Skip step", RolloutState.LIVE),
    ):
        with pytest.raises(TaskDeferred):
            people.answered(control, button, "as said")
        assert state(model) is after
    rollout = model.get_rollout("model", "prod")
    assert (rollout.skipped, rollout.skipped_by) == (True, "Ann Lee (ann)")
    assert len(people.questions) == 4


@pytest.mark.parametrize(
    ("button", "after", "version"),
    [("Promote now", RolloutState.PROMOTED, "2"), ("Abort", RolloutState.ROLLED_BACK, "1")],
)
def test_button_that_ends_the_rollout_ends_the_task_and_tells_of_the_move(
    model: Repository, people: Desk, run: FakeRun, button: str, after: RolloutState, version: str
) -> None:
    control = made(RolloutControlOperator)
    people.asks(control)
    context = people.context(control)
    event = {"chosen_options": [button], "params_input": {"comment": "now"}, "responded_at": AT}
    result = control.execute_complete(context, {**event, "responded_by_user": {"id": "ann", "name": "Ann Lee"}})

    change = next(iter(model.list_alias_history("model", "prod")))
    assert (state(model), change.version, change.changed_by) == (after, version, "Ann Lee (ann)")
    assert f"{button}: now" in str(change.reason)
    assert (change.approval is not None) is (button == "Promote now")
    [answer] = result["answers"]
    assert (answer["option"], answer["by"], answer["refused"]) == (button, "Ann Lee (ann)", None)
    [told] = run.told(control, context)
    assert (told.extra["version"], told.extra["changed_by"]) == (version, "Ann Lee (ann)")


def test_button_that_cannot_be_is_refused_and_the_next_question_comes(model: Repository, people: Desk) -> None:
    model.abort_rollout("model", "prod", rollout_id="r")
    model.start_rollout("model", "prod", 3, [10], rollout_id="s")
    control = made(RolloutControlOperator)
    people.asks(control)

    with pytest.raises(TaskDeferred):
        people.answered(control, "Skip step")

    assert not model.get_rollout("model", "prod").skipped
    [answer] = people.run.xcoms["question", "answers"]
    assert "ailed" in answer["refused"] or "cannot" in answer["refused"]


def test_buttons_never_steer_another_rollout_than_theirs(model: Repository, people: Desk) -> None:
    control = made(RolloutControlOperator)
    people.asks(control)
    model.abort_rollout("model", "prod", rollout_id="r")
    model.start_rollout("model", "prod", 3, [10], rollout_id="s")

    result = people.answered(made(RolloutControlOperator), "Promote now")

    assert (state(model), model.get_alias("model", "prod").version) == (RolloutState.LIVE, "1")
    assert result["answers"][0]["refused"]
    assert result["ended"]


# -- buttons whose task died -----------------------------------------------------------------------------------------


def died(model: Repository, people: Desk) -> RolloutControlOperator:
    """Ask, die, and begin the next try."""
    control = made(RolloutControlOperator)
    people.asks(control)
    retried: RolloutControlOperator = made(RolloutControlOperator)
    people.parks(retried, people.context(retried, try_number=2))
    assert (len(people.questions), people.parked.trigger.asked) == (1, False)
    return retried


def left_over(option: str, at: datetime) -> dict[str, Any]:
    event = {"chosen_options": [option], "params_input": {}, "responded_by_user": {"id": "ann", "name": "Ann Lee"}}
    return {**event, "responded_at": at, "left_over": True}


def test_answer_of_a_try_that_died_is_applied_by_the_next(model: Repository, people: Desk) -> None:
    retried = died(model, people)

    result = people.resumed(retried, left_over("Abort", datetime.now(UTC)))

    assert state(model) is RolloutState.ROLLED_BACK
    assert [(answer["option"], answer["refused"]) for answer in result["answers"]] == [("Abort", None)]


def test_step_is_skipped_by_the_next_try_only_if_it_had_begun_before_the_answer(
    model: Repository, people: Desk
) -> None:
    retried, at = died(model, people), datetime.now(UTC)
    model.shift_rollout("model", "prod", 50, rollout_id="r")

    with pytest.raises(TaskDeferred):
        people.resumed(retried, left_over("Skip step", at))
    assert not model.get_rollout("model", "prod").skipped
    assert people.run.xcoms["question", "answers"][0]["refused"].startswith("another step has begun since")
    # All other buttons mean the rollout, whatever step it is at.
    with pytest.raises(TaskDeferred):
        people.resumed(retried, left_over("Freeze", at))
    assert state(model) is RolloutState.FROZEN
    with pytest.raises(TaskDeferred):
        people.resumed(retried, left_over("Skip step", datetime.now(UTC)))
    assert model.get_rollout("model", "prod").skipped


def test_answer_from_before_the_rollout_began_is_not_applied(model: Repository, people: Desk) -> None:
    retried, before = died(model, people), model.get_rollout("model", "prod").began_at - timedelta(seconds=1)

    with pytest.raises(TaskDeferred):
        people.resumed(retried, left_over("Promote now", before))

    assert state(model) is RolloutState.LIVE
    assert len(people.questions) == 2


def test_next_try_asks_what_the_one_that_died_did_not(model: Repository, people: Desk) -> None:
    retried = died(model, people)

    with pytest.raises(TaskDeferred) as deferred:
        people.resumed(retried, {"unasked": True})

    assert (len(people.questions), deferred.value.trigger.asked) == (2, True)


@pytest.mark.usefixtures("model")
def test_cleared_task_asks_anew(people: Desk) -> None:
    control = made(RolloutControlOperator)
    context = people.context(control, try_number=2)
    context["ti"].max_tries = 2 + control.retries - 1  # as Airflow does when it clears a task

    people.parks(control, context)

    assert (len(people.questions), people.parked.trigger.asked) == (1, True)


@pytest.mark.usefixtures("model")
def test_buttons_wait_until_the_task_that_they_are_told(people: Desk) -> None:
    people.asks(made(RolloutControlOperator, until_task_id="group.end", poke_interval=3, aws_conn_id="aws_default"))

    trigger = people.parked.trigger
    assert trigger.until == {"dag_id": "dag", "run_id": "run-1", "task_id": "group.end", "map_index": -1}
    path, arguments = trigger.serialize()
    assert path == "airflow_provider_versioned.triggers.rollout_answer.RolloutAnswerTrigger"
    assert RolloutAnswerTrigger(**arguments).serialize() == (path, arguments)
    assert (arguments["rollout"], arguments["poke_interval"]) == ("r", 3)
