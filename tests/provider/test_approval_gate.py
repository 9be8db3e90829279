"""ApprovePromotionOperator: what it shows, what each answer leads to; only what was approved is promoted."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_versioned.gates import ApprovePromotionOperator
from airflow_provider_versioned.operators import PromoteAliasOperator
from airflow_provider_versioned.repository.errors import AliasNotFoundError, ArtifactNotFoundError, ConflictError
from tests.provider.asking import ANN, AT, Desk, desk
from tests.servers import MOTO

if TYPE_CHECKING:
    from airflow_provider_versioned.repository import Repository
    from tests.provider.conftest import FakeRun
    from tests.servers import Aws

pytestmark = pytest.mark.backends(MOTO)

BY_ANN = {"approved_by": "Ann Lee (ann)", "approved_at": AT.isoformat(), "comment": None}


@pytest.fixture
def model(connection: Repository) -> Repository:
    """A repository whose alias ``prod`` is at version 1 of three."""
    for number, content in enumerate((b"one", b"two" * 1000, b"three"), start=1):
        connection.publish_artifact_version("model", content=content, published_by=f"job|{number}")
    connection.put_alias("model", "prod", 1, changed_by="the *beginning*", reason="[first](http://evil)")
    return connection


@pytest.fixture
def people(run: FakeRun, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Who is asked."""
    return desk(run, monkeypatch)


def gate(**arguments: Any) -> ApprovePromotionOperator:
    """Make the gate."""
    return ApprovePromotionOperator(
        **{"task_id": "approve", "name": "model", "alias": "prod", "version": "2", **arguments}
    )


def promote(approval: Any, **arguments: Any) -> PromoteAliasOperator:
    """Make the promotion after it."""
    return PromoteAliasOperator(
        **{"task_id": "promote", "name": "model", "alias": "prod", "version": "2", "approval": approval, **arguments}
    )


def test_question_shows_where_the_alias_is_and_would_be_and_the_versions(model: Repository, people: Desk) -> None:
    question = people.asks(gate())

    assert question["subject"] == "Promote prod of model: 1 -> 2?"
    first, second = (model.get_artifact_version("model", version) for version in (1, 2))
    rows = question["body"].splitlines()
    assert rows[0] == "| version | now | then | published | by | size | sha256 |"
    assert rows[2] == f"| 1 | 100 % | - | {first.update_at:%Y-%m-%d %H:%M:%SZ} | job\\|1 | 3 B | {first.sha256} |"
    assert rows[3] == f"| 2 | - | 100 % | {second.update_at:%Y-%m-%d %H:%M:%SZ} | job\\|2 | 3.0 kB | {second.sha256} |"
    assert "by the \\*beginning\\* (reason: \\[first\\](http://evil))" in question["body"]
    assert (question["options"], question["defaults"]) == (["Approve", "Reject"], ["Reject"])


def test_question_shows_what_was_reported_of_the_use(model: Repository, people: Desk) -> None:
    model.record_outcomes("model", model.get_alias("model", "prod"), 1, successes=98, failures=2)

    assert "| 1 | 100 | 2 | 2.00% |" in people.asks(gate())["body"]


def test_words_of_the_author_stand_above_the_facts(model: Repository, people: Desk) -> None:
    question = people.asks(gate(subject="Really?", body="Look at **the numbers**."))

    assert question["subject"] == "Really?"
    assert question["body"].startswith("Look at **the numbers**.\n\n| version |")
    assert model.get_alias("model", "prod").version == "1"


def test_approval_names_who_when_and_what_and_the_promotion_keeps_it(
    model: Repository, people: Desk, run: FakeRun
) -> None:
    operator = gate()
    people.asks(operator)
    result = people.answered(operator, "Approve", " looks right ")

    approval = {**BY_ANN, "comment": "looks right"}
    split = {"secondary_version": None, "secondary_version_weight": None}
    revision = model.get_alias("model", "prod").revision
    what = {"name": "model", "alias": "prod", "version": "2", **split, "revision": revision}
    assert json.loads(json.dumps(result)) == {"approved": True, **approval, **what}

    run.execute(promote(result))
    assert next(iter(model.list_alias_history("model", "prod"))).approval == approval


def test_promotion_refuses_when_the_alias_was_moved_after_the_question(
    model: Repository, people: Desk, run: FakeRun
) -> None:
    operator = gate()
    people.asks(operator)
    model.put_alias("model", "prod", 3, changed_by="bob")
    result = people.answered(operator, "Approve")

    with pytest.raises(AirflowFailException, match="bob moved it") as refused:
        run.execute(promote(result))
    assert isinstance(refused.value.__cause__, ConflictError)
    assert model.get_alias("model", "prod").version == "3"


