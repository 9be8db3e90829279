"""AliasChangeNotifier: what people are told, and by whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import BaseNotifier

from airflow_provider_versioned.assets.announce import MOVE_KEY
from airflow_provider_versioned.notifications import AliasChangeNotifier, describe_move

if TYPE_CHECKING:
    from airflow.sdk import Context

    from tests.provider.conftest import FakeRun

MOVE: dict[str, Any] = {
    "name": "churn-model",
    "alias": "prod",
    "action": "put",
    "weights": {"3": 75, "4": 25},
    "previous_weights": {"3": 100},
    "changed_by": "airflow:release/run-1/promote",
    "reason": "better recall",
}


class Mail(BaseNotifier):
    """A notifier as other providers have them: a template, and a way to send."""

    template_fields = ("subject", "body")

    def __init__(self, sent: list[tuple[str, str]]) -> None:
        super().__init__()
        self.subject = "{{ alias_move.name }} has moved"
        self.body = "{{ alias_change }}!"
        self.sent = sent

    def notify(self, context: Context) -> None:
        """Send."""
        self.sent.append((self.subject, self.body))


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({}, "3 -> 3 (75 %) + 4 (25 %) by airflow:release/run-1/promote because: better recall"),
        ({"weights": {"4": 100}, "reason": None}, "3 -> 4 by airflow:release/run-1/promote"),
        ({"previous_weights": {}, "weights": {"1": 100}, "changed_by": None, "reason": None}, "nothing -> 1"),
        (
            {"action": "rollback", "previous_weights": {"3": 75, "4": 25}, "weights": {"3": 100}},
            "3 (75 %) + 4 (25 %) -> 3 (rollback) by airflow:release/run-1/promote because: better recall",
        ),
    ],
)
def test_sentence_tells_from_where_to_where_by_whom_and_why(changed: dict[str, Any], sentence: str) -> None:
    assert describe_move({**MOVE, **changed}) == f"prod of churn-model: {sentence}"


@pytest.mark.parametrize("map_index", [None, -1, 3])
def test_function_gets_the_sentence(run: FakeRun, map_index: int | None) -> None:
    context, sent = run.context("promote", map_index=map_index), list[str]()
    context["ti"].xcom_push(key=MOVE_KEY, value=MOVE)

    AliasChangeNotifier(sent.append)(context)

    assert sent == [describe_move(MOVE)]


def test_notifier_of_another_provider_finds_the_sentence_and_the_facts_in_its_templates(run: FakeRun) -> None:
    context, sent = run.context("promote"), list[tuple[str, str]]()
    context["ti"].xcom_push(key=MOVE_KEY, value=MOVE)

    AliasChangeNotifier(Mail(sent))(context)

    assert sent == [("churn-model has moved", f"{describe_move(MOVE)}!")]


def test_task_that_moved_nothing_tells_nothing(run: FakeRun) -> None:
    sent: list[str] = []

    AliasChangeNotifier(sent.append)(run.context("promote"))

    assert sent == []