def test_promotion_refuses_another_version_than_the_approved_one(model: Repository, people: Desk, run: FakeRun) -> None:
    operator = gate()
    people.asks(operator)
    result = people.answered(operator, "Approve")

    with pytest.raises(AirflowFailException, match="approved version 2 of 'prod' of 'model'"):
        run.execute(promote(result, version="3"))
    assert model.get_alias("model", "prod").version == "1"


def test_split_is_shown_and_promoted_as_approved(model: Repository, people: Desk, run: FakeRun) -> None:
    operator = gate(weight="25")
    assert people.asks(operator)["subject"] == "Promote prod of model: 1 -> 1 (75 %) + 2 (25 %)?"
    result = people.answered(operator, "Approve")

    run.execute(promote(result, version=1, secondary_version=2, secondary_version_weight=25))
    assert model.get_alias("model", "prod").secondary_version_weight == 25


def test_rejection_fails_the_task_for_good_with_the_words_of_the_person(model: Repository, people: Desk) -> None:
    operator = gate()
    people.asks(operator)

    with pytest.raises(AirflowFailException, match=r"Ann Lee \(ann\) chose 'Reject': too risky"):
        people.answered(operator, "Reject", "too risky")
    assert model.get_alias("model", "prod").version == "1"


@pytest.mark.usefixtures("model")
def test_rejection_that_skips_leaves_no_approval_to_promote_with(people: Desk, run: FakeRun) -> None:
    operator = gate(on_reject="skip")
    people.asks(operator)
    result = people.answered(operator, "Reject")

    assert (result["approved"], result["approved_by"]) == (False, "Ann Lee (ann)")
    with pytest.raises(AirflowFailException, match="did not approve"):
        run.execute(promote(result))


@pytest.mark.usefixtures("model")
def test_no_answer_in_time_is_a_rejection(people: Desk) -> None:
    operator = gate(response_timeout=timedelta(hours=1))
    people.asks(operator)
    assert getattr(people.parked, "timeout", None) in {timedelta(hours=1), None}  # before 3.3 the trigger has it

    with pytest.raises(AirflowFailException, match="the time to answer was over"):
        people.answered(operator, "Reject", by=None)


def test_nobody_is_asked_when_the_alias_is_there_already(model: Repository, people: Desk, run: FakeRun) -> None:
    result = gate(version="1").execute(people.context(gate()))

    assert people.questions == []
    assert (result["approved"], result["revision"]) == (True, model.get_alias("model", "prod").revision)
    run.execute(promote(result, version="1"))
    assert len(list(model.list_alias_history("model", "prod"))) == 1


def test_first_promotion_of_an_alias_can_be_approved(model: Repository, people: Desk, run: FakeRun) -> None:
    operator = gate(alias="new")
    assert people.asks(operator)["subject"] == "Promote new of model: nothing -> 2?"
    result = people.answered(operator, "Approve")

    run.execute(promote(result, alias="new"))
    assert model.get_alias("model", "new").version == "2"


@pytest.mark.usefixtures("model")
def test_version_that_is_not_there_asks_nobody(people: Desk) -> None:
    with pytest.raises(ArtifactNotFoundError):
        gate(version="9").execute(people.context(gate()))
    with pytest.raises(AliasNotFoundError, match="create the alias with PromoteAliasOperator"):
        gate(alias="new", weight=5).execute(people.context(gate()))
    for wrong in ({"version": "None"}, {"weight": "much"}, {"on_reject": "cry"}):
        with pytest.raises(AirflowFailException):
            gate(**wrong).execute(people.context(gate()))
    assert people.questions == []


def test_version_that_the_alias_points_at_may_be_gone(model: Repository, aws: Aws, people: Desk) -> None:
    key = {"pk": {"S": "model"}, "sk": {"S": "000001"}}
    aws.dynamodb.delete_item(TableName=model.dynamodb_table_name, Key=key)

    assert "| 1 | 100 % | - | deleted | deleted |" in people.asks(gate())["body"]


@pytest.mark.usefixtures("model")
def test_gate_has_its_own_form_whatever_params_the_dag_has(people: Desk) -> None:
    with DAG("dag", params={"discount": Param(0.1)}, default_args={"retries": 7}):
        operator = gate(assigned_users=[ANN])

    question = people.asks(operator)
    assert list(question["params"]) == ["comment"]
    assert question["assigned_users"] == [ANN]
    assert (operator.retries, gate().retries) == (7, 2)
